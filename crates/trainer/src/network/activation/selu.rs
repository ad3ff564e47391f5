use super::elu::elu;
use super::{Activation, Element, Initializer, Pointwise};

/// The self-normalising unit λ·ELU with λ ≈ 1.0507 and α ≈ 1.6733, for which mean 0 and variance 1 are a fixed point
/// (Klambauer et al. 2017). Start it with [`Initializer::LecunNormal`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Selu;

const SCALE: f64 = 1.050_700_987_355_480_5;
const ALPHA: f64 = 1.673_263_242_354_377_2;

impl Pointwise for Selu {
    const NEEDS_Z: bool = false;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        elu(z, E::of(ALPHA)) * E::of(SCALE)
    }

    #[inline(always)]
    fn slope<E: Element>(&self, a: E) -> E {
        let (scale, alpha) = (E::of(SCALE), E::of(ALPHA));
        a.select(E::of(0.0), scale, a + scale * alpha)
    }
}

impl Activation for Selu {
    from_pointwise!();

    fn name(&self) -> &'static str {
        "selu"
    }

    fn initializer(&self) -> Initializer {
        Initializer::LecunNormal
    }

    fn piece(&self, z: f64) -> i32 {
        i32::from(z > 0.0)
    }
}
