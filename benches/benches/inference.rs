//! Inference in samples (elements) a second: one example at a time and the whole test set, from bytes and from numbers, on one
//! and two threads.
//!
//! Beside each network stands the time that it would take if all its multiply-adds, zeros included, ran at the peak measured in
//! this run. A faster inference leaves zeros out.
#![allow(missing_docs, clippy::print_stdout)]

mod common;

use common::criterion;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use minibatch::activation::{Relu, Softmax};
use minibatch::cost::CategoricalCrossEntropy;
use minibatch::{Dataset, Initializer, Mat, Network, Predictor, Row};
use minibatch_benches::{THREADS, digits, fma_peak, fused, matrix, plural, pool, random};

/// The tutorial's network and a larger one.
fn networks() -> [(&'static str, Network); 2] {
    let large = Network::builder(784).layer_with(512, Relu).layer_with(512, Relu).layer_with(10, Softmax);
    let large = large.cost(CategoricalCrossEntropy).initializer(Initializer::FanInNormal);
    [
        ("784-32-10", Network::builder(784).layer(32).layer(10).build().expect("a network")),
        ("784-512-512-10", large.build().expect("a network")),
    ]
}

/// The images' bytes, one after the other.
fn bytes(data: &Dataset) -> Vec<u8> {
    let image = |i| match data.input(i) {
        Row::Bytes(bytes) => bytes,
        Row::Floats(_) => &[],
    };
    (0..data.len()).flat_map(image).copied().collect()
}

/// Predicts every image in turn, so that the time is the mean over all of them.
fn one_at_a_time(criterion: &mut Criterion) {
    let (sets, what) = digits();
    let (images, pixels, noise) = (bytes(&sets.test), matrix(&sets.test), random(64, 784, 1));
    for (name, network) in networks() {
        let mut group = criterion.benchmark_group(format!("infer {name}, one at a time, {what}"));
        group.throughput(Throughput::Elements(1));
        for isa in fused() {
            let mut predictor = Predictor::new(network.clone(), isa);
            let mut images = images.chunks_exact(784).cycle();
            group.bench_function(format!("bytes, {isa}"), |bencher| {
                bencher.iter(|| predictor.predict(images.next().expect("endless")).map(<[f32]>::len));
            });
            for (kind, numbers) in [("numbers", &pixels), ("numbers without zeros", &noise)] {
                let mut rows = (0..numbers.rows()).cycle();
                group.bench_function(format!("{kind}, {isa}"), |bencher| {
                    bencher.iter(|| {
                        let row = numbers.row(rows.next().expect("endless"));
                        predictor.predict(row).map(<[f32]>::len)
                    });
                });
            }
        }
        group.finish();
    }
}

fn whole_set(criterion: &mut Criterion) {
    let (sets, what) = digits();
    let (images, pixels) = (bytes(&sets.test), matrix(&sets.test));
    let rows = sets.test.len();
    for (name, network) in networks() {
        let mut group = criterion.benchmark_group(format!("infer {name}, {rows} of {what}"));
        group.throughput(Throughput::Elements(rows as u64));
        for isa in fused() {
            let (peak, flops) = (fma_peak(isa), (2 * network.parameters()) as f64);
            let limit = peak * 1e6 / flops;
            println!(
                "{name} on {isa}: {peak:.0} GFLOP/s, dense at most {limit:.0} thousand a second a thread"
            );
            for threads in THREADS {
                let (pool, plural) = (pool(isa, threads), plural(threads));
                group.bench_function(format!("evaluate bytes, {isa}, {plural}"), |bencher| {
                    bencher.iter(|| network.evaluate(&pool, &sets.test).expect("784 inputs"));
                });
                group.bench_function(format!("predict bytes, {isa}, {plural}"), |bencher| {
                    bencher.iter(|| network.predict(&pool, &images).expect("784 inputs"));
                });
                group.bench_function(format!("predict numbers, {isa}, {plural}"), |bencher| {
                    let pixels: Mat<'_> = pixels.view();
                    bencher.iter(|| network.predict(&pool, pixels).expect("784 inputs"));
                });
            }
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = criterion(10, 1000);
    targets = one_at_a_time, whole_set
}
criterion_main!(benches);
