//! The configs that come with the project.
#![allow(missing_docs, clippy::expect_used)]

use std::path::Path;

use ikem_models::{Device, Network};
use ikem_train::TrainConfig;

/// Names and, where the network is a small one or published, parameters.
const CONFIGS: [(&str, usize); 7] = [
    ("compact", 4_504_621),
    ("hrnet-ocr-ver1", 32_942_889),
    ("hrnet-ocr-ver2", 32_942_889),
    ("morph", 32_548_261),
    ("no-hints", 0),
    ("relu", 32_548_261),
    ("unet-ver2", 32_548_261),
];

#[test]
fn every_config_is_read_and_every_one_is_known() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../configs"));
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("configs")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, CONFIGS.map(|(name, _)| name));
    for (name, parameters) in CONFIGS {
        let config = TrainConfig::read(folder.join(format!("{name}.toml"))).expect(name);
        assert_eq!(config.model.keypoints(), 68, "{name}");
        // The large ones take a second each to be filled.
        if parameters < 10_000_000 && parameters > 0 {
            let network = Network::fresh(&config.model, 0, &Device::Cpu).expect(name);
            assert_eq!(network.parameter_count(), parameters, "{name}");
        }
    }
}
