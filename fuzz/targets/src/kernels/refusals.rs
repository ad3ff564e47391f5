//! Shapes that don't fit, and sizes whose product wraps. They are refused before anything is written.

use super::views::{Operand, Target};
use super::{Machine, Numbers, attempt, size};
use arbitrary::{Result, Unstructured};
use minibatch_kernels::{
    Mat, Matrix, Panels, Start, Store, add_column_sums, descend_gemm, gemm, scale_and_sum, subtract,
};

pub(super) fn refusals(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    if choices.arbitrary()? { wrapping(choices, machine) } else { mismatched(choices, machine) }
}

/// Takes operations in which one size is another's, more or less.
fn mismatched(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let (m, n, k) = (1 + size(choices, 33)?, 1 + size(choices, 49)?, 1 + size(choices, 33)?);
    let wrong = |choices: &mut Unstructured<'_>, right: usize| -> Result<usize> {
        let wrong = choices.int_in_range(0..=2 * right)?;
        Ok(if wrong == right { right + 1 } else { wrong })
    };
    let mut sizes = [m, k, k, n, m, n, n];
    let which = choices.int_in_range(0..=sizes.len() - 1)?;
    sizes[which] = wrong(choices, sizes[which])?;
    let [a_rows, a_cols, b_rows, b_cols, c_rows, c_cols, biases] = sizes;
    let a = Operand::plain(choices, a_rows, a_cols, Numbers::Plain)?;
    let b = Operand::draw(choices, b_rows, b_cols, Numbers::Plain)?;
    let mut c = Target::draw(choices, c_rows, c_cols, Numbers::Plain)?;
    let mut moment = c.alike(Numbers::Plain, &mut choices.arbitrary()?);
    let bias = Numbers::Plain.vec(biases, &mut choices.arbitrary()?);
    let before = c.cells();
    let pool = &machine.pool;
    let product = attempt(|| {
        pool.run(|team| gemm(team, a.view(), b.view(), &mut c.view_mut(), Start::Bias(&bias), &Store));
    });
    assert!(product.is_none(), "a product of sizes {sizes:?} is computed");
    before.check(&c, "a refused product", |row, col| before.get(row, col));
    if biases == n {
        let descent = super::elementwise::Drawn::draw(choices)?;
        let stepped = attempt(|| {
            let mut moments = [moment.view_mut()];
            pool.run(|team| {
                descend_gemm(team, a.view(), b.view(), &mut c.view_mut(), &mut moments, descent.descent());
            });
        });
        assert!(stepped.is_none(), "a step of sizes {sizes:?} is taken");
    }
    let (mut sums, wrong_rows) = (Numbers::Plain.vec(c_cols + 1, &mut choices.arbitrary()?), c_rows + 1);
    let refused = [
        attempt(|| add_column_sums(machine.isa, a.view(), &mut vec![0.0; a_cols + 1])).is_none(),
        attempt(|| pool.run(|team| scale_and_sum(team, &mut c.view_mut(), 1.0, &mut sums))).is_none(),
        attempt(|| {
            subtract(machine.isa, &mut c.view_mut(), Matrix::zeros(wrong_rows, c_cols).view());
        })
        .is_none(),
    ];
    assert_eq!(refused, [true; 3], "sizes {sizes:?}");
    before.check(&c, "a refused operation", |row, col| before.get(row, col));
    Ok(true)
}

/// Takes views of stride 0 that are as large as a size can be.
fn wrapping(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let one = vec![1.0];
    let (m, n) = (1 + size(choices, 64)?, 4 + size(choices, 64)?);
    let depth = usize::MAX / choices.int_in_range(1..=4usize)? - choices.int_in_range(0..=20usize)?;
    let mut c = Target::plain(choices, m, n, Numbers::Plain)?;
    let before = c.cells();
    let product = attempt(|| {
        let (a, b) = (Mat::strided(&one, m, depth, 0, 0), Mat::strided(&one, depth, n, 0, 0));
        machine.pool.run(|team| gemm(team, a, b, &mut c.view_mut(), Start::Zero, &Store));
    });
    assert!(product.is_none(), "a product of depth {depth} is computed");
    before.check(&c, "a refused product", |row, col| before.get(row, col));
    let huge = usize::MAX / choices.int_in_range(2..=16usize)?;
    assert!(attempt(|| Matrix::zeros(huge, n)).is_none(), "{huge} rows fit into memory");
    assert!(attempt(|| Panels::zeros(huge, n)).is_none(), "{huge} rows fit into memory");
    Ok(true)
}
