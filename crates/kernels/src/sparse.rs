//! The inputs of a few examples without their zeros, and the product over them: the first layer of inference.
//!
//! [`CompactInputs`](crate::CompactInputs) leaves out what is 0 in a whole minibatch, because the update reads it too. Inference
//! has no update, and the fewer examples are looked at together, the more they leave out: of a digit's 784 pixels 415
//! aren't 0 in all of 16 images, some 260 in all of four, 150 in one. Four rows by two registers are just enough chains
//! to keep the multipliers busy, so four examples share a list.

use crate::isa::{ArithmeticClass, Isa, Kernel};
use crate::math;
use crate::matrix::Panels;
use crate::storage::LINE;
use crate::vector::Vector;
use crate::view::MatMut;

/// Examples that share a list of active inputs.
const GROUP: usize = 4;

/// How many groups ahead of itself the gather asks the memory for bytes, where examples follow one another: as those of a
/// test set do.
const AHEAD: usize = 2;

/// Registers of columns that a group's sums take across, at most.
const MAX_VECTORS: usize = 4;

/// Inputs X of some examples, in groups of four, each without the inputs that are 0 in the whole group.
///
/// ```
/// use minibatch_kernels::{Isa, Matrix, Panels, SparseInputs, sparse_gemm};
///
/// let mut w = Panels::zeros(3, 2);
/// (0..3).for_each(|k| w.set(k, 1, k as f32));
/// let (isa, mut x, mut c) = (Isa::detect(), SparseInputs::new(3, 1), Matrix::zeros(1, 2));
/// x.gather_bytes(isa, 1, |_| &[0, 51, 255]);
/// sparse_gemm(isa, &x, &w, &[0.5, 0.0], &mut c.view_mut());
/// assert_eq!(c.row(0), [0.5, 2.2]);
/// ```
#[derive(Clone, Debug)]
pub struct SparseInputs {
    /// n_0
    inputs: usize,
    /// Examples there is room for.
    capacity: usize,
    /// Those of the examples taken in last.
    groups: Vec<Group>,
    /// Active inputs, group after group, ascending in each, all below `inputs`.
    indices: Vec<u32>,
    /// The values of each active input, `width` of them side by side, group after group.
    values: Vec<f32>,
    /// Values that an active input has: 4 (the group's examples; past the last, the first again), or 1.
    width: usize,
    /// The bytes of one group's active inputs.
    quads: Vec<[u8; GROUP]>,
}

/// Up to four examples.
#[derive(Clone, Copy, Debug)]
struct Group {
    examples: usize,
    /// Where its active inputs begin, and their number.
    start: usize,
    active: usize,
}

impl SparseInputs {
    /// Room for up to `examples` examples of `inputs` inputs.
    ///
    /// # Panics
    ///
    /// If there are more than 2³¹ inputs.
    pub fn new(inputs: usize, examples: usize) -> SparseInputs {
        assert!(inputs <= 1 << 31, "{inputs} inputs");
        let groups = examples.div_ceil(GROUP);
        // Groups begin at multiples of 4; the last stores may write 16 values too many.
        let active = groups * inputs.next_multiple_of(4) + LINE;
        SparseInputs {
            inputs,
            capacity: examples,
            groups: Vec::with_capacity(groups),
            indices: vec![0; active],
            values: vec![0.0; active * GROUP],
            width: GROUP,
            quads: vec![[0; GROUP]; inputs + LINE],
        }
    }

    /// n_0.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of examples.
    pub fn examples(&self) -> usize {
        self.groups.iter().map(|group| group.examples).sum()
    }

    /// Takes in `examples` examples of bytes, as numbers in [0, 1]: the correctly rounded x/255. `row(i)` is example i.
    ///
    /// # Panics
    ///
    /// If there is no room for the examples, or one hasn't n_0 inputs.
    pub fn gather_bytes<'a>(&mut self, isa: Isa, examples: usize, row: impl Fn(usize) -> &'a [u8]) {
        assert!(examples <= self.capacity, "{examples} examples, room for {}", self.capacity);
        self.groups.clear();
        self.width = GROUP;
        isa.run(GatherBytes { x: self, keep_all: keeps_all(isa), examples, row });
    }

    /// Takes in one example of numbers as they are.
    ///
    /// # Panics
    ///
    /// If there is no room for an example, or `row` hasn't n_0 inputs.
    pub fn gather_floats(&mut self, isa: Isa, row: &[f32]) {
        assert!(self.capacity > 0, "an example, room for none");
        assert_eq!(row.len(), self.inputs, "inputs of an example");
        self.groups.clear();
        self.width = 1;
        let active = if keeps_all(isa) {
            self.indices.iter_mut().zip(0..row.len()).for_each(|(index, i)| *index = i as u32);
            self.values[..row.len()].copy_from_slice(row);
            row.len()
        } else {
            isa.run(GatherFloats { x: self, row })
        };
        self.groups.push(Group { examples: 1, start: 0, active });
    }
}

