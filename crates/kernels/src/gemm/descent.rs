//! The gradient product that ends in an optimiser's step: G = A·B is computed chunk by chunk, each as large as the second-level
//! cache has room for, and a part of a chunk that is complete goes into the step while it is in the first-level cache. So a
//! step is one pass over parameters and moments, and there is no gradient of a whole layer.

use super::{End, Left, Product, Scratch, Split, Start};
use crate::compact::{BLOCK, CompactInputs};
use crate::elementwise::{Descent, Place, descend_raw};
use crate::inputs::TeamInputs;
use crate::isa::{ArithmeticClass, Isa};
use crate::matrix::Matrix;
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
    /// For each active input, its row in its chunk.
    rows: Vec<u32>,
}

impl Default for Buffers {
    fn default() -> Buffers {
        Buffers { gradient: Matrix::zeros(0, BLOCK), right: Matrix::zeros(0, BLOCK), rows: Vec::new() }
    }
}

/// Makes room for `lines` lines; allocates only when they grow.
fn grow(buffer: &mut Matrix, lines: usize) {
    if buffer.rows() < lines {
        *buffer = Matrix::zeros(lines, BLOCK);
    }
}

/// Copies `from`, whose rows are slices, into panels in `to`.
fn to_panels<'a>(from: Mat<'_>, to: &'a mut Matrix) -> MatMut<'a> {
    grow(to, from.cols.div_ceil(BLOCK) * from.rows);
    for k in 0..from.rows {
        for (panel, values) in from.row(k).chunks(BLOCK).enumerate() {
            to.row_mut(panel * from.rows + k)[..values.len()].copy_from_slice(values);
        }
    }
    let data = to.view_mut().data;
    // SAFETY: element (k, j) is value j % 16 of line j/16·rows + k, and `to` is borrowed as long as the view.
    unsafe { MatMut::from_raw(data, from.rows, from.cols, BLOCK, from.rows * BLOCK) }
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
    assert!(a.row_panel == BLOCK * a.row_stride && a.col_panel == BLOCK * a.col_stride, "A isn't in panels");
    let split = Split::new(team.members(), p.rows, p.cols, a.cols);
    run(team, split, |_| Source::View(a), b, p, moments, descent);
}

/// P and its moments take the step `descent` against the gradient Xᵀ·B for the inputs X (k × m) last gathered, B (k × n), P and
/// moments (m × n): the first layer's. Members own the columns that they owned in [`gather_gemm`](super::gather_gemm).
///
/// Inputs that are 0 in every example have a gradient of 0, which isn't computed; the step is taken all the same.
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
    let split = Split::among(x.sharing, p.rows, p.cols);
    run(team, split, |member: usize| Source::Gathered(x.compact(member)), b, p, moments, descent);
}

/// The left operand, of which each chunk takes a block of rows.
#[derive(Clone, Copy)]
enum Source<'a> {
    View(Mat<'a>),
    Gathered(&'a CompactInputs),
}

/// `range` in pieces of at most `step`.
fn pieces(range: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(step).map(move |at| at..end.min(at + step))
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
        let mut buffers = std::mem::take(&mut scratch.descent);
        let state = [&state[0], &state[1], &state[2]].map(|x| Place { data: x.at(0), row, panel });
        let member = Member { isa, source: source(member), b, state, descent };
        // SAFETY: shapes were checked, and blocks of different members are disjoint.
        unsafe { member.descend(rows, cols, &mut buffers, scratch) };
        scratch.descent = buffers;
    });
}

