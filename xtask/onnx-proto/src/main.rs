//! Writes the code of the messages of ONNX that the exchange needs: `onnx-proto PATH/onnx.proto OUTPUT`.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use prost_types::{DescriptorProto, FileDescriptorProto};

/// The messages that are kept, each with its fields. A message in another has the names of both. A reader skips the other fields.
const KEPT: [(&str, &[&str]); 12] = [
    (
        "ModelProto",
        &["ir_version", "producer_name", "producer_version", "graph", "opset_import", "metadata_props"],
    ),
    ("GraphProto", &["node", "name", "initializer", "input", "output"]),
    ("NodeProto", &["input", "output", "name", "op_type", "domain", "attribute"]),
    ("AttributeProto", &["name", "type", "f", "i", "s", "t", "ints"]),
    (
        "TensorProto",
        &[
            "dims",
            "data_type",
            "float_data",
            "int32_data",
            "int64_data",
            "double_data",
            "name",
            "raw_data",
            "data_location",
        ],
    ),
    ("ValueInfoProto", &["name", "type", "doc_string"]),
    ("TypeProto", &["tensor_type"]),
    ("TypeProto.Tensor", &["elem_type", "shape"]),
    ("TensorShapeProto", &["dim"]),
    ("TensorShapeProto.Dimension", &["dim_value", "dim_param"]),
    ("OperatorSetIdProto", &["domain", "version"]),
    ("StringStringEntryProto", &["key", "value"]),
];

const HEAD: &str = "// The messages of ONNX that are needed here. `cargo xtask onnx-proto` makes this file; ARCHITECTURE.md says of what.\n\n";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    ensure!(arguments.len() == 2, "expected the path of onnx.proto and that of the output");
    let (proto, output) = (Path::new(&arguments[0]), Path::new(&arguments[1]));
    let folder = proto.parent().context("a folder")?;
    let mut set = protox::compile([proto], [folder])?;
    set.file.iter_mut().for_each(keep);
    let made = std::env::temp_dir().join(format!("onnx-proto-{}", std::process::id()));
    std::fs::create_dir_all(&made)?;
    prost_build::Config::new().disable_comments(["."]).out_dir(&made).compile_fds(set)?;
    let code = std::fs::read_to_string(made.join("onnx.rs"))?;
    std::fs::remove_dir_all(&made)?;
    std::fs::write(output, format!("{HEAD}{code}"))?;
    let status =
        Command::new("rustfmt").args(["--edition", "2024"]).arg(output).status().context("rustfmt")?;
    ensure!(status.success(), "rustfmt ends with {status}");
    Ok(())
}

/// Leaves what is kept of a file.
fn keep(file: &mut FileDescriptorProto) {
    file.service.clear();
    file.enum_type.clear();
    file.message_type.retain_mut(|message| keep_message(message, ""));
}

/// Leaves what is kept of a message in `parent`, and tells whether anything is.
fn keep_message(message: &mut DescriptorProto, parent: &str) -> bool {
    let name = format!("{parent}{}", message.name());
    let Some((_, fields)) = KEPT.iter().find(|(kept, _)| *kept == name) else { return false };
    message.field.retain(|field| fields.contains(&field.name()));
    let within = format!("{name}.");
    message.nested_type.retain_mut(|nested| keep_message(nested, &within));
    true
}
