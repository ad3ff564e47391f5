//! Curves in axes, drawn by plotters.

use super::braille::{Braille, Cells, POINTS};
use super::color::{Rgb, SERIES};
use super::svg;
use super::terminal::Terminal;
use crate::text::figure;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// The colour of axes and text. An SVG has the colour of the text around it instead, a terminal its own.
const INK: RGBColor = RGBColor(0x12, 0x34, 0x56);

/// Curves in axes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chart {
    pub(crate) title: String,
    /// The name of the horizontal axis, whose numbers are whole.
    pub(crate) x: &'static str,
    pub(crate) scale: Scale,
    pub(crate) series: Vec<Series>,
}

/// A curve.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// The vertical axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Numbers, as they are.
    Linear,
    /// Numbers above 0, by their logarithms if they span two decades or more.
    Decades,
    /// Fractions, shown in percent.
    Percent,
}

/// The sizes of a drawing's parts, in the units of its backend.
struct Look {
    /// The height of text.
    font: i32,
    /// The space left of the axes, and below them.
    labels: (u32, u32),
    margin: u32,
    /// The most numbers at either axis.
    numbers: (usize, usize),
    /// The width of a curve, and the size of a point that stands alone.
    stroke: u32,
    point: u32,
    has_grid: bool,
}

impl Chart {
    /// The curve's colour, by its place in the list.
    pub(crate) fn color(index: usize) -> Rgb {
        SERIES[index % SERIES.len()]
    }

