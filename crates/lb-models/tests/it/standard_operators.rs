//! Replaces the operators for which only ONNX Runtime's CUDA provider has kernels by operators of the ONNX
//! standard, so that graphs for CUDA can be run on a CPU. The replacements are written from ONNX Runtime's
//! documentation of these operators, and share no code with the crate that writes the graphs.

/// A field of a protobuf message.
struct Field<'a> {
    number: u64,
    /// The value, if it is bytes, a text or a message; otherwise nothing.
    payload: &'a [u8],
    /// The value of an integer.
    integer: u64,
    /// The whole field.
    encoded: &'a [u8],
}

/// A node that is replaced.
struct Node {
    operator: String,
    inputs: Vec<String>,
    output: String,
    /// The names and values of integer attributes.
    integers: Vec<(String, i64)>,
    epsilon: f32,
}

enum Attribute<'a> {
    Integer(&'a str, i64),
    Integers(&'a str, &'a [i64]),
    Float(&'a str, f32),
    Floats(&'a str, &'a [f32]),
}

/// Returns the model (`ModelProto`) with each node of these operators replaced.
pub(crate) fn with_standard_operators(model: &[u8]) -> Vec<u8> {
    const GRAPH: u64 = 7;
    const NODE: u64 = 1;
    rewrite(model, GRAPH, |graph| {
        vec![rewrite(graph, NODE, |node| {
            replacement(node).unwrap_or_else(|| vec![node.to_vec()])
        })]
    })
}

/// Replaces each field of this number by any number of fields.
fn rewrite(message: &[u8], number: u64, new: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Vec<u8> {
    let mut written = Vec::new();
    for field in fields(message) {
        if field.number == number {
            for payload in new(field.payload) {
                write_bytes(&mut written, number, &payload);
            }
        } else {
            written.extend(field.encoded);
        }
    }
    written
}

fn replacement(node: &[u8]) -> Option<Vec<Vec<u8>>> {
    let node = read_node(node);
    match node.operator.as_str() {
        "GroupNorm" => Some(group_norm(&node)),
        "BiasSplitGelu" => Some(bias_split_gelu(&node)),
        "BiasAdd" => Some(bias_add(&node)),
        _ => None,
    }
}

/// Normalises groups of channels of pictures whose channels are last, in 32 bits.
fn group_norm(node: &Node) -> Vec<Vec<u8>> {
    let integer = |name: &str| {
        let mut found = node.integers.iter().filter(|(found, _)| found == name);
        found.next().map(|(_, value)| *value).unwrap()
    };
    assert_eq!(integer("channels_last"), 1);
    let groups = integer("groups");
    let ([x, scale, shift], y) = (inputs(node), node.output.as_str());
    let at = |step: &str| format!("{y}/{step}");
    let of_groups = |name, value: f32| {
        let values = vec![value; groups as usize];
        let value = Attribute::Floats("value_floats", &values);
        write_node("Constant", &[], &at(name), &[value])
    };
    let grouped = Attribute::Integers("value_ints", &[0, groups, -1]);
    let epsilon = Attribute::Float("epsilon", node.epsilon);
    let first = Attribute::Integers("perm", &[0, 3, 1, 2]);
    let last = Attribute::Integers("perm", &[0, 2, 3, 1]);
    let normalised = ["rows", "ones", "zeros"].map(at);
    let normalised = normalised.each_ref().map(String::as_str);
    let mut nodes = vec![
        write_node("Transpose", &[x], &at("first"), &[first]),
        write_node(
            "Cast",
            &[&at("first")],
            &at("wide"),
            &[Attribute::Integer("to", 1)],
        ),
        write_node("Shape", &[&at("wide")], &at("shape"), &[]),
        write_node("Constant", &[], &at("grouped"), &[grouped]),
        write_node("Reshape", &[&at("wide"), &at("grouped")], &at("rows"), &[]),
        of_groups("ones", 1.0),
        of_groups("zeros", 0.0),
        write_node(
            "InstanceNormalization",
            &normalised,
            &at("normal"),
            &[epsilon],
        ),
        write_node(
            "Reshape",
            &[&at("normal"), &at("shape")],
            &at("picture"),
            &[],
        ),
        write_node("Transpose", &[&at("picture")], &at("last"), &[last]),
        write_node("Mul", &[&at("last"), scale], &at("scaled"), &[]),
        write_node("Add", &[&at("scaled"), shift], &at("shifted"), &[]),
    ];
    let mut result = at("shifted");
    if integer("activation") == 1 {
        nodes.push(write_node("Sigmoid", &[&result], &at("gate"), &[]));
        nodes.push(write_node("Mul", &[&result, &at("gate")], &at("silu"), &[]));
        result = at("silu");
    }
    nodes.push(write_node("CastLike", &[&result, x], y, &[]));
    nodes
}

/// Adds a bias, and multiplies the first half of the channels by the GELU of the second.
fn bias_split_gelu(node: &Node) -> Vec<Vec<u8>> {
    let ([x, bias], y) = (inputs(node), node.output.as_str());
    let at = |step: &str| format!("{y}/{step}");
    let halves = [at("left"), at("right")];
    let split = [
        Attribute::Integer("axis", -1),
        Attribute::Integer("num_outputs", 2),
    ];
    let halves_of = write_node_with(
        "Split",
        &[&at("sum")],
        &halves.each_ref().map(String::as_str),
        &split,
    );
    vec![
        write_node("Add", &[x, bias], &at("sum"), &[]),
        halves_of,
        write_node("Gelu", &[&at("right")], &at("gate"), &[]),
        write_node("Mul", &[&at("left"), &at("gate")], y, &[]),
    ]
}

/// Adds a bias and a residual.
fn bias_add(node: &Node) -> Vec<Vec<u8>> {
    let ([x, bias, residual], y) = (inputs(node), node.output.as_str());
    let sum = format!("{y}/sum");
    vec![
        write_node("Add", &[x, bias], &sum, &[]),
        write_node("Add", &[&sum, residual], y, &[]),
    ]
}

fn inputs<const N: usize>(node: &Node) -> [&str; N] {
    let names: Vec<&str> = node.inputs.iter().map(String::as_str).collect();
    names.try_into().unwrap()
}

fn read_node(bytes: &[u8]) -> Node {
    let mut node = Node {
        operator: String::new(),
        inputs: Vec::new(),
        output: String::new(),
        integers: Vec::new(),
        epsilon: 0.0,
    };
    for field in fields(bytes) {
        let text = || String::from_utf8(field.payload.to_vec()).unwrap();
        match field.number {
            1 => node.inputs.push(text()),
            2 => node.output = text(),
            4 => node.operator = text(),
            5 => {
                let mut name = String::new();
                for part in fields(field.payload) {
                    match part.number {
                        1 => name = String::from_utf8(part.payload.to_vec()).unwrap(),
                        2 => node.epsilon = f32::from_le_bytes(part.payload.try_into().unwrap()),
                        3 => node.integers.push((name.clone(), part.integer as i64)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    node
}

fn write_node(
    operator: &str,
    inputs: &[&str],
    output: &str,
    attributes: &[Attribute<'_>],
) -> Vec<u8> {
    write_node_with(operator, inputs, &[output], attributes)
}

fn write_node_with(
    operator: &str,
    inputs: &[&str],
    outputs: &[&str],
    attributes: &[Attribute<'_>],
) -> Vec<u8> {
    let mut node = Vec::new();
    for input in inputs {
        write_bytes(&mut node, 1, input.as_bytes());
    }
    for output in outputs {
        write_bytes(&mut node, 2, output.as_bytes());
    }
    write_bytes(&mut node, 4, operator.as_bytes());
    for attribute in attributes {
        write_bytes(&mut node, 5, &write_attribute(attribute));
    }
    node
}

/// Encodes an `AttributeProto`. Its field 20 is the type of the value.
fn write_attribute(attribute: &Attribute<'_>) -> Vec<u8> {
    let (Attribute::Integer(name, _)
    | Attribute::Integers(name, _)
    | Attribute::Float(name, _)
    | Attribute::Floats(name, _)) = attribute;
    let mut written = Vec::new();
    write_bytes(&mut written, 1, name.as_bytes());
    let kind = match attribute {
        Attribute::Float(_, value) => {
            write_float(&mut written, 2, *value);
            1
        }
        Attribute::Integer(_, value) => {
            write_integer(&mut written, 3, *value as u64);
            2
        }
        Attribute::Floats(_, values) => {
            values
                .iter()
                .for_each(|value| write_float(&mut written, 7, *value));
            6
        }
        Attribute::Integers(_, values) => {
            let integers = values.iter();
            integers.for_each(|value| write_integer(&mut written, 8, *value as u64));
            7
        }
    };
    write_integer(&mut written, 20, kind);
    written
}

fn fields(mut bytes: &[u8]) -> Vec<Field<'_>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let start = bytes;
        let key = read_varint(&mut bytes);
        let mut integer = 0;
        let length = match key & 7 {
            0 => {
                integer = read_varint(&mut bytes);
                0
            }
            1 => 8,
            2 => read_varint(&mut bytes) as usize,
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (payload, rest) = bytes.split_at(length);
        bytes = rest;
        found.push(Field {
            number: key >> 3,
            payload,
            integer,
            encoded: &start[..start.len() - rest.len()],
        });
    }
    found
}

fn read_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (&byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn write_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn write_bytes(to: &mut Vec<u8>, number: u64, payload: &[u8]) {
    write_varint(to, number << 3 | 2);
    write_varint(to, payload.len() as u64);
    to.extend(payload);
}

fn write_integer(to: &mut Vec<u8>, number: u64, value: u64) {
    write_varint(to, number << 3);
    write_varint(to, value);
}

fn write_float(to: &mut Vec<u8>, number: u64, value: f32) {
    write_varint(to, number << 3 | 5);
    to.extend(value.to_le_bytes());
}
