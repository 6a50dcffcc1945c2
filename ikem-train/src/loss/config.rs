use std::path::PathBuf;

use ikem_core::FieldError;
use serde::{Deserialize, Serialize};

/// The most pairs, or triples, that a config may ask for; 68 keypoints have fewer of either.
const MOST_RELATIONS: usize = 200_000;

/// Weights of the terms of the loss. A term of weight 0 is not computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// Weight of the mean binary cross-entropy of the heatmaps. Default: 1.
    pub cross_entropy: f64,
    /// Weight of the coordinate loss: the mean absolute difference in x and y between the expected positions
    /// (soft-argmax) and the labels, in pixels of the grid. Default: 0.01.
    pub coordinates: f64,
    /// Weight of the position loss: the mean cross-entropy between the softmax over each map's pixels and the target
    /// Gaussian, normalised to sum 1. Its gradient concentrates on the map's mass and the keypoint instead of the many
    /// background pixels. Default: 0.
    pub position: f64,
    /// Weight of the cross-entropy of the auxiliary head's heatmaps, for networks with such a head. Default: 1.
    pub auxiliary: f64,
    /// The morphology-aware term.
    pub morphology: MorphologyConfig,
}

impl Default for LossConfig {
    /// The published loss: the cross-entropies and 0.01 × the coordinate loss.
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

/// The morphology-aware term (MICCAI 2022, section 2.3): distances and angles between keypoints that vary little
/// between people are compared with those of the labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MorphologyConfig {
    /// Weight of the sum of the mean distance error and the mean angle error. Default: 0; published: 0.01.
    pub weight: f64,
    /// A JSON file with pairs and triples of keypoints. Default: none; they are selected on the training set.
    pub file: Option<PathBuf>,
    /// The number of pairs selected on the training set. Default: 68.
    pub distances: usize,
    /// The number of triples selected on the training set. Default: 68.
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
    /// The first field that is out of range.
    pub fn check(&self) -> Result<(), FieldError> {
        let Self { cross_entropy, coordinates, position, auxiliary, morphology } = self;
        for (field, weight) in [
            ("loss.cross_entropy", *cross_entropy),
            ("loss.coordinates", *coordinates),
            ("loss.position", *position),
            ("loss.auxiliary", *auxiliary),
            ("loss.morphology.weight", morphology.weight),
        ] {
            FieldError::check_not_negative(field, weight)?;
        }
        if [*cross_entropy, *coordinates, *position, morphology.weight] == [0.0; 4] {
            return Err(FieldError::new("loss", "at least one weight above 0", "all weights 0"));
        }
        morphology.check()
    }
}

impl MorphologyConfig {
    fn check(&self) -> Result<(), FieldError> {
        FieldError::check_range("loss.morphology.distances", self.distances, 0..=MOST_RELATIONS)?;
        FieldError::check_range("loss.morphology.angles", self.angles, 0..=MOST_RELATIONS)?;
        if self.weight > 0.0 && self.file.is_none() && self.distances + self.angles == 0 {
            return Err(FieldError::new("loss.morphology", "distances or angles, or a file", "none"));
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
    fn fields_have_defaults_and_unknown_ones_are_rejected() {
        let read = serde_json::from_str::<LossConfig>;
        assert_eq!(read("{}").expect("defaults"), LossConfig::default());
        let morph = read(r#"{"morphology": {"weight": 0.01}}"#).expect("a config");
        assert_eq!((morph.morphology.weight, morph.morphology.angles, morph.coordinates), (0.01, 68, 0.01));
        let error = read(r#"{"coordinate": 1}"#).expect_err("a misspelt field").to_string();
        assert!(error.contains("unknown field `coordinate`"), "{error}");
    }
}
