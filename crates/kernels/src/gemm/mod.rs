//! C = start + A·B, with the work that follows done while C is in the first-level cache.
//!
//! One micro-kernel ([`tile`]) serves the three products of backpropagation: it broadcasts elements of A, reads rows
//! of B contiguously and writes rows of C. Around it stand the five loops of [`blocking`]; [`pack`] copies operands
//! into the micro-kernel's order where that pays; [`sizes`] holds every block size and threshold.

mod blocking;
mod descent;
mod gathered;
mod pack;
pub(crate) mod sizes;
mod small;
mod tile;

pub use descent::{descend_gathered, descend_gemm};
pub(crate) use pack::Scratch;

use crate::compact::{BLOCK, CompactInputs};
use crate::inputs::{Examples, Form, TeamInputs};
use crate::isa::{ArithmeticClass, Isa};
use crate::matrix::Panels;
use crate::sparse;
use crate::storage::LINE;
use crate::team::{Pointer, Team, column_block};
use crate::view::{Mat, MatMut, along};
use std::ops::Range;

/// What each element's sum starts from.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// 0. C is not read.
    Zero,
    /// The column's value: the bias of the neuron. C is not read.
    Bias(&'a [f32]),
    /// C itself times a factor: a product accumulated into C. A factor of 1 multiplies nothing.
    Scaled(f32),
}

