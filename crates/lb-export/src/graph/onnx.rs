//! The protobuf messages of ONNX that graphs need. The field numbers are those of `onnx.proto`.

use lb_checkpoint::StoredTensor;

use super::protobuf::Message;

/// A number format of values in a graph (`TensorProto.DataType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ElementType {
    Float32 = 1,
    Int64 = 7,
    Float16 = 10,
    BFloat16 = 16,
}

/// An attribute of a node: its name and value.
pub(crate) enum Attribute<'a> {
    Integer(&'a str, i64),
    Integers(&'a str, &'a [i64]),
    Float(&'a str, f32),
    Text(&'a str, &'a str),
}

/// The size of an input or output along one axis.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dimension {
    /// A size that is the same in all runs.
    Fixed(usize),
    /// A size that can differ from run to run. Within a run, sizes with the same name are equal.
    Named(&'static str),
}

impl Dimension {
    /// Returns the shape of pictures or latents, given the names of their height and width, and their
    /// size if the graph is for one size only.
    pub(crate) fn picture(
        channels: usize,
        names: [&'static str; 2],
        size: Option<[usize; 2]>,
    ) -> [Self; 4] {
        let [height, width] = match size {
            Some(size) => size.map(Self::Fixed),
            None => names.map(Self::Named),
        };
        let batch = Self::Named("batch_size");
        [batch, Self::Fixed(channels), height, width]
    }
}

/// ONNX Runtime's own operators that graphs use, and their domain. They are not part of the ONNX standard.
const CONTRIBUTED: [&str; 6] = [
    "BiasAdd",
    "BiasSplitGelu",
    "FusedMatMul",
    "GroupNorm",
    "MultiHeadAttention",
    "QuickGelu",
];
const CONTRIBUTED_DOMAIN: &str = "com.microsoft";

/// Encodes a `NodeProto`.
pub(crate) fn node(
    name: &str,
    operator: &str,
    inputs: &[&str],
    outputs: &[&str],
    attributes: &[Attribute<'_>],
) -> Message {
    let mut message = Message::default();
    for input in inputs {
        message = message.text(1, input);
    }
    for output in outputs {
        message = message.text(2, output);
    }
    message = message.text(3, name).text(4, operator);
    for attribute in attributes {
        message = message.message(5, attribute.message());
    }
    if CONTRIBUTED.contains(&operator) {
        message = message.text(7, CONTRIBUTED_DOMAIN);
    }
    message
}

impl Attribute<'_> {
    /// Encodes an `AttributeProto`. Its field 20 is the type of the value.
    fn message(&self) -> Message {
        let message = Message::default();
        match self {
            Self::Float(name, value) => message.text(1, name).float(2, *value).integer(20, 1),
            Self::Integer(name, value) => message.text(1, name).integer(3, *value).integer(20, 2),
            Self::Text(name, value) => message.text(1, name).text(4, value).integer(20, 3),
            Self::Integers(name, values) => {
                message.text(1, name).integers(8, values).integer(20, 7)
            }
        }
    }
}

/// Encodes a `TensorProto` that contains its numbers.
pub(crate) fn inline_tensor(
    name: &str,
    element: ElementType,
    shape: &[usize],
    bytes: &[u8],
) -> Message {
    tensor(name, element, shape).bytes(9, bytes)
}

/// Encodes a `TensorProto` whose numbers are a byte range of the file `location`.
pub(crate) fn external_tensor(
    name: &str,
    element: ElementType,
    stored: &StoredTensor,
    location: &str,
) -> Message {
    const EXTERNAL: i64 = 1;
    let entry = |key, value: &str| Message::default().text(1, key).text(2, value);
    tensor(name, element, &stored.shape)
        .message(13, entry("location", location))
        .message(13, entry("offset", &stored.offset.to_string()))
        .message(13, entry("length", &stored.length.to_string()))
        .integer(14, EXTERNAL)
}

fn tensor(name: &str, element: ElementType, shape: &[usize]) -> Message {
    let dims: Vec<_> = shape.iter().map(|&dim| dim as i64).collect();
    Message::default()
        .integers(1, &dims)
        .integer(2, element as i64)
        .text(8, name)
}

/// Encodes the `ValueInfoProto` of an input or output.
pub(crate) fn value_info(name: &str, element: ElementType, shape: &[Dimension]) -> Message {
    let shape = shape.iter().fold(Message::default(), |message, dimension| {
        let dimension = match dimension {
            Dimension::Fixed(size) => Message::default().integer(1, *size as i64),
            Dimension::Named(name) => Message::default().text(2, name),
        };
        message.message(1, dimension)
    });
    let tensor = Message::default()
        .integer(1, element as i64)
        .message(2, shape);
    Message::default()
        .text(1, name)
        .message(2, Message::default().message(1, tensor))
}

/// The parts of a `GraphProto`, in the order of the file.
#[derive(Default)]
pub(crate) struct GraphParts {
    pub(crate) name: String,
    pub(crate) nodes: Vec<Message>,
    pub(crate) initializers: Vec<Message>,
    pub(crate) inputs: Vec<Message>,
    pub(crate) outputs: Vec<Message>,
}

/// Encodes a `ModelProto`. `contributed` says whether it uses ONNX Runtime's own operators.
pub(crate) fn model(graph: GraphParts, opset: i64, contributed: bool) -> Vec<u8> {
    /// The version of the file format that introduced opset 20. Readers refuse versions that are newer
    /// than they are, so no newer one is used.
    const IR_VERSION: i64 = 9;
    let mut body = Message::default();
    for node in graph.nodes {
        body = body.message(1, node);
    }
    body = body.text(2, &graph.name);
    for (field, messages) in [
        (5, graph.initializers),
        (11, graph.inputs),
        (12, graph.outputs),
    ] {
        for message in messages {
            body = body.message(field, message);
        }
    }
    let operators = |domain, version| Message::default().text(1, domain).integer(2, version);
    let mut message = Message::default()
        .integer(1, IR_VERSION)
        .text(2, env!("CARGO_PKG_NAME"))
        .text(3, env!("CARGO_PKG_VERSION"))
        .message(7, body)
        .message(8, operators("", opset));
    if contributed {
        message = message.message(8, operators(CONTRIBUTED_DOMAIN, 1));
    }
    message.into_bytes()
}
