//! A graph that is read, followed from its inputs to its outputs.
//!
//! ```text
//! a value is      the inputs, scaled: x·factor + offset, for each input or for all
//!                 a function of the pre-activations of a layer
//!                 the softmax of a layer
//! for each node that the outputs need, in the order of the file:
//!     of the inputs     arithmetic with constants changes the scaling, and a cast or a reshape nothing
//!     of a function     elementwise operators change the function
//!     of either         a product with constant weights begins a layer; the function before it is an activation
//!     whatever else     refuses the graph
//! ```
//!
//! A node's inputs must have been computed before, so a circle is refused where it begins. Each node is looked at once.

use super::function::{Function, binary, gelu, unary};
use super::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use super::tensor::{numbers, shape};
use crate::assemble::finite;
use crate::error::Error;
use minibatch::{Activation, Registry};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A layer that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// A row for each output.
    pub(super) weights: Vec<f32>,
    pub(super) biases: Vec<f32>,
    /// Known once the next layer begins, or the graph ends.
    pub(super) activation: Option<Arc<dyn Activation>>,
    /// Changes of the biases. A value from before one is no longer that of the layer.
    version: usize,
    /// Whether the product had no biases of its own, and the node after it may bring them.
    lacks_biases: bool,
}

/// A value in the graph.
#[derive(Clone, Debug)]
enum Value {
    Inputs(Scaling),
    Function { layer: usize, version: usize, function: Function },
    Softmax { layer: usize },
}

/// x·factor + offset. A list of one is for all inputs.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    pub(super) factors: Vec<f64>,
    pub(super) offsets: Vec<f64>,
    /// Whether they were divided by 255 before anything else, as bytes of pixels are.
    pub(super) are_pixels: bool,
    is_fresh: bool,
}

/// A plain network that a graph is.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) layers: Vec<Found>,
    pub(super) scaling: Scaling,
    /// The name of the graph's input.
    pub(super) input: String,
}

/// The walk through a graph.
struct Walk<'g> {
    constants: HashMap<&'g str, &'g TensorProto>,
    values: HashMap<&'g str, Value>,
    layers: Vec<Found>,
    scaling: Option<Scaling>,
    /// The constants that are weights of a layer.
    taken: HashSet<&'g str>,
    registry: &'g Registry,
}

/// A node, and its place in the graph, counted from 0.
#[derive(Clone, Copy)]
struct Place<'g> {
    index: usize,
    node: &'g NodeProto,
}

impl<'g> Place<'g> {
    /// The refusal of this node.
    fn refused(self, expected: impl std::fmt::Display, found: impl std::fmt::Display) -> Error {
        let Place { index, node } = self;
        let place = format!("node {index} ({} '{}')", node.op_type(), node.name());
        Error::content(place, expected, found, "")
    }

    fn attribute(self, name: &str) -> Option<&'g AttributeProto> {
        self.node.attribute.iter().find(|attribute| attribute.name() == name)
    }

    fn int(self, name: &str, usual: i64) -> i64 {
        self.attribute(name).and_then(|attribute| attribute.i).unwrap_or(usual)
    }

    fn float(self, name: &str) -> Option<f32> {
        self.attribute(name).and_then(|attribute| attribute.f)
    }
}

