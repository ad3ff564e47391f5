//! The protocol itself, phase by phase. What users see of it: tests/team.rs.

use super::phase::{Shared, Team};
use super::pool::Pool;
use super::split::columns_of;
use crate::simd::Isa;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Runs `test` in a thread of its own: what hangs must not hang the suite.
fn within_20_seconds(test: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let _done = done;
        test();
    });
    let end = wait.recv_timeout(Duration::from_secs(20));
    assert_eq!(end, Err(RecvTimeoutError::Disconnected), "hangs");
    thread.join().expect("the rounds are right");
}

/// In each round piece i checks what its neighbour wrote in the round before, then writes its own. Every piece must
/// run once and see the whole round before.
fn rounds(threads: usize, rounds: u64, pause: impl Fn(u64)) {
    let pool = Pool::oversubscribed(Isa::PORTABLE, threads).unwrap();
    let cells: Vec<[AtomicU64; 2]> = (0..threads).map(|_| Default::default()).collect();
    pool.run(|team| {
        for round in 1..=rounds {
            // The number of pieces changes, so members that sit a phase out come back late.
            let pieces_of = |round: u64| 1 + (round * 7 / 3) as usize % threads;
            let (pieces, before) = (pieces_of(round), round - 1);
            for cell in &cells {
                cell[round as usize % 2].store(0, Ordering::Relaxed);
            }
            team.phase(pieces, |piece, _| {
                let neighbour = (piece + 1) % pieces;
                let seen = cells[neighbour][before as usize % 2].load(Ordering::Relaxed);
                let expected = if neighbour < pieces_of(before) { before } else { 0 };
                assert_eq!(seen, expected, "round {round} of {threads} threads");
                cells[piece][round as usize % 2].fetch_add(round, Ordering::Relaxed);
            });
            for (piece, cell) in cells.iter().enumerate() {
                let expected = if piece < pieces { round } else { 0 };
                assert_eq!(
                    cell[round as usize % 2].load(Ordering::Relaxed),
                    expected,
                    "piece {piece} of {pieces}"
                );
            }
            pause(round);
        }
    });
}

#[test]
fn every_piece_runs_once_in_every_phase() {
    within_20_seconds(|| [1, 2, 3, 4].into_iter().for_each(|threads| rounds(threads, 5_000, |_| {})));
}

#[test]
fn more_members_than_cores_finish() {
    within_20_seconds(|| [8, 16].into_iter().for_each(|threads| rounds(threads, 300, |_| {})));
}

#[test]
fn members_wake_from_every_state() {
    // From no pause to long after they have parked: spinning, about to park, parked.
    within_20_seconds(|| {
        rounds(3, 200, |round| std::thread::sleep(Duration::from_micros(round % 40 * 10)));
        rounds(3, 2_000, |round| (0..round % 200 * 20).for_each(|_| std::hint::spin_loop()));
    });
}

#[test]
fn packing_buffers_belong_to_one_piece_at_a_time() {
    let pool = Pool::oversubscribed(Isa::PORTABLE, 4).unwrap();
    pool.run(|team| {
        for round in 0..500 {
            team.phase(4, |piece, scratch| {
                let buffer = scratch.buffers[0].room(64);
                let mark = (round * 4 + piece) as f32;
                buffer.fill(mark);
                std::hint::black_box(&mut *buffer);
                assert!(buffer.iter().all(|&x| x == mark), "another thread wrote to piece {piece}'s buffer");
            });
        }
    });
}

#[test]
#[should_panic(expected = "3 pieces for 2 members")]
fn no_more_pieces_than_members() {
    Pool::oversubscribed(Isa::PORTABLE, 2).unwrap().run(|team| team.phase(3, |_, _| {}));
}

#[test]
fn columns_share_out_whole_lines() {
    for cols in [0, 1, 15, 16, 17, 31, 32, 33, 100, 784, 1025] {
        for members in 1..=17 {
            let mut next = 0;
            for member in 0..members {
                let columns = columns_of(cols, members, member);
                assert_eq!(columns.start, next, "member {member} of {members}, {cols} columns");
                assert!(columns.start.is_multiple_of(16) || columns.start == cols, "a line has one owner");
                assert!(
                    columns.len() <= cols.div_ceil(16).div_ceil(members) * 16,
                    "nobody has more than a fair share"
                );
                next = columns.end;
            }
            assert_eq!(next, cols);
        }
    }
}

#[test]
fn workers_are_called_once_by_the_first_phase_that_has_a_piece_for_them() {
    let (shared, calls) = (Shared::new(2), Cell::new(0));
    let call = || calls.set(calls.get() + 1);
    let team = Team::new(&shared, Isa::PORTABLE, Some(&call));
    team.phase(1, |_, _| {});
    assert_eq!(calls.get(), 0);
    // Nobody comes: the driver runs both pieces.
    let run = AtomicU64::new(0);
    for _ in 0..2 {
        team.phase(2, |piece, _| {
            run.fetch_add(1 + piece as u64, Ordering::Relaxed);
        });
    }
    assert_eq!((calls.get(), run.into_inner()), (1, 6));
}
