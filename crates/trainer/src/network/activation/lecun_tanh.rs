use super::{Activation, Element, Initializer, Pointwise};

/// LeCun's tanh, 1.7159·tanh(⅔z), which takes ±1 to ±1 (*Efficient BackProp*, 1998, §4.4).
#[derive(Clone, Copy, Debug, Default)]
pub struct LecunTanh;

const AMPLITUDE: f64 = 1.7159;
const FREQUENCY: f64 = 2.0 / 3.0;

impl Pointwise for LecunTanh {
    const NEEDS_Z: bool = false;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        (z * E::of(FREQUENCY)).tanh() * E::of(AMPLITUDE)
    }

    #[inline(always)]
    fn slope<E: Element>(&self, a: E) -> E {
        let (amplitude, frequency) = (E::of(AMPLITUDE), E::of(FREQUENCY));
        (amplitude - a) * (amplitude + a) * (frequency / amplitude)
    }
}

impl Activation for LecunTanh {
    from_pointwise!();

    fn name(&self) -> &'static str {
        "lecun-tanh"
    }

    fn initializer(&self) -> Initializer {
        Initializer::LecunNormal
    }
}
