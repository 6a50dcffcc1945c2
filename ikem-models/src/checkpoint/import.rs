//! Import of checkpoints that other programs wrote.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Device;
use ikem_core::{Decoding, LocalWindow};

use super::{Checkpoint, Layout, infer, read_state_dict};
use crate::config::{ModelConfig, NetworkConfig, NetworkKind};
use crate::error::{BuildResult, CheckpointFault, Result};
use crate::network::Network;
use crate::params::StateDict;

/// Options of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// The naming of its tensors.
    pub layout: Layout,
    /// The network that it must be of; `None` accepts the one that its names imply.
    pub network: Option<NetworkKind>,
    /// Skips tensors with unknown names instead of refusing them.
    pub allow_unknown: bool,
    /// The seed of the tensors that it lacks.
    pub seed: u64,
}

impl ImportOptions {
    /// Any network, and no unknown tensors.
    #[must_use]
    pub const fn new(layout: Layout) -> Self {
        Self { layout, network: None, allow_unknown: false, seed: 0 }
    }
}

/// An imported checkpoint, and what became of each tensor.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Import {
    /// The checkpoint, complete.
    pub checkpoint: Checkpoint,
    /// Names in the network of the tensors that were taken from the file.
    pub used: Vec<String>,
    /// Names in the file of tensors that were not used.
    pub unused: Vec<String>,
    /// Names in the network of tensors that the file lacks and that were initialised.
    pub fresh: Vec<String>,
}

impl Checkpoint {
    /// Reads a PyTorch `.pth` of another layout. The network, its widths, its gate and the number of keypoints are
    /// inferred from names and shapes; the grid is 256 × 512, the resampling bilinear and the decoding that of the
    /// layout. For a layout without heads ([`Layout::Imagenet`]) the heads are the published ones, with a gate, and are
    /// initialised.
    ///
    /// # Errors
    /// As [`read`](Self::read); unknown names unless they are allowed; a tensor of the layout that is missing or has
    /// another shape.
    pub fn import(path: impl AsRef<Path>, options: &ImportOptions) -> Result<Import> {
        let path = path.as_ref();
        import(read_state_dict(path)?, options).map_err(|error| error.at(path))
    }
}

fn import(tensors: StateDict, options: &ImportOptions) -> BuildResult<Import> {
    let layout = options.layout;
    let (mut found, mut unused, mut unknown) = (StateDict::new(), Vec::new(), Vec::new());
    let mut foreign = BTreeMap::new();
    for (name, tensor) in tensors {
        match layout.ikem_name(&name) {
            Some(ikem) => {
                found.insert(ikem.clone(), tensor);
                foreign.insert(ikem, name);
            }
            None if layout.is_known_unused(&name) => unused.push(name),
            None => unknown.push(name),
        }
    }
    layout.adapt(&mut found)?;
    let config = config(layout, &found)?;
    if let Some(expected) = options.network.filter(|&kind| kind != config.network.kind()) {
        return Err(CheckpointFault::OtherNetwork { found: config.network.kind(), expected }.into());
    }
    let mut import =
        Import { checkpoint: Checkpoint::new(config, StateDict::new()), used: vec![], unused, fresh: vec![] };
    for (name, fresh) in untrained(&import.checkpoint.config, options.seed)? {
        let tensor = match found.remove(&name) {
            Some(tensor) if tensor.dims() == fresh.dims() => {
                import.used.push(name.clone());
                tensor
            }
            Some(tensor) => {
                let (found, expected) = (tensor.dims().to_vec(), fresh.dims().to_vec());
                return Err(CheckpointFault::Shape { name, found, expected }.into());
            }
            None if layout.holds(&name) => {
                return Err(CheckpointFault::Missing { name, expected: fresh.dims().to_vec() }.into());
            }
            None => {
                import.fresh.push(name.clone());
                fresh
            }
        };
        import.checkpoint.tensors.insert(name, tensor);
    }
    unknown.extend(found.keys().filter_map(|name| foreign.remove(name)));
    if let (Some(first), false) = (unknown.first(), options.allow_unknown) {
        return Err(CheckpointFault::Extra { count: unknown.len(), first: first.clone() }.into());
    }
    import.unused.extend(unknown);
    Ok(import)
}

fn config(layout: Layout, tensors: &StateDict) -> Result<ModelConfig, CheckpointFault> {
    match layout {
        Layout::Ikem => infer::config(tensors),
        Layout::Miccai => {
            let decoding = Decoding::Local(LocalWindow::default());
            Ok(ModelConfig { decoding, ..infer::config(tensors)? })
        }
        Layout::Imagenet => Ok(ModelConfig::new(NetworkConfig::HrnetOcr(infer::hrnet_backbone(tensors)?))),
    }
}

