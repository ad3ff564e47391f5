//! Cost functions C. Each has a file, and a line in [`built_in`]. docs/costs.md has them in one table.

mod binary_cross_entropy;
mod categorical_cross_entropy;
mod hinge;
mod huber;
mod mae;
mod mse;
mod poisson;
mod quadratic;

pub use binary_cross_entropy::BinaryCrossEntropy;
pub use categorical_cross_entropy::CategoricalCrossEntropy;
pub use hinge::Hinge;
pub use huber::Huber;
pub use mae::Mae;
pub use mse::Mse;
pub use poisson::Poisson;
pub use quadratic::Quadratic;

use super::activation::{Activation, Range};
use super::name;
use minibatch_kernels::{Isa, Mat, MatMut, subtract};
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// The cost C of one example: the sum or the mean over its outputs of c(a, y). A minibatch's cost is the mean over its
/// examples. The cost owns the output error Δ_L, which for matched pairs collapses to A − Y.
///
/// A cost of one's own needs [`name`](Self::name), [`value`](Self::value) and [`derivative`](Self::derivative). The other methods
/// follow from them, one element at a time and in f64.
///
/// ```
/// use minibatch::{Cost, Network};
///
/// /// ln cosh(a − y): quadratic near the target, linear far off.
/// #[derive(Debug)]
/// struct LogCosh;
///
/// impl Cost for LogCosh {
///     fn name(&self) -> &'static str {
///         "log-cosh"
///     }
///     fn value(&self, a: f64, y: f64) -> f64 {
///         (a - y).cosh().ln()
///     }
///     fn derivative(&self, a: f64, y: f64) -> f64 {
///         (a - y).tanh()
///     }
/// }
///
/// let network = Network::builder(2).layer(3).layer(1).cost(LogCosh).build()?;
/// assert_eq!(network.cost().name(), "log-cosh");
/// # Ok::<(), minibatch::NetworkError>(())
/// ```
pub trait Cost: Any + Debug + Send + Sync {
    /// The name by which a checkpoint and the command line know it: lower case, words joined by hyphens.
    fn name(&self) -> &'static str;

    /// The parameter, if there is one: the limit of the Huber cost.
    fn parameter(&self) -> Option<f32> {
        None
    }

    /// The name with the parameter, `huber(1)`. A [`Registry`](crate::Registry) finds this cost by it.
    fn label(&self) -> String {
        name::label(self.name(), self.parameter())
    }

    /// The range of the parameter, in words, as [`Activation::parameter_range`].
    fn parameter_range(&self) -> Option<&'static str> {
        None
    }

    /// The same cost with another parameter. `None` if there is no parameter, or the value is out of range.
    fn with_parameter(&self, _: f32) -> Option<Arc<dyn Cost>> {
        None
    }

    /// c(a, y) in f64: the definition, and the oracle that gradients are checked against.
    fn value(&self, a: f64, y: f64) -> f64;

    /// ∂c/∂a in f64. At a kink it is a convention.
    fn derivative(&self, a: f64, y: f64) -> f64;

    /// The number of the smooth piece of c on which the point (a, y) lies, as [`Activation::piece`].
    fn piece(&self, _a: f64, _y: f64) -> i32 {
        0
    }

    /// d with C(s·a, s·y) = sᵈ·C(a, y) for each s > 0, if there is one: 2 for squares. The cost of standardised values is then told in
    /// the values' own units. A threshold counts as scaled, too.
    fn degree(&self) -> Option<u32> {
        None
    }

    /// Whether C sums c over the outputs or averages it.
    fn reduction(&self) -> Reduction {
        Reduction::Sum
    }

    /// Whether an output activation of this range may come before it.
    fn accepts(&self, _: Range) -> bool {
        true
    }

    /// The targets that the cost is defined for, in words. `None` if one example's targets `y` are such targets.
    fn target_defect(&self, _y: &[f32]) -> Option<&'static str> {
        None
    }

    /// A reason why classes, as targets of 0 and 1, are learned badly with this cost after this activation, in words.
    fn defect_for_classes(&self, _: &dyn Activation) -> Option<String> {
        None
    }

    /// True if the output error after this activation simplifies to A − Y. It is then computed so.
    fn matches(&self, _: &dyn Activation) -> bool {
        false
    }

    /// Whether [`total`](Self::total) or [`output_error`](Self::output_error) reads Z_L after this activation.
    fn needs_pre_activation(&self, activation: &dyn Activation) -> bool {
        !activation.is_row_wise()
    }

    /// ΣC over the examples, in f64: examples in order, outputs in order.
    fn total(&self, outputs: Outputs<'_>) -> f64 {
        outputs.total_per_element(self)
    }

    /// The output error Δ_L = ∂C/∂A ⊙ σ′(Z_L) (BP1), (B × n_L).
    fn output_error(&self, outputs: Outputs<'_>, delta: &mut MatMut<'_>) {
        if self.matches(outputs.activation) {
            delta.copy_from(outputs.a);
            subtract(outputs.isa, delta, outputs.y);
        } else {
            outputs.error_per_element(self, delta);
        }
    }
}

