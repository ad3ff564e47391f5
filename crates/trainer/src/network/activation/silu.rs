use super::{Activation, Element, Pointwise};

/// The sigmoid linear unit z·σ(z), also called swish. Its derivative is σ(z)·(1 + z·σ(−z)).
#[derive(Clone, Copy, Debug, Default)]
pub struct Silu;

/// Beyond ±87, SiLU is within 10⁻³⁴ of 0 or z, its derivative of 0 or 1.
const FAR: f64 = 87.0;

impl Pointwise for Silu {
    const NEEDS_Z: bool = true;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        E::of(-FAR).max(z) * z.sigmoid()
    }

    #[inline(always)]
    fn slope<E: Element>(&self, z: E) -> E {
        let z = E::of(FAR).min(E::of(-FAR).max(z));
        let (sigmoid, complement) = z.sigmoid_pair();
        (z * complement).mul_add(sigmoid, sigmoid)
    }
}

impl Activation for Silu {
    from_pointwise!();

    fn name(&self) -> &'static str {
        "silu"
    }
}
