//! All that a training needs to go on where it was, in one file.

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

use crate::adam::AdamState;
use crate::descent::Descent;
use crate::error::{Error, Result};
use crate::trainable::Trainable;

/// The metadata key of [`Story`].
const STORY_KEY: &str = "ikem.training";

/// The most bytes of the header: names, shapes and the log of a long training.
const MAX_HEADER_BYTES: u64 = 64 << 20;

/// What tensors of a state are, before their names.
const WEIGHT: &str = "weight/";
const AVERAGE: &str = "average/";
const MEAN: &str = "mean/";
const SQUARE: &str = "square/";

/// What is not a tensor: of a training with config `C` that has come as far as `P` says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Story<C, P> {
    pub config: C,
    /// Of the data.
    pub fingerprint: String,
    pub progress: P,
    pub optimiser_steps: u32,
}

/// A training as it was saved.
#[derive(Debug)]
pub(crate) struct State<C, P> {
    pub story: Story<C, P>,
    pub weights: StateDict,
    pub average: Option<StateDict>,
    pub optimiser: AdamState,
}

/// Writes the state of a training, whole or not at all.
pub(crate) fn write<N: Trainable>(
    path: &Path,
    story: &Story<impl Serialize, impl Serialize>,
    descent: &Descent<N>,
) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| Error::file(path, error);
    let AdamState { mean, square, .. } = descent.optimiser().state()?;
    let mut groups =
        vec![(WEIGHT, descent.network().parameters().state_dict()), (MEAN, mean), (SQUARE, square)];
    groups.extend(descent.average().map(|average| (AVERAGE, average.parameters().state_dict())));
    let named = |(kind, tensors): (&str, StateDict)| {
        let kind = kind.to_owned();
        tensors.into_iter().map(move |(name, tensor)| (format!("{kind}{name}"), Written(tensor)))
    };
    let tensors = groups.into_iter().flat_map(named);
    let json = serde_json::to_string(story).map_err(|error| failed(&error))?;
    let metadata = HashMap::from([(STORY_KEY.to_owned(), json)]);
    let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(|error| failed(&error))?;
    ikem_files::write_synced(path, &bytes).map_err(|error| failed(&error))
}

/// Reads a state, of a network of at most `parameters` numbers.
pub(crate) fn read<C: DeserializeOwned, P: DeserializeOwned>(
    path: &Path,
    parameters: usize,
) -> Result<State<C, P>> {
    let broken = |found: String| Error::file(path, format!("not a whole state of a training: {found}"));
    let (mut file, length) = ikem_files::open(path).map_err(|error| Error::file(path, error))?;
    // Weights, moments and average, in single precision; statistics are few beside them.
    let most = 4 * 4 * 2 * parameters as u64 + MAX_HEADER_BYTES;
    if length > most {
        return Err(broken(format!("it has {length} bytes; expected at most {most}")));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.by_ref().take(most).read_to_end(&mut bytes).map_err(|error| Error::file(path, error))?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| broken(error.to_string()))?;
    let json = metadata.metadata().as_ref().and_then(|entries| entries.get(STORY_KEY));
    let json = json.ok_or_else(|| broken(format!("its metadata has no `{STORY_KEY}`")))?;
    let story: Story<C, P> = serde_json::from_str(json).map_err(|error| broken(error.to_string()))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| broken(error.to_string()))?;
    let mut groups: BTreeMap<&str, StateDict> = BTreeMap::new();
    for (name, view) in tensors.iter() {
        let kind = [WEIGHT, AVERAGE, MEAN, SQUARE].into_iter().find(|kind| name.starts_with(kind));
        let (Some(kind), Dtype::F32) = (kind, view.dtype()) else {
            return Err(broken(format!("`{name}` holds {:?}", view.dtype())));
        };
        let (numbers, _) = view.data().as_chunks();
        let values = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
        let tensor = Tensor::from_vec::<_, f32>(values, view.shape(), &Device::Cpu)?;
        groups.entry(kind).or_default().insert(name[kind.len()..].to_owned(), tensor);
    }
    let mut group = |kind| groups.remove(kind).unwrap_or_default();
    let optimiser = AdamState { steps: story.optimiser_steps, mean: group(MEAN), square: group(SQUARE) };
    let (weights, average) = (group(WEIGHT), group(AVERAGE));
    Ok(State { story, weights, average: (!average.is_empty()).then_some(average), optimiser })
}

/// A tensor as it stands in the file: little-endian, single precision.
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
        // A tensor that can't be read gives no bytes, and the writer refuses the file.
        values.unwrap_or_default().iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        4 * self.0.elem_count()
    }
}
