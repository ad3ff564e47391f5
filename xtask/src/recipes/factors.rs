//! The choices that the table combines. A test holds the lists against the library's.

use super::covering;

/// Neurons of each hidden layer. The first is cheap, and wide enough for every cost.
const WIDTHS: [usize; 8] = [32, 64, 16, 128, 256, 512, 1024, 2048];

/// Classes of MNIST.
const CLASSES: usize = 10;

/// Hidden layers. With the first, most costs have a floor.
const DEPTHS: [usize; 4] = [2, 1, 3, 4];

/// Every activation. The last one is for outputs alone.
const ACTIVATIONS: [&str; 13] = [
    "sigmoid",
    "tanh",
    "lecun-tanh",
    "relu",
    "leaky-relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "identity",
    "softmax",
];

/// Every activation that a hidden layer can have.
const HIDDEN: &[&str] = ACTIVATIONS.split_at(12).0;

/// Every optimiser.
const OPTIMIZERS: [&str; 9] =
    ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "centred-rmsprop", "adam", "adamw", "nadam"];

/// A cost, with the output activations that it allows.
struct Cost {
    name: &'static str,
    outputs: &'static [&'static str],
    /// The outputs that `train` warns about in every network, where the targets are classes.
    warned: &'static [&'static str],
    /// The outputs that it warns about in some networks, since answers that are more than right cost something.
    punished: &'static [&'static str],
}

/// Outputs that fall to a least value, and learn no more there.
const DYING: &[&str] = &["relu", "gelu", "silu", "mish"];
/// Outputs that go beyond 0 and 1.
const OVERSHOOTING: &[&str] = &["tanh", "lecun-tanh", "leaky-relu", "elu", "selu", "softplus", "identity"];

/// Every cost.
const COSTS: [Cost; 8] = [
    Cost { name: "quadratic", outputs: &ACTIVATIONS, warned: DYING, punished: OVERSHOOTING },
    Cost { name: "mse", outputs: &ACTIVATIONS, warned: DYING, punished: OVERSHOOTING },
    Cost { name: "mae", outputs: &ACTIVATIONS, warned: &ACTIVATIONS, punished: &[] },
    Cost { name: "huber", outputs: &ACTIVATIONS, warned: DYING, punished: OVERSHOOTING },
    Cost { name: "binary-cross-entropy", outputs: &["sigmoid"], warned: &[], punished: &[] },
    Cost { name: "categorical-cross-entropy", outputs: &["softmax"], warned: &[], punished: &[] },
    Cost {
        name: "hinge",
        outputs: &["tanh", "lecun-tanh", "leaky-relu", "elu", "selu", "gelu", "silu", "mish", "identity"],
        warned: &["tanh", "leaky-relu", "elu", "gelu", "silu", "mish"],
        punished: &[],
    },
    Cost {
        name: "poisson",
        outputs: &["softplus", "sigmoid", "softmax"],
        warned: &[],
        punished: &["softplus"],
    },
];

impl Cost {
    /// The outputs with a warning, or those without one.
    fn outputs(&self, warned: bool) -> Vec<&'static str> {
        self.outputs.iter().copied().filter(|output| self.warned.contains(output) == warned).collect()
    }
}

/// A cost and an output activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    cost: &'static str,
    output: &'static str,
}

/// Nothing said, then the pairs without a warning.
fn sound_pairs() -> Vec<Option<Pair>> {
    std::iter::once(None).chain(pairs(false).into_iter().map(Some)).collect()
}

/// The pairs with a warning, or those without one. They take turns by cost, so that the first of them are of different costs.
fn pairs(warned: bool) -> Vec<Pair> {
    let outputs = COSTS.map(|cost| (cost.name, cost.outputs(warned)));
    let longest = outputs.iter().map(|(_, outputs)| outputs.len()).max().unwrap_or(0);
    let turn = |turn: usize| {
        outputs.iter().filter_map(move |(cost, outputs)| Some(Pair { cost, output: outputs.get(turn)? }))
    };
    (0..longest).flat_map(turn).collect()
}

