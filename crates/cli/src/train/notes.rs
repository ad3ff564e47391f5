//! The notes that `train` prints for a run that is likely to learn badly.

use super::network::goes_with_the_defaults;
use super::options::Args;
use crate::task::Task;
use minibatch::Dataset;
use minibatch::activation::Sigmoid;
use minibatch::optimizer::LearningRates;
use minibatch_data::Row;

/// The note that other options than the defaults learn better. The defaults are the tutorial's, and go with sigmoids. The note names
/// an initialiser and a learning rate for the hidden activation, or for the output activation if the hidden one is a sigmoid.
/// docs/costs.md has the measurements.
pub(crate) fn advice(args: &Args, task: Task) -> Option<String> {
    let hidden = args.network.activation.as_deref().unwrap_or(&Sigmoid);
    let activation = match goes_with_the_defaults(hidden) {
        true => args.network.unusual_output().filter(|_| task == Task::Classification)?,
        false => hidden.name(),
    };
    let init = format!("--init {}", hidden.initializer().name());
    let LearningRates { sigmoid, other, .. } = args.optimizer.clone().unwrap_or_default().learning_rates();
    let rate = (task == Task::Classification && other != sigmoid).then(|| format!("--learning-rate {other}"));
    let given = [args.network.init.is_some(), args.learning_rate.is_some()];
    let better: Vec<String> = [Some(init), rate]
        .into_iter()
        .zip(given)
        .filter_map(|(option, given)| option.filter(|_| !given))
        .collect();
    let better = better.join(" ");
    let note =
        format!("note: the defaults go with sigmoids; {activation} usually learns better with {better}");
    (!better.is_empty()).then_some(note)
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
            "note: the inputs are {shown} in size (root mean square); networks learn better from numbers scaled to about 1"
        )
    })
}
