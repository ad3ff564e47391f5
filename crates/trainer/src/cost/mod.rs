//! Cost functions C: one file each. A cost owns the output error Δ_L.

mod quadratic;

pub use quadratic::Quadratic;

use crate::activation::Activation;
use minibatch_kernels::{Isa, Mat, MatMut};
use std::fmt::Debug;
use std::sync::Arc;

/// The cost C of one example's output; a minibatch's cost is the mean over its examples.
pub trait Cost: Debug + Send + Sync {
    /// The name by which a checkpoint and the command line know it.
    fn name(&self) -> &'static str;

    /// C(a, y) for one example's output a and target y, summed in f64.
    fn value(&self, a: &[f32], y: &[f32]) -> f64;

    /// D ← ∂C/∂A, row by row, where D comes in holding A (B × n_L); `y` holds the targets (B × n_L).
    fn derivative(&self, isa: Isa, d: &mut MatMut<'_>, y: Mat<'_>);

    /// The output error Δ_L = ∂C/∂A ⊙ σ′(Z_L) (BP1). `a` and `y` hold outputs and targets, all (B × n_L).
    fn output_error(
        &self,
        isa: Isa,
        activation: &dyn Activation,
        a: Mat<'_>,
        y: Mat<'_>,
        delta: &mut MatMut<'_>,
    ) {
        delta.copy_from(a);
        self.derivative(isa, delta, y);
        activation.backward(isa, delta, a);
    }
}

/// The built-in cost of that name.
pub fn by_name(name: &str) -> Option<Arc<dyn Cost>> {
    let all: [Arc<dyn Cost>; 1] = [Arc::new(Quadratic)];
    all.into_iter().find(|cost| cost.name() == name)
}
