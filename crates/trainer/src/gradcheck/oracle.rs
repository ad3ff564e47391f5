//! The definition of a network's cost, in f64 and one example at a time: no matrices, no derivatives.

use crate::network::activation::Activation;
use crate::network::cost::Cost;
use crate::network::{Layer, Network};
use std::sync::Arc;

/// A layer's parameters in f64.
#[derive(Clone, Debug)]
pub(super) struct OracleLayer {
    /// w\[j\]\[k\]: to neuron j from input k.
    pub(super) w: Vec<Vec<f64>>,
    /// b\[j\]
    pub(super) b: Vec<f64>,
    activation: Arc<dyn Activation>,
}

/// A network's parameters in f64. f32 converts exactly.
#[derive(Clone, Debug)]
pub(super) struct Oracle {
    /// Layers 1, …, L.
    pub(super) layers: Vec<OracleLayer>,
    cost: Arc<dyn Cost>,
}

impl Oracle {
    /// The oracle of a network as it is.
    #[must_use]
    pub(super) fn new(network: &Network) -> Oracle {
        let layer = |layer: &Layer| OracleLayer {
            w: (0..layer.outputs())
                .map(|j| (0..layer.inputs()).map(|k| f64::from(layer.weight(j, k))).collect())
                .collect(),
            b: layer.biases().iter().map(|&b| f64::from(b)).collect(),
            activation: Arc::clone(&layer.activation),
        };
        Oracle { layers: network.layers.iter().map(layer).collect(), cost: Arc::clone(&network.cost) }
    }

    /// z_l of one example, l = 1, …, L, and the output a_L.
    #[must_use]
    pub(super) fn forward(&self, x: &[f32]) -> (Vec<Vec<f64>>, Vec<f64>) {
        let mut a: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
        let mut zs = Vec::new();
        for OracleLayer { w, b, activation } in &self.layers {
            let dot = |row: &Vec<f64>| -> f64 { row.iter().zip(&a).map(|(w, a)| w * a).sum() };
            let z: Vec<f64> = w.iter().zip(b).map(|(row, b)| dot(row) + b).collect();
            a.clone_from(&z);
            activation.row(&mut a);
            zs.push(z);
        }
        (zs, a)
    }

    /// The mean cost of the examples.
    #[must_use]
    pub(super) fn cost(&self, x: &[Vec<f32>], y: &[Vec<f32>]) -> f64 {
        let example = |(x, y): (&Vec<f32>, &Vec<f32>)| -> f64 {
            let a = self.forward(x).1;
            let terms = a.iter().zip(y).map(|(&a, &y)| self.cost.value(a, f64::from(y)));
            self.cost.reduction().factor(a.len()) * terms.sum::<f64>()
        };
        x.iter().zip(y).map(example).sum::<f64>() / x.len() as f64
    }

    /// The smooth pieces of the activations and the cost that an example lies on, with every z and the outputs moved by `shift`.
    #[must_use]
    pub(super) fn pieces(&self, x: &[f32], y: &[f32], shift: f64) -> Vec<i32> {
        let (zs, a) = self.forward(x);
        let hidden = zs
            .iter()
            .zip(&self.layers)
            .flat_map(|(z, layer)| z.iter().map(move |&z| layer.activation.piece(z + shift)));
        let output = a.iter().zip(y).map(|(&a, &y)| self.cost.piece(a + shift, f64::from(y)));
        hidden.chain(output).collect()
    }
}
