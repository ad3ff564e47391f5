//! Telling ink from paper: where the digit of a picture is, and what else is on the sheet.
//!
//! ```text
//! reduce the picture to at most 1,024 pixels a side: all that follows looks at this one
//! take out ruled lines
//! part light from dark (Otsu)
//! strip a frame, and bars along a side
//! paper is the part that most of the border belongs to; its median is the background
//! ink is what differs from it by 0.4 of the contrast or more
//! keep the largest piece of connected ink, and others of at least a twentieth of it that span no side
//! ```

use super::Picture;
use super::rank::{median, quantiles};
use super::ruled::unruled;
use super::window::Window;

/// The most pixels of a side that are looked at.
const MOST: usize = 1024;

/// The ink of a picture.
pub(super) struct Ink {
    /// Pixels of the picture in a side of a cell.
    step: f32,
    /// Cells in a row.
    width: usize,
    /// The cells that belong to the digit, or lie beside it.
    kept: Vec<bool>,
    /// The levels of cells that were on a ruled line, without the line. It is empty if there are no such lines.
    bridged: Vec<Option<f32>>,
    /// The level of the paper.
    background: f32,
    /// 1 if ink is lighter than paper, else −1.
    toward_ink: f32,
    /// A smaller difference from the paper is none.
    floor: f32,
    /// Whether there is another piece as large as a digit beside it.
    pub(super) has_second: bool,
}

impl Ink {
    /// Finds the ink of a picture, or nothing if it shows none.
    pub(super) fn find(picture: &Picture<impl Fn(usize) -> f32>) -> Option<Ink> {
        /// Least difference between ink and background: 1/32 of the way from black to white.
        const FAINTEST: f32 = 1.0 / 32.0;
        /// A difference from the background of less than so many of its standard deviations is noise.
        const NOISE: f32 = 4.0;
        /// The part of the contrast from which on a cell is ink for sure.
        const SURE: f32 = 0.4;
        let step = (picture.width.max(picture.height) as f32 / MOST as f32).max(1.0);
        let (cells, bridged) = Cells::reduce(picture, step).unruled();
        let cells = cells.smoothed();
        let Parts { sheet, is_light, light_paper } = Parts::of(&cells)?;
        let inside = |i: usize| sheet.contains(i % cells.width, i / cells.width);
        let levels = || {
            let places = (0..cells.levels.len()).filter(|&i| inside(i));
            places.map(|i| (cells.levels[i], is_light[i] == light_paper))
        };
        let paper = || levels().filter(|(_, is_paper)| *is_paper).map(|(level, _)| level);
        let background = median(paper)?;
        let deviation = deviation(&paper, background)?;
        let inked = || levels().filter(|(_, is_paper)| !is_paper);
        let (sum, count) =
            inked().fold((0.0, 0_usize), |(sum, count), (level, _)| (sum + f64::from(level), count + 1));
        if count == 0 {
            return None;
        }
        let contrast = ((sum / count as f64) as f32 - background).abs();
        if contrast < FAINTEST.max(NOISE * deviation) {
            return None;
        }
        let toward_ink = if light_paper { -1.0 } else { 1.0 };
        let sure = |i: usize| inside(i) && toward_ink * (cells.levels[i] - background) >= SURE * contrast;
        let mask: Vec<bool> = (0..cells.levels.len()).map(sure).collect();
        let (digit, has_second) = largest(&mask, &sheet, cells.width)?;
        let kept = beside(&digit, &sheet, cells.width);
        let floor = (NOISE * cells.noisier * deviation).clamp(contrast / 32.0, contrast / 2.0);
        Some(Ink { step, width: cells.width, kept, bridged, background, toward_ink, floor, has_second })
    }

    /// The difference of a pixel from the background, in the direction of the ink. It is 0 where no ink is kept.
    #[inline]
    pub(super) fn difference(&self, column: usize, row: usize, level: f32) -> f32 {
        let cell = |place: usize| (place as f32 / self.step) as usize;
        let cell = cell(row) * self.width + cell(column);
        let level = self.bridged.get(cell).copied().flatten().unwrap_or(level);
        let difference = self.toward_ink * (level - self.background);
        let is_kept = self.kept.get(cell).copied().unwrap_or(false);
        if is_kept && difference > self.floor { difference } else { 0.0 }
    }
}

/// The picture, reduced.
struct Cells {
    width: usize,
    height: usize,
    levels: Vec<f32>,
    /// How much more noise the picture itself has.
    noisier: f32,
}

