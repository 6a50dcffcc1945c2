//! The `.safetensors` format, read tensor by tensor.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;

use candle_core::{DType, Device, Tensor};
use half::{bf16, f16};
use ikem_core::ErrorCovariance;
use safetensors::tensor::{Dtype, Metadata, TensorInfo, View};

use super::part::{Part, PartCheckpoint};
use super::{Checkpoint, insert};
use crate::config::ModelConfig;
use crate::corners::CornerConfig;
use crate::error::CheckpointFault;
use crate::locator::LocatorConfig;
use crate::params::StateDict;
use crate::refiner::RefinerConfig;

/// The metadata key of the config.
const CONFIG_KEY: &str = "ikem.config";

/// The name of the tensor of the error covariance, which is not part of the network.
const ERRORS: &str = "ikem.error_covariance";

/// The names of this project's metadata, and of tensors beside those of the network, begin with this.
const RESERVED: &str = "ikem.";

/// The longest header that is read, in bytes: ten times that of a thousand tensors.
const MAX_HEADER_BYTES: u64 = 4 << 20;

/// The precision of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// 32 bits.
    Single,
    /// 16 bits, half the size; weights change by at most 0.05 %.
    Half,
}

impl Precision {
    pub(crate) const fn dtype(self) -> DType {
        match self {
            Self::Single => DType::F32,
            Self::Half => DType::F16,
        }
    }
}

/// Reads a file of `length` bytes.
pub(super) fn read(mut reader: impl Read, length: u64) -> Result<Checkpoint, CheckpointFault> {
    let metadata = header(&mut reader, length)?;
    let config = config(&metadata)?;
    let (mut tensors, mut errors) = (StateDict::new(), None);
    let (mut locator, mut corners, mut refiner) = (part(&metadata)?, part(&metadata)?, part(&metadata)?);
    for_each_tensor(&mut reader, &metadata, |name, shape, values| {
        let own = tensors_of(&mut locator, &name)
            .or_else(|| tensors_of(&mut corners, &name))
            .or_else(|| tensors_of(&mut refiner, &name));
        match own {
            _ if name == ERRORS => errors = Some(error_covariance(shape, values, config.keypoints())?),
            Some((name, tensors)) => insert(tensors, name, shape, values)?,
            // Of a newer version. What a network needs is in its config, whose unknown fields are refused.
            None if name.starts_with(RESERVED) => {}
            None => insert(&mut tensors, name, shape, values)?,
        }
        Ok(())
    })?;
    let metadata = metadata.metadata().iter().flatten();
    let metadata = metadata.filter(|(name, _)| !name.starts_with(RESERVED));
    let metadata = metadata.map(|(name, text)| (name.clone(), text.clone())).collect();
    Ok(Checkpoint { config, tensors, errors, locator, corners, refiner, metadata })
}

/// Reads one part of a file of `length` bytes.
pub(super) fn read_part<C: Part>(
    mut reader: impl Read,
    length: u64,
) -> Result<PartCheckpoint<C>, CheckpointFault> {
    let metadata = header(&mut reader, length)?;
    let mut part = part::<C>(&metadata)?;
    for_each_tensor(&mut reader, &metadata, |name, shape, values| match tensors_of(&mut part, &name) {
        Some((name, tensors)) => insert(tensors, name, shape, values),
        None => Ok(()),
    })?;
    part.ok_or(CheckpointFault::NoConfig { key: C::KEY })
}

/// A part with the config that the metadata states, still without tensors; `None` if the file has no such part.
fn part<C: Part>(metadata: &Metadata) -> Result<Option<PartCheckpoint<C>>, CheckpointFault> {
    let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(C::KEY));
    let Some(json) = entry else { return Ok(None) };
    let config: C = serde_json::from_str(json).map_err(CheckpointFault::ConfigFormat)?;
    config.check().map_err(CheckpointFault::Config)?;
    Ok(Some(PartCheckpoint { config, tensors: StateDict::new() }))
}

