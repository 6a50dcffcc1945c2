use std::path::PathBuf;

use ikem_models::ConfigError;
use serde::{Deserialize, Serialize};

/// The most pairs, or triples, that a config may ask for: more than 68 keypoints have of either.
const MOST_RELATIONS: usize = 200_000;

/// What the loss is the weighted sum of. A term of weight 0 is not computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// Weight of the mean binary cross-entropy of the heatmaps. Default 1.
    pub cross_entropy: f64,
    /// Weight of the mean distance of x and y, each by itself, between expected and true keypoints, in pixels of the grid.
    /// Default 0.01.
    pub coordinates: f64,
    /// Weight of the mean cross-entropy of the keypoints' places: of the softmax over each map's pixels against the Gaussian,
    /// scaled to a sum of 1. Its gradient is where the map and the keypoint are, and not in the ten thousands of pixels where
    /// neither is. Default 0.
    pub position: f64,
    /// Weight of the cross-entropy of the auxiliary head's heatmaps, where the network has one. Default 1.
    pub auxiliary: f64,
    /// The morphology-aware term.
    pub morphology: MorphologyConfig,
}

impl Default for LossConfig {
    /// The published loss: cross-entropies and 0.01 × the coordinates', no position and no morphology.
    fn default() -> Self {
        Self {
            cross_entropy: 1.0,
            coordinates: 0.01,
            position: 0.0,
            auxiliary: 1.0,
            morphology: MorphologyConfig::default(),
        }
    }
}

/// The morphology-aware term (MICCAI 2022, section 2.3): distances and angles that hardly differ from person to person are
/// to be right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MorphologyConfig {
    /// Weight of the sum of the two means. Default 0; published 0.01.
    pub weight: f64,
    /// A JSON file of pairs and triples. Default: none, they are found in the training set.
    pub file: Option<PathBuf>,
    /// How many pairs are found in the training set. Default 68.
    pub distances: usize,
    /// How many triples are found in the training set. Default 68.
    pub angles: usize,
}

impl Default for MorphologyConfig {
    fn default() -> Self {
        Self { weight: 0.0, file: None, distances: 68, angles: 68 }
    }
}

impl LossConfig {
    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field that is out of range, by name.
    pub fn check(&self) -> Result<(), ConfigError> {
        let Self { cross_entropy, coordinates, position, auxiliary, morphology } = self;
        for (field, weight) in [
            ("loss.cross_entropy", *cross_entropy),
            ("loss.coordinates", *coordinates),
            ("loss.position", *position),
            ("loss.auxiliary", *auxiliary),
            ("loss.morphology.weight", morphology.weight),
        ] {
            if !(weight.is_finite() && weight >= 0.0) {
                let (expected, found) = ("a number of at least 0".to_owned(), weight.to_string());
                return Err(ConfigError { field, expected, found });
            }
        }
        if [*cross_entropy, *coordinates, *position, morphology.weight] == [0.0; 4] {
            let (expected, found) = ("a weight above 0 of any term".to_owned(), "0 of all".to_owned());
            return Err(ConfigError { field: "loss", expected, found });
        }
        morphology.check()
    }
}

impl MorphologyConfig {
    fn check(&self) -> Result<(), ConfigError> {
        for (field, count) in
            [("loss.morphology.distances", self.distances), ("loss.morphology.angles", self.angles)]
        {
            if count > MOST_RELATIONS {
                let (expected, found) = (format!("at most {MOST_RELATIONS}"), count.to_string());
                return Err(ConfigError { field, expected, found });
            }
        }
        if self.weight > 0.0 && self.file.is_none() && self.distances + self.angles == 0 {
            let (expected, found) = ("distances or angles, or a file".to_owned(), "none".to_owned());
            return Err(ConfigError { field: "loss.morphology", expected, found });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_out_of_range_is_named() {
        let with = |change: fn(&mut LossConfig)| {
            let mut config = LossConfig::default();
            change(&mut config);
            config
        };
        for (field, config) in [
            ("loss.cross_entropy", with(|c| c.cross_entropy = -1.0)),
            ("loss.coordinates", with(|c| c.coordinates = f64::NAN)),
            ("loss.position", with(|c| c.position = -1e-9)),
            ("loss.auxiliary", with(|c| c.auxiliary = f64::INFINITY)),
            ("loss.morphology.weight", with(|c| c.morphology.weight = -0.01)),
            ("loss.morphology.distances", with(|c| c.morphology.distances = usize::MAX)),
            ("loss.morphology.angles", with(|c| c.morphology.angles = 300_000)),
            ("loss", with(|c| (c.cross_entropy, c.coordinates) = (0.0, 0.0))),
            (
                "loss.morphology",
                with(|c| {
                    c.morphology = MorphologyConfig { weight: 1.0, file: None, distances: 0, angles: 0 };
                }),
            ),
        ] {
            assert_eq!(config.check().expect_err(field).field, field);
        }
        assert_eq!(LossConfig::default().check(), Ok(()));
        let only = with(|c| (c.cross_entropy, c.coordinates, c.position) = (0.0, 0.0, 0.1));
        assert_eq!(only.check(), Ok(()), "the position alone can be learnt from");
    }

    #[test]
    fn what_is_left_out_has_its_default_and_unknown_fields_are_told() {
        let read = serde_json::from_str::<LossConfig>;
        assert_eq!(read("{}").expect("defaults"), LossConfig::default());
        let morph = read(r#"{"morphology": {"weight": 0.01}}"#).expect("a config");
        assert_eq!((morph.morphology.weight, morph.morphology.angles, morph.coordinates), (0.01, 68, 0.01));
        let error = read(r#"{"coordinate": 1}"#).expect_err("a misspelt field").to_string();
        assert!(error.contains("unknown field `coordinate`"), "{error}");
    }
}
