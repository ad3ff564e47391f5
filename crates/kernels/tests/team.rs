//! The thread team as its users see it: right results over many rounds, panics that reach the caller, sessions from
//! everywhere at once. Whatever could hang runs under a watchdog.

mod common;

use common::{assert_same_bits, within_20_seconds};
use minibatch_kernels::{
    Epilogue, Exchange, Isa, Mat, MatMut, Matrix, Member, Pool, Start, Store, Team, gemm, reference,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

/// A product that is shared out among up to 16 members by columns, or by rows, and its result.
struct Job {
    a: Matrix,
    b: Matrix,
    expected: Matrix,
}

impl Job {
    fn by_columns() -> Job {
        Self::new(17, 256, 200)
    }

    fn by_rows() -> Job {
        Self::new(300, 10, 300)
    }

    fn new(m: usize, n: usize, k: usize) -> Job {
        let mut values = common::Values((m * n * k) as u64);
        let a = Matrix::from_fn(m, k, |_, _| values.next());
        let b = Matrix::from_fn(k, n, |_, _| values.next());
        let expected = reference::gemm_chain(a.view(), b.view(), |_, _| 0.0);
        Job { a, b, expected }
    }

    fn run(&self, team: &Team<'_>, epilogue: &dyn Epilogue) -> Matrix {
        let mut c = Matrix::from_fn(self.expected.rows(), self.expected.cols(), |_, _| f32::NAN);
        gemm(team, self.a.view(), self.b.view(), &mut c.view_mut(), Start::Zero, epilogue);
        c
    }

    fn check(&self, team: &Team<'_>) {
        assert_same_bits(self.run(team, &Store).view(), self.expected.view(), "a shared product");
    }
}

/// Panics, quietly, in the piece that holds element (row, col).
struct PanicAt(usize, usize);

impl Epilogue for PanicAt {
    fn finish(&self, _: Isa, part: &mut MatMut<'_>, row: usize, col: usize) {
        let PanicAt(at_row, at_col) = *self;
        if (row..row + part.rows()).contains(&at_row) && (col..col + part.cols()).contains(&at_col) {
            quiet_panic((at_row, at_col));
        }
    }
}

/// Unwinds without the panic hook's message.
fn quiet_panic(payload: (usize, usize)) -> ! {
    resume_unwind(Box::new(payload))
}

/// The payload of [`quiet_panic`] that leaves `run`.
fn payload<R>(run: impl FnOnce() -> R) -> Option<(usize, usize)> {
    let panic = catch_unwind(AssertUnwindSafe(run)).err()?;
    Some(*panic.downcast().expect("our own payload"))
}

fn pool(threads: usize) -> Pool {
    Pool::oversubscribed(Isa::detect(), threads).unwrap()
}

#[test]
fn more_members_than_cores_give_right_results() {
    within_20_seconds(|| {
        let jobs = [Job::by_columns(), Job::by_rows()];
        for threads in [1, 2, 3, 4, 8, 16] {
            pool(threads).run(|team| {
                assert_eq!(team.members(), threads);
                for round in 0..40 {
                    jobs[round % 2].check(team);
                }
            });
        }
    });
}

#[test]
fn a_panic_in_any_piece_reaches_the_caller() {
    within_20_seconds(|| {
        let (columns, rows) = (Job::by_columns(), Job::by_rows());
        for threads in [1, 2, 4, 8] {
            let pool = pool(threads);
            for i in 0..16 {
                let at = (16, i * 16);
                let found = payload(|| pool.run(|team| columns.run(team, &PanicAt(at.0, at.1))));
                assert_eq!(found, Some(at), "{threads} threads, by columns");
                let at = (i * 18, 9);
                let found = payload(|| pool.run(|team| rows.run(team, &PanicAt(at.0, at.1))));
                assert_eq!(found, Some(at), "{threads} threads, by rows");
                pool.run(|team| columns.check(team));
            }
        }
    });
}

#[test]
fn a_session_outlives_a_panic_that_its_program_catches() {
    within_20_seconds(|| {
        let job = Job::by_columns();
        pool(4).run(|team| {
            for col in (0..256).step_by(16) {
                assert_eq!(payload(|| job.run(team, &PanicAt(0, col))), Some((0, col)));
                job.check(team);
            }
        });
    });
}

#[test]
fn when_every_piece_panics_one_panic_arrives() {
    struct Always;
    impl Epilogue for Always {
        fn finish(&self, _: Isa, _: &mut MatMut<'_>, _: usize, col: usize) {
            quiet_panic((0, col));
        }
    }
    within_20_seconds(|| {
        let (pool, job) = (pool(4), Job::by_columns());
        for _ in 0..50 {
            assert!(payload(|| pool.run(|team| job.run(team, &Always))).is_some());
            pool.run(|team| job.check(team));
        }
    });
}

#[test]
fn a_panic_of_the_program_ends_the_session() {
    within_20_seconds(|| {
        let job = Job::by_columns();
        for threads in [1, 2, 4] {
            let pool = pool(threads);
            for round in 0..50 {
                let found = payload(|| {
                    pool.run(|team| {
                        if round % 2 == 0 {
                            job.check(team);
                        }
                        quiet_panic((round, 0));
                    })
                });
                assert_eq!(found, Some((round, 0)));
            }
            pool.run(|team| job.check(team));
        }
    });
}

#[test]
fn a_session_may_do_nothing() {
    within_20_seconds(|| {
        for threads in [1, 2, 4, 16] {
            let pool = pool(threads);
            for i in 0..100 {
                assert_eq!(pool.run(|_| i), i);
            }
        }
        drop(pool(4));
    });
}

#[test]
fn parked_members_wake_up() {
    within_20_seconds(|| {
        let (pool, job) = (pool(3), Job::by_columns());
        pool.run(|team| {
            for round in 0..60 {
                job.check(team);
                std::thread::sleep(Duration::from_micros(round * 100));
            }
        });
        std::thread::sleep(Duration::from_millis(20));
        pool.run(|team| job.check(team));
    });
}

#[test]
fn sessions_from_several_threads_take_turns() {
    within_20_seconds(|| {
        for threads in [1, 2, 4] {
            let (pool, job) = (pool(threads), Job::by_columns());
            std::thread::scope(|scope| {
                for caller in 0..4 {
                    let (pool, job) = (&pool, &job);
                    scope.spawn(move || {
                        for round in 0..40 {
                            if (round + caller) % 8 == 0 {
                                assert_eq!(
                                    payload(|| pool.run(|team| job.run(team, &PanicAt(3, 100)))),
                                    Some((3, 100))
                                );
                            }
                            pool.run(|team| job.check(team));
                        }
                    });
                }
            });
        }
    });
}

/// A caller that is a rayon thread steals work while it waits, and what it steals may want the same pool.
#[test]
fn sessions_from_rayon_threads_take_turns() {
    within_20_seconds(|| {
        let (pool, job) = (pool(3), Job::by_columns());
        let callers = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        callers.scope(|scope| {
            for _ in 0..200 {
                scope.spawn(|_| pool.run(|team| job.check(team)));
            }
        });
    });
}

#[test]
fn pools_nest() {
    /// Runs a session on another pool from inside a piece.
    struct Nested(Arc<Pool>, Arc<Job>);
    impl Epilogue for Nested {
        fn finish(&self, _: Isa, _: &mut MatMut<'_>, _: usize, _: usize) {
            self.0.run(|team| self.1.check(team));
        }
    }
    within_20_seconds(|| {
        let (outer, inner) = (pool(3), Arc::new(pool(3)));
        let job = Arc::new(Job::by_columns());
        outer.run(|team| {
            for _ in 0..10 {
                inner.run(|team| job.check(team));
                job.check(team);
                let found = job.run(team, &Nested(inner.clone(), job.clone()));
                assert_same_bits(found.view(), job.expected.view(), "around a nested session");
            }
        });
    });
}

#[test]
fn a_session_returns_what_its_program_borrows() {
    let data = vec![1.0, 2.0, 3.0];
    let view: Mat<'_> = pool(2).run(|_| Mat::row_major(&data, 1, 3));
    assert_eq!(view.get(0, 2), 3.0);
}

/// A number that looks random, the same in every run.
fn scramble(seed: u64) -> u64 {
    seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40
}

/// What a member does between two steps of a round.
type Pause<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// Rounds in which members complete a row of so many pieces of 16 columns, and find the largest of their numbers; `pause` comes
/// between.
fn rounds(member: &Member<'_>, members: usize, rounds: usize, pause: &Pause<'_>) {
    let mut matrix = Matrix::zeros(1, 16 * members);
    for round in 0..rounds {
        let value = |member: usize| (members * round + member) as f32;
        pause(round, member.index());
        matrix.row_mut(0)[member.columns(16 * members)].fill(value(member.index()));
        member.send(&matrix, 1);
        pause(round + 1, member.index());
        member.receive(&mut matrix, 1);
        assert!((0..members).all(|other| matrix.row(0)[16 * other + 15] == value(other)), "round {round}");
        assert_eq!(member.largest(value(member.index())), value(members - 1), "round {round}");
    }
}

#[test]
fn members_that_are_preempted_anywhere_exchange_the_same() {
    within_20_seconds(|| {
        for members in [2, 3, 8] {
            let pause = |round: usize, member: usize| match scramble((round * 16 + member) as u64) % 8 {
                0 => std::thread::sleep(Duration::from_micros(scramble(round as u64) % 300)),
                1 => std::thread::yield_now(),
                _ => {}
            };
            pool(members).run(|team| {
                let mut exchange = Exchange::new(members, 1, 16 * members);
                team.together(&mut exchange, &mut vec![(); members], |member, ()| {
                    rounds(member, members, 60, &pause);
                });
            });
        }
    });
}

#[test]
fn a_member_knows_how_long_another_kept_it_waiting() {
    within_20_seconds(|| {
        let late = Duration::from_millis(30);
        pool(2).run(|team| {
            let mut delays = [Duration::ZERO; 2];
            team.together(&mut Exchange::new(2, 1, 32), &mut delays, |member, delay| {
                // The second is there.
                member.largest(0.0);
                if member.index() == 1 {
                    std::thread::sleep(late);
                }
                member.largest(0.0);
                *delay = member.delay();
            });
            assert!(delays[0] >= late / 2, "{delays:?}");
        });
    });
}

#[test]
fn members_send_and_receive_in_turns() {
    let program = |misuse: fn(&Member<'_>, &mut Matrix)| {
        pool(2).run(|team| {
            team.together(&mut Exchange::new(2, 1, 32), &mut [(), ()], |member, ()| {
                misuse(member, &mut Matrix::zeros(1, 32));
            });
        });
    };
    let twice: fn(&Member<'_>, &mut Matrix) = |member, matrix| {
        member.send(matrix, 1);
        member.send(matrix, 1);
    };
    let first: fn(&Member<'_>, &mut Matrix) = |member, matrix| member.receive(matrix, 1);
    for misuse in [twice, first] {
        assert!(catch_unwind(|| program(misuse)).is_err());
    }
}

#[test]
fn a_panic_of_any_member_ends_those_that_wait_for_it() {
    within_20_seconds(|| {
        for members in [2, 3, 8] {
            let pool = pool(members);
            // Used again and again: nothing of a program that panicked is left in it.
            let mut exchange = Exchange::new(members, 1, 16 * members);
            for at in 0..members {
                // Before anyone has sent, and while the others wait to receive, or for the largest.
                for (round, wait) in [(0, 0), (1, 2), (2, 1)] {
                    let panics = |now: usize, member: usize| {
                        if (now, member) == (round + wait % 2, at) {
                            std::thread::sleep(Duration::from_millis(wait as u64));
                            quiet_panic((round, at));
                        }
                    };
                    let run = |team: &Team<'_>, exchange: &mut Exchange, pause: &Pause<'_>| {
                        team.together(exchange, &mut vec![(); members], |member, ()| {
                            rounds(member, members, 4, pause);
                        });
                    };
                    let found = payload(|| pool.run(|team| run(team, &mut exchange, &panics)));
                    assert_eq!(found, Some((round, at)), "{members} members");
                    pool.run(|team| run(team, &mut exchange, &|_, _| {}));
                }
            }
        }
    });
}