/// Every tensor of the network before training.
fn untrained(config: &ModelConfig, seed: u64) -> BuildResult<StateDict> {
    config.check().map_err(CheckpointFault::Config)?;
    Ok(Network::unchecked_fresh(config, seed, &Device::Cpu)?.parameters().state_dict())
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;
    use ikem_core::{Size, Skeleton};

    use super::*;
    use crate::config::{HrnetOcrConfig, UnetConfig};
    use crate::error::BuildError;
    use crate::inputs::Inputs;
    use crate::predictor::Predictor;

    const SIZE: Size = Size::new(64, 64);
    const KEYPOINTS: usize = 3;

    fn hrnet() -> ModelConfig {
        let hrnet = HrnetOcrConfig {
            stem_width: 4,
            width: 2,
            ocr_width: 4,
            gate_width: Some(4),
            ..HrnetOcrConfig::default()
        };
        ModelConfig {
            skeleton: Skeleton::numbered(KEYPOINTS),
            ..ModelConfig::new(NetworkConfig::HrnetOcr(hrnet))
        }
    }

    /// Tensors by the names of the MICCAI model.
    fn miccai(tensors: &StateDict) -> StateDict {
        let json = include_str!("../../tests/fixtures/layouts/layouts.json");
        let table: serde_json::Value = serde_json::from_str(json).expect("the table");
        let table = table["miccai"].as_object().expect("the table");
        let renamed = table.iter().map(|(name, entry)| {
            let tensor = &tensors[entry["ikem"].as_str().expect("a name")];
            let swapped = if name == "hintmap_encoder.0.weight" {
                let halves = [KEYPOINTS, 0].map(|from| tensor.narrow(1, from, KEYPOINTS).expect("a half"));
                Tensor::cat(&halves, 1).expect("a weight")
            } else {
                tensor.clone()
            };
            (name.clone(), swapped)
        });
        renamed.collect()
    }

    fn logits(checkpoint: Checkpoint) -> Vec<f32> {
        let predictor = Predictor::builder().build(checkpoint).expect("a predictor");
        let maps = |channels: usize, phase: f32| {
            let wave = |i: usize| (i as f32 * 0.013 + phase).sin().abs();
            let values: Vec<f32> = (0..channels * SIZE.area()).map(wave).collect();
            Tensor::from_vec(values, (1, channels, SIZE.height, SIZE.width), &Device::Cpu).expect("maps")
        };
        let inputs = Inputs::dense(maps(KEYPOINTS, 0.0), maps(KEYPOINTS, 1.0), maps(3, 2.0));
        let logits =
            predictor.forward(&inputs).and_then(|answer| Ok(answer.main.flatten_all()?.to_vec1()?));
        logits.expect("logits")
    }

    #[test]
    fn a_miccai_model_answers_as_the_same_weights_in_our_layout() {
        let tensors = untrained(&hrnet(), 5).expect("a network");
        let options = ImportOptions::new(Layout::Miccai);
        let imported = import(miccai(&tensors), &options).expect("an import").checkpoint;
        assert_eq!(imported.config.decoding, Decoding::Local(LocalWindow::default()));
        assert_eq!(imported.config.network, hrnet().network);
        let ours = logits(Checkpoint::new(hrnet(), tensors));
        assert!(ours.iter().any(|logit| logit.abs() > 1e-3));
        assert_eq!(logits(imported), ours);
    }

    #[test]
    fn networks_are_told_by_their_tensors() {
        let unet = UnetConfig { width: 2, gate_width: Some(4), ..UnetConfig::default() };
        let NetworkConfig::HrnetOcr(hrnet) = hrnet().network else { panic!("it is one") };
        let skeleton = Skeleton::numbered(KEYPOINTS);
        for network in [
            NetworkConfig::Unet(unet),
            NetworkConfig::Unet(UnetConfig { gate_width: None, ..unet }),
            NetworkConfig::Unet(UnetConfig { gate_width: None, hints: false, ..unet }),
            NetworkConfig::HrnetOcr(hrnet),
            NetworkConfig::HrnetOcr(HrnetOcrConfig { gate_width: None, ..hrnet }),
            NetworkConfig::HrnetOcr(HrnetOcrConfig { gate_width: None, hints: false, ..hrnet }),
        ] {
            let config = ModelConfig { skeleton: skeleton.clone(), ..ModelConfig::new(network) };
            let tensors = untrained(&config, 0).expect("a network");
            let imported = import(tensors, &ImportOptions::new(Layout::Ikem)).expect("an import");
            assert_eq!(imported.checkpoint.config, config);
            assert!(imported.fresh.is_empty() && imported.unused.is_empty());
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let whole = untrained(&hrnet(), 0).expect("a network");
        let options = ImportOptions::new(Layout::Ikem);
        let fault = |tensors, options: &ImportOptions| match import(tensors, options) {
            Err(BuildError::Fault(fault)) => fault.to_string(),
            other => panic!("expected a fault, found {other:?}"),
        };

        let mut tensors = whole.clone();
        tensors.remove("hrnet.stage3.0.branches.1.0.bn1.bias");
        assert!(
            fault(tensors, &options)
                .contains("`hrnet.stage3.0.branches.1.0.bn1.bias` of shape [4] is missing")
        );

        let mut tensors = whole.clone();
        tensors.insert("extra".to_owned(), whole["cls_head.bias"].clone());
        assert!(
            fault(tensors.clone(), &options)
                .contains("1 tensors are not part of the network, the first is `extra`")
        );
        let allowed =
            import(tensors, &ImportOptions { allow_unknown: true, ..options.clone() }).expect("an import");
        assert_eq!(allowed.unused, ["extra"]);

        let mut tensors = whole.clone();
        tensors.insert("cls_head.bias".to_owned(), whole["hint_fusion_layer.scale"].clone());
        assert!(fault(tensors, &options).contains("`cls_head.bias` has shape [1]; expected [3]"));

        let wrong = ImportOptions { network: Some(NetworkKind::Unet), ..options };
        assert!(fault(whole, &wrong).contains("those of hrnet-ocr; expected unet"));
        let nothing = fault(StateDict::new(), &ImportOptions::new(Layout::Miccai));
        assert!(nothing.contains("not those of a known network"), "{nothing}");
    }
}
