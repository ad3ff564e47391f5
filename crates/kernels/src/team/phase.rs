//! The thread team: a driver and its workers, in step through phases.
//!
//! One thread, the **driver**, runs the program; the others wait. To compute something together the driver opens a
//! **phase**: a function and a number of **pieces**. Piece i belongs to member i (piece 0 to the driver), in every
//! phase, so that what a member touches stays in its core's cache. The driver leaves the phase when every piece is
//! done.
//!
//! Most of a session may need no phase: the workers are called when the first is opened, and a program that opens none
//! runs as if it had the machine to itself.
//!
//! # Protocol
//!
//! | word | written by | read by | says |
//! |---|---|---|---|
//! | `phase` | driver | workers | generation, counted up with every phase, and the number of pieces |
//! | `work` | driver | the thread that has claimed a piece | the function |
//! | `claimed[i]` | the thread that runs piece i | threads that want to run it | the last generation of piece i that began |
//! | `done[i]` | the thread that has run piece i | driver | the last generation of piece i that ended |
//! | `answered[i]` | worker i | driver | the last generation without pieces that it saw: it has a core |
//! | `parked[i]` | worker i | driver | it must be woken |
//!
//! ```text
//! driver                                          worker i
//!   work = function                                 wait until phase changes   (acquire)
//!   phase = (generation, pieces)   (release)        claim piece i, or go back
//!   claim and run piece 0                           run it
//!   for each other piece:                           done[i] = generation       (release)
//!     wait until done[i] = generation  (acquire)
//!     waited too long: claim and run piece i
//! ```
//!
//! A thread *claims* piece i before it runs it: it raises `claimed[i]` from an older generation to this one by
//! compare-and-swap. So exactly one thread runs each piece of each phase.
//!
//! - **Nothing dangles.** The work pointer is read only between a claim and its `done`, and the driver doesn't leave the phase
//!   (where the function lives) before every `done`: a worker that wakes up late finds its claim refused and touches
//!   nothing.
//! - **Nobody waits for a thread that hasn't begun.** After [`BEFORE_TAKEOVER`] the driver claims what is left and runs
//!   it itself: so more members than cores finish. A worker that loses its core in the middle of a piece does stall the phase.
//!   Where that happens the driver computes alone for a while ([`contention`](super::contention)).
//! - **No wake-up is lost.** Waiting is spinning for [`PATIENCE`], then parking. A worker writes `parked[i]` and then reads
//!   `phase`, the driver writes `phase` and then reads `parked[i]`, with a sequentially consistent fence between the
//!   two on both sides: one of them sees the other's write.
//! - **Nothing hangs on a panic, and nothing ends early.** A panic in a piece is caught where it happens and resumed in the
//!   driver once the phase is over; the session then ends and the workers return. Of several panics one is passed on. The
//!   payloads of the others are dropped where their panics are caught, because dropping one may panic again.
//!
//! The workers' threads come from [`pool`](super::pool). Nothing here knows of rayon, so loom can try every order of a small team's
//! steps (`team/model.rs`).

use super::clock::Instant;
use super::contention::{Contention, Next};
use super::scratch::Scratch;
use super::sync::{
    AtomicBool, AtomicU64, Mutex, Ordering, PATIENCE, Thread, UnsafeCell, Wait, fence, give_way, thread,
};
use crate::simd::Isa;
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::PoisonError;
use std::time::Duration;

/// How long the driver waits for a piece's end before it takes over the pieces nobody claimed: more than a healthy worker
/// needs to see the phase.
const BEFORE_TAKEOVER: Duration = Duration::from_micros(5);

/// How long a worker that has been called looks for a phase before it parks: the driver asks for it once it had time to wake.
const STAND_BY: Duration = Duration::from_micros(300);

/// How long the driver waits for an answer. Measured, a parked worker answers after 40 µs, one in a hundred after 140 or more.
const BEFORE_ANSWER: Duration = Duration::from_micros(100);

/// The least time that a member must have kept the driver waiting to count as a disturbance: less is no turn of another process.
const TURN: Duration = Duration::from_millis(1);

/// The most members a team can have: the phase word keeps 16 bits for them.
pub(crate) const MAX_MEMBERS: usize = 4096;