/// What is done to C where it is complete: an activation, a derivative, an optimiser's step.
///
/// `finish` is called exactly once for every element, by whichever thread owns it, for rectangular parts of C.
pub trait Epilogue: Sync {
    /// Finishes `part`, whose first element is (row, col) of C.
    fn finish(&self, isa: Isa, part: &mut MatMut<'_>, row: usize, col: usize);
}

/// The epilogue that leaves C as it is.
#[derive(Clone, Copy, Debug)]
pub struct Store;

impl Epilogue for Store {
    fn finish(&self, _: Isa, _: &mut MatMut<'_>, _: usize, _: usize) {}
}

/// C ← finish(start + A·B) for A (m × k), B (k × n), C (m × n).
///
/// Each element of C is one chain of fused multiply-adds over k, ascending (on [`Isa::MATRIXMULTIPLY`], that crate's
/// own order). A and B may have any strides, B and C may stand in panels. The team's members own blocks of C's columns.
///
/// # Panics
///
/// If the shapes don't fit, A stands in panels, or an epilogue panics.
pub fn gemm(
    team: &Team<'_>,
    a: Mat<'_>,
    b: Mat<'_>,
    c: &mut MatMut<'_>,
    start: Start<'_>,
    epilogue: &dyn Epilogue,
) {
    assert_eq!(a.cols, b.rows, "inner sizes of a product");
    assert_eq!(a.rows, c.rows, "rows of a product");
    assert!(a.row_panel == BLOCK * a.row_stride && a.col_panel == BLOCK * a.col_stride, "A isn't in panels");
    let split = Split::new(team.members(), c.rows, c.cols, a.cols);
    run(team, split, move |_| Left::View(a), b, c, start, epilogue);
}

/// C ← finish(start + X·B) for the inputs X (m × k) of m examples, B (k × n), C (m × n): the first layer's forward
/// product. Each member that shares it gathers the examples for itself first, in the same phase.
///
/// Inputs that are 0 in every example, or every example of a few, are left out of the chains, which changes no bit as long as B
/// is finite.
///
/// # Panics
///
/// If the shapes don't fit, C's rows aren't contiguous, the team has more members than `x`, or an epilogue panics.
pub fn gather_gemm(
    team: &Team<'_>,
    x: &mut TeamInputs,
    examples: Examples<'_>,
    b: &Panels,
    c: &mut MatMut<'_>,
    start: Start<'_>,
    epilogue: &dyn Epilogue,
) {
    assert_eq!(x.inputs(), b.rows(), "inner sizes of a product");
    assert_eq!(b.cols(), c.cols, "columns of a product");
    assert!(team.members() <= x.copies.len(), "{} members, inputs for {}", team.members(), x.copies.len());
    let is_sparse = matches!(x.copies[0].form, Form::Sparse(_));
    let split = Split::new(team.members(), c.rows, c.cols, x.inputs());
    let split = if is_sparse { split.by_cols(c.cols) } else { split };
    x.sharing = split.members;
    if c.rows == 0 || c.cols == 0 {
        // Nothing to compute, but what was gathered may still be asked for.
        x.sharing = 1;
        x.copies[0].gather(team.isa(), c.rows, examples);
        return;
    }
    let (copies, rows, isa) = (Pointer(x.copies.as_mut_ptr()), c.rows, team.isa());
    if !is_sparse {
        let gather = move |member| {
            // SAFETY: there is a copy for each member, and a phase runs each member once.
            let copy = unsafe { &mut *copies.at(member) };
            copy.gather(isa, rows, examples);
            match &copy.form {
                Form::Compact(x) => Left::Inputs(x),
                Form::Sparse(_) => unreachable!("all copies are of one form"),
            }
        };
        return run(team, split, gather, b.view(), c, start, epilogue);
    }
    assert!(c.as_mat().has_row_slices(), "a sparse product writes contiguous rows");
    if let Start::Bias(bias) = start {
        assert_eq!(bias.len(), c.cols, "as many biases as columns");
    }
    let (target, c_row, cols, b) = (Pointer(c.data), c.row_stride, c.cols, b.view());
    team.phase(split.members, move |member, _| {
        // SAFETY: there is a copy for each member, and a phase runs each member once.
        let copy = unsafe { &mut *copies.at(member) };
        copy.gather(isa, rows, examples);
        let Form::Sparse(x) = &copy.form else { unreachable!("all copies are of one form") };
        let (_, cols) = split.block(member, rows, cols);
        // SAFETY: the columns lie inside C, which is borrowed exclusively until the phase is over, and members own different ones.
        let mut part = unsafe { MatMut::from_raw(target.at(cols.start), rows, cols.len(), c_row, LINE) };
        let bias = match start {
            Start::Bias(bias) => Some(bias),
            Start::Zero => {
                (0..rows).for_each(|row| part.row_mut(row).fill(0.0));
                None
            }
            Start::Scaled(factor) => {
                (0..rows).for_each(|row| part.row_mut(row).iter_mut().for_each(|x| *x *= factor));
                None
            }
        };
        // (Its contract: shapes were checked, and members own different columns.)
        isa.run(sparse::Forward { x, b, bias, c: target.at(0), c_row, cols: cols.clone() });
        epilogue.finish(isa, &mut part, 0, cols.start);
    });
}

/// C ← C + Xᵀ·B for the inputs X (k × m) last gathered, B (k × n), C (m × n): the first layer's update. Rows of C
/// whose input is 0 in every example aren't touched. Members own the columns that they owned in [`gather_gemm`].
///
/// # Panics
///
/// If the shapes don't fit, B's rows aren't contiguous, or nothing has been gathered.
pub fn accumulate_gathered(team: &Team<'_>, x: &TeamInputs, b: Mat<'_>, c: &mut Panels) {
    assert!((1..=team.members()).contains(&x.sharing), "inputs gathered by this team");
    assert_eq!(x.examples(), b.rows, "inner sizes of a product");
    assert_eq!(x.inputs(), c.rows(), "rows of a product");
    assert_eq!(b.cols, c.cols(), "columns of a product");
    let split = Split::among(x.sharing, c.rows(), c.cols());
    if let Form::Compact(_) = x.copies[0].form {
        let gathered = move |member| Left::InputsTransposed(x.compact(member), x.compact(member).active());
        return run(team, split, gathered, b, &mut c.view_mut(), Start::Scaled(1.0), &Store);
    }
    assert!(b.has_row_slices(), "a sparse product reads contiguous rows");
    let (isa, rows, cols, c) = (team.isa(), c.rows(), c.cols(), c.view_mut());
    let (target, c_panel, split) = (Pointer(c.data), c.col_panel, split.by_cols(cols));
    team.phase(split.members, move |member, _| {
        let copy = &x.copies[member];
        let Form::Sparse(x) = &copy.form else { unreachable!("all copies are of one form") };
        let (_, cols) = split.block(member, rows, cols);
        // (Its contract: shapes were checked, and members own different panels of C.)
        isa.run(sparse::Update { x, b, c: target.at(0), c_panel, cols, expected: &copy.expected });
    });
}

/// How members share a product: each owns a block of columns, whole cache lines of them, or, where these are too few, a
/// block of rows.
#[derive(Clone, Copy)]
struct Split {
    members: usize,
    by_rows: bool,
}

impl Split {
    /// As many of `members` as an (m × k)·(k × n) product is worth.
    fn new(members: usize, m: usize, n: usize, k: usize) -> Split {
        Split::among(sizes::members(members, m, n, k), m, n)
    }