impl Cells {
    fn reduce(picture: &Picture<impl Fn(usize) -> f32>, step: f32) -> Cells {
        if step == 1.0 {
            return Cells {
                width: picture.width,
                height: picture.height,
                levels: picture.levels().collect(),
                noisier: 1.0,
            };
        }
        let (across, down) = (Window::all(picture.width, step), Window::all(picture.height, step));
        let mut levels = Vec::with_capacity(across.len() * down.len());
        for window in &down {
            let level = |column: usize| window.mean(|row| (picture.level)(row * picture.width + column));
            let narrowed: Vec<f32> = (0..picture.width).map(level).collect();
            levels.extend(across.iter().map(|window| window.mean(|column| narrowed[column])));
        }
        Cells { width: across.len(), height: down.len(), levels, noisier: 1.0 }
    }

    /// Takes ruled lines out. The levels of the cells that this changes are returned, too.
    fn unruled(self) -> (Cells, Vec<Option<f32>>) {
        let Some(levels) = unruled(&self.levels, self.width, self.height) else { return (self, Vec::new()) };
        let changed =
            levels.iter().zip(&self.levels).map(|(new, old)| (new != old).then_some(*new)).collect();
        (Cells { levels, ..self }, changed)
    }

    /// Takes noise out, as far as strokes are wide enough to bear it: each cell becomes the mean of the nine around it.
    fn smoothed(self) -> Cells {
        /// Cells of a side of a picture whose strokes are wide enough.
        const WIDE: usize = 56;
        /// Noise that isn't worth it.
        const LITTLE: f32 = 0.01;
        let Cells { width, height, ref levels, .. } = self;
        if width.min(height) < WIDE {
            return self;
        }
        let rows = || levels.chunks_exact(width);
        let differences = || rows().flat_map(|row| row.windows(2)).map(|pair| (pair[0] - pair[1]).abs());
        // Ink has few edges, so most neighbours differ by noise alone.
        if quantiles(differences, [75]).is_none_or(|[difference]| difference < LITTLE) {
            return self;
        }
        let mean = |row: usize, column: usize| {
            let rows = row.saturating_sub(1)..(row + 2).min(height);
            let columns = column.saturating_sub(1)..(column + 2).min(width);
            let count = (rows.len() * columns.len()) as f32;
            rows.flat_map(|row| &levels[row * width..][columns.clone()]).sum::<f32>() / count
        };
        let levels = (0..width * height).map(|i| mean(i / width, i % width)).collect();
        Cells { width, height, levels, noisier: 3.0 }
    }
}

/// A part of the picture: columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sheet {
    pub(super) left: usize,
    pub(super) right: usize,
    pub(super) top: usize,
    pub(super) bottom: usize,
}

impl Sheet {
    fn contains(&self, column: usize, row: usize) -> bool {
        (self.left..self.right).contains(&column) && (self.top..self.bottom).contains(&row)
    }

    fn size(&self) -> (usize, usize) {
        (self.right - self.left, self.bottom - self.top)
    }

    /// The share of light cells in the outermost line of a side: left, right, top, bottom.
    fn light_at(&self, side: usize, is_light: &[bool], width: usize) -> f32 {
        let count = |cells: &mut dyn Iterator<Item = usize>| {
            let (light, all) =
                cells.fold((0, 0), |(light, all), i| (light + usize::from(is_light[i]), all + 1));
            light as f32 / all.max(1) as f32
        };
        match side {
            0 => count(&mut (self.top..self.bottom).map(|row| row * width + self.left)),
            1 => count(&mut (self.top..self.bottom).map(|row| row * width + self.right - 1)),
            2 => count(&mut (self.left..self.right).map(|column| self.top * width + column)),
            _ => count(&mut (self.left..self.right).map(|column| (self.bottom - 1) * width + column)),
        }
    }

    /// Whether the outermost line of a side is of a frame or bar of the given kind.
    fn is_of(&self, side: usize, light: bool, is_light: &[bool], width: usize) -> bool {
        /// The share of a line's cells that make it one of a frame or bar.
        const MOSTLY: f32 = 0.9;
        let share = self.light_at(side, is_light, width);
        (if light { share } else { 1.0 - share }) >= MOSTLY
    }

    /// Takes the lines of a frame, or of bars, away. As many lines of a side may be theirs: 8 in a small picture, a seventh of a
    /// large one.
    fn stripped(self, light: bool, is_light: &[bool], width: usize) -> Sheet {
        let most = |length: usize| (length / 7).max(8).min(length / 4);
        let (columns, rows) = self.size();
        let mut sheet = self;
        for side in 0..4 {
            for _ in 0..most(if side < 2 { columns } else { rows }) {
                if !sheet.is_of(side, light, is_light, width) {
                    break;
                }
                match side {
                    0 => sheet.left += 1,
                    1 => sheet.right -= 1,
                    2 => sheet.top += 1,
                    _ => sheet.bottom -= 1,
                }
            }
        }
        sheet
    }
}

