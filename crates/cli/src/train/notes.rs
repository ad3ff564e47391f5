//! The notes that `train` prints for a run that is likely to learn badly.

use super::options::Args;
use crate::failure::Failure;
use minibatch::Dataset;
use minibatch_data::Row;

/// The notes on a recipe that goes badly with the choices of a new run on `data`.
pub(crate) fn advice(args: &Args, data: &Dataset) -> Result<Option<String>, Failure> {
    if args.from.is_some() {
        return Ok(None);
    }
    let hidden = args.network.hidden_layers(data)?;
    let (recipe, chosen) = args.chosen(data, hidden, None);
    let note = recipe.warning(&chosen, hidden, data.classes()).map(|warning| format!("note: {warning}"));
    Ok(note)
}

/// The note that the inputs are too large. Networks learn badly from large inputs. A common cause is a file of floats that holds
/// bytes: numbers from 0 to 255. Minibatch divides by 255 only where the file has bytes.
pub(super) fn far_inputs(train: &Dataset) -> Option<String> {
    /// The root mean square that is still accepted. It is about 1 for standardised numbers, and less for numbers from 0 to 1.
    const FAR: f64 = 10.0;
    let squares: Option<f64> = (0..train.len())
        .map(|index| match train.input(index) {
            Row::Floats(floats) => Some(floats.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>()),
            Row::Bytes(_) => None,
        })
        .sum();
    let size = (squares? / (train.len() * train.input_len()) as f64).sqrt();
    let shown = if size < 1e6 { format!("{size:.0}") } else { format!("{size:.0e}") };
    (size > FAR).then(|| {
        format!(
            "note: the inputs are {shown} in size (root mean square); scale them to about 1, from which networks learn better; a file of bytes is scaled as it is read"
        )
    })
}
