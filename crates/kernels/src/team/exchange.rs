//! Members that run one program side by side and hand each other columns of a matrix.
//!
//! Opening and closing a phase of the [team](super::phase) costs a microsecond or more, because the members fetch what they need from
//! the driver's cache. A step of a small network takes only a few microseconds. So the members run the whole program inside one
//! phase ([`Team::together`]), each on data of its own. One thing passes between them: each member computes some columns of a
//! matrix, and every member needs all columns.
//!
//! # Protocol
//!
//! Exchanges are counted in **rounds**. Every member runs the same program, so the count is the same everywhere.
//!
//! ```text
//! send, round r                                    receive, round r
//!   copy my columns to my slot r mod 2               for each other member:
//!   arrived[me] = r          (release)                 wait until arrived[other] ≥ r   (acquire)
//!   wake who is parked                                 copy its columns from its slot r mod 2
//!
//! slots          r odd      r even
//! member 0     [columns]  [columns]     written by member 0, read by the others
//! member 1     [columns]  [columns]     written by member 1, read by the others
//! ```
//!
//! 1. **Two slots are enough.** A member writes slot r mod 2 again in round r + 2. By then it has received round r + 1, so all
//!    others have arrived at r + 1, and they read round r before that.
//! 2. **Nothing hangs.** A member that leaves the program, by its end or by a panic, stores `left` (release) after all that it sent. A
//!    member that still waits reads `left` (acquire), looks once more for the round, and then panics. The team passes on the panic
//!    that came first.
//! 3. **A long wait yields, then parks.** A member that has spun for `PATIENCE` is probably waiting for one that lost its core. Nobody
//!    else can run that member's program, so the waiter calls `yield_now`: two members on one core then take turns, both stay ready
//!    to run, and the scheduler moves one of them. (Members that sleep in turns look half idle to the scheduler, which leaves
//!    them together. That ran at a fifth to a half of the speed.) If a yield takes longer than a millisecond, another process took the
//!    core. The waiter then parks, in this wait and in all later ones, because the scheduler prefers a thread that wakes up to one
//!    that never slept. Yielding on cost a scheduler's turn for each exchange: minutes for a job of seconds.
//! 4. **A wake-up may be lost.** The sender looks for parked members without a fence. The fence would cost a fortieth of each step. So
//!    nobody parks for longer than a millisecond.
//! 5. **Members leave together.** A member that waited longer than the exchange's patience sends a flag with its next columns. All
//!    members read the flags of the same round, so all get the same answer from [`Member::is_hindered`] and leave after the same step.
//!
//! loom tries every order of a few rounds (`team/model.rs`).

use super::clock::Instant;
use super::phase::{Apart, LEFT_BEHIND, Pointer, Shared, Team};
use super::split::columns_of;
use super::sync::{
    AtomicBool, AtomicU64, Mutex, Ordering, PATIENCE, Thread, UnsafeCell, Wait, doze, elapsed, give_way,
    thread,
};
use crate::matrix::{Line, Matrix};
use crate::simd::{Isa, Kernel, Vector, prefetch_to_write};
use std::cell::Cell;
use std::ops::Range;
use std::sync::PoisonError;
use std::time::Duration;

/// The slots of the members of a program, and a team of one for each. Made once, used for many programs.
pub struct Exchange {
    slots: Box<[Slot]>,
    /// For each member a team of its own alone.
    alone: Box<[Shared]>,
    left: AtomicBool,
    /// How long a member waits for another before it calls itself hindered.
    patience: Duration,
    /// The longest time that a hindered member of the last program was kept waiting, in nanoseconds; 0 if none was hindered.
    lost: AtomicU64,
}

/// The flags of a member, on one cache line.
struct Arrived {
    round: AtomicU64,
    /// Whether the member was hindered before the round, for the last two rounds.
    hindered: [AtomicBool; 2],
}

/// One member's part of the exchange: the member writes it, the others read it.
struct Slot {
    arrived: Apart<Arrived>,
    columns: [Apart<UnsafeCell<Vec<Line>>>; 2],
    /// True while the member is parked.
    parked: Apart<AtomicBool>,
    thread: Mutex<Option<Thread>>,
}

impl Slot {
    /// Where the columns of a round are kept.
    fn columns(&self, round: u64) -> &UnsafeCell<Vec<Line>> {
        &self.columns[(round % 2) as usize].0
    }
}

