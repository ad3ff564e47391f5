//! The cost of a whole dataset as a function of the parameters, with its gradient: what a line search asks for.

use super::backprop;
use super::workspace::Workspace;
use crate::error::Error;
use crate::examples::with_examples;
use crate::network::{LayerValues, Network};
use crate::noise::Noises;
use minibatch_data::Dataset;
use minibatch_kernels::{Pool, TeamInputs};

/// The mean cost of a dataset as a function of a network's weights and biases, and its gradient. Examples count by their sample
/// weights.
///
/// The parameters are one row of numbers: layer by layer, the weights input by input (W_1k, W_2k, … for each k), then the biases.
/// The data are walked through in tranches, in their order. The gradient goes on from tranche to tranche as one chain for each
/// parameter, so the size of a tranche changes no bit of it.
///
/// ```
/// use minibatch::{Dataset, Isa, Network, Objective, Pool};
///
/// let data = Dataset::from_values(vec![0.0f32, 1.0, 2.0], &[1], vec![1.0, 3.0, 5.0], 1)?;
/// let network = Network::builder(1).layer_with(1, minibatch::activation::Identity).build()?;
/// let pool = Pool::new(Isa::detect(), 1)?;
/// let mut objective = Objective::new(&pool, &data, network, 256)?;
/// let (mut point, mut gradient) = (objective.parameters(), vec![0.0; 2]);
/// for _ in 0..300 {
///     objective.evaluate(&point, &mut gradient)?;
///     point.iter_mut().zip(&gradient).for_each(|(p, g)| *p -= 0.3 * g);
/// }
/// // y = 2x + 1
/// assert!((point[0] - 2.0).abs() < 1e-3 && (point[1] - 1.0).abs() < 1e-3);
/// # Ok::<(), minibatch::Error>(())
/// ```
#[derive(Debug)]
pub struct Objective<'a> {
    pool: &'a Pool,
    data: &'a Dataset,
    network: Network,
    workspace: Workspace,
    tranche: usize,
}

impl<'a> Objective<'a> {
    /// The cost of `network` on `data`, which is walked through in tranches of so many examples.
    ///
    /// # Errors
    ///
    /// If the data don't fit the network, or `tranche` is out of range.
    pub fn new(
        pool: &'a Pool,
        data: &'a Dataset,
        mut network: Network,
        tranche: usize,
    ) -> Result<Objective<'a>, Error> {
        network.check_shape(data)?;
        let tranche = tranche.min(data.len());
        let most = TeamInputs::most_examples(network.inputs());
        if !(1..=most).contains(&tranche) {
            let (expected, found) = (format!("1 to {most}"), tranche.to_string());
            return Err(Error::Setting { setting: "examples of a tranche", expected, found });
        }
        let (neurons, members) = (network.layers[0].outputs(), pool.members());
        let inputs = TeamInputs::to_accumulate(pool.isa(), network.inputs(), neurons, tranche, members);
        let workspace = Workspace::for_gradient(&network, tranche, inputs);
        network.origin = None;
        Ok(Objective { pool, data, network, workspace, tranche })
    }

    /// The number of parameters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.network.parameters()
    }

    /// Whether there are no parameters. A network has some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The parameters as they are.
    #[must_use]
    pub fn parameters(&self) -> Vec<f32> {
        self.network.parameter_slices().flatten().copied().collect()
    }

    /// The network with the parameters that were evaluated last.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The mean cost at `parameters`, and its gradient.
    ///
    /// # Errors
    ///
    /// If the cost or the gradient isn't finite.
    ///
    /// # Panics
    ///
    /// If there are more or fewer parameters, or elements of the gradient, than [`len`](Self::len).
    pub fn evaluate(&mut self, parameters: &[f32], gradient: &mut [f32]) -> Result<f64, Error> {
        assert_eq!((parameters.len(), gradient.len()), (self.len(), self.len()), "parameters and gradient");
        let Objective { pool, data, network, workspace, tranche } = self;
        network.set_parameters(parameters);
        workspace.clear_gradient();
        let weights = data.sample_weights().map(|weights| weights.iter().map(|&w| f64::from(w)).sum::<f64>());
        // A subset may have examples of weight 0 only. Their cost is 0, whatever it is divided by.
        let divisor = weights.map_or(data.len() as f64, |sum| if sum > 0.0 { sum } else { 1.0 });
        let examples = data.len();
        let factor = (1.0 / divisor) as f32;
        let mut cost = 0.0;
        pool.run(|team| {
            let (isa, layers) = (team.isa(), network.layers());
            for first in (0..examples).step_by(*tranche) {
                let (rows, index) = ((*tranche).min(examples - first), |row: usize| first + row);
                with_examples(data, index, |examples| {
                    backprop::forward(team, layers, workspace, examples, rows);
                });
                workspace.take_targets(data, 0.0, rows, index);
                backprop::output_error(isa, layers, network.cost(), workspace, rows);
                cost += match data.sample_weights() {
                    None => backprop::cost(isa, layers, network.cost(), workspace, rows),
                    Some(weights) => {
                        let weight = |row| weights[index(row)];
                        backprop::weigh(isa, layers, network.cost(), workspace, rows, weight).0
                    }
                };
                backprop::backward(team, Noises::NONE, layers, workspace, rows);
                (1..=layers.len()).for_each(|l| backprop::add_gradient(team, workspace, rows, l, factor));
            }
        });
        cost /= divisor;
        let mut to = gradient.iter_mut();
        for values in workspace.gradient.iter().flatten().flat_map(LayerValues::slices) {
            values.iter().zip(&mut to).for_each(|(g, to)| *to = *g);
        }
        let numbers = [("cost", cost), ("gradient", gradient.iter().map(|&g| f64::from(g)).sum())];
        match numbers.into_iter().find(|(_, number)| !number.is_finite()) {
            None => Ok(cost),
            Some((name, found)) => {
                Err(Error::NotFinite { what: format!("the {name} of all data"), found: found.to_string() })
            }
        }
    }
}
