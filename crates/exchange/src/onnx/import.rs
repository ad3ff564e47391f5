//! Networks out of a graph.

use super::export::graph as written;
use super::proto::tensor_proto::DataType;
use super::proto::tensor_shape_proto::dimension;
use super::proto::{GraphProto, ModelProto, StringStringEntryProto, TensorProto, ValueInfoProto, type_proto};
use super::tensor::{numbers, shape};
use super::walk::{Plain, Scaling, follow};
use super::{DESCRIPTION, PRODUCER};
use crate::assemble::{Tensors, assumed, built, networks};
use crate::description::Description;
use crate::error::Error;
use crate::options::{Imported, Options};
use minibatch::{Activation, Mat, Network};
use prost::Message;
use std::collections::HashMap;
use std::sync::Arc;

/// The most nodes of a graph. A plain network of a thousand layers has fewer.
const MOST_NODES: usize = 1 << 14;

/// The networks in a file.
pub(crate) fn import(bytes: &[u8], options: &Options) -> Result<Imported, Error> {
    let model = ModelProto::decode(bytes).map_err(|error| {
        Error::content("the file", "a model of ONNX", format!("other bytes ({error})"), "")
    })?;
    let graph = model.graph.as_ref();
    let graph = graph.ok_or_else(|| Error::content("the model", "a graph", "none", ""))?;
    if graph.node.len() > MOST_NODES {
        let found = graph.node.len();
        return Err(Error::content("the graph", format!("at most {MOST_NODES} nodes"), found, ""));
    }
    if model.producer_name() == PRODUCER
        && let Some(imported) = own(&model, graph, options)?
    {
        return Ok(imported);
    }
    let outputs: Vec<&str> =
        graph.output.iter().filter(|output| are_numbers(output)).map(ValueInfoProto::name).collect();
    let plain = follow(graph, &outputs, &options.registry)?;
    check_inputs(graph, &plain)?;
    network(graph, plain, options)
}

/// The networks of a file that was exported here: those which the description names, if their graph is the one in the file. `None`
/// otherwise.
fn own(model: &ModelProto, graph: &GraphProto, options: &Options) -> Result<Option<Imported>, Error> {
    let entry = model.metadata_props.iter().find(|entry| entry.key() == DESCRIPTION);
    let Some(json) = entry.map(StringStringEntryProto::value) else { return Ok(None) };
    let description = Description::parse("metadata 'minibatch'", json.as_bytes())?;
    let layers: usize = description.networks.iter().map(|network| network.activations.len()).sum();
    if layers > graph.node.len() {
        return Ok(None);
    }
    // The graph is the one of what the file names.
    let plain = Options { activation: None, output_activation: None, cost: None, ..options.clone() };
    let imported = networks(&mut Layers::of(graph), Some(&description), &plain)?;
    let named: Vec<(&str, &Network)> =
        description.networks.iter().map(|one| (&*one.name, &imported.networks[&one.name])).collect();
    crate::committee::check(&named)?;
    let (expected, _) = written(&named)?;
    match expected == *graph {
        true => networks(&mut Layers::of(graph), Some(&description), options).map(Some),
        false => Ok(None),
    }
}

/// The weights and biases among a graph's constants: those of the names that are written here.
struct Layers<'g>(HashMap<&'g str, &'g TensorProto>);

impl<'g> Layers<'g> {
    fn of(graph: &'g GraphProto) -> Layers<'g> {
        let is_of_layer = |name: &str| [".weight", ".bias"].iter().any(|ending| name.ends_with(ending));
        let named = graph.initializer.iter().map(|tensor| (tensor.name(), tensor));
        Layers(named.filter(|(name, _)| is_of_layer(name)).collect())
    }
}

impl Tensors for Layers<'_> {
    fn list(&mut self) -> Result<Vec<(String, Vec<usize>)>, Error> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_unstable_by_key(|tensor| tensor.name());
        all.into_iter().map(|tensor| Ok((tensor.name().to_owned(), shape(tensor)?))).collect()
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, Error> {
        let found = self.0.get(name).ok_or_else(|| Error::tensor(name, "a tensor", "none", ""))?;
        numbers(found, |x| x as f32)
    }
}