/// Light and dark, and the sheet with the digit on it.
struct Parts {
    sheet: Sheet,
    is_light: Vec<bool>,
    light_paper: bool,
}

impl Parts {
    /// The part of the picture inside a frame and without bars along its sides, and whether its paper is light.
    fn of(cells: &Cells) -> Option<Parts> {
        let mut whole = Sheet { left: 0, right: cells.width, top: 0, bottom: cells.height };
        loop {
            let rows = whole.top..whole.bottom;
            let levels: Vec<f32> = rows
                .flat_map(|row| &cells.levels[row * cells.width..][whole.left..whole.right])
                .copied()
                .collect();
            let threshold = otsu(&levels)?;
            let is_light: Vec<bool> = cells.levels.iter().map(|level| *level > threshold).collect();
            let sides = [0, 1, 2, 3];
            let share =
                sides.iter().map(|&side| whole.light_at(side, &is_light, cells.width)).sum::<f32>() / 4.0;
            let light_border = share > 0.5;
            let inner = whole.stripped(light_border, &is_light, cells.width);
            // Beneath a frame comes paper of the other kind, on all sides.
            let beneath = sides.iter().all(|&side| inner.is_of(side, !light_border, &is_light, cells.width));
            if !beneath {
                // The border is paper, but for bars. Ink that reaches it is that of a digit that fills the picture.
                let sheet = whole.stripped(!light_border, &is_light, cells.width);
                let is_clear =
                    sides.iter().all(|&side| sheet.is_of(side, light_border, &is_light, cells.width));
                let sheet = if is_clear { sheet } else { whole };
                return Some(Parts { sheet, is_light, light_paper: light_border });
            }
            // The ink on it is of the frame's kind, or else only shows when the frame is gone.
            let mut rows = inner.top..inner.bottom;
            if rows.any(|row| is_light[row * cells.width..][inner.left..inner.right].contains(&light_border))
            {
                return Some(Parts { sheet: inner, is_light, light_paper: !light_border });
            }
            if inner == whole {
                return None;
            }
            whole = inner;
        }
    }
}

/// The standard deviation of the paper's noise. Where paper is as light as can be, or as dark, all of the noise is on one side.
fn deviation<I: Iterator<Item = f32>>(paper: &impl Fn() -> I, background: f32) -> Option<f32> {
    /// The median of the magnitude of normal numbers with a standard deviation of 1.
    const MEDIAN: f32 = 0.6745;
    let [half, three_quarters] = quantiles(|| paper().map(|level| (level - background).abs()), [50, 75])?;
    // Half of the paper is then at the limit, and the median of the rest is three quarters of all.
    let is_saturated = !(0.03..=0.97).contains(&background);
    Some(if is_saturated { three_quarters.max(half) / MEDIAN } else { half / MEDIAN })
}

/// A piece of connected ink.
pub(super) struct Piece {
    pub(super) cells: Vec<usize>,
    bounds: Sheet,
}

/// The cells of the largest piece of ink and of those that belong to it, and whether another piece is as large as a digit.
fn largest(mask: &[bool], sheet: &Sheet, width: usize) -> Option<(Vec<bool>, bool)> {
    /// The share of the largest piece that another one must have to belong to the digit.
    const PART: usize = 20;
    let mut pieces = pieces(mask, sheet, width);
    // A piece along a side is a shadow, unless there is nothing else.
    let (columns, rows) = sheet.size();
    let lies_along = |Piece { bounds, .. }: &Piece| {
        let (wide, high) = bounds.size();
        let spans_rows = 5 * high >= 4 * rows && (bounds.left == sheet.left || bounds.right == sheet.right);
        let spans_columns =
            5 * wide >= 4 * columns && (bounds.top == sheet.top || bounds.bottom == sheet.bottom);
        (spans_rows && 6 * wide < columns) || (spans_columns && 6 * high < rows)
    };
    if pieces.iter().any(|piece| !lies_along(piece)) {
        pieces.retain(|piece| !lies_along(piece));
    }
    let first = pieces.iter().max_by_key(|piece| piece.cells.len())?;
    let least = first.cells.len().div_ceil(PART);
    let (wide, high) = first.bounds.size();
    let is_apart = |one: &Piece| {
        let gap = one.bounds.left.saturating_sub(first.bounds.right)
            + first.bounds.left.saturating_sub(one.bounds.right);
        5 * gap > wide.min(high)
            && 3 * one.cells.len() > first.cells.len()
            && 3 * one.bounds.size().1 > 2 * high
    };
    let has_second = pieces.iter().any(is_apart);
    let mut digit = vec![false; mask.len()];
    for piece in pieces.iter().filter(|piece| piece.cells.len() >= least) {
        piece.cells.iter().for_each(|&cell| digit[cell] = true);
    }
    Some((digit, has_second))
}

