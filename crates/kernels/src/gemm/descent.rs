//! The gradient product that ends in an optimiser's step: G = A·B is computed chunk by chunk, each as large as the second-level
//! cache has room for, and a part of a chunk that is complete goes into the step while it is in the first-level cache. So a
//! step is one pass over parameters and moments, and there is no gradient of a whole layer.

use super::blocking::pieces;
use super::{End, Product, Scratch, Split, Start};
use crate::elementwise::{Descent, Place, descend_raw};
use crate::inputs::{Form, MemberInputs, TeamInputs};
use crate::isa::Isa;
use crate::matrix::Matrix;
use crate::prefetch::Expected;
use crate::sparse::{self, SparseInputs};
use crate::storage::LINE;
use crate::team::{Pointer, Team};
use crate::view::{Mat, MatMut};
use std::ops::Range;

/// Values of a chunk of G: 256 KiB, an eighth to a quarter of a second-level cache, which the packed operands share.
const CHUNK: usize = 64 * 1024;

/// Columns of a chunk.
const CHUNK_COLS: usize = 1024;

/// What a member needs for a chunk.
pub(crate) struct Buffers {
    /// Lines of 16 values: the chunk, in panels.
    gradient: Matrix,
    /// Lines of 16 values: a member's columns of B in panels, which no chunk packs again.
    right: Matrix,
}

impl Default for Buffers {
    fn default() -> Buffers {
        Buffers { gradient: Matrix::zeros(0, LINE), right: Matrix::zeros(0, LINE) }
    }
}

/// Makes room for `lines` lines; allocates only when they grow.
fn grow(buffer: &mut Matrix, lines: usize) {
    if buffer.rows() < lines {
        *buffer = Matrix::zeros(lines, LINE);
    }
}

/// Copies `from`, whose rows are slices, into panels in `to`.
fn to_panels<'a>(from: Mat<'_>, to: &'a mut Matrix) -> MatMut<'a> {
    let lines = from.cols.div_ceil(LINE).checked_mul(from.rows);
    grow(to, lines.expect("a product's right operand must fit in memory"));
    for k in 0..from.rows {
        for (panel, values) in from.row(k).chunks(LINE).enumerate() {
            to.row_mut(panel * from.rows + k)[..values.len()].copy_from_slice(values);
        }
    }
    let data = to.view_mut().data;
    // SAFETY: element (k, j) is value j % 16 of line j/16·rows + k, and `to` is borrowed as long as the view.
    unsafe { MatMut::from_raw(data, from.rows, from.cols, LINE, from.rows * LINE) }
}