/// If the tensor `name` belongs to `part`: its name there, and the part's tensors.
fn tensors_of<'a, C: Part>(
    part: &'a mut Option<PartCheckpoint<C>>,
    name: &str,
) -> Option<(String, &'a mut StateDict)> {
    let own = name.strip_prefix(C::KEY)?.strip_prefix('.')?;
    Some((own.to_owned(), &mut part.as_mut()?.tensors))
}

/// Calls `f` with the name, shape and values of each tensor behind the header, one at a time.
fn for_each_tensor(
    reader: &mut impl Read,
    metadata: &Metadata,
    mut f: impl FnMut(String, &[usize], Vec<f32>) -> Result<(), CheckpointFault>,
) -> Result<(), CheckpointFault> {
    for name in metadata.offset_keys() {
        if let Some(info) = metadata.info(&name) {
            let mut bytes = vec![0; info.data_offsets.1 - info.data_offsets.0];
            reader.read_exact(&mut bytes)?;
            let values = to_f32(&name, info, &bytes)?;
            f(name, &info.shape, values)?;
        }
    }
    Ok(())
}

/// The error covariance of `keypoints` keypoints, from its tensor.
fn error_covariance(
    shape: &[usize],
    values: Vec<f32>,
    keypoints: usize,
) -> Result<ErrorCovariance, CheckpointFault> {
    let expected = [2, keypoints, keypoints];
    if shape != expected {
        let (found, expected) = (shape.to_vec(), expected.to_vec());
        return Err(CheckpointFault::Shape { name: ERRORS.to_owned(), found, expected });
    }
    ErrorCovariance::new(keypoints, values).map_err(|error| CheckpointFault::ErrorCovariance(Box::new(error)))
}

/// Reads the header and checks that the file has exactly the length that it states.
fn header(reader: &mut impl Read, length: u64) -> Result<Metadata, CheckpointFault> {
    let mut prefix = [0; 8];
    if length < prefix.len() as u64 {
        return Err(CheckpointFault::TooShort { found: length, expected: prefix.len() as u64 });
    }
    reader.read_exact(&mut prefix)?;
    let promised = u64::from_le_bytes(prefix);
    let room = length.saturating_sub(8).min(MAX_HEADER_BYTES);
    if promised > room {
        return Err(CheckpointFault::HeaderLength { found: promised, limit: room });
    }
    let mut bytes = vec![0; promised as usize];
    reader.read_exact(&mut bytes)?;
    let metadata: Metadata = serde_json::from_slice(&bytes).map_err(CheckpointFault::Header)?;
    let (expected, found) = (metadata.data_len() as u64, length - 8 - promised);
    if expected != found {
        return Err(CheckpointFault::DataLength { found, expected });
    }
    Ok(metadata)
}

fn config(metadata: &Metadata) -> Result<ModelConfig, CheckpointFault> {
    let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(CONFIG_KEY));
    let json = entry.ok_or(CheckpointFault::NoConfig { key: CONFIG_KEY })?;
    let config: ModelConfig = serde_json::from_str(json).map_err(CheckpointFault::ConfigFormat)?;
    config.check().map_err(CheckpointFault::Config)?;
    Ok(config)
}

fn to_f32(name: &str, info: &TensorInfo, bytes: &[u8]) -> Result<Vec<f32>, CheckpointFault> {
    Ok(match info.dtype {
        Dtype::F32 => numbers(bytes, f32::from_le_bytes),
        Dtype::F64 => numbers(bytes, |b| f64::from_le_bytes(b) as f32),
        Dtype::F16 => numbers(bytes, |b| f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => numbers(bytes, |b| bf16::from_le_bytes(b).to_f32()),
        other => return Err(CheckpointFault::Dtype { name: name.to_owned(), found: format!("{other:?}") }),
    })
}

fn numbers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks();
    chunks.iter().copied().map(number).collect()
}

