//! The gradient product that ends in an optimiser's step: G = A·B is computed chunk by chunk, each as large as the second-level
//! cache has room for, and a part of a chunk that is complete goes into the step while it is in the first-level cache. So a
//! step is one pass over parameters and moments, and there is no gradient of a whole layer.

use super::sizes::cuts;
use super::{End, Product, Start};
use crate::elementwise::{Descent, MOST_MOMENTS, Place, descend_raw};
use crate::matrix::{LINE, Mat, MatMut};
use crate::simd::Isa;
use crate::team::{Buffer, Pointer, Scratch, Split, Team};
use std::ops::Range;

/// Values of a chunk of G: 256 KiB, an eighth to a quarter of a second-level cache, which the packed operands share.
const CHUNK: usize = 64 * 1024;

/// Columns of a chunk.
const CHUNK_COLS: usize = 1024;

/// Parameters and moments, all laid out alike, and the step that they take.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    /// p and its moments; p again where it has fewer.
    state: [Pointer<f32>; 1 + MOST_MOMENTS],
    row: usize,
    panel: usize,
    descent: Descent<'a>,
}

impl<'a> Target<'a> {
    /// # Panics
    ///
    /// If P and its moments aren't laid out alike, or there are more or fewer moments than the step has.
    pub(crate) fn new(p: &mut MatMut<'_>, moments: &mut [MatMut<'_>], descent: Descent<'a>) -> Target<'a> {
        assert_eq!(moments.len(), descent.moments(), "moments of an optimiser");
        let layout = |x: &MatMut<'_>| (x.rows, x.cols, x.row_stride, x.col_panel);
        assert!(moments.iter().all(|moment| layout(moment) == layout(p)), "parameters and moments alike");
        let mut state = [Pointer(p.data); 1 + MOST_MOMENTS];
        state[1..].iter_mut().zip(&*moments).for_each(|(to, moment)| *to = Pointer(moment.data));
        Target { state, row: p.row_stride, panel: p.col_panel, descent }
    }

    /// Takes the step of `rows` × `cols`, whose gradient begins at `g`.
    ///
    /// # Safety
    ///
    /// The rectangle must lie inside the parameters and moments, which must be valid to write and touched by no other thread
    /// meanwhile; as large a gradient must be valid to read.
    pub(crate) unsafe fn step(&self, isa: Isa, rows: Range<usize>, cols: Range<usize>, g: Place) {
        let Target { state, row, panel, descent } = *self;
        let state = state.map(|x| Place { data: x.at(0), row, panel }.at(rows.start, cols.start));
        // SAFETY: as the caller's.
        unsafe { descend_raw(isa, descent, (rows.len(), cols.len()), &state, g) };
    }
}

/// Copies `from`, whose rows are slices, into panels in `to`.
fn to_panels<'a>(from: Mat<'_>, to: &'a mut Buffer) -> MatMut<'a> {
    let lines = from.cols.div_ceil(LINE).checked_mul(from.rows);
    let values = lines.and_then(|lines| lines.checked_mul(LINE));
    let to = to.room(values.expect("a product's right operand must fit in memory"));
    for k in 0..from.rows {
        for (panel, values) in from.row(k).chunks(LINE).enumerate() {
            to[(panel * from.rows + k) * LINE..][..values.len()].copy_from_slice(values);
        }
    }
    // SAFETY: element (k, j) is value j % 16 of line j/16·rows + k, and `to` is borrowed as long as the view.
    unsafe { MatMut::from_raw(to.as_mut_ptr(), from.rows, from.cols, LINE, from.rows * LINE) }
}

