use super::{Activation, Element, Pointwise};
use std::sync::Arc;

/// The leaky rectifier: z where z > 0, else slope·z. The parameter is the slope, 0 ≤ slope < 1, usually 0.01.
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu {
    slope: f32,
}

impl LeakyRelu {
    /// The leaky rectifier with this slope below 0. `None` unless 0 ≤ slope < 1.
    #[must_use]
    pub fn new(slope: f32) -> Option<LeakyRelu> {
        (0.0..1.0).contains(&slope).then_some(LeakyRelu { slope })
    }
}

impl Default for LeakyRelu {
    fn default() -> LeakyRelu {
        LeakyRelu { slope: 0.01 }
    }
}

impl Pointwise for LeakyRelu {
    const NEEDS_Z: bool = false;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        z.select(E::of(0.0), z, z * E::of(self.slope.into()))
    }

    #[inline(always)]
    fn slope<E: Element>(&self, a: E) -> E {
        a.select(E::of(0.0), E::of(1.0), E::of(self.slope.into()))
    }
}

impl Activation for LeakyRelu {
    from_pointwise!();

    fn name(&self) -> &'static str {
        "leaky-relu"
    }

    fn parameter(&self) -> Option<f32> {
        Some(self.slope)
    }

    fn parameter_range(&self) -> Option<&'static str> {
        Some("a slope from 0 to below 1")
    }

    fn with_parameter(&self, slope: f32) -> Option<Arc<dyn Activation>> {
        Some(Arc::new(LeakyRelu::new(slope)?))
    }

    fn piece(&self, z: f64) -> i32 {
        i32::from(z > 0.0)
    }
}