/// What a member works on.
struct Member<'a> {
    isa: Isa,
    source: Source<'a>,
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
        let Member { isa, source, b, state, descent } = *self;
        for cols in pieces(cols, CHUNK_COLS) {
            let height = match source {
                // It knows no other chunk of inputs than all of them.
                Source::Gathered(_) if isa.class() == ArithmeticClass::Matrixmultiply => {
                    rows.end.next_multiple_of(BLOCK)
                }
                _ => (CHUNK / cols.len().next_multiple_of(BLOCK)).next_multiple_of(BLOCK),
            };
            let height = height.min(rows.end.next_multiple_of(BLOCK));
            if let Source::Gathered(x) = source {
                buffers.rows.clear();
                // For all inputs at once: another minibatch has more active ones.
                buffers.rows.reserve(x.inputs());
                buffers.rows.extend(x.active().iter().map(|&input| input % height as u32));
            }
            grow(&mut buffers.gradient, cols.len().div_ceil(BLOCK) * height);
            let gradient = buffers.gradient.view_mut().data;
            let mut right = b.part(0..b.rows, cols.clone());
            let panels;
            if rows.len() > height && right.has_row_slices() {
                panels = to_panels(right, &mut buffers.right);
                right = panels.as_mat();
            }
            // Aligned, so that an input's row in its chunk doesn't depend on where the member's rows begin.
            let mut first = rows.start;
            while first < rows.end {
                let origin = first / height * height;
                let chunk = first..rows.end.min(origin + height);
                first = chunk.end;
                let (a, block, top) = match source {
                    Source::View(a) => {
                        let part = a.part(chunk.clone(), 0..a.cols);
                        (Left::View(part), 0..chunk.len(), chunk.start)
                    }
                    Source::Gathered(x) => {
                        let position = |row| x.active().partition_point(|&input| (input as usize) < row);
                        let block = position(chunk.start)..position(chunk.end);
                        (Left::InputsTransposed(x, &buffers.rows), block, origin)
                    }
                };
                let sink = Sink {
                    descent,
                    state: state.map(|place| place.at(top, cols.start)),
                    chunk: chunk.start - top..chunk.end - top,
                    inputs: matches!(source, Source::Gathered(_)).then(|| (block.clone(), &buffers.rows[..])),
                };
                let product = Product {
                    a,
                    b: right,
                    c: gradient,
                    c_stride: BLOCK,
                    c_panel: height * BLOCK,
                    start: Start::Zero,
                    end: End::Descent(&sink),
                    isa,
                };
                // SAFETY: the chunk of C is the buffers', as large as `grow` made it; parameters and moments of the chunk are the
                // caller's alone.
                unsafe {
                    if block.is_empty() {
                        sink.finish(&product, block, 0..cols.len());
                    } else {
                        product.block(block, 0..cols.len(), scratch);
                    }
                }
            }
        }
    }
}

/// Where parts of a chunk of G go.
pub(super) struct Sink<'a> {
    descent: Descent,
    /// p and its moments, from the chunk's first row and column on.
    state: [Place; 3],
    /// The rows of the buffer that are the chunk's.
    chunk: Range<usize>,
    /// Of gathered inputs: which active ones are the chunk's, and each active one's row in its chunk.
    inputs: Option<(Range<usize>, &'a [u32])>,
}

impl Sink<'_> {
    /// Takes the step for the part `rows` × `cols` of the chunk, whose gradient is complete. Of gathered inputs, `rows` are
    /// active ones, and the others up to the next are taken along: their gradient is 0.
    ///
    /// # Safety
    ///
    /// As for [`Product::block`], whose C is the chunk; the same must hold for the parameters and moments there.
    pub(super) unsafe fn finish(&self, product: &Product<'_>, rows: Range<usize>, cols: Range<usize>) {
        let Product { c, c_stride, c_panel, isa, .. } = *product;
        let g = Place { data: c, row: c_stride, panel: c_panel };
        let rows = match &self.inputs {
            None => rows,
            Some((active, row_of)) => {
                let start =
                    if rows.start == active.start { self.chunk.start } else { row_of[rows.start] as usize };
                let end = if rows.end == active.end { self.chunk.end } else { row_of[rows.end] as usize };
                let mut computed = row_of[rows].iter().peekable();
                for row in start..end {
                    if computed.next_if(|&&next| next as usize == row).is_none() {
                        for first in cols.clone().step_by(BLOCK) {
                            let width = BLOCK.min(cols.end - first);
                            // SAFETY: the row lies in the chunk, and so do the columns.
                            unsafe { g.at(row, first).data.write_bytes(0, width) };
                        }
                    }
                }
                start..end
            }
        };
        let shape = (rows.len(), cols.len());
        let state = self.state.map(|place| place.at(rows.start, cols.start));
        // SAFETY: as the caller's.
        unsafe { descend_raw(isa, self.descent, shape, state, g.at(rows.start, cols.start)) };
    }
}
