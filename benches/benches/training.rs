//! Training in samples (elements) a second: steps and epochs of the default network, steps of a larger one, on one and two
//! threads.
#![allow(missing_docs, clippy::print_stdout)]

mod common;

use common::criterion;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use minibatch::{Dataset, Isa, Network, Settings, Trainer};
use minibatch_benches::{THREADS, digits, fused, plural, pool};
use std::time::Instant;

/// A network of sigmoid layers and its minibatch.
struct Job {
    sizes: &'static [usize],
    batch_size: usize,
    learning_rate: f64,
}

/// The tutorial's job.
const DEFAULT: Job = Job { sizes: &[784, 32, 10], batch_size: 16, learning_rate: 3.0 };

const LARGE: Job = Job { sizes: &[784, 512, 512, 10], batch_size: 128, learning_rate: 0.1 };

impl Job {
    fn network(&self) -> Network {
        let layers = self.sizes[1..].iter();
        layers.fold(Network::builder(self.sizes[0]), |b, &n| b.layer(n)).build().expect("a network")
    }

    fn settings(&self) -> Settings {
        let &Job { batch_size, learning_rate, .. } = self;
        Settings { batch_size, learning_rate, ..Settings::default() }
    }

    fn name(&self) -> String {
        let sizes: Vec<String> = self.sizes.iter().map(usize::to_string).collect();
        format!("{} B={}", sizes.join("-"), self.batch_size)
    }
}

/// Takes steps, one after the other through as many epochs as needed. Entering the pool is shared by all of a sample, as in a
/// run.
fn steps(group: &mut BenchmarkGroup<'_, WallTime>, job: &Job, data: &Dataset, isa: Isa, threads: usize) {
    group.throughput(Throughput::Elements(job.batch_size as u64));
    group.bench_function(format!("step, {isa}, {}", plural(threads)), |bencher| {
        let pool = pool(isa, threads);
        let mut trainer =
            Trainer::new(&pool, data, job.network(), job.settings()).expect("data that fit the network");
        let per_epoch = data.len().div_ceil(job.batch_size);
        bencher.iter_custom(|iterations| {
            let mut left = iterations as usize;
            let started = Instant::now();
            while left > 0 {
                let to_come = per_epoch - trainer.position().div_ceil(job.batch_size);
                trainer.advance(left).expect("finite costs");
                left -= to_come.min(left);
            }
            started.elapsed()
        });
    });
}

fn training(criterion: &mut Criterion) {
    let (sets, what) = digits();
    let data = &sets.train;
    println!("training: {what}, {} examples", data.len());
    for job in [DEFAULT, LARGE] {
        let mut group = criterion.benchmark_group(format!("train {}", job.name()));
        for isa in fused() {
            for threads in THREADS {
                steps(&mut group, &job, data, isa, threads);
            }
        }
        group.finish();
    }
    let mut group = criterion.benchmark_group(format!("train {}", DEFAULT.name()));
    group.throughput(Throughput::Elements(data.len() as u64)).sampling_mode(SamplingMode::Flat);
    for threads in THREADS {
        group.bench_function(format!("epoch, {}, {}", Isa::detect(), plural(threads)), |bencher| {
            let pool = pool(Isa::detect(), threads);
            let mut trainer = Trainer::new(&pool, data, DEFAULT.network(), DEFAULT.settings())
                .expect("data that fit the network");
            bencher.iter(|| trainer.epoch().expect("finite costs"));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = criterion(10, 1000);
    targets = training
}
criterion_main!(benches);
