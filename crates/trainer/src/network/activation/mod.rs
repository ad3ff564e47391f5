//! Activation functions σ_l. Each has a file, and a line in [`built_in`].

/// The methods of an [`Activation`] that follow from [`Pointwise`](crate::activation::Pointwise): `value`, `derivative`,
/// `bounded`, `needs_pre_activation`, `forward` and `backward`. It stands in the `impl`.
#[macro_export]
macro_rules! from_pointwise {
    () => {
        fn value(&self, z: f64) -> f64 {
            $crate::activation::Pointwise::apply(self, z)
        }

        fn derivative(&self, z: f64) -> f64 {
            $crate::activation::Pointwise::with_slope(self, z).1
        }

        fn bounded(
            &self,
            z: $crate::gradcheck::Bounded,
        ) -> ($crate::gradcheck::Bounded, $crate::gradcheck::Bounded) {
            z.with_slope(self)
        }

        fn needs_pre_activation(&self) -> bool {
            <Self as $crate::activation::Pointwise>::NEEDS_Z
        }

        fn forward(&self, isa: $crate::Isa, z: &mut $crate::MatMut<'_>) {
            $crate::activation::pointwise(isa, self, z);
        }

        fn backward(&self, isa: $crate::Isa, delta: &mut $crate::MatMut<'_>, saved: $crate::Mat<'_>) {
            $crate::activation::pointwise_backward(isa, self, delta, saved);
        }
    };
}

mod elu;
mod gelu;
mod identity;
mod leaky_relu;
mod lecun_tanh;
mod mish;
mod relu;
mod selu;
mod sigmoid;
mod silu;
mod softmax;
mod softplus;
mod tanh;

pub use elu::Elu;
pub use gelu::Gelu;
pub use identity::Identity;
pub use leaky_relu::LeakyRelu;
pub use lecun_tanh::LecunTanh;
pub use minibatch_kernels::{Element, Pointwise, pointwise, pointwise_backward};
pub use mish::Mish;
pub use relu::Relu;
pub use selu::Selu;
pub use sigmoid::Sigmoid;
pub use silu::Silu;
pub use softmax::Softmax;
pub use softplus::Softplus;
pub use tanh::Tanh;

use super::init::Initializer;
use super::name;
use crate::bounded::{ACTIVATION, Bounded, DERIVATIVE};
use minibatch_kernels::{Isa, Mat, MatMut};
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// An activation function σ, applied to every element of a layer's pre-activations Z (softmax: to every row).
///
/// A function of one's own needs [`name`](Self::name), [`value`](Self::value) and [`derivative`](Self::derivative). The other
/// methods follow from them, one element at a time, in f64.
///
/// ```
/// use minibatch::{Activation, Network};
///
/// /// z/(1 + |z|)
/// #[derive(Debug)]
/// struct Softsign;
///
/// impl Activation for Softsign {
///     fn name(&self) -> &'static str {
///         "softsign"
///     }
///     fn value(&self, z: f64) -> f64 {
///         z / (1.0 + z.abs())
///     }
///     fn derivative(&self, z: f64) -> f64 {
///         1.0 / (1.0 + z.abs()).powi(2)
///     }
/// }
///
/// let network = Network::builder(2).layer_with(3, Softsign).layer(1).build()?;
/// assert_eq!(network.layers()[0].activation().name(), "softsign");
/// # Ok::<(), minibatch::NetworkError>(())
/// ```
///
/// To make it as fast as the built-in ones, write the formula once, as a [`Pointwise`] function.
/// [`from_pointwise`](crate::from_pointwise) makes the methods of it. In f64 the formula is then the definition, in registers the
/// kernel.
///
/// ```
/// use minibatch::activation::{Element, Pointwise};
/// use minibatch::{Activation, Isa, MatMut};
///
/// #[derive(Debug)]
/// struct Softsign;
///
/// impl Pointwise for Softsign {
///     const NEEDS_Z: bool = false;
///
///     #[inline(always)]
///     fn apply<E: Element>(&self, z: E) -> E {
///         z / (E::of(1.0) + z.max(-z))
///     }
///
///     /// 1/(1 + |z|) is 1 − |a|.
///     #[inline(always)]
///     fn slope<E: Element>(&self, a: E) -> E {
///         let rest = E::of(1.0) - a.max(-a);
///         rest * rest
///     }
/// }
///
/// impl Activation for Softsign {
///     minibatch::from_pointwise!();
///
///     fn name(&self) -> &'static str {
///         "softsign"
///     }
/// }
///
/// let mut z = [1.0, -3.0];
/// Softsign.forward(Isa::detect(), &mut MatMut::row_major(&mut z, 1, 2));
/// assert_eq!(z, [0.5, -0.75]);
/// assert_eq!((Softsign.value(-3.0), Softsign.derivative(-3.0)), (-0.75, 0.0625));
/// ```
pub trait Activation: Any + Debug + Send + Sync {
    /// The name by which a checkpoint and the command line know it: lower case, words joined by hyphens.
    fn name(&self) -> &'static str;

