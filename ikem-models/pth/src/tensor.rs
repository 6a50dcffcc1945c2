use half::{bf16, f16};

/// Element type of a tensor in a PyTorch checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PthDType {
    /// `torch.float64`
    F64,
    /// `torch.float32`
    F32,
    /// `torch.float16`
    F16,
    /// `torch.bfloat16`
    BF16,
    /// `torch.int64`
    I64,
    /// `torch.int32`
    I32,
    /// `torch.int16`
    I16,
    /// `torch.int8`
    I8,
    /// `torch.uint8`
    U8,
    /// `torch.bool`, one byte an element
    Bool,
}

impl PthDType {
    /// The size of an element in bytes.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// From the name of a typed storage's class, such as `FloatStorage`.
    pub(crate) fn from_storage(class: &str) -> Option<Self> {
        Some(match class {
            "DoubleStorage" => Self::F64,
            "FloatStorage" => Self::F32,
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::BF16,
            "LongStorage" => Self::I64,
            "IntStorage" => Self::I32,
            "ShortStorage" => Self::I16,
            "CharStorage" => Self::I8,
            "ByteStorage" => Self::U8,
            "BoolStorage" => Self::Bool,
            _ => return None,
        })
    }

    /// From PyTorch's name of the type, such as `torch.float32`.
    pub(crate) fn from_torch(name: &str) -> Option<Self> {
        Some(match name {
            "torch.float64" => Self::F64,
            "torch.float32" => Self::F32,
            "torch.float16" => Self::F16,
            "torch.bfloat16" => Self::BF16,
            "torch.int64" => Self::I64,
            "torch.int32" => Self::I32,
            "torch.int16" => Self::I16,
            "torch.int8" => Self::I8,
            "torch.uint8" => Self::U8,
            "torch.bool" => Self::Bool,
            _ => return None,
        })
    }
}

/// A tensor of a PyTorch state dict.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PthTensor {
    /// Its name in the state dict, without a prefix such as `module.` that all names share.
    pub name: String,
    /// Type of its elements.
    pub dtype: PthDType,
    /// Its dimensions; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements, row-major without gaps, each little-endian: `shape`'s product × [`PthDType::size`] bytes.
    pub data: Vec<u8>,
}

impl PthTensor {
    /// The elements as `f32`, row-major: `f16` and `bf16` exactly, `f64` rounded. `None` for integers and bools.
    #[must_use]
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        Some(match self.dtype {
            PthDType::F32 => self.elements(f32::from_le_bytes),
            PthDType::F64 => self.elements(|bytes| f64::from_le_bytes(bytes) as f32),
            PthDType::F16 => self.elements(|bytes| f16::from_le_bytes(bytes).to_f32()),
            PthDType::BF16 => self.elements(|bytes| bf16::from_le_bytes(bytes).to_f32()),
            _ => return None,
        })
    }

    fn elements<const N: usize>(&self, convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        self.data.as_chunks::<N>().0.iter().map(|&bytes| convert(bytes)).collect()
    }
}
