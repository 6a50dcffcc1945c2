//! Inference of a config from a bare state dict.

use candle_core::Tensor;
use ikem_core::Skeleton;

use crate::config::{HrnetOcrConfig, ModelConfig, NetworkConfig, UnetConfig};
use crate::error::CheckpointFault;
use crate::hrnet::HrnetOcr;
use crate::params::StateDict;
use crate::unet::Unet;

/// The config of the network that these tensors belong to: widths, gate and number of keypoints from the tensors'
/// shapes, all other fields as published.
pub(super) fn config(tensors: &StateDict) -> Result<ModelConfig, CheckpointFault> {
    let (network, keypoints) = if tensors.contains_key(HrnetOcr::HEAD) {
        (NetworkConfig::HrnetOcr(hrnet_ocr(tensors)?), dim(tensors, HrnetOcr::HEAD, 0)?)
    } else {
        (NetworkConfig::Unet(unet(tensors)?), dim(tensors, Unet::HEAD, 0)?)
    };
    let spine = Skeleton::spine();
    let skeleton = if keypoints == spine.len() { spine } else { Skeleton::numbered(keypoints) };
    let config = ModelConfig { skeleton, ..ModelConfig::new(network) };
    config.check().map_err(CheckpointFault::Config)?;
    Ok(config)
}

fn unet(tensors: &StateDict) -> Result<UnetConfig, CheckpointFault> {
    Ok(UnetConfig {
        width: dim(tensors, "down1.maxpool_conv.1.double_conv.0.weight", 1)?,
        gate_width: gate_width(tensors),
        hints: hints(tensors),
        ..UnetConfig::default()
    })
}

fn hrnet_ocr(tensors: &StateDict) -> Result<HrnetOcrConfig, CheckpointFault> {
    Ok(HrnetOcrConfig {
        ocr_width: dim(tensors, HrnetOcr::HEAD, 1)? / 2,
        gate_width: gate_width(tensors),
        hints: hints(tensors),
        ..hrnet_backbone(tensors)?
    })
}

/// The dimensions of HRNet+OCR-IKEM from the backbone's tensors, by IKEM's names; all other fields as published.
pub(super) fn hrnet_backbone(tensors: &StateDict) -> Result<HrnetOcrConfig, CheckpointFault> {
    Ok(HrnetOcrConfig {
        stem_width: dim(tensors, "hrnet.layer1.0.conv1.weight", 1)?,
        width: dim(tensors, "hrnet.transition1.0.0.weight", 0)?,
        ..HrnetOcrConfig::default()
    })
}

fn gate_width(tensors: &StateDict) -> Option<usize> {
    dim(tensors, "iggnet.conv1.weight", 1).ok()
}

/// Whether the network has hints: without them, the image's encoder is at the top level.
fn hints(tensors: &StateDict) -> bool {
    !tensors.contains_key("image_encoder.0.weight")
}

/// The extent of one axis of a tensor that must exist.
fn dim(tensors: &StateDict, name: &str, axis: usize) -> Result<usize, CheckpointFault> {
    tensors
        .get(name)
        .and_then(|tensor| Tensor::dims(tensor).get(axis).copied())
        .ok_or_else(|| CheckpointFault::UnknownLayout { missing: name.to_owned() })
}