/// Number of pieces that means "the session is over".
const END: u64 = 0xffff;

/// Number of pieces that means "answer, and stand by".
const CALL: u64 = 0;

/// The panic of a member that waited for one that had left the program which both ran.
pub(super) const LEFT_BEHIND: &str = "a member of the team left the program that another still runs";

/// The function of a phase. It gets the piece's index and the buffers of that piece's member.
type Work<'a> = dyn Fn(usize, &mut Scratch) + Sync + 'a;

/// The state that the members of a team share.
#[repr(align(128))]
pub(crate) struct Shared {
    /// generation · 2¹⁶ + pieces
    phase: AtomicU64,
    work: UnsafeCell<Option<*const Work<'static>>>,
    members: Box<[Workplace]>,
    /// The first panic of a piece of this phase, and whether there is one: `done` publishes both.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    panicked: AtomicBool,
}

/// One member's flags. Those that the driver keeps looking at, those that it looks at once a phase, and the rest are on
/// lines of their own.
struct Workplace {
    done: Apart<AtomicU64>,
    claimed: Apart<AtomicU64>,
    answered: Apart<AtomicU64>,
    parked: Apart<AtomicBool>,
    thread: Mutex<Option<Thread>>,
    /// Buffers for whoever runs this member's piece.
    scratch: UnsafeCell<Scratch>,
}

/// A value on cache lines of its own: two of them, because a core may fetch a line's neighbour with it.
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);

// SAFETY: `work` is written by the driver between phases and read by claim holders within one; `scratch` is touched
// only by the thread that holds the member's claim. Everything else is atomic or locked.
unsafe impl Sync for Shared {}
// SAFETY: the work pointer is only followed within a phase, whose function is `Sync`; the rest is `Send`.
unsafe impl Send for Shared {}

impl Shared {
    pub(crate) fn new(members: usize) -> Shared {
        assert!((1..=MAX_MEMBERS).contains(&members));
        let member = |_| Workplace {
            done: Apart(AtomicU64::new(0)),
            claimed: Apart(AtomicU64::new(0)),
            answered: Apart(AtomicU64::new(0)),
            parked: Apart(AtomicBool::new(false)),
            thread: Mutex::new(None),
            scratch: UnsafeCell::new(Scratch::default()),
        };
        Shared {
            phase: AtomicU64::new(0),
            work: UnsafeCell::new(None),
            members: (0..members).map(member).collect(),
            panic: Mutex::new(None),
            panicked: AtomicBool::new(false),
        }
    }

    /// The phase word before a session's first phase: what its workers have "seen".
    pub(crate) fn current(&self) -> u64 {
        self.phase.load(Ordering::Acquire)
    }

    /// A worker's life in a session: waits for phases newer than `seen` and runs its piece of each.
    pub(crate) fn serve(&self, member: usize, mut seen: u64) {
        *self.members[member].thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        loop {
            seen = self.next_phase(member, seen);
            let (generation, pieces) = (seen >> 16, seen & 0xffff);
            if pieces == END {
                return;
            }
            if pieces == CALL {
                self.members[member].answered.0.store(generation, Ordering::Release);
            }
            if (member as u64) < pieces && self.claim(member, generation) {
                self.run_claimed(member, generation);
            }
        }
    }

    /// Ends the session: every worker returns from [`serve`](Self::serve).
    pub(crate) fn end(&self) {
        let generation = (self.phase.load(Ordering::Relaxed) >> 16) + 1;
        self.publish(generation << 16 | END, self.members.len());
    }

