//! The configs in `configs/`.
#![allow(missing_docs, clippy::expect_used)]

use std::path::Path;

use ikem_models::{CornerNetwork, Device, LocatorNetwork, Network, RefinerNetwork};
use ikem_train::{CornerTrainConfig, LocatorTrainConfig, PartTrainConfig, RefinerTrainConfig, TrainConfig};

/// The name and, for a small or published network, the number of parameters.
const CONFIGS: [(&str, usize); 8] = [
    ("compact", 4_504_621),
    ("framed", 4_504_621),
    ("hrnet-ocr-ver1", 32_942_889),
    ("hrnet-ocr-ver2", 32_942_889),
    ("morph", 32_548_261),
    ("no-hints", 0),
    ("relu", 32_548_261),
    ("unet-ver2", 32_548_261),
];

/// The configs of the locator, and its number of parameters.
const LOCATORS: ([&str; 2], usize) = (["locator", "locator-mirrored"], 323_809);

/// The config of the corner detector, and its number of parameters.
const CORNERS: (&str, usize) = ("corners", 124_724);

/// The config of the corner refiner, and its number of parameters.
const REFINER: (&str, usize) = ("refiner", 182_624);

#[test]
fn every_config_is_valid_and_listed() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../configs"));
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("configs")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    let mut expected: Vec<_> =
        CONFIGS.iter().map(|(name, _)| *name).chain(LOCATORS.0).chain([CORNERS.0, REFINER.0]).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for name in LOCATORS.0 {
        let config = LocatorTrainConfig::read(folder.join(format!("{name}.toml"))).expect(name);
        let network = LocatorNetwork::fresh(config.locator, 0, &Device::Cpu).expect(name);
        assert_eq!(network.parameter_count(), LOCATORS.1, "{name}");
    }
    let config = CornerTrainConfig::read(folder.join("corners.toml")).expect("corners");
    let network = CornerNetwork::fresh(config.corners, 0, &Device::Cpu).expect("corners");
    assert_eq!(network.parameter_count(), CORNERS.1);
    let config = RefinerTrainConfig::read(folder.join("refiner.toml")).expect("refiner");
    let network = RefinerNetwork::fresh(config.refiner, 0, &Device::Cpu).expect("refiner");
    assert_eq!(network.parameter_count(), REFINER.1);
    for (name, parameters) in CONFIGS {
        let config = TrainConfig::read(folder.join(format!("{name}.toml"))).expect(name);
        assert_eq!(config.model.keypoints(), 68, "{name}");
        // Initialising the large ones takes a second each.
        if parameters < 10_000_000 && parameters > 0 {
            let network = Network::fresh(&config.model, 0, &Device::Cpu).expect(name);
            assert_eq!(network.parameter_count(), parameters, "{name}");
        }
    }
}
