//! Encodes protobuf messages, as far as ONNX files need it.

/// A message that is being written. Its fields are in the order in which they were added.
#[derive(Default)]
pub(crate) struct Message {
    bytes: Vec<u8>,
}

/// The wire types of the protobuf encoding.
const VARINT: u32 = 0;
const LENGTH_DELIMITED: u32 = 2;
const FIXED32: u32 = 5;

impl Message {
    /// Returns the encoded message.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Adds an `int64` field. Negative numbers take ten bytes.
    pub(crate) fn integer(mut self, field: u32, value: i64) -> Self {
        self.key(field, VARINT);
        self.varint(value.cast_unsigned());
        self
    }

    /// Adds a `float` field.
    pub(crate) fn float(mut self, field: u32, value: f32) -> Self {
        self.key(field, FIXED32);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Adds a `bytes` field.
    pub(crate) fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.key(field, LENGTH_DELIMITED);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
        self
    }

    /// Adds a `string` field.
    pub(crate) fn text(self, field: u32, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    /// Adds a field that is itself a message.
    pub(crate) fn message(self, field: u32, value: Self) -> Self {
        self.bytes(field, &value.bytes)
    }

    /// Adds a repeated `int64` field. Each number is a separate field, as in proto2, in which ONNX's schema
    /// is written.
    pub(crate) fn integers(self, field: u32, values: &[i64]) -> Self {
        values
            .iter()
            .fold(self, |message, &value| message.integer(field, value))
    }

    fn key(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    /// The examples are those of protobuf's documentation of its encoding.
    #[test]
    fn messages_are_encoded_as_in_the_specification() {
        assert_eq!(
            Message::default().integer(1, 150).into_bytes(),
            [0x08, 0x96, 0x01]
        );
        let text = Message::default().text(2, "testing").into_bytes();
        assert_eq!(text, b"\x12\x07testing");
        let nested = Message::default().message(3, Message::default().integer(1, 150));
        assert_eq!(nested.into_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        assert_eq!(Message::default().integer(1, -2).into_bytes().len(), 11);
    }
}