/// The pieces of ink, each with all cells that touch by a side or a corner.
pub(super) fn pieces(mask: &[bool], sheet: &Sheet, width: usize) -> Vec<Piece> {
    let mut seen = vec![false; mask.len()];
    let mut pieces = Vec::new();
    for start in (sheet.top..sheet.bottom)
        .flat_map(|row| (sheet.left..sheet.right).map(move |column| row * width + column))
    {
        if !mask[start] || seen[start] {
            continue;
        }
        let (row, column) = (start / width, start % width);
        let mut bounds = Sheet { left: column, right: column + 1, top: row, bottom: row + 1 };
        let mut cells = vec![start];
        seen[start] = true;
        let mut next = 0;
        while let Some(&cell) = cells.get(next) {
            next += 1;
            let (row, column) = (cell / width, cell % width);
            bounds.left = bounds.left.min(column);
            bounds.right = bounds.right.max(column + 1);
            bounds.top = bounds.top.min(row);
            bounds.bottom = bounds.bottom.max(row + 1);
            for row in row.saturating_sub(1).max(sheet.top)..(row + 2).min(sheet.bottom) {
                for column in column.saturating_sub(1).max(sheet.left)..(column + 2).min(sheet.right) {
                    let neighbour = row * width + column;
                    if mask[neighbour] && !seen[neighbour] {
                        seen[neighbour] = true;
                        cells.push(neighbour);
                    }
                }
            }
        }
        pieces.push(Piece { cells, bounds });
    }
    pieces
}

/// The cells of the digit and those beside it, where its edges fade.
fn beside(digit: &[bool], sheet: &Sheet, width: usize) -> Vec<bool> {
    let inked = || (0..digit.len()).filter(|&i| digit[i]);
    // A twentieth of the digit's size.
    let extent = |place: fn(usize, usize) -> usize| {
        let (low, high) = inked()
            .map(|i| place(i, width))
            .fold((usize::MAX, 0), |(low, high), at| (low.min(at), high.max(at)));
        high.saturating_sub(low) + 1
    };
    let size = extent(|i, width| i % width).max(extent(|i, width| i / width));
    let reach = (size / 20).max(1);
    let mut kept = vec![false; digit.len()];
    for i in inked() {
        let (row, column) = (i / width, i % width);
        for row in row.saturating_sub(reach).max(sheet.top)..(row + reach + 1).min(sheet.bottom) {
            let line = &mut kept[row * width..][..width];
            line[column.saturating_sub(reach).max(sheet.left)..(column + reach + 1).min(sheet.right)]
                .fill(true);
        }
    }
    kept
}

/// The level that splits the levels into two parts with the largest variance between them. `None` if all levels are equal.
fn otsu(levels: &[f32]) -> Option<f32> {
    const BINS: usize = 256;
    let range = levels
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &level| (level.min(low), level.max(high)));
    let (low, high) = range;
    if low >= high {
        return None;
    }
    let (mut histogram, mut count) = ([0_u64; BINS], 0_u64);
    for level in levels {
        let bin = (level - low) / (high - low) * BINS as f32;
        histogram[(bin as usize).min(BINS - 1)] += 1;
        count += 1;
    }
    let moment = |(bin, &count): (usize, &u64)| bin as f64 * count as f64;
    let (all, whole) = (count as f64, histogram.iter().enumerate().map(moment).sum::<f64>());
    let (mut below, mut sum) = (0.0, 0.0);
    let (mut best, mut between) = (0, -1.0);
    for bin in 0..BINS - 1 {
        below += histogram[bin] as f64;
        sum += moment((bin, &histogram[bin]));
        let above = all - below;
        if below == 0.0 || above == 0.0 {
            continue;
        }
        let distance = sum / below - (whole - sum) / above;
        let variance = below * above * distance * distance;
        if variance > between {
            (best, between) = (bin, variance);
        }
    }
    Some(low + (high - low) * ((best + 1) as f32 / BINS as f32))
}
