//! The reasons why a network can't be made or set.

/// The most weights of a layer: 2³³ (32 GiB), or 2²⁸ (1 GiB) where a `usize` has 32 bits.
pub(super) const MAX_WEIGHTS: usize = 1 << if usize::BITS > 32 { 33 } else { 28 };

/// The reason why a network can't be made, or its weights set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The builder was given no layer.
    #[error("a network needs at least one layer after its inputs")]
    NoLayers,
    /// A layer without neurons.
    #[error("layer {layer} has no neurons: every layer, the inputs (layer 0) included, needs at least 1")]
    EmptyLayer {
        /// The layer's number. 0 is the input.
        layer: usize,
    },
    /// An activation of whole rows in a hidden layer.
    #[error("layer {layer} can't be {activation}, which is for the output layer only")]
    OutputOnly {
        /// Counted from 1.
        layer: usize,
        /// Its activation.
        activation: &'static str,
    },
    /// A cost that isn't defined for the values of the output activation.
    #[error("cost {cost} can't follow output activation {activation}: it takes {}", legal.join(", "))]
    Pair {
        /// The cost.
        cost: &'static str,
        /// The output activation.
        activation: &'static str,
        /// The built-in activations that it can follow.
        legal: Vec<&'static str>,
    },
    /// Weights of another shape than the layer's.
    #[error("{} × {} weights for a layer of {} × {} (neurons × inputs)", found[0], found[1], expected[0], expected[1])]
    Weights {
        /// The layer's neurons and inputs.
        expected: [usize; 2],
        /// Rows and columns of the weights.
        found: [usize; 2],
    },
    /// More weights than could be trained.
    #[error("layer {layer} is too large: {inputs} × {outputs} weights, at most {MAX_WEIGHTS} are supported")]
    TooLarge {
        /// Counted from 1.
        layer: usize,
        /// Its inputs.
        inputs: usize,
        /// Its neurons.
        outputs: usize,
    },
    /// The system doesn't give the memory.
    #[error("the network takes {:.1} GB, more memory than there is", *bytes as f64 / 1e9)]
    Memory {
        /// Bytes that the network takes.
        bytes: u64,
    },
}
