//! Rows with a factor each: W = diag(f)·V, and the gradients of f and V from that of W.

use super::reduce::{LANES, tree_sum};
use crate::matrix::{LINE, Panels};
use crate::simd::{Kernel, Vector};
use crate::team::{Pointer, Team, columns_of, members_of_pass};

/// C(i, ·) ← f_i·A(i, ·), each element rounded once.
///
/// ```
/// use minibatch_kernels::{Isa, Panels, Pool, scale_rows};
///
/// let (mut a, mut c) = (Panels::zeros(2, 1), Panels::zeros(2, 1));
/// (a.set(0, 0, 3.0), a.set(1, 0, 5.0));
/// Pool::new(Isa::detect(), 1)?.run(|team| scale_rows(team, &mut c, &a, &[2.0, -1.0]));
/// assert_eq!([c.get(0, 0), c.get(1, 0)], [6.0, -5.0]);
/// # Ok::<(), minibatch_kernels::PoolError>(())
/// ```
///
/// # Panics
///
/// If the shapes differ, or there are more or fewer factors than rows.
pub fn scale_rows(team: &Team<'_>, c: &mut Panels, a: &Panels, factors: &[f32]) {
    assert_eq!((c.rows(), c.cols()), (a.rows(), a.cols()), "shapes of two matrices in panels");
    assert_eq!(a.rows(), factors.len(), "as many factors as rows");
    let (isa, (rows, cols)) = (team.isa(), (a.rows(), a.cols()));
    let (to, from) = (Pointer(c.view_mut().data), Pointer(a.view().data.cast_mut()));
    let members = members_of_pass(team, rows * cols);
    team.phase(members, move |member, _| {
        let own = columns_of(rows, members, member);
        for panel in 0..cols.div_ceil(LINE) {
            let first = (panel * rows + own.start) * LINE;
            isa.run(ScaleRows { to: to.at(first), from: from.at(first), factors: &factors[own.clone()] });
        }
    });
}

/// The gradients of W = diag(f)·V: of each factor ∂f_i = Σⱼ V(i, j)·G(i, j), and of V, G(i, ·) ← f_i·G(i, ·), where G is the
/// gradient of W when it begins. The sum is one over 16 virtual lanes, on every instruction set.
///
/// ```
/// use minibatch_kernels::{Isa, Panels, Pool, split_row_factors};
///
/// let (mut v, mut g, mut of_factors) = (Panels::zeros(1, 2), Panels::zeros(1, 2), [0.0]);
/// (v.set(0, 0, 3.0), v.set(0, 1, 5.0), g.set(0, 0, 1.0), g.set(0, 1, 2.0));
/// Pool::new(Isa::detect(), 1)?.run(|team| split_row_factors(team, &mut g, &v, &[4.0], &mut of_factors));
/// assert_eq!((of_factors, g.get(0, 0), g.get(0, 1)), ([13.0], 4.0, 8.0));
/// # Ok::<(), minibatch_kernels::PoolError>(())
/// ```
///
/// # Panics
///
/// If the shapes differ, or there are more or fewer factors than rows.
pub fn split_row_factors(
    team: &Team<'_>,
    gradient: &mut Panels,
    values: &Panels,
    factors: &[f32],
    of_factors: &mut [f32],
) {
    let shape @ (rows, cols) = (values.rows(), values.cols());
    assert_eq!((gradient.rows(), gradient.cols()), shape, "shapes of two matrices in panels");
    assert_eq!([factors.len(), of_factors.len()], [rows; 2], "as many factors as rows");
    let isa = team.isa();
    let (gradient, values) = (Pointer(gradient.view_mut().data), Pointer(values.view().data.cast_mut()));
    let (members, of_factors) = (members_of_pass(team, rows * cols), Pointer(of_factors.as_mut_ptr()));
    team.phase(members, move |member, _| {
        let own = columns_of(rows, members, member);
        let (at, of_factors) = (own.start * LINE, of_factors.at(own.start));
        let (gradient, values, factors) = (gradient.at(at), values.at(at), &factors[own]);
        isa.run(SplitRowFactors { gradient, values, factors, of_factors, rows, cols });
    });
}

/// A member's rows of one panel: as many lines as factors at `to` and at `from`, valid to write and to read, those at `to` nobody
/// else's meanwhile.
struct ScaleRows<'a> {
    to: *mut f32,
    from: *const f32,
    factors: &'a [f32],
}

impl Kernel for ScaleRows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let ScaleRows { to, from, factors } = self;
        for (row, &factor) in factors.iter().enumerate() {
            for col in (0..LINE).step_by(V::LANES) {
                let at = row * LINE + col;
                // SAFETY: there are as many lines as factors, and a register at `col` lies in a line.
                unsafe { V::load(from.add(at)).mul(V::splat(factor)).store(to.add(at)) };
            }
        }
    }
}

/// A member's rows of all panels: as many as `factors`, `gradient` and `values` pointing to the first of them in the first panel,
/// whose panels have `rows` lines and together `cols` columns. `of_factors` has a number for each of them. All is valid to read,
/// and gradient and `of_factors` are valid to write and nobody else's meanwhile.
struct SplitRowFactors<'a> {
    gradient: *mut f32,
    values: *const f32,
    factors: &'a [f32],
    of_factors: *mut f32,
    rows: usize,
    cols: usize,
}

impl Kernel for SplitRowFactors<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let SplitRowFactors { gradient, values, factors, of_factors, rows, cols } = self;
        for (row, &factor) in factors.iter().enumerate() {
            // SAFETY: line `row` of each panel is the member's, and a register at `lane` · LANES lies in it. Values beyond the
            // last column are the panel's padding, and aren't loaded. There is a number for each factor.
            unsafe {
                let mut lanes = [V::splat(0.0); LANES];
                for first in (0..cols).step_by(LINE) {
                    let line = (first / LINE * rows + row) * LINE;
                    for (lane, sum) in lanes[..LINE / V::LANES].iter_mut().enumerate() {
                        let col = lane * V::LANES;
                        let mask = V::mask(cols.saturating_sub(first + col).min(V::LANES));
                        let (to, from) = (gradient.add(line + col), values.add(line + col));
                        let g = V::load_masked(to, mask);
                        *sum = V::load_masked(from, mask).fma(g, *sum);
                        g.mul(V::splat(factor)).store(to);
                    }
                }
                of_factors.add(row).write(tree_sum(lanes));
            }
        }
    }
}
