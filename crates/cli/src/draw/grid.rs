//! Pictures with captions, in rows.

use super::color::{BLACK, Rgb, WHITE, diverging};
use super::file::{Format, Target};
use super::raster::{CHARACTER, LINE, Raster};
use super::svg::{self, data_uri, escaped, label};
use super::terminal::{Colors, Terminal, fitted, width as text_width};
use crate::failure::Failure;
use crate::text::figure;
use std::io;

/// Pictures with captions, in rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grid {
    pub(crate) title: String,
    pub(crate) tiles: Vec<Tile>,
    pub(crate) legend: Option<Legend>,
}

/// A picture with a caption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) picture: Raster,
    /// Lines of text below the picture. Empty if there are none.
    pub(crate) caption: Vec<String>,
}

/// The scale of the colours: the number that has the strongest colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Legend {
    pub(crate) greatest: f64,
}

/// The least width and height of a picture in a file, in pixels.
const LEAST_SIDE: usize = 84;
/// The space between two pictures of a file, in pixels.
const GAP: usize = 12;
/// The space between two pictures of a terminal.
const SPACE: &str = "  ";
/// The columns that a picture of a terminal has at least, if it isn't smaller itself.
const LEAST_COLUMNS: usize = 12;
/// The size of the legend's bar in a file, in pixels.
const BAR: (usize, usize) = (180, 12);

impl Grid {
    /// The pictures of a row: about as many as there are rows.
    fn columns(&self) -> usize {
        (self.tiles.len() as f64).sqrt().ceil().max(1.0) as usize
    }

    /// The size of the largest picture.
    fn side(&self) -> (usize, usize) {
        let width = self.tiles.iter().map(|tile| tile.picture.width()).max().unwrap_or(1);
        (width, self.tiles.iter().map(|tile| tile.picture.height()).max().unwrap_or(1))
    }

    fn caption_lines(&self) -> usize {
        self.tiles.iter().map(|tile| tile.caption.len()).max().unwrap_or(0)
    }

    /// The grid as lines of text.
    pub(crate) fn text(&self, terminal: &Terminal) -> Vec<String> {
        let (width, height) = self.side();
        let captions = self.tiles.iter().flat_map(|tile| &tile.caption);
        let widest = captions.map(|line| text_width(line)).max().unwrap_or(0);
        let least = width.min(LEAST_COLUMNS).max(widest.min(24));
        let fitting = ((terminal.columns + SPACE.len()) / (least + SPACE.len())).max(1);
        let columns = self.columns().min(fitting);
        let most = ((terminal.columns + SPACE.len()) / columns).saturating_sub(SPACE.len()).max(1);
        let shown = width.min(most);
        let rows = (height * shown).div_ceil(width).max(1);
        let cell = shown.max(least.min(most));
        let mut lines = vec![self.title.clone()];
        for row in self.tiles.chunks(columns) {
            let pictures: Vec<Vec<String>> = row
                .iter()
                .map(|Tile { picture, .. }| {
                    let (w, h) = (picture.width(), picture.height());
                    let smaller = if shown < width {
                        picture.resized((w * shown).div_ceil(width), (h * rows).div_ceil(height))
                    } else {
                        picture.clone()
                    };
                    let pad = " ".repeat(cell - smaller.width().min(cell));
                    terminal.picture(&smaller).into_iter().map(|line| line + &pad).collect()
                })
                .collect();
            for line in 0..rows.div_ceil(2) {
                let parts = pictures
                    .iter()
                    .map(|picture| picture.get(line).cloned().unwrap_or_else(|| " ".repeat(cell)));
                lines.push(parts.collect::<Vec<_>>().join(SPACE).trim_end().to_owned());
            }
            for line in 0..self.caption_lines() {
                let parts =
                    row.iter().map(|tile| fitted(tile.caption.get(line).map_or("", String::as_str), cell));
                lines.push(parts.collect::<Vec<_>>().join(SPACE).trim_end().to_owned());
            }
        }
        if let Some(legend) = self.legend {
            lines.push(legend.text(terminal));
        }
        lines
    }

    /// The place of a tile in a file, and the size of the file.
    fn layout(&self) -> Layout {
        let (width, height) = self.side();
        let factor = LEAST_SIDE.div_ceil(width.max(height)).max(1);
        let captions = self.tiles.iter().flat_map(|tile| &tile.caption);
        let widest = captions.map(|line| line.chars().count()).max().unwrap_or(0);
        let cell = (width * factor).max(widest.min(40) * CHARACTER);
        let step = (cell + GAP, height * factor + self.caption_lines() * LINE + GAP);
        let columns = self.columns();
        let rows = self.tiles.len().div_ceil(columns);
        let top = LINE + 2 * GAP;
        let bottom = if self.legend.is_some() { BAR.1 + LINE + GAP } else { 0 };
        let title = 2 * GAP + self.title.chars().count() * CHARACTER;
        let bar = if self.legend.is_some() { BAR.0 + 20 * CHARACTER } else { 0 };
        let across = (GAP + columns * step.0).max(title).max(bar);
        Layout { factor, columns, step, top, size: (across, top + rows * step.1 + bottom) }
    }

