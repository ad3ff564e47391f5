use super::{Activation, Element, Pointwise, Range};

/// The softplus ln(1 + eᶻ), a smooth rectifier that stays above 0. Its derivative is σ(z) = 1 − e⁻ᵃ.
#[derive(Clone, Copy, Debug, Default)]
pub struct Softplus;

impl Pointwise for Softplus {
    const NEEDS_Z: bool = false;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        z.softplus()
    }

    #[inline(always)]
    fn slope<E: Element>(&self, a: E) -> E {
        let zero = E::of(0.0);
        zero - (zero - a).expm1()
    }
}

impl Activation for Softplus {
    from_pointwise!();

    fn name(&self) -> &'static str {
        "softplus"
    }

    fn range(&self) -> Range {
        Range::Positive
    }
}
