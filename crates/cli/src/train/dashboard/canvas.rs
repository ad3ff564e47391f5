//! Text, curves and pictures on ratatui's buffer.

use crate::draw::color::Rgb;
use crate::draw::{Chart, Colors, Raster, Terminal};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

/// A part of the screen, and the colours that the terminal has.
pub(super) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    colors: Colors,
}

impl<'a> Canvas<'a> {
    /// The whole of a screen.
    pub(super) fn new(buffer: &'a mut Buffer, colors: Colors) -> Canvas<'a> {
        let area = buffer.area;
        Canvas { buffer, area, colors }
    }

    pub(super) fn width(&self) -> usize {
        self.area.width.into()
    }

    pub(super) fn height(&self) -> usize {
        self.area.height.into()
    }

    /// The rectangle of this size at this place, as far as it is on the canvas.
    pub(super) fn part(&mut self, x: usize, y: usize, width: usize, height: usize) -> Canvas<'_> {
        let (x, y) = (x.min(self.width()), y.min(self.height()));
        let (width, height) = (width.min(self.width() - x), height.min(self.height() - y));
        let area = Rect::new(self.area.x + x as u16, self.area.y + y as u16, width as u16, height as u16);
        Canvas { buffer: self.buffer, area, colors: self.colors }
    }

    /// Writes one line of text, as far as it fits, and returns the column after it.
    pub(super) fn text(&mut self, x: usize, y: usize, text: &str) -> usize {
        self.styled(x, y, text, Style::new())
    }

    /// Writes text that matters less.
    pub(super) fn faint(&mut self, x: usize, y: usize, text: &str) -> usize {
        self.styled(x, y, text, Style::new().add_modifier(Modifier::DIM))
    }

    /// Writes text that stands out.
    pub(super) fn strong(&mut self, x: usize, y: usize, text: &str) -> usize {
        self.styled(x, y, text, Style::new().add_modifier(Modifier::BOLD))
    }

    /// Writes text in a colour.
    pub(super) fn colored(&mut self, x: usize, y: usize, text: &str, color: Rgb) -> usize {
        let style = Style::new().fg(self.color(color));
        self.styled(x, y, text, style)
    }

    fn styled(&mut self, x: usize, y: usize, text: &str, style: Style) -> usize {
        if x >= self.width() || y >= self.height() {
            return x;
        }
        let (left, top) = (self.area.x + x as u16, self.area.y + y as u16);
        let (end, _) = self.buffer.set_stringn(left, top, text, self.width() - x, style);
        usize::from(end - self.area.x)
    }

    fn color(&self, color: Rgb) -> Color {
        match self.colors {
            Colors::True => Color::Rgb(color.0, color.1, color.2),
            Colors::Indexed => Color::Indexed(color.indexed()),
            Colors::None => Color::Reset,
        }
    }

    /// Draws charts beside each other.
    pub(super) fn charts(&mut self, charts: &[Chart]) {
        let gap = 2;
        let (width, height) = ((self.width() + gap) / charts.len().max(1) - gap, self.height());
        for (i, chart) in charts.iter().enumerate() {
            self.part(i * (width + gap), 0, width, height).chart(chart);
        }
    }

    /// Draws curves under a line with their names.
    fn chart(&mut self, chart: &Chart) {
        let mut x = self.strong(0, 0, &chart.title);
        let length = |text: &str| text.chars().count();
        let width = |per_curve: usize, has_values: bool| -> usize {
            let of = |(_, name, last): (Rgb, &str, String)| {
                per_curve + length(name) + if has_values { 1 + length(&last) } else { 0 }
            };
            chart.legend().map(of).sum()
        };
        let room = self.width().saturating_sub(x);
        let has_values = width(5, true) <= room;
        let (gap, sign, space) = if width(5, false) <= room { (2, "⣀⣀", 1) } else { (1, "⣀", 0) };
        for (color, name, last) in chart.legend() {
            x = self.colored(x + gap, 0, sign, color);
            x = self.text(x + space, 0, name);
            if has_values && !last.is_empty() {
                x = self.text(x + 1, 0, &last);
            }
        }
        let (width, height) = (self.width(), self.height().saturating_sub(1));
        if width < 16 || height < 4 {
            return;
        }
        let cells = chart.cells(width, height);
        for (y, line) in cells.lines().enumerate() {
            for (x, cell) in line.iter().enumerate() {
                let character = cell.character();
                if character != ' ' {
                    let text = character.encode_utf8(&mut [0; 4]).to_owned();
                    match cell.color {
                        Some(color) => self.colored(x, y + 1, &text, color),
                        None => self.text(x, y + 1, &text),
                    };
                }
            }
        }
    }

    /// Draws a picture, two of its rows in each line.
    pub(super) fn picture(&mut self, picture: &Raster) {
        if self.colors == Colors::None {
            let terminal = Terminal { colors: Colors::None, columns: self.width(), is_terminal: true };
            let lines = terminal.picture(picture);
            lines.iter().enumerate().for_each(|(y, line)| {
                self.text(0, y, line);
            });
            return;
        }
        for y in 0..picture.height().div_ceil(2).min(self.height()) {
            for x in 0..picture.width().min(self.width()) {
                let mut style = Style::new().fg(self.color(picture.at(x, 2 * y)));
                if 2 * y + 1 < picture.height() {
                    style = style.bg(self.color(picture.at(x, 2 * y + 1)));
                }
                self.styled(x, y, "▀", style);
            }
        }
    }
}