    /// The grid as a picture.
    pub(crate) fn raster(&self) -> Raster {
        let layout = self.layout();
        let mut whole = Raster::new(layout.size.0, layout.size.1, WHITE);
        whole.write(&self.title, GAP, GAP, BLACK);
        for (index, Tile { picture, caption }) in self.tiles.iter().enumerate() {
            let (left, top) = layout.place(index);
            let larger = picture.enlarged(layout.factor);
            whole.put(&larger, left, top);
            whole.frame(left, top, larger.width(), larger.height(), Rgb(0xcc, 0xcc, 0xcc));
            for (line, text) in caption.iter().enumerate() {
                whole.write(text, left, top + larger.height() + 2 + line * LINE, BLACK);
            }
        }
        if let Some(legend) = self.legend {
            let top = layout.size.1 - BAR.1 - LINE - GAP;
            whole.put(&legend.bar(BAR.0, BAR.1), GAP, top);
            let [least, zero, greatest] = legend.numbers();
            whole.write(&least, GAP, top + BAR.1 + 1, BLACK);
            whole.write(&zero, GAP + BAR.0 / 2 - CHARACTER / 2, top + BAR.1 + 1, BLACK);
            whole.write(&greatest, GAP + BAR.0 - CHARACTER * greatest.len() / 2, top + BAR.1 + 1, BLACK);
        }
        whole
    }

    /// The grid as an SVG element. Text has the colour of the text around it.
    pub(crate) fn svg(&self) -> io::Result<String> {
        let layout = self.layout();
        let (width, height) = layout.size;
        let label = label(&self.title, &format!("{} pictures", self.tiles.len()));
        let mut svg = svg::begin(width as u32, height as u32, &label);
        let mut write = |left: usize, top: usize, text: &str| {
            svg::text(&mut svg, left as u32, (top + LINE - 3) as u32, text, "");
        };
        write(GAP, GAP, &self.title);
        if let Some(legend) = self.legend {
            let top = height - LINE - GAP;
            let [least, zero, greatest] = legend.numbers();
            write(GAP, top, &least);
            write(GAP + BAR.0 / 2 - CHARACTER / 2, top, &zero);
            write(GAP + BAR.0 - CHARACTER * greatest.len() / 2, top, &greatest);
        }
        for (index, Tile { picture, caption }) in self.tiles.iter().enumerate() {
            let (left, top) = layout.place(index);
            for (line, text) in caption.iter().enumerate() {
                write(left, top + picture.height() * layout.factor + 2 + line * LINE, text);
            }
        }
        for (index, Tile { picture, caption }) in self.tiles.iter().enumerate() {
            let (left, top) = layout.place(index);
            let size = [picture.width(), picture.height()].map(|side| side * layout.factor);
            svg.push_str(&image(picture, (left, top), (size[0], size[1]), &caption.join(", "))?);
        }
        if let Some(legend) = self.legend {
            let place = (GAP, height - BAR.1 - LINE - GAP);
            svg.push_str(&image(&legend.bar(BAR.0, 1), place, BAR, "")?);
        }
        svg.push_str("</svg>\n");
        Ok(svg)
    }

    /// Writes the grid to a file, and returns the sentence that says so.
    pub(crate) fn write(&self, target: &Target) -> Result<String, Failure> {
        let failed =
            |error: io::Error| Failure::Run(format!("{}: cannot draw: {error}", target.path.display()));
        match target.format {
            Format::Png => target.write(&self.raster().png().map_err(failed)?)?,
            Format::Svg | Format::Html => target.write(self.svg().map_err(failed)?.as_bytes())?,
        }
        Ok(format!("Drew {} into {}.", self.title, target.path.display()))
    }
}

/// The places of the parts of a file.
struct Layout {
    /// Pixels of the file for each pixel of a picture.
    factor: usize,
    columns: usize,
    /// The way to the next picture of a row, and to the next row.
    step: (usize, usize),
    /// The top of the first row.
    top: usize,
    size: (usize, usize),
}

impl Layout {
    /// The left upper corner of a picture.
    fn place(&self, index: usize) -> (usize, usize) {
        (GAP + index % self.columns * self.step.0, self.top + index / self.columns * self.step.1)
    }
}

/// A picture as an SVG element.
fn image(
    picture: &Raster,
    (x, y): (usize, usize),
    (width, height): (usize, usize),
    title: &str,
) -> io::Result<String> {
    let uri = data_uri("image/png", &picture.png()?);
    Ok(format!(
        "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\" \
         style=\"image-rendering:pixelated\" href=\"{uri}\"><title>{}</title></image>\n",
        escaped(title)
    ))
}

impl Legend {
    /// The numbers at the left end, the middle and the right end of the bar.
    pub(crate) fn numbers(self) -> [String; 3] {
        [figure(-self.greatest), "0".to_owned(), figure(self.greatest)]
    }

    /// The colours from the left end to the right end.
    pub(crate) fn bar(self, width: usize, height: usize) -> Raster {
        let mut bar = Raster::new(width, height, WHITE);
        for x in 0..bar.width() {
            let color = diverging(2.0 * x as f64 / (width.max(2) - 1) as f64 - 1.0);
            (0..bar.height()).for_each(|y| bar.set(x, y, color));
        }
        bar
    }

    fn text(self, terminal: &Terminal) -> String {
        let [least, _, greatest] = self.numbers();
        if terminal.colors == Colors::None {
            return format!("= and - are from {least} to 0, + and # from 0 to {greatest}");
        }
        let bar = terminal.picture(&self.bar(32, 2)).concat();
        format!("{least} {bar} {greatest}")
    }
}
