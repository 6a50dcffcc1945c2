use std::path::PathBuf;

use ikem_models::{Checkpoint, Device, ImportOptions, Layout, ModelConfig, Network};
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// Pretrained weights to start from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitialWeights {
    /// A checkpoint of the configured network: `.safetensors`, or `.pth` of PyTorch.
    pub file: PathBuf,
    /// The naming scheme of its tensors: `ikem`, `imagenet` (an HRNetV2 classifier trained on ImageNet; the heads are
    /// initialised at random) or `miccai`. Default: `ikem`.
    #[serde(default)]
    pub layout: WeightsLayout,
}

/// The naming scheme of a checkpoint's tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum WeightsLayout {
    /// [`Layout::Ikem`].
    #[default]
    Ikem,
    /// [`Layout::Imagenet`].
    Imagenet,
    /// [`Layout::Miccai`].
    Miccai,
}

impl InitialWeights {
    /// The network of `config` with these weights. Tensors that a backbone checkpoint lacks are initialised from `seed`.
    pub(crate) fn network(&self, config: &ModelConfig, seed: u64, device: &Device) -> Result<Network> {
        let layout = match self.layout {
            WeightsLayout::Ikem => {
                let tensors = Checkpoint::read(&self.file)?.tensors;
                return Ok(Network::trainable(config, tensors, device)?);
            }
            WeightsLayout::Imagenet => Layout::Imagenet,
            WeightsLayout::Miccai => Layout::Miccai,
        };
        let mut import =
            Checkpoint::import(&self.file, &ImportOptions { seed, ..ImportOptions::new(layout) })?;
        let mut tensors = Network::fresh(config, seed, &Device::Cpu)?.parameters().state_dict();
        for name in import.used {
            if let Some(tensor) = import.checkpoint.tensors.remove(&name) {
                tensors.insert(name, tensor);
            }
        }
        Ok(Network::trainable(config, tensors, device)?)
    }
}
