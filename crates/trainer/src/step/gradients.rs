//! The gradient of the cost as a value. It is there to learn from, to check, or for an optimiser of one's own.

use super::backprop::{self, Runner};
use super::guard::Guard;
use super::workspace::Workspace;
use crate::error::Error;
use crate::network::{LayerValues, Network};
use crate::noise::Noises;
use crate::optimizer::{Groups, Optimizer, OptimizerState, Penalties, Rates};
use crate::settings::check_learning_rate;
use minibatch_kernels::{Examples, Mat, Matrix, Pool, TeamInputs};

/// ∂C/∂W_l and ∂C/∂b_l of one layer, means over a minibatch.
#[derive(Clone, Debug)]
pub struct LayerGradients {
    values: LayerValues,
    error: Matrix,
    activations: Matrix,
}

impl LayerGradients {
    /// ∂C/∂W_l (n_l × n_{l−1}) (BP4), copied.
    #[must_use]
    pub fn weights(&self) -> Matrix {
        self.values.weights.view().transposed().to_matrix()
    }

    /// ∂C/∂W_jk (BP4).
    ///
    /// # Panics
    ///
    /// If there is no such weight.
    #[must_use]
    pub fn weight(&self, j: usize, k: usize) -> f32 {
        self.values.weights.get(k, j)
    }

    /// ∂C/∂b_j (BP3), one for each neuron.
    #[must_use]
    pub fn biases(&self) -> &[f32] {
        &self.values.biases
    }

    /// ∂C/∂b_j, to write.
    pub fn biases_mut(&mut self) -> &mut [f32] {
        &mut self.values.biases
    }

    /// Sets ∂C/∂W_jk.
    ///
    /// # Panics
    ///
    /// If there is no such weight.
    pub fn set_weight(&mut self, j: usize, k: usize, gradient: f32) {
        self.values.weights.set(k, j, gradient);
    }

    /// Δ_l (B × n_l): the errors ∂C_x/∂z of each example x.
    #[must_use]
    pub fn error(&self) -> Mat<'_> {
        self.error.view()
    }

    /// A_l (B × n_l).
    #[must_use]
    pub fn activations(&self) -> Mat<'_> {
        self.activations.view()
    }
}

/// The results of one pass forward and back through a network.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Gradients {
    /// Mean cost of the minibatch.
    pub cost: f64,
    /// Layers 1, …, L.
    pub layers: Vec<LayerGradients>,
}

impl Optimizer {
    /// The memory of this optimiser before the first step on `network`.
    #[must_use]
    pub fn state(&self, network: &Network) -> OptimizerState {
        OptimizerState::new(self, network.layers())
    }

