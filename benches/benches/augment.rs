//! Augmentation: pictures (elements) a second on one core, and what it adds to steps of 784-256-10 with B = 128 on one and two threads.
#![allow(missing_docs, clippy::print_stdout)]

mod common;

use common::criterion;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use minibatch::augment::Augment;
use minibatch::{Dataset, Isa, Network, Settings, Trainer};
use minibatch_benches::{THREADS, digits, fused, plural, pool};
use minibatch_data::Row;
use minibatch_kernels::{AffineMap, Canvas, Elastic, PictureShape, Smoothing};
use std::time::Instant;

/// Single pictures, without a step around them.
fn pictures(criterion: &mut Criterion) {
    let (sets, what) = digits();
    let data = &sets.train;
    println!("augmentation: {what}, pictures of {:?}", data.example_shape());
    let shape = PictureShape::new(data.example_shape()).expect("pictures");
    let smoothing = Smoothing::new(4.5).expect("a Gaussian");
    let map = AffineMap { rows: [[0.99, 0.11, 0.3], [-0.12, 0.98, -0.4]] };
    let mut group = criterion.benchmark_group("pictures");
    group.throughput(Throughput::Elements(1));
    for isa in fused() {
        let (mut canvas, mut to) = (Canvas::new(shape), vec![0; shape.len()]);
        let mut warp = |index: usize, elastic: Option<&Elastic<'_>>| {
            let Row::Bytes(from) = data.input(index % data.len()) else { panic!("pictures of bytes") };
            canvas.warp(isa, &map, elastic, from, &mut to);
        };
        // The least of many turns, beside other processes.
        for elastic in [false, true] {
            const TURN: usize = 32;
            let mut least = f64::INFINITY;
            for turn in 0..500 {
                let started = Instant::now();
                for index in turn * TURN..(turn + 1) * TURN {
                    let counter = [2, index as u32, 0, 0];
                    let field = Elastic { alpha: 26.0, smoothing: &smoothing, key: [1, 2], counter };
                    warp(index, elastic.then_some(&field));
                }
                least = least.min(started.elapsed().as_secs_f64());
            }
            let name = if elastic { "elastic" } else { "affine" };
            println!(
                "{name}, {isa}: {:.0} pictures a second, in the least of 500 turns",
                TURN as f64 / least
            );
        }
        let mut index = 0;
        group.bench_function(format!("affine, {isa}"), |bencher| {
            bencher.iter(|| {
                index += 1;
                warp(index, None);
            });
        });
        group.bench_function(format!("elastic, {isa}"), |bencher| {
            bencher.iter(|| {
                index += 1;
                let counter = [2, index as u32, 0, 0];
                warp(index, Some(&Elastic { alpha: 26.0, smoothing: &smoothing, key: [1, 2], counter }));
            });
        });
    }
    group.finish();
}

/// The list of augmentations that each bench of a step has.
const LISTS: [&[&str]; 6] =
    [&[], &["shift"], &["affine"], &["elastic"], &["mixup"], &["elastic(26,4.5,10,6,0.1,1)", "mixup"]];

const BATCH_SIZE: usize = 128;

fn trainer(data: &Dataset, list: &[&str], threads: usize) -> Trainer {
    let augment = list.iter().map(|text| text.parse::<Augment>().expect("augmentation")).collect();
    let settings = Settings { augment, batch_size: BATCH_SIZE, learning_rate: 0.1, ..Settings::default() };
    let network = Network::builder(784).layer(256).layer(10).build().expect("a network");
    Trainer::new(&pool(Isa::detect(), threads), data, network, settings).expect("data that fit the network")
}

/// Takes so many steps, through as many epochs as needed.
fn advance(trainer: &mut Trainer, mut steps: usize) {
    while steps > 0 {
        let to_come = trainer.steps_per_epoch() - trainer.step();
        trainer.advance(steps).expect("finite costs");
        steps -= to_come.min(steps);
    }
}

/// Steps of training with and without augmentation.
fn steps(criterion: &mut Criterion) {
    let data = digits().0.train;
    for threads in THREADS {
        let mut group =
            criterion.benchmark_group(format!("step 784-256-10 B={BATCH_SIZE}, {}", plural(threads)));
        group.throughput(Throughput::Elements(BATCH_SIZE as u64));
        for list in LISTS {
            let mut trainer = trainer(&data, list, threads);
            group.bench_function(
                if list.is_empty() { "plain".to_owned() } else { list.join(" ") },
                |bencher| {
                    bencher.iter_custom(|iterations| {
                        let started = Instant::now();
                        advance(&mut trainer, iterations as usize);
                        started.elapsed()
                    });
                },
            );
        }
        group.finish();
        shares(&data, threads);
    }
}

/// Prints what each list adds to a step. All lists take a step in turn, and each is known by its least: a turn that no other process
/// has interrupted.
fn shares(data: &Dataset, threads: usize) {
    let mut trainers = LISTS.map(|list| trainer(data, list, threads));
    let mut least = [f64::INFINITY; LISTS.len()];
    for _ in 0..400 {
        for (trainer, least) in trainers.iter_mut().zip(&mut least) {
            let started = Instant::now();
            advance(trainer, 1);
            *least = least.min(started.elapsed().as_secs_f64());
        }
    }
    for (list, time) in LISTS.iter().zip(least) {
        let (list, added) =
            (if list.is_empty() { "plain".to_owned() } else { list.join(" ") }, time - least[0]);
        let (step, share) = (time * 1e6, 100.0 * added / least[0]);
        println!("{list}, {}: {step:.0} µs a step, {share:.1}% more than plain", plural(threads));
    }
}

criterion_group! {
    name = benches;
    config = criterion(10, 1000);
    targets = pictures, steps
}
criterion_main!(benches);
