//! The part of the protobuf wire format that ONNX files need.

/// The wire types of fields.
const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;
const FIXED_32: u64 = 5;

/// A protobuf message, encoded as its fields are added.
#[derive(Debug, Clone, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// A message with the texts of the given fields.
    pub(super) fn of_texts(fields: &[(u64, &str)]) -> Self {
        let mut message = Self::default();
        fields.iter().for_each(|&(field, text)| message.text(field, text));
        message
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u64, wire_type: u64) {
        self.varint(field << 3 | wire_type);
    }

    /// An `int64` or an enum; negative numbers are in two's complement.
    pub(super) fn int(&mut self, field: u64, value: i64) {
        self.key(field, VARINT);
        self.varint(value.cast_unsigned());
    }

    pub(super) fn float(&mut self, field: u64, value: f32) {
        self.key(field, FIXED_32);
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.key(field, LENGTH_DELIMITED);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    pub(super) fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    pub(super) fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }

    /// The encoded message.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of protobuf's own description of its encoding.
    #[test]
    fn fields_are_encoded_as_protobuf_describes() {
        let mut inner = Message::default();
        inner.int(1, 150);
        assert_eq!(inner.0, [0x08, 0x96, 0x01]);
        let mut outer = Message::of_texts(&[(2, "testing")]);
        assert_eq!(outer.0, *b"\x12\x07testing");
        outer.message(3, &inner);
        assert_eq!(outer.0[9..], [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let mut numbers = Message::default();
        numbers.int(1, -2);
        numbers.float(2, 1.0);
        let expected =
            [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x15, 0, 0, 0x80, 0x3f];
        assert_eq!(numbers.into_bytes(), expected);
    }
}
