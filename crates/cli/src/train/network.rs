//! The options of the network: its layers, activations, cost and initial weights.

use crate::failure::Failure;
use crate::numbers::count_of_list;
use crate::report::sizes;
use crate::task::labels_of;
use crate::text::shape;
use crate::{memory, names};
use minibatch::activation::{Range, Sigmoid};
use minibatch::cost::BinaryCrossEntropy;
use minibatch::recipe::{Choices, Chosen};
use minibatch::{
    Activation, Cost, Dataset, Initializer, Layer, Network, NetworkError, Origin, Recipe, Registry, Settings,
    footprint,
};
use std::fmt::Display;
use std::sync::Arc;

/// Network options. When resuming, an option that isn't given comes from the checkpoint.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Neurons of the hidden layer, or of several hidden layers: 128,64 [default: 32; the recipe's for realmlp]
    #[arg(long, value_name = "N,…", value_delimiter = ',', allow_negative_numbers = true, value_parser = count_of_list)]
    hidden: Option<Vec<usize>>,

    /// All layers, the inputs and the outputs included, in place of --hidden: 784,128,64,10
    #[arg(
        long,
        value_name = "N,…",
        value_delimiter = ',',
        allow_negative_numbers = true,
        value_parser = count_of_list,
        conflicts_with = "hidden"
    )]
    layers: Option<Vec<usize>>,

    /// Activation of the hidden layers; leaky-relu, elu take a parameter: leaky-relu(0.2) [default: sigmoid]
    #[arg(long, value_name = "NAME", value_parser = names::activation())]
    pub(crate) activation: Option<Arc<dyn Activation>>,

    /// Activation of the output layer [default: the recipe's]
    #[arg(long, value_name = "NAME", value_parser = names::activation())]
    output_activation: Option<Arc<dyn Activation>>,

    /// Cost; huber takes a parameter: huber(0.5) [default: the recipe's]
    #[arg(long, value_name = "NAME", value_parser = names::cost())]
    cost: Option<Arc<dyn Cost>>,

    /// Initialiser of the weights and biases [default: the recipe's]
    #[arg(long, value_name = "NAME", value_parser = names::initializer())]
    pub(crate) init: Option<Initializer>,

    /// Let the weights and biases of the output layer start at 0
    #[arg(long)]
    zero_output_layer: bool,

    /// The hidden layers of the recipe.
    #[arg(skip)]
    pub(super) recipe: Option<Recipe>,

    /// Whether one sigmoid is enough for two classes, as it is where they come from a table.
    #[arg(skip)]
    pub(super) one_for_two: bool,
}

impl Args {
    /// True if an option says how large the network is.
    pub(crate) fn are_sizes_given(&self) -> bool {
        self.hidden.is_some() || self.layers.is_some()
    }

    /// Builds the network for `data`, untrained. `too_large` makes the failure if the network and its training don't fit into
    /// memory.
    pub(crate) fn build(
        &self,
        data: &Dataset,
        settings: &Settings,
        chosen: &Chosen,
        too_large: fn(String) -> Failure,
    ) -> Result<Network, Failure> {
        let hidden = self.hidden_layers(data)?;
        if let (Some(activation), []) = (&self.activation, hidden) {
            let name = activation.label();
            return Err(Failure::usage(format!(
                "--activation {name}: there is no hidden layer; --output-activation sets that of the output"
            )));
        }
        let outputs = self.outputs(data, &*chosen.output);
        let widths: Vec<usize> =
            [data.input_len()].into_iter().chain(hidden.iter().copied()).chain([outputs]).collect();
        let what = format!("a network {} in training", sizes(&widths));
        let bytes = footprint::least(&widths, settings.batch_size.min(data.len()), &settings.optimizer);
        memory::check(what, bytes, "ask for fewer neurons, or smaller minibatches").map_err(too_large)?;
        let builder = Network::builder(data.input_len())
            .seed(settings.seed)
            .initializer(chosen.initializer)
            .zero_output_layer(self.zero_output_layer || chosen.zero_output_layer)
            .cost_named(Arc::clone(&chosen.cost));
        let layer = |builder: minibatch::NetworkBuilder, &width| {
            builder.layer_named(width, Arc::clone(&chosen.activation))
        };
        let output = Arc::clone(&chosen.output);
        let builder = hidden.iter().fold(builder, layer).layer_named(outputs, output);
        builder.build().map_err(|error| match error {
            NetworkError::Pair { .. } => Failure::usage(format!("{error}; choose with --output-activation")),
            NetworkError::OutputOnly { .. } => {
                Failure::usage(format!("{error}; choose another with --activation"))
            }
            error @ NetworkError::Memory { .. } => too_large(error.to_string()),
            error => Failure::usage(error),
        })
    }

