//! The first layer's products, from inputs without their zeros. Objects that a refused minibatch leaves behind are used again.

use super::elementwise::{Drawn, contract};
use super::views::{Operand, Target};
use super::{Machine, Numbers, attempt, same, size};
use arbitrary::{Result, Unstructured};
use minibatch_kernels::{
    Examples, Matrix, Panels, SparseInputs, SparseRow, Start, Store, TeamInputs, accumulate_gathered,
    descend_gathered, gather_gemm, reference, sparse_gemm,
};

/// A minibatch: each row in a buffer of its own size.
struct Minibatch {
    bytes: Vec<Box<[u8]>>,
    floats: Vec<Box<[f32]>>,
    as_bytes: bool,
}

impl Minibatch {
    /// Rows in which about one place in `sparsity` isn't 0. If `sparsity` is above 1, about half of the inputs are 0 in all rows.
    fn draw(choices: &mut Unstructured<'_>, examples: usize, inputs: usize) -> Result<Minibatch> {
        let (sparsity, as_bytes) = (choices.int_in_range(1..=9u64)?, choices.arbitrary()?);
        let seed = &mut choices.arbitrary()?;
        let dead: Vec<bool> = (0..inputs).map(|_| crate::next(seed).is_multiple_of(2)).collect();
        let mut byte = |dead: bool| {
            let bits = crate::next(seed);
            if dead && sparsity > 1 || !bits.is_multiple_of(sparsity) { 0 } else { (bits >> 56) as u8 }
        };
        let bytes: Vec<Box<[u8]>> =
            (0..examples).map(|_| dead.iter().map(|&dead| byte(dead)).collect()).collect();
        // The floats are the bytes' own fractions, so that both ways have the same sums.
        let fraction = |byte: &u8| (f64::from(*byte) / 255.0) as f32;
        let floats = bytes.iter().map(|row| row.iter().map(fraction).collect()).collect();
        Ok(Minibatch { bytes, floats, as_bytes })
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn matrix(&self, inputs: usize) -> Matrix {
        Matrix::from_fn(self.len(), inputs, |row, col| self.floats[row][col])
    }

    /// Calls `take` with the examples. If `short`, the last one lacks an input.
    fn with_examples<R>(&self, short: bool, take: impl FnOnce(Examples<'_>) -> R) -> R {
        let end = |i: usize, length: usize| length - usize::from(short && i + 1 == self.len());
        match self.as_bytes {
            true => take(Examples::Bytes(&|i| &self.bytes[i][..end(i, self.bytes[i].len())])),
            false => take(Examples::Floats(&|i| &self.floats[i][..end(i, self.floats[i].len())])),
        }
    }
}

/// Inputs, outputs and the most examples.
fn shape(choices: &mut Unstructured<'_>) -> Result<(usize, usize, usize)> {
    let (inputs, outputs, mut most) = (size(choices, 513)?, size(choices, 257)?, size(choices, 160)?);
    while inputs * outputs * most > 100_000 {
        most /= 2;
    }
    Ok((inputs, outputs, most))
}

fn panels(rows: usize, cols: usize, numbers: Numbers, seed: &mut u64) -> Panels {
    let mut panels = Panels::zeros(rows, cols);
    (0..rows * cols).for_each(|i| panels.set(i / cols, i % cols, numbers.next(seed)));
    panels
}

fn assert_panels(found: &Panels, expected: impl Fn(usize, usize) -> f32, what: &str) {
    for (row, col) in (0..found.rows()).flat_map(|row| (0..found.cols()).map(move |col| (row, col))) {
        let (found, expected) = (found.get(row, col), expected(row, col));
        assert!(same(found, expected), "{what}: ({row}, {col}) is {found:e}, expected {expected:e}");
    }
}

/// Takes some minibatches, one after the other, through the same object.
pub(super) fn first_layer(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let (inputs, outputs, most) = shape(choices)?;
    let seed = &mut choices.arbitrary()?;
    let (isa, members) = (machine.isa, machine.pool.members());
    let to_accumulate: bool = choices.arbitrary()?;
    let make = if to_accumulate { TeamInputs::to_accumulate } else { TeamInputs::new };
    let mut x = make(isa, inputs, outputs, most, members);
    let mut w = panels(inputs, outputs, Numbers::Plain, seed);
    let bias = Numbers::Plain.vec(outputs, seed);
    let mut through = false;
    for _ in 0..choices.int_in_range(1..=3)? {
        let examples = choices.int_in_range(0..=most)?;
        let batch = Minibatch::draw(choices, examples, inputs)?;
        let short = examples > 0 && inputs > 0 && choices.ratio(1, 4)?;
        let mut z = Target::draw(choices, examples, outputs, Numbers::Special)?;
        let before = z.cells();
        let product = attempt(|| {
            batch.with_examples(short, |from| {
                machine.pool.run(|team| {
                    gather_gemm(team, &mut x, from, &w, &mut z.view_mut(), Start::Bias(&bias), &Store);
                });
            });
        });
        assert!(product.is_none() || !short, "an example without all inputs is taken");
        assert!(product.is_some() || short || !z.is_plain(), "the first layer's product is refused");
        if product.is_some() && machine.is_fused() {
            let a = batch.matrix(inputs);
            let chain = reference::gemm_chain(a.view(), w.view(), |_, col| bias[col]);
            before.check(&z, &format!("X·W on {isa}, {members} members"), |row, col| chain.row(row)[col]);
        }
        through |= product.is_some();
        // The object is used after a refusal, too. Its content is then nobody's promise, but nothing may be read outside.
        let delta = Operand::plain(choices, examples, outputs, Numbers::Plain)?;
        let next: Vec<&[u8]> = batch.bytes.iter().map(|row| &row[..]).collect();
        attempt(|| x.expect(&next.iter().copied()));
        if choices.arbitrary()? {
            accumulated(machine, &x, &batch, &delta, &mut w, product.is_some());
        } else {
            descended(choices, machine, &x, &batch, &delta, &mut w, product.is_some())?;
        }
    }
    Ok(through)
}

/// Checks s·W + Xᵀ·Δ.
fn accumulated(
    machine: &Machine,
    x: &TeamInputs,
    batch: &Minibatch,
    delta: &Operand,
    w: &mut Panels,
    gathered: bool,
) {
    let before = w.clone();
    let start = if w.rows().is_multiple_of(2) { 1.0 } else { 0.75 };
    let ran = attempt(|| machine.pool.run(|team| accumulate_gathered(team, x, delta.view(), start, w)));
    assert!(ran.is_some() || !gathered, "the first layer's update is refused");
    if gathered && machine.is_fused() {
        let a = batch.matrix(w.rows());
        let update = reference::gemm_chain(a.view().transposed(), delta.view(), |row, col| {
            start * before.get(row, col)
        });
        assert_panels(w, |row, col| update.row(row)[col], &format!("{start}·W + Xᵀ·Δ on {}", machine.isa));
    } else {
        *w = before;
    }
}

/// Checks a step along Xᵀ·Δ.
fn descended(
    choices: &mut Unstructured<'_>,
    machine: &Machine,
    x: &TeamInputs,
    batch: &Minibatch,
    delta: &Operand,
    w: &mut Panels,
    gathered: bool,
) -> Result<()> {
    let descent = Drawn::draw(choices)?;
    let seed = &mut choices.arbitrary()?;
    let mut moments =
        [Numbers::Plain, Numbers::Positive].map(|numbers| panels(w.rows(), w.cols(), numbers, seed));
    let before = [w.clone(), moments[0].clone(), moments[1].clone()];
    let ran = attempt(|| {
        let mut views = moments.each_mut().map(Panels::view_mut);
        let views = &mut views[..descent.moments()];
        machine.pool.run(|team| {
            descend_gathered(team, x, delta.view(), &mut w.view_mut(), views, descent.descent());
        });
    });
    assert!(ran.is_some() || !gathered, "the first layer's descent is refused");
    if gathered && machine.is_fused() {
        let a = batch.matrix(w.rows());
        let gradient = reference::gemm_chain(a.view().transposed(), delta.view(), |_, _| 0.0);
        let what = format!("{descent:?} along Xᵀ·Δ on {}", machine.isa);
        for (which, after) in [&*w, &moments[0], &moments[1]].into_iter().enumerate() {
            let state = |row, col| [0, 1, 2].map(|i| before[i].get(row, col));
            let expected = |row, col| contract(descent, state(row, col), gradient.row(row)[col])[which];
            assert_panels(after, expected, &what);
        }
    } else {
        *w = before[0].clone();
    }
    Ok(())
}

/// Takes minibatches through the sparse product by itself.
pub(super) fn sparse(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let (inputs, outputs, most) = shape(choices)?;
    let seed = &mut choices.arbitrary()?;
    let (isa, mut x) = (machine.isa, SparseInputs::new(inputs, most));
    let w = panels(inputs, outputs, Numbers::Plain, seed);
    let bias = Numbers::Plain.vec(outputs, seed);
    let mut through = false;
    for _ in 0..choices.int_in_range(1..=3)? {
        let examples = choices.int_in_range(0..=most)?;
        let batch = Minibatch::draw(choices, examples, inputs)?;
        let short = examples > 0 && inputs > 0 && choices.ratio(1, 4)?;
        let gathered = attempt(|| batch.with_examples(short, |from| x.gather(isa, examples, from)));
        assert!(gathered.is_some() != short, "examples with all inputs, and no others, are taken");
        let mut z =
            Target::draw(choices, if short { x.examples() } else { examples }, outputs, Numbers::Special)?;
        let before = z.cells();
        let product = attempt(|| sparse_gemm(isa, &x, &w, &bias, &mut z.view_mut(), &Store));
        if short {
            continue;
        }
        assert!(product.is_some() || !z.is_plain(), "a sparse product is refused");
        if product.is_some() && machine.is_fused() {
            let a = batch.matrix(inputs);
            let chain = reference::gemm_chain(a.view(), w.view(), |_, col| bias[col]);
            before.check(&z, &format!("sparse X·W on {isa}"), |row, col| chain.row(row)[col]);
        }
        through |= product.is_some();
    }
    Ok(through)
}

/// Takes examples one by one.
pub(super) fn row(choices: &mut Unstructured<'_>, machine: &Machine) -> Result<bool> {
    let (inputs, outputs, _) = shape(choices)?;
    let seed = &mut choices.arbitrary()?;
    let (isa, mut x) = (machine.isa, SparseRow::new(inputs));
    let w = panels(inputs, outputs, Numbers::Plain, seed);
    let bias = Numbers::Plain.vec(outputs, seed);
    let mut taken = vec![0.0; inputs];
    for _ in 0..choices.int_in_range(1..=4)? {
        let batch = Minibatch::draw(choices, 1, inputs)?;
        // A refused example leaves the one before.
        let length = if choices.ratio(1, 3)? { inputs / 2 } else { inputs };
        let took = attempt(|| match batch.as_bytes {
            true => x.take_bytes(isa, &batch.bytes[0][..length]),
            false => x.take_floats(isa, &batch.floats[0][..length]),
        });
        assert!(took.is_some() == (length == inputs), "an example with all inputs, and no other, is taken");
        if took.is_some() {
            taken.copy_from_slice(&batch.floats[0]);
        }
        let mut c = vec![f32::NAN; outputs].into_boxed_slice();
        let product = attempt(|| x.multiply(isa, &w, &bias, &mut c));
        assert!(product.is_some(), "the product of one example is refused");
        if machine.is_fused() {
            let a = Matrix::from_fn(1, inputs, |_, col| taken[col]);
            let chain = reference::gemm_chain(a.view(), w.view(), |_, col| bias[col]);
            for (col, (&found, &expected)) in c.iter().zip(chain.row(0)).enumerate() {
                assert!(
                    same(found, expected),
                    "column {col} of a row on {isa}: {found:e}, expected {expected:e}"
                );
            }
        }
    }
    Ok(true)
}
