//! What the machine can do: the ceilings of the model.

use minibatch_benches::{fma_peak, panels, pool, random};
use minibatch_kernels::{Isa, Matrix, Start, Store, gemm, scale};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// Ceilings, measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// FLOP/s of one core.
    pub(crate) peak: f64,
    /// Bytes a second that one core reads from its second-level cache, …
    pub(crate) l2_read: f64,
    /// … and bytes of an array there that it updates in place, each read and written.
    pub(crate) l2_update: f64,
    /// Bytes a second that one core reads from beyond it.
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
            l2_read: read(isa, IN_L2),
            l2_update: update(isa, IN_L2),
            memory_read: read(isa, 1024 * IN_L2),
            barrier: round_trip(),
            row: random_row(),
        }
    }
}

/// Bytes a second of one row times a matrix of `elements`, which does nothing but read it.
fn read(isa: Isa, elements: usize) -> f64 {
    // Whole panels of 16 columns, in which the kernels read line after line.
    let (k, n) = (elements / 256, 256);
    let (a, b, mut c) = (random(1, k, 1), panels(&random(k, n, 2)), Matrix::zeros(1, n));
    pool(isa, 1).run(|team| {
        best(4 * elements, || gemm(team, a.view(), b.view(), &mut c.view_mut(), Start::Zero, &Store))
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
    let (mut row, mut sum) = (1_usize, 0_u64);
    let rate = best(1_000, || {
        for _ in 0..1_000 {
            row = (row * 48_271) % rows;
            // A word of each line is enough to bring the line.
            sum += bytes[row * ROW..(row + 1) * ROW]
                .iter()
                .step_by(64)
                .map(|&byte| u64::from(byte))
                .sum::<u64>();
        }
    });
    black_box(sum);
    1.0 / rate
}