/// Follows `graph`, whose outputs of numbers are `outputs`: the first of them that a layer's outputs reach counts.
pub(super) fn follow(graph: &GraphProto, outputs: &[&str], registry: &Registry) -> Result<Plain, Error> {
    let constants: HashMap<&str, &TensorProto> =
        graph.initializer.iter().map(|tensor| (tensor.name(), tensor)).collect();
    let mut inputs =
        graph.input.iter().map(ValueInfoProto::name).filter(|name| !constants.contains_key(name));
    let input = match (inputs.next(), inputs.next()) {
        (Some(input), None) => input,
        (None, _) => return Err(Error::content("the graph", "one input", "none", "")),
        (Some(one), Some(other)) => {
            let found = format!("'{one}', '{other}'");
            return Err(Error::content("the graph", "one input", found, ""));
        }
    };
    let start = Scaling { factors: vec![1.0], offsets: vec![0.0], are_pixels: false, is_fresh: true };
    let values = HashMap::from([(input, Value::Inputs(start))]);
    let taken = HashSet::new();
    let mut walk = Walk { constants, values, layers: Vec::new(), scaling: None, taken, registry };
    let Some(&output) = outputs.first() else {
        return Err(Error::content("the graph", "an output of numbers", "none", ""));
    };
    let needed = needed(graph, output);
    for (index, node) in graph.node.iter().enumerate().filter(|(index, _)| needed.contains(index)) {
        walk.step(Place { index, node })?;
    }
    walk.end(output, input)
}

/// The nodes that `output` needs.
fn needed(graph: &GraphProto, output: &str) -> HashSet<usize> {
    let mut producers = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        for name in &node.output {
            producers.entry(&**name).or_insert(index);
        }
    }
    let (mut needed, mut left) = (HashSet::new(), vec![output]);
    while let Some(name) = left.pop() {
        let Some(&index) = producers.get(name) else { continue };
        if needed.insert(index) {
            left.extend(graph.node[index].input.iter().map(String::as_str));
        }
    }
    needed
}

impl<'g> Walk<'g> {
    /// Takes a node.
    fn step(&mut self, place: Place<'g>) -> Result<(), Error> {
        let node = place.node;
        if !matches!(node.domain(), "" | "ai.onnx") {
            let found = format!("one of '{}'", node.domain());
            return Err(place.refused("an operator of ONNX itself", found));
        }
        let Some(output) = node.output.first() else {
            return Err(place.refused("an output", "none"));
        };
        if node.op_type() == "Constant" {
            let tensor = place.attribute("value").and_then(|attribute| attribute.t.as_ref());
            let tensor = tensor.ok_or_else(|| place.refused("a tensor of numbers", "another constant"))?;
            self.constants.insert(output, tensor);
            return Ok(());
        }
        let names: Vec<&'g str> =
            node.input.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        let mut values = Vec::new();
        for name in &names {
            // The scaled inputs are taken once, so that there is one list of factors at a time.
            if let Some(Value::Inputs(_)) = self.values.get(name) {
                values.push(self.values.remove(name));
                continue;
            }
            match self.values.get(name) {
                Some(value) => values.push(Some(value.clone())),
                None if self.constants.contains_key(name) => values.push(None),
                None => {
                    return Err(place.refused(
                        "what was computed before, and the graph's inputs once",
                        format!("'{name}'"),
                    ));
                }
            }
        }
        let value = match (&*values, node.op_type()) {
            ([Some(value), ..], "Identity" | "Cast" | "Dropout") => value.clone(),
            ([Some(value)], "Flatten") if place.int("axis", 1) == 1 => value.clone(),
            ([Some(Value::Inputs(scaling)), None], "Reshape") => self.reshaped(place, names[1], scaling)?,
            ([Some(value), None, ..], "Gemm") => self.gemm(place, value, &names)?,
            ([Some(value), None], "MatMul") => self.product(place, value, names[1], false, None)?,
            ([Some(Value::Function { layer, version, function })], "Softmax") => {
                self.current(place, *layer, *version)?;
                let is_last = matches!(place.int("axis", -1), 1 | -1);
                if !function.is_identity() || !is_last {
                    return Err(place.refused("the softmax of a layer's own outputs", "another"));
                }
                Value::Softmax { layer: *layer }
            }
            ([Some(Value::Function { layer, version, function })], operator) => {
                self.current(place, *layer, *version)?;
                let is_tanh_form = place.attribute("approximate").is_some_and(|form| form.s() == b"tanh");
                let function = match operator {
                    "Gelu" if is_tanh_form => function.then(gelu),
                    _ => {
                        let f = unary(operator, place.float("alpha"), place.float("gamma"));
                        function.then(f.ok_or_else(|| self.unknown(place))?)
                    }
                };
                Value::Function { layer: *layer, version: *version, function }
            }
            ([Some(one), Some(other)], operator) => self.both(place, one, other, operator)?,
            ([Some(Value::Inputs(scaling)), None], operator) => {
                self.scaled(place, scaling, names[1], operator, false)?
            }
            ([None, Some(Value::Inputs(scaling))], operator) => {
                self.scaled(place, scaling, names[0], operator, true)?
            }
            ([Some(value @ Value::Function { .. }), None], operator) => {
                self.with_constant(place, value, names[1], operator, false)?
            }
            ([None, Some(value @ Value::Function { .. })], operator) => {
                self.with_constant(place, value, names[0], operator, true)?
            }
            _ => return Err(self.unknown(place)),
        };
        self.values.insert(output, value);
        Ok(())
    }