/// A combination of choices. The recipe makes all others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    /// Counted from 1.
    pub(super) number: usize,
    /// `None` where neither cost nor output is said.
    pair: Option<Pair>,
    activation: &'static str,
    optimizer: &'static str,
    pub(super) width: usize,
    depth: usize,
}

impl Row {
    /// The sizes of the hidden layers, as the option takes them.
    pub(super) fn hidden(&self) -> String {
        vec![self.width.to_string(); self.depth].join(",")
    }

    /// The options of `train`.
    pub(super) fn options(&self) -> Vec<String> {
        let hidden = self.hidden();
        let mut options = vec![("--hidden", hidden.as_str()), ("--activation", self.activation)];
        if let Some(Pair { cost, output }) = self.pair {
            options.extend([("--cost", cost), ("--output-activation", output)]);
        }
        options.push(("--optimizer", self.optimizer));
        options.into_iter().flat_map(|(option, value)| [option.to_owned(), value.to_owned()]).collect()
    }

    /// Whether `train` warns about the choices.
    fn is_told(&self) -> bool {
        let Some(Pair { cost, output }) = self.pair else { return false };
        let Some(known) = COSTS.iter().find(|known| known.name == cost) else { return false };
        let is_narrow = self.width < 2 * CLASSES;
        known.warned.contains(&output)
            || known.punished.contains(&output)
                && (self.depth == 1 || is_narrow || ["identity", "selu"].contains(&self.activation))
            || self.activation == "identity" && OVERSHOOTING.contains(&output)
            || self.depth == 1 && is_narrow && cost != "categorical-cross-entropy"
    }

    /// The validation accuracy that every seed should reach. `None` where `train` warns about the choices.
    pub(super) fn floor(&self) -> Option<f64> {
        let is_squared = self.pair.is_some_and(|pair| ["quadratic", "mse"].contains(&pair.cost));
        match self.activation {
            _ if self.is_told() => None,
            "sigmoid" if is_squared && self.depth == 4 => Some(0.85),
            "identity" => Some(0.91),
            _ => Some(0.93),
        }
    }
}

/// The covering of all choices.
pub(super) fn rows() -> Vec<Row> {
    let pairs: Vec<_> = sound_pairs().into_iter().chain(pairs(true).into_iter().map(Some)).collect();
    covered(&pairs, &WIDTHS)
}

/// The covering of the choices with at most `width` neurons a layer that have a floor.
pub(super) fn small_rows(width: usize) -> Vec<Row> {
    let few: Vec<usize> = WIDTHS.into_iter().filter(|few| *few <= width).collect();
    let mut rows = covered(&sound_pairs(), &few);
    rows.retain(|row| row.floor().is_some());
    rows
}

