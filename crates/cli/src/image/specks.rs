//! Takes specks off a small picture, whose digit is a few pixels wide.
//!
//! ```text
//! ink is what differs from paper by a quarter of the largest difference or more
//! a speck is a piece of connected ink of 8 pixels or less, and at most a quarter of the largest piece
//! paint all specks in paper if there are five or more
//! else paint those that no pen makes: ink in full, on clean paper
//! ```
//!
//! A clean digit may have a small piece, or a few: the faint end of a stroke, for example. So fewer than five specks that fade
//! into the paper stay.

use super::ink::{Piece, Sheet, pieces};
use super::ruled::paper;

/// The levels of a picture without its specks. `None` if it has no specks.
pub(super) fn despecked(levels: &[f32], width: usize, height: usize) -> Option<Vec<f32>> {
    const INK: f32 = 0.25;
    const LARGEST: usize = 8;
    const PART: usize = 4;
    const MANY: usize = 5;
    let paper = paper(levels, width, height)?;
    let differences = levels.iter().map(|level| level - paper);
    let full = differences.max_by(|one, two| one.abs().total_cmp(&two.abs()))?;
    let ink: Vec<f32> = levels.iter().map(|level| (level - paper) / full).collect();
    let mask: Vec<bool> = ink.iter().map(|&ink| ink > INK).collect();
    let pieces = pieces(&mask, &Sheet { left: 0, right: width, top: 0, bottom: height }, width);
    let most = pieces.iter().map(|piece| piece.cells.len()).max()?;
    let mut specks: Vec<&Piece> =
        pieces.iter().filter(|piece| piece.cells.len() <= LARGEST.min(most / PART)).collect();
    if specks.len() < MANY {
        specks.retain(|speck| is_sharp(speck, &ink, &mask, width));
    }
    let mut clean = levels.to_vec();
    specks.iter().flat_map(|speck| &speck.cells).for_each(|&cell| clean[cell] = paper);
    (!specks.is_empty()).then_some(clean)
}

/// Whether a piece is ink in full, on clean paper.
fn is_sharp(piece: &Piece, ink: &[f32], mask: &[bool], width: usize) -> bool {
    const FULL: f32 = 0.7;
    const CLEAN: f32 = 0.06;
    let height = ink.len() / width;
    piece.cells.iter().all(|&cell| {
        let (row, column) = (cell / width, cell % width);
        let rows = row.saturating_sub(1)..(row + 2).min(height);
        let columns = column.saturating_sub(1)..(column + 2).min(width);
        let mut around = rows.flat_map(|row| columns.clone().map(move |column| row * width + column));
        ink[cell] >= FULL && around.all(|cell| mask[cell] || ink[cell] <= CLEAN)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 28 × 28 with a stroke, `ink` on `paper`, and specks of 2 × 1: in full or faint.
    fn picture([ink, paper]: [f32; 2], specks: usize, full: f32) -> Vec<f32> {
        let mut levels = vec![paper; 28 * 28];
        for row in 4..24 {
            levels[row * 28 + 12..][..4].fill(ink);
        }
        (0..specks).for_each(|i| levels[(2 + 3 * i) * 28 + 3..][..2].fill(paper + full * (ink - paper)));
        levels
    }

    #[test]
    fn specks_are_taken_off() {
        for colors in [[1.0, 0.0], [0.1, 0.9]] {
            let clean = picture(colors, 0, 1.0);
            assert_eq!(despecked(&clean, 28, 28), None);
            for (specks, full) in [(1, 1.0), (8, 1.0), (8, 0.5)] {
                let found = despecked(&picture(colors, specks, full), 28, 28);
                assert!(found.as_ref() == Some(&clean), "{specks} specks, {full}");
            }
            // This could be the end of a stroke.
            assert_eq!(despecked(&picture(colors, 1, 0.5), 28, 28), None);
        }
    }

    #[test]
    fn blank_and_tiny_pictures_stay() {
        for side in [1, 2, 28] {
            assert_eq!(despecked(&vec![0.5; side * side], side, side), None);
        }
    }
}
