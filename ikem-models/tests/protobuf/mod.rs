//! A reader of protobuf messages, as little as the tests need.

/// A message: its fields in order, by number.
pub(crate) struct Message(Vec<(u64, Field)>);

enum Field {
    Int(u64),
    Bytes(Vec<u8>),
}

impl Message {
    pub(crate) fn parse(mut bytes: &[u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let field = match key & 7 {
                0 => Field::Int(varint(&mut bytes)),
                2 => {
                    let length = varint(&mut bytes) as usize;
                    Field::Bytes(bytes.split_off(..length).expect("a whole field").to_vec())
                }
                5 => Field::Bytes(bytes.split_off(..4).expect("a whole field").to_vec()),
                kind => panic!("wire type {kind}"),
            };
            fields.push((key >> 3, field));
        }
        Self(fields)
    }

    fn all<'a, T>(&'a self, number: u64, get: impl Fn(&'a Field) -> Option<T>) -> Vec<T> {
        self.0.iter().filter(|(found, _)| *found == number).filter_map(|(_, field)| get(field)).collect()
    }

    pub(crate) fn ints(&self, number: u64) -> Vec<u64> {
        self.all(number, |field| if let Field::Int(value) = field { Some(*value) } else { None })
    }

    pub(crate) fn int(&self, number: u64) -> Option<u64> {
        self.ints(number).first().copied()
    }

    fn all_bytes(&self, number: u64) -> Vec<&[u8]> {
        self.all(number, |field| if let Field::Bytes(bytes) = field { Some(bytes.as_slice()) } else { None })
    }

    /// The bytes of the field, empty if there is none.
    pub(crate) fn bytes(&self, number: u64) -> &[u8] {
        self.all_bytes(number).first().copied().unwrap_or_default()
    }

    pub(crate) fn texts(&self, number: u64) -> Vec<String> {
        self.all_bytes(number).into_iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    pub(crate) fn text(&self, number: u64) -> String {
        String::from_utf8_lossy(self.bytes(number)).into_owned()
    }

    pub(crate) fn messages(&self, number: u64) -> Vec<Self> {
        self.all_bytes(number).into_iter().map(Self::parse).collect()
    }

    pub(crate) fn message(&self, number: u64) -> Self {
        Self::parse(self.bytes(number))
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes.split_off_first().copied().expect("a whole number");
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
    }
    panic!("a number of more than 64 bits")
}
