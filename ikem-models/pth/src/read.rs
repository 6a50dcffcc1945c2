use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::Path;

use crate::container::Container;
use crate::error::{PthError, PthErrorKind};
use crate::limits::PthLimits;
use crate::load;
use crate::state_dict;
use crate::tensor::PthTensor;

/// Reads the tensors of the state dict in the PyTorch checkpoint `path`, in the order of the file.
///
/// A prefix that all names share, such as the `module.` of `DataParallel`, is removed. Views of storages, including
/// transposed and expanded ones, become row-major copies.
///
/// # Errors
/// [`PthError`], which names the file, what was found and what was expected: the file cannot be read, is truncated,
/// damaged or not a checkpoint, holds no state dict or one with values that are not tensors, or exceeds `limits`.
pub fn read_pth(path: &Path, limits: &PthLimits) -> Result<Vec<PthTensor>, PthError> {
    open(path)
        .and_then(|file| read_from(file, limits))
        .map_err(|kind| PthError { path: path.to_owned(), kind })
}

/// Reads a checkpoint that is already in memory, as [`read_pth`] does; `name` is the file's name in errors.
///
/// # Errors
/// As [`read_pth`].
pub fn pth_from_bytes(
    name: impl AsRef<Path>,
    bytes: &[u8],
    limits: &PthLimits,
) -> Result<Vec<PthTensor>, PthError> {
    read_from(Cursor::new(bytes), limits).map_err(|kind| PthError { path: name.as_ref().to_owned(), kind })
}

fn open(path: &Path) -> Result<File, PthErrorKind> {
    match ikem_files::open(path).map_err(PthErrorKind::Io)? {
        (_, 0) => Err(PthErrorKind::Empty),
        (file, _) => Ok(file),
    }
}

pub(crate) fn read_from<R: Read + Seek>(
    reader: R,
    limits: &PthLimits,
) -> Result<Vec<PthTensor>, PthErrorKind> {
    let (mut container, pickled) = Container::open(reader, limits)?;
    let plans = state_dict::state_dict(&pickled.values, pickled.root)?;
    drop(pickled);
    let data = load::load(&mut container, &plans, limits.max_tensor_bytes)?;
    let tensors = plans.into_iter().zip(data).map(|(plan, data)| PthTensor {
        name: plan.name,
        dtype: plan.dtype,
        shape: plan.layout.into_shape(),
        data,
    });
    Ok(tensors.collect())
}