/// The way from the c(a, y) of an example's outputs to the cost of the example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
}

impl Reduction {
    /// The factor of each output's c(a, y): 1, or 1/n for the mean over n outputs.
    #[must_use]
    pub fn factor(self, outputs: usize) -> f64 {
        match self {
            Reduction::Sum => 1.0,
            Reduction::Mean => 1.0 / outputs as f64,
        }
    }
}

/// The output layer of a minibatch, as a cost sees it.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'a> {
    /// The instruction set to compute with.
    pub isa: Isa,
    /// σ_L
    pub activation: &'a dyn Activation,
    /// Z_L (B × n_L), if the cost or the activation needs it
    pub z: Option<Mat<'a>>,
    /// A_L (B × n_L)
    pub a: Mat<'a>,
    /// Y (B × n_L)
    pub y: Mat<'a>,
}

impl<'a> Outputs<'a> {
    /// The output layer of one example.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn example(self, row: usize) -> Outputs<'a> {
        let of = |x: Mat<'a>| x.part(row..row + 1, 0..x.cols());
        Outputs { z: self.z.map(of), a: of(self.a), y: of(self.y), ..self }
    }

    /// The matrix that the activation's backward step reads: Z_L or A_L.
    ///
    /// # Panics
    ///
    /// If the backward step needs Z_L, and Z_L wasn't kept.
    #[must_use]
    pub fn saved(&self) -> Mat<'a> {
        match self.z {
            Some(z) if self.activation.needs_pre_activation() => z,
            _ if self.activation.needs_pre_activation() => panic!("{:?} needs Z", self.activation),
            _ => self.a,
        }
    }

    /// [`Cost::total`] from the definition.
    fn total_per_element(&self, cost: &(impl Cost + ?Sized)) -> f64 {
        match self.z {
            Some(z) if !self.activation.is_row_wise() => {
                sum(cost.reduction(), z, self.y, |z, y| cost.value(self.activation.value(z), y))
            }
            _ => sum(cost.reduction(), self.a, self.y, |a, y| cost.value(a, y)),
        }
    }

    /// [`Cost::output_error`] from the definitions: in f64 from Z, if σ is element-wise and Z was kept.
    fn error_per_element(&self, cost: &(impl Cost + ?Sized), delta: &mut MatMut<'_>) {
        let Outputs { isa, activation, z, a, y } = *self;
        let factor = cost.reduction().factor(a.cols());
        // Rounds to f32, and stays at the largest f32 beyond it.
        let round = |x: f64| x.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
        let element_wise = z.filter(|_| !activation.is_row_wise());
        for row in 0..a.rows() {
            let from = element_wise.unwrap_or(a).row(row);
            for ((delta, &x), &y) in delta.row_mut(row).iter_mut().zip(from).zip(y.row(row)) {
                let (x, y) = (f64::from(x), f64::from(y));
                *delta = round(match element_wise {
                    Some(_) => factor * cost.derivative(activation.value(x), y) * activation.derivative(x),
                    None => factor * cost.derivative(x, y),
                });
            }
        }
        if element_wise.is_none() {
            activation.backward(isa, delta, self.saved());
        }
    }

    /// Whether σ_L is the built-in activation `A`.
    fn is<A: Activation>(&self) -> bool {
        is::<A>(self.activation)
    }

    /// Δ_L for a cost whose ∂C/∂A `derivative` writes in place of A.
    fn error_by(&self, delta: &mut MatMut<'_>, derivative: impl Fn(&mut MatMut<'_>)) {
        delta.copy_from(self.a);
        derivative(delta);
        self.activation.backward(self.isa, delta, self.saved());
    }
}

/// Whether `activation` is the built-in `A`.
fn is<A: Activation>(activation: &dyn Activation) -> bool {
    (activation as &dyn Any).is::<A>()
}

/// Keeps a probability or rate that has underflown from becoming an infinite cost. NaN stays.
fn at_least_tiny(a: f64) -> f64 {
    if a < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { a }
}

/// Σ over the rows of the reduced `c`, in f64: rows in order, outputs in order.
fn sum(reduction: Reduction, x: Mat<'_>, y: Mat<'_>, c: impl Fn(f64, f64) -> f64) -> f64 {
    let factor = reduction.factor(x.cols());
    let example = |row: usize| {
        let terms = x.row(row).iter().zip(y.row(row)).map(|(&x, &y)| c(f64::from(x), f64::from(y)));
        factor * terms.sum::<f64>()
    };
    (0..x.rows()).map(example).sum()
}

/// Every built-in cost, with its usual parameter.
#[must_use]
pub fn built_in() -> Vec<Arc<dyn Cost>> {
    vec![
        Arc::new(Quadratic),
        Arc::new(Mse),
        Arc::new(Mae),
        Arc::new(Huber::default()),
        Arc::new(BinaryCrossEntropy),
        Arc::new(CategoricalCrossEntropy),
        Arc::new(Hinge),
        Arc::new(Poisson),
    ]
}
