//! Outputs for one example at a time, at once.

use crate::error::Error;
use crate::network::Network;
use minibatch_data::Row;
use minibatch_kernels::{Isa, Matrix, SparseRow, argmax};

/// Answers for one example at a time: on the calling thread, without a pool, and without allocating.
///
/// A predictor is made once from a network, and holds every buffer. Its outputs have the bits that [`Network::predict`] gives.
///
/// ```
/// use minibatch::{Isa, Network, Predictor};
///
/// let network = Network::builder(4).layer(3).layer(2).build()?;
/// let mut predictor = Predictor::new(&network, Isa::detect());
/// let digit = [0u8, 51, 255, 0];
/// let outputs = predictor.predict(&digit)?;
/// assert_eq!(outputs.len(), 2);
/// let class = predictor.class(&digit)?;
/// assert!(class < 2);
/// // The same pixels as numbers from 0 to 1.
/// assert_eq!(predictor.class(&[0.0, 0.2, 1.0, 0.0f32])?, class);
/// # Ok::<(), minibatch::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Predictor<'a> {
    network: &'a Network,
    isa: Isa,
    /// A_{l−1} (1 × n_{l−1}) without its zeros, l = 1, …, L
    inputs: Vec<SparseRow>,
    /// A_l (1 × n_l), l = 1, …, L
    activations: Vec<Matrix>,
}

impl<'a> Predictor<'a> {
    /// A predictor of `network`'s outputs.
    pub fn new(network: &'a Network, isa: Isa) -> Predictor<'a> {
        let layers = network.layers.iter();
        Predictor {
            network,
            isa,
            inputs: layers.clone().map(|layer| SparseRow::new(layer.inputs())).collect(),
            activations: layers.map(|layer| Matrix::zeros(1, layer.outputs())).collect(),
        }
    }

    /// The network.
    pub fn network(&self) -> &'a Network {
        self.network
    }

    /// The outputs A_L for one example: n_0 bytes, taken as numbers in [0, 1] (the correctly rounded x/255), or n_0 numbers.
    ///
    /// # Errors
    ///
    /// If the example hasn't n_0 inputs.
    pub fn predict<'x>(&mut self, x: impl Into<Row<'x>>) -> Result<&[f32], Error> {
        let Predictor { network, isa, inputs, activations } = self;
        let x = x.into();
        let (expected, found) = match x {
            Row::Bytes(bytes) => (network.inputs(), bytes.len()),
            Row::Floats(floats) => (network.inputs(), floats.len()),
        };
        if found != expected {
            return Err(Error::Shape { what: "inputs", expected, found });
        }
        for (l, layer) in network.layers.iter().enumerate() {
            let (before, from) = activations.split_at_mut(l);
            let inputs = &mut inputs[l];
            match (before.last(), x) {
                (Some(input), _) => inputs.take_floats(*isa, input.row(0)),
                (None, Row::Bytes(bytes)) => inputs.take_bytes(*isa, bytes),
                (None, Row::Floats(floats)) => inputs.take_floats(*isa, floats),
            }
            inputs.multiply(*isa, &layer.weights, &layer.biases, from[0].row_mut(0));
            layer.activation().forward(*isa, &mut from[0].view_mut());
        }
        Ok(activations[activations.len() - 1].row(0))
    }

    /// The class of one example: its largest output.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    pub fn class<'x>(&mut self, x: impl Into<Row<'x>>) -> Result<usize, Error> {
        self.predict(x).map(argmax)
    }
}
