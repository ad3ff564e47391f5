//! Outputs for one example at a time, at once.

use super::rows::Rows;
use crate::answer;
use crate::error::Error;
use crate::network::Network;
use minibatch_data::Row;
use minibatch_kernels::{Isa, Matrix, SparseRow};
use std::sync::Arc;

/// Answers for one example at a time: on the calling thread, without a pool, and without allocating.
///
/// A predictor is made once from a network, which it owns or shares, and holds every buffer. Its outputs have the bits that
/// [`Network::predict`] gives.
///
/// ```
/// use minibatch::{Isa, Network, Predictor};
/// use std::sync::Arc;
///
/// let network = Network::builder(4).layer(3).layer(2).build()?;
/// let mut predictor = Predictor::new(network, Isa::detect());
/// let digit = [0u8, 51, 255, 0];
/// let outputs = predictor.predict(&digit)?;
/// assert_eq!(outputs.len(), 2);
/// let class = predictor.class(&digit)?;
/// assert!(class < 2);
/// // The same pixels as numbers from 0 to 1.
/// assert_eq!(predictor.class(&[0.0, 0.2, 1.0, 0.0f32])?, class);
///
/// // A predictor for each thread, of one network.
/// let network = Arc::clone(predictor.network());
/// let mut others = [(); 2].map(|()| Predictor::new(Arc::clone(&network), Isa::detect()));
/// std::thread::scope(|scope| {
///     for other in &mut others {
///         scope.spawn(|| assert_eq!(other.class(&digit).unwrap(), class));
///     }
/// });
/// # Ok::<(), minibatch::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Predictor {
    network: Arc<Network>,
    isa: Isa,
    /// A_{l−1} (1 × n_{l−1}) without its zeros, l = 1, …, L
    inputs: Vec<SparseRow>,
    /// A_l (1 × n_l), l = 1, …, L
    activations: Vec<Matrix>,
}

impl Predictor {
    /// A predictor of the outputs of `network`, which is taken or shared.
    #[must_use]
    pub fn new(network: impl Into<Arc<Network>>, isa: Isa) -> Predictor {
        let network = network.into();
        let layers = network.layers.iter();
        Predictor {
            isa,
            inputs: layers.clone().map(|layer| SparseRow::new(layer.inputs())).collect(),
            activations: layers.map(|layer| Matrix::zeros(1, layer.outputs())).collect(),
            network,
        }
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// The outputs A_L for one example: n_0 bytes, taken as numbers in [0, 1] (the correctly rounded x/255), or n_0 numbers.
    ///
    /// # Errors
    ///
    /// If the example hasn't n_0 inputs, or one is NaN.
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
        let outputs = activations[activations.len() - 1].row(0);
        if let (true, Row::Floats(floats)) = (outputs.iter().any(|output| output.is_nan()), x) {
            Rows::Floats(floats).refuse_nan(floats.len())?;
        }
        Ok(outputs)
    }

    /// The class of one example: its largest output. A single sigmoid is the second of two [classes](Network::classes) above ½.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    pub fn class<'x>(&mut self, x: impl Into<Row<'x>>) -> Result<usize, Error> {
        let classes = self.network.classes();
        self.predict(x).map(|outputs| answer::class(outputs, classes))
    }
}
