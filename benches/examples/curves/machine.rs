//! The measured ceilings of the machine, for the model.

use minibatch_benches::{fma_peak, random};
use minibatch_kernels::{Isa, scale};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// The measured ceilings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// FLOP/s of one core.
    pub(crate) peak: f64,
    /// Bytes a second that one core reads from its second-level cache, …
    pub(crate) l2_read: f64,
    /// … and bytes of an array there that it updates in place, each read and written.
    pub(crate) l2_update: f64,
    /// Bytes a second that one core reads from beyond the second-level cache.
    pub(crate) memory_read: f64,
    /// Seconds from a flag's being set on one core to the answer's being seen there.
    pub(crate) barrier: f64,
    /// Seconds to bring a row of 784 bytes from a random place of a file in memory.
    pub(crate) row: f64,
}

/// Elements that fit a second-level cache, and not the first: 512 KiB.
const IN_L2: usize = 128 * 1024;

impl Machine {
    pub(crate) fn measure() -> Machine {
        let isa = Isa::detect();
        Machine {
            peak: fma_peak(isa) * 1e9,
            l2_read: read(IN_L2),
            l2_update: update(isa, IN_L2),
            memory_read: read(1024 * IN_L2),
            barrier: round_trip(),
            row: random_row(),
        }
    }
}

/// Bytes a second of copying an array of `elements` piece by piece over one place in the first-level cache, which is no more
/// than reading it.
fn read(elements: usize) -> f64 {
    const PIECE: usize = 256;
    let from = random(1, elements, 1);
    let mut to = [0.0; PIECE];
    best(4 * elements, || {
        for piece in from.row(0).chunks_exact(PIECE) {
            to.copy_from_slice(piece);
            black_box(&to);
        }
    })
}

/// Bytes a second of scaling a matrix of `elements` in place.
fn update(isa: Isa, elements: usize) -> f64 {
    let mut c = random(elements / 256, 256, 3);
    best(4 * elements, || scale(isa, &mut c.view_mut(), -1.0))
}

/// The best of many repetitions, in units a second.
fn best(units: usize, mut work: impl FnMut()) -> f64 {
    let mut shortest = f64::INFINITY;
    let started = Instant::now();
    while started.elapsed().as_secs_f64() < 0.3 {
        let began = Instant::now();
        work();
        shortest = shortest.min(began.elapsed().as_secs_f64());
    }
    units as f64 / shortest
}

/// The median time in which a flag goes to another thread and its answer comes back.
fn round_trip() -> f64 {
    const TRIPS: u32 = 2_000;
    const STOP: u32 = u32::MAX;
    let (there, back) = (Line(AtomicU32::new(0)), Line(AtomicU32::new(0)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut seen = 0;
            while seen != STOP {
                let now = there.0.load(Ordering::Acquire);
                if now != seen {
                    seen = now;
                    back.0.store(seen, Ordering::Release);
                }
            }
        });
        let batch = |batch: u32| {
            let began = Instant::now();
            for trip in batch * TRIPS..(batch + 1) * TRIPS {
                there.0.store(trip + 1, Ordering::Release);
                while back.0.load(Ordering::Acquire) != trip + 1 {
                    std::hint::spin_loop();
                }
            }
            began.elapsed().as_secs_f64() / f64::from(TRIPS)
        };
        let times = (0..100).map(batch).collect();
        there.0.store(STOP, Ordering::Release);
        minibatch_benches::pace::median(times)
    })
}

/// A flag on cache lines of its own.
#[repr(align(128))]
struct Line(AtomicU32);

/// Rows of 784 bytes out of 64 MiB, in an order that no prefetcher guesses.
fn random_row() -> f64 {
    const ROW: usize = 784;
    let rows = (64 << 20) / ROW;
    let bytes: Vec<u8> = (0..rows * ROW).map(|at| at as u8).collect();
    let (mut state, mut sum) = (1_u64, 0_u64);
    let rate = best(1_000, || {
        for _ in 0..1_000 {
            // Knuth's MMIX. Its high bits are the random ones.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let row = (state >> 33) as usize % rows;
            // A word of each line is enough to bring the line.
            let lines = bytes[row * ROW..(row + 1) * ROW].iter().step_by(64);
            sum += lines.map(|&byte| u64::from(byte)).sum::<u64>();
        }
    });
    black_box(sum);
    1.0 / rate
}
