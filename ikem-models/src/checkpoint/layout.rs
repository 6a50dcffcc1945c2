use candle_core::Tensor;

use crate::params::StateDict;

/// The naming of a checkpoint's tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// The names of this crate and of the published IKEM checkpoints of both networks.
    Ikem,
    /// HRNetV2 as published for ImageNet classification: the stem and backbone of HRNet+OCR-IKEM, without its heads.
    Imagenet,
    /// The network of the MICCAI 2022 paper: HRNet+OCR-IKEM with other names. Its hint encoder takes the previous
    /// heatmaps first, and its heatmaps are decoded locally.
    Miccai,
}

/// Prefixes of HRNet's own names, and of the same tensors in IKEM.
const HRNET: [(&str, &str); 7] = [
    ("conv1.", "hint_fusion_layer.image_encoder.0."),
    ("bn1.", "hint_fusion_layer.image_encoder.1."),
    ("conv2.", "hint_fusion_layer.last_encoder.0."),
    ("bn2.", "hint_fusion_layer.last_encoder.1."),
    ("layer1.", "hrnet.layer1."),
    ("transition", "hrnet.transition"),
    ("stage", "hrnet.stage"),
];

/// The other prefixes of the MICCAI model.
const MICCAI_HEADS: [(&str, &str); 6] = [
    ("HintEncSENet.SENet.", "iggnet."),
    ("HintEncSENet.", "iggnet."),
    ("conv3x3_ocr.", "conv3x3_ocr."),
    ("ocr_distri_head.", "ocr_distri_head."),
    ("cls_head.", "cls_head."),
    ("aux_head.", "aux_head."),
];
const MICCAI_HINTS: [(&str, &str); 2] = [
    ("hintmap_encoder.3.scale", "hint_fusion_layer.scale"),
    ("hintmap_encoder.", "hint_fusion_layer.hintmap_encoder."),
];

/// Prefixes of the ImageNet classifier.
const CLASSIFIER: [&str; 4] = ["incre_modules.", "downsamp_modules.", "final_layer.", "classifier."];

/// The weight whose input channels are hints and previous heatmaps.
const HINT_WEIGHT: &str = "hint_fusion_layer.hintmap_encoder.0.weight";

impl Layout {
    /// The name in IKEM of the tensor `name`, if it has one.
    pub(super) fn ikem_name(self, name: &str) -> Option<String> {
        match self {
            Self::Ikem => Some(name.to_owned()),
            Self::Imagenet => replace_beginning(name, &HRNET),
            Self::Miccai => match name.strip_prefix("ritm_hrnet.") {
                Some(name) => {
                    replace_beginning(name, &HRNET).or_else(|| replace_beginning(name, &MICCAI_HEADS))
                }
                None => replace_beginning(name, &MICCAI_HINTS),
            },
        }
    }

    /// Whether a tensor without a name in IKEM is known to be unused.
    pub(super) fn is_known_unused(self, name: &str) -> bool {
        self == Self::Imagenet && CLASSIFIER.iter().any(|beginning| name.starts_with(beginning))
    }

    /// Whether checkpoints of this layout have the tensor with IKEM's `name`; if not, it is initialised.
    pub(super) fn holds(self, name: &str) -> bool {
        self != Self::Imagenet || HRNET.iter().any(|(_, ikem)| name.starts_with(ikem))
    }

    /// Converts the values of tensors, which have IKEM's names already, to IKEM's conventions.
    pub(super) fn adapt(self, tensors: &mut StateDict) -> candle_core::Result<()> {
        if let (Self::Miccai, Some(weight)) = (self, tensors.get_mut(HINT_WEIGHT)) {
            let keypoints = weight.dim(1)? / 2;
            let (previous, hints) =
                (weight.narrow(1, 0, keypoints)?, weight.narrow(1, keypoints, keypoints)?);
            *weight = Tensor::cat(&[hints, previous], 1)?;
        }
        Ok(())
    }
}

/// `name` with the first matching prefix of the table replaced.
fn replace_beginning(name: &str, table: &[(&str, &str)]) -> Option<String> {
    table.iter().find_map(|(from, to)| name.strip_prefix(from).map(|rest| format!("{to}{rest}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Table {
        miccai: BTreeMap<String, Entry>,
    }

    #[derive(Deserialize)]
    struct Entry {
        ikem: String,
    }

    #[test]
    fn every_tensor_of_the_miccai_model_gets_its_name() {
        let json = include_str!("../../tests/fixtures/layouts/layouts.json");
        let table: Table = serde_json::from_str(json).expect("the table");
        assert_eq!(table.miccai.len(), 1600);
        for (name, Entry { ikem }) in table.miccai {
            assert_eq!(Layout::Miccai.ikem_name(&name), Some(ikem), "{name}");
        }
        for name in ["ritm_hrnet.classifier.weight", "conv1.weight", "optimizer"] {
            assert_eq!(Layout::Miccai.ikem_name(name), None, "{name}");
        }
    }

    #[test]
    fn imagenets_backbone_is_ours_and_its_classifier_is_not() {
        let name = |name| Layout::Imagenet.ikem_name(name);
        assert_eq!(
            name("bn2.running_mean").as_deref(),
            Some("hint_fusion_layer.last_encoder.1.running_mean")
        );
        assert_eq!(
            name("stage4.2.fuse_layers.3.0.1.0.weight").as_deref(),
            Some("hrnet.stage4.2.fuse_layers.3.0.1.0.weight")
        );
        for unused in ["incre_modules.0.0.conv1.weight", "final_layer.0.bias", "classifier.weight"] {
            assert!(name(unused).is_none() && Layout::Imagenet.is_known_unused(unused), "{unused}");
        }
        assert!(!Layout::Imagenet.is_known_unused("last_layer.0.weight"));
        assert!(!Layout::Imagenet.holds("cls_head.weight"));
        assert!(!Layout::Imagenet.holds(HINT_WEIGHT));
    }
}
