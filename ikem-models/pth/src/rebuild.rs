//! Interprets the calls by which PyTorch pickles tensors, without making them.

use crate::error::{PthErrorKind, quoted};
use crate::layout::Layout;
use crate::tensor::PthDType;
use crate::value::{Value, ValueId, Values};

/// The longest key of a storage; PyTorch's keys are numbers.
const MAX_STORAGE_KEY: usize = 64;

/// The function that rebuilds tensors in untyped storages; its seventh argument is the type of the elements.
const TYPED_REBUILD: &str = "torch._utils._rebuild_tensor_v3";

/// The most wrappers around a tensor: parameters wrap tensors, and subclasses wrap either.
const MAX_WRAPPING: usize = 4;

/// Everything about a tensor except its data.
#[derive(Debug)]
pub(crate) struct TensorPlan {
    pub name: String,
    pub dtype: PthDType,
    pub layout: Layout,
    pub storage: StorageRef,
}

impl TensorPlan {
    /// Whether the elements are all those of the storage, in the same order.
    pub(crate) fn is_whole_storage(&self) -> bool {
        self.bytes() == self.storage.bytes && self.layout.starts_storage()
    }

    /// Bytes of the elements.
    pub(crate) fn bytes(&self) -> u64 {
        (self.layout.elements() as u64).saturating_mul(self.dtype.size() as u64)
    }
}

/// A storage as the pickle refers to it.
#[derive(Debug)]
pub(crate) struct StorageRef {
    pub key: String,
    /// `None` for untyped storages: the tensor has the type.
    pub dtype: Option<PthDType>,
    /// Bytes of the whole storage.
    pub bytes: u64,
    /// The first element of the referenced part: very old files refer to parts of storages.
    start: usize,
    /// Elements of the referenced part; bytes if the storage is untyped.
    len: usize,
}

/// Whether `value` is a tensor, of a supported type or not.
pub(crate) fn is_tensor(values: &Values, value: ValueId) -> bool {
    rebuild_call(values, value).is_some()
}

/// Reads the storage, type and layout of the tensor `name`.
pub(crate) fn tensor_plan(values: &Values, name: &str, value: ValueId) -> Result<TensorPlan, PthErrorKind> {
    let not_a_tensor = || PthErrorKind::UnexpectedEntry { key: quoted(name), found: values.describe(value) };
    let broken = |problem: String| PthErrorKind::Tensor { key: quoted(name), problem };
    let (function, args) = rebuild_call(values, value).ok_or_else(not_a_tensor)?;
    let &[storage, offset, shape, strides, ..] = args else {
        return Err(broken(format!("{} arguments of {function}, expected 4 or more", args.len())));
    };
    let storage = match values.get(storage) {
        Value::Persistent(id) => storage_ref(values, *id).map_err(broken)?,
        _ => return Err(broken(format!("{}, expected a storage", values.describe(storage)))),
    };
    let dtype = match (function, storage.dtype, args.get(6)) {
        (TYPED_REBUILD, _, Some(&dtype)) => {
            values.global(dtype).and_then(PthDType::from_torch).ok_or_else(|| {
                broken(format!(
                    "elements of {}, expected a real floating-point, integer or bool type",
                    values.describe(dtype)
                ))
            })?
        }
        (_, Some(dtype), _) => dtype,
        _ => return Err(broken("an untyped storage and no element type".into())),
    };
    let len = if storage.dtype.is_some() { storage.len } else { storage.len / dtype.size() };
    if storage.dtype.is_some_and(|stored| stored != dtype) {
        return Err(broken(format!("elements {dtype:?} in a storage of {:?}", storage.dtype)));
    }
    let sizes = |dims: ValueId| {
        values.tuple(dims).and_then(|dims| dims.iter().map(|&dim| values.size(dim)).collect())
    };
    let (Some(offset), Some(shape), Some(strides)): (_, Option<Vec<_>>, Option<Vec<_>>) =
        (values.size(offset), sizes(shape), sizes(strides))
    else {
        return Err(broken("offset, shape and strides are not all non-negative integers".into()));
    };
    // The offset counts from the referenced part of the storage, whose end bounds the tensor.
    let end = storage.start.checked_add(len);
    let (Some(end), Some(offset)) = (end, storage.start.checked_add(offset)) else {
        return Err(broken("an offset beyond every storage".into()));
    };
    let layout = Layout::new(&shape, &strides, offset, end).map_err(broken)?;
    Ok(TensorPlan { name: name.into(), dtype, layout, storage })
}

