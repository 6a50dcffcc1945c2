//! How far apart pixels lie.

use super::data_set::DataSet;
use super::tags::{
    IMAGER_PIXEL_SPACING, NOMINAL_SCANNED_PIXEL_SPACING, PIXEL_ASPECT_RATIO, PIXEL_SPACING, Tag,
};
use crate::spacing::{Spacing, SpacingPlane};

/// The spacing that was calibrated for the patient, or else of the scanned film, or else of the detector.
pub(super) fn spacing(data: &DataSet<'_>) -> Option<(Spacing, SpacingPlane)> {
    let stated = |tag, plane| pair(data, tag).map(|spacing| (spacing, plane));
    stated(PIXEL_SPACING, SpacingPlane::Patient)
        .or_else(|| stated(NOMINAL_SCANNED_PIXEL_SPACING, SpacingPlane::Film))
        .or_else(|| stated(IMAGER_PIXEL_SPACING, SpacingPlane::Detector))
}

/// The height of a pixel by its width, where the file tells that alone.
pub(super) fn aspect(data: &DataSet<'_>) -> Option<f64> {
    let ratio = pair(data, PIXEL_ASPECT_RATIO)?;
    Some(ratio.y / ratio.x)
}

/// Two lengths, down and across. One stands for both; what follows them is of no use.
fn pair(data: &DataSet<'_>, tag: Tag) -> Option<Spacing> {
    match data.decimals(tag)?[..] {
        [both] => Spacing::new(both, both),
        [y, x, ..] => Spacing::new(x, y),
        [] => None,
    }
}
