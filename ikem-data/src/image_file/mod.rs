//! Image files of all supported formats.
//!
//! [`kind`] detects the format from the content. [`picture`] decodes what the crate `image` handles, [`jpeg`] adds what
//! it lacks for JPEG, [`tiff`] decodes TIFF, and the `dicom` module decodes DICOM. All produce [`pixels`].

pub(crate) mod jpeg;
mod kind;
mod picture;
mod tiff;

use std::path::Path;

use ikem_core::{GrayImage, Resampling, Size, Spacing};

use crate::decoded::Decoded;
#[cfg(feature = "dicom")]
use crate::dicom;
use crate::error::Error;
use crate::files;
use crate::limits::Limits;
pub use kind::ImageKind;

/// The expected content, for errors.
const WHOLE: &str = "a complete image";
/// How many bytes are read at first if only the size is needed.
const HEADER: u64 = 64 << 10;

/// A radiograph with metadata from its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Radiograph {
    /// The grey image.
    pub image: GrayImage,
    /// The pixel spacing: the first of DICOM's Pixel Spacing, Nominal Scanned Pixel Spacing, Imager Pixel Spacing and
    /// Pixel Aspect Ratio that the file has. A Pixel Spacing that equals Imager Pixel Spacing and has no calibration
    /// type holds at the detector (PS3.3, 10.7.1.3). `None` if there is none; other formats never have one.
    pub spacing: Option<Spacing>,
    /// What the user should know about how the file was read, such as skipped pages or a large part of padding.
    pub note: Option<String>,
}

/// Like [`load_image`], but also returns the metadata.
///
/// # Errors
/// Same as [`load_image`].
pub fn load_radiograph(path: impl AsRef<Path>, limits: &Limits) -> Result<Radiograph, Error> {
    let path = path.as_ref();
    decode_radiograph(path, &files::read(path, limits.bytes)?, limits)
}

/// Decodes an image file in memory as [`load_radiograph`] does; `name` is the file name in errors.
///
/// # Errors
/// Same as [`load_image`].
pub fn decode_radiograph(name: impl AsRef<Path>, bytes: &[u8], limits: &Limits) -> Result<Radiograph, Error> {
    let mut decoded = decode(name.as_ref(), bytes, limits)?;
    let (spacing, note) = (decoded.spacing, decoded.note.take());
    Ok(Radiograph { image: decoded.into_gray()?, spacing, note })
}

/// Reads a PNG, JPEG, TIFF, BMP or DICOM image. The content decides the format, not the name.
///
/// Colour becomes luma (Rec. 601: 0.299 R + 0.587 G + 0.114 B), alpha is ignored, and n-bit integers are divided by
/// 2ⁿ − 1 (8 bits by 255, 16 by 65535). A film that uses a small part of its integer range therefore stays dark;
/// [`Tones`](ikem_core::Tones) stretches it later. The EXIF orientation is applied, as viewers and OpenCV do, so that
/// coordinates refer to the picture as displayed.
///
/// JPEG may be baseline, progressive or lossless. It may lack its end marker if all rows are present.
///
/// TIFF may be BigTIFF, in strips or tiles, uncompressed, LZW, Deflate, PackBits, JPEG or CCITT group 4. It may hold
/// grey with 1 to 16, 32 or 64 bits, signed, floating-point or with alpha, palettes, RGB, CMYK and YCbCr. Samples
/// without a natural range (32 bits or more, floating point) are scaled from 0…1, 0…255 or 0…65535, the first that
/// holds all of them, or else from their minimum and maximum. Of several pages the largest is used.
///
/// DICOM files (feature `dicom`, on by default) must have one frame in MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB or
/// YBR_FULL, uncompressed (also deflated or big endian) or compressed with RLE, JPEG (also 12-bit and lossless),
/// JPEG-LS or JPEG 2000 (also HTJ2K). Preamble and meta information may be missing. Grey values pass through the
/// rescaling or modality LUT and the first VOI LUT or window that shows the picture (PS3.3, C.11.1 and C.11.2). If none
/// does, nearly the full range of values is mapped from black to white, and values of 8 bits are not changed. Padding
/// is excluded from that range and black.
///
/// # Errors
/// [`Error::Read`] if the file cannot be read, [`Error::Unsupported`] for a known format or variant that is not
/// supported, such as a HEIC photograph, [`Error::UnrecognisedFormat`] if it is no image, [`Error::Broken`] if it is truncated or
/// has no pixels, [`Error::TooLarge`] beyond `limits`.
pub fn load_image(path: impl AsRef<Path>, limits: &Limits) -> Result<GrayImage, Error> {
    let path = path.as_ref();
    decode(path, &files::read(path, limits.bytes)?, limits)?.into_gray()
}

/// Reads an image as [`load_image`] does and resizes it to `size`. The result equals that of
/// [`resample`](ikem_core::resample) bit for bit but takes less time and memory. Also returns the original size.
///
/// # Errors
/// Same as [`load_image`]; [`Error::Core`] if `size` has no pixels.
pub fn load_resized(
    path: impl AsRef<Path>,
    size: Size,
    resampling: Resampling,
    limits: &Limits,
) -> Result<(GrayImage, Size), Error> {
    let path = path.as_ref();
    let decoded = decode(path, &files::read(path, limits.bytes)?, limits)?;
    Ok((decoded.resized(size, resampling)?, decoded.size))
}

/// Decodes an image file in memory as [`load_image`] does; `name` is the file name in errors.
///
/// # Errors
/// Same as [`load_image`].
pub fn decode_image(name: impl AsRef<Path>, bytes: &[u8], limits: &Limits) -> Result<GrayImage, Error> {
    decode(name.as_ref(), bytes, limits)?.into_gray()
}

fn decode(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    match ImageKind::of(path, bytes)? {
        ImageKind::Tiff => tiff::decode(path, bytes, limits),
        ImageKind::Jpeg => jpeg::decode(path, bytes, limits),
        ImageKind::Png => picture::decode(path, bytes, image::ImageFormat::Png, limits),
        ImageKind::Bmp => picture::decode(path, bytes, image::ImageFormat::Bmp, limits),
        #[cfg(feature = "dicom")]
        ImageKind::Dicom => dicom::decode(path, bytes, limits),
    }
}

/// The size of an image as [`load_image`] returns it, usually from the header alone.
///
/// # Errors
/// Same as [`load_image`], except for errors that only decoding finds.
pub fn image_size(path: impl AsRef<Path>, limits: &Limits) -> Result<Size, Error> {
    let path = path.as_ref();
    let start = files::read_start(path, HEADER)?;
    let more = start.len() as u64 == HEADER;
    // TIFF directories may be anywhere in the file, and all are needed to find the largest page.
    if more && matches!(ImageKind::of(path, &start), Ok(ImageKind::Tiff)) {
        return size_in(path, &files::read(path, limits.bytes)?, limits);
    }
    // Long metadata may precede the header.
    size_in(path, &start, limits).or_else(|error| match error {
        Error::Broken { .. } if more => size_in(path, &files::read(path, limits.bytes)?, limits),
        other => Err(other),
    })
}

fn size_in(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Size, Error> {
    match ImageKind::of(path, bytes)? {
        ImageKind::Tiff => tiff::size(path, bytes, limits),
        ImageKind::Jpeg => jpeg::size(path, bytes, limits),
        ImageKind::Png => picture::size(path, bytes, image::ImageFormat::Png, limits),
        ImageKind::Bmp => picture::size(path, bytes, image::ImageFormat::Bmp, limits),
        #[cfg(feature = "dicom")]
        ImageKind::Dicom => dicom::size(path, bytes, limits),
    }
}
