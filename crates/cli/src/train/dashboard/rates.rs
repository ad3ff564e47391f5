//! Curves of η and of samples a second.

use super::canvas::Canvas;
use super::shown::Shown;
use crate::draw::{Chart, Scale, Series};
use minibatch::Epoch;

pub(super) fn draw(canvas: &mut Canvas<'_>, shown: &Shown<'_>) {
    if shown.history.is_empty() {
        canvas.faint(0, 1, "The curves begin when the first epoch has ended.");
        return;
    }
    let chart = |title: &str, scale, series: Option<Series>| Chart {
        title: title.to_owned(),
        x: "epoch",
        scale,
        series: series.into_iter().collect(),
    };
    let rate = |epoch: &Epoch| shown.examples as f64 / epoch.seconds;
    // The numbers at the axis stay short.
    let (unit, name) = match shown.history.last().map_or(0.0, rate) {
        r if r >= 1e8 => (1e6, "million samples/s"),
        r if r >= 1e4 => (1e3, "thousand samples/s"),
        _ => (1.0, "samples/s"),
    };
    let charts = [
        chart("η", Scale::Decades, shown.curve("last step", |epoch| epoch.learning_rate)),
        chart(name, Scale::Linear, shown.curve("training", |epoch| Some(rate(epoch) / unit))),
    ];
    canvas.charts(&charts);
}
