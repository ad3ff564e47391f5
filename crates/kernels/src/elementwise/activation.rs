//! Activation functions σ and their backward steps Δ ← Δ ⊙ σ′.
//!
//! The derivative comes from the output A where that gives it, from the pre-activation Z where it doesn't (SiLU, GELU).
//! A backward step's results below 2⁻⁹⁶ become +0. Forward functions are within these bounds of the exact
//! value, measured in tests/math.rs: sigmoid 2.5 ulp, tanh 3.5, scaled tanh 5, ELU 1.5, SELU 3, SiLU 3.5, softplus 3;
//! GELU 18 down to −3, rising to 250 at −9.9, where its value is 10⁻³⁶.

use super::{Binary, Unary, map, zip};
use crate::matrix::{Mat, MatMut};
use crate::simd::{Isa, SMALLEST_ERROR, Vector, math};

/// 2·√(2/π): GELU's tanh is taken as a sigmoid of twice its argument.
const GELU_LINEAR: f32 = 1.595_769_2;

/// 2·√(2/π)·0.044715.
const GELU_CUBIC: f32 = 0.071_354_82;

/// Defines `pub fn name(isa, c, parameters…)` as C ← `body` of each element.
macro_rules! forward {
    ($(#[$doc:meta])* $name:ident($($parameter:ident),*) |$z:ident| $body:expr) => {
        $(#[$doc])*
        pub fn $name(isa: Isa, c: &mut MatMut<'_>, $($parameter: f32),*) {
            #[derive(Clone, Copy)]
            struct Op { $($parameter: f32),* }
            impl Unary for Op {
                #[inline(always)]
                unsafe fn eval<V: Vector>(self, $z: V) -> V {
                    let Op { $($parameter),* } = self;
                    // SAFETY: as the caller's.
                    unsafe {
                        $(let $parameter = V::splat($parameter);)*
                        $body
                    }
                }
            }
            map(isa, c, Op { $($parameter),* });
        }
    };
}

/// Defines `pub fn name(isa, delta, saved, parameters…)` as Δ ← Δ ⊙ `body` of each element of A or Z.
macro_rules! backward {
    ($(#[$doc:meta])* $name:ident($($parameter:ident),*) |$saved:ident| $body:expr) => {
        $(#[$doc])*
        ///
        /// # Panics
        ///
        /// If the shapes differ, or the second operand's rows aren't contiguous.
        pub fn $name(isa: Isa, delta: &mut MatMut<'_>, $saved: Mat<'_>, $($parameter: f32),*) {
            #[derive(Clone, Copy)]
            struct Op { $($parameter: f32),* }
            impl Binary for Op {
                #[inline(always)]
                unsafe fn eval<V: Vector>(self, delta: V, $saved: V) -> V {
                    let Op { $($parameter),* } = self;
                    // SAFETY: as the caller's.
                    unsafe {
                        $(let $parameter = V::splat($parameter);)*
                        delta.mul($body).flush_below(V::splat(SMALLEST_ERROR))
                    }
                }
            }
            zip(isa, delta, $saved, Op { $($parameter),* });
        }
    };
}

forward! {
    /// C ← σ(C), the logistic sigmoid 1 / (1 + e⁻ᶻ) of every element.
    ///
    /// ```
    /// use minibatch_kernels::{Isa, MatMut, sigmoid};
    ///
    /// let mut z = [0.0, 1.0, f32::NAN];
    /// sigmoid(Isa::detect(), &mut MatMut::row_major(&mut z, 1, 3));
    /// assert_eq!(z[0], 0.5);
    /// assert!((z[1] - 0.731_058_6).abs() < 1e-6 && z[2].is_nan());
    /// ```
    sigmoid() |z| math::sigmoid(z)
}

backward! {
    /// Δ ← Δ ⊙ σ′(Z) for the sigmoid, from its output: σ′ = A ⊙ (1 − A).
    sigmoid_backward() |a| a.mul(V::splat(1.0).sub(a))
}

forward! {
    /// C ← tanh C.
    tanh() |z| math::tanh(z)
}

backward! {
    /// Δ ← Δ ⊙ tanh′(Z) from the output: (1 − A) ⊙ (1 + A).
    tanh_backward() |a| V::splat(1.0).sub(a).mul(V::splat(1.0).add(a))
}

forward! {
    /// C ← amplitude·tanh(frequency·C). LeCun's has 1.7159 and ⅔.
    scaled_tanh(amplitude, frequency) |z| math::tanh(z.mul(frequency)).mul(amplitude)
}

backward! {
    /// Δ ← Δ ⊙ σ′(Z) for [`scaled_tanh`] from its output: frequency/amplitude·(amplitude − A) ⊙ (amplitude + A).
    scaled_tanh_backward(amplitude, frequency) |a| {
        amplitude.sub(a).mul(amplitude.add(a)).mul(frequency.div(amplitude))
    }
}

forward! {
    /// C ← max(0, C). ReLU(NaN) is NaN, ReLU(−0) is −0.
    relu() |z| V::splat(0.0).max(z)
}

/// Δ ← Δ where A > 0, else +0: the derivative of ReLU from its output. Results below 2⁻⁹⁶ become +0.
///
/// # Panics
///
/// If the shapes differ, or A's rows aren't contiguous.
pub fn relu_backward(isa: Isa, delta: &mut MatMut<'_>, a: Mat<'_>) {
    #[derive(Clone, Copy)]
    struct ReluBackward;
    impl Binary for ReluBackward {
        #[inline(always)]
        unsafe fn eval<V: Vector>(self, delta: V, a: V) -> V {
            // SAFETY: as the caller's.
            unsafe {
                let zero = V::splat(0.0);
                a.select_gt(zero, delta, zero).flush_below(V::splat(SMALLEST_ERROR))
            }
        }
    }
    zip(isa, delta, a, ReluBackward);
}

forward! {
    /// C ← C where C > 0, else slope·C.
    leaky_relu(slope) |z| z.select_gt(V::splat(0.0), z, z.mul(slope))
}

backward! {
    /// Δ ← Δ ⊙ σ′(Z) for [`leaky_relu`] from its output: 1 where A > 0, else the slope, which must not be negative.
    leaky_relu_backward(slope) |a| a.select_gt(V::splat(0.0), V::splat(1.0), slope)
}

forward! {
    /// C ← scale·C where C > 0, else scale·alpha·(eᶜ − 1): ELU with scale 1, SELU with its own.
    elu(scale, alpha) |z| {
        let negative = math::expm1(V::splat(0.0).min(z)).mul(alpha);
        V::splat(0.0).max(z).add(negative).mul(scale)
    }
}

backward! {
    /// Δ ← Δ ⊙ σ′(Z) for [`elu`] from its output: scale where A > 0, else A + scale·alpha.
    elu_backward(scale, alpha) |a| a.select_gt(V::splat(0.0), scale, a.add(scale.mul(alpha)))
}

forward! {
    /// C ← C·σ(C), the SiLU or swish.
    silu() |z| V::splat(-87.0).max(z).mul(math::sigmoid(z))
}

backward! {
    /// Δ ← Δ ⊙ SiLU′(Z): σ(Z)·(1 + Z·σ(−Z)).
    silu_backward() |z| {
        let z = V::splat(87.0).min(V::splat(-87.0).max(z));
        let (sigmoid, complement) = math::sigmoid_pair(z);
        z.mul(complement).fma(sigmoid, sigmoid)
    }
}

forward! {
    /// C ← ½C·(1 + tanh(√(2/π)·(C + 0.044715·C³))), the GELU's tanh form, computed as C·σ of twice that argument.
    gelu() |z| {
        let argument = z.mul(z).fma(V::splat(GELU_CUBIC), V::splat(GELU_LINEAR)).mul(z);
        V::splat(-10.0).max(z).mul(math::sigmoid(argument))
    }
}

backward! {
    /// Δ ← Δ ⊙ GELU′(Z), of the tanh form: σ(v) + Z·v′·σ(v)·σ(−v) with v = 2·√(2/π)·(Z + 0.044715·Z³).
    gelu_backward() |z| {
        // Beyond ±12 the sigmoids are as good as constant.
        let z = V::splat(12.0).min(V::splat(-12.0).max(z));
        let square = z.mul(z);
        let argument = square.fma(V::splat(GELU_CUBIC), V::splat(GELU_LINEAR)).mul(z);
        let slope = square.fma(V::splat(3.0 * GELU_CUBIC), V::splat(GELU_LINEAR));
        let (sigmoid, complement) = math::sigmoid_pair(argument);
        z.mul(slope).mul(complement).fma(sigmoid, sigmoid)
    }
}

forward! {
    /// C ← ln(1 + eᶜ), the softplus.
    softplus() |z| math::softplus(z)
}

backward! {
    /// Δ ← Δ ⊙ softplus′(Z) from the output: σ(Z) = 1 − e⁻ᴬ.
    softplus_backward() |a| {
        let zero = V::splat(0.0);
        zero.sub(math::expm1(zero.sub(a)))
    }
}
