//! The state of the layers by epoch: whether they learn, and how fast.

use super::RunPage;
use crate::draw::{Chart, Scale, Series};
use crate::page::{chart, paragraph};
use crate::report::Inspected;
use minibatch::LayerInspection;

/// Curves by layer of flat slopes, of the errors, of the updates, and of dead and saturated units.
pub(super) fn html(page: &RunPage<'_>) -> String {
    let inspected = match &page.layers {
        Ok(inspected) if !inspected.is_empty() => *inspected,
        Ok(_) => return paragraph("No epoch has ended in the process that made this page."),
        Err(why) => return paragraph(why),
    };
    let one = |title: &str, scale: Scale, value: &dyn Fn(&LayerInspection) -> f64| {
        chart(&Chart { title: title.to_owned(), x: "epoch", scale, series: by_layer(inspected, value) })
    };
    let count = |title: &str, value: &dyn Fn(&LayerInspection) -> usize| {
        let any = inspected.iter().flat_map(|epoch| &epoch.layers).any(|layer| value(layer) > 0);
        if any { one(title, Scale::Linear, &|layer| value(layer) as f64) } else { String::new() }
    };
    let dead = count("Dead units", &|layer| layer.activity.dead);
    let saturated = count("Saturated units", &|layer| layer.activity.saturated);
    let none = match (dead.is_empty(), saturated.is_empty()) {
        (true, true) => "No unit was ever dead or saturated.",
        (true, false) => "No unit was ever dead.",
        (false, true) => "No unit was ever saturated.",
        (false, false) => "",
    };
    let first = inspected[0].epoch;
    let late = if first > 1 {
        format!(
            " The process that made this page went on with the run, and looked at the layers from epoch {first} on."
        )
    } else {
        String::new()
    };
    let examples = inspected[0].layers.first().map_or(0, |layer| layer.activity.examples);
    let words = format!(
        "Each figure was taken after an epoch, the slopes on {examples} examples of the training set. A slope below 0.01 is flat: little of \
         the error passes through it. A unit is dead if its output is 0 for every example, saturated if its slope is flat for every \
         example. ‖δ‖ is the size of a layer's error; where it is far smaller in the first layers than in the last, the gradient vanishes. \
         ‖ΔW‖/‖W‖ is how far a step moves the weights; about 0.001 is common. {none}{late}"
    );
    format!(
        "<div class=\"columns\">\n{}{}{}{dead}{saturated}</div>\n{}",
        one("Share of flat slopes", Scale::Percent, &|layer| layer.activity.flat),
        one("Size of the error ‖δ‖", Scale::Decades, &|layer| layer.error),
        one("Step of the weights ‖ΔW‖/‖W‖", Scale::Decades, &|layer| layer.update),
        paragraph(words.trim_end())
    )
}

/// A curve for each layer.
fn by_layer(inspected: &[Inspected], value: &dyn Fn(&LayerInspection) -> f64) -> Vec<Series> {
    let layers = inspected.first().map_or(0, |epoch| epoch.layers.len());
    let curve = |layer: usize| {
        let points = inspected
            .iter()
            .filter_map(|epoch| Some((epoch.epoch as f64, value(epoch.layers.get(layer)?))))
            .collect();
        Series { name: format!("layer {}", layer + 1), points }
    };
    (0..layers).map(curve).collect()
}
