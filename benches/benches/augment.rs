//! Augmentation, in pictures (elements) a second on one thread.
#![allow(missing_docs, clippy::print_stdout)]

mod common;

use common::criterion;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use minibatch_benches::{digits, fused};
use minibatch_data::Row;
use minibatch_kernels::{AffineMap, Canvas, Elastic, PictureShape, Smoothing};

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

criterion_group! {
    name = benches;
    config = criterion(10, 1000);
    targets = pictures
}
criterion_main!(benches);
