//! How far apart pixels lie.

use ikem_core::{Spacing, SpacingPlane};

use super::data_set::DataSet;
use super::tags::{
    IMAGER_PIXEL_SPACING, NOMINAL_SCANNED_PIXEL_SPACING, PIXEL_ASPECT_RATIO, PIXEL_SPACING,
    PIXEL_SPACING_CALIBRATION_TYPE, Tag,
};

/// The spacing in the patient, or else on the scanned film, or else at the detector, or else the ratio of a pixel's sides alone.
pub(super) fn spacing(data: &DataSet<'_>) -> Option<Spacing> {
    let patient = if is_uncalibrated(data) { SpacingPlane::Detector } else { SpacingPlane::Patient };
    let planes = [
        (PIXEL_SPACING, patient),
        (NOMINAL_SCANNED_PIXEL_SPACING, SpacingPlane::Film),
        (IMAGER_PIXEL_SPACING, SpacingPlane::Detector),
        (PIXEL_ASPECT_RATIO, SpacingPlane::Unknown),
    ];
    planes.into_iter().find_map(|(tag, plane)| Some(pair(data, tag)?.measured(plane)))
}

/// Whether Pixel Spacing only repeats the detector's: equal to Imager Pixel Spacing, with no word of a calibration (PS3.3,
/// 10.7.1.3).
fn is_uncalibrated(data: &DataSet<'_>) -> bool {
    let detector = pair(data, IMAGER_PIXEL_SPACING);
    data.text(PIXEL_SPACING_CALIBRATION_TYPE).is_none()
        && detector.is_some()
        && pair(data, PIXEL_SPACING) == detector
}

/// Two lengths, down and across. One stands for both; what follows them is of no use.
fn pair(data: &DataSet<'_>, tag: Tag) -> Option<Spacing> {
    match data.decimals(tag)?[..] {
        [both] => Spacing::new(both, both),
        [y, x, ..] => Spacing::new(x, y),
        [] => None,
    }
}
