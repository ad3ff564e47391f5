//! safetensors: tensors with names, as PyTorch's users keep them.
//!
//! The names are those of an `nn.Sequential(Linear, activation, Linear, …)`: `0.weight` (outputs × inputs), `0.bias`, `2.weight`, ….
//! The metadata `minibatch` is the description.

use crate::assemble::{Tensors, networks, torch_names};
use crate::committee::prefix;
use crate::description::Description;
use crate::error::Error;
use crate::options::{Imported, Options};
use half::{bf16, f16};
use minibatch::Network;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;

/// The key of the description among the metadata.
const KEY: &str = "minibatch";

/// The networks as a file.
pub(crate) fn export(all: &[(&str, &Network)]) -> Result<Vec<u8>, Error> {
    let mut tensors = Vec::new();
    for (name, network) in all {
        let prefix = prefix(all.len(), name);
        for (l, layer) in network.layers().iter().enumerate() {
            let [weights, biases] = torch_names(&prefix, l);
            let matrix = layer.weights();
            let rows = (0..matrix.rows()).flat_map(|j| matrix.row(j));
            tensors.push((weights, vec![layer.outputs(), layer.inputs()], bytes(rows)));
            tensors.push((biases, vec![layer.outputs()], bytes(layer.biases())));
        }
    }
    let mut views = Vec::new();
    for (name, shape, bytes) in &tensors {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        views.push((name, view.map_err(|error| unwritten(&error))?));
    }
    let metadata = HashMap::from([(KEY.to_owned(), Description::of(all).to_json()?)]);
    ::safetensors::serialize(views, Some(metadata)).map_err(|error| unwritten(&error))
}

/// Numbers as bytes, the lowest first.
pub(crate) fn bytes<'x>(numbers: impl IntoIterator<Item = &'x f32>) -> Vec<u8> {
    numbers.into_iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn unwritten(error: &::safetensors::SafeTensorError) -> Error {
    Error::content("the file", "tensors that can be written", error, "")
}

/// The networks in a file.
pub(crate) fn import(bytes: &[u8], options: &Options) -> Result<Imported, Error> {
    let refused =
        |error| Error::content("the header", "that of a safetensors file", format!("another ({error})"), "");
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(refused)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(refused)?;
    let described = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
    let description = described.map(|json| Description::parse("metadata 'minibatch'", json.as_bytes()));
    networks(&mut File(tensors), description.transpose()?.as_ref(), options)
}

struct File<'b>(SafeTensors<'b>);

impl Tensors for File<'_> {
    fn list(&mut self) -> Result<Vec<(String, Vec<usize>)>, Error> {
        let mut all: Vec<_> =
            self.0.iter().map(|(name, view)| (name.to_owned(), view.shape().to_vec())).collect();
        all.sort_unstable();
        Ok(all)
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, Error> {
        let view = self.0.tensor(name).map_err(|error| Error::tensor(name, "a tensor", error, ""))?;
        let data = view.data();
        match view.dtype() {
            Dtype::F32 => Ok(numbers(data, f32::from_le_bytes)),
            Dtype::F64 => Ok(numbers(data, |bytes| f64::from_le_bytes(bytes) as f32)),
            Dtype::F16 => Ok(numbers(data, |bytes| f16::from_le_bytes(bytes).to_f32())),
            Dtype::BF16 => Ok(numbers(data, |bytes| bf16::from_le_bytes(bytes).to_f32())),
            other => Err(Error::tensor(name, "F32, F64, F16 or BF16", format!("{other:?}"), "")),
        }
    }
}

/// Numbers of N bytes each.
pub(crate) fn numbers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|bytes| number(*bytes)).collect()
}