    /// Takes one step on `network` against `gradients` that the caller has made, or changed.
    ///
    /// ```
    /// use minibatch::{Isa, Mat, Network, Optimizer, Pool};
    ///
    /// let pool = Pool::new(Isa::detect(), 1)?;
    /// let mut network = Network::builder(1).layer(1).build()?;
    /// let (x, y) = ([1.0, 0.5], [0.75, 0.25]);
    /// let optimizer: Optimizer = "adam".parse()?;
    /// let mut state = optimizer.state(&network);
    /// let mut costs = Vec::new();
    /// for _ in 0..50 {
    ///     let gradients = network.gradients(&pool, Mat::row_major(&x, 2, 1), Mat::row_major(&y, 2, 1))?;
    ///     optimizer.apply(&pool, &mut network, &mut state, &gradients, 0.05)?;
    ///     costs.push(gradients.cost);
    /// }
    /// assert!(costs[49] < 0.5 * costs[0]);
    /// # Ok::<(), minibatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If gradients or state are not of such a network, the learning rate is out of range, or a number would no longer be finite. Network and state are then as
    /// before.
    pub fn apply(
        &self,
        pool: &Pool,
        network: &mut Network,
        state: &mut OptimizerState,
        gradients: &Gradients,
        learning_rate: f64,
    ) -> Result<(), Error> {
        let fit = gradients.layers.len() == network.layers().len()
            && gradients.layers.iter().zip(network.layers()).all(|(gradient, layer)| {
                let weights = &gradient.values.weights;
                (weights.rows(), weights.cols()) == (layer.inputs(), layer.outputs())
            });
        if !fit || !state.fits(self, network.layers()) {
            let expected = format!("those of a network of {:?} neurons, and of {self}", network.sizes());
            return Err(Error::Setting {
                setting: "gradients or state",
                expected,
                found: "others".to_owned(),
            });
        }
        check_learning_rate(self, learning_rate)?;
        let mut guard = Guard::of(pool.isa(), network)?;
        guard.look_at(pool.isa(), state);
        let groups = Groups::default();
        let rates = Rates {
            learning_rate,
            momentum: None,
            groups: &groups,
            scaling: None,
            penalties: Penalties::default(),
        };
        let step = self.step(rates, 1.0, true, state);
        pool.run(|team| {
            let runner = Runner { team, member: None };
            let values = |l: usize| &gradients.layers[l - 1].values;
            guard
                .check_gradient(runner, &network.layers, state, values, None, &step)
                .map_err(Error::Refused)?;
            network.origin = None;
            for l in 1..=network.layers.len() {
                let (layer, step) = (&mut network.layers[l - 1], step.of_layer(l, state));
                backprop::descend_by(team, layer, &mut state.layers[l - 1], values(l), step);
            }
            state.took();
            Ok(())
        })
    }
}

impl Network {
    /// The gradient of the mean cost over the minibatch of inputs `x` (B × n_0) and targets `y` (B × n_L), with
    /// everything computed on the way. The network isn't changed.
    ///
    /// # Errors
    ///
    /// If the shapes don't fit the network, or the minibatch is empty.
    pub fn gradients(&self, pool: &Pool, x: Mat<'_>, y: Mat<'_>) -> Result<Gradients, Error> {
        let rows = x.rows();
        for (what, expected, found) in
            [("inputs", self.inputs(), x.cols()), ("outputs", self.outputs(), y.cols())]
        {
            if found != expected {
                return Err(Error::Shape { what, expected, found });
            }
        }
        let most = TeamInputs::most_examples(self.inputs());
        if rows == 0 || rows > most || y.rows() != rows {
            let expected = format!("1 to {most}, and as many rows of targets as of inputs");
            return Err(Error::Setting { setting: "number of examples", expected, found: rows.to_string() });
        }
        let (isa, neurons, members) = (pool.isa(), self.layers[0].outputs(), pool.members());
        let inputs = TeamInputs::new(isa, self.inputs(), neurons, rows, members);
        let mut workspace = Workspace::for_gradient(self, rows, inputs);
        let inputs = x.to_matrix();
        let examples = Examples::Floats(&|row| inputs.row(row));
        workspace.targets = y.to_matrix();
        let (mut cost, mut errors) = (0.0, Vec::new());
        pool.run(|team| {
            let (isa, layers) = (team.isa(), self.layers());
            backprop::forward(team, layers, &mut workspace, examples, rows);
            cost = backprop::cost(isa, layers, self.cost(), &workspace, rows) / rows as f64;
            backprop::output_error(isa, layers, self.cost(), &mut workspace, rows);
            backprop::backward(team, Noises::NONE, layers, &mut workspace, rows);
            errors.clone_from(&workspace.errors);
            for l in 1..=layers.len() {
                backprop::add_gradient(team, &mut workspace, rows, l, 1.0 / rows as f32);
            }
        });
        let values = workspace.gradient.expect("a workspace for the whole gradient");
        let parts = values.into_iter().zip(errors).zip(workspace.activations);
        let layer = |((values, error), activations)| LayerGradients { values, error, activations };
        Ok(Gradients { cost, layers: parts.map(layer).collect() })
    }
}
