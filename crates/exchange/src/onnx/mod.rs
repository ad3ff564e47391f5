//! ONNX: a graph of operators, for inference engines. Opset 13, IR version 8.
//!
//! A graph that is written here holds the whole way from raw numbers to the answer: the preparation of the inputs, the layers, and the
//! classes or values that the outputs stand for. A graph that is read is followed from its inputs to its outputs; whatever isn't a plain
//! network is refused by the first node that doesn't fit.

mod activation;
mod export;
mod function;
mod graph;
mod import;
mod inputs;
#[allow(
    clippy::doc_markdown,
    clippy::large_enum_variant,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    dead_code,
    reason = "generated"
)]
mod proto;
mod tensor;
mod walk;

pub(crate) use export::export;
pub(crate) use import::import;

/// The key of the description among the metadata.
const DESCRIPTION: &str = "minibatch";

/// The name of this program in the files that it writes.
const PRODUCER: &str = "minibatch";
