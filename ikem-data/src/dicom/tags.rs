//! The tags of the elements used, named as in PS3.6.

use std::fmt;

/// A tag: group and element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tag(pub(super) u16, pub(super) u16);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({:04X},{:04X})", self.0, self.1)
    }
}

pub(super) const META_LENGTH: Tag = Tag(0x0002, 0x0000);
pub(super) const TRANSFER_SYNTAX: Tag = Tag(0x0002, 0x0010);
pub(super) const DIRECTORY_RECORDS: Tag = Tag(0x0004, 0x1220);
pub(super) const MODALITY: Tag = Tag(0x0008, 0x0060);
pub(super) const IMAGER_PIXEL_SPACING: Tag = Tag(0x0018, 0x1164);
pub(super) const NOMINAL_SCANNED_PIXEL_SPACING: Tag = Tag(0x0018, 0x2010);
pub(super) const SAMPLES_PER_PIXEL: Tag = Tag(0x0028, 0x0002);
pub(super) const PHOTOMETRIC_INTERPRETATION: Tag = Tag(0x0028, 0x0004);
pub(super) const PLANAR_CONFIGURATION: Tag = Tag(0x0028, 0x0006);
pub(super) const NUMBER_OF_FRAMES: Tag = Tag(0x0028, 0x0008);
pub(super) const ROWS: Tag = Tag(0x0028, 0x0010);
pub(super) const COLUMNS: Tag = Tag(0x0028, 0x0011);
pub(super) const PIXEL_SPACING: Tag = Tag(0x0028, 0x0030);
pub(super) const PIXEL_ASPECT_RATIO: Tag = Tag(0x0028, 0x0034);
pub(super) const PIXEL_SPACING_CALIBRATION_TYPE: Tag = Tag(0x0028, 0x0a02);
pub(super) const BITS_ALLOCATED: Tag = Tag(0x0028, 0x0100);
pub(super) const BITS_STORED: Tag = Tag(0x0028, 0x0101);
pub(super) const HIGH_BIT: Tag = Tag(0x0028, 0x0102);
pub(super) const PIXEL_REPRESENTATION: Tag = Tag(0x0028, 0x0103);
pub(super) const PIXEL_PADDING_VALUE: Tag = Tag(0x0028, 0x0120);
pub(super) const PIXEL_PADDING_RANGE_LIMIT: Tag = Tag(0x0028, 0x0121);
pub(super) const WINDOW_CENTER: Tag = Tag(0x0028, 0x1050);
pub(super) const WINDOW_WIDTH: Tag = Tag(0x0028, 0x1051);
pub(super) const RESCALE_INTERCEPT: Tag = Tag(0x0028, 0x1052);
pub(super) const RESCALE_SLOPE: Tag = Tag(0x0028, 0x1053);
pub(super) const VOI_LUT_FUNCTION: Tag = Tag(0x0028, 0x1056);
/// The LUT descriptors of red, green and blue.
pub(super) const PALETTE_DESCRIPTORS: [Tag; 3] =
    [Tag(0x0028, 0x1101), Tag(0x0028, 0x1102), Tag(0x0028, 0x1103)];
/// The LUT data of red, green and blue.
pub(super) const PALETTE_DATA: [Tag; 3] = [Tag(0x0028, 0x1201), Tag(0x0028, 0x1202), Tag(0x0028, 0x1203)];
pub(super) const MODALITY_LUT_SEQUENCE: Tag = Tag(0x0028, 0x3000);
pub(super) const LUT_DESCRIPTOR: Tag = Tag(0x0028, 0x3002);
pub(super) const LUT_DATA: Tag = Tag(0x0028, 0x3006);
pub(super) const VOI_LUT_SEQUENCE: Tag = Tag(0x0028, 0x3010);
pub(super) const FLOAT_PIXEL_DATA: Tag = Tag(0x7fe0, 0x0008);
pub(super) const DOUBLE_FLOAT_PIXEL_DATA: Tag = Tag(0x7fe0, 0x0009);
pub(super) const PIXEL_DATA: Tag = Tag(0x7fe0, 0x0010);

pub(super) const ITEM: Tag = Tag(0xfffe, 0xe000);
pub(super) const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
pub(super) const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);

/// The elements kept, apart from sequences and pixel data.
pub(super) const KEPT: [Tag; 31] = [
    MODALITY,
    IMAGER_PIXEL_SPACING,
    NOMINAL_SCANNED_PIXEL_SPACING,
    SAMPLES_PER_PIXEL,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    NUMBER_OF_FRAMES,
    ROWS,
    COLUMNS,
    PIXEL_SPACING,
    PIXEL_ASPECT_RATIO,
    PIXEL_SPACING_CALIBRATION_TYPE,
    BITS_ALLOCATED,
    BITS_STORED,
    HIGH_BIT,
    PIXEL_REPRESENTATION,
    PIXEL_PADDING_VALUE,
    PIXEL_PADDING_RANGE_LIMIT,
    WINDOW_CENTER,
    WINDOW_WIDTH,
    RESCALE_INTERCEPT,
    RESCALE_SLOPE,
    VOI_LUT_FUNCTION,
    PALETTE_DESCRIPTORS[0],
    PALETTE_DESCRIPTORS[1],
    PALETTE_DESCRIPTORS[2],
    PALETTE_DATA[0],
    PALETTE_DATA[1],
    PALETTE_DATA[2],
    LUT_DESCRIPTOR,
    LUT_DATA,
];
