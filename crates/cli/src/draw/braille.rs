//! A canvas of characters for plotters. A character is two points wide and four high: a pattern of braille dots, or a letter.

use super::color::Rgb;
use super::terminal::Terminal;
use plotters::style::RGBColor;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendTextStyle, DrawingBackend, DrawingErrorKind, text_anchor::Pos,
};
use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

/// Points of a character.
pub(crate) const POINTS: (u32, u32) = (2, 4);

/// The bits of the dots of a braille pattern, by row and column.
const DOTS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// A character of the canvas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    dots: u8,
    letter: Option<char>,
    /// `None` is the terminal's own colour.
    pub(crate) color: Option<Rgb>,
}

impl Cell {
    pub(crate) fn character(self) -> char {
        let pattern = || char::from_u32(0x2800 + u32::from(self.dots)).unwrap_or(' ');
        self.letter.unwrap_or_else(|| if self.dots == 0 { ' ' } else { pattern() })
    }
}

/// Lines of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cells {
    columns: usize,
    /// (lines × columns)
    cells: Vec<Cell>,
}

impl Cells {
    /// The lines of the canvas.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[Cell]> {
        self.cells.chunks_exact(self.columns)
    }

    /// The canvas as lines of text.
    pub(crate) fn text(&self, terminal: &Terminal) -> Vec<String> {
        let line = |cells: &[Cell]| -> String {
            let runs = cells.chunk_by(|one, other| one.color == other.color);
            let text: String = runs
                .map(|run| {
                    let text: String = run.iter().map(|cell| cell.character()).collect();
                    match run[0].color {
                        Some(color) if !text.trim().is_empty() => terminal.paint(&text, color),
                        _ => text,
                    }
                })
                .collect();
            text.trim_end().to_owned()
        };
        self.lines().map(line).collect()
    }
}

/// The canvas while it is drawn on. plotters takes a backend for itself, so the cells are shared with who reads them afterwards.
#[derive(Debug)]
pub(crate) struct Braille {
    cells: Rc<RefCell<Cells>>,
    ink: RGBColor,
}

impl Braille {
    /// An empty canvas of so many columns and lines, and its cells. What is drawn in `ink` has the terminal's own colour.
    pub(crate) fn new(columns: usize, lines: usize, ink: RGBColor) -> (Braille, Rc<RefCell<Cells>>) {
        let columns = columns.max(1);
        let cells = Cells { columns, cells: vec![Cell::default(); columns * lines.max(1)] };
        let cells = Rc::new(RefCell::new(cells));
        (Braille { cells: Rc::clone(&cells), ink }, cells)
    }

    fn color(&self, color: BackendColor) -> Option<Rgb> {
        let (r, g, b) = color.rgb;
        (color.rgb != (self.ink.0, self.ink.1, self.ink.2)).then_some(Rgb(r, g, b))
    }

    /// Changes the cell in this column of this line, if there is one.
    fn change(&self, column: i32, line: i32, change: impl FnOnce(&mut Cell)) {
        let mut cells = self.cells.borrow_mut();
        let columns = cells.columns;
        let (Ok(column), Ok(line)) = (usize::try_from(column), usize::try_from(line)) else { return };
        if column < columns
            && let Some(cell) = cells.cells.get_mut(line * columns + column)
        {
            change(cell);
        }
    }
}

impl DrawingBackend for Braille {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        let cells = self.cells.borrow();
        let lines = cells.cells.len() / cells.columns;
        (cells.columns as u32 * POINTS.0, lines as u32 * POINTS.1)
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn draw_pixel(
        &mut self,
        (x, y): BackendCoord,
        color: BackendColor,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        // A point that an anti-aliased line covers for less than half of it stays dark.
        if color.alpha >= 0.5 && x >= 0 && y >= 0 {
            let dot = DOTS[(y % 4) as usize][(x % 2) as usize];
            let color = self.color(color);
            self.change(x / 2, y / 4, |cell| {
                cell.dots |= dot;
                // A curve is seen above an axis.
                cell.color = color.or(cell.color);
            });
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &S,
        (x, y): BackendCoord,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let width = text.chars().count() as i32;
        let Pos { h_pos, v_pos } = style.anchor();
        let column = x.div_euclid(2)
            - match h_pos {
                HPos::Left => 0,
                HPos::Center => width / 2,
                HPos::Right => width,
            };
        let line = match v_pos {
            // Below the line of an axis.
            VPos::Top => (y + 3).div_euclid(4),
            VPos::Center => y.div_euclid(4),
            VPos::Bottom => (y - 1).div_euclid(4),
        };
        let color = self.color(style.color());
        for (column, letter) in (column..).zip(text.chars()) {
            self.change(column, line, |cell| *cell = Cell { letter: Some(letter), color, dots: 0 });
        }
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        _: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        Ok((text.chars().count() as u32 * POINTS.0, POINTS.1))
    }
}
