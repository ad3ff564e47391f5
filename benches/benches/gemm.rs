//! Matrix products C ← start + A·B in GFLOP/s (criterion calls them Gelem/s): the three products of each layer of networks of
//! three sizes, and squares. They are measured on every fused instruction set and with the crates matrixmultiply and gemmkit, on
//! one and two threads. All operands are row-major. In a benchmark named *panels*, the weights are as the trainer keeps them.
//!
//! `cargo bench --bench gemm -- 16x32x784` runs those whose name contains that.
#![allow(missing_docs, clippy::print_stdout)]

mod common;

use common::criterion;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use gemmkit::Parallelism;
use minibatch_benches::{THREADS, fma_peak, fused, panels, plural, pool, random};
use minibatch_kernels::{Isa, Mat, Matrix, Start, Store, gemm};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// The product's place in a layer, and so the layout of its operands.
#[derive(Clone, Copy, PartialEq)]
enum Product {
    /// A·B: the forward product.
    Plain,
    /// A·Bᵀ: the backward product, B stored (n × k).
    Backward,
    /// C + Aᵀ·B: the update, A stored (k × m).
    Update,
}

impl Product {
    /// A and B as the product takes them, from how they are stored, and the start of C.
    fn views<'a>(self, a: Mat<'a>, b: Mat<'a>) -> (Mat<'a>, Mat<'a>, Start<'static>) {
        match self {
            Plain => (a, b, Start::Zero),
            Backward => (a, b.transposed(), Start::Zero),
            Update => (a.transposed(), b, Start::Scaled(1.0)),
        }
    }
}

/// C (m × n), depth k.
struct Shape(Product, usize, usize, usize);

use Product::{Backward, Plain, Update};

const SHAPES: [Shape; 13] = [
    // 784-32-10, B = 16: the default network. Layer 1 has no backward product.
    Shape(Plain, 16, 32, 784),
    Shape(Update, 784, 32, 16),
    Shape(Plain, 16, 10, 32),
    Shape(Backward, 16, 32, 10),
    Shape(Update, 32, 10, 16),
    // 784-512-…, B = 128.
    Shape(Plain, 128, 512, 784),
    Shape(Update, 784, 512, 128),
    Shape(Backward, 128, 512, 512),
    // …-2048-2048-…, B = 1024.
    Shape(Plain, 1024, 2048, 2048),
    Shape(Update, 2048, 2048, 1024),
    Shape(Plain, 256, 256, 256),
    Shape(Plain, 512, 512, 512),
    Shape(Plain, 1024, 1024, 1024),
];

impl Shape {
    fn name(&self) -> String {
        let &Shape(product, m, n, k) = self;
        let product = match product {
            Plain => "",
            Backward => " backward",
            Update => " update",
        };
        format!("gemm {m}x{n}x{k}{product}")
    }

    fn flops(&self) -> u64 {
        2 * (self.1 * self.2 * self.3) as u64
    }

    /// A and B as they are stored.
    fn operands(&self) -> (Matrix, Matrix) {
        let &Shape(product, m, n, k) = self;
        let (a_rows, a_cols) = if product == Update { (k, m) } else { (m, k) };
        let (b_rows, b_cols) = if product == Backward { (n, k) } else { (k, n) };
        (random(a_rows, a_cols, 1), random(b_rows, b_cols, 2))
    }
}

/// Times `work`, and keeps the shortest mean time of a call in `best`.
fn time(iterations: u64, best: &Cell<f64>, mut work: impl FnMut()) -> Duration {
    let started = Instant::now();
    for _ in 0..iterations {
        work();
    }
    let elapsed = started.elapsed();
    best.set(best.get().min(elapsed.as_secs_f64() / iterations as f64));
    elapsed
}

fn products(criterion: &mut Criterion) {
    let peaks: Vec<(Isa, f64)> = fused().into_iter().map(|isa| (isa, fma_peak(isa))).collect();
    for (isa, peak) in &peaks {
        println!("measured FMA peak of {isa}, one thread: {peak:.0} GFLOP/s");
    }
    let fastest = peaks[0].1;
    for shape in &SHAPES {
        let (a, b) = shape.operands();
        let &Shape(product, m, n, k) = shape;
        let mut group = criterion.benchmark_group(shape.name());
        group.throughput(Throughput::Elements(shape.flops()));
        if shape.flops() > 100_000_000 {
            group.sampling_mode(SamplingMode::Flat);
        }
        let best = Cell::new(f64::INFINITY);
        // Nothing was measured if the command line left the benchmark out.
        let report = |peak: f64, threads: usize| {
            let seconds = best.replace(f64::INFINITY);
            if seconds.is_finite() {
                let rate = shape.flops() as f64 / seconds * 1e-9;
                let percent = 100.0 * rate / (peak * threads as f64);
                println!(
                    "    at best {rate:.1} GFLOP/s, {percent:.0}% of the FMA peak of {}\n",
                    plural(threads)
                );
            }
        };
        for threads in THREADS {
            let ours = peaks.iter().copied().chain([(Isa::MATRIXMULTIPLY, fastest)]);
            for (isa, peak) in ours {
                // If the product is added to C, C grows by as much with every call, and stays far from overflow.
                let mut c = random(m, n, 3);
                group.bench_function(format!("{isa}, {}", plural(threads)), |bencher| {
                    pool(isa, threads).run(|team| {
                        let (a, b, start) = product.views(a.view(), b.view());
                        bencher.iter_custom(|iterations| {
                            time(iterations, &best, || gemm(team, a, b, &mut c.view_mut(), start, &Store))
                        });
                    });
                });
                report(peak, threads);
            }
            // The weights are B, and in the update C.
            let (weights, mut c) = (panels(&b), random(m, n, 3));
            let mut updated = panels(&c);
            group.bench_function(format!("{}, panels, {}", peaks[0].0, plural(threads)), |bencher| {
                pool(peaks[0].0, threads).run(|team| {
                    let stored = if product == Update { b.view() } else { weights.view() };
                    let (a, b, start) = product.views(a.view(), stored);
                    bencher.iter_custom(|iterations| {
                        time(iterations, &best, || {
                            let mut c = if product == Update { updated.view_mut() } else { c.view_mut() };
                            gemm(team, a, b, &mut c, start, &Store);
                        })
                    });
                });
            });
            report(fastest, threads);
            let (a, b, mut c) = (packed(&a), packed(&b), packed(&random(m, n, 3)));
            let parallelism = if threads == 1 { Parallelism::Serial } else { Parallelism::Rayon(threads) };
            group.bench_function(format!("gemmkit, {}", plural(threads)), |bencher| {
                use gemmkit::{MatMut, MatRef};
                bencher.iter_custom(|iterations| {
                    time(iterations, &best, || {
                        let a = match product {
                            Update => MatRef::new(&a, m, k, 1, m as isize),
                            _ => MatRef::from_row_major(&a, m, k),
                        };
                        let b = match product {
                            Backward => MatRef::new(&b, k, n, 1, k as isize),
                            _ => MatRef::from_row_major(&b, k, n),
                        };
                        let beta = if product == Update { 1.0 } else { 0.0 };
                        gemmkit::gemm(1.0, a, b, beta, MatMut::from_row_major(&mut c, m, n), parallelism);
                    })
                });
            });
            report(fastest, threads);
        }
        group.finish();
    }
}

/// The elements row by row, without padding.
fn packed(matrix: &Matrix) -> Vec<f32> {
    (0..matrix.rows()).flat_map(|row| matrix.row(row).to_vec()).collect()
}

criterion_group! {
    name = benches;
    config = criterion(10, 600);
    targets = products
}
criterion_main!(benches);
