//! What `train` says of a run that is likely to learn badly.

use crate::task::Task;
use crate::train::Args;
use minibatch::{Dataset, Optimizer, Settings};
use minibatch_data::Row;

/// What serves the hidden activation, or where that is a sigmoid the output's, better than the defaults, which are the article's
/// and go with sigmoids: docs/costs.md has measurements.
pub(crate) fn advice(args: &Args, task: Task) -> Option<String> {
    let hidden = args.network.activation.as_ref().map_or("sigmoid", |activation| activation.name());
    let (activation, init) = match hidden {
        "sigmoid" => {
            (args.network.unusual_output().filter(|_| task == Task::Classification)?, "--init glorot-normal")
        }
        "tanh" => (hidden, "--init glorot-normal"),
        "lecun-tanh" | "selu" | "identity" => (hidden, "--init lecun-normal"),
        _ => (hidden, "--init he-normal"),
    };
    let optimizer = args.optimizer.unwrap_or(Settings::default().optimizer);
    let rate = match (task, optimizer) {
        (Task::Classification, Optimizer::Sgd) => Some("--learning-rate 0.1"),
        (Task::Classification, Optimizer::Momentum(_) | Optimizer::Nesterov(_)) => {
            Some("--learning-rate 0.01")
        }
        _ => None,
    };
    let given = [args.network.init.is_some(), args.learning_rate.is_some()];
    let better: Vec<&str> = [Some(init), rate]
        .into_iter()
        .zip(given)
        .filter_map(|(option, given)| option.filter(|_| !given))
        .collect();
    let better = better.join(" ");
    let note =
        format!("note: the defaults go with sigmoids; {activation} usually learns better with {better}");
    (!better.is_empty()).then_some(note)
}

/// Whether inputs are numbers of a size that networks learn badly from: a set of bytes saved as floats, for one, without the
/// division by 255 that bytes get here.
pub(crate) fn far_inputs(train: &Dataset) -> Option<String> {
    /// Standardised numbers, and those from 0 to 1, are well below.
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
