//! Activation functions σ_l: one file each.

mod identity;
mod relu;
mod sigmoid;

pub use identity::Identity;
pub use relu::Relu;
pub use sigmoid::Sigmoid;

use minibatch_kernels::{Isa, Mat, MatMut};
use std::fmt::Debug;
use std::sync::Arc;

/// An activation function σ, applied to every element of a layer's pre-activations Z.
pub trait Activation: Debug + Send + Sync {
    /// The name by which a checkpoint and the command line know it.
    fn name(&self) -> &'static str;

    /// σ(z) in f64: the definition, and the oracle that gradients are checked against.
    fn value(&self, z: f64) -> f64;

    /// σ′(z) in f64.
    fn derivative(&self, z: f64) -> f64;

    /// Z ← σ(Z), in place.
    fn forward(&self, isa: Isa, z: &mut MatMut<'_>);

    /// Δ ← Δ ⊙ σ′(Z), with σ′ computed from the output A = σ(Z), which has Δ's shape.
    fn backward(&self, isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>);
}

/// The built-in activation of that name.
pub fn by_name(name: &str) -> Option<Arc<dyn Activation>> {
    let all: [Arc<dyn Activation>; 3] = [Arc::new(Sigmoid), Arc::new(Relu), Arc::new(Identity)];
    all.into_iter().find(|activation| activation.name() == name)
}
