//! The gradient of the cost as a value. It is there to learn from, to check, or for an optimiser of one's own.

use super::backprop;
use super::workspace::Workspace;
use crate::error::Error;
use crate::network::Network;
use minibatch_kernels::{Examples, Mat, Matrix, Panels, Pool, TeamInputs, add_column_sums, scale};

/// ∂C/∂W_l and ∂C/∂b_l of one layer, means over a minibatch.
#[derive(Clone, Debug)]
pub struct LayerGradients {
    /// Input-major, as the weights are stored: (n_{l−1} × n_l).
    weights: Panels,
    biases: Vec<f32>,
    error: Matrix,
    activations: Matrix,
}

impl LayerGradients {
    /// ∂C/∂W_l (n_l × n_{l−1}) (BP4), copied.
    #[must_use]
    pub fn weights(&self) -> Matrix {
        self.weights.view().transposed().to_matrix()
    }

    /// ∂C/∂W_jk (BP4).
    ///
    /// # Panics
    ///
    /// If there is no such weight.
    #[must_use]
    pub fn weight(&self, j: usize, k: usize) -> f32 {
        self.weights.get(k, j)
    }

    /// ∂C/∂b_j (BP3), one for each neuron.
    #[must_use]
    pub fn biases(&self) -> &[f32] {
        &self.biases
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
        if rows == 0 || y.rows() != rows {
            let expected = "at least one, and as many rows of targets as of inputs".to_owned();
            return Err(Error::Setting { setting: "number of examples", expected, found: rows.to_string() });
        }
        let (isa, neurons, members) = (pool.isa(), self.layers[0].outputs(), pool.members());
        let inputs = TeamInputs::new(isa, self.inputs(), neurons, rows, members);
        let mut workspace = Workspace::new(self, rows, inputs);
        let inputs = x.to_matrix();
        let examples = Examples::Floats(&|row| inputs.row(row));
        workspace.targets = y.to_matrix();
        let mut cost = 0.0;
        let mut gradients: Vec<_> = self
            .layers
            .iter()
            .map(|layer| (Panels::zeros(layer.inputs(), layer.outputs()), vec![0.0; layer.outputs()]))
            .collect();
        pool.run(|team| {
            let (isa, layers) = (team.isa(), self.layers());
            backprop::forward(team, layers, &mut workspace, examples, rows);
            cost = backprop::cost(isa, layers, self.cost(), &workspace, rows) / rows as f64;
            backprop::output_error(isa, layers, self.cost(), &mut workspace, rows);
            for l in (1..=layers.len()).rev() {
                if l > 1 {
                    backprop::backward(team, layers, &mut workspace, rows, l);
                }
                let (weights, biases) = &mut gradients[l - 1];
                let mut mean = workspace.errors[l - 1].clone();
                scale(isa, &mut mean.view_mut(), 1.0 / rows as f32);
                add_column_sums(isa, mean.view(), biases);
                let Workspace { inputs, activations, .. } = &workspace;
                backprop::accumulate(team, inputs, activations, mean.view(), l, weights);
            }
        });
        let parts = gradients.into_iter().zip(workspace.errors).zip(workspace.activations);
        let layers = parts
            .map(|(((weights, biases), error), activations)| LayerGradients {
                weights,
                biases,
                error,
                activations,
            })
            .collect();
        Ok(Gradients { cost, layers })
    }
}
