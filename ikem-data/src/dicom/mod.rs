//! Radiographs in DICOM files (part 10 of the standard): one frame, grey or in colour, uncompressed, RLE or JPEG.
//!
//! Data flow: [`elements`] takes from the file what makes up the picture, [`frame`] checks it against the limits and
//! decodes it, [`grey`] makes grey values of its samples.

mod elements;
mod frame;
mod grey;

use std::path::Path;

use dicom_object::Tag;
use ikem_core::Size;

use crate::image_file::{Decoded, Limits};
use crate::{Error, Spacing, SpacingPlane};
use elements::{Elements, Part};

/// What an error calls the file.
const KIND: &str = "DICOM file";

const IMAGER_PIXEL_SPACING: Tag = Tag(0x0018, 0x1164);
const SAMPLES_PER_PIXEL: Tag = Tag(0x0028, 0x0002);
const PHOTOMETRIC_INTERPRETATION: Tag = Tag(0x0028, 0x0004);
const PLANAR_CONFIGURATION: Tag = Tag(0x0028, 0x0006);
const NUMBER_OF_FRAMES: Tag = Tag(0x0028, 0x0008);
const ROWS: Tag = Tag(0x0028, 0x0010);
const COLUMNS: Tag = Tag(0x0028, 0x0011);
const PIXEL_SPACING: Tag = Tag(0x0028, 0x0030);
const BITS_ALLOCATED: Tag = Tag(0x0028, 0x0100);
const BITS_STORED: Tag = Tag(0x0028, 0x0101);
const HIGH_BIT: Tag = Tag(0x0028, 0x0102);
const PIXEL_REPRESENTATION: Tag = Tag(0x0028, 0x0103);
const WINDOW_CENTER: Tag = Tag(0x0028, 0x1050);
const WINDOW_WIDTH: Tag = Tag(0x0028, 0x1051);
const RESCALE_INTERCEPT: Tag = Tag(0x0028, 0x1052);
const RESCALE_SLOPE: Tag = Tag(0x0028, 0x1053);
const VOI_LUT_FUNCTION: Tag = Tag(0x0028, 0x1056);
const PIXEL_DATA: Tag = Tag(0x7fe0, 0x0010);

/// Whether a file begins as DICOM files do.
pub(crate) fn is_dicom(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM")
}

/// The size of the picture, from the elements that stand before its pixels.
pub(crate) fn size(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Size, Error> {
    elements::read(path, bytes, Part::Size)?.size(limits)
}

/// The picture as grey values, with the spacing of its pixels.
pub(crate) fn decode(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    let elements = elements::read(path, bytes, Part::Picture)?;
    let size = elements.size(limits)?;
    elements.check_numbers()?;
    let spacing = spacing(&elements);
    let pixels = grey::pixels(path, &frame::decode(elements, size, limits)?)?;
    Ok(Decoded { size, pixels, spacing })
}

/// The spacing in the patient, if it was calibrated, or else on the detector.
fn spacing(elements: &Elements) -> Option<Spacing> {
    let stated = |tag| match elements.floats(tag)?[..] {
        [y, x] => Spacing::new(x, y),
        _ => None,
    };
    let detector = || Some(stated(IMAGER_PIXEL_SPACING)?.measured(SpacingPlane::Detector));
    stated(PIXEL_SPACING).or_else(detector)
}
