//! JSON by a schema of our own: the description with the numbers in it.

use crate::assemble::{built, finite};
use crate::description::{Described, Description};
use crate::error::Error;
use crate::options::{Imported, Options};
use minibatch::{Mat, Network};
use std::collections::BTreeMap;

/// The networks as a file. Each number is written with the fewest digits that read as the same f32.
pub(crate) fn export(all: &[(&str, &Network)]) -> Result<Vec<u8>, Error> {
    let mut description = Description::of(all);
    for (described, (_, network)) in description.networks.iter_mut().zip(all) {
        for layer in network.layers() {
            let weights = layer.weights();
            described.weights.push((0..weights.rows()).map(|j| weights.row(j).to_vec()).collect());
            described.biases.push(layer.biases().to_vec());
        }
    }
    let mut bytes = description.to_json()?.into_bytes();
    bytes.push(b'\n');
    Ok(bytes)
}

/// The networks in a file.
pub(crate) fn import(bytes: &[u8], options: &Options) -> Result<Imported, Error> {
    let description = Description::parse("the text", bytes)?;
    let mut networks = BTreeMap::new();
    for described in &description.networks {
        networks.insert(described.name.clone(), network(described, options)?);
    }
    Ok(Imported { networks, notes: Vec::new() })
}

/// Makes the network that the file describes. Its sizes are checked against the numbers that are there, before it is built.
fn network(described: &Described, options: &Options) -> Result<Network, Error> {
    let Described { name, sizes, weights, biases, .. } = described;
    let layers = sizes.len() - 1;
    if (weights.len(), biases.len()) != (layers, layers) {
        let found = format!("weights of {} and biases of {}", weights.len(), biases.len());
        return Err(Error::content(
            format!("network '{name}'"),
            format!("weights and biases of {layers} layers"),
            found,
            "",
        ));
    }
    for (l, pair) in (1..).zip(sizes.windows(2)) {
        let (inputs, outputs) = (pair[0], pair[1]);
        let place = |what: &str| format!("network '{name}', layer {l}: {what}");
        let (rows, biases) = (&weights[l - 1], &biases[l - 1]);
        if rows.len() != outputs {
            let expected = format!("{outputs} rows, one for each output");
            return Err(Error::content(place("weights"), expected, rows.len(), ""));
        }
        if let Some((j, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != inputs) {
            let expected = format!("{inputs} numbers, one for each input");
            return Err(Error::content(place(&format!("weights, row {j}")), expected, row.len(), ""));
        }
        if biases.len() != outputs {
            let expected = format!("{outputs} numbers, one for each output");
            return Err(Error::content(place("biases"), expected, biases.len(), ""));
        }
    }
    let mut network = built(sizes, described.activations(options)?, described.cost(options)?, options)?;
    for (l, layer) in network.layers_mut().iter_mut().enumerate() {
        let (rows, cols) = (layer.outputs(), layer.inputs());
        let numbers = finite(&format!("weights of layer {}", l + 1), weights[l].concat())?;
        layer.set_weights(Mat::row_major(&numbers, rows, cols))?;
        let numbers = finite(&format!("biases of layer {}", l + 1), biases[l].clone())?;
        layer.biases_mut().copy_from_slice(&numbers);
    }
    described.complete(&mut network)?;
    Ok(network)
}
