//! Groups of parameters, each with its factor of η.

use serde::{Deserialize, Serialize};

/// Factors of η for groups of parameters, from 10⁻⁶ to 10⁶. A factor of 0 freezes the group.
///
/// A weight's factor is `weights` times its layer's, a bias's is `biases` times its layer's:
///
/// ```
/// use minibatch::optimizer::Groups;
///
/// let groups = Groups { biases: 0.5, layers: vec![1.0, 0.1], ..Groups::default() };
/// let inputs = 784;
/// assert_eq!([1, 2].map(|l| groups.factor(l, inputs, true)), [1.0, 0.1]);
/// assert_eq!([1, 2].map(|l| groups.factor(l, inputs, false)), [0.5, 0.05]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Groups {
    /// The factor of all weights, usually 1.
    pub weights: f64,
    /// The factor of all biases, usually 1.
    pub biases: f64,
    /// The factors of the layers 1, 2, …; 1 for those that aren't listed.
    pub layers: Vec<f64>,
    /// Whether the factor of a layer's weights is divided by √n, n the inputs of each of its neurons. Under Adam and other rules that
    /// don't follow the gradient's size, weights from N(0, 1/n) then take the steps of weights from N(0, 1) in a layer that divides
    /// its sums by √n (the neural tangent parametrisation; Jacot, Gabriel and Hongler 2018).
    pub fan_in: bool,
}

impl Default for Groups {
    fn default() -> Groups {
        Groups { weights: 1.0, biases: 1.0, layers: Vec::new(), fan_in: false }
    }
}

impl Groups {
    /// The factor of the weights of layer l, whose neurons have so many `inputs`, or of its biases.
    ///
    /// # Panics
    ///
    /// If l is 0.
    #[must_use]
    pub fn factor(&self, l: usize, inputs: usize, is_weight: bool) -> f64 {
        let layer = self.layers.get(l - 1).copied().unwrap_or(1.0);
        let of_kind = layer * if is_weight { self.weights } else { self.biases };
        if self.fan_in && is_weight { of_kind / libm::sqrt(inputs as f64) } else { of_kind }
    }

    /// All factors that are given.
    pub(crate) fn factors(&self) -> impl Iterator<Item = f64> {
        [self.weights, self.biases].into_iter().chain(self.layers.iter().copied())
    }

    /// A factor that no group's is above.
    pub(crate) fn largest(&self) -> f64 {
        self.weights.max(self.biases) * self.layers.iter().copied().fold(1.0, f64::max)
    }

    /// Whether there is one factor for all layers.
    pub(super) fn is_one_for_all_layers(&self) -> bool {
        self.layers.is_empty() && !self.fan_in
    }
}
