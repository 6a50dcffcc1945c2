//! Cobb angles from the corners of vertebrae: those of the challenge, and those of clinical practice.

mod agreement;
mod challenge;
mod clinical;
mod vertebra;

pub use agreement::{AngleAgreement, BlandAltman, smape};
pub use challenge::{ChallengeAngles, Script, Shape, challenge_angles};
pub use clinical::{CobbCurve, Region, Severity, Side, clinical_curve, clinical_curves, curves_with_chosen};
