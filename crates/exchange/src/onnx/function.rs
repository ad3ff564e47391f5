//! Functions of one number, known by their values at sample points.
//!
//! A graph may write an activation in many ways: GELU as nine operators, SiLU as two. Whatever they are, they are applied to the samples.
//! The activation that has the same values there is meant.

use minibatch::{Activation, Registry};
use std::sync::Arc;

/// The points at which −α, and a slope below 0, can be read off.
const FAR: f64 = -40.0;
const NEAR: f64 = -1.0;

/// The sample points: dense around 0, where activations bend, and some far off.
fn points() -> Vec<f64> {
    let near = (-24..=24).map(|i| f64::from(i) * 0.25);
    let far = [FAR, -31.5, -17.3, -9.1, 9.7, 15.9, 28.3, 41.0];
    near.chain(far).collect()
}

/// A function of one number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Function {
    values: Vec<f64>,
}

impl Function {
    /// z itself.
    pub(super) fn identity() -> Function {
        Function { values: points() }
    }

    /// Whether it is z itself.
    pub(super) fn is_identity(&self) -> bool {
        *self == Function::identity()
    }

    /// f of this.
    pub(super) fn then(&self, f: impl Fn(f64) -> f64) -> Function {
        Function { values: self.values.iter().map(|&x| f(x)).collect() }
    }

    /// f of this and another function of the same number.
    pub(super) fn with(&self, other: &Function, f: impl Fn(f64, f64) -> f64) -> Function {
        Function { values: self.values.iter().zip(&other.values).map(|(&x, &y)| f(x, y)).collect() }
    }

    /// The activation that it is.
    pub(super) fn activation(&self, registry: &Registry) -> Option<Arc<dyn Activation>> {
        let at = |point: f64| {
            let index = points().iter().position(|&x| x == point)?;
            Some(self.values[index])
        };
        let with = |name: &str, parameter: f64| registry.activation(&format!("{name}({})", parameter as f32));
        let usual = registry.activations().filter_map(|known| registry.activation(&known.label()));
        let others = [with("leaky-relu", -at(NEAR)?), with("elu", -at(FAR)?)];
        usual.chain(others.into_iter().flatten()).find(|known| self.is(&**known))
    }

    fn is(&self, activation: &dyn Activation) -> bool {
        /// Formulas of f32 constants stray so far from those of f64.
        const NEAR: f64 = 1e-6;
        !activation.is_row_wise()
            && points().iter().zip(&self.values).all(|(&point, &found)| {
                let expected = activation.value(point);
                (found - expected).abs() <= NEAR * (1.0 + expected.abs())
            })
    }
}

/// The operator of one number with this name, whose parameters are `alpha` and `gamma`, if it is known.
pub(super) fn unary(
    operator: &str,
    alpha: Option<f32>,
    gamma: Option<f32>,
) -> Option<Box<dyn Fn(f64) -> f64>> {
    let or = |given: Option<f32>, usual: f64| given.map_or(usual, f64::from);
    Some(match operator {
        "Sigmoid" => Box::new(|x: f64| 1.0 / (1.0 + (-x).exp())),
        "Tanh" => Box::new(f64::tanh),
        "Relu" => Box::new(|x: f64| x.max(0.0)),
        "Softplus" => Box::new(|x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p()),
        "Exp" => Box::new(f64::exp),
        "Log" => Box::new(f64::ln),
        "Neg" => Box::new(|x: f64| -x),
        "Abs" => Box::new(f64::abs),
        "Sqrt" => Box::new(f64::sqrt),
        "Reciprocal" => Box::new(|x: f64| 1.0 / x),
        "Mish" => Box::new(|x: f64| x * (x.max(0.0) + (-x.abs()).exp().ln_1p()).tanh()),
        "Swish" => {
            let alpha = or(alpha, 1.0);
            Box::new(move |x: f64| x / (1.0 + (-alpha * x).exp()))
        }
        "LeakyRelu" => {
            let slope = or(alpha, 0.01);
            Box::new(move |x: f64| if x > 0.0 { x } else { slope * x })
        }
        "Elu" => {
            let alpha = or(alpha, 1.0);
            Box::new(move |x: f64| if x > 0.0 { x } else { alpha * x.exp_m1() })
        }
        "Selu" => {
            let (alpha, gamma) = (or(alpha, 1.673_263_242_354_377_2), or(gamma, 1.050_700_987_355_480_5));
            Box::new(move |x: f64| gamma * if x > 0.0 { x } else { alpha * x.exp_m1() })
        }
        _ => return None,
    })
}

/// GELU's tanh form.
pub(super) fn gelu(x: f64) -> f64 {
    let inner =
        std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2 * (x + 0.044715 * x.powi(3));
    0.5 * x * (1.0 + inner.tanh())
}

/// The operator of two numbers with this name, if it is known.
pub(super) fn binary(operator: &str) -> Option<fn(f64, f64) -> f64> {
    Some(match operator {
        "Add" => |x, y| x + y,
        "Sub" => |x, y| x - y,
        "Mul" => |x, y| x * y,
        "Div" => |x, y| x / y,
        "Pow" => f64::powf,
        "Max" => f64::max,
        "Min" => f64::min,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_found_by_their_values() {
        let registry = Registry::default();
        let found = |function: &Function| function.activation(&registry).map(|found| found.label());
        let z = Function::identity();
        for (operator, alpha, label) in [
            ("Relu", None, "relu"),
            ("LeakyRelu", Some(0.2), "leaky-relu(0.2)"),
            ("LeakyRelu", None, "leaky-relu(0.01)"),
            ("Elu", Some(1.5), "elu(1.5)"),
            ("Selu", None, "selu"),
            ("Softplus", None, "softplus"),
            ("Mish", None, "mish"),
        ] {
            let f = unary(operator, alpha, None).unwrap();
            assert_eq!(found(&z.then(f)).as_deref(), Some(label));
        }
        let silu = z.with(&z.then(unary("Sigmoid", None, None).unwrap()), |x, y| x * y);
        assert_eq!(found(&silu).as_deref(), Some("silu"));
        assert_eq!(found(&z).as_deref(), Some("identity"));
        assert_eq!(found(&z.then(|x| x * x)), None);
        // PyTorch's other way to write GELU.
        assert_eq!(found(&z.then(gelu)).as_deref(), Some("gelu"));
        let relu6 = z.then(|x| x.clamp(0.0, 6.0));
        assert_eq!(found(&relu6), None);
    }
}