/// Whether its products can't skip inputs.
fn keeps_all(isa: Isa) -> bool {
    isa.class() == ArithmeticClass::Matrixmultiply
}

/// [`SparseInputs::gather_bytes`].
struct GatherBytes<'x, R> {
    x: &'x mut SparseInputs,
    keep_all: bool,
    examples: usize,
    row: R,
}

impl<'a, R: Fn(usize) -> &'a [u8]> Kernel for GatherBytes<'_, R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let GatherBytes { x, keep_all, examples, row } = self;
        let mut start = 0;
        for first in (0..examples).step_by(GROUP) {
            let examples = GROUP.min(examples - first);
            let mut rows = [std::ptr::null(); GROUP];
            for (i, pointer) in rows.iter_mut().enumerate() {
                let row = row(if i < examples { first + i } else { first });
                assert_eq!(row.len(), x.inputs, "inputs of an example");
                *pointer = row.as_ptr();
            }
            // SAFETY: the rows have `inputs` bytes. The groups so far end at or before `start`, for each of which there is
            // room for `inputs` active ones; 16 more can be written after the last. `quads` holds one group's, and as many.
            unsafe {
                let (indices, quads) = (x.indices.as_mut_ptr().add(start), x.quads.as_mut_ptr());
                let active = if keep_all {
                    for j in 0..x.inputs {
                        indices.add(j).write(j as u32);
                        let [a, b, c, d] = rows;
                        quads.add(j).write([*a.add(j), *b.add(j), *c.add(j), *d.add(j)]);
                    }
                    x.inputs
                } else {
                    V::nonzero_quads(&rows, x.inputs, AHEAD * GROUP * x.inputs, indices, quads)
                };
                let values = x.values.as_mut_ptr().add(start * GROUP);
                for at in (0..active * GROUP).step_by(V::LANES) {
                    math::unit_from_byte(V::load_bytes(quads.cast::<u8>().add(at))).store(values.add(at));
                }
                x.groups.push(Group { examples, start, active });
                start += active.next_multiple_of(4);
            }
        }
    }
}

/// [`SparseInputs::gather_floats`]: the number of active inputs.
struct GatherFloats<'x, 'r> {
    x: &'x mut SparseInputs,
    row: &'r [f32],
}

impl Kernel for GatherFloats<'_, '_> {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> usize {
        let GatherFloats { x, row } = self;
        // SAFETY: there is room for `inputs` active ones, the row's length, and for 16 more.
        unsafe { V::nonzero_floats(row.as_ptr(), row.len(), x.indices.as_mut_ptr(), x.values.as_mut_ptr()) }
    }
}

/// C ← bias + X·B for the inputs X (m × k) last gathered, B (k × n), C (m × n), on the calling thread.
///
/// The chains are those of [`gemm`](crate::gemm), without the inputs that are 0, which change no bit as long as B is
/// finite.
///
/// # Panics
///
/// If the shapes don't fit, or C's rows aren't contiguous.
pub fn sparse_gemm(isa: Isa, x: &SparseInputs, b: &Panels, bias: &[f32], c: &mut MatMut<'_>) {
    assert_eq!(x.inputs, b.rows(), "inner sizes of a product");
    assert_eq!(x.examples(), c.rows, "rows of a product");
    assert_eq!(b.cols(), c.cols, "columns of a product");
    assert_eq!(bias.len(), c.cols, "as many biases as columns");
    assert!(c.as_mat().has_row_slices(), "a sparse product writes contiguous rows");
    let product = Product { x, b, bias, c };
    if keeps_all(isa) {
        product.run_by_matrixmultiply();
    } else {
        isa.run(product);
    }
}

/// A product whose shapes have been checked.
struct Product<'a, 'c> {
    x: &'a SparseInputs,
    b: &'a Panels,
    bias: &'a [f32],
    c: &'a mut MatMut<'c>,
}

/// The columns of C that a group's sums take across, in registers.
struct Strip {
    /// B's first element in these columns, and the distance of its panels.
    b: *const f32,
    panel: usize,
    bias: *const f32,
    /// Up to `VECTORS` registers.
    cols: usize,
}

