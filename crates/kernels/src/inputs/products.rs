//! The first layer's three products: forward, the update, and the gradient that goes into an optimiser's step.

use super::examples::Examples;
use super::team::{Form, TeamInputs};
use super::{groups, quads};
use crate::elementwise::{Descent, Place, scale_panels};
use crate::matrix::{LINE, Mat, MatMut, Panels};
use crate::product::{End, Epilogue, Product, Start, Store, Target, descend_piece, reserve, write_start};
use crate::team::{Pointer, Split, Team};
use std::ops::Range;

/// C ← finish(start + X·B) for the inputs X (m × k) of m examples, B (k × n), C (m × n): the first layer's forward
/// product. Each member that shares it gathers the examples for itself first, in the same phase.
///
/// Inputs that are 0 are left out of the chains, which changes no bit as long as B is finite.
///
/// # Panics
///
/// If the shapes don't fit, also those that `x` was made for, C's rows aren't contiguous, the team has more members than `x`, or
/// another instruction set where that matters, or an epilogue panics.
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
    assert!(c.as_mat().has_row_slices(), "the first layer's product writes contiguous rows");
    assert!(team.members() <= x.copies.len(), "{} members, inputs for {}", team.members(), x.copies.len());
    if let Start::Bias(bias) = start {
        assert_eq!(bias.len(), c.cols, "as many biases as columns");
    }
    let split = Split::new(team, c.rows, c.cols, x.inputs());
    // Until all members have gathered, nothing is.
    x.sharing = 0;
    let (copies, rows, cols, b, isa) = (Pointer(x.copies.as_mut_ptr()), c.rows, c.cols, b.view(), team.isa());
    let (target, c_row) = (Pointer(c.data), c.row_stride);
    // Everything by value: what the closure only refers to would be fetched from the driver's cache one after the other.
    team.phase(split.members, move |member, scratch| {
        // SAFETY: there is a copy for each member, and a phase runs each member once.
        let copy = unsafe { &mut *copies.at(member) };
        copy.gather(isa, rows, examples);
        let c = target.at(0);
        match &copy.form {
            // (Its contract: shapes were checked, and members own different columns, or bundles of examples.)
            Form::Sparse(x) => {
                let (bundles, cols) = split.bundles(member, x.bundles(), cols);
                isa.run(quads::Forward { isa, x, b, c, c_row, bundles, cols, start, epilogue });
            }
            Form::Grouped(x) => {
                x.assert_for(isa, cols);
                // SAFETY: C is borrowed until the phase is over, of which this is the only member.
                let mut c_part = unsafe { MatMut::from_raw(c, rows, cols, c_row, LINE) };
                let bias = if let Start::Bias(bias) = start { Some(bias) } else { None };
                for row in (0..rows).take_while(|_| bias.is_none()) {
                    write_start(start, c_part.row_mut(row), 0..cols);
                }
                isa.run(groups::GroupedForward { x, b, bias, c, c_row, cols });
                epilogue.finish(isa, &mut c_part, 0, 0);
            }
            Form::Dense(x) => {
                let (own_rows, own_cols) = split.piece(member, rows, cols);
                let (a, end) = (x.top(rows), End::Epilogue(epilogue));
                let product = Product { a, b, c, c_stride: c_row, c_panel: LINE, start, end, isa };
                // SAFETY: shapes were checked, and pieces of different members are disjoint.
                unsafe { product.piece(own_rows, own_cols, scratch) }
            }
        }
    });
    (x.sharing, x.examples) = (split.members, c.rows);
}

