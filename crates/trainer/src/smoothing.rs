//! Label smoothing (Szegedy et al. 2016): targets of classes that are less sure than 0 and 1.

/// The targets of a class that isn't an example's, and of the one that is, of K `classes` with label smoothing ε: ε/K, and
/// 1 − ε + ε/K, PyTorch's `label_smoothing`.
pub(crate) fn class_targets(smoothing: f64, classes: usize) -> [f32; 2] {
    let off = smoothing / classes as f64;
    [off as f32, (1.0 - smoothing + off) as f32]
}

#[test]
fn targets_by_hand() {
    assert_eq!(class_targets(0.0, 10), [0.0, 1.0]);
    assert_eq!(class_targets(0.5, 4), [0.125, 0.625]);
}
