use super::{Activation, Element, Pointwise, Range};

/// The rectifier max(0, z). Its derivative is 1 where z > 0, else 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relu;

impl Pointwise for Relu {
    const NEEDS_Z: bool = false;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        E::of(0.0).max(z)
    }

    #[inline(always)]
    fn slope<E: Element>(&self, a: E) -> E {
        a.select(E::of(0.0), E::of(1.0), E::of(0.0))
    }

    /// (δ is taken or left, not multiplied: 0, where it is infinite or NaN too.)
    #[inline(always)]
    fn chain<E: Element>(&self, delta: E, a: E) -> E {
        a.select(E::of(0.0), delta, E::of(0.0))
    }
}

impl Activation for Relu {
    from_pointwise!();

    fn name(&self) -> &'static str {
        "relu"
    }

    fn piece(&self, z: f64) -> i32 {
        i32::from(z > 0.0)
    }

    fn range(&self) -> Range {
        Range::NonNegative
    }
}