    /// The refusal of an operator that no plain network has.
    fn unknown(&self, place: Place<'_>) -> Error {
        let hint = match place.node.op_type() {
            "Erf" | "Gelu" => "the exact GELU; the library's is the tanh form",
            "Conv" | "MaxPool" | "LSTM" | "GRU" | "RNN" => "an operator of other networks",
            "BatchNormalization" => "batch normalisation, which an exporter can fold into the weights",
            _ => "another operator",
        };
        place.refused(
            "an operator of a plain network: Gemm, MatMul, Add, an activation, a scaling in front",
            hint,
        )
    }

    /// Refuses a value that isn't of the last layer as it is now.
    fn current(&self, place: Place<'_>, layer: usize, version: usize) -> Result<(), Error> {
        if layer + 1 == self.layers.len() && self.layers[layer].version == version {
            return Ok(());
        }
        let last = self.layers.len();
        let found = match layer + 1 {
            same if same == last => "what they were before something was added to them".to_owned(),
            other => format!("those of layer {other}"),
        };
        Err(place.refused(format!("the outputs of layer {last}, as layers follow one another"), found))
    }

    /// Inputs that are reshaped to rows.
    fn reshaped(&self, place: Place<'_>, to: &str, scaling: &Scaling) -> Result<Value, Error> {
        let to = numbers(self.constants[to], |x| x)?;
        if to.len() != 2 {
            return Err(place.refused("a shape of two dimensions, examples and inputs", format!("{to:?}")));
        }
        Ok(Value::Inputs(scaling.clone()))
    }

    /// The inputs, with a constant.
    fn scaled(
        &self,
        place: Place<'_>,
        scaling: &Scaling,
        constant: &str,
        operator: &str,
        is_first: bool,
    ) -> Result<Value, Error> {
        let by = numbers(self.constants[constant], |x| x)?;
        if by.is_empty() || by.iter().any(|x| !x.is_finite()) {
            return Err(place.refused("finite constants", "others"));
        }
        let mut scaling = scaling.clone();
        let is_255 = |x: f64| (x - 255.0).abs() < 1e-3;
        let divides = match (operator, is_first, &*by) {
            ("Div", false, &[x]) => is_255(x),
            ("Mul", _, &[x]) => x != 0.0 && is_255(1.0 / x),
            _ => false,
        };
        if scaling.is_fresh && divides {
            return Ok(Value::Inputs(Scaling { are_pixels: true, is_fresh: false, ..scaling }));
        }
        let length = scaling.factors.len().max(by.len());
        for list in [&mut scaling.factors, &mut scaling.offsets] {
            match list.len() {
                1 => *list = vec![list[0]; length],
                n if n == length => {}
                n => return Err(place.refused(format!("constants for {n} inputs"), length)),
            }
        }
        let at = |index: usize| if by.len() == 1 { by[0] } else { by[index] };
        if by.len() != 1 && by.len() != length {
            return Err(place.refused(format!("constants for {length} inputs"), by.len()));
        }
        for (index, (factor, offset)) in scaling.factors.iter_mut().zip(&mut scaling.offsets).enumerate() {
            let c = at(index);
            (*factor, *offset) = match (operator, is_first) {
                ("Add", _) => (*factor, *offset + c),
                ("Sub", false) => (*factor, *offset - c),
                ("Sub", true) => (-*factor, c - *offset),
                ("Mul", _) => (*factor * c, *offset * c),
                ("Div", false) if c != 0.0 => (*factor / c, *offset / c),
                _ => return Err(self.unknown(place)),
            };
        }
        scaling.is_fresh = false;
        Ok(Value::Inputs(scaling))
    }

