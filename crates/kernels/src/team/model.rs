//! The protocols of the team and of the exchange, in every order: loom runs each of these programs once for every way in
//! which its threads can take turns and see each other's writes, and reports a race, a deadlock or a wrong value in any of them. (In
//! those with few preemptions, which are enough for every known kind of mistake in a protocol this size.)
//!
//! `cargo xtask ci --only loom`, or `RUSTFLAGS="--cfg loom" cargo test -p minibatch-kernels --lib model`.

use super::exchange::{Exchange, Member};
use super::phase::{LEFT_BEHIND, Shared, Team};
use super::sync::{Ordering, PATIENCE, UnsafeCell};
use crate::matrix::Matrix;
use crate::simd::Isa;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Once};

/// Runs `program` in every order with at most so many switches away from a thread that could have gone on.
fn every_order(preemptions: usize, program: impl Fn() + Send + Sync + 'static) {
    // Expected panics are quiet.
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.payload().downcast_ref() != Some(&LEFT_BEHIND) {
                report(info);
            }
        }));
    });
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(program);
}

/// In every order: a session of `members` whose driver runs `program`.
fn session(members: usize, program: impl Fn(&Shared) + Send + Sync + 'static) {
    // Three threads have far more orders than two.
    every_order(if members > 2 { 1 } else { 3 }, move || {
        let shared = Arc::new(Shared::new(members));
        let seen = shared.current();
        let serve = |member| {
            let shared = Arc::clone(&shared);
            loom::thread::spawn(move || shared.serve(member, seen))
        };
        let workers: Vec<_> = (1..members).map(serve).collect();
        program(&shared);
        shared.end();
        workers.into_iter().for_each(|worker| worker.join().expect("a worker returns"));
    });
}

/// The number that leaves `run` in a panic.
fn thrown(run: impl FnOnce()) -> Option<u32> {
    let panic: Box<dyn Any + Send> = catch_unwind(AssertUnwindSafe(run)).err()?;
    Some(*panic.downcast().expect("our own payload"))
}

fn throw(number: u32) -> ! {
    resume_unwind(Box::new(number))
}

/// Phases of so many pieces, one after the other. Every piece runs once, sees what the driver wrote before, and is seen by
/// the driver after.
fn phases(members: usize, pieces: &'static [usize]) {
    session(members, move |shared| {
        let input = UnsafeCell::new(0);
        let outputs: Vec<_> = (0..members).map(|_| UnsafeCell::new(0)).collect();
        let (input, outputs) = (Exclusive(input), Exclusive(outputs));
        let mut expected = vec![0; members];
        for (round, &pieces) in (1..).zip(pieces) {
            // SAFETY: loom checks that no other thread is at it, here and below.
            input.get().with_mut(|input| unsafe { *input = round });
            shared.phase(pieces, &|piece, _| {
                let input = input.get().with(|input| unsafe { *input });
                outputs.get()[piece].with_mut(|output| unsafe { *output += input });
            });
            expected[..pieces].iter_mut().for_each(|expected| *expected += round);
            for (output, expected) in outputs.get().iter().zip(&expected) {
                assert_eq!(output.with(|output| unsafe { *output }), *expected);
            }
        }
    });
}

/// Cells that several threads reach, one at a time if the protocol is right: that is what loom checks.
struct Exclusive<T>(T);

// SAFETY: loom's cells check every access.
unsafe impl<T> Sync for Exclusive<T> {}

impl<T> Exclusive<T> {
    fn get(&self) -> &T {
        &self.0
    }
}

#[test]
fn two_members_run_phase_after_phase() {
    phases(2, &[2, 2]);
}

#[test]
fn a_member_may_sit_phases_out() {
    phases(3, &[3, 2]);
}

#[test]
fn a_panic_of_any_piece_reaches_the_driver_and_the_session_goes_on() {
    for at in 0..2 {
        session(2, move |shared| {
            let panics = |piece: usize, _: &mut _| {
                if piece == at {
                    throw(at as u32);
                }
            };
            assert_eq!(thrown(|| _ = shared.phase(2, &panics)), Some(at as u32));
            shared.phase(2, &|_, _| {});
        });
    }
}

