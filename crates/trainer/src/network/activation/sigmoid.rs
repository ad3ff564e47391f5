use super::{Activation, Element, Initializer, Pointwise, Range};

/// The logistic sigmoid σ(z) = 1 / (1 + e⁻ᶻ); σ′ = σ·(1 − σ).
#[derive(Clone, Copy, Debug, Default)]
pub struct Sigmoid;

impl Pointwise for Sigmoid {
    const NEEDS_Z: bool = false;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        z.sigmoid()
    }

    #[inline(always)]
    fn slope<E: Element>(&self, a: E) -> E {
        a * (E::of(1.0) - a)
    }
}

impl Activation for Sigmoid {
    from_pointwise!();

    fn name(&self) -> &'static str {
        "sigmoid"
    }

    fn initializer(&self) -> Initializer {
        Initializer::GlorotSigmoid
    }

    fn range(&self) -> Range {
        Range::Unit
    }
}
