//! The weights of the first layer, a picture for each unit.

use super::canvas::Canvas;
use super::shown::{FirstWeights, Shown};
use crate::draw::Raster;
use crate::text::figure;
use minibatch::Network;

/// The sides of a picture, in pixels, from which one is taken.
const SIDES: [usize; 5] = [28, 20, 14, 12, 10];
/// The pictures that are worth smaller ones.
const ENOUGH: usize = 10;
/// Pictures at most.
const MOST: usize = 64;

pub(super) fn draw(canvas: &mut Canvas<'_>, shown: &Shown<'_>) {
    let Some(weights) = shown.weights else {
        canvas.faint(0, 1, "The examples aren't pictures, so the weights of the first layer aren't either.");
        return;
    };
    let (width, height) = (canvas.width(), canvas.height());
    let (side, columns, rows) = layout(width, height.saturating_sub(1), weights.pictures.len());
    let seen = (columns * rows).min(weights.pictures.len());
    for (i, picture) in weights.pictures.iter().take(seen).enumerate() {
        let (larger, smaller) =
            (picture.width().max(picture.height()), |x: usize, of: usize| (x * side).div_ceil(of));
        let picture = if larger > side {
            &picture.resized(smaller(picture.width(), larger), smaller(picture.height(), larger))
        } else {
            picture
        };
        let (x, y) = (i % columns * (side + 1), i / columns * (side.div_ceil(2) + 1));
        canvas.part(x, 1 + y, side, side.div_ceil(2)).picture(picture);
    }
    let greatest = figure(weights.greatest);
    let text = format!("{seen} of {} units; blue −{greatest}, white 0, red {greatest}", weights.units);
    canvas.faint(0, 0, &text);
}

/// The side of a picture, and how many stand beside and below each other.
fn layout(width: usize, height: usize, count: usize) -> (usize, usize, usize) {
    let fitting = |side: usize| ((width + 1) / (side + 1), (height + 1) / (side.div_ceil(2) + 1));
    let wanted = count.min(ENOUGH);
    let side = SIDES.into_iter().find(|&side| {
        let (columns, rows) = fitting(side);
        columns * rows >= wanted
    });
    let side = side.unwrap_or(SIDES[SIDES.len() - 1]);
    let (columns, rows) = fitting(side);
    (side, columns.max(1), rows)
}

impl FirstWeights {
    /// The weights of a network whose examples have this shape. `None` if they aren't pictures.
    pub(super) fn of(network: &Network, shape: &[usize]) -> Option<FirstWeights> {
        let [rows, columns, ref rest @ ..] = *shape else { return None };
        let channels = rest.iter().product::<usize>();
        let layer = network.layers().first().filter(|_| network.preparation().is_none())?;
        if rows * columns * channels != layer.inputs() || rows * columns < 4 {
            return None;
        }
        let of_unit = |j: usize| -> Vec<f32> {
            // The mean over the channels of a pixel.
            let pixel = |p: usize| -> f32 { (0..channels).map(|c| layer.weight(j, p * channels + c)).sum() };
            (0..rows * columns).map(|p| pixel(p) / channels as f32).collect()
        };
        let units: Vec<Vec<f32>> = (0..layer.outputs().min(MOST)).map(of_unit).collect();
        let greatest = units.iter().flatten().fold(0.0f32, |greatest, x| greatest.max(x.abs()));
        let greatest = f64::from(greatest.max(f32::MIN_POSITIVE));
        let picture = |values: &Vec<f32>| Raster::of_signed(values, rows, columns, greatest);
        let pictures: Option<Vec<Raster>> = units.iter().map(picture).collect();
        Some(FirstWeights { pictures: pictures?, units: layer.outputs(), greatest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::color::diverging;

    #[test]
    fn pictures_fit_and_are_as_large_as_they_can_be() {
        assert_eq!(layout(78, 19, 32), (14, 5, 2));
        assert_eq!(layout(58, 11, 32), (10, 5, 2));
        assert_eq!(layout(200, 50, 32), (28, 6, 3));
        assert_eq!(layout(78, 19, 2), (28, 2, 1));
    }

    #[test]
    fn pixels_have_the_weights_of_their_unit() {
        let mut network = Network::builder(12).layer(2).layer(2).build().unwrap();
        let layer = &mut network.layers_mut()[0];
        (0..12).for_each(|k| layer.set_weight(0, k, 0.0));
        (0..12).for_each(|k| layer.set_weight(1, k, 0.0));
        layer.set_weight(1, 2, -2.0);
        let weights = FirstWeights::of(&network, &[3, 4]).unwrap();
        assert_eq!((weights.pictures.len(), weights.units, weights.greatest), (2, 2, 2.0));
        assert_eq!(weights.pictures[1].at(2, 0), diverging(-1.0));
        assert_eq!(weights.pictures[1].at(3, 0), diverging(0.0));
        assert!(FirstWeights::of(&network, &[2, 2, 3]).is_some());
        assert!(FirstWeights::of(&network, &[12]).is_none());
    }
}
