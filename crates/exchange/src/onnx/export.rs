//! Networks as a graph.

use super::graph::{Graph, float, int};
use super::proto::tensor_proto::DataType;
use super::proto::{GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto};
use super::{DESCRIPTION, PRODUCER, activation, inputs};
use crate::assemble::torch_names;
use crate::committee::prefix;
use crate::description::Description;
use crate::error::Error;
use minibatch::Network;
use minibatch::activation::Range;
use minibatch::data::Preparation;
use prost::Message;

/// The version of the operators.
const OPSET: i64 = 13;

/// The version of the file format.
const IR: i64 = 8;

/// The most bytes of a file of this format.
const MOST: usize = (1 << 31) - 1;

/// The networks as a file, and what the graph leaves to its caller.
pub(crate) fn export(networks: &[(&str, &Network)]) -> Result<(Vec<u8>, Vec<String>), Error> {
    let numbers: usize = networks.iter().map(|(_, network)| network.parameters()).sum();
    if numbers.saturating_mul(4) > MOST {
        let found = format!("{numbers} weights and biases");
        return Err(Error::content(
            "the network",
            "one of at most 2 GiB, as ONNX allows",
            found,
            "safetensors has no such limit",
        ));
    }
    let (graph, notes) = graph(networks)?;
    let metadata =
        |key: &str, value: String| StringStringEntryProto { key: Some(key.to_owned()), value: Some(value) };
    let mut metadata_props = vec![metadata(DESCRIPTION, Description::of(networks).to_json()?)];
    let list = |texts: &[String]| serde_json::Value::from(texts).to_string();
    if let Some(names) = networks[0].1.class_names() {
        metadata_props.push(metadata("class_names", list(names)));
    }
    if !notes.is_empty() {
        metadata_props.push(metadata("left_to_the_caller", list(&notes)));
    }
    let model = ModelProto {
        ir_version: Some(IR),
        producer_name: Some(PRODUCER.to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(OPSET) }],
        metadata_props,
    };
    Ok((model.encode_to_vec(), notes))
}

/// The graph of the networks, and what it leaves to its caller.
pub(super) fn graph(networks: &[(&str, &Network)]) -> Result<(GraphProto, Vec<String>), Error> {
    let (mut graph, mut notes) = (Graph::default(), Vec::new());
    graph.proto.name = Some(PRODUCER.to_owned());
    let (first_name, first) = networks[0];
    let kind = |network: &Network| {
        network
            .profile()
            .map(|profile| (profile.are_bytes, profile.is_transposed, profile.example_shape.clone()))
    };
    if let Some((name, _)) = networks.iter().find(|(_, network)| kind(network) != kind(first)) {
        let expected = format!("inputs as those of '{first_name}', as a member of one committee");
        return Err(Error::content(format!("network '{name}'"), expected, "others", ""));
    }
    let inputs = inputs::put(&mut graph, first, &mut notes);
    let mut answers = Vec::new();
    for (name, network) in networks {
        answers.push(layers(&mut graph, network, &inputs, &prefix(networks.len(), name))?);
    }
    let mean = match &*answers {
        [one] => one.clone(),
        several => {
            let names: Vec<&str> = several.iter().map(String::as_str).collect();
            graph.node("Mean", &names, "mean")
        }
    };
    graph.node("Identity", &[&mean], OUTPUTS);
    graph.output(OUTPUTS, DataType::Float, &[first.outputs()], "the network's outputs");
    answer(&mut graph, first);
    Ok((graph.proto, notes))
}

/// The name of a network's outputs.
pub(super) const OUTPUTS: &str = "outputs";

/// Adds the layers of a network. Returns the name of its outputs.
fn layers(graph: &mut Graph, network: &Network, inputs: &str, prefix: &str) -> Result<String, Error> {
    let mut name = inputs.to_owned();
    for (l, layer) in network.layers().iter().enumerate() {
        let [weights, biases] = torch_names(prefix, l);
        let matrix = layer.weights();
        let rows = (0..matrix.rows()).flat_map(|j| matrix.row(j).iter().copied());
        graph.floats(&weights, &[layer.outputs(), layer.inputs()], rows);
        graph.floats(&biases, &[layer.outputs()], layer.biases().iter().copied());
        let start = format!("{prefix}layer.{}", l + 1);
        let attributes = vec![float("alpha", 1.0), float("beta", 1.0), int("transB", 1)];
        let z = graph.node_with("Gemm", &[&name, &weights, &biases], &format!("{start}.z"), attributes);
        name = activation::put(graph, layer.activation(), &z, &start)?;
    }
    Ok(name)
}

/// Adds what the outputs stand for: `classes`, `labels` or `values`.
fn answer(graph: &mut Graph, network: &Network) {
    let preparation = network.preparation();
    if let Some(columns) = preparation.and_then(|preparation| preparation.values()) {
        let wide = graph.cast(OUTPUTS, DataType::Double, "values.wide");
        let count = [columns.len()];
        let deviations =
            graph.doubles("values.deviations", &count, columns.iter().map(|column| column.deviation));
        let means = graph.doubles("values.means", &count, columns.iter().map(|column| column.mean));
        let scaled = graph.node("Mul", &[&wide, &deviations], "values.scaled");
        let shifted = graph.node("Add", &[&scaled, &means], "values.shifted");
        graph.cast(&shifted, DataType::Float, "values");
        graph.output("values", DataType::Float, &count, "the outputs in the units of the target columns");
        return;
    }
    let range = network.layers().last().map(|layer| layer.activation().range());
    let has_labels = preparation.is_some_and(Preparation::has_labels);
    let are_probabilities = range.is_some_and(|range| range >= Range::Unit);
    if has_labels || (are_probabilities && network.outputs() == 1) {
        let half = graph.constant(0.5);
        let is_yes = graph.node("Greater", &[OUTPUTS, &half], "answer.is-yes");
        if has_labels {
            graph.cast(&is_yes, DataType::Int64, "labels");
            graph.output("labels", DataType::Int64, &[network.outputs()], "1 where an output says yes");
        } else {
            let number = graph.cast(&is_yes, DataType::Int64, "answer.number");
            let axis = graph.integers("answer.axis", &[1]);
            graph.node("Squeeze", &[&number, &axis], "classes");
            graph.output("classes", DataType::Int64, &[], "the class that the output says");
        }
    } else if are_probabilities || network.class_names().is_some() {
        graph.node_with("ArgMax", &[OUTPUTS], "classes", vec![int("axis", 1), int("keepdims", 0)]);
        graph.output("classes", DataType::Int64, &[], "the class of the largest output");
    }
}
