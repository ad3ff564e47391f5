//! Augmentation: changes of training examples before each step. Each kind has a file, and a line in [`Augment::all`].
//!
//! [`Settings::augment`](crate::Settings::augment) is a list, applied in order: each change sees what the one before it made. What a
//! change draws is a function of the seed, the step, its place in the list and the example alone ([`Minibatch::draw`]). So the bits are
//! those of any other number of threads, and a resumed run draws what an uninterrupted one does.
//!
//! ```
//! use minibatch::Settings;
//!
//! let augment = vec!["elastic(26,4.5,10,6,0.1,1)".parse()?, "mixup".parse()?];
//! let settings = Settings { augment, ..Settings::default() };
//! assert_eq!(settings.augment[1].to_string(), "mixup(0.2)");
//! # Ok::<(), minibatch::LabelError>(())
//! ```
//!
//! [`Augment::new`] makes augmentation of your own. This one turns the values of half of the examples around:
//!
//! ```
//! use minibatch::augment::{Augment, Augmentation, Minibatch, Values};
//!
//! #[derive(Debug)]
//! struct Mirror;
//!
//! impl Augmentation for Mirror {
//!     fn name(&self) -> &'static str {
//!         "mirror"
//!     }
//!
//!     fn with_parameters(&self, _: &[f64]) -> Option<Augment> {
//!         Some(Augment::new(Mirror))
//!     }
//!
//!     fn augment(&self, minibatch: &mut Minibatch<'_>) {
//!         fn mirror<T: Copy>(turned: bool, from: &[T], to: &mut [T]) {
//!             to.copy_from_slice(from);
//!             if turned {
//!                 to.reverse();
//!             }
//!         }
//!         minibatch.for_each_example(|example| {
//!             let turned = example.draw(0)[0] % 2 == 0;
//!             match example.values() {
//!                 Values::Bytes { from, to } => mirror(turned, from, to),
//!                 Values::Numbers { from, to } => mirror(turned, from, to),
//!             }
//!         });
//!     }
//! }
//! assert_eq!(Augment::new(Mirror).to_string(), "mirror");
//! ```

mod affine;
mod changed;
mod elastic;
mod minibatch;
mod mixup;
mod shift;

pub use affine::Affine;
pub(crate) use changed::{Changed, Form};
pub use elastic::Elastic;
pub use minibatch::{Change, Minibatch, Values};
pub use mixup::Mixup;
pub use shift::Shift;

use crate::draws::Draws;
use crate::label::technique;
use minibatch_data::Dataset;
use minibatch_kernels::{Matrix, Team};
use std::fmt;
use std::sync::Arc;

/// The shapes of pictures, as errors name them.
const PICTURES: &str = "pictures, [rows, columns] or [rows, columns, 1 to 4 channels]";

/// A change of training examples, with all else that is to know about it.
pub trait Augmentation: fmt::Debug + Send + Sync + 'static {
    /// The name without parameters: lower case, without parentheses, commas and spaces.
    fn name(&self) -> &'static str;

    /// The text with the ranges of its parameters. An error shows it.
    fn usage(&self) -> &str {
        self.name()
    }

    /// The parameters, in the order in which they are written.
    fn parameters(&self) -> Vec<f64> {
        Vec::new()
    }

    /// The same with other parameters, as many. `None` if one is out of range.
    fn with_parameters(&self, parameters: &[f64]) -> Option<Augment>;

    /// Checks that examples of this shape can be changed. A trainer asks when it is made.
    ///
    /// # Errors
    ///
    /// The shapes that can be, in a few words.
    fn expects(&self, _shape: &[usize]) -> Result<(), &str> {
        Ok(())
    }

    /// About how many nanoseconds the change of one input takes on one core. It decides how many threads share the work, and never
    /// changes a result.
    fn work(&self) -> f64 {
        1.0
    }

    /// The most pixels that random fields are smoothed over. A trainer counts the memory for them.
    fn reach(&self) -> usize {
        0
    }

    /// Changes the inputs and targets of a minibatch.
    fn augment(&self, minibatch: &mut Minibatch<'_>);
}

/// Augmentation with its parameters.
#[derive(Clone)]
pub struct Augment(Arc<dyn Augmentation>);

impl Augment {
    /// Augmentation of this kind.
    pub fn new(augmentation: impl Augmentation) -> Augment {
        Augment(Arc::new(augmentation))
    }

    /// Every built-in kind, with its usual parameters.
    #[must_use]
    pub fn all() -> Vec<Augment> {
        vec![
            Augment::new(Shift::default()),
            Augment::new(Affine::default()),
            Augment::new(Elastic::default()),
            Augment::new(Mixup::default()),
        ]
    }

    pub(crate) fn rule(&self) -> &dyn Augmentation {
        &*self.0
    }
}

/// Changes the examples `indices` of `data` by all of `augments`, in order, in the step of this number. Their inputs stand in
/// `changed`, their targets in the first rows of `targets`.
pub(crate) fn apply(
    augments: &[Augment],
    team: &Team<'_>,
    data: &Dataset,
    (seed, number, indices): (u64, u64, &[u32]),
    changed: &mut Changed,
    targets: &mut Matrix,
) {
    if augments.is_empty() {
        return;
    }
    let step = Draws::new(seed, *b"augment\0", number, indices);
    for (place, augment) in augments.iter().enumerate() {
        let work = augment.rule().work();
        let (mixes, keeps_targets) = (None, false);
        let changed = &mut *changed;
        let targets = &mut *targets;
        augment.rule().augment(&mut Minibatch {
            team,
            data,
            step,
            changed,
            targets,
            place,
            work,
            mixes,
            keeps_targets,
        });
    }
}

technique!(Augment, "augmentation");