    /// Two functions of the same pre-activations.
    fn both(&self, place: Place<'_>, one: &Value, other: &Value, operator: &str) -> Result<Value, Error> {
        let (
            Value::Function { layer, version, function },
            Value::Function { layer: layer_b, version: version_b, function: b },
        ) = (one, other)
        else {
            return Err(self.unknown(place));
        };
        self.current(place, *layer, *version)?;
        self.current(place, *layer_b, *version_b)?;
        let f = binary(operator).ok_or_else(|| self.unknown(place))?;
        Ok(Value::Function { layer: *layer, version: *version, function: function.with(b, f) })
    }

    /// A function of pre-activations with a constant: biases, or a number for all.
    fn with_constant(
        &mut self,
        place: Place<'_>,
        value: &Value,
        constant: &str,
        operator: &str,
        is_first: bool,
    ) -> Result<Value, Error> {
        let Value::Function { layer, version, function } = value else { return Err(self.unknown(place)) };
        self.current(place, *layer, *version)?;
        let by = numbers(self.constants[constant], |x| x)?;
        let found = &mut self.layers[*layer];
        let is_bias = operator == "Add" && function.is_identity() && (found.lacks_biases || by.len() > 1);
        if is_bias {
            if by.len() != found.outputs && by.len() != 1 {
                return Err(place.refused(format!("{} biases, one for each output", found.outputs), by.len()));
            }
            let at = |j: usize| if by.len() == 1 { by[0] } else { by[j] };
            let sums = found.biases.iter().enumerate().map(|(j, bias)| (f64::from(*bias) + at(j)) as f32);
            found.biases = finite(constant, sums.collect())?;
            found.lacks_biases = false;
            found.version += 1;
            let version = found.version;
            return Ok(Value::Function { layer: *layer, version, function: function.clone() });
        }
        let [c] = *by else {
            return Err(place.refused("one number for all outputs", format!("{} numbers", by.len())));
        };
        let f = binary(operator).ok_or_else(|| self.unknown(place))?;
        let function = function.then(|x| if is_first { f(c, x) } else { f(x, c) });
        Ok(Value::Function { layer: *layer, version: *version, function })
    }

