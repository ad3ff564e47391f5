//! The answer that outputs give: a class, or labels.

use minibatch_kernels::argmax;

/// Whether an output says yes: it is above ½.
pub(crate) fn is_yes(output: f32) -> bool {
    output > 0.5
}

/// The class that the outputs of an example answer with: the largest, of equal ones the first. One output for two `classes` is that of
/// the second.
pub(crate) fn class(outputs: &[f32], classes: usize) -> usize {
    match outputs {
        [one] if classes == 2 => usize::from(is_yes(*one)),
        several => argmax(several),
    }
}

/// Whether each output says what its label, 0 or 1, is.
pub(crate) fn has_all_labels(outputs: &[f32], labels: &[f32]) -> bool {
    outputs.iter().zip(labels).all(|(output, label)| is_yes(*output) == is_yes(*label))
}
