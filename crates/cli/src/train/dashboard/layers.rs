//! The activity of the layers: a row for each layer, and curves over the epochs.

use super::canvas::Canvas;
use super::shown::{Shown, thinned};
use crate::draw::{Chart, Scale, Series, sparkline};
use crate::report::Inspected;
use crate::text::{figure, grouped, percent};
use minibatch::LayerInspection;

/// Columns of a row beside its bars.
const FIGURES: usize = 58;

pub(super) fn draw(canvas: &mut Canvas<'_>, shown: &Shown<'_>) {
    let Some(last) = shown.inspected.last() else {
        canvas.faint(0, 1, "The layers are looked at when an epoch has ended and time allows.");
        return;
    };
    let (width, height) = (canvas.width(), canvas.height());
    let lines = lines(shown.inspected).min((height / 2).max(2));
    table(&mut canvas.part(0, 0, width, lines), shown);
    let note = format!("flat: |σ′| < 0.01; seen after epoch {}, as time allows", last.epoch);
    canvas.faint(0, lines, &note);
    let curve = |figure: fn(&LayerInspection) -> f64| -> Vec<Series> {
        let of_layer = |l: usize| {
            let figure = |it: &Inspected| Some((it.epoch as f64, figure(it.layers.get(l)?)));
            Series {
                name: (l + 1).to_string(),
                points: thinned(shown.inspected).filter_map(figure).collect(),
            }
        };
        (0..last.layers.len().min(6)).map(of_layer).collect()
    };
    let charts = [
        Chart {
            title: "flat".to_owned(),
            x: "epoch",
            scale: Scale::Percent,
            series: curve(|layer| layer.activity.flat),
        },
        Chart {
            title: "‖ΔW‖/‖W‖".to_owned(),
            x: "epoch",
            scale: Scale::Decades,
            series: curve(|layer| layer.update),
        },
    ];
    let top = lines + 2;
    let rest = height.saturating_sub(top);
    canvas.part(0, top, width, rest).charts(&charts);
}

/// The lines of a table of the layers.
pub(super) fn lines(inspected: &[Inspected]) -> usize {
    1 + inspected.last().map_or(0, |last| last.layers.len())
}

/// Draws a row for each layer, as far as there is room.
pub(super) fn table(canvas: &mut Canvas<'_>, shown: &Shown<'_>) {
    let Some(last) = shown.inspected.last() else { return };
    // On a narrow screen the numbers of units are left out.
    let is_wide = canvas.width() >= FIGURES + 10;
    let bars = if is_wide { (canvas.width() - FIGURES - 1).min(40) } else { 8 };
    let units = |units: &str| if is_wide { format!("{units:>7} ") } else { String::new() };
    let (bars_name, units_name) = ("so far", units("units"));
    canvas.faint(
        0,
        0,
        &format!(
            "layer {units_name}{:>7} {bars_name:<bars$} {:>5} {:>9}  {:<9} {:<9}",
            "flat", "dead", "saturated", "‖δ‖", "‖ΔW‖/‖W‖"
        ),
    );
    let rows = canvas.height().saturating_sub(1).min(last.layers.len());
    for (l, layer) in last.layers.iter().take(rows).enumerate() {
        let y = l + 1;
        if l + 1 == rows && rows < last.layers.len() {
            canvas.faint(0, y, &format!("… {} layers more", last.layers.len() - l));
            return;
        }
        let LayerInspection { activity, error, update, .. } = layer;
        let units = units(&grouped(activity.units));
        let x = canvas.text(0, y, &format!("{:>5} {units}{:>7}", activity.layer, percent(activity.flat)));
        let from = shown.inspected.len().saturating_sub(bars);
        let flat = shown.inspected[from..].iter().filter_map(|it| Some(it.layers.get(l)?.activity.flat));
        canvas.colored(x + 1, y, &sparkline(&flat.collect::<Vec<_>>()), Chart::color(l));
        let [dead, saturated] = [activity.dead, activity.saturated].map(grouped);
        let [error, update] = [*error, *update].map(figure);
        let figures = format!("{dead:>5} {saturated:>9}  {error:<9} {update:<9}");
        canvas.text(x + bars + 2, y, &figures);
    }
}
