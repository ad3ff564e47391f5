//! Sparse inputs: the gather of every byte at every size, and the first layer's products against the plain ones.

mod common;

use common::{Guarded, Layout, Operand, Values, assert_same_bits, pool};
use minibatch_kernels::{
    ArithmeticClass, Examples, Isa, Matrix, Panels, SparseInputs, Start, Store, TeamInputs,
    accumulate_gathered, gather_gemm, reference,
};
use proptest::prelude::*;

/// Bytes of which most inputs are 0 in the whole minibatch, as in handwritten digits.
fn pixels(examples: usize, inputs: usize, seed: u64) -> Vec<Vec<u8>> {
    let mut values = Values(seed);
    let dead: Vec<bool> = (0..inputs).map(|_| values.bits().is_multiple_of(2)).collect();
    let mut pixel = |input: usize| {
        let bits = values.bits();
        if dead[input] || bits.is_multiple_of(3) { 0 } else { (bits >> 32) as u8 }
    };
    (0..examples).map(|_| (0..inputs).map(&mut pixel).collect()).collect()
}

fn fraction(byte: u8) -> f32 {
    (f64::from(byte) / 255.0) as f32
}

/// Quads that aren't 0 are kept, with all four of their values, and no others.
fn check_gather(isa: Isa, x: &SparseInputs, rows: &[Vec<u8>]) {
    let inputs = x.inputs();
    assert_eq!(x.examples(), rows.len());
    let mut entries = 0;
    for (example, row) in rows.iter().enumerate() {
        for (first, quad) in (0..).step_by(4).zip(row.chunks(4)) {
            let kept = quad.iter().any(|&byte| byte != 0);
            entries += usize::from(kept);
            for (input, &byte) in (first..).zip(quad) {
                let (found, expected) = (x.get(example, input), kept.then(|| fraction(byte)));
                let bits = |x: Option<f32>| x.map(f32::to_bits);
                assert_eq!(
                    bits(found),
                    bits(expected),
                    "{isa}: input {input} of {inputs}, example {example}"
                );
            }
        }
    }
    assert_eq!(x.entries(), entries, "{isa}: {} examples of {inputs} inputs", rows.len());
}

#[test]
fn every_byte_becomes_its_correctly_rounded_fraction() {
    let row: Vec<u8> = (0..=255).collect();
    for isa in Isa::available() {
        let mut x = SparseInputs::new(256, 1);
        x.gather_bytes(isa, 1, |_| &row);
        check_gather(isa, &x, std::slice::from_ref(&row));
    }
}

#[test]
fn every_width_of_a_minibatch() {
    for isa in Isa::available() {
        for inputs in (0..=70).chain([127, 128, 129, 784]) {
            // One object for all: what a larger minibatch left behind must not show.
            let mut x = SparseInputs::new(inputs, 130);
            for examples in [130, 35, 1, 16, 0, 17, 15, 32, 64, 65] {
                let rows = pixels(examples, inputs, (inputs * 100 + examples) as u64);
                x.gather_bytes(isa, examples, |i| &rows[i]);
                check_gather(isa, &x, &rows);
                let examples_of = Examples::Bytes(&|i| &rows[i]);
                x.gather(isa, examples, examples_of);
                check_gather(isa, &x, &rows);
            }
        }
    }
}

#[test]
fn numbers_are_taken_as_they_are() {
    let rows = [
        [0.0f32, -0.0, 0.0, 0.0, f32::NAN, 1e-45, 0.0, -3.5, 0.0, -0.0],
        [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -0.0, 2.0, f32::INFINITY],
    ];
    let kept = [[false, true, false], [true, false, true]];
    for isa in Isa::available() {
        let mut x = SparseInputs::new(10, 2);
        x.gather(isa, 2, Examples::Floats(&|i| &rows[i]));
        for (example, row) in rows.iter().enumerate() {
            for (input, &value) in row.iter().enumerate() {
                let (found, expected) = (x.get(example, input), kept[example][input / 4].then_some(value));
                let bits = |x: Option<f32>| x.map(f32::to_bits);
                assert_eq!(bits(found), bits(expected), "{isa}: input {input} of example {example}");
            }
        }
        assert_eq!((x.entries(), x.lists()), (3, 3));
    }
}

