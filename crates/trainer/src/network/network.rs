//! A network: its layers and its cost.

use super::activation::Range;
use super::cost::Cost;
use super::init::Origin;
use super::layer::Layer;
use crate::error::Error;
use minibatch_data::{Dataset, InputProfile, Preparation};
use std::convert::Infallible;
use std::iter;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3Default;

/// A feed-forward network of fully connected layers, and the cost it is trained on.
///
/// ```
/// use minibatch::Network;
///
/// let network = Network::builder(784).layer(32).layer(10).seed(7).build()?;
/// assert_eq!(network.sizes(), [784, 32, 10]);
/// assert_eq!(network.parameters(), 784 * 32 + 32 + 32 * 10 + 10);
/// # Ok::<(), minibatch::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    pub(crate) layers: Vec<Layer>,
    pub(crate) cost: Arc<dyn Cost>,
    /// The origin of the weights and biases, as long as nothing has changed them.
    pub(crate) origin: Option<Origin>,
    /// How the rows of the table that it was trained on became inputs and targets.
    pub(crate) preparation: Option<Arc<Preparation>>,
    /// The inputs of the training set in a few figures, if it wasn't a table.
    pub(crate) profile: Option<Arc<InputProfile>>,
    /// The names of the classes, if they have some and don't come from a table.
    pub(crate) class_names: Option<Arc<[String]>>,
}

impl Network {
    /// n_0, n_1, …, n_L.
    pub fn sizes(&self) -> Vec<usize> {
        iter::once(self.inputs()).chain(self.layers.iter().map(Layer::outputs)).collect()
    }