    /// All of `members`.
    fn among(members: usize, m: usize, n: usize) -> Split {
        Split { members, by_rows: members > 1 && n < LINE * members && m > n }
    }

    /// By columns in any case, of which there are `n`.
    fn by_cols(self, n: usize) -> Split {
        Split { members: self.members.min(n.div_ceil(LINE)).max(1), by_rows: false }
    }

    /// The block of an (m × n) matrix that is `member`'s.
    fn block(&self, member: usize, m: usize, n: usize) -> (Range<usize>, Range<usize>) {
        if self.by_rows {
            // Whole blocks of examples.
            let blocks = m.div_ceil(BLOCK);
            let at = |member: usize| (blocks * member / self.members * BLOCK).min(m);
            (at(member)..at(member + 1), 0..n)
        } else {
            (0..m, column_block(n, self.members, member))
        }
    }
}

/// The left operand A (m × k).
#[derive(Clone, Copy)]
enum Left<'a> {
    /// A matrix.
    View(Mat<'a>),
    /// Examples × active inputs; step p of a chain belongs to row `active[p]` of B.
    Inputs(&'a CompactInputs),
    /// Active inputs × examples; row i belongs to this row of C.
    InputsTransposed(&'a CompactInputs, &'a [u32]),
}

impl Left<'_> {
    /// k, the length of the chains.
    fn depth(&self) -> usize {
        match self {
            Left::View(a) => a.cols,
            Left::Inputs(x) => x.active().len(),
            Left::InputsTransposed(x, _) => x.examples(),
        }
    }
}

/// Computes C in one phase; `left` gives each member its A.
fn run<'a>(
    team: &Team<'_>,
    split: Split,
    left: impl Fn(usize) -> Left<'a> + Sync,
    b: Mat<'_>,
    c: &mut MatMut<'_>,
    start: Start<'_>,
    epilogue: &dyn Epilogue,
) {
    assert_eq!(b.cols, c.cols, "columns of a product");
    if let Start::Bias(bias) = start {
        assert_eq!(bias.len(), c.cols, "as many biases as columns");
    }
    if c.rows == 0 || c.cols == 0 {
        return;
    }
    let (isa, cols, rows, target) = (team.isa(), c.cols, c.rows, Pointer(c.data));
    let (c_stride, c_panel) = (c.row_stride, c.col_panel);
    // Everything by value: what the closure only refers to would be fetched from the driver's cache one after the other.
    team.phase(split.members, move |member, scratch| {
        let a = left(member);
        let rows = if let Left::InputsTransposed(x, _) = a { x.active().len() } else { rows };
        let (rows, cols) = split.block(member, rows, cols);
        let end = End::Epilogue(epilogue);
        let product = Product { a, b, c: target.at(0), c_stride, c_panel, start, end, isa };
        // SAFETY: shapes were checked, and blocks of different members are disjoint.
        unsafe { product.block(rows, cols, scratch) }
    });
}

/// A product whose shapes have been checked, ready to be computed block by block.
#[derive(Clone, Copy)]
struct Product<'a> {
    /// (m × k)
    a: Left<'a>,
    /// (k × n), or all rows of which `a` selects k
    b: Mat<'a>,
    /// (m × n), or all rows of which `a` selects m; row-major or in panels
    c: *mut f32,
    c_stride: usize,
    c_panel: usize,
    start: Start<'a>,
    end: End<'a>,
    isa: Isa,
}

