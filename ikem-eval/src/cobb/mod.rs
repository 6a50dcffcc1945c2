//! Cobb angles from the corners of vertebrae: the challenge's, and those a clinician would measure.

mod agreement;
mod challenge;
mod clinical;
mod vertebra;

pub use agreement::{AngleAgreement, BlandAltman, smape};
pub use challenge::{ChallengeAngles, Script, Shape, challenge_angles};
pub use clinical::{CobbCurve, Region, Severity, Side, clinical_curves};
