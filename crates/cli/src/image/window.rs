//! Scaling along one axis.

/// The pixels that a pixel of the result averages along one axis: those that it covers, and at least the width of one of them.
/// So reduction is by area, enlargement is by linear interpolation, and scale 1 changes nothing.
pub(super) struct Window {
    start: usize,
    /// The share of each pixel from `start` on. Their sum is 1 inside the crop, and less where the window reaches beyond it.
    weights: Vec<f32>,
}

impl Window {
    /// The windows of all pixels of the result.
    pub(super) fn all(length: usize, step: f32) -> Vec<Window> {
        // A rounding error must not add a pixel.
        let count = (length as f32 / step - 1e-3).ceil().max(1.0) as usize;
        let width = step.max(1.0);
        (0..count)
            .map(|i| {
                let centre = (i as f32 + 0.5) * step;
                let (from, to) = (centre - 0.5 * width, centre + 0.5 * width);
                let start = (from.max(0.0) as usize).min(length - 1);
                let end = (to.ceil() as usize).clamp(start + 1, length);
                let share = |i| ((i as f32 + 1.0).min(to) - (i as f32).max(from)).max(0.0) / width;
                Window { start, weights: (start..end).map(share).collect() }
            })
            .collect()
    }

    pub(super) fn average(&self, value: impl Fn(usize) -> f32) -> f32 {
        (self.start..).zip(&self.weights).map(|(i, weight)| weight * value(i)).sum()
    }

    /// As [`average`](Self::average), where a window that reaches beyond the picture counts what is inside.
    pub(super) fn mean(&self, value: impl Fn(usize) -> f32) -> f32 {
        self.average(value) / self.weights.iter().sum::<f32>()
    }
}
