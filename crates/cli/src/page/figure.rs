//! Charts and pictures, each with its figures in a table or in its captions.

use super::table::{Cell, Table};
use crate::draw::{Chart, Grid, Series, data_uri, escaped};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;

/// The size of a chart. The page scales it to the width of a column.
const SIZE: (u32, u32) = (460, 270);
/// Points of a curve, and rows of a table of figures, at most.
const MOST_POINTS: usize = 600;
const MOST_ROWS: usize = 120;

/// A chart with the names of its curves, and below it a table of its figures. A program finds those by title, curve and place, as in
/// `cost-training-3`.
pub(crate) fn chart(chart: &Chart) -> String {
    let title = escaped(&chart.title);
    let names = chart.series.iter().enumerate().map(|(index, series)| {
        let (color, dashes) = (Chart::color(index).hex(), Chart::dashes(index));
        format!(
            "<li><svg width=\"28\" height=\"10\" aria-hidden=\"true\"><path d=\"M0 5h28\" stroke=\"{color}\" \
             stroke-width=\"2.5\" stroke-dasharray=\"{dashes}\"/></svg>{}</li>",
            escaped(&series.name)
        )
    });
    let names: String = names.collect();
    let thinned = Chart { series: chart.series.iter().map(thinned).collect(), ..chart.clone() };
    let svg = thinned.svg(SIZE.0, SIZE.1);
    let table = numbers(chart).html();
    format!(
        "<figure class=\"chart\">\n<figcaption>{title}</figcaption>\n<ul class=\"names\">{names}</ul>\n{svg}\n\
         <details><summary>Figures<span class=\"hidden\"> of {title}</span></summary>\n{table}</details>\n</figure>\n"
    )
}

/// The curve with so many points at most: the lowest and the highest of each of some stretches of it.
fn thinned(series: &Series) -> Series {
    if series.points.len() <= MOST_POINTS {
        return series.clone();
    }
    let stretch = series.points.len().div_ceil(MOST_POINTS / 2);
    let extremes = series.points.chunks(stretch).flat_map(|points| {
        let by = |one: &&(f64, f64), other: &&(f64, f64)| one.1.total_cmp(&other.1);
        let ends = [points.iter().min_by(by), points.iter().max_by(by)];
        let mut ends: Vec<(f64, f64)> = ends.into_iter().flatten().copied().collect();
        ends.sort_by(|one, other| one.0.total_cmp(&other.0));
        ends
    });
    Series { name: series.name.clone(), points: extremes.collect() }
}

/// The figures of a chart: a row for each place on its horizontal axis, or for every so many of them.
fn numbers(chart: &Chart) -> Table {
    let title = named(&chart.title);
    // Places are whole numbers.
    let places: BTreeSet<u64> =
        chart.series.iter().flat_map(|series| &series.points).map(|(x, _)| *x as u64).collect();
    let step = places.len().div_ceil(MOST_ROWS).max(1);
    let every = if step > 1 { format!(", every {step}th {} and the last", chart.x) } else { String::new() };
    let heads =
        std::iter::once(chart.x.to_owned()).chain(chart.series.iter().map(|series| series.name.clone()));
    let mut table = Table::new(format!("{}{every}", chart.title), heads);
    for (index, &place) in places.iter().enumerate() {
        if index % step != 0 && index + 1 != places.len() {
            continue;
        }
        let cells = chart.series.iter().map(|series| {
            let at = series.points.partition_point(|(x, _)| (*x as u64) < place);
            match series.points.get(at).filter(|(x, _)| *x as u64 == place) {
                Some((_, y)) => Cell::new(chart.scale.shown(*y))
                    .named(format!("{title}-{}-{place}", named(&series.name)), y),
                None => Cell::new("–"),
            }
        });
        table.row(place.to_string(), cells);
    }
    table
}

/// The first words of a text, as names of figures have them: `size-of-the-error` for `Size of the error ‖δ‖`.
fn named(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " -".contains(c);
    let first = text.split(|c: char| !plain(c)).next().unwrap_or_default();
    first.trim().to_ascii_lowercase().replace(' ', "-")
}

/// Pictures in rows that fit the screen, each with its caption.
pub(crate) fn pictures(grid: &Grid) -> io::Result<String> {
    let single = grid.tiles.len() == 1;
    let mut html =
        format!("<figure class=\"pictures\">\n<figcaption>{}</figcaption>\n<ul>\n", escaped(&grid.title));
    for tile in &grid.tiles {
        let uri = data_uri("image/png", &tile.picture.png()?);
        let (width, height) = (tile.picture.width(), tile.picture.height());
        let alt = if tile.caption.is_empty() { grid.title.clone() } else { tile.caption.join(", ") };
        let alt = escaped(&alt);
        // A single picture has the size that shows its pixels, up to that of the page.
        let factor = (640 / width).min(480 / height).clamp(1, 24);
        let size = if single { format!(" style=\"width:{}px\"", width * factor) } else { String::new() };
        // Writing to a string can't fail.
        let _ =
            write!(html, "<li><img src=\"{uri}\" width=\"{width}\" height=\"{height}\"{size} alt=\"{alt}\">");
        for line in &tile.caption {
            let _ = write!(html, "<span aria-hidden=\"true\">{}</span>", escaped(line));
        }
        html.push_str("</li>\n");
    }
    html.push_str("</ul>\n");
    if let Some(legend) = grid.legend {
        let [least, zero, greatest] = legend.numbers();
        let uri = data_uri("image/png", &legend.bar(128, 1).png()?);
        let _ = writeln!(
            html,
            "<div class=\"scale\"><img src=\"{uri}\" alt=\"The colours: {least} is dark blue, 0 is white, {greatest} is dark red\">\
             <span aria-hidden=\"true\">{least}</span><span aria-hidden=\"true\">{zero}</span>\
             <span aria-hidden=\"true\">{greatest}</span></div>"
        );
    }
    html.push_str("</figure>\n");
    Ok(html)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Legend, Raster, Scale, Tile};

    #[test]
    fn a_long_curve_keeps_its_peaks_and_a_short_table() {
        let points = (0..5000).map(|x| (f64::from(x), if x == 1234 { 9.0 } else { 0.5 })).collect();
        let series = vec![Series { name: "one <i>".to_owned(), points }];
        let one = Chart { title: "Cost".to_owned(), x: "epoch", scale: Scale::Linear, series };
        let few = thinned(&one.series[0]).points;
        assert!(few.len() <= MOST_POINTS && few.contains(&(1234.0, 9.0)));
        let html = chart(&one);
        assert!(
            html.contains("<caption>Cost, every 42th epoch and the last</caption>") && html.len() < 50_000
        );
        assert!(html.contains("<th scope=\"row\">4999</th><td><data data-figure=\"cost-one-4999\" value=\"0.5\">0.5000</data></td>"));
        assert!(html.contains("</svg>one &lt;i&gt;</li>") && !html.contains("<i>"));
    }

    #[test]
    fn pictures_have_their_captions_as_text() {
        let tile = Tile {
            picture: Raster::new(2, 3, crate::draw::color::WHITE),
            caption: vec!["<3>".to_owned(), "9%".to_owned()],
        };
        let grid =
            Grid { title: "Two".to_owned(), tiles: vec![tile], legend: Some(Legend { greatest: 0.5 }) };
        let html = pictures(&grid).unwrap();
        assert!(html.contains("width=\"2\" height=\"3\" style=\"width:48px\" alt=\"&lt;3&gt;, 9%\""));
        assert!(html.contains("-0.5000 is dark blue, 0 is white, 0.5000 is dark red"));
    }
}
