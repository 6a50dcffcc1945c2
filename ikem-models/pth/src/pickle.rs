//! The virtual machine of Python's pickle, protocols 0 to 5, without what makes it dangerous: classes and functions are
//! kept as names, and calls and objects are recorded, not made.
//!
//! Time and memory are proportional to the bytes and operations read, both of which are limited: each operation adds at
//! most one value, containers take over values from the stack, and nothing recurses.

use std::collections::HashMap;
use std::io::BufRead;

use crate::error::{PthErrorKind, quoted};
use crate::input::PickleInput;
use crate::limits::PthLimits;
use crate::value::{Value, ValueId, Values};

type Result<T> = std::result::Result<T, PthErrorKind>;

/// The longest `module.name` that is kept; longer ones would let a few operations join long texts again and again.
const MAX_GLOBAL: usize = 1024;

/// The values of a pickle, and the one that it represents.
pub(crate) struct Pickled {
    pub values: Values,
    pub root: ValueId,
}

/// Reads one pickle, up to and including its STOP. `position` is the position of `reader` in its file.
pub(crate) fn read_pickle(reader: impl BufRead, position: u64, limits: &PthLimits) -> Result<Pickled> {
    let mut machine = Machine {
        input: PickleInput::new(reader, position, limits.max_pickle_bytes),
        values: Values::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        operations: 0,
        max_operations: limits.max_pickle_operations,
    };
    loop {
        let opcode = machine.input.next_operation()?;
        if opcode == b'.' {
            let root = machine.pop()?;
            return Ok(Pickled { values: machine.values, root });
        }
        machine.charge(1)?;
        machine.step(opcode)?;
    }
}

struct Machine<R> {
    input: PickleInput<R>,
    values: Values,
    stack: Vec<ValueId>,
    /// Heights of the stack at the open MARKs.
    marks: Vec<usize>,
    memo: HashMap<u64, ValueId>,
    operations: u64,
    max_operations: u64,
}

