//! Interval arithmetic: how large a number in a formula can become, whatever its rounding.

use crate::bounded::FLUSHED;
use minibatch_kernels::Element;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// An interval that a number lies in. No number on the way to it was larger in magnitude than `worst`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    least: f64,
    most: f64,
    worst: f64,
}

/// The most that rounding adds to a result, as a fraction of it.
const ROUNDED: f64 = 1.0 / (1 << 23) as f64;

impl Interval {
    /// The numbers that are at most `bound` from 0.
    pub(super) fn within(bound: f64) -> Interval {
        Interval { least: -bound, most: bound, worst: bound }
    }

    /// The largest magnitude of the number.
    pub(super) fn bound(self) -> f64 {
        self.most.max(-self.least)
    }

    /// The largest magnitude of the number and of all numbers on the way to it.
    pub(super) fn worst(self) -> f64 {
        self.worst
    }

    /// The result of an operation on `operands` that lies between two of `ends` before it is rounded.
    fn of_ends(operands: [Interval; 2], ends: impl IntoIterator<Item = f64>) -> Interval {
        let worst = operands[0].worst.max(operands[1].worst);
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for end in ends {
            if end.is_nan() {
                return Interval::within(f64::INFINITY);
            }
            (least, most) = (least.min(end), most.max(end));
        }
        (least, most) = (least - least.abs() * ROUNDED, most + most.abs() * ROUNDED);
        Interval { least, most, worst: worst.max(most).max(-least) }
    }

    /// The result of a function that never falls. The kernels clamp its argument to `least` and `most`. They are off by at most 4
    /// units in the last place.
    fn rising(self, [least, most]: [f64; 2], f: fn(f64) -> f64) -> Interval {
        let (least, most) = (f(self.least.clamp(least, most)), f(self.most.clamp(least, most)));
        let off = |x: f64| 4.0 * ROUNDED * x.abs();
        Interval::of_ends([self; 2], [least - off(least), most + off(most)])
    }

    /// The result of an operation on `operands` that rounds nothing.
    fn exactly(operands: [Interval; 2], least: f64, most: f64) -> Interval {
        Interval { least, most, worst: operands[0].worst.max(operands[1].worst) }
    }
}

impl Add for Interval {
    type Output = Interval;

    fn add(self, b: Interval) -> Interval {
        Interval::of_ends([self, b], [self.least + b.least, self.most + b.most])
    }
}

impl Sub for Interval {
    type Output = Interval;

    fn sub(self, b: Interval) -> Interval {
        self + -b
    }
}

impl Mul for Interval {
    type Output = Interval;

    fn mul(self, b: Interval) -> Interval {
        let ends = [self.least * b.least, self.least * b.most, self.most * b.least, self.most * b.most];
        Interval::of_ends([self, b], ends)
    }
}

impl Div for Interval {
    type Output = Interval;

    fn div(self, b: Interval) -> Interval {
        if b.least <= 0.0 && b.most >= 0.0 {
            return Interval::within(f64::INFINITY);
        }
        let ends = [self.least / b.least, self.least / b.most, self.most / b.least, self.most / b.most];
        Interval::of_ends([self, b], ends)
    }
}

impl Neg for Interval {
    type Output = Interval;

    fn neg(self) -> Interval {
        Interval { least: -self.most, most: -self.least, ..self }
    }
}

impl Element for Interval {
    fn of(x: f64) -> Interval {
        Interval { least: x, most: x, worst: x.abs() }
    }

    fn mul_add(self, b: Interval, c: Interval) -> Interval {
        self * b + c
    }

    /// (The part of the range below 0 is left out. A formula takes no root of a negative number.)
    fn sqrt(self) -> Interval {
        Interval::of_ends([self; 2], [self.least.max(0.0).sqrt(), self.most.max(0.0).sqrt()])
    }

    fn exp(self) -> Interval {
        self.rising([-87.0, 87.0], Element::exp)
    }

    fn expm1(self) -> Interval {
        self.rising([-87.0, 87.0], Element::expm1)
    }

    fn tanh(self) -> Interval {
        self.rising([-10.0, 10.0], Element::tanh)
    }

    fn softplus(self) -> Interval {
        self.rising([-87.0, f64::INFINITY], Element::softplus)
    }

    fn max(self, b: Interval) -> Interval {
        Interval::exactly([self, b], self.least.max(b.least), self.most.max(b.most))
    }

    fn min(self, b: Interval) -> Interval {
        Interval::exactly([self, b], self.least.min(b.least), self.most.min(b.most))
    }

    fn select(self, _: Interval, value: Interval, otherwise: Interval) -> Interval {
        let (least, most) = (value.least.min(otherwise.least), value.most.max(otherwise.most));
        Interval::exactly([value, otherwise], least, most)
    }

    fn flush(self) -> Interval {
        let least = if self.least < FLUSHED { self.least.min(0.0) } else { self.least };
        let most = if self.most > -FLUSHED { self.most.max(0.0) } else { self.most };
        Interval { least, most, ..self }
    }
}
