//! The bounds of an optimiser's steps: what f32 makes of moments, and of parameters that follow them.

use super::{Bounded, FLUSHED, LayerBounds, Parameters, U, ZERO};
use crate::optimizer::{Exact, LayerState, Optimizer, OptimizerState};

/// What an optimiser remembers, with what has gone into it so far.
#[derive(Clone, Debug)]
pub struct Moments {
    /// First and second moments of the layers 1, …, L; 0 where there are none.
    layers: Vec<[Parameters; 2]>,
    /// β₁ᵗ and β₂ᵗ
    powers: [f64; 2],
}

/// One parameter and its moments.
#[derive(Clone, Copy)]
struct Element {
    p: Bounded,
    m: Bounded,
    v: Bounded,
}

impl Moments {
    /// Those of a state as they are, without error.
    pub fn of(state: &OptimizerState) -> Moments {
        let exact = |row: &[f32]| row.iter().map(|&x| Bounded::exact(x)).collect::<Vec<_>>();
        let layer = |layer: &LayerState, outputs: usize, inputs: usize| {
            [0, 1].map(|i| match layer.moments.get(i) {
                None => Parameters { w: vec![vec![ZERO; inputs]; outputs], b: vec![ZERO; outputs] },
                Some(moment) => Parameters {
                    w: (0..outputs)
                        .map(|j| (0..inputs).map(|k| Bounded::exact(moment.weights.get(k, j))).collect())
                        .collect(),
                    b: exact(&moment.biases),
                },
            })
        };
        let sizes = |state: &LayerState| {
            state.moments.first().map_or((0, 0), |moment| (moment.weights.cols(), moment.weights.rows()))
        };
        let layers = state.layers.iter().map(|state| {
            let (outputs, inputs) = sizes(state);
            layer(state, outputs, inputs)
        });
        Moments { layers: layers.collect(), powers: state.powers }
    }

    /// One step of `optimizer` for all layers.
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
        if let Some(betas) = optimizer.betas() {
            self.powers = [0, 1].map(|i| self.powers[i] * betas[i]);
        }
        let powers = self.powers;
        for ((p, [m, v]), gradients) in parameters.iter_mut().zip(&mut self.layers).zip(gradients) {
            let rows = p.w.iter_mut().zip(m.w.iter_mut()).zip(v.w.iter_mut()).zip(&gradients.nabla_w);
            let rows = rows.map(|(((p, m), v), g)| (p, m, v, g, true));
            let biases = (&mut p.b, &mut m.b, &mut v.b, &gradients.nabla_b, false);
            for (p, m, v, g, is_weight) in rows.chain([biases]) {
                for (((p, m), v), &g) in p.iter_mut().zip(m).zip(v).zip(g) {
                    let after =
                        Element { p: *p, m: *m, v: *v }.step(optimizer, learning_rate, powers, g, is_weight);
                    (*p, *m, *v) = (after.p, after.m, after.v);
                }
            }
        }
    }
}

/// A number that the library rounds to f32.
fn coefficient(value: f64) -> Bounded {
    Bounded { value, error: U * value.abs() }
}

/// start + p·q
fn fma(p: Bounded, q: Bounded, start: Bounded) -> Bounded {
    Bounded::chain(start, [(p, q)].into_iter())
}

/// A moment, which may be taken for 0.
fn flushed(moment: Bounded) -> Bounded {
    Bounded { error: moment.error + FLUSHED, ..moment }
}

fn root(x: Bounded) -> Bounded {
    let value = x.value.max(0.0).sqrt();
    let strays = [(x.value + x.error).sqrt() - value, value - (x.value - x.error).max(0.0).sqrt()];
    Bounded { value, error: strays[0].max(strays[1]) }.rounded(1)
}

fn quotient(p: Bounded, q: Bounded) -> Bounded {
    let (value, least) = (p.value / q.value, q.value - q.error);
    assert!(least > 0.0, "a denominator within its error of 0");
    Bounded { value, error: (p.error + value.abs() * q.error) / least }.rounded(1)
}

impl Element {
    /// The library's formula, rounding by rounding.
    fn step(
        self,
        optimizer: &Optimizer,
        learning_rate: f64,
        powers: [f64; 2],
        g: Bounded,
        is_weight: bool,
    ) -> Element {
        let Element { p, m, v } = self;
        let parameters = optimizer.parameters();
        let minus_rate = coefficient(-learning_rate);
        let after = match optimizer {
            Optimizer::Sgd => unreachable!("it has no moments"),
            Optimizer::Momentum(_) => {
                let m = flushed(fma(coefficient(parameters[0]), m, g));
                Element { p: fma(minus_rate, m, p), m, v }
            }
            Optimizer::Nesterov(_) => {
                let momentum = coefficient(parameters[0]);
                let m = flushed(fma(momentum, m, g));
                Element { p: fma(minus_rate, fma(momentum, m, g), p), m, v }
            }
            Optimizer::Adam(_) | Optimizer::AdamW(_) => {
                let [beta1, beta2, epsilon] = [parameters[0], parameters[1], parameters[2]];
                let m = flushed(fma(coefficient(beta1), m, coefficient(1.0 - beta1).times(g)));
                let v = flushed(fma(coefficient(beta2), v, coefficient(1.0 - beta2).times(g).times(g)));
                let correction = coefficient(1.0 / (1.0 - powers[1]).sqrt());
                let scale = fma(root(v), correction, coefficient(epsilon));
                let minus_rate = coefficient(-learning_rate / (1.0 - powers[0]));
                let p = match parameters.get(3) {
                    Some(decay) if is_weight => coefficient(1.0 - learning_rate * decay).times(p),
                    _ => p,
                };
                Element { p: fma(minus_rate, quotient(m, scale), p), m, v }
            }
        };
        let [p, m, v, g] = [self.p, self.m, self.v, g].map(|x| x.value);
        let defined = optimizer.exact(Exact { p, m, v, g, learning_rate, powers, is_weight });
        for (ours, defined) in [(after.p, defined.p), (after.m, defined.m), (after.v, defined.v)] {
            let off = (ours.value - defined).abs();
            assert!(
                off <= 1e-12 * (1.0 + defined.abs()),
                "{optimizer}: {} but {defined} by definition",
                ours.value
            );
        }
        after
    }
}
