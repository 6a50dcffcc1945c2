//! What a bare state dict says of its network.

use candle_core::Tensor;
use ikem_core::Skeleton;

use crate::config::{ModelConfig, NetworkConfig, UnetConfig};
use crate::error::CheckpointFault;
use crate::params::StateDict;

/// The config of the network that these tensors belong to: widths, gate and number of keypoints from the tensors'
/// shapes, all else as published.
pub(super) fn config(tensors: &StateDict) -> Result<ModelConfig, CheckpointFault> {
    let maps = dim(tensors, "hint_fusion_layer.hintmap_encoder.0.weight", 1)?;
    let keypoints = maps / 2;
    let spine = Skeleton::spine();
    let skeleton = if keypoints == spine.len() { spine } else { Skeleton::numbered(keypoints) };
    let network = NetworkConfig::Unet(unet(tensors)?);
    let config = ModelConfig { skeleton, ..ModelConfig::new(network) };
    config.check().map_err(|error| CheckpointFault::BadConfig(error.to_string()))?;
    Ok(config)
}

fn unet(tensors: &StateDict) -> Result<UnetConfig, CheckpointFault> {
    let width = dim(tensors, "down1.maxpool_conv.1.double_conv.0.weight", 1)?;
    let gate_width = dim(tensors, "iggnet.conv1.weight", 1).ok();
    Ok(UnetConfig { width, gate_width, ..UnetConfig::default() })
}

/// The extent of one axis of a tensor that must be there.
fn dim(tensors: &StateDict, name: &str, axis: usize) -> Result<usize, CheckpointFault> {
    tensors
        .get(name)
        .and_then(|tensor| Tensor::dims(tensor).get(axis).copied())
        .ok_or_else(|| CheckpointFault::UnknownLayout { missing: name.to_owned() })
}
