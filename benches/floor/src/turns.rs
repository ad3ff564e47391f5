//! Products and the register peak in turns of some milliseconds, so that any other work of the machine meets both.

use crate::clock::Clock;
use crate::product::Product;
use minibatch_kernels::{Isa, Pool, multiply_adds};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Seconds of a turn of the register peak on one thread.
const PEAK: f64 = 0.5e-3;

/// The most seconds of a turn of the register peak on several threads.
const LONG_PEAK: f64 = 20e-3;

/// The arithmetic of an instruction set on some threads, with nothing in its way.
pub(crate) struct Peak {
    isa: Isa,
    threads: usize,
    /// Steps of `multiply_adds` in a second.
    pace: f64,
}

impl Peak {
    pub(crate) fn new(isa: Isa, threads: usize) -> Peak {
        let mut peak = Peak { isa, threads, pace: 1e6 };
        // The first turns also take the core out of its idle state.
        for _ in 0..10 {
            let steps = peak.steps(PEAK);
            let started = Clock::Thread.now();
            multiply_adds(isa, steps);
            peak.pace = steps as f64 / (Clock::Thread.now() - started).max(1e-9);
        }
        peak
    }

    /// The number of steps that take about so long.
    fn steps(&self, seconds: f64) -> usize {
        (self.pace * seconds).clamp(10.0, 1e9) as usize
    }

    /// FLOP/s of a turn beside one of a product that takes `seconds`.
    ///
    /// On one thread it's a short turn, of CPU time. On several threads it's as long as the product's, and ends with the last of
    /// them. So a process that takes their cores takes them from both alike.
    pub(crate) fn turn(&self, seconds: f64) -> f64 {
        if self.threads == 1 {
            let started = Clock::Thread.now();
            let flop = multiply_adds(self.isa, self.steps(PEAK));
            return flop as f64 / (Clock::Thread.now() - started);
        }
        let steps = self.steps(seconds.clamp(PEAK, LONG_PEAK));
        let ready = AtomicUsize::new(0);
        let work = || {
            ready.fetch_add(1, Ordering::AcqRel);
            while ready.load(Ordering::Acquire) < self.threads {
                std::hint::spin_loop();
            }
            let started = Clock::Wall.now();
            (multiply_adds(self.isa, steps), started, Clock::Wall.now())
        };
        let all: Vec<(usize, f64, f64)> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads).map(|_| scope.spawn(work)).collect();
            let own = work();
            let others = others.into_iter().map(|other| other.join().expect("arithmetic doesn't panic"));
            others.chain([own]).collect()
        });
        let flop: usize = all.iter().map(|(flop, ..)| flop).sum();
        let first = all.iter().map(|&(_, started, _)| started).fold(f64::INFINITY, f64::min);
        let last = all.iter().map(|&(_, _, ended)| ended).fold(0.0, f64::max);
        flop as f64 / (last - first)
    }
}

/// FLOP/s of a product of so many `flop`, repeated for at least `seconds`.
pub(crate) fn turn(pool: &Pool, product: &mut Product, flop: f64, seconds: f64) -> f64 {
    let clock = Clock::of(pool.members());
    pool.run(|team| {
        let (mut calls, mut batch, started) = (0, 1, clock.now());
        loop {
            (0..batch).for_each(|_| product.compute(team));
            calls += batch;
            let elapsed = clock.now() - started;
            if elapsed >= seconds {
                return flop * f64::from(calls) / elapsed;
            }
            if elapsed < seconds / 8.0 {
                batch *= 2;
            }
        }
    })
}

/// The best of some turns.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Best(f64);

impl Best {
    pub(crate) fn take(&mut self, rate: f64) {
        self.0 = self.0.max(rate);
    }

    pub(crate) fn rate(self) -> f64 {
        self.0
    }
}