    /// The parameter, if there is one: the slope of a leaky ReLU.
    fn parameter(&self) -> Option<f32> {
        None
    }

    /// The name with the parameter, `leaky-relu(0.01)`. A [`Registry`](crate::Registry) finds this activation by it.
    fn label(&self) -> String {
        name::label(self.name(), self.parameter())
    }

    /// The range of the parameter, in words: `a slope from 0 to below 1`. `None` if there is no parameter.
    fn parameter_range(&self) -> Option<&'static str> {
        None
    }

    /// The same function with another parameter. `None` if there is no parameter, or the value is out of range.
    fn with_parameter(&self, _: f32) -> Option<Arc<dyn Activation>> {
        None
    }

    /// The initialiser that suits a hidden layer with this activation. The command advises it.
    fn initializer(&self) -> Initializer {
        Initializer::HeNormal
    }

    /// σ(z) in f64: the definition, and the oracle that gradients are checked against. (For softmax: of a row of one.)
    fn value(&self, z: f64) -> f64;

    /// σ′(z) in f64. At a kink it is a convention.
    fn derivative(&self, z: f64) -> f64;

    /// σ(z) and σ′(z), each with the most that [`forward`](Self::forward) and [`backward`](Self::backward) may stray from it. The
    /// gradient check allows that much.
    fn bounded(&self, z: Bounded) -> (Bounded, Bounded) {
        let mut a = z.through(|z| self.value(z));
        let mut slope = z.through(|z| self.derivative(z));
        // The slope may be computed from a. No derivative changes by more than twice the change of a.
        let through_a = if self.needs_pre_activation() { 0.0 } else { 2.0 * ACTIVATION * a.value.abs() };
        a.error += ACTIVATION * a.magnitude();
        slope.error += through_a + DERIVATIVE * (1.0 + slope.magnitude());
        (a, slope)
    }

    /// The number of the smooth piece of σ on which z lies, counted from anywhere. Central differences mustn't reach from one
    /// piece to another.
    fn piece(&self, _: f64) -> i32 {
        0
    }

    /// The values that σ takes. They decide which costs may follow it.
    fn range(&self) -> Range {
        Range::Signed
    }

    /// Whether an output depends on its whole row, as softmax's does. Only the output layer can have such a function.
    fn is_row_wise(&self) -> bool {
        false
    }

    /// Turns a row of pre-activations into its activations, in f64. Each becomes its [`value`](Self::value), unless σ is
    /// row-wise.
    fn row(&self, z: &mut [f64]) {
        z.iter_mut().for_each(|z| *z = self.value(*z));
    }

    /// Whether [`backward`](Self::backward) reads Z rather than A. A layer keeps Z only if so.
    fn needs_pre_activation(&self) -> bool {
        true
    }

    /// Z ← σ(Z), in place. `z` has whole rows if σ is row-wise, else any part of them.
    fn forward(&self, _isa: Isa, z: &mut MatMut<'_>) {
        for row in 0..z.rows() {
            z.row_mut(row).iter_mut().for_each(|z| *z = self.value(f64::from(*z)) as f32);
        }
    }

    /// Δ ← Δ ⊙ σ′(Z) (Δ times the Jacobian, if row-wise), where `saved` is Z if
    /// [`needs_pre_activation`](Self::needs_pre_activation), else A = σ(Z), of Δ's shape.
    fn backward(&self, _isa: Isa, delta: &mut MatMut<'_>, saved: Mat<'_>) {
        for row in 0..delta.rows() {
            for (delta, &z) in delta.row_mut(row).iter_mut().zip(saved.row(row)) {
                *delta = (f64::from(*delta) * self.derivative(f64::from(z))) as f32;
            }
        }
    }
}

/// The values that an activation takes. Each range holds the ranges after it, and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Range {
    /// Both signs.
    Signed,
    /// At least 0.
    NonNegative,
    /// Above 0.
    Positive,
    /// Between 0 and 1, each output for itself: probabilities of events that don't exclude one another.
    Unit,
    /// Between 0 and 1, a row's sum 1: probabilities of classes.
    Distribution,
}

/// Every built-in activation, with its usual parameter.
#[must_use]
pub fn built_in() -> Vec<Arc<dyn Activation>> {
    vec![
        Arc::new(Sigmoid),
        Arc::new(Tanh),
        Arc::new(LecunTanh),
        Arc::new(Relu),
        Arc::new(LeakyRelu::default()),
        Arc::new(Elu::default()),
        Arc::new(Selu),
        Arc::new(Gelu),
        Arc::new(Silu),
        Arc::new(Mish),
        Arc::new(Softplus),
        Arc::new(Identity),
        Arc::new(Softmax),
    ]
}
