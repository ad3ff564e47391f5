//! A number in f64 with a bound on the error of f32 arithmetic. [`gradcheck`](crate::gradcheck) says what it is for.

use minibatch_kernels::{Element, Pointwise};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Half the distance from 1 to the next f32.
pub(crate) const U: f64 = 1.0 / (1 << 24) as f64;

/// Errors below 2⁻⁹⁶ become 0.
pub(crate) const FLUSHED: f64 = 1.0 / (1_u128 << 96) as f64;

/// The relative error of an activation that has no formula, softmax among them.
pub(crate) const ACTIVATION: f64 = 36.0 * U;

/// The absolute error of such an activation's derivative from an exact argument.
pub(crate) const DERIVATIVE: f64 = 16.0 * U;

/// Kernels clamp the argument of eˣ at −87. Their results stay at e⁻⁸⁷ where the exact ones are smaller.
const LEAST_EXPONENTIAL: f64 = 2e-38;

/// The relative error of n roundings in a row.
pub(crate) fn gamma(n: usize) -> f64 {
    let nu = n as f64 * U;
    nu / (1.0 - nu)
}

/// A value, and the most that f32 may stray from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounded {
    /// The value in f64.
    pub value: f64,
    /// The most that f32 may be off.
    pub error: f64,
}

impl Bounded {
    /// A number that f32 holds exactly.
    #[must_use]
    pub fn exact(value: f32) -> Bounded {
        Bounded { value: f64::from(value), error: 0.0 }
    }

    pub(crate) fn magnitude(self) -> f64 {
        self.value.abs() + self.error
    }

    pub(crate) fn times(self, other: Bounded) -> Bounded {
        let error =
            self.value.abs() * other.error + other.value.abs() * self.error + self.error * other.error;
        Bounded { value: self.value * other.value, error: error + FLUSHED }.rounded(1)
    }

    pub(crate) fn minus(self, other: Bounded) -> Bounded {
        Bounded { value: self.value - other.value, error: self.error + other.error }.rounded(1)
    }

    /// The value of `f` here, with the most that `f` changes within the error. `f` must be smooth there, and as good as monotonic.
    pub(crate) fn through(self, f: impl Fn(f64) -> f64) -> Bounded {
        let value = f(self.value);
        let strays = [-self.error, self.error].map(|e| (f(self.value + e) - value).abs());
        // Within an error of 10⁻⁶, the bend of `f` adds some 10⁻¹² of it.
        Bounded { value, error: 1.01 * strays[0].max(strays[1]) }
    }

    /// (σ(z), σ′(z)) for the number z. To what the error of z makes of them comes the error that f32 makes at an exact z.
    pub fn with_slope(self, function: &impl Pointwise) -> (Bounded, Bounded) {
        let (mut a, mut slope) = function.with_slope(Bounded { error: 0.0, ..self });
        a.error += self.through(|z| function.apply(z)).error;
        slope.error += self.through(|z| function.with_slope(z).1).error;
        (a, slope)
    }

    /// A transcendental `f` of the kernels here. Their relative error is 4 units in the last place at most.
    fn transcendental(self, f: fn(f64) -> f64) -> Bounded {
        let Bounded { value, error } = self.through(f);
        Bounded { value, error: error + LEAST_EXPONENTIAL }.rounded(8)
    }

    /// The number after `n` more roundings.
    pub(crate) fn rounded(self, n: usize) -> Bounded {
        Bounded { error: self.error + gamma(n) * self.magnitude(), ..self }
    }

    /// start + Σ p·q.
    pub(crate) fn chain(start: Bounded, terms: impl Iterator<Item = (Bounded, Bounded)>) -> Bounded {
        let (mut sum, mut magnitude, mut n) = (start, start.magnitude(), 0);
        for (p, q) in terms {
            sum.value += p.value * q.value;
            sum.error += p.value.abs() * q.error + q.value.abs() * p.error + p.error * q.error;
            magnitude += p.magnitude() * q.magnitude();
            n += 1;
        }
        // Each term is a product and an addition, fused or not.
        Bounded { error: sum.error + gamma(n + 1) * magnitude, ..sum }
    }

    /// Holds `found` against the bound.
    ///
    /// # Panics
    ///
    /// If `found` isn't a possible f32 result. The message calls it by `what`.
    #[track_caller]
    pub fn check(self, found: impl Into<f64>, what: impl Fn() -> String) {
        let found = found.into();
        let off = (found - self.value).abs();
        assert!(
            off <= self.error,
            "{}: {found} is {off:e} from {}, allowed {:e}",
            what(),
            self.value,
            self.error
        );
    }
}

/// 0, exactly.
pub(crate) const ZERO: Bounded = Bounded { value: 0.0, error: 0.0 };

impl Add for Bounded {
    type Output = Bounded;

    fn add(self, b: Bounded) -> Bounded {
        Bounded { value: self.value + b.value, error: self.error + b.error }.rounded(1)
    }
}

impl Sub for Bounded {
    type Output = Bounded;

    fn sub(self, b: Bounded) -> Bounded {
        self.minus(b)
    }
}

impl Mul for Bounded {
    type Output = Bounded;

    fn mul(self, b: Bounded) -> Bounded {
        self.times(b)
    }
}

impl Div for Bounded {
    type Output = Bounded;

    fn div(self, b: Bounded) -> Bounded {
        let (value, least) = (self.value / b.value, b.value.abs() - b.error);
        assert!(least > 0.0, "a denominator within its error of 0");
        Bounded { value, error: (self.error + value.abs() * b.error) / least }.rounded(1)
    }
}

impl Neg for Bounded {
    type Output = Bounded;

    fn neg(self) -> Bounded {
        Bounded { value: -self.value, ..self }
    }
}

impl Element for Bounded {
    fn of(x: f64) -> Bounded {
        Bounded { value: x, error: (x - f64::from(x as f32)).abs() }
    }

    fn mul_add(self, b: Bounded, c: Bounded) -> Bounded {
        Bounded::chain(c, [(self, b)].into_iter())
    }

    fn sqrt(self) -> Bounded {
        let value = self.value.max(0.0).sqrt();
        let strays = [
            (self.value + self.error).max(0.0).sqrt() - value,
            value - (self.value - self.error).max(0.0).sqrt(),
        ];
        Bounded { value, error: strays[0].max(strays[1]) }.rounded(1)
    }

    fn exp(self) -> Bounded {
        self.transcendental(Element::exp)
    }

    fn expm1(self) -> Bounded {
        self.transcendental(Element::expm1)
    }

    fn tanh(self) -> Bounded {
        self.transcendental(Element::tanh)
    }

    fn softplus(self) -> Bounded {
        self.transcendental(Element::softplus)
    }

    fn max(self, b: Bounded) -> Bounded {
        Bounded { value: self.value.max(b.value), error: self.error.max(b.error) }
    }

    fn min(self, b: Bounded) -> Bounded {
        Bounded { value: self.value.min(b.value), error: self.error.max(b.error) }
    }

    fn select(self, b: Bounded, value: Bounded, otherwise: Bounded) -> Bounded {
        let (least, most) = (self.value - self.error, self.value + self.error);
        if least > b.value + b.error {
            return value;
        }
        if most <= b.value - b.error {
            return otherwise;
        }
        // f32 may take either.
        let (taken, other) = if self.value > b.value { (value, otherwise) } else { (otherwise, value) };
        let error = taken.error.max((other.value - taken.value).abs() + other.error);
        Bounded { error, ..taken }
    }

    fn flush(self) -> Bounded {
        Bounded { error: self.error + FLUSHED, ..self }
    }
}
