//! Reads the ONNX fields that the tests need. It shares no code with the crate's writer.

use std::collections::BTreeMap;

pub(crate) struct Model {
    pub(crate) nodes: Vec<Node>,
    pub(crate) initializers: Vec<Initializer>,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    /// The number formats of the inputs.
    pub(crate) input_types: Vec<u64>,
    /// The sides of the inputs; `None` for those that are open.
    pub(crate) input_sides: Vec<Vec<Option<u64>>>,
    /// The version of each domain's operators.
    pub(crate) opsets: BTreeMap<String, u64>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The domain of the operator; empty for operators of the ONNX standard.
    pub(crate) domain: String,
    pub(crate) operator: String,
    /// The number format to which a `Cast` converts.
    pub(crate) converts_to: Option<u64>,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
}

pub(crate) struct Initializer {
    pub(crate) name: String,
    pub(crate) dims: Vec<u64>,
    pub(crate) data_type: u64,
    /// The `location`, `offset` and `length` of external data; empty if the numbers are in the graph.
    pub(crate) external: BTreeMap<String, String>,
}

pub(crate) fn read(bytes: &[u8]) -> Model {
    let model = fields(bytes);
    let opsets = model.iter().filter(|(field, _)| *field == 8);
    let opsets = opsets.map(|(_, opset)| {
        let opset = fields(opset.bytes());
        (text(only(opset.clone(), 1)), only(opset, 2).integer())
    });
    let opsets = opsets.collect();
    let graph = only(model, 7);
    let graph = fields(graph.bytes());
    let all = |number| graph.iter().filter(move |(field, _)| *field == number);
    let name = |field: &Field<'_>| text(only(fields(field.bytes()), 1));
    Model {
        nodes: all(1).map(|(_, field)| node(field.bytes())).collect(),
        initializers: all(5)
            .map(|(_, field)| initializer(field.bytes()))
            .collect(),
        inputs: all(11).map(|(_, field)| name(field)).collect(),
        outputs: all(12).map(|(_, field)| name(field)).collect(),
        input_types: all(11)
            .map(|(_, field)| value_type(field.bytes()))
            .collect(),
        input_sides: all(11)
            .map(|(_, field)| value_sides(field.bytes()))
            .collect(),
        opsets,
    }
}

/// Reads the number format in a `ValueInfoProto`.
fn value_type(bytes: &[u8]) -> u64 {
    let tensor = only(fields(only(fields(bytes), 2).bytes()), 1);
    only(fields(tensor.bytes()), 1).integer()
}

/// Reads the sides in a `ValueInfoProto`.
fn value_sides(bytes: &[u8]) -> Vec<Option<u64>> {
    let tensor = only(fields(only(fields(bytes), 2).bytes()), 1);
    let shape = only(fields(tensor.bytes()), 2);
    let sides = fields(shape.bytes());
    let fixed = |(_, side): &(u64, Field<'_>)| {
        let mut fields = fields(side.bytes()).into_iter();
        let size = fields.find(|(field, _)| *field == 1);
        size.map(|(_, size)| size.integer())
    };
    sides.iter().map(fixed).collect()
}

fn node(bytes: &[u8]) -> Node {
    let fields = fields(bytes);
    let texts = |number| -> Vec<String> {
        fields
            .iter()
            .filter(|(field, _)| *field == number)
            .map(|(_, value)| text(*value))
            .collect()
    };
    Node {
        inputs: texts(1),
        outputs: texts(2),
        operator: text(only(fields.clone(), 4)),
        domain: texts(7).pop().unwrap_or_default(),
        converts_to: fields
            .iter()
            .filter(|(field, _)| *field == 5)
            .find_map(|(_, attribute)| {
                let attribute = self::fields(attribute.bytes());
                let is_target = text(only(attribute.clone(), 1)) == "to";
                is_target.then(|| only(attribute, 3).integer())
            }),
    }
}

fn initializer(bytes: &[u8]) -> Initializer {
    let parts = fields(bytes);
    let of = |number| parts.iter().filter(move |(field, _)| *field == number);
    let entry = |(_, field): &(u64, Field<'_>)| {
        let entry = fields(field.bytes());
        (text(only(entry.clone(), 1)), text(only(entry, 2)))
    };
    Initializer {
        name: text(only(parts.clone(), 8)),
        dims: of(1).map(|(_, field)| field.integer()).collect(),
        data_type: only(parts.clone(), 2).integer(),
        external: of(13).map(entry).collect(),
    }
}

#[derive(Clone, Copy)]
enum Field<'a> {
    Integer(u64),
    Bytes(&'a [u8]),
    Float,
}

impl<'a> Field<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => panic!("not a length-delimited field"),
        }
    }

    fn integer(self) -> u64 {
        match self {
            Self::Integer(integer) => integer,
            _ => panic!("not an integer field"),
        }
    }
}

fn only(fields: Vec<(u64, Field<'_>)>, number: u64) -> Field<'_> {
    let mut found = fields.into_iter().filter(|(field, _)| *field == number);
    let (_, value) = found
        .next()
        .unwrap_or_else(|| panic!("field {number} is absent"));
    assert!(found.next().is_none(), "field {number} is there twice");
    value
}

fn text(field: Field<'_>) -> String {
    String::from_utf8(field.bytes().to_vec()).unwrap()
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = match key & 7 {
            0 => Field::Integer(varint(&mut bytes)),
            2 => {
                let length = varint(&mut bytes) as usize;
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                Field::Bytes(value)
            }
            5 => {
                bytes = &bytes[4..];
                Field::Float
            }
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, value));
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
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
