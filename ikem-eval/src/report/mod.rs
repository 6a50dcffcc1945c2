//! Everything that an evaluation found, to be written, read again, compared and drawn.

mod angles;
mod breakdown;
mod case;
mod comparison;
mod conventions;
mod effort;
mod estimate;
mod figures;
mod files;
mod markdown;
mod series;
mod table;
mod threshold;

use std::collections::BTreeMap;

use ikem_core::{FieldError, Skeleton};
use serde::{Deserialize, Serialize};

pub use angles::{AngleFigures, ClinicalFigures, MeasuredAngles, ScriptFigures};
pub use breakdown::{Breakdown, ShiftCount};
pub use case::Case;
pub use comparison::comparison_markdown;
pub use effort::Effort;
pub use figures::Figures;
pub(crate) use files::write;
pub use files::{write_angles, write_comparison};
pub use series::Series;
pub use threshold::Threshold;

use crate::bootstrap::Bootstrap;
use crate::error::Error;
use crate::play::{Played, Protocol};

/// What a report's `format` says.
const FORMAT: &str = "ikem-evaluation/1";

/// What is computed from the images that were played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Targets of NoC and FR: MRE in pixels of the image.
    pub targets: Vec<f64>,
    /// Thresholds of the detection rate: error in pixels of the image.
    pub sdr: Vec<f64>,
    /// The most vertebrae that a prediction may be shifted by.
    pub shift_limit: usize,
    /// How intervals are made.
    pub bootstrap: Bootstrap,
}

impl Default for Settings {
    /// Targets of 20, 30, 40 and 50 px, detection within 10, 20 and 40 px, shifts by two vertebrae at the most.
    fn default() -> Self {
        Self {
            targets: vec![20.0, 30.0, 40.0, 50.0],
            sdr: vec![10.0, 20.0, 40.0],
            shift_limit: 2,
            bootstrap: Bootstrap::default(),
        }
    }
}

/// What was evaluated on what, in the words of the program that did it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The network, shown in tables and legends.
    pub name: String,
    /// The file of its weights.
    pub checkpoint: Option<String>,
    /// The SHA-256 of that file.
    pub checkpoint_sha256: Option<String>,
    /// Its configuration.
    pub config: Option<serde_json::Value>,
    /// The file that lists images and labels.
    pub manifest: Option<String>,
    /// The SHA-256 of that file.
    pub manifest_sha256: Option<String>,
    /// Which part of it.
    pub split: Option<String>,
    /// Which labels: as published or repaired.
    pub labels: Option<String>,
    /// The images that were left out, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// An evaluation.
///
/// In its JSON, `model.mre` and `manual.mre` are arrays by click, `fr`, `noc` and `noc_successes` are tables by target,
/// and a field whose name ends in `_interval` stands beside each figure. `conventions` says what each figure means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The format and its version.
    pub format: String,
    /// What was evaluated.
    pub provenance: Provenance,
    /// What every figure means, by name.
    pub conventions: BTreeMap<String, String>,
    /// How the images were corrected.
    pub protocol: Protocol,
    /// What was computed.
    pub settings: Settings,
    /// The figures of all images.
    #[serde(flatten)]
    pub figures: Figures,
    /// The figures of named parts of the images.
    pub subsets: BTreeMap<String, Figures>,
    /// The images one by one.
    pub cases: Vec<Case>,
}

impl Report {
    /// Evaluates images that were all played by `protocol`.
    ///
    /// # Errors
    /// [`Error::Argument`] without images, for one that was played otherwise or has not the skeleton's number of
    /// keypoints, and for settings that cannot be meant.
    pub fn new(
        provenance: Provenance,
        protocol: Protocol,
        settings: Settings,
        skeleton: &Skeleton,
        played: &[Played],
    ) -> Result<Self, Error> {
        settings.check()?;
        let figures = Figures::new(&protocol, &settings, skeleton, &played.iter().collect::<Vec<_>>())?;
        Ok(Self {
            format: FORMAT.to_owned(),
            provenance,
            conventions: conventions::conventions(&protocol, &settings),
            figures,
            subsets: BTreeMap::new(),
            cases: played.iter().map(|image| Case::new(image, &settings, skeleton)).collect(),
            protocol,
            settings,
        })
    }

    /// Adds the figures of the images of `played` that `chosen` says yes to, and of the others as `not NAME`; a part
    /// without images is left out.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_subset(
        mut self,
        name: &str,
        skeleton: &Skeleton,
        played: &[Played],
        chosen: impl Fn(&str) -> bool,
    ) -> Result<Self, Error> {
        let (inside, outside): (Vec<&Played>, Vec<&Played>) =
            played.iter().partition(|image| chosen(&image.truth.image));
        for (name, part) in [(name.to_owned(), inside), (format!("not {name}"), outside)] {
            if !part.is_empty() {
                let figures = Figures::new(&self.protocol, &self.settings, skeleton, &part)?;
                self.subsets.insert(name, figures);
            }
        }
        Ok(self)
    }
}

impl Settings {
    /// Checks the values, so that a long evaluation need not end in an error.
    ///
    /// # Errors
    /// [`Error::Argument`] for a target or threshold that is no number of pixels, and for a bootstrap that cannot be
    /// drawn.
    pub fn check(&self) -> Result<(), FieldError> {
        for (field, values) in [("targets", &self.targets), ("sdr", &self.sdr)] {
            for &value in values {
                FieldError::check_not_negative(field, value)?;
            }
        }
        self.bootstrap.check()
    }
}