/// P and its moments take the step `descent` against the gradient A·B, for A (m × k), B (k × n), P and moments (m × n).
///
/// Each element of the gradient is one chain of fused multiply-adds over k, ascending, from 0, as in [`gemm`](super::gemm).
/// Members own blocks of columns as they do there.
///
/// # Panics
///
/// If the shapes don't fit, A stands in panels, P and its moments aren't laid out alike, or there are more or fewer moments than
/// the step has.
pub fn descend_gemm(
    team: &Team<'_>,
    a: Mat<'_>,
    b: Mat<'_>,
    p: &mut MatMut<'_>,
    moments: &mut [MatMut<'_>],
    descent: Descent,
) {
    assert_eq!(a.cols, b.rows, "inner sizes of a product");
    assert_eq!(a.rows, p.rows, "rows of a product");
    assert!(a.is_strided(), "A isn't in panels");
    let split = Split::new(team, p.rows, p.cols, a.cols);
    run(team, split, |_| Source::View(a), b, p, moments, descent);
}

/// P and its moments take the step `descent` against the gradient Xᵀ·B for the inputs X (k × m) last gathered, B (k × n), P and
/// moments (m × n): the first layer's. Members own the columns that they owned in [`gather_gemm`](super::gather_gemm).
///
/// Inputs that are 0 in every example have a gradient of 0, which isn't computed; the step is taken all the same. The gradient is
/// made in parts of 64 by 64, which don't leave the first-level cache before their step.
///
/// # Panics
///
/// As [`descend_gemm`], and if nothing has been gathered.
pub fn descend_gathered(
    team: &Team<'_>,
    x: &TeamInputs,
    b: Mat<'_>,
    p: &mut MatMut<'_>,
    moments: &mut [MatMut<'_>],
    descent: Descent,
) {
    assert!((1..=team.members()).contains(&x.sharing), "inputs gathered by this team");
    assert_eq!(x.examples(), b.rows, "inner sizes of a product");
    assert_eq!(x.inputs(), p.rows, "rows of a product");
    assert!(b.has_row_slices(), "the first layer's gradient reads contiguous rows");
    let split = Split::among(x.sharing, p.rows, p.cols);
    let source = |member: usize| match &x.copies[member] {
        MemberInputs { form: Form::Sparse(x), expected } => Source::Sparse(x, expected),
        MemberInputs { form: Form::Dense(x), .. } => Source::View(x.top(b.rows).transposed()),
        MemberInputs { form: Form::Grouped(_), .. } => panic!("inputs that are only to be accumulated"),
    };
    run(team, split, source, b, p, moments, descent);
}

/// The left operand, of which each chunk takes a block of rows.
#[derive(Clone, Copy)]
enum Source<'a> {
    View(Mat<'a>),
    Sparse(&'a SparseInputs, &'a Expected),
}

/// Takes the step in one phase; `source` gives each member its A.
fn run<'a>(
    team: &Team<'_>,
    split: Split,
    source: impl Fn(usize) -> Source<'a> + Sync,
    b: Mat<'_>,
    p: &mut MatMut<'_>,
    moments: &mut [MatMut<'_>],
    descent: Descent,
) {
    assert_eq!(moments.len(), descent.moments(), "moments of an optimiser");
    assert_eq!(b.cols, p.cols, "columns of a product");
    assert!(b.is_strided_or_panels(), "B is in panels along one dimension at most");
    let layout = |x: &MatMut<'_>| (x.rows, x.cols, x.row_stride, x.col_panel);
    assert!(moments.iter().all(|moment| layout(moment) == layout(p)), "parameters and moments alike");
    if p.rows == 0 || p.cols == 0 {
        return;
    }
    let (isa, rows, cols, row, panel) = (team.isa(), p.rows, p.cols, p.row_stride, p.col_panel);
    let second = moments.len() - 1;
    let state = [p.data, moments[0].data, moments[second].data].map(Pointer);
    team.phase(split.members, move |member, scratch| {
        let (rows, cols) = split.block(member, rows, cols);
        let state = [&state[0], &state[1], &state[2]].map(|x| Place { data: x.at(0), row, panel });
        match source(member) {
            Source::Sparse(x, expected) => {
                let finish = |g: Place, rows: Range<usize>, cols: Range<usize>| {
                    let state = state.map(|place| place.at(rows.start, cols.start));
                    // SAFETY: shapes were checked, and blocks of different members are disjoint.
                    unsafe { descend_raw(isa, descent, (rows.len(), cols.len()), state, g) };
                };
                scratch.reserve([0, 0], [x.examples(), sparse::STRIP]);
                let (quads, errors, finish) = (sparse::quads(&rows), scratch.b.row_mut(0), &finish);
                // (Its contract: shapes were checked.)
                isa.run(sparse::Gradient { x, b, quads, cols, errors, expected, finish });
            }
            Source::View(a) => {
                let mut buffers = std::mem::take(&mut scratch.descent);
                // SAFETY: shapes were checked, and blocks of different members are disjoint.
                unsafe { Member { isa, a, b, state, descent }.descend(rows, cols, &mut buffers, scratch) };
                scratch.descent = buffers;
            }
        }
    });
}

/// What a member works on.
struct Member<'a> {
    isa: Isa,
    a: Mat<'a>,
    b: Mat<'a>,
    /// p and its moments
    state: [Place; 3],
    descent: Descent,
}

impl Member<'_> {
    /// The step of `rows` × `cols`.
    ///
    /// # Safety
    ///
    /// The block must lie inside the parameters and moments, which must be valid to write, and no other thread may touch it
    /// meanwhile.
    unsafe fn descend(
        &self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffers: &mut Buffers,
        scratch: &mut Scratch,
    ) {
        let Member { isa, a, b, state, descent } = *self;
        for cols in pieces(cols, CHUNK_COLS) {
            let height = (CHUNK / cols.len().next_multiple_of(LINE)).next_multiple_of(LINE);
            let height = height.min(rows.len().next_multiple_of(LINE));
            grow(&mut buffers.gradient, cols.len().div_ceil(LINE) * height);
            let gradient = buffers.gradient.view_mut().data;
            let mut right = b.part(0..b.rows, cols.clone());
            let panels;
            if rows.len() > height && right.has_row_slices() {
                panels = to_panels(right, &mut buffers.right);
                right = panels.as_mat();
            }
            for chunk in pieces(rows.clone(), height) {
                let sink = Sink { descent, state: state.map(|place| place.at(chunk.start, cols.start)) };
                let product = Product {
                    a: a.part(chunk.clone(), 0..a.cols),
                    b: right,
                    c: gradient,
                    c_stride: LINE,
                    c_panel: height * LINE,
                    start: Start::Zero,
                    end: End::Descent(&sink),
                    isa,
                };
                // SAFETY: the chunk of C is the buffers', as large as `grow` made it; parameters and moments of the chunk are the
                // caller's alone.
                unsafe { product.block(0..chunk.len(), 0..cols.len(), scratch) };
            }
        }
    }
}

/// Where parts of a chunk of G go.
pub(super) struct Sink {
    descent: Descent,
    /// p and its moments, from the chunk's first row and column on.
    state: [Place; 3],
}

impl Sink {
    /// Takes the step for the part `rows` × `cols` of the chunk, whose gradient is complete.
    ///
    /// # Safety
    ///
    /// As for [`Product::block`], whose C is the chunk; the same must hold for the parameters and moments there.
    pub(super) unsafe fn finish(&self, product: &Product<'_>, rows: Range<usize>, cols: Range<usize>) {
        let Product { c, c_stride, c_panel, isa, .. } = *product;
        let g = Place { data: c, row: c_stride, panel: c_panel }.at(rows.start, cols.start);
        let state = self.state.map(|place| place.at(rows.start, cols.start));
        // SAFETY: as the caller's.
        unsafe { descend_raw(isa, self.descent, (rows.len(), cols.len()), state, g) };
    }
}
