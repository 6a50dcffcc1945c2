//! How far apart pixels lie.

use super::data_set::DataSet;
use super::tags::{
    IMAGER_PIXEL_SPACING, NOMINAL_SCANNED_PIXEL_SPACING, PIXEL_ASPECT_RATIO, PIXEL_SPACING, Tag,
};
use crate::{Spacing, SpacingPlane};

/// The spacing that was calibrated for the patient, or else of the scanned film, or else of the detector, or else the ratio of a
/// pixel's sides alone.
pub(super) fn spacing(data: &DataSet<'_>) -> Option<Spacing> {
    let planes = [
        (PIXEL_SPACING, SpacingPlane::Patient),
        (NOMINAL_SCANNED_PIXEL_SPACING, SpacingPlane::Film),
        (IMAGER_PIXEL_SPACING, SpacingPlane::Detector),
        (PIXEL_ASPECT_RATIO, SpacingPlane::Unknown),
    ];
    planes.into_iter().find_map(|(tag, plane)| Some(pair(data, tag)?.measured(plane)))
}

/// Two lengths, down and across. One stands for both; what follows them is of no use.
fn pair(data: &DataSet<'_>, tag: Tag) -> Option<Spacing> {
    match data.decimals(tag)?[..] {
        [both] => Spacing::new(both, both),
        [y, x, ..] => Spacing::new(x, y),
        [] => None,
    }
}
