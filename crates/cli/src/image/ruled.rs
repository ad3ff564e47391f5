//! Takes ruled lines, frames and bars out of a picture.
//!
//! ```text
//! paper is the commonest level around the middle
//! for the rows, then for the columns inside the frame that they showed:
//!     a line is ruled if most of its cells are lighter than paper, or most are darker
//!     a run of such lines at a side of the picture is a frame or a bar: if it is thin, it becomes paper
//!     a run elsewhere is a ruled line: if it is thin, its cells become what joins the cells before it and after it
//! if hardly anything else is in the picture, the lines are the digit, and nothing changes
//! ```

use super::rank::median;
use std::ops::Range;

/// The least difference between two levels that are told apart: 1/16 of the way from black to white.
const FAINTEST: f32 = 1.0 / 16.0;

/// The levels of a picture without its ruled lines. `None` if it has no such lines.
pub(super) fn unruled(levels: &[f32], width: usize, height: usize) -> Option<Vec<f32>> {
    let paper = paper(levels, width, height)?;
    let mut clean = levels.to_vec();
    let inside = bridge(&mut clean, height, 0..width, paper, |row, column| row * width + column);
    bridge(&mut clean, width, inside, paper, |column, row| row * width + column);
    let inked = |levels: &[f32]| levels.iter().filter(|&level| (level - paper).abs() > FAINTEST).count();
    (clean != levels && 10 * inked(&clean) >= inked(levels)).then_some(clean)
}

/// The commonest level around the middle. The outer eighth at each side is left out, as it may be a frame. So is the middle half,
/// as it may be full of ink.
pub(super) fn paper(levels: &[f32], width: usize, height: usize) -> Option<f32> {
    /// Levels that count as one are a sixteenth of the range apart.
    const BINS: usize = 16;
    let middle = |place: usize, length: usize| (length / 4..length - length / 4).contains(&place);
    let around = || {
        let rows = height / 8..height - height / 8;
        let places = rows.flat_map(|row| (width / 8..width - width / 8).map(move |column| (row, column)));
        let outer = places.filter(|&(row, column)| !middle(row, height) || !middle(column, width));
        outer.map(|(row, column)| levels[row * width + column])
    };
    let (low, high) = around()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), level| (level.min(low), level.max(high)));
    let step = ((high - low) / BINS as f32).max(f32::MIN_POSITIVE);
    let bin = |level: f32| (((level - low) / step) as usize).min(BINS - 1);
    let mut counts = [0_usize; BINS];
    around().for_each(|level| counts[bin(level)] += 1);
    let commonest = (0..BINS).max_by_key(|&bin| counts[bin])?;
    median(|| around().filter(|&level| bin(level) == commonest))
}

/// Takes the ruled ones of so many lines out. A line has a cell at each of the `places`, and `at` finds the cell of a line and a
/// place. Returns the lines that are left between those taken out at the first side and at the last one.
fn bridge(
    levels: &mut [f32],
    lines: usize,
    places: Range<usize>,
    paper: f32,
    at: impl Fn(usize, usize) -> usize,
) -> Range<usize> {
    // A thicker run inside is ink. At a side it may be a frame of 8 pixels, or of a seventh of a large picture.
    let (thickest, thickest_at_side) = ((lines / 16).max(2), (lines / 7).max(8).min(lines / 4));
    let kinds: Vec<Option<f32>> = (0..lines)
        .map(|line| kind(places.clone().map(|place| levels[at(line, place)] - paper), places.len()))
        .collect();
    let mut inside = 0..lines;
    let mut last = 0;
    for run in kinds.chunk_by(|one, two| one == two) {
        let first = last;
        last += run.len();
        let Some(&Some(sign)) = run.first() else { continue };
        let before = first.checked_sub(1);
        let after = (last < lines).then_some(last);
        let is_at_side = before.is_none() || after.is_none();
        let is_thin = run.len() <= if is_at_side { thickest_at_side } else { thickest };
        if !is_thin {
            continue;
        }
        match (before, after) {
            (None, _) => inside.start = last,
            (_, None) => inside.end = first,
            _ => {}
        }
        for line in first..last {
            let share = (line + 1 - first) as f32 / (run.len() + 1) as f32;
            let Some(rule) = median(|| places.clone().map(|place| levels[at(line, place)])) else { continue };
            for place in places.clone() {
                let joined = match (before, after) {
                    (Some(before), Some(after)) => {
                        (1.0 - share) * levels[at(before, place)] + share * levels[at(after, place)]
                    }
                    _ => paper,
                };
                let level = &mut levels[at(line, place)];
                // A stroke that stands out from the line is as it was. No stroke is darker than a dark line that covers it.
                let (above_rule, above) = (sign * (*level - rule), sign * (joined - paper));
                let stands_out = above_rule > 1.5 * FAINTEST && above > FAINTEST;
                if !stands_out && sign * (joined - *level) <= 0.0 {
                    *level = joined;
                }
            }
        }
    }
    inside
}