#[test]
fn workers_that_are_called_answer_or_are_late_for_nothing() {
    session(2, |shared| {
        let ran = loom::sync::atomic::AtomicU64::new(0);
        // Whether it answers in time or not.
        shared.call(std::time::Duration::ZERO);
        shared.call(PATIENCE);
        shared.phase(2, &|_, _| {
            ran.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(ran.into_inner(), 2);
    });
}

/// Rounds of an exchange of one line from each of two members.
fn rounds(member: &Member<'_>, rounds: u32) {
    let mut matrix = Matrix::zeros(1, 32);
    for round in 1..=rounds {
        let value = |member: usize| (10 * round + member as u32) as f32;
        matrix.row_mut(0)[member.columns(32)].fill(value(member.index()));
        member.send(&matrix, 1);
        member.receive(&mut matrix, 1);
        assert!((0..2).all(|other| matrix.row(0)[16 * other] == value(other)), "round {round}");
    }
}

/// Runs `program` as a member, in a thread of its own: loom's wake-ups also reach a thread that waits for another's end, so
/// that must not be a member.
fn in_a_thread(
    exchange: &Arc<Exchange>,
    index: usize,
    program: impl FnOnce(&Member<'_>) + 'static,
) -> loom::thread::JoinHandle<()> {
    let exchange = Arc::clone(exchange);
    loom::thread::spawn(move || exchange.take_part(index, Isa::PORTABLE, program))
}

#[test]
fn members_see_each_round_of_each_other() {
    every_order(2, || {
        let exchange = Arc::new(Exchange::new(2, 1, 32));
        let members = [0, 1].map(|index| in_a_thread(&exchange, index, |member| rounds(member, 3)));
        members.into_iter().for_each(|member| member.join().expect("a member ends"));
    });
}

#[test]
fn members_agree_whether_they_are_hindered() {
    // loom thinks that every wait was long; so whether there is one depends on the order.
    every_order(1, || {
        let mut exchange = Exchange::new(2, 1, 32);
        exchange.set_patience(std::time::Duration::ZERO);
        let exchange = Arc::new(exchange);
        let answers: [_; 2] = std::array::from_fn(|_| Arc::new(loom::sync::atomic::AtomicU64::new(0)));
        let members = [0, 1].map(|index| {
            let answer = Arc::clone(&answers[index]);
            in_a_thread(&exchange, index, move |member| {
                for round in 0..3 {
                    rounds(member, 1);
                    answer.fetch_or(u64::from(member.is_hindered()) << round, Ordering::Relaxed);
                }
            })
        });
        members.into_iter().for_each(|member| member.join().expect("a member ends"));
        let [first, second] = answers.map(|answer| answer.load(Ordering::Relaxed));
        assert_eq!(first, second);
    });
}

#[test]
fn who_waits_for_a_member_that_has_left_is_told() {
    every_order(2, || {
        let exchange = Arc::new(Exchange::new(2, 1, 32));
        let other = in_a_thread(&exchange, 1, |member| rounds(member, 1));
        let waits = in_a_thread(&exchange, 0, |member| {
            rounds(member, 1);
            let left = catch_unwind(AssertUnwindSafe(|| member.largest(1.0)));
            assert_eq!(left.expect_err("nobody sends").downcast_ref(), Some(&LEFT_BEHIND));
        });
        [other, waits].into_iter().for_each(|member| member.join().expect("a member ends"));
    });
}

#[test]
fn a_panic_while_the_other_member_waits_is_the_one_that_arrives() {
    for at in 0..2 {
        session(2, move |shared| {
            let team = Team::new(shared, Isa::PORTABLE, None);
            let program = |member: &Member<'_>, _: &mut ()| {
                if member.index() == at {
                    throw(7);
                }
                rounds(member, 1);
            };
            let mut exchange = Exchange::new(2, 1, 32);
            assert_eq!(thrown(|| team.together(&mut exchange, &mut [(), ()], program)), Some(7));
        });
    }
}