/// The tensor type of a value, if the file says it.
fn tensor_type(value: &ValueInfoProto) -> Option<&type_proto::Tensor> {
    match value.r#type.as_ref()?.value.as_ref()? {
        type_proto::Value::TensorType(tensor) => Some(tensor),
    }
}

/// Whether a value is of numbers with a point, as far as the file says.
fn are_numbers(value: &ValueInfoProto) -> bool {
    let kind = tensor_type(value).and_then(|tensor| tensor.elem_type);
    kind.is_none_or(|kind| {
        [DataType::Float, DataType::Double, DataType::Float16, DataType::Bfloat16]
            .map(|one| one as i32)
            .contains(&kind)
    })
}

/// Checks that the first layer takes all numbers of an example, if the file says how many there are.
fn check_inputs(graph: &GraphProto, plain: &Plain) -> Result<(), Error> {
    let input = graph.input.iter().find(|input| input.name() == plain.input);
    let Some(shape) = input.and_then(tensor_type).and_then(|tensor| tensor.shape.as_ref()) else {
        return Ok(());
    };
    let mut numbers = Some(1_i64);
    for dimension in shape.dim.iter().skip(1) {
        let Some(dimension::Value::DimValue(n)) = dimension.value else { return Ok(()) };
        numbers = numbers.and_then(|product| product.checked_mul(n));
    }
    let inputs = plain.layers[0].inputs;
    if numbers == i64::try_from(inputs).ok() {
        return Ok(());
    }
    let found = numbers.map_or_else(|| "too many".to_owned(), |numbers| numbers.to_string());
    let expected = format!("{inputs} numbers of an example, as the first layer takes");
    Err(Error::content(format!("input '{}'", plain.input), expected, found, ""))
}

/// Whether the graph takes bytes.
fn takes_bytes(graph: &GraphProto, name: &str) -> bool {
    let input = graph.input.iter().find(|input| input.name() == name);
    let kind = input.and_then(tensor_type).and_then(|tensor| tensor.elem_type);
    kind == Some(DataType::Uint8 as i32)
}

/// Makes the network that a graph is.
fn network(graph: &GraphProto, plain: Plain, options: &Options) -> Result<Imported, Error> {
    let mut notes = Vec::new();
    let takes_bytes = takes_bytes(graph, &plain.input);
    let Plain { mut layers, mut scaling, .. } = plain;
    match (scaling.are_pixels, takes_bytes) {
        (true, _) => notes.push(
            "the graph divides its inputs by 255; the network takes numbers from 0 to 1, and bytes as x/255"
                .to_owned(),
        ),
        (false, true) => {
            scaling.factors.iter_mut().for_each(|factor| *factor *= 255.0);
            notes.push(
                "the graph takes bytes; the network takes them as x/255, and its first layer makes up for it"
                    .to_owned(),
            );
        }
        (false, false) => {}
    }
    let first = &mut layers[0];
    fold(&scaling, &mut first.weights, &mut first.biases)?;
    let count = layers.len();
    let mut activations: Vec<Arc<dyn Activation>> = Vec::new();
    for (l, layer) in (1..).zip(&layers) {
        let Some(found) = layer.activation.clone() else {
            return Err(Error::content(format!("layer {l}"), "an activation", "none", ""));
        };
        activations.push(options.agreed(l, l == count, found)?);
    }
    let output = Arc::clone(&activations[count - 1]);
    let (cost, is_told) = options.cost_after(&*output);
    if !is_told {
        notes.push(assumed(&*cost, &*output));
    }
    let sizes: Vec<usize> =
        [layers[0].inputs].into_iter().chain(layers.iter().map(|layer| layer.outputs)).collect();
    let mut network = built(&sizes, activations, cost, options)?;
    for (layer, found) in network.layers_mut().iter_mut().zip(&layers) {
        layer.set_weights(Mat::row_major(&found.weights, found.outputs, found.inputs))?;
        layer.biases_mut().copy_from_slice(&found.biases);
    }
    Ok(Imported::one(network, notes))
}

