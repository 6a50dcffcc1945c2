//! Pixel spacing.

use ikem_core::{Spacing, SpacingPlane};

use super::data_set::DataSet;
use super::tags::{
    IMAGER_PIXEL_SPACING, NOMINAL_SCANNED_PIXEL_SPACING, PIXEL_ASPECT_RATIO, PIXEL_SPACING,
    PIXEL_SPACING_CALIBRATION_TYPE, Tag,
};

/// The pixel spacing in the patient, or else on the scanned film, at the detector, or only the pixel aspect ratio.
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

/// Whether Pixel Spacing merely repeats Imager Pixel Spacing without a calibration type, so that it holds at the
/// detector (PS3.3, 10.7.1.3).
fn is_uncalibrated(data: &DataSet<'_>) -> bool {
    let detector = pair(data, IMAGER_PIXEL_SPACING);
    data.text(PIXEL_SPACING_CALIBRATION_TYPE).is_none()
        && detector.is_some()
        && pair(data, PIXEL_SPACING) == detector
}

/// A warning if Pixel Spacing has a value that is not a spacing.
pub(super) fn note(data: &DataSet<'_>) -> Option<String> {
    let text = data.text(PIXEL_SPACING).filter(|_| pair(data, PIXEL_SPACING).is_none())?;
    Some(format!("Pixel Spacing is {text:?}, which is not a spacing, and is ignored"))
}

/// A row and a column spacing. A single number stands for both; further numbers are ignored.
fn pair(data: &DataSet<'_>, tag: Tag) -> Option<Spacing> {
    match data.decimals(tag)?[..] {
        [both] => Spacing::new(both, both),
        [y, x, ..] => Spacing::new(x, y),
        [] => None,
    }
}
