//! Curves of the costs and of the accuracies, or of the errors of a regression.

use super::canvas::Canvas;
use super::layers;
use super::shown::Shown;
use crate::draw::{Chart, Scale, Series};
use minibatch::{Epoch, Evaluation};

/// Lines below which the layers aren't shown under the curves.
const ROOM_FOR_LAYERS: usize = 16;

pub(super) fn draw(canvas: &mut Canvas<'_>, shown: &Shown<'_>) {
    if shown.history.is_empty() {
        canvas.faint(0, 1, "The curves begin when the first epoch has ended.");
        return;
    }
    let (width, mut height) = (canvas.width(), canvas.height());
    if height >= ROOM_FOR_LAYERS && !shown.inspected.is_empty() {
        let lines = layers::lines(shown.inspected).min(4);
        height -= lines + 1;
        layers::table(&mut canvas.part(0, height + 1, width, lines), shown);
    }
    let charts: Vec<Chart> = [Some(costs(shown)), scores(shown)].into_iter().flatten().collect();
    canvas.part(0, 0, width, height).charts(&charts);
}

fn costs(shown: &Shown<'_>) -> Chart {
    let series = series(shown, |epoch| Some(epoch.cost), |evaluation| Some(evaluation.cost));
    Chart { title: "cost".to_owned(), x: "epoch", scale: Shown::COSTS, series }
}

/// The accuracies, or the errors of a regression. `None` where there are neither.
fn scores(shown: &Shown<'_>) -> Option<Chart> {
    let accuracies = series(shown, |epoch| epoch.accuracy(shown.examples), Evaluation::accuracy);
    if !accuracies.is_empty() {
        let title = "accuracy".to_owned();
        return Some(Chart { title, x: "epoch", scale: Scale::Percent, series: accuracies });
    }
    let errors = series(shown, |_| None, |evaluation| Some(evaluation.fit()?.rmse));
    let chart = Chart { title: "RMSE".to_owned(), x: "epoch", scale: Scale::Decades, series: errors };
    (!chart.series.is_empty()).then_some(chart)
}

/// The curves of a figure on the three sets, where it is known. A set has its colour in every chart, so each curve has its place.
fn series(
    shown: &Shown<'_>,
    training: impl Fn(&Epoch) -> Option<f64>,
    evaluated: impl Fn(&Evaluation) -> Option<f64>,
) -> Vec<Series> {
    let curves = [
        shown.curve("train", training),
        shown.curve("val", |epoch| evaluated(epoch.validation.as_ref()?)),
        shown.curve("test", |epoch| evaluated(epoch.test.as_ref()?)),
    ];
    curves.into_iter().flatten().collect()
}
