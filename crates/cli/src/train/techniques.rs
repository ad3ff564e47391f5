//! The options of techniques that a run may do without.

use super::network::contradiction;
use crate::failure::Failure;
use crate::names;
use crate::numbers::{not_negative, share};
use clap::ValueEnum;
use minibatch::data::Order;
use minibatch::noise::{Dropout, Gaussian, Noise};
use minibatch::{Augment, Average, Clip, Settings};
use std::fmt;

/// The order of an epoch's examples, as `--order` takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderName {
    /// A new permutation every epoch
    Shuffled,
    /// The data's own order
    InOrder,
    /// As many draws with replacement
    WithReplacement,
}

impl OrderName {
    fn order(self) -> Order {
        match self {
            OrderName::Shuffled => Order::Shuffled,
            OrderName::InOrder => Order::InOrder,
            OrderName::WithReplacement => Order::WithReplacement,
        }
    }
}

impl From<Order> for OrderName {
    fn from(order: Order) -> OrderName {
        match order {
            Order::Shuffled => OrderName::Shuffled,
            Order::InOrder => OrderName::InOrder,
            Order::WithReplacement => OrderName::WithReplacement,
        }
    }
}

/// The name as `--order` takes it.
impl fmt::Display for OrderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_possible_value().map_or(Ok(()), |value| f.write_str(value.get_name()))
    }
}

/// Options of techniques. When resuming, an option that isn't given has the checkpoint's value.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Techniques")]
pub(crate) struct Args {
    /// Label smoothing ε: the target of an example's class becomes 1 − ε + ε/K, of others ε/K
    #[arg(long, value_name = "E", allow_negative_numbers = true, value_parser = share)]
    label_smoothing: Option<f64>,

    /// Change of the training pictures, one after the other if there are several: shift(1), affine(10,6,0.1,1), elastic(26,4.5), mixup(0.2)
    #[arg(long, value_name = "NAME", value_parser = names::augment())]
    augment: Vec<Augment>,

    /// Dropout of hidden layers: one probability for all of them, or one for each: 0.5 or 0.2,0.5
    #[arg(long, value_name = "P,…", value_delimiter = ',', allow_negative_numbers = true, value_parser = share)]
    dropout: Option<Vec<f64>>,

    /// Dropout of the inputs
    #[arg(long, value_name = "P", allow_negative_numbers = true, value_parser = share)]
    input_dropout: Option<f64>,

    /// Standard deviation of Gaussian noise on the inputs
    #[arg(
        long,
        value_name = "SIGMA",
        allow_negative_numbers = true,
        value_parser = not_negative,
        conflicts_with = "input_dropout"
    )]
    input_noise: Option<f64>,

    /// Largest norm of the weights into a hidden unit
    #[arg(long, value_name = "C", allow_negative_numbers = true, value_parser = not_negative)]
    max_norm: Option<f64>,

    /// λ of the penalty λ/2·ΣW² on weights
    #[arg(long, value_name = "L", allow_negative_numbers = true, value_parser = not_negative)]
    l2: Option<f64>,

    /// λ of the penalty λ·Σ|W| on weights
    #[arg(long, value_name = "L", allow_negative_numbers = true, value_parser = not_negative)]
    l1: Option<f64>,

    /// λ of decoupled decay, W ← (1 − ηλ)·W, with any optimiser
    #[arg(long, value_name = "L", allow_negative_numbers = true, value_parser = not_negative)]
    weight_decay: Option<f64>,

    /// Clipping of the gradient; a limit may follow, as in norm(1) or value(0.5)
    #[arg(long, value_name = "NAME", value_parser = names::clip())]
    clip: Option<Clip>,

    /// Averaging of weights, whose mean is evaluated and kept: ema(0.999), swa(0.75)
    #[arg(long, value_name = "NAME", value_parser = names::average())]
    average: Option<Average>,

    /// Factors of η for the layers 1, 2, …; 0 freezes a layer
    #[arg(long, value_name = "F,…", value_delimiter = ',', allow_negative_numbers = true, value_parser = not_negative)]
    layer_rates: Option<Vec<f64>>,

    /// Factor of η for biases
    #[arg(long, value_name = "F", allow_negative_numbers = true, value_parser = not_negative)]
    bias_rate: Option<f64>,

    /// Factors of η for weights by fan-in: that of a layer is divided by √n, n the inputs of its neurons
    #[arg(long)]
    fan_in_rates: bool,

    /// Learn a factor for each input, with this factor of η
    #[arg(long, value_name = "F", allow_negative_numbers = true, value_parser = not_negative)]
    input_scaling: Option<f64>,

    /// Order of an epoch's examples [default: shuffled]
    #[arg(long, value_name = "ORDER", ignore_case = true)]
    order: Option<OrderName>,

    /// Leave out an epoch's last minibatch where it is smaller
    #[arg(long)]
    drop_last: bool,
}