/// P and its moments take the step `descent` against the gradient A·B, for A (m × k), B (k × n), P and moments (m × n).
///
/// Each element of the gradient is one chain of fused multiply-adds over k, ascending, from 0, as in [`gemm`](super::gemm).
/// Members own the columns that they own there.
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
    descent: Descent<'_>,
) {
    assert_eq!(a.cols, b.rows, "inner sizes of a product");
    assert_eq!(a.rows, p.rows, "rows of a product");
    assert_eq!(b.cols, p.cols, "columns of a product");
    assert!(a.is_strided(), "A isn't in panels");
    assert!(b.is_strided_or_panels(), "B is in panels along one dimension at most");
    let (isa, rows, cols, target) = (team.isa(), p.rows, p.cols, Target::new(p, moments, descent));
    if rows == 0 || cols == 0 {
        return;
    }
    let split = Split::new(team, rows, cols, a.cols);
    team.phase(split.members, move |member, scratch| {
        let (rows, cols) = split.piece(member, rows, cols);
        // SAFETY: shapes were checked, and pieces of different members are disjoint.
        unsafe { descend_piece(isa, a, b, &target, rows, cols, scratch) }
    });
}

/// Takes the step of `rows` × `cols` of the parameters against those of A·B, whose shapes have been checked.
///
/// # Safety
///
/// The piece must lie inside the parameters and moments, which must be valid to write, and no other thread may touch it
/// meanwhile.
pub(crate) unsafe fn descend_piece(
    isa: Isa,
    a: Mat<'_>,
    b: Mat<'_>,
    target: &Target<'_>,
    rows: Range<usize>,
    cols: Range<usize>,
    scratch: &mut Scratch,
) {
    // The products pack their operands into the first two.
    let [.., gradient, panels] = &mut scratch.buffers;
    let (mut gradient, mut panels) = (std::mem::take(gradient), std::mem::take(panels));
    for cols in cuts(cols, CHUNK_COLS) {
        let height = (CHUNK / cols.len().next_multiple_of(LINE)).next_multiple_of(LINE);
        let height = height.min(rows.len().next_multiple_of(LINE));
        let chunk = gradient.room(cols.len().next_multiple_of(LINE) * height).as_mut_ptr();
        let mut right = b.part(0..b.rows, cols.clone());
        let in_panels;
        if rows.len() > height && right.has_row_slices() {
            in_panels = to_panels(right, &mut panels);
            right = in_panels.as_mat();
        }
        for rows in cuts(rows.clone(), height) {
            let to = Chunk { target, row: rows.start, col: cols.start };
            let product = Product {
                a: a.part(rows.clone(), 0..a.cols),
                b: right,
                c: chunk,
                c_stride: LINE,
                c_panel: height * LINE,
                start: Start::Zero,
                end: End::Descent(&to),
                isa,
            };
            // SAFETY: the chunk is this function's, and as large as was asked for; parameters and moments of the chunk are the
            // caller's alone.
            unsafe { product.piece(0..rows.len(), 0..cols.len(), scratch) };
        }
    }
    let [packed_a, packed_b, ..] = std::mem::take(&mut scratch.buffers);
    scratch.buffers = [packed_a, packed_b, gradient, panels];
}

/// The place of a chunk of G in the parameters: that of its first element.
pub(crate) struct Chunk<'a> {
    target: &'a Target<'a>,
    row: usize,
    col: usize,
}

impl Chunk<'_> {
    /// Takes the step for the part `rows` × `cols` of the chunk, whose gradient is complete.
    ///
    /// # Safety
    ///
    /// As for [`Product::piece`], whose C is the chunk; the same must hold for the parameters and moments there.
    pub(super) unsafe fn finish(&self, product: &Product<'_>, rows: Range<usize>, cols: Range<usize>) {
        let Product { c, c_stride, c_panel, isa, .. } = *product;
        let g = Place { data: c, row: c_stride, panel: c_panel }.at(rows.start, cols.start);
        let in_parameters = |range: Range<usize>, first: usize| range.start + first..range.end + first;
        let (rows, cols) = (in_parameters(rows, self.row), in_parameters(cols, self.col));
        // SAFETY: as the caller's.
        unsafe { self.target.step(isa, rows, cols, g) };
    }
}