impl<R: BufRead> Machine<R> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            0x80 => self.protocol(),
            0x95 => self.input.array::<8>().map(drop), // FRAME: only a hint for buffering
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' if self.marks.last() == Some(&self.stack.len()) => self.pop_mark().map(drop),
            b'0' => self.pop().map(drop),
            b'1' => self.pop_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            b'p' | b'q' | b'r' | 0x94 => self.memo_put(opcode),
            b'g' | b'h' | b'j' => self.memo_get(opcode),
            b'a' | b'e' | 0x90 => self.append(opcode),
            b's' | b'u' => self.set_items(opcode),
            b'b' => self.build(),
            _ => {
                let value = match opcode {
                    b'c' | b'i' | b'o' | b'P' | b'Q' | b'R' | 0x81 | 0x92 | 0x93 => self.object(opcode)?,
                    b'd' | b'l' | b't' | 0x85..=0x87 | 0x91 => self.container(opcode)?,
                    _ => self.literal(opcode)?,
                };
                self.push(value)
            }
        }
    }

    fn protocol(&mut self) -> Result<()> {
        match self.input.array()? {
            [0..=5] => Ok(()),
            [other] => self.fail(format!("pickle protocol {other}, expected 0 to 5")),
        }
    }

    /// Values that the pickle contains literally.
    fn literal(&mut self, opcode: u8) -> Result<Value> {
        Ok(match opcode {
            b'N' => Value::None,
            b']' => Value::List(Vec::new()),
            b'}' => Value::Dict(Vec::new()),
            b')' => Value::Tuple(Vec::new()),
            0x8f => Value::Other("a set"),
            0x88 | 0x89 => Value::Other("a bool"),
            b'G' => self.input.array::<8>().map(|_| Value::Other("a float"))?,
            b'F' => self.input.line().map(|_| Value::Other("a float"))?,
            b'I' | b'L' => self.decimal()?,
            b'J' => Value::Int(i32::from_le_bytes(self.input.array()?).into()),
            b'K' => Value::Int(u8::from_le_bytes(self.input.array()?).into()),
            b'M' => Value::Int(u16::from_le_bytes(self.input.array()?).into()),
            0x8a | 0x8b => {
                let length = self.length(if opcode == 0x8a { 1 } else { 4 })?;
                Value::long(&self.input.bytes(length)?)
            }
            b'U' | 0x8c => self.text(1)?,
            b'T' | b'X' => self.text(4)?,
            0x8d => self.text(8)?,
            b'S' | b'V' => Value::text_line(self.input.line()?, opcode == b'S'),
            b'C' => self.bytes(1)?,
            b'B' => self.bytes(4)?,
            0x8e | 0x96 => self.bytes(8)?,
            _ => return Err(PthErrorKind::UnknownOpcode { position: self.input.operation(), opcode }),
        })
    }

    /// Tuples, lists, dicts and frozen sets of values on the stack.
    fn container(&mut self, opcode: u8) -> Result<Value> {
        let items = match opcode {
            0x85..=0x87 => self.pop_many(usize::from(opcode - 0x84))?,
            _ => self.pop_mark()?,
        };
        match opcode {
            b'l' => Ok(Value::List(items)),
            b'd' => self.pairs(&items).map(Value::Dict),
            0x91 => Ok(Value::Other("a frozen set")),
            _ => Ok(Value::Tuple(items)),
        }
    }

    /// Names of classes, references to storages, and calls, which are recorded and not made.
    fn object(&mut self, opcode: u8) -> Result<Value> {
        match opcode {
            b'c' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.global(&module, &name)
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.values.text(module), self.values.text(name)) {
                    (Some(module), Some(name)) => self.global(module.as_bytes(), name.as_bytes()),
                    _ => self.fail("a class is not named by two texts".into()),
                }
            }
            b'P' => {
                let text = Value::text_line(self.input.line()?, false);
                self.add(text).map(Value::Persistent)
            }
            b'Q' => self.pop().map(Value::Persistent),
            b'i' => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                let class = self.global(&module, &name)?;
                let callable = self.add(class)?;
                let args = self.pop_mark()?;
                Ok(Value::Call { callable, args: self.add(Value::Tuple(args))? })
            }
            b'o' => {
                let mut args = self.pop_mark()?;
                if args.is_empty() {
                    return self.fail("an object without a class".into());
                }
                let callable = args.remove(0);
                Ok(Value::Call { callable, args: self.add(Value::Tuple(args))? })
            }
            _ => {
                // NEWOBJ_EX has keyword arguments on top, which no tensor has.
                if opcode == 0x92 {
                    self.pop()?;
                }
                let (args, callable) = (self.pop()?, self.pop()?);
                self.call(callable, args)
            }
        }
    }

    /// An `OrderedDict` is a dict like any other; every other call stays a call.
    fn call(&mut self, callable: ValueId, args: ValueId) -> Result<Value> {
        if self.values.global(callable) == Some("collections.OrderedDict") {
            match self.values.tuple(args) {
                Some([]) => return Ok(Value::Dict(Vec::new())),
                // As Python 2 wrote it: a list of pairs.
                Some(&[list]) => {
                    if let Some(entries) = self.entries(list)? {
                        return Ok(Value::Dict(entries));
                    }
                }
                _ => {}
            }
        }
        Ok(Value::Call { callable, args })
    }

    /// The pairs of a list of pairs, if `list` is one.
    fn entries(&mut self, list: ValueId) -> Result<Option<Vec<(ValueId, ValueId)>>> {
        let Value::List(items) = self.values.get(list) else { return Ok(None) };
        let entries = items
            .iter()
            .map(|&item| match self.values.get(item) {
                Value::Tuple(pair) | Value::List(pair) => <[ValueId; 2]>::try_from(pair.as_slice()).ok(),
                _ => None,
            })
            .map(|pair| pair.map(|[key, value]| (key, value)))
            .collect::<Option<Vec<_>>>();
        // A list can be the argument of many calls, so that copying it counts as several operations.
        let copied = items.len() as u64;
        self.charge(copied)?;
        Ok(entries)
    }

    fn append(&mut self, opcode: u8) -> Result<()> {
        let mut items = if opcode == b'a' { vec![self.pop()?] } else { self.pop_mark()? };
        let target = self.top()?;
        match self.values.get_mut(target) {
            Value::List(list) => list.append(&mut items),
            Value::Call { .. } | Value::Other(_) => {}
            _ => return self.fail(format!("an item for {}, expected a list", self.values.describe(target))),
        }
        Ok(())
    }

    fn set_items(&mut self, opcode: u8) -> Result<()> {
        let items = if opcode == b's' { self.pop_many(2)? } else { self.pop_mark()? };
        let mut pairs = self.pairs(&items)?;
        let target = self.top()?;
        match self.values.get_mut(target) {
            Value::Dict(entries) => entries.append(&mut pairs),
            Value::Call { .. } | Value::Other(_) => {}
            _ => return self.fail(format!("an entry for {}, expected a dict", self.values.describe(target))),
        }
        Ok(())
    }

    /// Attributes, such as the `_metadata` of a state dict, are dropped.
    fn build(&mut self) -> Result<()> {
        self.pop()?;
        self.top().map(drop)
    }

    fn memo_put(&mut self, opcode: u8) -> Result<()> {
        let key = if opcode == 0x94 { self.memo.len() as u64 } else { self.memo_key(opcode, b'p', b'q')? };
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn memo_get(&mut self, opcode: u8) -> Result<()> {
        let key = self.memo_key(opcode, b'g', b'h')?;
        match self.memo.get(&key) {
            Some(&value) => {
                self.stack.push(value);
                Ok(())
            }
            None => self.fail(format!("memo entry {key} is used before it is set")),
        }
    }

    /// A memo key in the format of `opcode`: a decimal line, one byte, or four.
    fn memo_key(&mut self, opcode: u8, line: u8, byte: u8) -> Result<u64> {
        if opcode == line {
            let digits = self.input.line()?;
            match std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok()) {
                Some(key) => Ok(key),
                None => self.fail("a memo key that is no number".into()),
            }
        } else if opcode == byte {
            Ok(u8::from_le_bytes(self.input.array()?).into())
        } else {
            Ok(u32::from_le_bytes(self.input.array()?).into())
        }
    }

    /// A decimal line: an integer, a Python 2 long (`12L`) or a bool (`00`, `01`).
    fn decimal(&mut self) -> Result<Value> {
        let line = self.input.line()?;
        if line == b"00" || line == b"01" {
            return Ok(Value::Other("a bool"));
        }
        let digits = String::from_utf8_lossy(line.strip_suffix(b"L").unwrap_or(&line)).into_owned();
        match digits.parse() {
            Ok(value) => Ok(Value::Int(value)),
            Err(_) => self.fail(format!("{} as an integer", quoted(&digits))),
        }
    }

    fn text(&mut self, length_bytes: usize) -> Result<Value> {
        let length = self.length(length_bytes)?;
        self.input.bytes(length).map(Value::text)
    }

    fn bytes(&mut self, length_bytes: usize) -> Result<Value> {
        let length = self.length(length_bytes)?;
        self.input.bytes(length).map(|_| Value::Other("bytes"))
    }

    /// A little-endian length of 1, 4 or 8 bytes.
    fn length(&mut self, bytes: usize) -> Result<u64> {
        Ok(match bytes {
            1 => u8::from_le_bytes(self.input.array()?).into(),
            4 => u32::from_le_bytes(self.input.array()?).into(),
            _ => u64::from_le_bytes(self.input.array()?),
        })
    }

    fn global(&self, module: &[u8], name: &[u8]) -> Result<Value> {
        match (std::str::from_utf8(module), std::str::from_utf8(name)) {
            (Ok(module), Ok(name)) if module.len() + name.len() < MAX_GLOBAL => {
                Ok(Value::Global(format!("{module}.{name}")))
            }
            _ => self.fail(format!("the name of a class is no text of less than {MAX_GLOBAL} bytes")),
        }
    }

    fn pairs(&self, items: &[ValueId]) -> Result<Vec<(ValueId, ValueId)>> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return self.fail("a dict entry has a key and no value".into());
        }
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
    }

    fn add(&mut self, value: Value) -> Result<ValueId> {
        match self.values.add(value) {
            Some(id) => Ok(id),
            None => self.fail("more values than we can number".into()),
        }
    }

    fn push(&mut self, value: Value) -> Result<()> {
        let id = self.add(value)?;
        self.stack.push(id);
        Ok(())
    }

    fn top(&self) -> Result<ValueId> {
        match self.stack.last() {
            Some(&top) if self.stack.len() > self.floor() => Ok(top),
            _ => self.fail("an operation lacks its operand: the stack is empty".into()),
        }
    }

    fn pop(&mut self) -> Result<ValueId> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<ValueId>> {
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= self.floor() => Ok(self.stack.split_off(start)),
            _ => self.fail(format!("an operation lacks its {count} operands")),
        }
    }

    /// The values above the last MARK, which is removed, too.
    fn pop_mark(&mut self) -> Result<Vec<ValueId>> {
        match self.marks.pop() {
            // `floor` keeps the stack from shrinking below its marks.
            Some(mark) => Ok(self.stack.split_off(mark.min(self.stack.len()))),
            None => self.fail("an operation lacks its MARK".into()),
        }
    }

    /// The height of the stack below which operations must not reach.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn charge(&mut self, operations: u64) -> Result<()> {
        self.operations = self.operations.saturating_add(operations);
        if self.operations > self.max_operations {
            let (found, limit) = (self.operations, self.max_operations);
            return Err(PthErrorKind::Limit { what: "the pickle".into(), found, limit, unit: "operations" });
        }
        Ok(())
    }

    fn fail<T>(&self, problem: String) -> Result<T> {
        Err(PthErrorKind::Pickle { position: self.input.operation(), problem })
    }
}