proptest! {
    #![proptest_config(common::config(150))]

    /// Both products of the first layer are the plain chains, zeros and all, whichever way the inputs are kept.
    #[test]
    fn products_of_gathered_inputs_are_the_plain_ones(
        examples in prop::sample::select(&[0usize, 1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 32, 33, 64, 65, 100, 150]),
        inputs in prop::sample::select(&[0usize, 1, 5, 16, 63, 64, 65, 200, 300, 520, 1100]),
        outputs in prop::sample::select(&[0usize, 1, 7, 10, 16, 17, 32, 33, 64, 65, 100, 130]),
        padding in 0usize..9,
        start in prop::sample::select(&[1.0f32, 0.75, 0.999]),
        floats: bool,
        threads in 1usize..=4,
        seed: u64,
    ) {
        let rows = pixels(examples, inputs, seed);
        let mut values = Values(seed);
        let (w, old) = (panels(inputs, outputs, &mut values), panels(inputs, outputs, &mut values));
        let delta = Operand::new(examples, outputs, Layout::RowMajor { padding }, values.bits());
        let bias = values.vec(outputs);
        let a = Matrix::from_fn(examples, inputs, |row, col| fraction(rows[row][col]));
        let forward = reference::gemm_chain(a.view(), w.view(), |_, col| bias[col]);
        let onward = reference::gemm_chain(a.view(), w.view(), |_, _| 3.0);
        let update = reference::gemm_chain(a.view().transposed(), delta.view(), |row, col| start * old.get(row, col));
        for isa in Isa::available() {
            let room = examples + 3;
            let forms = [
                TeamInputs::new(isa, inputs, outputs, room, threads),
                TeamInputs::to_accumulate(isa, inputs, outputs, room, threads),
            ];
            for mut x in forms {
                let mut z = Guarded::new(examples, outputs, padding, |_, _| f32::NAN);
                let mut scaled = Guarded::new(examples, outputs, padding, |_, _| 1.5);
                let mut w_after = old.clone();
                pool(isa, threads).run(|team| {
                    let from = match floats {
                        true => Examples::Floats(&|i| a.row(i)),
                        false => Examples::Bytes(&|i| &rows[i]),
                    };
                    gather_gemm(team, &mut x, from, &w, &mut z.view_mut(), Start::Bias(&bias), &Store);
                    gather_gemm(team, &mut x, from, &w, &mut scaled.view_mut(), Start::Scaled(2.0), &Store);
                    x.expect(&rows.iter().map(|row| &row[..]));
                    accumulate_gathered(team, &x, delta.view(), start, &mut w_after);
                });
                z.assert_guards();
                scaled.assert_guards();
                if isa.class() == ArithmeticClass::Fused {
                    assert_same_bits(z.view(), forward.view(), &format!("X·W on {isa}"));
                    assert_same_bits(scaled.view(), onward.view(), &format!("2Z + X·W on {isa}"));
                    assert_same_bits(w_after.view(), update.view(), &format!("{start}·W + Xᵀ·Δ on {isa}"));
                } else {
                    for (found, expected) in [(z.view(), &forward), (w_after.view(), &update)] {
                        for row in 0..expected.rows() {
                            for col in 0..outputs {
                                let (found, expected) = (found.get(row, col), expected.row(row)[col]);
                                // Two chains of at most 1100 steps with terms of at most 1: 2·γ·Σ|a·b|.
                                prop_assert!((found - expected).abs() <= 1102.0 * f32::EPSILON * 1102.0);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Numbers in panels.
fn panels(rows: usize, cols: usize, values: &mut Values) -> Panels {
    let mut panels = Panels::zeros(rows, cols);
    (0..rows * cols).for_each(|i| panels.set(i / cols, i % cols, values.next()));
    panels
}

#[test]
#[should_panic(expected = "3 examples, room for 2")]
fn there_must_be_room() {
    SparseInputs::new(4, 2).gather_bytes(Isa::detect(), 3, |_| &[0; 4]);
}

#[test]
#[should_panic(expected = "an example of 3 inputs")]
fn examples_must_have_all_inputs() {
    SparseInputs::new(4, 2).gather_bytes(Isa::detect(), 2, |i| &[1; 4][..4 - i]);
}

#[test]
#[should_panic(expected = "an example of 3 inputs")]
fn examples_of_numbers_must_have_all_inputs() {
    SparseInputs::new(4, 2).gather(Isa::detect(), 2, Examples::Floats(&|i| &[1.0; 4][..4 - i]));
}

/// Whether inputs for a layer of `outputs` neurons on one instruction set go into a product of so many columns on another.
fn fits(made_for: (Isa, usize), used: (Isa, usize)) -> bool {
    let row = [7u8; 20];
    let mut x = TeamInputs::to_accumulate(made_for.0, 20, made_for.1, 2, 1);
    let (w, mut z) = (Panels::zeros(20, used.1), Matrix::zeros(2, used.1));
    let product = std::panic::AssertUnwindSafe(|| {
        pool(used.0, 1).run(|team| {
            let examples = Examples::Bytes(&|_| &row);
            gather_gemm(team, &mut x, examples, &w, &mut z.view_mut(), Start::Zero, &Store);
        });
    });
    std::panic::catch_unwind(product).is_ok()
}

#[test]
fn inputs_in_groups_are_for_layers_of_one_size_and_one_instruction_set() {
    for isa in Isa::fused() {
        assert!(fits((isa, 1), (isa, 1)) && !fits((isa, 1), (isa, 5)), "{isa}");
        for other in Isa::fused() {
            assert_eq!(fits((isa, 1), (other, 1)), isa == other, "{isa}, {other}");
        }
    }
}

#[test]
fn there_is_a_largest_number_of_examples() {
    assert_eq!(SparseInputs::most_examples(784), 21_913_098);
    assert!(SparseInputs::most_examples(0) > 4_000_000_000);
    let most = SparseInputs::most_examples(1 << 31);
    assert!(std::panic::catch_unwind(|| SparseInputs::new(1 << 31, most + 1)).is_err());
}
