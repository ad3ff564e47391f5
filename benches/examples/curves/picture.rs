//! Curves as an SVG, both axes logarithmic.

use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

/// The kind of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A thick line with its points.
    Measured,
    /// A thin dashed line.
    Model,
    /// Points alone.
    Points,
}

/// A curve and its name in the legend. Curves of one `colour` belong together.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) colour: usize,
    pub(crate) kind: Kind,
    pub(crate) points: Vec<(f64, f64)>,
}

pub(crate) struct Picture<'a> {
    pub(crate) title: &'a str,
    /// The labels of the axes.
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
    pub(crate) curves: Vec<Curve>,
}

/// The colours. People who see few colours can tell them apart, too.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 80, 70),
    RGBColor(230, 159, 0),
];

impl Picture<'_> {
    /// Writes the picture to `path`.
    pub(crate) fn draw(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let area = SVGBackend::new(path, (860, 540)).into_drawing_area();
        area.fill(&WHITE)?;
        let all = || self.curves.iter().flat_map(|curve| curve.points.iter().copied());
        let range = |values: &mut dyn Iterator<Item = f64>, room: f64| {
            let (least, most) = values.fold((f64::INFINITY, 0.0_f64), |(a, b), v| (a.min(v), b.max(v)));
            least / room..most * room
        };
        let x = range(&mut all().map(|(x, _)| x), 1.1);
        let y = range(&mut all().map(|(_, y)| y), 1.5);
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 19))
            .margin(14)
            .x_label_area_size(48)
            .y_label_area_size(72)
            .build_cartesian_2d(x.log_scale(), y.log_scale())?;
        let label = |value: &f64| if *value >= 1.0 { format!("{value:.0}") } else { format!("{value}") };
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .x_label_formatter(&label)
            .y_label_formatter(&label)
            .light_line_style(RGBColor(240, 240, 240))
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 15))
            .draw()?;
        for curve in &self.curves {
            let colour = COLOURS[curve.colour % COLOURS.len()];
            let points = curve.points.iter().copied();
            let dots = || curve.points.iter().map(|&point| Circle::new(point, 3, colour.filled()));
            let drawn = match curve.kind {
                Kind::Measured => {
                    chart.draw_series(dots())?;
                    chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?
                }
                Kind::Model => {
                    chart.draw_series(DashedLineSeries::new(points, 5, 4, colour.stroke_width(1)))?
                }
                Kind::Points => chart.draw_series(dots())?,
            };
            let kind = curve.kind;
            drawn.label(&curve.name).legend(move |(x, y)| {
                let width = if kind == Kind::Model { 1 } else { 3 };
                PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(width))
            });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(200, 200, 200))
            .label_font(("sans-serif", 13))
            .draw()?;
        area.present()?;
        Ok(())
    }
}