// SAFETY: a slot's columns are written by its own member and read by others at different times, as the protocol shows;
// the rest is atomic. The teams are each used by the one thread that holds the member's piece of the phase.
unsafe impl Sync for Exchange {}

impl Exchange {
    /// For `members` that exchange matrices of up to `rows` rows and `cols` columns.
    #[must_use]
    pub fn new(members: usize, rows: usize, cols: usize) -> Exchange {
        let slot = |member| {
            let lines = columns_of(cols, members, member).len().div_ceil(Line::LEN);
            let lines = rows.checked_mul(lines).expect("an exchange must fit in memory");
            let columns = || Apart(UnsafeCell::new(vec![Line::ZERO; lines]));
            Slot {
                arrived: Apart(Arrived {
                    round: AtomicU64::new(0),
                    hindered: [AtomicBool::new(false), AtomicBool::new(false)],
                }),
                columns: [columns(), columns()],
                parked: Apart(AtomicBool::new(false)),
                thread: Mutex::new(None),
            }
        };
        Exchange {
            slots: (0..members).map(slot).collect(),
            alone: (0..members).map(|_| Shared::new(1)).collect(),
            left: AtomicBool::new(false),
            patience: Duration::from_millis(1),
            lost: AtomicU64::new(0),
        }
    }

    /// Sets how long a member waits for another before it calls itself [hindered](Member::is_hindered): at first a millisecond.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Number of members.
    pub fn members(&self) -> usize {
        self.slots.len()
    }

    /// The columns of a matrix of `cols` that `member` of `members` computes: whole cache lines of them.
    #[must_use]
    pub fn columns(cols: usize, members: usize, member: usize) -> Range<usize> {
        columns_of(cols, members, member)
    }

    /// Prepares the exchange for a program: nobody has arrived at a round.
    fn reset(&mut self) {
        self.left.store(false, Ordering::Relaxed);
        self.lost.store(0, Ordering::Relaxed);
        for Slot { arrived: Apart(arrived), .. } in &self.slots {
            arrived.round.store(0, Ordering::Relaxed);
            arrived.hindered.iter().for_each(|hindered| hindered.store(false, Ordering::Relaxed));
        }
    }

    /// Runs `program` as the member `index`. When the program ends, also by a panic, the others see that the member has left.
    pub(crate) fn take_part<R>(&self, index: usize, isa: Isa, program: impl FnOnce(&Member<'_>) -> R) -> R {
        struct Leave<'a>(&'a Exchange);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.left.store(true, Ordering::Release);
                self.0.wake();
            }
        }
        *self.slots[index].thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        let _leave = Leave(self);
        let team = Team::new(&self.alone[index], isa, None);
        program(&Member {
            index,
            exchange: self,
            team,
            round: Cell::new(0),
            received: Cell::new(0),
            strangers: Cell::new(false),
            delay: Cell::new(Duration::ZERO),
            waited_in_vain: Cell::new(false),
            hindered: Cell::new(false),
        })
    }

    /// Wakes the members that are parked. A member that is about to park may be missed.
    fn wake(&self) {
        for slot in &self.slots {
            if slot.parked.0.load(Ordering::Relaxed)
                && let Some(thread) = &*slot.thread.lock().unwrap_or_else(PoisonError::into_inner)
            {
                thread.unpark();
            }
        }
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exchange({} members)", self.members())
    }
}

/// A member of a team that runs a program together with others.
pub struct Member<'m> {
    index: usize,
    exchange: &'m Exchange,
    team: Team<'m>,
    /// The last one sent.
    round: Cell<u64>,
    /// The last one received: sent and received take turns.
    received: Cell<u64>,
    /// True once a yield gave the core to another process.
    strangers: Cell<bool>,
    delay: Cell<Duration>,
    /// True if it waited longer than the patience since it last sent.
    waited_in_vain: Cell<bool>,
    /// True once a member's flag was received.
    hindered: Cell<bool>,
}

impl std::fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Member({} of {})", self.index, self.exchange.members())
    }
}