fn covered(pairs: &[Option<Pair>], widths: &[usize]) -> Vec<Row> {
    let sizes = [pairs.len(), HIDDEN.len(), OPTIMIZERS.len(), widths.len(), DEPTHS.len()];
    let row = |(number, values): (usize, Vec<usize>)| Row {
        number,
        pair: pairs[values[0]],
        activation: HIDDEN[values[1]],
        optimizer: OPTIMIZERS[values[2]],
        width: widths[values[3]],
        depth: DEPTHS[values[4]],
    };
    (1..).zip(covering::rows(&sizes)).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use minibatch::recipe::Choices;
    use minibatch::{Activation, Optimizer, Recipe, Registry};
    use std::collections::HashSet;

    fn row(pair: Option<(&'static str, &'static str)>, activation: &'static str, depth: usize) -> Row {
        let pair = pair.map(|(cost, output)| Pair { cost, output });
        Row { number: 1, pair, activation, optimizer: "adam", width: 16, depth }
    }

    #[test]
    fn the_lists_are_those_of_the_library() {
        let registry = Registry::default();
        let hidden = registry.activations().filter(|activation| !activation.is_row_wise());
        assert_eq!(hidden.map(Activation::name).collect::<Vec<_>>(), HIDDEN);
        assert_eq!(registry.activations().map(Activation::name).collect::<Vec<_>>(), ACTIVATIONS);
        assert_eq!(Optimizer::all().iter().map(Optimizer::name).collect::<Vec<_>>(), OPTIMIZERS);
        assert_eq!(
            registry.costs().map(minibatch::Cost::name).collect::<Vec<_>>(),
            COSTS.map(|cost| cost.name)
        );
        for (cost, known) in registry.costs().zip(&COSTS) {
            let accepted = registry.activations().filter(|output| cost.accepts(output.range()));
            let accepted: HashSet<_> = accepted.map(Activation::name).collect();
            let listed = [known.outputs(false), known.outputs(true)].concat();
            assert_eq!(known.outputs(true), known.warned, "{}", known.name);
            assert_eq!(listed.len(), accepted.len(), "{}", known.name);
            assert_eq!(listed.into_iter().collect::<HashSet<_>>(), accepted, "{}", known.name);
        }
    }

    #[test]
    fn rows_have_no_floor_where_the_recipe_warns() {
        let registry = Registry::default();
        for row in rows() {
            let choices = Choices {
                activation: registry.activation(row.activation),
                output: row.pair.and_then(|pair| registry.activation(pair.output)),
                cost: row.pair.and_then(|pair| registry.cost(pair.cost)),
                optimizer: registry.optimizer(row.optimizer).ok(),
                ..Choices::default()
            };
            let hidden = vec![row.width; row.depth];
            let recipe = Recipe::of(&choices, &hidden);
            let chosen = recipe.complete(&choices, &hidden, Some(10));
            let is_warned = recipe.warning(&chosen, &hidden, Some(10)).is_some();
            assert_eq!(row.floor().is_none(), is_warned, "{row:?}");
        }
    }

    #[test]
    fn floors() {
        assert_eq!(row(None, "relu", 4).floor(), Some(0.93));
        assert_eq!(row(None, "identity", 1).floor(), Some(0.91));
        assert_eq!(row(None, "sigmoid", 4).floor(), Some(0.93));
        assert_eq!(row(Some(("mse", "softmax")), "sigmoid", 4).floor(), Some(0.85));
        assert_eq!(row(Some(("quadratic", "softmax")), "sigmoid", 3).floor(), Some(0.93));
        assert_eq!(row(Some(("quadratic", "softmax")), "sigmoid", 1).floor(), None);
        assert_eq!(row(Some(("quadratic", "tanh")), "sigmoid", 4).floor(), None);
        assert_eq!(row(Some(("mae", "identity")), "sigmoid", 4).floor(), None);
    }

    #[test]
    fn options_say_what_the_row_has_and_nothing_else() {
        let options = row(Some(("hinge", "selu")), "relu", 2).options().join(" ");
        let expected =
            "--hidden 16,16 --activation relu --cost hinge --output-activation selu --optimizer adam";
        assert_eq!(options, expected);
        let options = row(None, "elu", 1).options().join(" ");
        assert_eq!(options, "--hidden 16 --activation elu --optimizer adam");
    }

    #[test]
    fn the_first_small_rows_have_every_cost_and_every_optimiser() {
        let rows = small_rows(64);
        // One that leaves the cost unsaid, and one with each cost but `mae`, which has no floor.
        let first = &rows[..COSTS.len()];
        let different = |of: fn(&Row) -> &'static str| first.iter().map(of).collect::<HashSet<_>>().len();
        assert_eq!(different(|row| row.pair.map_or("", |pair| pair.cost)), first.len());
        assert_eq!(different(|row| row.activation), first.len());
        assert_eq!(different(|row| row.optimizer), first.len());
        assert!(rows.iter().all(|row| row.width <= 64 && row.floor().is_some()));
    }
}
