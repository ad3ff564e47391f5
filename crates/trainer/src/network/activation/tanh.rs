use super::{Activation, Element, Initializer, Pointwise};

/// The hyperbolic tangent tanh z. tanh′ = 1 − tanh² = (1 − a)(1 + a).
#[derive(Clone, Copy, Debug, Default)]
pub struct Tanh;

impl Pointwise for Tanh {
    const NEEDS_Z: bool = false;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        z.tanh()
    }

    #[inline(always)]
    fn slope<E: Element>(&self, a: E) -> E {
        let one = E::of(1.0);
        (one - a) * (one + a)
    }
}

impl Activation for Tanh {
    from_pointwise!();

    fn name(&self) -> &'static str {
        "tanh"
    }

    fn initializer(&self) -> Initializer {
        Initializer::GlorotNormal
    }
}