    /// The product with weights and biases.
    fn gemm(&mut self, place: Place<'g>, value: &Value, names: &[&'g str]) -> Result<Value, Error> {
        if place.int("transA", 0) != 0 || place.float("alpha").unwrap_or(1.0) != 1.0 {
            return Err(place.refused("alpha 1 and transA 0", "others"));
        }
        let biases = names.get(2).copied();
        if biases.is_some() && place.float("beta").unwrap_or(1.0) != 1.0 {
            return Err(place.refused("beta 1", place.float("beta").unwrap_or(1.0)));
        }
        self.product(place, value, names[1], place.int("transB", 0) != 0, biases)
    }

    /// A layer begins: the product of `value` with the weights of that name, which have a row for each output if `by_outputs`.
    fn product(
        &mut self,
        place: Place<'g>,
        value: &Value,
        weights: &'g str,
        by_outputs: bool,
        biases: Option<&str>,
    ) -> Result<Value, Error> {
        let tensor = self.constants[weights];
        let dims = shape(tensor)?;
        let (outputs, inputs) = match *dims {
            [outputs, inputs] if by_outputs => (outputs, inputs),
            [inputs, outputs] => (outputs, inputs),
            _ => {
                return Err(Error::tensor(
                    weights,
                    "weights, in two dimensions",
                    format!("shape {dims:?}"),
                    "",
                ));
            }
        };
        if outputs == 0 || inputs == 0 {
            return Err(Error::tensor(weights, "weights of a layer", format!("shape {dims:?}"), ""));
        }
        match value {
            Value::Inputs(scaling) => {
                if self.scaling.is_some() {
                    return Err(place.refused("one first layer", "a second one"));
                }
                let length = scaling.factors.len();
                if length != 1 && length != inputs {
                    return Err(place.refused(format!("a scaling of {inputs} inputs"), length));
                }
                self.scaling = Some(scaling.clone());
            }
            Value::Function { layer, version, function } => {
                self.current(place, *layer, *version)?;
                let activation = function.activation(self.registry).ok_or_else(|| {
                    place.refused(
                        format!("an activation of the library after layer {}", layer + 1),
                        "another function",
                    )
                })?;
                let before = &mut self.layers[*layer];
                before.activation = Some(activation);
                if before.outputs != inputs {
                    return Err(place.refused(
                        format!("weights for the {} outputs of layer {}", before.outputs, layer + 1),
                        format!("for {inputs}"),
                    ));
                }
            }
            Value::Softmax { .. } => {
                return Err(place.refused("softmax after the last layer alone", "a layer after it"));
            }
        }
        if !self.taken.insert(weights) {
            return Err(place.refused("weights of its own for each layer", format!("'{weights}' again")));
        }
        let stored = finite(weights, numbers(tensor, |x| x as f32)?)?;
        let weights = if by_outputs {
            stored
        } else {
            (0..outputs)
                .flat_map(|j| (0..inputs).map(move |k| (j, k)))
                .map(|(j, k)| stored[k * outputs + j])
                .collect()
        };
        let own = match biases {
            None => vec![0.0; outputs],
            Some(name) => {
                let Some(tensor) = self.constants.get(name) else {
                    return Err(place.refused("constant biases", format!("'{name}'")));
                };
                let given = finite(name, numbers(tensor, |x| x as f32)?)?;
                match given.len() {
                    1 => vec![given[0]; outputs],
                    n if n == outputs => given,
                    n => {
                        return Err(Error::tensor(
                            name,
                            format!("{outputs} biases, one for each output"),
                            n,
                            "",
                        ));
                    }
                }
            }
        };
        let lacks_biases = biases.is_none();
        let found =
            Found { inputs, outputs, weights, biases: own, activation: None, version: 0, lacks_biases };
        self.layers.push(found);
        Ok(Value::Function { layer: self.layers.len() - 1, version: 0, function: Function::identity() })
    }

    /// The network, whose outputs are the value `output`.
    fn end(mut self, output: &str, input: &str) -> Result<Plain, Error> {
        let place = format!("output '{output}'");
        let last = match self.values.remove(output) {
            Some(Value::Function { layer, version, function })
                if layer + 1 == self.layers.len() && version == self.layers[layer].version =>
            {
                function.activation(self.registry)
            }
            Some(Value::Softmax { layer }) if layer + 1 == self.layers.len() => {
                self.registry.activation("softmax")
            }
            _ => {
                return Err(Error::content(place, "the outputs of the last layer", "another value", ""));
            }
        };
        let activation = last.ok_or_else(|| {
            Error::content(
                &place,
                "an activation of the library after the last layer",
                "another function",
                "",
            )
        })?;
        let (Some(layer), Some(scaling)) = (self.layers.last_mut(), self.scaling) else {
            return Err(Error::content(place, "layers", "none", ""));
        };
        layer.activation = Some(activation);
        Ok(Plain { layers: self.layers, scaling, input: input.to_owned() })
    }
}