/// The function that rebuilds the innermost tensor, and its arguments.
fn rebuild_call(values: &Values, value: ValueId) -> Option<(&str, &[ValueId])> {
    let (mut function, mut args) = values.call(value)?;
    for _ in 0..MAX_WRAPPING {
        (function, args) = match function {
            "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2" | TYPED_REBUILD => {
                return Some((function, args));
            }
            "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state" => {
                values.call(*args.first()?)?
            }
            // Subclasses and tensors with attributes: function, class, its arguments, attributes.
            "torch._tensor._rebuild_from_type_v2" => {
                (values.global(*args.first()?)?, values.tuple(*args.get(2)?)?)
            }
            _ => return None,
        };
    }
    None
}

/// PyTorch's reference to a storage: `('storage', class, key, location, elements)`, in older files followed by `None`
/// or a part of the storage, `(key, start, elements)`.
pub(crate) struct StorageId<'v> {
    /// Name of the class without its module, such as `FloatStorage`.
    pub class: &'v str,
    pub key: &'v str,
    len: ValueId,
    part: Option<&'v [ValueId]>,
}

/// Reads a reference to a storage.
pub(crate) fn storage_id(values: &Values, id: ValueId) -> Result<StorageId<'_>, String> {
    let unknown = || "a reference to something outside the pickle that is no storage".to_owned();
    let (kind, class, key, len, part) = match *values.tuple(id).ok_or_else(unknown)? {
        [kind, class, key, _, len] => (kind, class, key, len, None),
        [kind, class, key, _, len, part] => match values.get(part) {
            Value::None => (kind, class, key, len, None),
            Value::Tuple(part) => (kind, class, key, len, Some(part.as_slice())),
            _ => return Err(unknown()),
        },
        _ => return Err(unknown()),
    };
    let path = values.global(class).ok_or_else(unknown)?;
    let class = match path.rsplit_once('.') {
        Some(("torch" | "torch.cuda" | "torch.storage", class)) if values.text(kind) == Some("storage") => {
            class
        }
        _ => return Err(unknown()),
    };
    match values.text(key) {
        Some(key) if key.len() <= MAX_STORAGE_KEY => Ok(StorageId { class, key, len, part }),
        _ => Err(format!("{} as a storage's key, expected a short text", values.describe(key))),
    }
}

fn storage_ref(values: &Values, id: ValueId) -> Result<StorageRef, String> {
    let StorageId { class, key, len, part } = storage_id(values, id)?;
    let dtype = PthDType::from_storage(class);
    if dtype.is_none() && class != "UntypedStorage" {
        let class = quoted(class);
        return Err(format!(
            "a storage of class {class}, expected a real floating-point, integer or bool type"
        ));
    }
    let whole = values.size(len).ok_or_else(|| format!("{} as a storage's length", values.describe(len)))?;
    let bytes = whole
        .checked_mul(dtype.map_or(1, PthDType::size))
        .ok_or_else(|| format!("a storage of {whole} elements: more bytes than can be counted"))?;
    let (start, len) = match part {
        Some(&[_, start, len]) => match (values.size(start), values.size(len)) {
            (Some(start), Some(len)) if start.checked_add(len).is_some_and(|end| end <= whole) => {
                (start, len)
            }
            _ => return Err(format!("a part that leaves its storage of {whole} elements")),
        },
        Some(_) => return Err("a part of a storage that is not described by three values".into()),
        None => (0, whole),
    };
    Ok(StorageRef { key: key.to_owned(), dtype, bytes: bytes as u64, start, len })
}
