//! A graph that is written, node by node.

use super::proto::attribute_proto::AttributeType;
use super::proto::tensor_proto::DataType;
use super::proto::tensor_shape_proto::{Dimension, dimension};
use super::proto::{
    AttributeProto, GraphProto, NodeProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
    type_proto,
};

/// The name of the dimension of examples.
const BATCH: &str = "batch";

/// A graph that grows.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) proto: GraphProto,
    /// The names of the single numbers that are there.
    constants: Vec<String>,
}

impl Graph {
    /// Adds a node whose one output is called `output`. Returns that name.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&str], output: &str) -> String {
        self.node_with(operator, inputs, output, Vec::new())
    }

    /// As [`node`](Self::node), with attributes.
    pub(super) fn node_with(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attribute: Vec<AttributeProto>,
    ) -> String {
        self.proto.node.push(NodeProto {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: Some(output.to_owned()),
            op_type: Some(operator.to_owned()),
            domain: None,
            attribute,
        });
        output.to_owned()
    }

    /// Adds a cast.
    pub(super) fn cast(&mut self, input: &str, to: DataType, output: &str) -> String {
        self.node_with("Cast", &[input], output, vec![int("to", i64::from(to as i32))])
    }

    /// Adds a tensor of f32. Returns its name.
    pub(super) fn floats(
        &mut self,
        name: &str,
        dims: &[usize],
        numbers: impl IntoIterator<Item = f32>,
    ) -> String {
        let bytes = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
        self.tensor(name, DataType::Float, dims, bytes)
    }

    /// Adds a tensor of f64.
    pub(super) fn doubles(
        &mut self,
        name: &str,
        dims: &[usize],
        numbers: impl IntoIterator<Item = f64>,
    ) -> String {
        let bytes = numbers.into_iter().flat_map(f64::to_le_bytes).collect();
        self.tensor(name, DataType::Double, dims, bytes)
    }

    /// Adds a list of whole numbers.
    pub(super) fn integers(&mut self, name: &str, numbers: &[usize]) -> String {
        let bytes = numbers.iter().flat_map(|&x| (x as i64).to_le_bytes()).collect();
        self.tensor(name, DataType::Int64, &[numbers.len()], bytes)
    }

    /// Adds a single f32, unless it is there. Returns its name.
    pub(super) fn constant(&mut self, number: f32) -> String {
        let name = format!("constant.{number}");
        if !self.constants.contains(&name) {
            self.constants.push(name.clone());
            self.floats(&name, &[], [number]);
        }
        name
    }

    fn tensor(&mut self, name: &str, data_type: DataType, dims: &[usize], bytes: Vec<u8>) -> String {
        self.proto.initializer.push(TensorProto {
            name: Some(name.to_owned()),
            data_type: Some(data_type as i32),
            dims: dims.iter().map(|&n| n as i64).collect(),
            raw_data: Some(bytes),
            ..TensorProto::default()
        });
        name.to_owned()
    }

    /// Declares an input: examples of this shape.
    pub(super) fn input(&mut self, name: &str, element: DataType, shape: &[usize], says: &str) {
        self.proto.input.push(value(name, element, shape, says));
    }

    /// Declares an output: a row of this shape for each example.
    pub(super) fn output(&mut self, name: &str, element: DataType, shape: &[usize], says: &str) {
        self.proto.output.push(value(name, element, shape, says));
    }
}

/// A value of so many examples of a shape.
fn value(name: &str, element: DataType, shape: &[usize], says: &str) -> ValueInfoProto {
    let batch = Dimension { value: Some(dimension::Value::DimParam(BATCH.to_owned())) };
    let rest = shape.iter().map(|&n| Dimension { value: Some(dimension::Value::DimValue(n as i64)) });
    let shape = TensorShapeProto { dim: [batch].into_iter().chain(rest).collect() };
    let tensor = type_proto::Tensor { elem_type: Some(element as i32), shape: Some(shape) };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)) }),
        doc_string: Some(says.to_owned()),
    }
}

/// An attribute that is a whole number.
pub(super) fn int(name: &str, number: i64) -> AttributeProto {
    let kind = Some(AttributeType::Int as i32);
    AttributeProto { name: Some(name.to_owned()), r#type: kind, i: Some(number), ..AttributeProto::default() }
}

/// An attribute that is an f32.
pub(super) fn float(name: &str, number: f32) -> AttributeProto {
    let kind = Some(AttributeType::Float as i32);
    AttributeProto { name: Some(name.to_owned()), r#type: kind, f: Some(number), ..AttributeProto::default() }
}