/// The bytes of a file.
pub(super) fn serialize(checkpoint: &Checkpoint, precision: Precision) -> Result<Vec<u8>, CheckpointFault> {
    let others = checkpoint.metadata.iter().filter(|(name, _)| !name.starts_with(RESERVED));
    let mut metadata: HashMap<String, String> =
        others.map(|(name, text)| (name.clone(), text.clone())).collect();
    metadata.insert(CONFIG_KEY.to_owned(), json(&checkpoint.config)?);
    let mut tensors: Vec<(String, Tensor)> =
        checkpoint.tensors.iter().map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
    if let Some(errors) = &checkpoint.errors {
        tensors.push((ERRORS.to_owned(), errors_tensor(errors)?));
    }
    if let Some(locator) = &checkpoint.locator {
        metadata.insert(LocatorConfig::KEY.to_owned(), json(&locator.config)?);
        tensors.extend(part_tensors(locator));
    }
    if let Some(corners) = &checkpoint.corners {
        metadata.insert(CornerConfig::KEY.to_owned(), json(&corners.config)?);
        tensors.extend(part_tensors(corners));
    }
    if let Some(refiner) = &checkpoint.refiner {
        metadata.insert(RefinerConfig::KEY.to_owned(), json(&refiner.config)?);
        tensors.extend(part_tensors(refiner));
    }
    bytes(&tensors, metadata, precision)
}

/// The bytes of a file with one part alone.
pub(super) fn serialize_part<C: Part>(
    part: &PartCheckpoint<C>,
    precision: Precision,
) -> Result<Vec<u8>, CheckpointFault> {
    let metadata = HashMap::from([(C::KEY.to_owned(), json(&part.config)?)]);
    bytes(&part_tensors(part).collect::<Vec<_>>(), metadata, precision)
}

/// The tensors of a part, by their names in the file.
fn part_tensors<C: Part>(part: &PartCheckpoint<C>) -> impl Iterator<Item = (String, Tensor)> {
    part.tensors.iter().map(|(name, tensor)| (format!("{}.{name}", C::KEY), tensor.clone()))
}

fn json(config: &impl serde::Serialize) -> Result<String, CheckpointFault> {
    serde_json::to_string(config).map_err(|error| CheckpointFault::Write(error.into()))
}

fn bytes(
    tensors: &[(String, Tensor)],
    metadata: HashMap<String, String>,
    precision: Precision,
) -> Result<Vec<u8>, CheckpointFault> {
    let written = tensors.iter().map(|(name, tensor)| Ok((name, Written::new(name, tensor, precision)?)));
    let written = written.collect::<Result<Vec<_>, CheckpointFault>>()?;
    safetensors::serialize(written, Some(metadata)).map_err(|error| CheckpointFault::Write(error.into()))
}

fn errors_tensor(errors: &ErrorCovariance) -> Result<Tensor, CheckpointFault> {
    let shape = (2, errors.keypoints(), errors.keypoints());
    Tensor::from_slice(errors.values(), shape, &Device::Cpu)
        .map_err(|source| CheckpointFault::Tensor { name: ERRORS.to_owned(), source: Box::new(source) })
}

/// A tensor as it is stored in the file.
struct Written<'a> {
    shape: &'a [usize],
    dtype: Dtype,
    bytes: Vec<u8>,
}

impl<'a> Written<'a> {
    /// Values beyond the range of 16 bits are errors, since they would be read back as infinite.
    fn new(name: &str, tensor: &'a Tensor, precision: Precision) -> Result<Self, CheckpointFault> {
        let values = tensor
            .flatten_all()
            .and_then(|flat| flat.to_dtype(DType::F32)?.to_vec1::<f32>())
            .map_err(|source| CheckpointFault::Tensor { name: name.to_owned(), source: Box::new(source) })?;
        let (dtype, bytes) = match precision {
            Precision::Single => (Dtype::F32, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            Precision::Half => {
                if values.iter().any(|value| !f16::from_f32(*value).is_finite()) {
                    return Err(CheckpointFault::NotFinite { name: name.to_owned() });
                }
                (Dtype::F16, values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect())
            }
        };
        Ok(Self { shape: tensor.dims(), dtype, bytes })
    }
}

impl View for Written<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}