impl Args {
    /// Puts the options that are given into `settings`, those of a network of so many hidden layers.
    pub(super) fn apply(&self, settings: &mut Settings, hidden: usize) -> Result<(), Failure> {
        settings.noise = self.noise(hidden)?.unwrap_or_default();
        let set = |to: &mut f64, given: Option<f64>| given.into_iter().for_each(|given| *to = given);
        set(&mut settings.label_smoothing, self.label_smoothing);
        set(&mut settings.l1, self.l1);
        set(&mut settings.l2, self.l2);
        set(&mut settings.weight_decay, self.weight_decay);
        set(&mut settings.groups.biases, self.bias_rate);
        settings.max_norm = self.max_norm;
        settings.augment.clone_from(&self.augment);
        settings.clip.clone_from(&self.clip);
        settings.average.clone_from(&self.average);
        settings.groups.layers = self.layer_rates.clone().unwrap_or_default();
        settings.groups.fan_in |= self.fan_in_rates;
        settings.input_scaling = self.input_scaling.or(settings.input_scaling);
        settings.order = self.order.map_or(settings.order, OrderName::order);
        settings.drop_last |= self.drop_last;
        Ok(())
    }

    /// The noise of the inputs and of the hidden layers, if an option is given.
    fn noise(&self, hidden: usize) -> Result<Option<Vec<Option<Noise>>>, Failure> {
        if self.dropout.is_none() && self.input_dropout.is_none() && self.input_noise.is_none() {
            return Ok(None);
        }
        let of_layers = match self.dropout.as_deref() {
            None => vec![0.0; hidden],
            Some([one]) if hidden > 0 => vec![*one; hidden],
            Some(several) if several.len() == hidden => several.to_vec(),
            Some(several) => {
                let layers = if hidden == 1 { "layer" } else { "layers" };
                let found = several.len();
                return Err(Failure::usage(format!(
                    "--dropout: {found} probabilities for {hidden} hidden {layers}; expected one for all, or one for each"
                )));
            }
        };
        let dropout = |p: f64| (p > 0.0).then(|| Dropout::new(p).map(Noise::new)).flatten();
        let of_inputs = match self.input_noise {
            Some(sigma) if sigma > 0.0 => Gaussian::new(sigma).map(Noise::new),
            _ => dropout(self.input_dropout.unwrap_or(0.0)),
        };
        let mut noise: Vec<_> = [of_inputs].into_iter().chain(of_layers.into_iter().map(dropout)).collect();
        while noise.last().is_some_and(Option::is_none) {
            noise.pop();
        }
        Ok(Some(noise))
    }

    /// The contradictions between these options and the settings `recorded` of a run with so many hidden layers.
    pub(super) fn contradictions(
        &self,
        recorded: &Settings,
        hidden: usize,
    ) -> Result<Vec<Option<String>>, Failure> {
        let noise = |noise: &[Option<Noise>]| shown(noise.iter().map(|noise| or_none(noise.as_ref())));
        Ok(vec![
            contradiction("--label-smoothing", self.label_smoothing, &recorded.label_smoothing),
            contradiction(
                "--augment",
                self.augment.first().map(|_| shown(&self.augment)),
                &shown(&recorded.augment),
            ),
            contradiction(
                match (&self.dropout, self.input_noise) {
                    (Some(_), _) => "--dropout",
                    (None, Some(_)) => "--input-noise",
                    (None, None) => "--input-dropout",
                },
                self.noise(hidden)?.map(|given| noise(&given)),
                &noise(&recorded.noise),
            ),
            contradiction(
                "--max-norm",
                self.max_norm.map(|most| most.to_string()),
                &or_none(recorded.max_norm.as_ref()),
            ),
            contradiction("--l2", self.l2, &recorded.l2),
            contradiction("--l1", self.l1, &recorded.l1),
            contradiction("--weight-decay", self.weight_decay, &recorded.weight_decay),
            contradiction(
                "--clip",
                self.clip.as_ref().map(Clip::to_string),
                &or_none(recorded.clip.as_ref()),
            ),
            contradiction(
                "--average",
                self.average.as_ref().map(Average::to_string),
                &or_none(recorded.average.as_ref()),
            ),
            contradiction(
                "--layer-rates",
                self.layer_rates.as_deref().map(shown),
                &shown(&recorded.groups.layers),
            ),
            contradiction("--bias-rate", self.bias_rate, &recorded.groups.biases),
            contradiction("--fan-in-rates", self.fan_in_rates.then_some(true), &recorded.groups.fan_in),
            contradiction(
                "--input-scaling",
                self.input_scaling.map(|factor| factor.to_string()),
                &or_none(recorded.input_scaling.as_ref()),
            ),
            contradiction("--order", self.order, &OrderName::from(recorded.order)),
            contradiction("--drop-last", self.drop_last.then_some(true), &recorded.drop_last),
        ])
    }
}

/// A list as an option takes it; `none` if it is empty.
fn shown<T: fmt::Display>(list: impl IntoIterator<Item = T>) -> String {
    let list: Vec<String> = list.into_iter().map(|one| one.to_string()).collect();
    if list.is_empty() { "none".to_owned() } else { list.join(",") }
}

fn or_none<T: fmt::Display>(value: Option<&T>) -> String {
    value.map_or_else(|| "none".to_owned(), T::to_string)
}