/// What is done to a part of C that is complete.
#[derive(Clone, Copy)]
enum End<'a> {
    Epilogue(&'a dyn Epilogue),
    /// C is a chunk of a gradient, and goes into a step.
    Descent(&'a descent::Sink<'a>),
}

impl Product<'_> {
    /// Computes `rows` × `cols` of C.
    ///
    /// # Safety
    ///
    /// The block must lie inside C, which must be valid to write, and no other thread may touch it meanwhile.
    unsafe fn block(&self, rows: Range<usize>, cols: Range<usize>, scratch: &mut Scratch) {
        if rows.is_empty() || cols.is_empty() {
            return;
        }
        // SAFETY: the caller's contract is the same.
        unsafe {
            // Few examples, all of the active inputs, and columns of B that follow one another.
            let few = |x: &CompactInputs| {
                let fused = self.isa.class() == ArithmeticClass::Fused;
                fused && (1..=sizes::GATHERED_ROWS).contains(&x.examples()) && self.b.col_stride == 1
            };
            match self.a {
                Left::Inputs(x) if few(x) && rows == (0..x.examples()) => {
                    return self.isa.run(gathered::Forward { x, product: *self, cols });
                }
                Left::View(a)
                    if self.isa.class() == ArithmeticClass::Fused
                        && rows.len() * cols.len() * self.b.rows <= sizes::SMALL =>
                {
                    return self.isa.run(small::Small { a, product: *self, rows, cols, scratch });
                }
                _ => {}
            }
            if self.isa.class() == ArithmeticClass::Matrixmultiply {
                self.block_by_matrixmultiply(rows, cols);
            } else {
                self.isa.run(blocking::Block { product: *self, rows, cols, scratch });
            }
        }
    }

    /// How far column `col` of C is from the first.
    #[inline(always)]
    fn across(&self, col: usize) -> usize {
        along(col, 1, self.c_panel)
    }

    /// The view of C's block.
    ///
    /// # Safety
    ///
    /// As for [`block`](Self::block).
    unsafe fn c_block(&self, rows: Range<usize>, cols: Range<usize>) -> MatMut<'_> {
        // SAFETY: the block lies inside C and is the caller's alone.
        unsafe {
            let data = self.c.add(rows.start * self.c_stride + self.across(cols.start));
            MatMut::from_raw(data, rows.len(), cols.len(), self.c_stride, self.c_panel)
        }
    }

    /// Calls the epilogue on a complete part of C.
    ///
    /// # Safety
    ///
    /// As for [`block`](Self::block).
    unsafe fn finish(&self, rows: Range<usize>, cols: Range<usize>) {
        match self.end {
            // SAFETY: as the caller's.
            End::Descent(descent) => unsafe { descent.finish(self, rows, cols) },
            // Its rows are scattered, and it has no epilogue.
            End::Epilogue(_) if matches!(self.a, Left::InputsTransposed(..)) => {}
            End::Epilogue(epilogue) => {
                let (row, col) = (rows.start, cols.start);
                // SAFETY: as the caller's.
                let mut part = unsafe { self.c_block(rows, cols) };
                epilogue.finish(self.isa, &mut part, row, col);
            }
        }
    }

    /// Writes the starting values into the block of C.
    ///
    /// # Safety
    ///
    /// As for [`block`](Self::block).
    unsafe fn write_start(&self, rows: Range<usize>, cols: Range<usize>) {
        for first in cols.clone().step_by(BLOCK) {
            let part = first..cols.end.min(first + BLOCK);
            // SAFETY: as the caller's.
            let mut c = unsafe { self.c_block(rows.clone(), part.clone()) };
            for row in 0..rows.len() {
                let row = c.row_mut(row);
                match self.start {
                    Start::Zero => row.fill(0.0),
                    Start::Bias(bias) => row.copy_from_slice(&bias[part.clone()]),
                    Start::Scaled(1.0) => {}
                    Start::Scaled(factor) => row.iter_mut().for_each(|x| *x *= factor),
                }
            }
        }
    }

    /// The block by the matrixmultiply crate, which packs and allocates on every call.
    ///
    /// Inputs are all active on this path, so rows of B and C that `a` selects are simply all of them. It knows no panels:
    /// where B or C stand in some, they are taken 16 columns (or steps) at a time.
    ///
    /// # Safety
    ///
    /// As for [`block`](Self::block).
    unsafe fn block_by_matrixmultiply(&self, rows: Range<usize>, cols: Range<usize>) {
        let b = self.b;
        let step = |panel: usize, stride: usize, len: usize| {
            if panel == BLOCK * stride { len.max(1) } else { BLOCK }
        };
        let col_step = step(b.col_panel, b.col_stride, cols.len()).min(step(self.c_panel, 1, cols.len()));
        for first in cols.clone().step_by(col_step) {
            let part = first..cols.end.min(first + col_step);
            // SAFETY: A's rows and B's columns of the block lie inside the operands, whose shapes were checked against C's; a
            // block of inputs has a line of `BLOCK` values for each input, and lines past the last example are 0. Strides fit
            // isize because the storage does.
            unsafe {
                self.write_start(rows.clone(), part.clone());
                let c = self.c_block(rows.clone(), part.clone()).data;
                // C(rows from `first_row` on) += A·B(steps, part).
                let multiply =
                    |m, a: *const f32, a_row: usize, a_col: usize, steps: Range<usize>, first_row: usize| {
                        let (b_at, k) = (b.data.add(b.offset(steps.start, part.start)), steps.len());
                        let (a_row, a_col) = (a_row as isize, a_col as isize);
                        let (b_row, b_col) = (b.row_stride as isize, b.col_stride as isize);
                        let c = c.add(first_row * self.c_stride);
                        let (n, c_row) = (part.len(), self.c_stride as isize);
                        matrixmultiply::sgemm(
                            m, k, n, 1.0, a, a_row, a_col, b_at, b_row, b_col, 1.0, c, c_row, 1,
                        );
                    };
                match self.a {
                    Left::View(a) => {
                        let step = step(b.row_panel, b.row_stride, b.rows).min(step(
                            a.col_panel,
                            a.col_stride,
                            b.rows,
                        ));
                        for p in (0..b.rows).step_by(step) {
                            let at = a.data.add(a.offset(rows.start, p));
                            multiply(rows.len(), at, a.row_stride, a.col_stride, p..b.rows.min(p + step), 0);
                        }
                    }
                    Left::Inputs(x) => {
                        for first in rows.clone().step_by(BLOCK) {
                            let examples = BLOCK.min(rows.end - first);
                            multiply(
                                examples,
                                x.block(first / BLOCK),
                                1,
                                BLOCK,
                                0..b.rows,
                                first - rows.start,
                            );
                        }
                    }
                    Left::InputsTransposed(x, _) => {
                        for p in (0..b.rows).step_by(BLOCK) {
                            let a = x.block(p / BLOCK).add(rows.start * BLOCK);
                            multiply(rows.len(), a, BLOCK, 1, p..b.rows.min(p + BLOCK), 0);
                        }
                    }
                }
                self.finish(rows.clone(), part);
            }
        }
    }
}
