//! Checkpoints: a network's config and tensors in one file.

mod blend;
mod import;
mod infer;
mod layout;
mod onnx;
mod part;
mod safetensors;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use candle_core::{Device, Tensor};
use ikem_core::ErrorCovariance;
use ikem_pth::{PthLimits, PthTensor, pth_from_bytes, read_pth};

use crate::config::ModelConfig;
use crate::corners::CornerCheckpoint;
use crate::error::{CheckpointFault, Result};
use crate::locator::LocatorCheckpoint;
use crate::params::StateDict;
use crate::refiner::RefinerCheckpoint;

pub use self::import::{Import, ImportOptions};
pub use self::layout::Layout;
pub use self::part::{Part, PartCheckpoint};
pub use self::safetensors::Precision;

/// The largest file that is read: two hundred times the bundled model, four times the published ones with their
/// optimiser's state.
const MAX_FILE_BYTES: u64 = 2 << 30;

/// How many first bytes tell the kind of a file.
const START: usize = 9;

/// The last part of the names of batch counters, which are not used.
const BATCH_COUNTER: &str = "num_batches_tracked";

/// A network's config and tensors.
///
/// On disk it is one `.safetensors` file with the config as JSON under `ikem.config` in its metadata, so that a path is
/// enough to load it. PyTorch's `.pth` files are read too: nothing in them is executed, and the config is inferred from
/// names and shapes (see [`Checkpoint::read`]).
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The dimensions of the network and of its input.
    pub config: ModelConfig,
    /// Its weights, biases and running statistics, by PyTorch's state-dict names, f32 on the CPU.
    pub tensors: StateDict,
    /// The covariance of the errors of its first predictions, in pixels of its grid, by which hints also correct other
    /// keypoints. Imported checkpoints have none. In the file it is the tensor `ikem.error_covariance`, (2, K, K).
    pub errors: Option<ErrorCovariance>,
    /// The locator that finds spines for it. Imported checkpoints have none. In the file its tensors have names that
    /// begin with `ikem.locator.`, and its config is JSON under `ikem.locator` in the metadata.
    pub locator: Option<LocatorCheckpoint>,
    /// The corner detector, which shows it where vertebrae are. Imported checkpoints have none. In the file it is kept like
    /// the locator, as `ikem.corners`.
    pub corners: Option<CornerCheckpoint>,
    /// The corner refiner, which places corners of vertebrae precisely. Imported checkpoints have none. In the file it is kept like
    /// the locator, as `ikem.refiner`.
    pub refiner: Option<RefinerCheckpoint>,
    /// Other entries of the file's metadata, such as notes on its training. Names that begin with `ikem.` are reserved:
    /// such entries are neither read nor written here.
    pub metadata: BTreeMap<String, String>,
}

impl Checkpoint {
    /// A checkpoint of a network alone.
    #[must_use]
    pub const fn new(config: ModelConfig, tensors: StateDict) -> Self {
        let metadata = BTreeMap::new();
        Self { config, tensors, errors: None, locator: None, corners: None, refiner: None, metadata }
    }

    /// Reads a `.safetensors` file of this crate or a PyTorch state dict (`.pth`, `.ckpt`, `.bin`, `.pth.tar` …), bare
    /// or wrapped as in `{"model": …, "optimizer": …}`. The kind is determined by the content, not the name. A prefix
    /// that all names of a state dict share (`module.`, `_orig_mod.`, `model.`) is removed.
    ///
    /// For a `.pth`, the network, its widths, its gate and the number of keypoints are inferred from names and shapes;
    /// the grid is 256 × 512, the resampling bilinear and the decoding `expected`, as published.
    ///
    /// Memory: the tensors as f32 and one more of them; never more than 2 GiB.
    ///
    /// # Errors
    /// [`Error::Checkpoint`](crate::Error::Checkpoint) or [`Error::Pth`](crate::Error::Pth), which name the file, what
    /// was found and what was expected. Whether the tensors fit the config is checked when a network is built from
    /// them.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        match Content::of(path).map_err(|fault| fault.at(path))? {
            Content::Safetensors => open(path)
                .and_then(|(file, length)| safetensors::read(file, length))
                .map_err(|fault| fault.at(path)),
            Content::Pickle => Self::inferred(read_state_dict(path)?, path),
        }
    }

    /// A checkpoint of a state dict, whose network is inferred from it.
    fn inferred(tensors: StateDict, path: &Path) -> Result<Self> {
        let config = infer::config(&tensors).map_err(|fault| fault.at(path))?;
        Ok(Self::new(config, tensors))
    }

    /// Whether the first bytes of a file are those of a checkpoint that [`read`](Self::read) reads.
    #[must_use]
    pub fn is_one(path: impl AsRef<Path>) -> bool {
        Content::of(path.as_ref()).is_ok()
    }

    /// Reads a file that is already in memory, as [`read`](Self::read) does; errors have `name` in place of its path.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_bytes(name: impl AsRef<Path>, bytes: &[u8]) -> Result<Self> {
        let path = name.as_ref();
        match Content::of_start(path, bytes.get(..START).unwrap_or(bytes)).map_err(|fault| fault.at(path))? {
            Content::Safetensors => {
                safetensors::read(Cursor::new(bytes), bytes.len() as u64).map_err(|fault| fault.at(path))
            }
            Content::Pickle => {
                let tensors = pth_from_bytes(path, bytes, &PthLimits::default())?;
                Self::inferred(state_dict(tensors, path)?, path)
            }
        }
    }

    /// The bytes of the `.safetensors` file that [`write`](Self::write) writes.
    ///
    /// # Errors
    /// [`Error::Checkpoint`](crate::Error::Checkpoint) when a value is beyond the range of 16 bits.
    pub fn to_bytes(&self, precision: Precision) -> Result<Vec<u8>> {
        safetensors::serialize(self, precision).map_err(|fault| fault.at(Path::new("checkpoint in memory")))
    }

    /// Writes a `.safetensors` file. An existing file is replaced as a whole or, when anything fails, not at all.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn write(&self, path: impl AsRef<Path>, precision: Precision) -> Result<()> {
        let path = path.as_ref();
        let bytes = safetensors::serialize(self, precision).map_err(|fault| fault.at(path))?;
        ikem_files::write_synced(path, &bytes).map_err(|error| CheckpointFault::Io(error).at(path))
    }
}