impl Member<'_> {
    /// Which member it is, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The member alone, to compute with.
    pub fn team(&self) -> &Team<'_> {
        &self.team
    }

    /// The columns of a matrix of `cols` that this member computes: [`Exchange::columns`].
    pub fn columns(&self, cols: usize) -> Range<usize> {
        columns_of(cols, self.exchange.members(), self.index)
    }

    /// How long it has waited for others beyond what they usually lag behind, in all of the program so far: much of it where
    /// other processes take the members' cores.
    pub fn delay(&self) -> Duration {
        self.delay.get()
    }

    /// Whether a member had to wait for another longer than the exchange's patience: then the program is better left, and
    /// what remains done by one thread. After each [`receive`](Self::receive) all members have the same answer.
    pub fn is_hindered(&self) -> bool {
        self.hindered.get()
    }

    /// The largest of the members' numbers. Allocates.
    ///
    /// # Panics
    ///
    /// As for [`send`](Self::send) and [`receive`](Self::receive).
    pub fn largest(&self, number: f32) -> f32 {
        let members = self.exchange.members();
        let mut numbers = Matrix::zeros(1, members * Line::LEN);
        numbers.row_mut(0)[self.index * Line::LEN] = number;
        self.send(&numbers, 1);
        self.receive(&mut numbers, 1);
        (0..members).map(|member| numbers.row(0)[member * Line::LEN]).fold(number, f32::max)
    }

    /// Hands over this member's [`columns`](Self::columns) of the first `rows` rows of `matrix`. What it does before it calls
    /// [`receive`](Self::receive), it does while the others' are under way.
    ///
    /// All members must call it, and then [`receive`](Self::receive), for matrices of one shape, in the same order.
    ///
    /// # Panics
    ///
    /// If the matrix is larger than the exchange was made for, or the last one sent hasn't been received.
    pub fn send(&self, matrix: &Matrix, rows: usize) {
        assert_eq!(self.received.get(), self.round.get(), "what was sent last is received first");
        let round = self.round.get() + 1;
        let (own, stride) = (self.lines(self.index, matrix.cols()), matrix.line_stride());
        let mine = &self.exchange.slots[self.index];
        let from = &matrix.lines()[own.start..];
        let (to_stride, lines) = (own.len(), own.len());
        mine.columns(round).with_mut(|to| {
            // SAFETY: by the protocol, nobody reads this slot between the round before last and this round's arrival.
            let to = unsafe { &mut *to };
            self.team.isa().run(CopyLines { from, from_stride: stride, to, to_stride, rows, lines });
        });
        // Counted when it has been sent: a copy that panicked was no round.
        self.round.set(round);
        let Arrived { round: arrived, hindered } = &mine.arrived.0;
        let in_vain = self.waited_in_vain.take();
        self.hindered.set(self.hindered.get() || in_vain);
        hindered[(round % 2) as usize].store(in_vain, Ordering::Relaxed);
        arrived.store(round, Ordering::Release);
        self.exchange.wake();
    }

    /// Takes over the others' columns of the first `rows` rows: the matrix is then complete.
    ///
    /// # Panics
    ///
    /// If another member has left the program, nothing has been sent, or the matrix is smaller than what was sent.
    pub fn receive(&self, matrix: &mut Matrix, rows: usize) {
        let (round, stride) = (self.round.get(), matrix.line_stride());
        assert_eq!(self.received.get() + 1, round, "a member receives after it has sent");
        for (member, slot) in self.exchange.slots.iter().enumerate() {
            if member == self.index {
                continue;
            }
            self.wait_for(slot, round);
            if slot.arrived.0.hindered[(round % 2) as usize].load(Ordering::Relaxed) {
                self.hindered.set(true);
            }
            let theirs = self.lines(member, matrix.cols());
            let to = &mut matrix.lines_mut()[theirs.start..];
            let (lines, from_stride) = (theirs.len(), theirs.len());
            slot.columns(round).with(|from| {
                // SAFETY: its member has arrived, and by the protocol doesn't write this slot again before this member
                // arrives at the next round.
                let from = unsafe { &*from };
                self.team.isa().run(CopyLines { from, from_stride, to, to_stride: stride, rows, lines });
            });
        }
        self.received.set(round);
        // The next round's slot lies in the others' caches, which read it a round ago: it is fetched back while there is
        // something else to do.
        let mine = &self.exchange.slots[self.index];
        // SAFETY: nobody else writes this member's slots, and only the address of the lines is taken.
        let next = mine.columns(round + 1).with(|next| unsafe { (*next).as_ptr() });
        for line in 0..rows * self.lines(self.index, matrix.cols()).len() {
            prefetch_to_write(next.wrapping_add(line).cast());
        }
    }

    /// Which lines of a row of `cols` are `member`'s.
    fn lines(&self, member: usize, cols: usize) -> Range<usize> {
        let columns = columns_of(cols, self.exchange.members(), member);
        columns.start / Line::LEN..columns.end.div_ceil(Line::LEN)
    }

    fn wait_for(&self, slot: &Slot, round: u64) {
        let arrived = || slot.arrived.0.round.load(Ordering::Acquire) >= round;
        let mut wait = Wait::new();
        while !arrived() {
            if wait.look_again() > PATIENCE {
                return self.wait_longer(arrived);
            }
        }
    }

    /// The rest of a wait, beyond [`PATIENCE`].
    #[cold]
    fn wait_longer(&self, arrived: impl Fn() -> bool) {
        let began = Instant::now();
        let left = || self.exchange.left.load(Ordering::Acquire);
        let parked = &self.exchange.slots[self.index].parked.0;
        while !arrived() {
            // A member that waits in its turn yields within a twentieth of a millisecond.
            if !self.strangers.get() {
                self.strangers.set(give_way() > Duration::from_millis(1));
            } else {
                parked.store(true, Ordering::Relaxed);
                if !arrived() && !left() {
                    doze();
                }
                parked.store(false, Ordering::Relaxed);
            }
            if left() && !arrived() {
                std::panic::panic_any(LEFT_BEHIND);
            }
        }
        let waited = elapsed(began);
        self.delay.set(self.delay.get() + waited);
        if waited > self.exchange.patience {
            self.waited_in_vain.set(true);
            let lost = u64::try_from(self.delay.get().as_nanos()).unwrap_or(u64::MAX);
            self.exchange.lost.fetch_max(lost, Ordering::Relaxed);
        }
    }
}

