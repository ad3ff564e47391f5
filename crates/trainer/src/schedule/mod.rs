//! Schedules: the learning rate by step. Each has a file, and a line in [`Schedule::all`].
//!
//! In step t the learning rate is η·[`factor`](Shape::factor), where η is [`Settings::learning_rate`](crate::Settings). The factor is
//! computed in f64 from t alone. The product is rounded once, so a resumed run has the η of one that never stopped. A schedule may
//! move the momentum too: μ, or Adam's β₁.
//!
//! Some schedules count in parts of the run ([`Time::progress`]), others in epochs ([`Time::epochs`], [`Time::steps`]).
//! `docs/techniques.md` has all their equations, and the names that other libraries have for them.
//!
//! [`Schedule::new`] makes a schedule of your own:
//!
//! ```
//! use minibatch::schedule::{Time, Schedule, Shape};
//!
//! /// Half of η from the middle of the run on.
//! #[derive(Debug)]
//! struct Halved;
//!
//! impl Shape for Halved {
//!     fn name(&self) -> &'static str {
//!         "halved"
//!     }
//!
//!     fn with_parameters(&self, _: &[f64]) -> Option<Schedule> {
//!         Some(Schedule::new(Halved))
//!     }
//!
//!     fn factor(&self, at: Time<'_>) -> f64 {
//!         if 2 * at.step < at.total { 1.0 } else { 0.5 }
//!     }
//! }
//!
//! let schedule = Schedule::new(Halved);
//! assert_eq!(schedule.to_string(), "halved");
//! assert_eq!(schedule.factor(Time { step: 7, total: 10, steps_per_epoch: 5, state: &[] }), 0.5);
//! ```

mod constant;
mod cosine;
mod coslog4;
mod exponential;
mod inverse_scaling;
mod linear;
mod multi_step;
mod one_cycle;
mod plateau;
mod polynomial;
mod step;
mod warm_restarts;

pub use cosine::Cosine;
pub use coslog4::CosLog4;
pub use exponential::Exponential;
pub use inverse_scaling::InverseScaling;
pub use linear::Linear;
pub use multi_step::MultiStep;
pub use one_cycle::OneCycle;
pub use plateau::Plateau;
pub use polynomial::Polynomial;
pub use step::StepDecay;
pub use warm_restarts::WarmRestarts;

use crate::label::technique;
use constant::Constant;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A schedule's formula, with all else that is to know about it.
pub trait Shape: fmt::Debug + Send + Sync + 'static {
    /// The name without parameters: lower case, without parentheses, commas and spaces.
    fn name(&self) -> &'static str;

    /// The schedule's text with the ranges of its parameters. An error shows it.
    fn usage(&self) -> &str {
        self.name()
    }

    /// The parameters, in the order in which they are written.
    fn parameters(&self) -> Vec<f64> {
        Vec::new()
    }

    /// The index at which a list of parameters of any length begins. A text has all of the list, or none of it and means the usual
    /// one. `None` if the number of parameters is fixed.
    fn list(&self) -> Option<usize> {
        None
    }

    /// The same shape with other parameters, as many but for the list. `None` if one is out of range.
    fn with_parameters(&self, parameters: &[f64]) -> Option<Schedule>;

    /// The factor of η in a step: a finite number, not negative.
    fn factor(&self, at: Time<'_>) -> f64;

    /// The largest factor of all steps. A learning rate is refused if η times this factor is out of range.
    fn peak(&self) -> f64 {
        1.0
    }

    /// The momentum in a step, 0 ≤ μ < 1, in place of the optimiser's own. `None` leaves it.
    fn momentum(&self, _at: Time<'_>) -> Option<f64> {
        None
    }

    /// The state before the first step, of a schedule that looks at results: finite numbers. A checkpoint has them.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Takes account of an epoch. Called before the next one begins. `cost` is the epoch's on the test set, if it was
    /// evaluated, else its training cost. A step is refused if the state isn't finite.
    fn after_epoch(&self, _state: &mut [f64], _cost: f64) {}
}

/// The place of a step in its run.
#[derive(Clone, Copy, Debug)]
pub struct Time<'a> {
    /// The step's number in the run, counted from 0.
    pub step: u64,
    /// The steps of the whole run, as it was planned when it began. A run that is extended later has steps beyond it.
    pub total: u64,
    /// The steps of an epoch.
    pub steps_per_epoch: u64,
    /// The schedule's state.
    pub state: &'a [f64],
}

impl Time<'_> {
    /// The part of the run that lies before the step, from 0 to 1.
    #[must_use]
    pub fn progress(&self) -> f64 {
        if self.step < self.total { self.step as f64 / self.total as f64 } else { 1.0 }
    }

    /// Whether it is the last step of an epoch.
    #[must_use]
    pub fn ends_epoch(&self) -> bool {
        (self.step + 1).is_multiple_of(self.steps_per_epoch.max(1))
    }

    /// The finished epochs before the step.
    #[must_use]
    pub fn epochs(&self) -> u64 {
        self.step / self.steps_per_epoch.max(1)
    }

    /// The number of steps that is nearest to so many epochs, at least 1.
    #[must_use]
    pub fn steps(&self, epochs: f64) -> u64 {
        ((epochs * self.steps_per_epoch as f64).round() as u64).max(1)
    }
}

