//! The gather: from the bytes of randomly drawn images to the operand of the first layer's products, quad by quad
//! (`SparseInputs`), in examples (elements) a second. The images are MNIST if it has been fetched, memory-mapped, else as many
//! synthetic digits in memory.
#![allow(missing_docs, clippy::print_stdout)]

mod common;

use common::criterion;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use minibatch::Dataset;
use minibatch_benches::{digits, fused, matrix};
use minibatch_data::{Row, Shuffle};
use minibatch_kernels::{Examples, Isa, SparseInputs};

/// The minibatches of endless epochs.
struct Minibatches {
    shuffle: Shuffle,
    position: usize,
    size: usize,
}

impl Minibatches {
    fn new(data: &Dataset, size: usize) -> Minibatches {
        let mut shuffle = Shuffle::new(data.len(), 0).expect("a dataset has examples");
        shuffle.begin_epoch();
        Minibatches { shuffle, position: 0, size }
    }

    /// The next whole minibatch.
    fn next(&mut self) -> &[u32] {
        if self.shuffle.minibatch(self.position, self.size).len() < self.size {
            self.position = 0;
        }
        let at = self.position;
        self.position += self.size;
        self.shuffle.minibatch(at, self.size)
    }
}

fn bytes(data: &Dataset, index: u32) -> &[u8] {
    match data.input(index as usize) {
        Row::Bytes(bytes) => bytes,
        Row::Floats(_) => &[],
    }
}

fn gather(criterion: &mut Criterion) {
    let (sets, what) = digits();
    let data = &sets.train;
    println!("gather: {what}, {} images of {} bytes", data.len(), data.input_len());
    for size in [16, 128, 1024] {
        let mut group = criterion.benchmark_group(format!("gather {size}"));
        group.throughput(Throughput::Elements(size as u64));
        let mut x = SparseInputs::new(data.input_len(), size);
        for isa in fused() {
            let mut minibatches = Minibatches::new(data, size);
            group.bench_function(format!("bytes, {isa}"), |bencher| {
                bencher.iter(|| {
                    let indices = minibatches.next();
                    x.gather(isa, size, Examples::Bytes(&|row| bytes(data, indices[row])));
                });
            });
            // The images are always the same. The remaining time is that of a gather whose memory has been asked for in time.
            let indices = minibatches.next().to_vec();
            group.bench_function(format!("bytes in the cache, {isa}"), |bencher| {
                bencher.iter(|| x.gather(isa, size, Examples::Bytes(&|row| bytes(data, indices[row]))));
            });
        }
        let floats = matrix(&sets.test);
        let mut minibatches = Minibatches::new(&sets.test, size);
        group.bench_function(format!("numbers, {}", Isa::detect()), |bencher| {
            bencher.iter(|| {
                let indices = minibatches.next();
                let from = Examples::Floats(&|row| floats.row(indices[row] as usize));
                x.gather(Isa::detect(), size, from);
            });
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = criterion(20, 500);
    targets = gather
}
criterion_main!(benches);
