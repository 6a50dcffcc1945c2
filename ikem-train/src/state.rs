//! The state of a training in one file: everything that resumption needs.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use ikem_models::StateDict;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, View};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::Resumable;
use crate::descent::Descent;
use crate::error::{Error, FileFault, Result, StateFault};
use crate::optimiser::OptimiserState;
use crate::trainable::Trainable;

/// The metadata key of [`TrainingMetadata`].
const METADATA_KEY: &str = "ikem.training";

/// The size limit of a state: weights, their average and two moments, each of at most the 2 GiB of a checkpoint, and a
/// header with names, shapes and the log.
const MAX_BYTES: u64 = 4 * (2 << 30) + (64 << 20);

/// The groups of tensors: prefixes of their names.
const WEIGHT: &str = "weight/";
const AVERAGE: &str = "average/";
const MEAN: &str = "mean/";
const SQUARE: &str = "square/";

/// The state apart from its tensors, of a training with config `C` and progress `P`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrainingMetadata<C, P> {
    pub config: C,
    /// A hash of the images and labels.
    pub fingerprint: String,
    pub progress: P,
    pub optimiser_steps: u32,
}

/// A saved training.
#[derive(Debug)]
pub(crate) struct State<C, P> {
    pub metadata: TrainingMetadata<C, P>,
    pub weights: StateDict,
    pub average: Option<StateDict>,
    pub optimiser: OptimiserState,
}

/// Writes the state of a training atomically.
pub(crate) fn write<N: Trainable>(
    path: &Path,
    metadata: &TrainingMetadata<impl Serialize, impl Serialize>,
    descent: &Descent<N>,
) -> Result<()> {
    let OptimiserState { mean, square, .. } = descent.optimiser().state()?;
    let mut groups =
        vec![(WEIGHT, descent.network().parameters().state_dict()), (MEAN, mean), (SQUARE, square)];
    groups.extend(descent.average().map(|average| (AVERAGE, average.parameters().state_dict())));
    let named = |(kind, tensors): (&str, StateDict)| {
        let kind = kind.to_owned();
        tensors.into_iter().map(move |(name, tensor)| (format!("{kind}{name}"), Written(tensor)))
    };
    let tensors = groups.into_iter().flat_map(named);
    let json = serde_json::to_string(metadata).map_err(|error| Error::file(path, error))?;
    let header = HashMap::from([(METADATA_KEY.to_owned(), json)]);
    let bytes = safetensors::serialize(tensors, Some(header)).map_err(|error| Error::file(path, error))?;
    ikem_files::write_synced(path, &bytes).map_err(|error| Error::file(path, error))
}

/// Reads the state of a training with this config and data; `data` says what the fingerprint is of.
pub(crate) fn resume<C: Resumable, P: DeserializeOwned>(
    path: &Path,
    config: &C,
    (data, fingerprint): (&str, &str),
) -> Result<State<C, P>> {
    let state = read::<C, P>(path)?;
    let other = |field: String| Error::OtherTraining { path: path.to_owned(), field };
    if let Some(field) = state.metadata.config.first_difference(config) {
        return Err(other(field));
    }
    if state.metadata.fingerprint != fingerprint {
        return Err(other(data.to_owned()));
    }
    Ok(state)
}

fn read<C: DeserializeOwned, P: DeserializeOwned>(path: &Path) -> Result<State<C, P>> {
    let (mut file, found) = ikem_files::open(path).map_err(|error| Error::file(path, error))?;
    if found > MAX_BYTES {
        return Err(Error::file(path, FileFault::TooLarge { found, limit: MAX_BYTES }));
    }
    let mut bytes = Vec::with_capacity(found as usize);
    file.by_ref().take(MAX_BYTES).read_to_end(&mut bytes).map_err(|error| Error::file(path, error))?;
    let invalid = |source: StateFault| Error::InvalidState { path: path.to_owned(), source };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| invalid(error.into()))?;
    let json = header.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY));
    let json = json.ok_or_else(|| invalid(StateFault::NoMetadata { key: METADATA_KEY }))?;
    let metadata: TrainingMetadata<C, P> =
        serde_json::from_str(json).map_err(|error| invalid(error.into()))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| invalid(error.into()))?;
    let mut groups: BTreeMap<&str, StateDict> = BTreeMap::new();
    for (name, view) in tensors.iter() {
        let kind = [WEIGHT, AVERAGE, MEAN, SQUARE].into_iter().find(|kind| name.starts_with(kind));
        let (Some(kind), Dtype::F32) = (kind, view.dtype()) else {
            return Err(invalid(StateFault::Tensor { name: name.to_owned(), found: view.dtype() }));
        };
        let (numbers, _) = view.data().as_chunks();
        let values = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
        let tensor = Tensor::from_vec::<_, f32>(values, view.shape(), &Device::Cpu)?;
        groups.entry(kind).or_default().insert(name[kind.len()..].to_owned(), tensor);
    }
    let mut group = |kind| groups.remove(kind).unwrap_or_default();
    let optimiser =
        OptimiserState { steps: metadata.optimiser_steps, mean: group(MEAN), square: group(SQUARE) };
    let (weights, average) = (group(WEIGHT), group(AVERAGE));
    Ok(State { metadata, weights, average: (!average.is_empty()).then_some(average), optimiser })
}

/// A tensor as stored in the file: little-endian single precision.
struct Written(Tensor);

impl View for Written {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.0.dims()
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let values = self.0.flatten_all().and_then(|flat| flat.to_dtype(DType::F32)?.to_vec1::<f32>());
        // A tensor that cannot be read yields no bytes, so that the writer reports a wrong length.
        values.unwrap_or_default().iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        4 * self.0.elem_count()
    }
}
