#![forbid(unsafe_code)]
//! Reads PyTorch checkpoints (`torch.save`) in pure Rust, without executing anything in them.
//!
//! Both containers are read: the zip archive of PyTorch 1.6 and later, and the older sequence of pickles. A pickle is a
//! program for a small virtual machine; the one here (`pickle`) keeps classes and calls as names and arguments, so that
//! no file can make it run code. Tensors are recognised by the names of the functions that would rebuild them.
//!
//! The state dict is the top-level dict, or the dict under `state_dict`, `model_state_dict`, `model` and similar keys,
//! or the only dict of tensors in it. Other values beside the state dict (optimiser, arguments, NumPy scalars) are
//! skipped unread. In the state dict every value must be a tensor, except `num_batches_tracked`, which is dropped. Only
//! storages that its tensors use are read.
//!
//! Format: `torch/serialization.py` and `torch/_utils.py` of PyTorch 2.9; Python's `pickletools`.

mod container;
mod error;
mod input;
mod layout;
mod legacy_container;
mod limits;
mod load;
mod pickle;
mod read;
mod rebuild;
mod state_dict;
mod storage;
mod tensor;
mod value;
mod zip_container;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use error::{PthError, PthErrorKind};
pub use limits::PthLimits;
pub use read::{pth_from_bytes, read_pth};
pub use tensor::{PthDType, PthTensor};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