/// The kind of most cells of a row or a column, by their differences from the paper: lighter (1) or darker (−1). `None` if most are
/// neither.
fn kind(differences: impl Iterator<Item = f32>, cells: usize) -> Option<f32> {
    /// The share of the cells of a ruled line that aren't paper. MNIST's digits are at most 20 of 28 pixels long.
    const MOSTLY: f32 = 0.8;
    let (lighter, darker) = differences.fold((0, 0), |(lighter, darker), difference| {
        (lighter + usize::from(difference > FAINTEST), darker + usize::from(difference < -FAINTEST))
    });
    let is_mostly = |count: usize| count as f32 > MOSTLY * cells as f32;
    match () {
        () if is_mostly(lighter) => Some(1.0),
        () if is_mostly(darker) => Some(-1.0),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 28 × 28: a stroke of 4 columns and 20 rows, 0.9 on paper of 0.1, changed by `change(column, row, level)`.
    fn picture(change: impl Fn(usize, usize, f32) -> f32) -> Vec<f32> {
        let stroke = |column: usize, row: usize| (12..16).contains(&column) && (4..24).contains(&row);
        let level = |column, row| if stroke(column, row) { 0.9 } else { 0.1 };
        (0..28 * 28).map(|i| change(i % 28, i / 28, level(i % 28, i / 28))).collect()
    }

    #[test]
    fn lines_frames_and_bars_are_taken_out() {
        let clean = picture(|_, _, level| level);
        assert_eq!(unruled(&clean, 28, 28), None);
        for grey in [0.25_f32, 0.5, 0.9, 1.0] {
            let ruled = picture(|_, row, level| if row % 7 == 5 { level.max(grey) } else { level });
            let framed =
                picture(
                    |column, row, level| {
                        if column.min(row).min(27 - column).min(27 - row) < 3 { grey } else { level }
                    },
                );
            let barred = picture(|column, _, level| if column < 6 { grey } else { level });
            for (name, spoilt) in [("ruled", ruled), ("framed", framed), ("barred", barred)] {
                let found = unruled(&spoilt, 28, 28).unwrap_or(spoilt);
                let most = found.iter().zip(&clean).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(most < 1e-6, "{name} in {grey}: off by {most}");
            }
        }
    }

    #[test]
    fn a_straight_stroke_and_a_small_picture_stay() {
        let line = (0..28 * 28).map(|i| f32::from(u8::from(i % 28 == 14))).collect::<Vec<_>>();
        assert_eq!(unruled(&line, 28, 28), None);
        for (width, height) in [(1, 1), (1, 9), (2, 2), (3, 7)] {
            let levels: Vec<f32> = (0..width * height).map(|i| (i % 3) as f32 / 2.0).collect();
            if let Some(clean) = unruled(&levels, width, height) {
                assert_eq!(clean.len(), levels.len());
            }
            assert_eq!(unruled(&vec![0.5; width * height], width, height), None);
        }
    }
}
