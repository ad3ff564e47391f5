//! The bounds of an optimiser's steps: the error of f32 in moments, and in the parameters that follow from them.

use super::{Bounded, LayerBounds, Parameters, ZERO};
use crate::optimizer::{At, LayerState, MOST_MOMENTS, Optimizer, OptimizerState};

/// An optimiser's memory, with the error that has gone into it so far.
#[derive(Clone, Debug)]
pub struct Moments {
    /// The moments of the layers 1, …, L.
    layers: Vec<Vec<Parameters>>,
    /// The rule's scalars.
    scalars: Vec<f64>,
}

impl Moments {
    /// The moments of a state as they are, without error.
    #[must_use]
    pub fn of(state: &OptimizerState) -> Moments {
        let exact = |row: &[f32]| row.iter().map(|&x| Bounded::exact(x)).collect::<Vec<_>>();
        let layer = |layer: &LayerState| {
            let moments = layer.iter().map(|moment| {
                let (inputs, outputs) = (moment.weights.rows(), moment.weights.cols());
                let row = |j| (0..inputs).map(|k| Bounded::exact(moment.weights.get(k, j))).collect();
                Parameters { w: (0..outputs).map(row).collect(), b: exact(&moment.biases) }
            });
            moments.collect()
        };
        Moments { layers: state.layers.iter().map(layer).collect(), scalars: state.scalars.clone() }
    }

    /// Takes one step of `optimizer` for all layers.
    pub fn step(
        &mut self,
        optimizer: &Optimizer,
        learning_rate: f64,
        parameters: &mut [Parameters],
        gradients: &[LayerBounds],
        examples: usize,
    ) {
        if optimizer.moments() == 0 {
            let layers = parameters.iter_mut().zip(gradients);
            return layers
                .for_each(|(parameters, gradients)| parameters.step(gradients, learning_rate, examples));
        }
        optimizer.advance(&mut self.scalars, None);
        let Moments { layers, scalars } = self;
        let take = |p: &mut Bounded, moments: &mut [&mut Bounded], g, is_weight| {
            let mut taken = [ZERO; MOST_MOMENTS];
            let taken = &mut taken[..moments.len()];
            taken.iter_mut().zip(&*moments).for_each(|(to, from)| *to = **from);
            optimizer.bounded(At { learning_rate, momentum: None, scalars, is_weight }, p, taken, g);
            moments.iter_mut().zip(taken).for_each(|(to, from)| **to = *from);
        };
        for ((p, moments), gradients) in parameters.iter_mut().zip(layers).zip(gradients) {
            for (j, (row, nabla)) in p.w.iter_mut().zip(&gradients.nabla_w).enumerate() {
                for (k, (p, &g)) in row.iter_mut().zip(nabla).enumerate() {
                    take(p, &mut moments.iter_mut().map(|m| &mut m.w[j][k]).collect::<Vec<_>>(), g, true);
                }
            }
            for (j, (p, &g)) in p.b.iter_mut().zip(&gradients.nabla_b).enumerate() {
                take(p, &mut moments.iter_mut().map(|m| &mut m.b[j]).collect::<Vec<_>>(), g, false);
            }
        }
    }
}