impl Kernel for Product<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Product { x, b, bias, c } = self;
        // As many as there are registers for the sums of four rows; a strip is whole panels, or parts of one.
        let vectors = if V::TILE_ROWS * V::TILE_VECTORS >= GROUP * MAX_VECTORS { MAX_VECTORS } else { 2 };
        let (view, width) = (b.view(), vectors * V::LANES);
        // Strip by strip, so that its columns of B stay in the second-level cache for all groups.
        for col in (0..c.cols).step_by(width) {
            let strip = Strip {
                b: view.data.wrapping_add(view.offset(0, col)),
                panel: view.col_panel,
                bias: bias.as_ptr().wrapping_add(col),
                cols: width.min(c.cols - col),
            };
            let mut row = 0;
            for group in &x.groups {
                // SAFETY: a group's active inputs are rows of B, its rows and the strip's columns lie inside C, and B's panels
                // have whole lines also past the last column. The conditions leave wider tiles uncompiled.
                unsafe {
                    let to = c.data.add(row * c.row_stride + col);
                    match (group.examples, strip.cols.div_ceil(V::LANES)) {
                        (1, 1) => sums::<V, 1, 1>(x, group, &strip, to, c.row_stride),
                        (1, 2) => sums::<V, 1, 2>(x, group, &strip, to, c.row_stride),
                        (1, 3) if vectors >= 3 => sums::<V, 1, 3>(x, group, &strip, to, c.row_stride),
                        (1, 4) if vectors >= 4 => sums::<V, 1, 4>(x, group, &strip, to, c.row_stride),
                        (_, 1) => sums::<V, GROUP, 1>(x, group, &strip, to, c.row_stride),
                        (_, 2) => sums::<V, GROUP, 2>(x, group, &strip, to, c.row_stride),
                        (_, 3) if vectors >= 3 => sums::<V, GROUP, 3>(x, group, &strip, to, c.row_stride),
                        (_, 4) if vectors >= 4 => sums::<V, GROUP, 4>(x, group, &strip, to, c.row_stride),
                        _ => unreachable!("a strip of {} columns", strip.cols),
                    }
                }
                row += group.examples;
            }
        }
    }
}

/// The sums of a group (one chain each over its active inputs) in one strip, written to `to`, rows `to_row` apart.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; the group's active inputs must be rows of B, and its rows and the
/// strip's columns valid at `to`.
#[inline(always)]
unsafe fn sums<V: Vector, const ROWS: usize, const VECTORS: usize>(
    x: &SparseInputs,
    group: &Group,
    strip: &Strip,
    to: *mut f32,
    to_row: usize,
) {
    // SAFETY: as the caller's. A group's indices and values begin at `start`; lanes past the last column are masked where
    // bias and C are touched.
    unsafe {
        let mut masks = [V::mask(V::LANES); VECTORS];
        masks[VECTORS - 1] = V::mask(strip.cols - (VECTORS - 1) * V::LANES);
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        for v in 0..VECTORS {
            let bias = V::load_masked(strip.bias.add(v * V::LANES), masks[v]);
            for i in 0..ROWS {
                sums[i][v] = bias;
            }
        }
        let mut a = x.values.as_ptr().add(group.start * x.width);
        let mut at = x.indices.as_ptr().add(group.start);
        let end = at.add(group.active);
        while at < end {
            let row = strip.b.add(*at as usize * LINE);
            let mut w = [V::splat(0.0); VECTORS];
            for v in 0..VECTORS {
                w[v] = V::load(row.add(v * V::LANES / LINE * strip.panel + v * V::LANES % LINE));
            }
            for i in 0..ROWS {
                let value = V::splat(*a.add(i));
                for v in 0..VECTORS {
                    sums[i][v] = value.fma(w[v], sums[i][v]);
                }
            }
            // `wrapping_add`: past the last it may leave the values, unread.
            a = a.wrapping_add(x.width);
            at = at.add(1);
        }
        for i in 0..ROWS {
            if i < group.examples {
                for v in 0..VECTORS {
                    sums[i][v].store_masked(to.add(i * to_row + v * V::LANES), masks[v]);
                }
            }
        }
    }
}

impl Product<'_, '_> {
    /// By the matrixmultiply crate, which knows no panels: 16 columns at a time. All inputs are active.
    fn run_by_matrixmultiply(self) {
        let Product { x, b, bias, c } = self;
        let (view, inputs) = (b.view(), x.inputs);
        let mut first = 0;
        for &Group { examples, start, .. } in &x.groups {
            for col in (0..c.cols).step_by(LINE) {
                let cols = LINE.min(c.cols - col);
                for row in first..first + examples {
                    c.row_mut(row)[col..col + cols].copy_from_slice(&bias[col..col + cols]);
                }
                // SAFETY: the group has `width` values for each of the k inputs, B's panel a line, and C these rows and columns.
                // Strides fit isize because the storage does.
                unsafe {
                    let a = x.values.as_ptr().add(start * x.width);
                    let b = view.data.wrapping_add(view.offset(0, col));
                    let (c_at, c_row) = (c.data.add(first * c.row_stride + col), c.row_stride as isize);
                    matrixmultiply::sgemm(
                        examples,
                        inputs,
                        cols,
                        1.0,
                        a,
                        1,
                        x.width as isize,
                        b,
                        LINE as isize,
                        1,
                        1.0,
                        c_at,
                        c_row,
                        1,
                    );
                }
            }
            first += examples;
        }
    }
}
