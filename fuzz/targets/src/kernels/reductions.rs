//! Sums in their order, largest values, and operations on whole rows.

use super::views::{Operand, Target};
use super::{Machine, Numbers, attempt, same, size};
use arbitrary::{Result, Unstructured};
use minibatch_kernels::{
    Mat, MatMut, add_column_sums, argmax, max_magnitude, max_magnitudes, scale_and_sum, softmax,
    softmax_backward,
};

pub(super) fn sums(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let (rows, cols) = (size(choices, 129)?, size(choices, 257)?);
    let a = Operand::draw(choices, rows, cols, Numbers::Special)?;
    let seed = &mut choices.arbitrary()?;
    let (isa, view) = (machine.isa, a.view());

    let start = Numbers::Plain.vec(cols, seed);
    let mut sums = start.clone().into_boxed_slice();
    let added = attempt(|| add_column_sums(isa, view, &mut sums));
    assert!(added.is_some() || !a.is_plain(), "column sums of a plain matrix are refused");
    for col in (0..cols).filter(|_| added.is_some()) {
        let expected = (0..rows).fold(start[col], |sum, row| sum + view.get(row, col));
        assert!(same(sums[col], expected), "column {col} sums to {}, expected {expected}", sums[col]);
    }

    let all = || (0..rows).flat_map(|row| (0..cols).map(move |col| view.get(row, col)));
    let expected = match all().all(f32::is_finite) {
        true => all().fold(0.0, |largest: f32, x| largest.max(x.abs())),
        false => f32::NAN,
    };
    let largest = attempt(|| max_magnitude(isa, view));
    assert!(largest.is_some() || !a.is_plain(), "the largest magnitude of a plain matrix is refused");
    assert!(largest.is_none_or(|x| same(x.abs(), expected)), "{largest:?}, expected {expected}");
    let mut found = [1.0; 2];
    let shared = attempt(|| machine.pool.run(|team| max_magnitudes(team, |_| view, &mut found)));
    assert!(shared.is_some() || !a.is_plain(), "largest magnitudes of a plain matrix are refused");
    if shared.is_some() {
        assert!(found.iter().all(|x| same(x.abs(), expected)), "{found:?}, expected {expected}");
    }

    let mut c = Target::draw(choices, rows, cols, Numbers::Special)?;
    let (before, factor) = (c.cells(), *choices.choose(&[1.0, -0.25, 1e30])?);
    let mut sums = start.clone().into_boxed_slice();
    let scaled = attempt(|| {
        machine.pool.run(|team| scale_and_sum(team, &mut c.view_mut(), factor, &mut sums));
    });
    assert!(scaled.is_some() || !c.is_plain(), "a plain matrix isn't scaled");
    let product =
        |row, col| if scaled.is_some() { before.get(row, col) * factor } else { before.get(row, col) };
    before.check(&c, &format!("scaled with sums on {isa}"), product);
    for col in (0..cols).filter(|_| scaled.is_some()) {
        let expected = (0..rows).fold(start[col], |sum, row| sum + product(row, col));
        assert!(same(sums[col], expected), "column {col} sums to {}, expected {expected}", sums[col]);
    }
    Ok(added.is_some() && scaled.is_some())
}

pub(super) fn rows(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let (rows, cols) = (size(choices, 33)?, size(choices, 257)?);
    let a = Operand::draw(choices, rows, cols, Numbers::Special)?;
    let mut c = Target::draw(choices, rows, cols, Numbers::Special)?;
    let before = c.cells();
    let backward: bool = choices.arbitrary()?;
    let ran = attempt(|| match backward {
        true => softmax_backward(machine.isa, &mut c.view_mut(), a.view()),
        false => softmax(machine.isa, &mut c.view_mut()),
    })
    .is_some();
    assert!(ran || !(c.is_plain() && a.is_plain()), "plain rows are refused");
    let mut expected = before.to_matrix();
    for row in (0..rows).filter(|_| ran) {
        let other: Vec<f32> = (0..cols).map(|col| a.view().get(row, col)).collect();
        let isa = machine.one_by_one();
        let to = &mut MatMut::row_major(expected.row_mut(row), 1, cols);
        match backward {
            true => softmax_backward(isa, to, Mat::row_major(&other, 1, cols)),
            false => softmax(isa, to),
        }
    }
    before.check(&c, &format!("softmax on {}", machine.isa), |row, col| expected.row(row)[col]);
    if let Some(row) = rows.checked_sub(1) {
        let values: Vec<f32> = (0..cols).map(|col| before.get(row, col)).collect();
        assert_eq!(argmax(&values), first_of_the_largest(&values), "{values:?}");
    }
    Ok(ran)
}

/// The place of the first of the largest values. NaN is never larger.
fn first_of_the_largest(values: &[f32]) -> usize {
    let mut best = 0;
    for (i, &value) in values.iter().enumerate() {
        if value > values[best] || values[best].is_nan() && !value.is_nan() {
            best = i;
        }
    }
    best
}
