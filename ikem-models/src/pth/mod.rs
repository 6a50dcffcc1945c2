//! Reads PyTorch's checkpoints (`torch.save`) in pure Rust, and executes nothing of them.
//!
//! Both containers are read: the zip archive of PyTorch 1.6 and later, and the older row of pickles. The pickle in
//! them is a program for a small virtual machine; ours ([`pickle`]) keeps calls and classes as names, so that no file
//! can make it do anything. What is a tensor is recognised by the names of the functions that would rebuild it.
//!
//! The state dict is the top-level dict, or the dict it holds under `state_dict`, `model_state_dict`, `model` and the
//! like, or the only dict of tensors in it. Beside the state dict anything may stand (optimizer, arguments, scalars
//! of numpy) and is skipped unread; in it, everything must be a tensor, except `num_batches_tracked`, which is
//! dropped. Only storages that its tensors use are read.
//!
//! Format: `torch/serialization.py` and `torch/_utils.py` of PyTorch 2.9; Python's `pickletools`.

mod container;
mod error;
mod input;
mod layout;
mod legacy_container;
mod load;
mod pickle;
mod rebuild;
mod state_dict;
mod tensor;
mod value;
mod zip_container;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::Path;

pub use error::{PthError, PthErrorKind};
pub use tensor::PthTensor;

use container::Container;

/// What reading a checkpoint may take. The defaults suffice for models of several hundred million parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PthLimits {
    /// Most bytes of tensor data in memory at any time, the storage being read included. Default 2 GiB.
    pub max_tensor_bytes: u64,
    /// Most bytes of one pickle. Default 32 MiB.
    pub max_pickle_bytes: u64,
    /// Most operations of one pickle, each of which takes less than 100 bytes besides the pickle's own. Default two
    /// million; a checkpoint needs some thirty a tensor.
    pub max_pickle_operations: u64,
}

impl Default for PthLimits {
    fn default() -> Self {
        Self { max_tensor_bytes: 2 << 30, max_pickle_bytes: 32 << 20, max_pickle_operations: 2_000_000 }
    }
}

/// Reads the tensors of the state dict in the PyTorch checkpoint `path`, in the order of the file.
///
/// Beginnings that all names share, such as the `module.` of `DataParallel`, are taken off. Views of storages, transposed
/// and expanded ones too, become row-major copies.
///
/// # Errors
/// [`PthError`], which names the file, what was found and what was expected: the file cannot be read, is cut, damaged
/// or no checkpoint, holds no state dict or one with something other than tensors, or needs more than `limits`.
pub fn read_pth(path: &Path, limits: &PthLimits) -> Result<Vec<PthTensor>, PthError> {
    open(path)
        .and_then(|file| read_from(file, limits))
        .map_err(|kind| PthError { path: path.to_owned(), kind })
}

fn open(path: &Path) -> Result<File, PthErrorKind> {
    // Before it is opened: to open a pipe is to wait for its writer.
    let metadata = fs::metadata(path).map_err(PthErrorKind::Io)?;
    let found = match metadata.len() {
        _ if metadata.is_dir() => "a directory",
        _ if !metadata.is_file() => "no regular file",
        0 => "empty",
        _ => return File::open(path).map_err(PthErrorKind::Io),
    };
    Err(PthErrorKind::NotAFile { found })
}

fn read_from<R: Read + Seek>(reader: R, limits: &PthLimits) -> Result<Vec<PthTensor>, PthErrorKind> {
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
