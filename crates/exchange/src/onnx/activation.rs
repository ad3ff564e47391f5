//! The library's activations as nodes. Those that opset 13 lacks are made of others.

use super::graph::{Graph, float, int};
use crate::error::Error;
use minibatch::Activation;

/// Adds the nodes of `activation` on `z`, the pre-activations. The names of tensors begin with `start`. Returns that of the result.
pub(super) fn put(
    graph: &mut Graph,
    activation: &dyn Activation,
    z: &str,
    start: &str,
) -> Result<String, Error> {
    let end = format!("{start}.{}", activation.name());
    let parameter = activation.parameter().unwrap_or_default();
    Ok(match activation.name() {
        "identity" => z.to_owned(),
        "sigmoid" => graph.node("Sigmoid", &[z], &end),
        "tanh" => graph.node("Tanh", &[z], &end),
        "relu" => graph.node("Relu", &[z], &end),
        "leaky-relu" => graph.node_with("LeakyRelu", &[z], &end, vec![float("alpha", parameter)]),
        "elu" => graph.node_with("Elu", &[z], &end, vec![float("alpha", parameter)]),
        // The operator Selu is rarer among readers than Elu.
        "selu" => {
            let scale = graph.constant(1.050_700_9);
            let alpha = vec![float("alpha", 1.673_263_2)];
            let elu = graph.node_with("Elu", &[z], &format!("{start}.elu"), alpha);
            graph.node("Mul", &[&elu, &scale], &end)
        }
        "softplus" => graph.node("Softplus", &[z], &end),
        "softmax" => graph.node_with("Softmax", &[z], &end, vec![int("axis", 1)]),
        "silu" => {
            let sigmoid = graph.node("Sigmoid", &[z], &format!("{start}.sigmoid"));
            graph.node("Mul", &[z, &sigmoid], &end)
        }
        "mish" => {
            let softplus = graph.node("Softplus", &[z], &format!("{start}.softplus"));
            let tanh = graph.node("Tanh", &[&softplus], &format!("{start}.tanh"));
            graph.node("Mul", &[z, &tanh], &end)
        }
        "lecun-tanh" => {
            let (frequency, amplitude) = (graph.constant(2.0 / 3.0), graph.constant(1.7159));
            let scaled = graph.node("Mul", &[z, &frequency], &format!("{start}.scaled"));
            let tanh = graph.node("Tanh", &[&scaled], &format!("{start}.tanh"));
            graph.node("Mul", &[&tanh, &amplitude], &end)
        }
        "gelu" => gelu(graph, z, start, &end),
        other => {
            return Err(Error::content(
                format!("activation '{other}'"),
                "one of the library's own",
                "another",
                "a graph has no formula for it",
            ));
        }
    })
}

/// z·σ(v) with v = 2·√(2/π)·(z + 0.044715·z³), which is GELU's tanh form.
fn gelu(graph: &mut Graph, z: &str, start: &str, end: &str) -> String {
    const LINEAR: f64 = 2.0 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
    let (linear, cubic) = (graph.constant(LINEAR as f32), graph.constant((LINEAR * 0.044715) as f32));
    let square = graph.node("Mul", &[z, z], &format!("{start}.square"));
    let scaled = graph.node("Mul", &[&square, &cubic], &format!("{start}.scaled"));
    let factor = graph.node("Add", &[&scaled, &linear], &format!("{start}.factor"));
    let argument = graph.node("Mul", &[z, &factor], &format!("{start}.argument"));
    let sigmoid = graph.node("Sigmoid", &[&argument], &format!("{start}.sigmoid"));
    graph.node("Mul", &[z, &sigmoid], end)
}
