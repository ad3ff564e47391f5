use super::{Schedule, Shape, Time};

/// η in every step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constant;

impl Shape for Constant {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn usage(&self) -> &str {
        "constant, without parameters"
    }

    fn with_parameters(&self, _: &[f64]) -> Option<Schedule> {
        Some(Schedule::CONSTANT)
    }

    fn factor(&self, _: Time<'_>) -> f64 {
        1.0
    }
}