    /// The dashes of the curve with this number, as SVG has them. The first one has none.
    pub(crate) fn dashes(index: usize) -> &'static str {
        svg::dashes(index)
    }

    /// The chart as an SVG element without a title. Colours of text and axes are those of the text around it.
    pub(crate) fn svg(&self, width: u32, height: u32) -> String {
        let mut text = String::new();
        let look = Look {
            font: 15,
            labels: (52, 34),
            margin: 8,
            numbers: (8, 5),
            stroke: 2,
            point: 3,
            has_grid: true,
        };
        {
            let area = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
            // The backend writes to a string, which can't fail.
            let _ = self.draw(&area, &look);
            let _ = area.present();
        }
        let curves = (0..self.series.len())
            .map(|i| (format!("stroke=\"{}\"", Chart::color(i).hex().to_uppercase()), i));
        let themed = svg::themed(&text, INK, &svg::label(&self.title, &self.summary()));
        // Curves are told apart without colours, too.
        curves.fold(themed, |text, (stroke, i)| {
            text.replace(&stroke, &format!("{stroke} stroke-dasharray=\"{}\"", svg::dashes(i)))
        })
    }

    /// Charts one below the other as an SVG, each with its title and the names of its curves.
    pub(crate) fn svg_of_all(charts: &[Chart], (width, height): (u32, u32)) -> String {
        /// The height of a chart's title and of the names of its curves.
        const HEAD: u32 = 44;
        let whole = charts.len() as u32 * (height + HEAD);
        let titles: Vec<&str> = charts.iter().map(|chart| chart.title.as_str()).collect();
        let mut svg = svg::begin(width, whole, &svg::label(&titles.join(", "), ""));
        for (chart, place) in charts.iter().zip(0..) {
            let top = place * (height + HEAD);
            svg::text(&mut svg, 8, top + 18, &chart.title, "font-weight=\"bold\"");
            let mut left = 8;
            let drawn = chart.series.iter().enumerate().filter(|(_, series)| !series.points.is_empty());
            for (index, series) in drawn {
                let (color, dashes) = (Chart::color(index).hex(), svg::dashes(index));
                svg.push_str(&format!(
                    "<path d=\"M{left} {y}h24\" stroke=\"{color}\" stroke-width=\"2.5\" stroke-dasharray=\"{dashes}\"/>\n",
                    y = top + 34
                ));
                svg::text(&mut svg, left + 30, top + 38, &series.name, "");
                left += 50 + 7 * series.name.chars().count() as u32;
            }
            let inner = chart.svg(width, height).replacen("<svg ", &format!("<svg y=\"{}\" ", top + HEAD), 1);
            svg.push_str(&inner);
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// The chart in characters, without a title.
    pub(crate) fn cells(&self, columns: usize, lines: usize) -> Cells {
        let (backend, cells) = Braille::new(columns, lines, INK);
        let look = Look {
            font: POINTS.1 as i32,
            labels: (9 * POINTS.0, 2 * POINTS.1),
            margin: 1,
            numbers: ((columns / 12).max(2), (lines / 3).max(2)),
            stroke: 1,
            point: 1,
            has_grid: false,
        };
        {
            let area = backend.into_drawing_area();
            // The backend has no errors of its own. plotters refuses areas that are too small for its labels; they stay empty.
            let _ = self.draw(&area, &look);
        }
        (*cells).clone().into_inner()
    }

    /// The chart as lines of text: its title, the curves, and their names.
    pub(crate) fn text(&self, terminal: &Terminal, lines: usize) -> Vec<String> {
        let mut text = vec![self.title.clone()];
        text.extend(self.cells(terminal.columns.min(100), lines).text(terminal));
        text.push(self.names(terminal));
        text
    }

    /// The names of the curves on a line, each in its colour with its last value.
    pub(crate) fn names(&self, terminal: &Terminal) -> String {
        let names = self.legend().map(|(color, name, last)| {
            let last = if last.is_empty() { last } else { format!(" {last}") };
            format!("{} {name}{last}", terminal.paint("⣀⣀", color))
        });
        names.collect::<Vec<_>>().join("   ")
    }

    /// The colour, the name and the last value of each curve. The value is empty if there is none.
    pub(crate) fn legend(&self) -> impl Iterator<Item = (Rgb, &str, String)> {
        self.series.iter().enumerate().map(|(i, series)| {
            let last = series.points.last().map_or_else(String::new, |&(_, y)| self.scale.shown(y));
            (Chart::color(i), &*series.name, last)
        })
    }

    /// The curves in words: from where to where each goes.
    pub(crate) fn summary(&self) -> String {
        let curve = |series: &Series| {
            let (first, last) = (series.points.first()?, series.points.last()?);
            let [from, to] = [first, last].map(|(_, y)| self.scale.shown(*y));
            let name = &series.name;
            Some(format!("{name} from {from} at {} {} to {to} at {} {}", self.x, first.0, self.x, last.0))
        };
        self.series.iter().filter_map(curve).collect::<Vec<_>>().join("; ")
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let all = self.series.iter().flat_map(|series| series.points.iter().copied());
        all.filter(|(x, y)| x.is_finite() && y.is_finite())
    }

    /// Whether the vertical axis has the logarithms.
    fn is_in_decades(&self) -> bool {
        let (low, high) = bounds(self.points().map(|(_, y)| y));
        self.scale == Scale::Decades && low > 0.0 && high / low >= 100.0
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        look: &Look,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let in_decades = self.is_in_decades();
        let place = |y: f64| if in_decades { y.log10() } else { y };
        let (left, right) = widened(bounds(self.points().map(|(x, _)| x)), 0.0, 0.5);
        let (mut low, mut high) = widened(bounds(self.points().map(|(_, y)| place(y))), 0.06, 0.5);
        match self.scale {
            Scale::Percent => (low, high) = (low.max(0.0), high.min(1.0)),
            // A cost that is never negative has no axis below 0.
            _ if !in_decades && self.points().all(|(_, y)| y >= 0.0) => low = low.max(0.0),
            _ => {}
        }
        let text = ("sans-serif", look.font).into_font().color(&INK);
        let mut chart = ChartBuilder::on(area)
            .margin(look.margin)
            .x_label_area_size(look.labels.1)
            .y_label_area_size(look.labels.0)
            .build_cartesian_2d(left..right, low..high)?;
        let grid = INK.mix(if look.has_grid { 0.15 } else { 0.0 });
        let shown = |y: &f64| match in_decades {
            true => of_decades(10f64.powf(*y)),
            false => self.scale.short(*y, high - low),
        };
        let whole = |x: &f64| if x.fract().abs() < 1e-9 { format!("{x:.0}") } else { String::new() };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(grid)
            .light_line_style(TRANSPARENT)
            .axis_style(INK.mix(0.6))
            .x_labels(look.numbers.0)
            .y_labels(look.numbers.1)
            .x_label_formatter(&whole)
            .y_label_formatter(&shown)
            .set_all_tick_mark_size(if look.has_grid { 4 } else { 0 })
            .label_style(text.clone())
            .draw()?;
        for (i, series) in self.series.iter().enumerate() {
            let Rgb(r, g, b) = Chart::color(i);
            let color = RGBColor(r, g, b);
            let points = series.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
            let points: Vec<(f64, f64)> = points.map(|&(x, y)| (x, place(y))).collect();
            if let [only] = *points {
                chart.draw_series([Circle::new(only, look.point, color.filled())])?;
            }
            chart.draw_series(LineSeries::new(points, color.stroke_width(look.stroke)))?;
        }
        let (width, height) = area.dim_in_pixel();
        let corner = text.pos(Pos::new(HPos::Right, VPos::Bottom));
        area.draw(&Text::new(self.x, (width as i32 - look.margin as i32, height as i32 - 1), corner))
    }
}

impl Scale {
    /// A value in full.
    pub(crate) fn shown(self, y: f64) -> String {
        match self {
            Scale::Percent => crate::text::percent(y),
            Scale::Linear | Scale::Decades => figure(y),
        }
    }

    /// A value at an axis that spans so much: as few digits as tell it from its neighbours.
    fn short(self, y: f64, span: f64) -> String {
        let (y, span, unit) =
            if self == Scale::Percent { (100.0 * y, 100.0 * span, "%") } else { (y, span, "") };
        if y != 0.0 && (y.abs() < 1e-3 || y.abs() >= 1e5) {
            return format!("{y:.0e}");
        }
        let places = -(span / 5.0).max(1e-9).log10();
        let places = if unit.is_empty() { (1.0 + places).floor() } else { places.ceil() };
        let digits = places.clamp(0.0, 4.0) as usize;
        format!("{y:.digits$}{unit}")
    }
}

/// A value at an axis of logarithms: two digits.
fn of_decades(y: f64) -> String {
    if !(1e-3..1e5).contains(&y) {
        return format!("{y:.0e}");
    }
    let digits = (1.0 - y.log10().floor()).max(0.0) as usize;
    format!("{y:.digits$}")
}

/// The least and the greatest. 0 and 1 where there is none.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// Bounds with a share of their span more at either side. If there is no span, so much more instead.
fn widened((low, high): (f64, f64), share: f64, alone: f64) -> (f64, f64) {
    let more = if high > low { share * (high - low) } else { alone * low.abs().clamp(1e-6, 1.0) };
    (low - more, high + more)
}

#[cfg(test)]
mod tests {
    use super::super::terminal::Colors;
    use super::*;

    fn chart() -> Chart {
        let curve = |name: &str, from: f64| Series {
            name: name.to_owned(),
            points: (1..=30).map(|epoch| (f64::from(epoch), from / f64::from(epoch))).collect(),
        };
        let series = vec![curve("training", 0.5), curve("validation", 0.6)];
        Chart { title: "Cost".to_owned(), x: "epoch", scale: Scale::Linear, series }
    }

    #[test]
    fn a_terminal_has_curves_and_numbers_in_characters() {
        let terminal = Terminal { colors: Colors::None, columns: 60, is_terminal: false };
        let lines = chart().text(&terminal, 12);
        assert_eq!((lines.len(), &*lines[0]), (14, "Cost"));
        assert!(lines.iter().all(|line| line.chars().count() <= 60));
        assert!(lines[13].contains("training 0.01667") && lines[13].contains("validation 0.02000"));
        let dots = |line: &String| line.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c));
        assert!(lines[1..10].iter().all(dots), "the curves cross every line");
        assert!(lines[12].contains("epoch") && lines[11].contains("30"));
        assert!(lines[1..12].iter().any(|line| line.contains("0.2")));
    }

    #[test]
    fn an_svg_names_its_curves_and_has_the_colour_of_its_text() {
        let svg = chart().svg(600, 300);
        assert!(svg.contains("aria-label=\"Cost: training from 0.5000 at epoch 1 to 0.01667 at epoch 30"));
        assert!(svg.contains("currentColor") && !svg.contains("#123456"));
        assert!(svg.contains("stroke=\"#0080C8\" stroke-dasharray=\"none\""));
        assert!(svg.contains("stroke=\"#D55E00\" stroke-dasharray=\"7 3\""));
    }

    #[test]
    fn odd_numbers_are_drawn() {
        for points in
            [vec![], vec![(1.0, 0.0)], vec![(1.0, f64::NAN), (2.0, 1.0)], vec![(1.0, 3.0), (2.0, 3.0)]]
        {
            let series = vec![Series { name: "one".to_owned(), points }];
            for scale in [Scale::Linear, Scale::Decades, Scale::Percent] {
                let chart = Chart { title: String::new(), x: "epoch", scale, series: series.clone() };
                assert!(chart.svg(300, 200).contains("</svg>"));
                assert_eq!(chart.cells(40, 8).lines().count(), 8);
                chart.cells(3, 1);
            }
        }
    }

    #[test]
    fn numbers_at_an_axis_differ_from_their_neighbours() {
        let short = |scale: Scale, y: f64, span: f64| scale.short(y, span);
        assert_eq!([0.0, 0.005, 0.01].map(|y| short(Scale::Percent, y, 0.03)), ["0.0%", "0.5%", "1.0%"]);
        assert_eq!([0.9, 0.95].map(|y| short(Scale::Percent, y, 0.25)), ["90%", "95%"]);
        assert_eq!([1.0, 0.1, 0.01].map(|y| short(Scale::Decades, y, 10.0 * y)), ["1", "0.1", "0.01"]);
        assert_eq!([0.05, 0.1].map(|y| short(Scale::Linear, y, 0.15)), ["0.05", "0.10"]);
    }

    #[test]
    fn costs_over_decades_have_their_logarithms() {
        let points = (0..5).map(|i| (f64::from(i), 10f64.powi(-i))).collect();
        let chart = Chart {
            title: String::new(),
            x: "epoch",
            scale: Scale::Decades,
            series: vec![Series { name: "cost".to_owned(), points }],
        };
        assert!(chart.is_in_decades());
        assert_eq!([0.1, 0.0032, 15.0, 2e-4].map(of_decades), ["0.10", "0.0032", "15", "2e-4"]);
        // A straight line: its middle is half way down.
        let cells = chart.cells(42, 10);
        let middle: Vec<&[super::super::braille::Cell]> = cells.lines().collect();
        assert!(middle[3..6].iter().any(|line| line[24..30].iter().any(|cell| cell.color.is_some())));
    }
}