    fn next_phase(&self, member: usize, seen: u64) -> u64 {
        let me = &self.members[member];
        let patience = if seen & 0xffff == CALL { STAND_BY } else { PATIENCE };
        loop {
            let mut wait = Wait::new();
            loop {
                let word = self.phase.load(Ordering::Acquire);
                if word != seen {
                    return word;
                }
                if wait.look_again() > patience {
                    break;
                }
            }
            me.parked.0.store(true, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if self.phase.load(Ordering::Relaxed) == seen {
                thread::park();
            }
            me.parked.0.store(false, Ordering::Relaxed);
        }
    }

    fn publish(&self, word: u64, members: usize) {
        self.phase.store(word, Ordering::Release);
        fence(Ordering::SeqCst);
        for member in &self.members[1..members] {
            if member.parked.0.load(Ordering::Relaxed)
                && let Some(thread) = &*member.thread.lock().unwrap_or_else(PoisonError::into_inner)
            {
                thread.unpark();
            }
        }
    }

    fn claim(&self, piece: usize, generation: u64) -> bool {
        let claimed = &self.members[piece].claimed.0;
        let last = claimed.load(Ordering::Relaxed);
        last < generation
            && claimed.compare_exchange(last, generation, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Runs a piece that the calling thread has claimed.
    fn run_claimed(&self, piece: usize, generation: u64) {
        // SAFETY: the driver stays in the phase until `done` below, so the work pointer, written before the phase was
        // published, is set and its function alive.
        let work = self.work.with(|work| unsafe { &*(*work).expect("a published phase has work") });
        let run = || {
            // SAFETY: the claim makes this thread the only one on this piece and its scratch.
            self.members[piece].scratch.with_mut(|scratch| work(piece, unsafe { &mut *scratch }));
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
            // A member that was left behind only follows another's panic.
            let passed_on = first.as_ref().is_none_or(|first| first.downcast_ref() == Some(&LEFT_BEHIND));
            let other = if passed_on { first.replace(panic) } else { Some(panic) };
            drop(first);
            // A payload is a user's value, whose destructor may panic. That mustn't unwind out of a phase that others are still in;
            // nor may what it throws be dropped, for the same reason.
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(other))) {
                std::mem::forget(again);
            }
            self.panicked.store(true, Ordering::Relaxed);
        }
        self.members[piece].done.0.store(generation, Ordering::Release);
    }

    /// Calls all workers, and returns whether each has answered within `patience`. Called by the driver only.
    pub(super) fn call(&self, patience: Duration) -> bool {
        let generation = (self.phase.load(Ordering::Relaxed) >> 16) + 1;
        self.publish(generation << 16 | CALL, self.members.len());
        let mut wait = Wait::new();
        self.members[1..].iter().all(|member| {
            loop {
                if member.answered.0.load(Ordering::Acquire) == generation {
                    return true;
                }
                if wait.look_again() >= patience {
                    return false;
                }
            }
        })
    }

    /// Runs `work` on pieces `0..pieces`, one after the other. Called by the driver only.
    fn alone(&self, pieces: usize, work: &Work<'_>) {
        for (piece, member) in self.members[..pieces].iter().enumerate() {
            // SAFETY: no phase is open, so nobody else touches a member's scratch; the others needn't even look.
            member.scratch.with_mut(|scratch| work(piece, unsafe { &mut *scratch }));
        }
    }

    /// Runs `work` on pieces `0..pieces` and returns when all are done. Called by the driver only.
    ///
    /// Returns how long the driver yielded its core while it waited for pieces that others had begun.
    pub(super) fn phase(&self, pieces: usize, work: &Work<'_>) -> Duration {
        let generation = (self.phase.load(Ordering::Relaxed) >> 16) + 1;
        let work: *const Work<'_> = work;
        // SAFETY: no phase is open, so nobody reads `work`. The lifetime is erased for the time of this call only: every
        // claim of this generation has ended, and no other can be made, when it returns.
        self.work.with_mut(|place| unsafe {
            *place = Some(std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work));
        });
        self.publish(generation << 16 | pieces as u64, pieces);
        if self.claim(0, generation) {
            self.run_claimed(0, generation);
        }
        let is_done = |piece: usize| self.members[piece].done.0.load(Ordering::Acquire) == generation;
        let (mut wait, mut yielded) = (Wait::new(), Duration::ZERO);
        for piece in 1..pieces {
            while !is_done(piece) {
                let waited = wait.look_again();
                if waited > BEFORE_TAKEOVER && self.claim(piece, generation) {
                    self.run_claimed(piece, generation);
                } else if waited > PATIENCE {
                    // Its owner is at it, perhaps preempted.
                    yielded += give_way();
                }
            }
        }
        if self.panicked.load(Ordering::Relaxed) {
            self.panicked.store(false, Ordering::Relaxed);
            let panic = self.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
            resume_unwind(panic.expect("a piece left its panic"));
        }
        yielded
    }
}

