//! Products: C = start + A·B, and the one that ends in an optimiser's step.

use super::elementwise::{Drawn, contract};
use super::views::{Operand, Target};
use super::{EDGES, Machine, Numbers, attempt, size};
use arbitrary::{Result, Unstructured};
use minibatch_kernels::{Epilogue, Isa, MatMut, Start, Store, descend_gemm, gemm, reference};

/// The most multiply-adds of a product, about. The oracle takes them one by one.
const MOST_WORK: usize = 150_000;

/// m, n and k of a product that doesn't take long.
pub(super) fn shape(choices: &mut Unstructured<'_>) -> Result<(usize, usize, usize)> {
    let mut shape = [size(choices, 1025)?, size(choices, 1025)?, size(choices, 1025)?];
    let edges = EDGES.map(usize::from);
    while shape.iter().product::<usize>() > MOST_WORK {
        // The largest becomes the next smaller edge.
        let largest = shape.iter_mut().max().expect("three");
        *largest = edges.into_iter().rfind(|edge| edge < largest).unwrap_or(0);
    }
    Ok(shape.into())
}

/// An epilogue that marks its places: element (row, col) becomes 2·x + (row + 1000·col).
struct Marked;

impl Marked {
    fn mark(x: f32, row: usize, col: usize) -> f32 {
        2.0 * x + (row + 1000 * col) as f32
    }
}

impl Epilogue for Marked {
    fn finish(&self, _: Isa, part: &mut MatMut<'_>, row: usize, col: usize) {
        for i in 0..part.rows() {
            for (j, x) in part.row_mut(i).iter_mut().enumerate() {
                *x = Marked::mark(*x, row + i, col + j);
            }
        }
    }
}

pub(super) fn product(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let (m, n, k) = shape(choices)?;
    let a = Operand::draw(choices, m, k, Numbers::Plain)?;
    let b = Operand::draw(choices, k, n, Numbers::Plain)?;
    let bias = Numbers::Plain.vec(n, &mut choices.arbitrary()?);
    let factor = *choices.choose(&[1.0, 0.5, -1.5])?;
    let start = *choices.choose(&[Start::Zero, Start::Bias(&bias), Start::Scaled(factor)])?;
    // Numbers that aren't read may be anything.
    let old = if matches!(start, Start::Scaled(_)) { Numbers::Plain } else { Numbers::Special };
    let mut c = Target::draw(choices, m, n, old)?;
    // A part of panels isn't one of row slices.
    let marked = machine.is_fused() && c.is_plain() && choices.arbitrary()?;
    let epilogue: &dyn Epilogue = if marked { &Marked } else { &Store };

    let before = c.cells();
    let ran = attempt(|| {
        machine.pool.run(|team| gemm(team, a.view(), b.view(), &mut c.view_mut(), start, epilogue));
    });
    if ran.is_none() {
        assert!(!a.view().is_strided(), "a product of ({m} × {k}) and ({k} × {n}) is refused");
        before.check(&c, "a refused product", |row, col| before.get(row, col));
        return Ok(false);
    }
    let started = |row: usize, col: usize| match start {
        Start::Zero => 0.0,
        Start::Bias(bias) => bias[col],
        Start::Scaled(1.0) => before.get(row, col),
        Start::Scaled(factor) => before.get(row, col) * factor,
    };
    let what = format!("({m} × {k})·({k} × {n}) on {}, {} members", machine.isa, machine.pool.members());
    if machine.is_fused() {
        let chain = reference::gemm_chain(a.view(), b.view(), started);
        let finished = |x: f32, row, col| if marked { Marked::mark(x, row, col) } else { x };
        before.check(&c, &what, |row, col| finished(chain.row(row)[col], row, col));
    } else {
        let (exact, magnitudes) = reference::gemm(a.view(), b.view(), |row, col| started(row, col).into());
        before.check_by(&c, &what, |found, row, col| {
            let tolerance = f64::from(f32::EPSILON) * (k + 2) as f64 * magnitudes[row][col];
            (f64::from(found) - exact[row][col]).abs() <= tolerance
        });
    }
    Ok(true)
}

pub(super) fn descent(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let (m, n, k) = shape(choices)?;
    let a = Operand::draw(choices, m, k, Numbers::Plain)?;
    let b = Operand::draw(choices, k, n, Numbers::Plain)?;
    let mut p = Target::draw(choices, m, n, Numbers::Plain)?;
    let seed = &mut choices.arbitrary()?;
    let (mut first, mut second) = (p.alike(Numbers::Plain, seed), p.alike(Numbers::Positive, seed));
    let descent = Drawn::draw(choices)?;

    let before = [p.cells(), first.cells(), second.cells()];
    let ran = attempt(|| {
        let mut moments = [first.view_mut(), second.view_mut()];
        let moments = &mut moments[..descent.moments()];
        machine.pool.run(|team| {
            descend_gemm(team, a.view(), b.view(), &mut p.view_mut(), moments, descent.descent());
        });
    });
    if ran.is_none() {
        assert!(!a.view().is_strided(), "a descent along ({m} × {k})·({k} × {n}) is refused");
        return Ok(false);
    }
    if machine.is_fused() {
        let gradient = reference::gemm_chain(a.view(), b.view(), |_, _| 0.0);
        let what = format!("{descent:?} along ({m} × {k})·({k} × {n}) on {}", machine.isa);
        for (which, after) in [&p, &first, &second].into_iter().enumerate() {
            before[which].check(after, &what, |row, col| {
                let state = [0, 1, 2].map(|i| before[i].get(row, col));
                contract(descent, state, gradient.row(row)[col])[which]
            });
        }
    }
    Ok(true)
}
