//! Costs, scores, learning rate and speed by epoch.

use super::RunPage;
use crate::draw::{Chart, Scale, Series};
use crate::page::{chart, facts, figure, paragraph};
use crate::text::{duration, samples_per_second};
use minibatch::Epoch;

/// The curves of cost, score and, if it moves, η.
pub(super) fn html(page: &RunPage<'_>) -> String {
    if page.history.is_empty() {
        return paragraph("No epoch has ended.");
    }
    let curve = |name: &str, value: &dyn Fn(&Epoch) -> Option<f64>| {
        let points = page.history.iter().filter_map(|epoch| Some((epoch.number as f64, value(epoch)?)));
        let points: Vec<(f64, f64)> = points.collect();
        (!points.is_empty()).then(|| Series { name: name.to_owned(), points })
    };
    let one = |title: &str, scale: Scale, series: Vec<Option<Series>>| {
        let series: Vec<Series> = series.into_iter().flatten().collect();
        let drawn = Chart { title: title.to_owned(), x: "epoch", scale, series };
        if drawn.series.is_empty() { String::new() } else { chart(&drawn) }
    };
    let cost = one(
        "Cost",
        Scale::Decades,
        vec![
            curve("training", &|epoch| Some(epoch.cost)),
            curve("validation", &|epoch| Some(epoch.validation?.cost)),
            curve("test", &|epoch| Some(epoch.test?.cost)),
        ],
    );
    let accuracy = one(
        "Accuracy",
        Scale::Percent,
        vec![
            curve("training", &|epoch| epoch.accuracy(page.examples)),
            curve("validation", &|epoch| epoch.validation?.accuracy()),
            curve("test", &|epoch| epoch.test?.accuracy()),
        ],
    );
    let error = one(
        "RMSE",
        Scale::Decades,
        vec![
            curve("validation", &|epoch| Some(epoch.validation?.fit()?.rmse)),
            curve("test", &|epoch| Some(epoch.test?.fit()?.rmse)),
        ],
    );
    let rates: Vec<f64> = page.history.iter().filter_map(|epoch| epoch.learning_rate).collect();
    let moves = rates.windows(2).any(|two| two[0] != two[1]);
    let rate = curve("η", &|epoch| epoch.learning_rate).filter(|_| moves);
    let rate = one("Learning rate η, at the end of each epoch", Scale::Decades, vec![rate]);
    let note = if page.history.len() > 1 && page.history.iter().any(|epoch| epoch.correct.is_some()) {
        "Training figures are taken before each minibatch's update, while the network still changes. The others are taken after the epoch."
    } else {
        "The training cost is taken before each minibatch's update, while the network still changes. The others are taken after the epoch."
    };
    format!("<div class=\"columns\">\n{cost}{accuracy}{error}{rate}</div>\n{}", paragraph(note))
}

/// The samples of a second, and the times.
pub(super) fn speed(page: &RunPage<'_>) -> String {
    if page.history.is_empty() {
        return paragraph("No epoch has ended.");
    }
    let points =
        page.history.iter().map(|epoch| (epoch.number as f64, page.examples as f64 / epoch.seconds / 1e3));
    let points = points.filter(|(_, rate)| rate.is_finite()).collect();
    let series = vec![Series { name: "training".to_owned(), points }];
    let drawn = Chart {
        title: "Samples a second, in thousands".to_owned(),
        x: "epoch",
        scale: Scale::Linear,
        series,
    };
    let (training, rate) = page.training();
    let seconds = page.history.iter().map(|epoch| epoch.seconds);
    let fastest = page.examples as f64 / seconds.fold(f64::INFINITY, f64::min);
    let shown = |name: &str, x: f64, text: String| figure(name, &x, &text);
    let mut rows = vec![
        ("training", shown("training-time", training, duration(training)) + " in steps"),
        ("mean", shown("mean-rate", rate, samples_per_second(rate))),
        ("fastest epoch", shown("fastest-rate", fastest, samples_per_second(fastest))),
    ];
    if let Some(seconds) = page.seconds {
        let all = shown("process-seconds", seconds, duration(seconds));
        rows.push(("whole process", format!("{all}, with loading, evaluating and saving")));
    }
    format!("<div class=\"columns\">\n{}<div>{}</div>\n</div>\n", chart(&drawn), facts("rows", rows))
}