    /// n_0, the number of inputs.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs()
    }

    /// n_L, the number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs()
    }

    /// The layers 1, …, L, in this order.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The layers, to write.
    pub fn layers_mut(&mut self) -> &mut [Layer] {
        self.origin = None;
        &mut self.layers
    }

    /// The cost C.
    #[must_use]
    pub fn cost(&self) -> &dyn Cost {
        &*self.cost
    }

    /// How the rows of a table become the inputs and targets of this network, if it was trained on a table. The network's file keeps
    /// it.
    #[must_use]
    pub fn preparation(&self) -> Option<&Preparation> {
        self.preparation.as_deref()
    }

    /// Sets how the rows of a table become inputs and targets. A network that is given to a trainer has it before.
    ///
    /// ```
    /// use minibatch::Network;
    /// use minibatch::data::{Preparation, Scale, Table, TableOptions, TargetKind};
    ///
    /// let text = "size,price\n1,10\n2,30\n3,20\n";
    /// let options = TableOptions { targets: vec!["price".to_owned()], ..TableOptions::default() };
    /// let table = Table::from_reader("sizes".as_ref(), text.as_bytes(), &options)?;
    /// let (preparation, _) = Preparation::learn(&table, TargetKind::Values, &[0, 1, 2], Scale::Standard)?;
    /// let mut network = Network::builder(preparation.inputs()).layer(preparation.outputs()).build()?;
    /// network.set_preparation(preparation)?;
    ///
    /// let mut bytes = Vec::new();
    /// network.encode_into(&mut bytes)?;
    /// assert_eq!(Network::decode(&bytes)?.preparation(), network.preparation());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it makes inputs or targets of other numbers than the network has.
    pub fn set_preparation(&mut self, preparation: Preparation) -> Result<(), Error> {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        match preparation.defect(inputs, outputs) {
            None => self.preparation = Some(Arc::new(preparation)),
            Some(_) if preparation.inputs() != inputs => {
                return Err(Error::Shape {
                    what: "inputs of the preparation",
                    expected: inputs,
                    found: preparation.inputs(),
                });
            }
            Some(_) => {
                let found = preparation.outputs();
                return Err(Error::Shape { what: "outputs of the preparation", expected: outputs, found });
            }
        }
        Ok(())
    }

    /// The inputs of the training set in a few figures, if this network has been trained on data other than a table. The network's file
    /// keeps it.
    #[must_use]
    pub fn profile(&self) -> Option<&InputProfile> {
        self.profile.as_deref()
    }

    /// Sets what the inputs of the training set are like. An importer does so for a network that was trained elsewhere; a trainer does it
    /// by itself.
    ///
    /// # Errors
    ///
    /// If the profile is of another number of inputs, or its figures aren't finite.
    pub fn set_profile(&mut self, profile: InputProfile) -> Result<(), Error> {
        if profile.defect(self.inputs()).is_some() {
            let found = profile.example_shape.iter().fold(1, |product: usize, &n| product.saturating_mul(n));
            return Err(Error::Shape { what: "inputs of the profile", expected: self.inputs(), found });
        }
        self.profile = Some(Arc::new(profile));
        Ok(())
    }

    /// The number of classes that the outputs tell apart: two of a single output between 0 and 1, such as a sigmoid, which is then the
    /// probability of the second; else as many as there are outputs.
    ///
    /// ```
    /// use minibatch::Network;
    ///
    /// assert_eq!(Network::builder(4).layer(1).build()?.classes(), 2);
    /// assert_eq!(Network::builder(4).layer(3).build()?.classes(), 3);
    /// # Ok::<(), minibatch::NetworkError>(())
    /// ```
    #[must_use]
    pub fn classes(&self) -> usize {
        let is_unit = self.layers.last().is_some_and(|layer| layer.activation().range() == Range::Unit);
        if is_unit { self.outputs().max(2) } else { self.outputs() }
    }

    /// The names of the classes, in the order of the outputs, if they have some.
    #[must_use]
    pub fn class_names(&self) -> Option<&[String]> {
        let of_table = self.preparation().and_then(Preparation::classes);
        of_table.or(self.class_names.as_deref())
    }

    /// Names the classes, in the order of the outputs. The network's file keeps the names.
    ///
    /// ```
    /// use minibatch::Network;
    ///
    /// let mut network = Network::builder(4).layer(2).build()?;
    /// network.set_class_names(vec!["cat".to_owned(), "dog".to_owned()])?;
    /// let mut bytes = Vec::new();
    /// network.encode_into(&mut bytes)?;
    /// assert_eq!(Network::decode(&bytes)?.class_names(), network.class_names());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Unless there are as many as [classes](Self::classes).
    pub fn set_class_names(&mut self, names: Vec<String>) -> Result<(), Error> {
        if names.len() != self.classes() {
            return Err(Error::Shape {
                what: "names of classes",
                expected: self.classes(),
                found: names.len(),
            });
        }
        self.class_names = Some(names.into());
        Ok(())
    }

    /// Gives the network the profile of the data that it is about to be trained on, if they fit it.
    pub(crate) fn with_profile_of(mut self, data: &Dataset) -> Network {
        let is_of_images = self.preparation.is_none() && data.input_len() == self.inputs();
        self.profile = is_of_images.then(|| Arc::new(data.profile()));
        self
    }

    /// The size of one unit of each output in the units of the targets. Empty if they are the same.
    pub(crate) fn output_units(&self) -> Vec<f64> {
        let values = self.preparation.iter().filter_map(|preparation| preparation.values());
        values.flatten().map(|column| column.deviation).collect()
    }

    /// A cost of this network's outputs in the units of the one value that it learns. Of several values, whose units differ, and of a
    /// cost without a [degree](Cost::degree) it stays that of the standardised values.
    pub(crate) fn cost_in_units(&self, cost: f64) -> f64 {
        match (&*self.output_units(), self.cost.degree()) {
            ([unit], Some(degree)) => (0..degree).fold(cost, |cost, _| cost * unit),
            _ => cost,
        }
    }

    /// Whether the cost is computed from Z_L.
    pub(crate) fn cost_needs_pre_activation(&self) -> bool {
        self.cost.needs_pre_activation(self.layers[self.layers.len() - 1].activation())
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(Layer::parameters).sum()
    }

    /// Weights and biases in the order of a checkpoint, layer by layer. The weights come input-major (row k holds W_jk for all j),
    /// then the biases.
    pub(crate) fn parameter_slices(&self) -> impl Iterator<Item = &[f32]> {
        self.layers.iter().flat_map(Layer::slices)
    }

    /// Sets all weights and biases, in the order of [`parameter_slices`](Self::parameter_slices). There are as many.
    pub(crate) fn set_parameters(&mut self, parameters: &[f32]) {
        let mut rest = parameters;
        for layer in &mut self.layers {
            let Ok(()) = layer.try_for_each_slice(|to| {
                let (taken, left) = rest.split_at(to.len());
                to.copy_from_slice(taken);
                rest = left;
                Ok::<(), Infallible>(())
            });
        }
    }

    /// xxh3-64 of all weights and biases. Equal hashes mean equal bits. It is also the checksum of these numbers in a
    /// checkpoint.
    #[must_use]
    pub fn weight_hash(&self) -> u64 {
        let mut hash = Xxh3Default::new();
        let mut bytes = Vec::new();
        for values in self.parameter_slices() {
            bytes.clear();
            bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
            hash.update(&bytes);
        }
        hash.digest()
    }
}
