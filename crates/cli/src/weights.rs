//! `minibatch weights`: a layer's weights in colours, blue below 0 and red above.

use crate::draw::{Grid, Legend, Raster, Target, Tile};
use crate::failure::Failure;
use crate::numbers::count;
use crate::text::grouped;
use crate::{recorded, report};
use minibatch::{Matrix, Network};
use std::path::PathBuf;

/// Units that are drawn as pictures, unless told otherwise.
const UNITS: usize = 64;

/// The options of `weights`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The checkpoint
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,

    /// Layer whose weights are drawn, from 1
    #[arg(long, value_name = "L", default_value_t = 1, allow_negative_numbers = true, value_parser = count)]
    layer: usize,

    /// Units of the layer that are drawn at most
    #[arg(long, value_name = "N", default_value_t = UNITS, allow_negative_numbers = true, value_parser = count)]
    count: usize,

    /// Draw into this file, which ends with .png or .svg, instead of the terminal
    #[arg(long, value_name = "FILE", value_parser = Target::of_pictures)]
    output: Option<Target>,
}

/// Draws the weights.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let network = recorded::network(&args.checkpoint)?;
    let layers = network.layers().len();
    if args.layer > layers {
        let (layer, checkpoint) = (args.layer, args.checkpoint.display());
        return Err(Failure::usage(format!(
            "--layer {layer}: expected 1 to {layers}, the layers of {checkpoint}"
        )));
    }
    let grid = grid(&network, args.layer, args.count);
    report::show(&grid, args.output.as_ref())
}

/// The weights into layer `layer`, counted from 1: a picture for each unit if the layer's inputs are pixels, else one picture with a row
/// for each unit and a column for each input. It shows the first units, at most so many.
pub(crate) fn grid(network: &Network, layer: usize, most: usize) -> Grid {
    let weights = network.layers()[layer - 1].weights();
    let units = weights.rows().min(most);
    let all = || (0..units).flat_map(|unit| weights.row(unit));
    let greatest = all().filter(|x| x.is_finite()).fold(0.0, |most: f32, x| most.max(x.abs()));
    let greatest = f64::from(greatest);
    let shape = network.profile().map(|profile| &profile.example_shape[..]).filter(|_| layer == 1);
    let tiles = of_pixels(&weights, units, shape, greatest).unwrap_or_else(|| {
        let values: Vec<f32> = all().copied().collect();
        let picture = Raster::of_signed(&values, units, weights.cols(), greatest);
        picture.map(|picture| Tile { picture, caption: Vec::new() }).into_iter().collect()
    });
    let (shown, whole) = (grouped(units), grouped(weights.rows()));
    let of = if units < weights.rows() { format!("{shown} of {whole}") } else { shown };
    let inputs = grouped(weights.cols());
    let title = match tiles.len() {
        1 if units > 1 => format!(
            "weights of layer {layer}: a row for each of {of} units, a column for each of {inputs} inputs"
        ),
        _ => format!("weights of layer {layer}: {of} units of {inputs} inputs"),
    };
    Grid { title, tiles, legend: Some(Legend { greatest }) }
}

/// A picture for each unit. `None` if the inputs aren't the pixels of pictures. The three channels of a colour picture stand side by side.
fn of_pixels(weights: &Matrix, units: usize, shape: Option<&[usize]>, greatest: f64) -> Option<Vec<Tile>> {
    let (rows, columns, channels) = match *shape? {
        [rows, columns] => (rows, columns, 1),
        [rows, columns, channels @ (1 | 3)] => (rows, columns, channels),
        _ => return None,
    };
    let tile = |unit: usize| {
        let own = weights.row(unit);
        let side_by_side: Vec<f32> = (0..rows)
            .flat_map(|row| (0..channels).map(move |channel| (row, channel)))
            .flat_map(|(row, channel)| {
                (0..columns).map(move |column| (row * columns + column) * channels + channel)
            })
            .map(|place| own.get(place).copied().unwrap_or(0.0))
            .collect();
        let picture = Raster::of_signed(&side_by_side, rows, columns * channels, greatest)?;
        Some(Tile { picture, caption: vec![format!("#{unit}")] })
    };
    (weights.cols() == rows * columns * channels).then(|| (0..units).map(tile).collect()).flatten()
}
