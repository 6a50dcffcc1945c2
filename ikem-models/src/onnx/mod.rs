//! ONNX graphs, which networks describe themselves with, and the file of one.

mod graph;
mod proto;

pub(crate) use self::graph::{Graph, GraphInputs, Value};
use self::proto::Message;

/// The version of the file format, and of the operators.
const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;

/// The `ModelProto` of a graph called `name`, with the model's config as the metadata entry `ikem.config`.
pub(crate) fn model(graph: &Graph, name: &str, config: &str) -> Vec<u8> {
    let mut model = Message::default();
    model.int(1, IR_VERSION);
    model.text(2, env!("CARGO_PKG_NAME"));
    model.text(3, env!("CARGO_PKG_VERSION"));
    model.message(7, &graph.encoded(name));
    let mut opset = Message::default();
    opset.int(2, OPSET);
    model.message(8, &opset);
    model.message(14, &Message::of_texts(&[(1, "ikem.config"), (2, config)]));
    model.into_bytes()
}
