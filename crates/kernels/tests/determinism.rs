//! The promise itself: every fused instruction set and every number of threads give the same bits.

mod common;

use common::{Sigmoid, Values, bits, pool, relu, relu_backward, sigmoid, sigmoid_backward};
use minibatch_kernels::{
    Epilogue, Examples, Isa, Mat, MatMut, Matrix, Panels, Start, Store, TeamInputs, accumulate_gathered,
    add_column_sums, gather_gemm, gemm, scale, subtract,
};

/// Δ ⊙ σ′ from the layer's output.
struct SigmoidBackward<'a>(Mat<'a>);

impl Epilogue for SigmoidBackward<'_> {
    fn finish(&self, isa: Isa, part: &mut MatMut<'_>, row: usize, col: usize) {
        let a = self.0.part(row..row + part.rows(), col..col + part.cols());
        sigmoid_backward(isa, part, a);
    }
}

fn random(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut values = Values(seed);
    Matrix::from_fn(rows, cols, |_, _| values.next())
}

fn panels(from: &Matrix) -> Panels {
    let mut panels = Panels::zeros(from.rows(), from.cols());
    for row in 0..from.rows() {
        from.row(row).iter().enumerate().for_each(|(col, &x)| panels.set(row, col, x));
    }
    panels
}

/// A few training steps of a network of two layers, all kernels in their places; the bits of everything it leaves.
fn train(isa: Isa, threads: usize, batch: usize, sizes: [usize; 3]) -> Vec<u32> {
    let [inputs, hidden, outputs] = sizes;
    let pixels: Vec<u8> = (0..batch * inputs).map(|i| (i * i % 251) as u8).collect();
    let mut x = TeamInputs::to_accumulate(isa, inputs, hidden, batch, threads);
    let row = |i: usize| &pixels[i * inputs..][..inputs];
    let y = Matrix::from_fn(batch, outputs, |row, col| if row % outputs == col { 1.0 } else { 0.0 });
    let (mut w1, mut w2) = (panels(&random(inputs, hidden, 1)), panels(&random(hidden, outputs, 2)));
    let (mut b1, mut b2) = (Values(3).vec(hidden), Values(4).vec(outputs));
    let (mut a1, mut a2) = (Matrix::zeros(batch, hidden), Matrix::zeros(batch, outputs));
    let mut delta1 = Matrix::zeros(batch, hidden);
    pool(isa, threads).run(|team| {
        for _ in 0..3 {
            gather_gemm(
                team,
                &mut x,
                Examples::Bytes(&row),
                &w1,
                &mut a1.view_mut(),
                Start::Bias(&b1),
                &Sigmoid,
            );
            gemm(team, a1.view(), w2.view(), &mut a2.view_mut(), Start::Bias(&b2), &Sigmoid);
            let mut delta2 = a2.clone();
            subtract(isa, &mut delta2.view_mut(), y.view());
            sigmoid_backward(isa, &mut delta2.view_mut(), a2.view());
            let epilogue = SigmoidBackward(a1.view());
            let w2_turned = w2.view().transposed();
            gemm(team, delta2.view(), w2_turned, &mut delta1.view_mut(), Start::Zero, &epilogue);
            for delta in [&mut delta1, &mut delta2] {
                scale(isa, &mut delta.view_mut(), -3.0 / batch as f32);
            }
            accumulate_gathered(team, &x, delta1.view(), 1.0, &mut w1);
            let a1_turned = a1.view().transposed();
            gemm(team, a1_turned, delta2.view(), &mut w2.view_mut(), Start::Scaled(0.999), &Store);
            add_column_sums(isa, delta1.view(), &mut b1);
            add_column_sums(isa, delta2.view(), &mut b2);
        }
    });
    let biases = b1.iter().chain(&b2).map(|b| b.to_bits());
    [w1.view(), w2.view(), a1.view(), a2.view(), delta1.view()]
        .into_iter()
        .flat_map(bits)
        .chain(biases)
        .collect()
}

#[test]
fn a_training_step_has_the_same_bits_everywhere() {
    // All large enough to be shared out: gemm/sizes.rs gives a member to every 100 000 operations.
    for (batch, sizes) in
        [(16, [784, 32, 10]), (10, [784, 100, 10]), (100, [200, 130, 70]), (33, [97, 257, 129])]
    {
        let expected = train(Isa::PORTABLE, 1, batch, sizes);
        for isa in Isa::fused() {
            for threads in [1, 2, 3, 4, 7, 8] {
                // Scalar code is slow, and its sharing out no different.
                if isa == Isa::PORTABLE && ![2, 3].contains(&threads) {
                    continue;
                }
                let found = train(isa, threads, batch, sizes);
                assert!(
                    found == expected,
                    "{isa} with {threads} threads at {batch} × {sizes:?} gives other bits"
                );
            }
        }
    }
}

#[test]
fn element_wise_operations_have_the_same_bits_everywhere() {
    let b = Matrix::from_fn(5, 77, |row, col| ((row * 77 + col) as f32 / 385.0).powi(3));
    let all = |isa: Isa| {
        let mut values = Values(8);
        let c = Matrix::from_fn(5, 77, |_, _| values.next() * 10f32.powi((values.bits() % 60) as i32 - 40));
        let ops: [fn(Isa, &mut MatMut<'_>, Mat<'_>); 6] = [
            |isa, c, _| sigmoid(isa, c),
            |isa, c, _| relu(isa, c),
            |isa, c, _| scale(isa, c, 0.1),
            subtract,
            sigmoid_backward,
            relu_backward,
        ];
        ops.map(|op| {
            let mut c = c.clone();
            op(isa, &mut c.view_mut(), b.view());
            bits(c.view())
        })
    };
    let expected = all(Isa::PORTABLE);
    for isa in Isa::fused() {
        assert!(all(isa) == expected, "{isa} gives other bits");
    }
}

/// matrixmultiply's class has its own bits, but threads don't enter there either, as long as they split columns.
#[test]
fn a_repeated_run_has_the_same_bits_on_every_set() {
    for isa in Isa::available() {
        for threads in [1, 2] {
            let run = || train(isa, threads, 16, [784, 32, 10]);
            assert!(run() == run(), "{isa} with {threads} threads");
        }
    }
}