/// C ← s·C + Xᵀ·B for the inputs X (k × m) last gathered, B (k × n), C (m × n): the first layer's update. If s is 1, rows of C
/// whose inputs are 0 in every example aren't touched. Members own the columns that they owned in [`gather_gemm`].
///
/// # Panics
///
/// If the shapes don't fit, also those that `x` was made for, B's rows aren't contiguous, or nothing has been gathered by this
/// team.
pub fn accumulate_gathered(team: &Team<'_>, x: &TeamInputs, b: Mat<'_>, s: f32, c: &mut Panels) {
    assert!((1..=team.members()).contains(&x.sharing), "inputs gathered by this team");
    assert_eq!(x.examples(), b.rows, "inner sizes of a product");
    assert_eq!(x.inputs(), c.rows(), "rows of a product");
    assert_eq!(b.cols, c.cols(), "columns of a product");
    assert!(b.has_row_slices(), "the first layer's update reads contiguous rows");
    let split = Split::among(x.sharing, c.rows(), c.cols());
    // The walks without zeros read and write only what has a gradient.
    if !matches!(x.copies[0].form, Form::Dense(_)) {
        scale_panels(team, c, s);
    }
    let (isa, rows, cols, c) = (team.isa(), c.rows(), c.cols(), c.view_mut());
    let (target, c_panel) = (Pointer(c.data), c.col_panel);
    team.phase(split.members, move |member, scratch| {
        let copy = &x.copies[member];
        let (own_rows, cols) = split.piece(member, rows, cols);
        let c = target.at(0);
        match &copy.form {
            // (Its contract: shapes were checked, and members own different panels of C, or rows of them.)
            Form::Sparse(x) => {
                let (quads, expected) = (quads::quads(&own_rows), &copy.expected);
                isa.run(quads::Update { x, b, c, c_panel, quads, cols, expected });
            }
            Form::Grouped(x) => {
                x.assert_for(isa, b.cols);
                isa.run(groups::GroupedUpdate { x, b, c, expected: &copy.expected });
            }
            Form::Dense(x) => {
                let (a, start, end) = (x.top(b.rows).transposed(), Start::Scaled(s), End::Epilogue(&Store));
                let product = Product { a, b, c, c_stride: LINE, c_panel, start, end, isa };
                // SAFETY: shapes were checked, and pieces of different members are disjoint.
                unsafe { product.piece(own_rows, cols, scratch) }
            }
        }
    });
}

/// P and its moments take the step `descent` against the gradient Xᵀ·B for the inputs X (k × m) last gathered, B (k × n), P and
/// moments (m × n): the first layer's. Members own the columns that they owned in [`gather_gemm`].
///
/// Inputs that are 0 in every example have a gradient of 0, which isn't computed; the step is taken all the same. The gradient is
/// made in parts of 64 by 64, which don't leave the first-level cache before their step.
///
/// # Panics
///
/// As [`descend_gemm`](crate::descend_gemm), and if nothing has been gathered.
pub fn descend_gathered(
    team: &Team<'_>,
    x: &TeamInputs,
    b: Mat<'_>,
    p: &mut MatMut<'_>,
    moments: &mut [MatMut<'_>],
    descent: Descent<'_>,
) {
    assert!((1..=team.members()).contains(&x.sharing), "inputs gathered by this team");
    assert_eq!(x.examples(), b.rows, "inner sizes of a product");
    assert_eq!(x.inputs(), p.rows, "rows of a product");
    assert_eq!(b.cols, p.cols, "columns of a product");
    assert!(b.has_row_slices(), "the first layer's gradient reads contiguous rows");
    let split = Split::among(x.sharing, p.rows, p.cols);
    let (isa, rows, cols, target) = (team.isa(), p.rows, p.cols, Target::new(p, moments, descent));
    if rows == 0 || cols == 0 {
        return;
    }
    team.phase(split.members, move |member, scratch| {
        let copy = &x.copies[member];
        let (rows, cols) = split.piece(member, rows, cols);
        match &copy.form {
            Form::Sparse(x) => {
                let finish = |g: Place, rows: Range<usize>, cols: Range<usize>| {
                    // SAFETY: shapes were checked, and pieces of different members are disjoint.
                    unsafe { target.step(isa, rows, cols, g) };
                };
                let (_, errors) = reserve(scratch, [0, 0], [x.examples(), quads::STRIP]);
                let (quads, expected, finish) = (quads::quads(&rows), &copy.expected, &finish);
                // (Its contract: shapes were checked.)
                isa.run(quads::Gradient { x, b, quads, cols, errors, expected, finish });
            }
            Form::Grouped(x) => {
                x.assert_for(isa, cols.len());
                // A panel of the gradient, which is as large as the weights.
                let [.., gradient, _] = &mut scratch.buffers;
                let gradient = &mut gradient.room(rows.len() * LINE)[..rows.len() * LINE];
                gradient.fill(0.0);
                let c = gradient.as_mut_ptr();
                isa.run(groups::GroupedUpdate { x, b, c, expected: &copy.expected });
                let g = Place { data: c, row: LINE, panel: rows.len() * LINE };
                // SAFETY: shapes were checked, and this member is the phase's only one.
                unsafe { target.step(isa, rows, cols, g) };
            }
            Form::Dense(x) => {
                let a = x.top(b.rows).transposed();
                // SAFETY: shapes were checked, and pieces of different members are disjoint.
                unsafe { descend_piece(isa, a, b, &target, rows, cols, scratch) };
            }
        }
    });
}
