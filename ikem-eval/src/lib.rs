#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! Evaluation: accuracy metrics, simulated annotators and Cobb angles.
//!
//! Independent of networks: anything that implements [`ikem_core::Reviser`] can be evaluated.
//!
//! - [`Protocol::play`] simulates the correction of one image and records every state, together with the same number of
//!   clicks of *manual revision*. [`Rule`] chooses the keypoint to correct.
//! - [`radial_errors`], [`mre`] and related functions compare a prediction with its [`GroundTruth`].
//! - [`Effort`] is the number of clicks to a target, by both published conventions.
//! - [`Report`] collects all figures of a set of images, each with its convention and its [`Bootstrap`] interval. It is
//!   written as JSON (and read back), Markdown and CSV, plotted as SVG and PNG, and compared with other reports.
//! - [`challenge_angles`] and [`clinical_curves`] compute Cobb angles; [`smape`] and [`AngleAgreement`] compare them.
//! - [`ReaderAgreement`] compares two readers of the same films, with [`icc_2_1`] and [`BlandAltman`].
//!
//! ```
//! use ikem_core::{Hint, Hints, Keypoints, Point, Reviser, Size};
//! use ikem_eval::{GroundTruth, Protocol};
//!
//! /// Takes corrections and moves nothing else.
//! struct Frozen(Keypoints, Hints);
//!
//! impl Reviser for Frozen {
//!     type Error = std::convert::Infallible;
//!     fn raw_keypoints(&self) -> &Keypoints {
//!         &self.0
//!     }
//!     fn keypoints(&self) -> Keypoints {
//!         self.1.applied_to(&self.0)
//!     }
//!     fn revise(&mut self, hint: Hint) -> Result<(), Self::Error> {
//!         self.1.set(hint);
//!         Ok(())
//!     }
//! }
//!
//! let labels = vec![Point::new(10.0, 10.0), Point::new(20.0, 10.0)].into();
//! let truth = GroundTruth::new("drawn.png", Size::new(40, 40), labels)?;
//! let predicted = vec![Point::new(10.0, 14.0), Point::new(20.0, 12.0)].into();
//! let played = Protocol { clicks: 2, ..Protocol::default() }.play(&mut Frozen(predicted, Hints::new()), &truth)?;
//! assert_eq!(played.model_mre(), [3.0, 1.0, 0.0]);
//! assert_eq!(played.model_mre(), played.manual_mre());
//! # Ok::<(), ikem_eval::Error>(())
//! ```

mod annotator;
mod bootstrap;
mod cobb;
mod error;
mod noc;
mod play;
mod plot;
mod protocol;
mod radial;
mod reliability;
mod report;
mod rule;
mod shift;
mod statistics;
mod summary;
mod truth;

pub use bootstrap::{Bootstrap, Interval};
pub use cobb::{
    AngleAgreement, BlandAltman, ChallengeAngles, CobbCurve, Region, Script, Severity, Shape, Side,
    challenge_angles, clinical_curve, clinical_curves, curves_with_chosen, smape,
};
pub use error::Error;
pub use play::{Played, Step};
pub use plot::{LineChart, NamedLine, draw_comparison};
pub use protocol::Protocol;
pub use radial::{millimetre_errors, model_errors, mre, radial_errors};
pub use reliability::icc_2_1;
pub use report::{
    AngleFigures, AngleReliability, Breakdown, Case, ClinicalFigures, Effort, Figures, FilmAgreement,
    MajorCurve, MeasuredAngles, Provenance, ReaderAgreement, Reading, Report, ScriptFigures, Series,
    Settings, ShiftCount, SuspectFigures, Threshold, comparison_markdown, write_angles, write_comparison,
};
pub use rule::Rule;
pub use summary::{ErrorSummary, Sdr, by_keypoint, by_vertebra};
pub use truth::GroundTruth;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
