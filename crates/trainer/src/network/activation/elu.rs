use super::{Activation, Element, Pointwise};
use std::sync::Arc;

/// The exponential linear unit: z where z > 0, else α·(eᶻ − 1) (Clevert, Unterthiner and Hochreiter 2015). The parameter
/// is α > 0, usually 1.
#[derive(Clone, Copy, Debug)]
pub struct Elu {
    alpha: f32,
}

impl Elu {
    /// The ELU with this α. `None` unless α is a finite number above 0.
    #[must_use]
    pub fn new(alpha: f32) -> Option<Elu> {
        (alpha > 0.0 && alpha.is_finite()).then_some(Elu { alpha })
    }
}

impl Default for Elu {
    fn default() -> Elu {
        Elu { alpha: 1.0 }
    }
}

/// The ELU of z with this α.
#[inline(always)]
pub(super) fn elu<E: Element>(z: E, alpha: E) -> E {
    let zero = E::of(0.0);
    zero.max(z) + zero.min(z).expm1() * alpha
}

impl Pointwise for Elu {
    const NEEDS_Z: bool = false;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        elu(z, E::of(self.alpha.into()))
    }

    #[inline(always)]
    fn slope<E: Element>(&self, a: E) -> E {
        a.select(E::of(0.0), E::of(1.0), a + E::of(self.alpha.into()))
    }
}

impl Activation for Elu {
    from_pointwise!();

    fn name(&self) -> &'static str {
        "elu"
    }

    fn parameter(&self) -> Option<f32> {
        Some(self.alpha)
    }

    fn parameter_range(&self) -> Option<&'static str> {
        Some("a finite α above 0")
    }

    fn with_parameter(&self, alpha: f32) -> Option<Arc<dyn Activation>> {
        Some(Arc::new(Elu::new(alpha)?))
    }

    fn piece(&self, z: f64) -> i32 {
        i32::from(z > 0.0)
    }
}