impl Team<'_> {
    /// Runs `program` on every share at once, each on a member of its own, and returns when all have ended. There is one
    /// share for each of the exchange's members.
    ///
    /// Unlike in a phase, members wait for one another in the middle: none can do another's part.
    ///
    /// ```
    /// use minibatch_kernels::{Exchange, Isa, Matrix, Pool};
    ///
    /// // Each member writes its own columns, and all see the whole.
    /// let pool = Pool::oversubscribed(Isa::detect(), 2)?;
    /// let mut shares = [Matrix::zeros(1, 32), Matrix::zeros(1, 32)];
    /// pool.run(|team| {
    ///     team.together(&mut Exchange::new(2, 1, 32), &mut shares, |member, matrix| {
    ///         matrix.row_mut(0)[member.columns(32)].fill(member.index() as f32);
    ///         member.send(matrix, 1);
    ///         member.receive(matrix, 1);
    ///     });
    /// });
    /// assert_eq!(shares[0], shares[1]);
    /// assert_eq!((shares[0].row(0)[15], shares[0].row(0)[16]), (0.0, 1.0));
    /// # Ok::<(), minibatch_kernels::PoolError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the numbers of shares and members differ, the team is smaller, or the program panics on a member.
    pub fn together<S: Send>(
        &self,
        exchange: &mut Exchange,
        shares: &mut [S],
        program: impl Fn(&Member<'_>, &mut S) + Sync,
    ) {
        assert_eq!(shares.len(), exchange.members(), "a share for each member");
        exchange.reset();
        let (exchange, isa, members) = (&*exchange, self.isa(), shares.len());
        let shares = Pointer(shares.as_mut_ptr());
        assert!(members <= self.members(), "{members} shares for {} members", self.members());
        self.phase_together(members, |index, _| {
            // SAFETY: a phase runs each piece once, so this is the only reference to the share; there are as many.
            let share = unsafe { &mut *shares.at(index) };
            exchange.take_part(index, isa, |member| program(member, share));
        });
        let lost = exchange.lost.load(Ordering::Relaxed);
        if lost > 0 {
            self.rest(Duration::from_nanos(lost));
        }
    }
}

/// Copies `rows` rows of so many lines each; rows are a stride of lines apart.
struct CopyLines<'a> {
    from: &'a [Line],
    from_stride: usize,
    to: &'a mut [Line],
    to_stride: usize,
    rows: usize,
    lines: usize,
}

impl Kernel for CopyLines<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let CopyLines { from, from_stride, to, to_stride, rows, lines } = self;
        for row in 0..rows {
            let from = &from[row * from_stride..][..lines];
            let to = &mut to[row * to_stride..][..lines];
            for (to, from) in to.iter_mut().zip(from) {
                for at in (0..Line::LEN).step_by(V::LANES) {
                    // SAFETY: a line is a whole number of registers; the caller vouches for the instruction set.
                    unsafe { V::load(from.0.as_ptr().add(at)).store(to.0.as_mut_ptr().add(at)) };
                }
            }
        }
    }
}
