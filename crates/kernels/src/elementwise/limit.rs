//! Columns whose norm is limited.

use crate::matrix::{LINE, Panels};
use crate::simd::{Kernel, Vector};
use crate::team::{Pointer, Team, columns_of, members_of_pass};

/// Each column c of C whose norm ‖c‖ is above `most` becomes c·most/‖c‖.
///
/// The squares of a column are summed in f32, one chain of fused multiply-adds over the rows, ascending.
///
/// ```
/// use minibatch_kernels::{Isa, Panels, Pool, limit_columns};
///
/// let mut c = Panels::zeros(2, 2);
/// for (row, col, value) in [(0, 0, 3.0), (1, 0, 4.0), (0, 1, 0.5)] {
///     c.set(row, col, value);
/// }
/// Pool::new(Isa::detect(), 1)?.run(|team| limit_columns(team, &mut c, 2.5));
/// assert_eq!([c.get(0, 0), c.get(1, 0), c.get(0, 1)], [1.5, 2.0, 0.5]);
/// # Ok::<(), minibatch_kernels::PoolError>(())
/// ```
pub fn limit_columns(team: &Team<'_>, c: &mut Panels, most: f32) {
    let (isa, cols, c) = (team.isa(), c.cols(), c.view_mut());
    let (members, data, rows, panel) =
        (members_of_pass(team, c.rows * cols), Pointer(c.data), c.rows, c.col_panel);
    team.phase(members, move |member, _| {
        let own = columns_of(cols, members, member);
        for first in own.step_by(LINE) {
            isa.run(Limit { data: data.at(first / LINE * panel), rows, most });
        }
    });
}

/// A panel: `rows` lines at `data`, valid to write and nobody else's meanwhile.
struct Limit {
    data: *mut f32,
    rows: usize,
    most: f32,
}

impl Kernel for Limit {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Limit { data, rows, most } = self;
        // SAFETY: registers at `col` < 16 of the lines before `rows` lie in the panel, padding included.
        unsafe {
            let limit = V::splat(most);
            for col in (0..LINE).step_by(V::LANES) {
                let mut squares = V::splat(0.0);
                for row in 0..rows {
                    let x = V::load(data.add(row * LINE + col));
                    squares = x.fma(x, squares);
                }
                let norm = squares.sqrt();
                let one = V::splat(1.0);
                let factor = norm.select_gt(limit, limit.div(norm), one);
                let mut factors = [0.0_f32; LINE];
                factor.store(factors.as_mut_ptr());
                if factors[..V::LANES].iter().all(|factor| *factor == 1.0) {
                    continue;
                }
                for row in 0..rows {
                    let at = data.add(row * LINE + col);
                    V::load(at).mul(factor).store(at);
                }
            }
        }
    }
}
