use crate::error::quoted;

/// The index of a value in [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ValueId(u32);

/// The values of a pickle, as far as a state dict needs them. Nothing is ever called: calls are kept as function and
/// arguments.
#[derive(Debug)]
pub(crate) enum Value {
    None,
    Int(i128),
    Text(String),
    Tuple(Vec<ValueId>),
    List(Vec<ValueId>),
    /// `dict` and `collections.OrderedDict`, in the order of the file.
    Dict(Vec<(ValueId, ValueId)>),
    /// A class or function, `module.name`.
    Global(String),
    /// A reference to something outside the pickle: PyTorch's storages.
    Persistent(ValueId),
    /// `callable(*args)`, or an object built in another way; attributes that are then set on it are dropped.
    Call {
        callable: ValueId,
        args: ValueId,
    },
    /// Values of other types, which state dicts do not have, by their description.
    Other(&'static str),
}

impl Value {
    /// Text of any protocol; Python 2 wrote bytes as text.
    pub(crate) fn text(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or(Self::Other("bytes"), Self::Text)
    }

    /// Text on a line, in quotes or bare. Escapes are not resolved, since no text that is used here has any.
    pub(crate) fn text_line(line: Vec<u8>, quotes: bool) -> Self {
        let bare = match line.as_slice() {
            [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] if quotes => inner.to_vec(),
            _ => line,
        };
        if bare.contains(&b'\\') { Self::Other("a text with escapes") } else { Self::text(bare) }
    }

    /// A little-endian integer in two's complement.
    pub(crate) fn long(bytes: &[u8]) -> Self {
        let negative = bytes.last().is_some_and(|&high| high >= 0x80);
        let mut value = [if negative { 0xff } else { 0 }; 16];
        match value.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Self::Int(i128::from_le_bytes(value))
            }
            None => Self::Other("a long integer"),
        }
    }
}

/// All values of a pickle in one arena. References are indices, so that shared, cyclic and deeply nested values need
/// neither recursion nor copies, not even when they are dropped.
#[derive(Debug, Default)]
pub(crate) struct Values(Vec<Value>);

impl Values {
    /// Adds a value. `None` if there are 2³² already.
    pub(crate) fn add(&mut self, value: Value) -> Option<ValueId> {
        let id = ValueId(u32::try_from(self.0.len()).ok()?);
        self.0.push(value);
        Some(id)
    }

    /// The value at `id`, which is in range because only [`add`](Self::add) makes ids and values are never removed.
    pub(crate) fn get(&self, id: ValueId) -> &Value {
        &self.0[id.0 as usize]
    }

    /// As [`get`](Self::get), mutable.
    pub(crate) fn get_mut(&mut self, id: ValueId) -> &mut Value {
        &mut self.0[id.0 as usize]
    }

    /// Every value, in the order of the pickle.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    /// The text at `id`, if it is one.
    pub(crate) fn text(&self, id: ValueId) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The tuple at `id`, if it is one.
    pub(crate) fn tuple(&self, id: ValueId) -> Option<&[ValueId]> {
        match self.get(id) {
            Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of the dict at `id`, if it is one.
    pub(crate) fn dict(&self, id: ValueId) -> Option<&[(ValueId, ValueId)]> {
        match self.get(id) {
            Value::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// The `module.name` of the class or function at `id`, if it is one.
    pub(crate) fn global(&self, id: ValueId) -> Option<&str> {
        match self.get(id) {
            Value::Global(path) => Some(path),
            _ => None,
        }
    }

    /// The non-negative integer at `id`, if it is one that a `usize` holds.
    pub(crate) fn size(&self, id: ValueId) -> Option<usize> {
        match self.get(id) {
            Value::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        }
    }

    /// The function's name and the arguments, if `id` is a call of a named function.
    pub(crate) fn call(&self, id: ValueId) -> Option<(&str, &[ValueId])> {
        match self.get(id) {
            Value::Call { callable, args } => Some((self.global(*callable)?, self.tuple(*args)?)),
            _ => None,
        }
    }

    /// A description of the value at `id`, for a message.
    pub(crate) fn describe(&self, id: ValueId) -> String {
        match self.get(id) {
            Value::None => "None".into(),
            Value::Int(value) => format!("the integer {value}"),
            Value::Text(text) => format!("the text {}", quoted(text)),
            Value::Tuple(_) => "a tuple".into(),
            Value::List(_) => "a list".into(),
            Value::Dict(entries) if entries.is_empty() => "an empty dict".into(),
            Value::Dict(_) => "a dict".into(),
            Value::Global(path) => format!("the class or function {}", quoted(path)),
            Value::Persistent(_) => "a storage".into(),
            Value::Call { callable, .. } => match self.global(*callable) {
                Some(path) => format!("an object made by {}", quoted(path)),
                None => "a pickled object".into(),
            },
            Value::Other(description) => (*description).into(),
        }
    }
}