    /// The outputs for `data` with this activation.
    fn outputs(&self, data: &Dataset, output: &dyn Activation) -> usize {
        let is_one = self.one_for_two && data.classes() == Some(2) && output.range() == Range::Unit;
        match &self.layers {
            Some(layers) => layers.last().copied().unwrap_or_default(),
            None if is_one => 1,
            None => data.targets().width(),
        }
    }

    /// The choices that are made for `data`: those of the options, and sigmoids for labels and for two classes of a table, where
    /// nothing is said of output and cost, and `recipe` has no choice of its own.
    pub(super) fn choices(&self, data: &Dataset, recipe: Recipe) -> Choices {
        let mut choices = Choices {
            activation: self.activation.clone(),
            output: self.output_activation.clone(),
            cost: self.cost.clone(),
            initializer: self.init,
            ..Choices::default()
        };
        let is_one = self.one_for_two
            && data.classes() == Some(2)
            && recipe == Recipe::Auto
            && self.layers.as_ref().is_none_or(|layers| layers.last() == Some(&1));
        if choices.output.is_none() && choices.cost.is_none() && (is_one || labels_of(data).is_some()) {
            choices.output = Some(Arc::new(Sigmoid));
            choices.cost = Some(Arc::new(BinaryCrossEntropy));
        }
        choices
    }

    /// The sizes of the hidden layers, n_1, …, n_{L−1}. Checks that the first and last layer fit the data.
    pub(crate) fn hidden_layers(&self, data: &Dataset) -> Result<&[usize], Failure> {
        let Some(layers) = &self.layers else {
            let usual = self.recipe.unwrap_or(Recipe::Auto).hidden();
            return Ok(self.hidden.as_deref().unwrap_or(usual));
        };
        let ([inputs, rest @ ..], expected) = (&**layers, (data.input_len(), data.targets().width())) else {
            unreachable!("an option has a value");
        };
        let Some((outputs, hidden)) = rest.split_last() else {
            return Err(Failure::usage(format!(
                "--layers {inputs}: expected at least two layers, the inputs and the outputs, such as {},{}",
                expected.0, expected.1
            )));
        };
        let is_one = self.one_for_two && data.classes() == Some(2) && *outputs == 1;
        if (*inputs, *outputs) != expected && !(is_one && *inputs == expected.0) {
            let what = if data.classes().is_some() { "classes" } else { "values of an example" };
            return Err(Failure::usage(format!(
                "--layers {}: expected {} first, the inputs ({}), and {} last, the {what}",
                list(layers),
                expected.0,
                shape(data.example_shape()),
                expected.1,
            )));
        }
        Ok(hidden)
    }

    /// The contradictions between these options and the network `recorded`.
    pub(super) fn contradictions(&self, recorded: &Network, origin: Option<Origin>) -> [Option<String>; 7] {
        let sizes = recorded.sizes();
        let labels: Vec<String> = recorded.layers().iter().map(|layer| layer.activation().label()).collect();
        let (output, hidden) = labels.split_last().expect("a network has layers");
        let hidden = match hidden {
            [] => "none".to_owned(),
            [first, rest @ ..] if rest.iter().all(|other| other == first) => first.clone(),
            several => several.join(", "),
        };
        let label = |activation: &Arc<dyn Activation>| activation.label();
        let initializer = origin.map_or("from elsewhere", |origin| origin.initializer.name());
        let drawn = origin.is_none_or(|origin| !origin.zero_output_layer);
        let drawn = (self.zero_output_layer && drawn).then(|| {
            "--zero-output-layer is asked for, but the recorded output layer didn't start at 0".to_owned()
        });
        [
            contradiction("--hidden", self.hidden.as_deref().map(list), &list(&sizes[1..sizes.len() - 1])),
            contradiction("--layers", self.layers.as_deref().map(list), &list(&sizes)),
            contradiction("--activation", self.activation.as_ref().map(label), &hidden),
            contradiction("--output-activation", self.output_activation.as_ref().map(label), output),
            contradiction("--cost", self.cost.as_ref().map(|cost| cost.label()), &recorded.cost().label()),
            contradiction("--init", self.init.map(Initializer::name), &initializer),
            drawn,
        ]
    }
}

/// The choices that a network is the outcome of.
pub(super) fn choices_of(network: &Network) -> Choices {
    let (layers, registry) = (network.layers(), Registry::default());
    let activation = |layer: &Layer| registry.activation(&layer.activation().label());
    let (output, hidden) = layers.split_last().expect("a network has layers");
    Choices {
        activation: hidden.first().and_then(activation),
        output: activation(output),
        cost: registry.cost(&network.cost().label()),
        ..Choices::default()
    }
}

/// The contradiction in words, if an option is given and differs from the recorded value.
pub(super) fn contradiction<T: PartialEq + Display>(
    option: &str,
    asked: Option<T>,
    recorded: &T,
) -> Option<String> {
    let asked = asked.filter(|asked| asked != recorded)?;
    Some(format!("{option} is recorded as {recorded}, asked for is {asked}"))
}

/// Sizes as an option takes them.
fn list(sizes: &[usize]) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}
