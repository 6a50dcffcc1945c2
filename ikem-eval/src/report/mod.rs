//! The report of an evaluation, which can be written, read back, compared and plotted.

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
mod readers;
mod series;
mod suspicion;
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
pub use readers::{AngleReliability, FilmAgreement, MajorCurve, ReaderAgreement, Reading};
pub use series::Series;
pub use suspicion::SuspectFigures;
pub use threshold::Threshold;

use crate::bootstrap::Bootstrap;
use crate::error::Error;
use crate::play::Played;
use crate::protocol::Protocol;

/// The value of a report's field `format`.
const FORMAT: &str = "ikem-evaluation/1";

/// The settings of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Targets of NoC and FR: MRE in pixels of the image.
    pub targets: Vec<f64>,
    /// Thresholds of the successful detection rate: error in pixels of the image.
    pub sdr: Vec<f64>,
    /// The maximum shift of a prediction's vertebra count.
    pub shift_limit: usize,
    /// The computation of confidence intervals.
    pub bootstrap: Bootstrap,
}

impl Default for Settings {
    /// Targets of 20, 30, 40 and 50 px, detection within 10, 20 and 40 px, shifts by at most two vertebrae.
    fn default() -> Self {
        Self {
            targets: vec![20.0, 30.0, 40.0, 50.0],
            sdr: vec![10.0, 20.0, 40.0],
            shift_limit: 2,
            bootstrap: Bootstrap::default(),
        }
    }
}

/// The network and data of an evaluation, as described by the program that ran it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// The name of the network in tables and legends.
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
    /// The evaluated subset.
    pub split: Option<String>,
    /// The label policy: as published or repaired.
    pub labels: Option<String>,
    /// The images that were left out, with reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// The report of an evaluation.
///
/// In JSON, `model.mre` and `manual.mre` are arrays by click, `fr`, `noc` and `noc_successes` are tables by target, and
/// each figure is accompanied by its confidence interval in a field whose name ends in `_interval`. `conventions`
/// defines each figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The format and its version.
    pub format: String,
    /// The network and data.
    pub provenance: Provenance,
    /// The definition of every figure, by name.
    pub conventions: BTreeMap<String, String>,
    /// The protocol of the corrections.
    pub protocol: Protocol,
    /// The settings of the figures.
    pub settings: Settings,
    /// The figures of all images.
    #[serde(flatten)]
    pub figures: Figures,
    /// The figures of named subsets of the images.
    pub subsets: BTreeMap<String, Figures>,
    /// The individual images.
    pub cases: Vec<Case>,
}

impl Report {
    /// Evaluates images that were all corrected according to `protocol`.
    ///
    /// # Errors
    /// [`Error::Argument`] without images, for invalid settings, or for an image with another number of clicks;
    /// [`Error::Length`] for one whose keypoints do not match the skeleton.
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
            conventions: conventions::conventions(&protocol, &settings, skeleton),
            figures,
            subsets: BTreeMap::new(),
            cases: played.iter().map(|image| Case::new(image, &settings, skeleton)).collect(),
            protocol,
            settings,
        })
    }

    /// Adds the figures of the images of `played` whose names satisfy `chosen`, and of the others as `not NAME`; a
    /// subset without images is omitted.
    ///
    /// # Errors
    /// Like [`new`](Self::new).
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
    /// Checks every field's range, so that an invalid setting is found before a long evaluation.
    ///
    /// # Errors
    /// The first target, threshold or bootstrap setting that is out of range.
    pub fn check(&self) -> Result<(), FieldError> {
        for (field, values) in [("targets", &self.targets), ("sdr", &self.sdr)] {
            for &value in values {
                FieldError::check_not_negative(field, value)?;
            }
        }
        self.bootstrap.check()
    }
}
