//! Element-wise operations in elements a second (Gelem/s: elements a nanosecond), and the cost of an epilogue to a product. The
//! operands are the default network's hidden layer (16 × 32), where everything is in the first-level cache, and 256 × 1024, where
//! it isn't.
#![allow(missing_docs)]

mod common;

use common::criterion;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use minibatch::Activation;
use minibatch::activation::{Relu, Sigmoid};
use minibatch_benches::{fused, pool, random};
use minibatch_kernels::{
    Epilogue, Isa, MatMut, Matrix, Start, Store, add_column_sums, gemm, scale, subtract,
};
use std::time::{Duration, Instant};

/// Repetitions of an operation in place before its operand is made new. σ′ ≤ ¼, so errors are then still above the 2⁻⁹⁶ below
/// which they become 0.
const REPEATS: u64 = 40;

type Operation = fn(Isa, &mut MatMut<'_>, &Matrix);

/// Operations on C with a second operand in [0, 1).
const OPERATIONS: [(&str, Operation); 6] = [
    ("sigmoid", |isa, c, _| Sigmoid.forward(isa, c)),
    ("sigmoid backward", |isa, c, a| Sigmoid.backward(isa, c, a.view())),
    ("relu", |isa, c, _| Relu.forward(isa, c)),
    ("relu backward", |isa, c, a| Relu.backward(isa, c, a.view())),
    ("subtract", |isa, c, b| subtract(isa, c, b.view())),
    ("scale", |isa, c, _| scale(isa, c, -0.999)),
];

fn operations(criterion: &mut Criterion) {
    for (rows, cols) in [(16, 32), (256, 1024)] {
        let first = random(rows, cols, 1);
        let mut second = random(rows, cols, 2);
        Sigmoid.forward(Isa::detect(), &mut second.view_mut());
        let mut group = criterion.benchmark_group(format!("elementwise {rows}x{cols}"));
        group.throughput(Throughput::Elements((rows * cols) as u64));
        for isa in fused() {
            for (name, operation) in OPERATIONS {
                let mut c = first.clone();
                group.bench_function(format!("{name}, {isa}"), |bencher| {
                    bencher.iter_custom(|iterations| {
                        let mut elapsed = Duration::ZERO;
                        for done in (0..iterations).step_by(REPEATS as usize) {
                            c.view_mut().copy_from(first.view());
                            let started = Instant::now();
                            for _ in 0..REPEATS.min(iterations - done) {
                                operation(isa, &mut c.view_mut(), &second);
                            }
                            elapsed += started.elapsed();
                        }
                        elapsed
                    });
                });
            }
            let mut sums = vec![0.0; cols];
            group.bench_function(format!("column sums, {isa}"), |bencher| {
                bencher.iter(|| add_column_sums(isa, first.view(), &mut sums));
            });
        }
        group.finish();
    }
}

/// The sigmoid as an epilogue.
struct AsEpilogue;

impl Epilogue for AsEpilogue {
    fn finish(&self, isa: Isa, part: &mut MatMut<'_>, _: usize, _: usize) {
        Sigmoid.forward(isa, part);
    }
}

/// A layer's forward product without an activation, with it as the epilogue, and with it as a pass of its own.
fn epilogues(criterion: &mut Criterion) {
    for (m, n, k) in [(16, 32, 784), (128, 512, 784)] {
        let (a, b, bias) = (random(m, k, 1), random(k, n, 2), vec![0.1; n]);
        let mut c = Matrix::zeros(m, n);
        let mut group = criterion.benchmark_group(format!("epilogue {m}x{n}x{k}"));
        group.throughput(Throughput::Elements((m * n) as u64));
        let isa = Isa::detect();
        let mut bench = |name: &str, epilogue: &dyn Epilogue, pass: bool| {
            group.bench_function(format!("{name}, {isa}"), |bencher| {
                pool(isa, 1).run(|team| {
                    bencher.iter(|| {
                        gemm(team, a.view(), b.view(), &mut c.view_mut(), Start::Bias(&bias), epilogue);
                        if pass {
                            Sigmoid.forward(isa, &mut c.view_mut());
                        }
                    });
                });
            });
        };
        bench("bias alone", &Store, false);
        bench("bias, sigmoid as epilogue", &AsEpilogue, false);
        bench("bias, sigmoid in a second pass", &Store, true);
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = criterion(20, 300);
    targets = operations, epilogues
}
criterion_main!(benches);