/// Takes a scaling of the inputs into the first layer: W·(x ⊙ f + o) + b is (W ⊙ f)·x + (W·o + b).
fn fold(scaling: &Scaling, weights: &mut [f32], biases: &mut [f32]) -> Result<(), Error> {
    let Scaling { factors, offsets, .. } = scaling;
    if factors.iter().all(|&factor| factor == 1.0) && offsets.iter().all(|&offset| offset == 0.0) {
        return Ok(());
    }
    let inputs = weights.len() / biases.len();
    let at = |list: &[f64], k: usize| if list.len() == 1 { list[0] } else { list[k] };
    for (row, bias) in weights.chunks_exact_mut(inputs).zip(biases.iter_mut()) {
        let moved: f64 = row.iter().enumerate().map(|(k, w)| f64::from(*w) * at(offsets, k)).sum();
        *bias = (f64::from(*bias) + moved) as f32;
        for (k, weight) in row.iter_mut().enumerate() {
            *weight = (f64::from(*weight) * at(factors, k)) as f32 + 0.0;
        }
    }
    match weights.iter().chain(biases.iter()).find(|x| !x.is_finite()) {
        None => Ok(()),
        Some(wrong) => Err(Error::content("the scaling of the inputs", "finite weights with it", wrong, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::Graph;
    use super::super::proto::OperatorSetIdProto;
    use super::super::proto::tensor_proto::DataLocation;
    use super::*;

    /// A graph of x → `y` with these nodes, an operator with its inputs and its output each, and these constants.
    fn graph(nodes: &[(&str, &[&str], &str)], constants: &[(&str, &[usize], &[f32])]) -> Graph {
        let mut graph = Graph::default();
        graph.input("x", DataType::Float, &[2], "");
        for (operator, inputs, output) in nodes {
            graph.node(operator, inputs, output);
        }
        for (name, shape, numbers) in constants {
            graph.floats(name, shape, numbers.iter().copied());
        }
        graph.output("y", DataType::Float, &[2], "");
        graph
    }

    /// The outcome of importing a graph: the sizes, or the error.
    fn outcome(graph: Graph) -> Result<Vec<usize>, String> {
        let opset_import = vec![OperatorSetIdProto { domain: None, version: Some(13) }];
        let model = ModelProto { graph: Some(graph.proto), opset_import, ..ModelProto::default() };
        let imported = import(&model.encode_to_vec(), &Options::default());
        imported.map(|imported| imported.networks["main"].sizes()).map_err(|error| error.to_string())
    }

    const W: (&str, &[usize], &[f32]) = ("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    const B: (&str, &[usize], &[f32]) = ("b", &[2], &[5.0, 6.0]);

    #[test]
    fn plain_graphs_are_read() {
        let nodes: [(&str, &[&str], &str); 3] =
            [("MatMul", &["x", "w"], "m"), ("Add", &["m", "b"], "z"), ("Relu", &["z"], "y")];
        assert_eq!(outcome(graph(&nodes, &[W, B])), Ok(vec![2, 2]));
        // Nodes that the output doesn't need aren't looked at.
        let more = [&nodes[..], &[("Conv", &["y", "w"], "other")]].concat();
        assert_eq!(outcome(graph(&more, &[W, B])), Ok(vec![2, 2]));
    }

    #[test]
    fn graphs_that_are_no_plain_networks_are_refused_by_the_node() {
        let refused = |nodes: &[(&str, &[&str], &str)], constants: &[(&str, &[usize], &[f32])]| {
            outcome(graph(nodes, constants)).unwrap_err()
        };
        for (nodes, expected) in [
            (
                &[("Conv", &["x", "w"][..], "y")][..],
                "node 0 (Conv 'y'): expected an operator of a plain network",
            ),
            (
                &[("Add", &["a", "x"], "z"), ("Relu", &["z"], "a"), ("Relu", &["z"], "y")],
                "node 0 (Add 'z'): expected what was computed before, and the graph's inputs once, found 'a'",
            ),
            (&[("Relu", &["y"], "y")], "node 0 (Relu 'y'): expected what was computed before"),
            (
                &[("MatMul", &["x", "w"], "m"), ("MatMul", &["m", "w"], "y")],
                "node 1 (MatMul 'y'): expected weights of its own for each layer, found 'w' again",
            ),
            (
                &[("MatMul", &["x", "w"], "m"), ("Mul", &["m", "m"], "y")],
                "output 'y': expected an activation of the library after the last layer, found another function",
            ),
            (&[("MatMul", &["w", "x"], "y")], "node 0 (MatMul 'y'): expected an operator of a plain network"),
            (&[("Relu", &["x"], "y")], "node 0 (Relu 'y'): expected an operator of a plain network"),
            (
                &[("Identity", &["x"], "y")],
                "output 'y': expected the outputs of the last layer, found another value",
            ),
            (&[], "output 'y': expected the outputs of the last layer, found another value"),
        ] {
            let said = refused(nodes, &[W, B]);
            assert!(said.starts_with(expected), "{said}, expected {expected}");
        }
    }

    #[test]
    fn numbers_that_cannot_be_weights_are_refused_by_name() {
        let nodes: [(&str, &[&str], &str); 2] = [("MatMul", &["x", "w"], "m"), ("Add", &["m", "b"], "y")];
        let with = |w, b| outcome(graph(&nodes, &[w, b])).unwrap_err();
        let said = with(W, ("b", &[2], &[f32::NAN, 0.0]));
        assert_eq!(said, "tensor 'b': expected finite numbers, found NaN at index 0");
        let said = with(("w", &[2, 2], &[1.0, f32::INFINITY, 0.0, 0.0]), B);
        assert_eq!(said, "tensor 'w': expected finite numbers, found inf at index 1");
        let said = with(W, ("b", &[3], &[0.0; 3]));
        assert_eq!(said, "node 1 (Add 'y'): expected 2 biases, one for each output, found 3");
        let said = with(("w", &[2, 3], &[0.0; 4]), B);
        assert_eq!(said, "tensor 'w': expected 6 numbers, for its shape [2, 3], found 4");
        let said = with(("w", &[1 << 40, 1 << 40], &[0.0; 4]), B);
        assert_eq!(
            said,
            format!("tensor 'w': expected a shape that can be addressed, found {:?}", [1_u64 << 40; 2])
        );
        let said = with(("w", &[3, 2], &[0.0; 6]), B);
        assert_eq!(said, "input 'x': expected 3 numbers of an example, as the first layer takes, found 2");
        let mut elsewhere = graph(&nodes, &[W, B]);
        elsewhere.proto.initializer[0].data_location = Some(DataLocation::External as i32);
        let said = outcome(elsewhere).unwrap_err();
        assert_eq!(
            said,
            "tensor 'w': expected numbers in the file, found numbers in another file; save the model as one file"
        );
        let chain: Vec<(&str, &[&str], &str)> = vec![("Relu", &["y"], "y"); (1 << 14) + 1];
        assert_eq!(
            outcome(graph(&chain, &[])),
            Err("the graph: expected at most 16384 nodes, found 16385".to_owned())
        );
    }

    /// A graph that is written here is understood without its description, too.
    #[test]
    fn written_graphs_are_read_as_those_of_others() {
        use minibatch::activation::{Sigmoid, Softmax, built_in};
        use minibatch::cost::CategoricalCrossEntropy;
        use minibatch::data::{InputProfile, Row};

        for hidden in built_in().into_iter().filter(|one| !one.is_row_wise()) {
            let mut network = Network::builder(6)
                .layer_named(4, Arc::clone(&hidden))
                .layer_with(3, Sigmoid)
                .layer_with(2, Softmax)
                .cost(CategoricalCrossEntropy)
                .build()
                .unwrap();
            network
                .set_profile(InputProfile::of_rows(1, &[2, 3], |_| Row::Bytes(&[0, 9, 8, 7, 6, 255])))
                .unwrap();
            let (bytes, _) = super::super::export(&[("main", &network)]).unwrap();
            let mut model = ModelProto::decode(&*bytes).unwrap();
            model.producer_name = Some("another".to_owned());
            let imported = import(&model.encode_to_vec(), &Options::default()).unwrap();
            let (found, expected) = (&imported.networks["main"], hidden.label());
            assert_eq!(
                (found.weight_hash(), found.layers()[0].activation().label()),
                (network.weight_hash(), expected)
            );
            assert_eq!(found.cost().name(), network.cost().name());
            assert!(
                imported.notes[0].starts_with("the graph divides its inputs by 255"),
                "{:?}",
                imported.notes
            );
        }
    }
}