/// A team in session, in the hands of its driver: what every parallel kernel is given.
///
/// Made by [`Pool::run`](super::Pool::run), whose closure is the driver's program.
pub struct Team<'s> {
    shared: &'s Shared,
    isa: Isa,
    /// Calls the workers, and whether it has. Only the driver opens phases: with these, a team is neither `Send` nor `Sync`.
    call: Option<&'s dyn Fn()>,
    called: Cell<bool>,
    /// None in a team that is always together.
    contention: Cell<Option<Contention>>,
}

impl std::fmt::Debug for Team<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Team({}, {} members)", self.isa, self.members())
    }
}

impl<'s> Team<'s> {
    /// A team whose workers come to [`serve`](Shared::serve) when they are called.
    pub(crate) fn new(shared: &'s Shared, isa: Isa, call: Option<&'s dyn Fn()>) -> Team<'s> {
        Team { shared, isa, call, called: Cell::new(false), contention: Cell::new(None) }
    }

    /// The same team, which begins with what an earlier session found out about the machine.
    pub(crate) fn with_contention(self, contention: Option<Contention>) -> Team<'s> {
        self.contention.set(contention);
        self
    }

    /// The state at this point of the session.
    pub(crate) fn contention(&self) -> Option<Contention> {
        self.contention.get()
    }

    /// The instruction set of its kernels.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Number of members, the driver included.
    pub fn members(&self) -> usize {
        self.shared.members.len()
    }

    /// Number of members that the next phase is worth sharing among: 1 while other processes need the others' cores. It
    /// changes from call to call, and never a result.
    pub fn ready(&self) -> usize {
        let Some(mut contention) = self.contention.get() else { return self.members() };
        let next = contention.next(Instant::now);
        match next {
            Next::Share => return self.members(),
            Next::Alone => return 1,
            Next::Call => {
                self.call_workers();
                self.shared.call(Duration::ZERO);
            }
            Next::Ask => contention.answered(self.shared.call(BEFORE_ANSWER), Instant::now()),
        }
        self.contention.set(Some(contention));
        if contention.is_together() { self.members() } else { 1 }
    }

    /// Takes account of time that was lost because members waited for one that had no core: the driver computes alone for a
    /// multiple of it.
    pub fn rest(&self, lost: Duration) {
        if let Some(mut contention) = self.contention.get() {
            contention.disturbed(lost, Instant::now());
            self.contention.set(Some(contention));
        }
    }

    fn call_workers(&self) {
        if let Some(call) = self.call
            && !self.called.replace(true)
        {
            call();
        }
    }

    /// Runs `work` for pieces `0..pieces`, at most one for each member, piece i on member i. No piece waits for another: the
    /// driver may run them all.
    pub(crate) fn phase(&self, pieces: usize, work: impl Fn(usize, &mut Scratch) + Sync) {
        assert!((1..=self.members()).contains(&pieces), "{pieces} pieces for {} members", self.members());
        let alone = |contention: Contention| !contention.is_together();
        if pieces == 1 || self.contention.get().is_some_and(alone) {
            self.shared.alone(pieces, &work);
        } else {
            self.phase_together(pieces, work);
        }
    }

    /// As [`phase`](Self::phase), for pieces that may wait for one another: each on a thread of its own.
    pub(crate) fn phase_together(&self, pieces: usize, work: impl Fn(usize, &mut Scratch) + Sync) {
        self.call_workers();
        let began = Instant::now();
        let yielded = self.shared.phase(pieces, &work);
        // Members whose parts of a product are larger are waited for, too.
        if yielded > TURN && yielded > 2 * (began.elapsed() - yielded) {
            self.rest(yielded);
        }
    }
}

/// A pointer that members share; each follows it to elements that are its own.
#[derive(Clone, Copy)]
pub(crate) struct Pointer<T>(pub(crate) *mut T);

// SAFETY: it is only a place; whoever follows it argues that no two members touch the same element.
unsafe impl<T> Sync for Pointer<T> {}

impl<T> Pointer<T> {
    /// Where element `i` lies.
    pub(crate) fn at(&self, i: usize) -> *mut T {
        self.0.wrapping_add(i)
    }
}