/// The kind of a checkpoint file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Safetensors,
    Pickle,
}

impl Content {
    /// Determines the kind of a file by its first bytes: PyTorch's files are zip archives or pickles, `.safetensors`
    /// files begin with the length of a JSON object. A file whose name has a known extension is taken to be of that
    /// kind, so that the error says what is wrong with it.
    fn of(path: &Path) -> Result<Self, CheckpointFault> {
        let mut start = Vec::new();
        open(path)?.0.take(START as u64).read_to_end(&mut start)?;
        Self::of_start(path, &start)
    }

    /// As [`of`](Self::of), by the first bytes themselves.
    fn of_start(path: &Path, start: &[u8]) -> Result<Self, CheckpointFault> {
        let is_called =
            |ending: &str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
        match start {
            [b'P', b'K', ..] | [0x80, 1..=5, ..] => Ok(Self::Pickle),
            [_, _, _, _, _, 0, 0, 0, b'{'] => Ok(Self::Safetensors),
            _ if is_called("safetensors") => Ok(Self::Safetensors),
            _ if is_called("pth") || is_called("pt") => Ok(Self::Pickle),
            _ => Err(CheckpointFault::UnknownFormat { start: start.escape_ascii().to_string() }),
        }
    }
}

/// Reads the state dict of a PyTorch file.
fn read_state_dict(path: &Path) -> Result<StateDict> {
    state_dict(read_pth(path, &PthLimits::default())?, path)
}

/// The tensors of the PyTorch file at `path` as a state dict.
fn state_dict(tensors: Vec<PthTensor>, path: &Path) -> Result<StateDict> {
    let mut dict = StateDict::new();
    for tensor in tensors {
        let Some(values) = tensor.to_f32() else {
            let found = format!("{:?}", tensor.dtype);
            return Err(CheckpointFault::Dtype { name: tensor.name, found }.at(path));
        };
        insert(&mut dict, tensor.name, &tensor.shape, values).map_err(|fault| fault.at(path))?;
    }
    Ok(dict)
}

/// Adds a tensor, all of whose values must be finite.
fn insert(
    dict: &mut StateDict,
    name: String,
    shape: &[usize],
    values: Vec<f32>,
) -> Result<(), CheckpointFault> {
    if name.ends_with(BATCH_COUNTER) {
        return Ok(());
    }
    if !values.iter().all(|value| value.is_finite()) {
        return Err(CheckpointFault::NotFinite { name });
    }
    let tensor = Tensor::from_vec(values, shape, &Device::Cpu)
        .map_err(|source| CheckpointFault::Tensor { name: name.clone(), source: Box::new(source) })?;
    dict.insert(name, tensor);
    Ok(())
}

/// Opens a regular file that is not too large, and returns its size, too.
fn open(path: &Path) -> Result<(File, u64), CheckpointFault> {
    let (file, found) = ikem_files::open(path)?;
    if found > MAX_FILE_BYTES {
        return Err(CheckpointFault::TooLarge { found, limit: MAX_FILE_BYTES });
    }
    Ok((file, found))
}
