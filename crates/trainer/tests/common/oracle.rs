//! The definition of a network's cost, in f64 and one example at a time: no matrices, no derivatives.

use minibatch::{Activation, Network, Registry};
use std::sync::Arc;

/// A layer's parameters in f64.
pub(crate) struct OracleLayer {
    /// w[j][k]: to neuron j from input k.
    pub(crate) w: Vec<Vec<f64>>,
    pub(crate) b: Vec<f64>,
    activation: Arc<dyn Activation>,
}

/// A network's parameters in f64; f32 converts exactly.
pub(crate) struct Oracle {
    pub(crate) layers: Vec<OracleLayer>,
}

impl Oracle {
    pub(crate) fn new(network: &Network) -> Oracle {
        let wide = |row: &Vec<f32>| row.iter().map(|&w| f64::from(w)).collect();
        let layers = network.layers().iter().map(|layer| OracleLayer {
            w: super::weights(layer).iter().map(wide).collect(),
            b: layer.biases().iter().map(|&b| f64::from(b)).collect(),
            activation: Registry::default()
                .activation(&layer.activation().label())
                .expect("a built-in activation"),
        });
        Oracle { layers: layers.collect() }
    }

    /// z_l of one example, l = 1, …, L, and the output a_L.
    pub(crate) fn forward(&self, x: &[f32]) -> (Vec<Vec<f64>>, Vec<f64>) {
        let mut a: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
        let mut zs = Vec::new();
        for OracleLayer { w, b, activation } in &self.layers {
            let dot = |row: &Vec<f64>| -> f64 { row.iter().zip(&a).map(|(w, a)| w * a).sum() };
            let z: Vec<f64> = w.iter().zip(b).map(|(row, b)| dot(row) + b).collect();
            a = z.iter().map(|&z| activation.value(z)).collect();
            zs.push(z);
        }
        (zs, a)
    }

    /// C = 1/B Σ ½‖a_L − y‖².
    pub(crate) fn cost(&self, x: &[Vec<f32>], y: &[Vec<f32>]) -> f64 {
        let example = |(x, y): (&Vec<f32>, &Vec<f32>)| -> f64 {
            let a = self.forward(x).1;
            0.5 * a.iter().zip(y).map(|(a, &y)| (a - f64::from(y)).powi(2)).sum::<f64>()
        };
        x.iter().zip(y).map(example).sum::<f64>() / x.len() as f64
    }

    /// Which weighted inputs are positive, over all examples: where a rectifier's kinks lie.
    pub(crate) fn signs(&self, x: &[Vec<f32>]) -> Vec<bool> {
        x.iter().flat_map(|x| self.forward(x).0).flatten().map(|z| z > 0.0).collect()
    }
}