/// A schedule with its parameters. The default is constant.
///
/// The text of a schedule is its name. All of its parameters, or the first of them, may follow:
///
/// ```
/// use minibatch::schedule::Schedule;
///
/// let schedule: Schedule = "one-cycle".parse()?;
/// assert_eq!(schedule.to_string(), "one-cycle(0.3,25.0,10000.0)");
/// let error = "cosine(2)".parse::<Schedule>().unwrap_err();
/// assert!(error.to_string().starts_with("schedule 'cosine(2)': expected cosine(least,warm-up) with 0 ≤ least ≤ 1"));
/// # Ok::<(), minibatch::LabelError>(())
/// ```
#[derive(Clone, Default)]
pub struct Schedule(
    /// `None` if it is constant.
    Option<Arc<dyn Shape>>,
);

impl Schedule {
    /// η in every step.
    pub const CONSTANT: Schedule = Schedule(None);

    /// The schedule of this shape.
    pub fn new(shape: impl Shape) -> Schedule {
        Schedule(Some(Arc::new(shape)))
    }

    /// Every schedule, with its usual parameters.
    #[must_use]
    pub fn all() -> Vec<Schedule> {
        vec![
            Schedule::CONSTANT,
            Schedule::new(StepDecay::default()),
            Schedule::new(MultiStep::default()),
            Schedule::new(Exponential::default()),
            Schedule::new(InverseScaling::default()),
            Schedule::new(Polynomial::default()),
            Schedule::new(Linear::default()),
            Schedule::new(Cosine::default()),
            Schedule::new(WarmRestarts::default()),
            Schedule::new(OneCycle::default()),
            Schedule::new(CosLog4::default()),
            Schedule::new(Plateau::default()),
        ]
    }

    fn rule(&self) -> &dyn Shape {
        self.0.as_deref().unwrap_or(&Constant)
    }

    /// The factor of η in a step.
    #[must_use]
    pub fn factor(&self, at: Time<'_>) -> f64 {
        self.rule().factor(at)
    }

    /// The momentum in a step, if the schedule moves it.
    #[must_use]
    pub fn momentum(&self, at: Time<'_>) -> Option<f64> {
        self.rule().momentum(at)
    }

    /// Whether it is the built-in constant one.
    pub(crate) fn is_constant(&self) -> bool {
        self.0.is_none()
    }

    /// The largest factor of all steps.
    pub(crate) fn peak(&self) -> f64 {
        self.rule().peak()
    }
}

/// How far a run has come in its schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// The steps of the whole run, as it was planned when it began.
    pub total: u64,
    /// The schedule's state.
    pub state: Vec<f64>,
}

impl Course {
    /// The course of a run of so many steps, before the first.
    pub(crate) fn new(schedule: &Schedule, total: u64) -> Course {
        Course { total, state: schedule.rule().state() }
    }

    /// Whether it is a course of `schedule`.
    pub(crate) fn fits(&self, schedule: &Schedule) -> bool {
        self.state.len() == schedule.rule().state().len() && self.is_finite()
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.state.iter().all(|x| x.is_finite())
    }

    /// The place of a step in a run whose epochs have so many steps.
    pub(crate) fn at(&self, step: u64, steps_per_epoch: u64) -> Time<'_> {
        Time { step, total: self.total, steps_per_epoch, state: &self.state }
    }

    /// Takes account of an epoch of this cost.
    pub(crate) fn after_epoch(&mut self, schedule: &Schedule, cost: f64) {
        schedule.rule().after_epoch(&mut self.state, cost);
    }
}

technique!(Schedule, "schedule", list);

/// The factor at the part `x` of a run: from 0 to 1 along a line in the part `up` of it, then that of `rest`, which is given the part
/// of the rest that lies before.
fn warm_up(x: f64, up: f64, rest: impl Fn(f64) -> f64) -> f64 {
    if x < up { x / up } else { rest((x - up) / (1.0 - up)) }
}

/// True for a part of a run that leaves a rest.
fn is_part(up: f64) -> bool {
    (0.0..1.0).contains(&up)
}

/// True for a factor by which η is multiplied again and again.
fn is_decay(gamma: f64) -> bool {
    gamma > 0.0 && gamma <= 1.0
}

/// True for a number of epochs, of which a part may be asked for.
fn is_epochs(epochs: f64) -> bool {
    epochs > 0.0 && epochs.is_finite()
}

/// The value on half a wave of the cosine that leads from `from` to `to`, at `x` from 0 to 1.
fn half_wave(from: f64, to: f64, x: f64) -> f64 {
    to + (from - to) / 2.0 * (1.0 + libm::cos(std::f64::consts::PI * x))
}

#[cfg(test)]
mod tests;
