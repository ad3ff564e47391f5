//! The targets of a dataset as rows of numbers, which a cost compares outputs with.

use crate::smoothing::class_targets;
use minibatch_data::Targets;

/// The targets of a dataset as rows of numbers: classes become one-hot rows, smoothed if asked for; labels and values stay as they are.
#[derive(Clone, Copy)]
pub(crate) struct TargetRows<'a> {
    targets: &'a Targets,
    /// The target of a class that isn't an example's.
    off: f32,
    /// The target of an example's class.
    on: f32,
}

impl<'a> TargetRows<'a> {
    /// The rows for a network with so many `outputs`, where classes are smoothed by ε.
    pub(crate) fn new(targets: &'a Targets, outputs: usize, smoothing: f64) -> TargetRows<'a> {
        // One output tells two classes.
        let [off, on] = class_targets(smoothing, targets.width().max(outputs));
        TargetRows { targets, off, on }
    }

    /// Writes the row of this example.
    pub(crate) fn write(self, example: usize, row: &mut [f32]) {
        let TargetRows { targets, off, on } = self;
        match targets {
            Targets::Values { data, width } | Targets::Labels { data, width } => {
                row.copy_from_slice(&data[example * width..][..*width]);
            }
            Targets::Classes { labels, classes: 2 } if row.len() == 1 => {
                row[0] = if labels[example] == 1 { on } else { off };
            }
            Targets::Classes { labels, .. } => {
                row.fill(off);
                row[labels[example] as usize] = on;
            }
            _ => unreachable!("targets are classes, labels or values"),
        }
    }
}
