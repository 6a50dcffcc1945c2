//! Radiographs in files of the common formats.
//!
//! [`kind`] says what a file is, by its content. [`picture`] decodes what `image` decodes as we want it, [`jpeg`] what is odd in JPEG,
//! [`tiff`] all of TIFF, the `dicom` module DICOM; all of them end in [`pixels`].

pub(crate) mod jpeg;
mod kind;
mod picture;
mod pixels;
mod tiff;

use std::path::Path;

use ikem_core::{GrayImage, Resampling, Size, Spacing};

#[cfg(feature = "dicom")]
use crate::dicom;
use crate::{Error, files};
#[cfg(feature = "dicom")]
pub use kind::ImageKind;
pub(crate) use pixels::{Decoded, Pixels, luma};

/// What every image file must have.
const WHOLE: &str = "a whole image";
/// How much of a file is read first when only its size is asked for.
const HEADER: u64 = 64 << 10;

/// How large an image may be. Checked before anything of its size is allocated, from the header alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most pixels.
    pub pixels: usize,
    /// The most bytes of the file, and of its decoded pixels with all their channels.
    pub bytes: u64,
}

impl Default for Limits {
    /// 100 million pixels; 1 GiB.
    fn default() -> Self {
        Self { pixels: 100_000_000, bytes: 1 << 30 }
    }
}

impl Limits {
    /// `size` as it stands in the header of `path`, if it is a size that may be decoded.
    pub(crate) fn check(&self, path: &Path, (width, height): (u32, u32)) -> Result<Size, Error> {
        let size = Size::new(width as usize, height as usize);
        if size.area() == 0 {
            return Err(Error::broken(path, "image", format!("it has {size}"), "at least 1 x 1 px"));
        }
        if size.area() > self.pixels {
            let limit = format!("{} pixels", self.pixels);
            return Err(Error::TooLarge { path: path.to_owned(), found: size.to_string(), limit });
        }
        Ok(size)
    }

    /// Tells when decoded pixels take more bytes than may be taken.
    fn check_bytes(&self, path: &Path, decoded: u64) -> Result<(), Error> {
        if decoded > self.bytes {
            let (found, limit) = (format!("{decoded} bytes of pixels"), format!("{} bytes", self.bytes));
            return Err(Error::TooLarge { path: path.to_owned(), found, limit });
        }
        Ok(())
    }
}

/// A radiograph and what its file tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Radiograph {
    /// The picture.
    pub image: GrayImage,
    /// The pixel spacing: the first of DICOM's Pixel Spacing, Nominal Scanned Pixel Spacing and Imager Pixel Spacing that the file
    /// has, or else Pixel Aspect Ratio. A Pixel Spacing that equals Imager Pixel Spacing and names no calibration holds at the
    /// detector (PS3.3, 10.7.1.3). `None` where the file gives none; only DICOM files are searched for it.
    pub spacing: Option<Spacing>,
    /// What a person should know about how the file was read: that other pages were left out, or that a large part of the picture is
    /// padding.
    pub note: Option<String>,
}

/// As [`load_image`], with what the file tells beside the picture.
///
/// # Errors
/// As [`load_image`].
pub fn load_radiograph(path: impl AsRef<Path>, limits: &Limits) -> Result<Radiograph, Error> {
    let path = path.as_ref();
    let mut decoded = decode(path, &files::read(path, limits.bytes)?, limits)?;
    let (spacing, note) = (decoded.spacing, decoded.note.take());
    Ok(Radiograph { image: decoded.into_gray()?, spacing, note })
}

/// Reads a PNG, JPEG, TIFF, BMP or DICOM image; its content decides which, not its name.
///
/// Colour becomes luma (Rec. 601: 0.299 R + 0.587 G + 0.114 B), transparency is ignored, and integers of n bits are divided by
/// 2ⁿ - 1 (8 bits by 255, 16 by 65535). A film that uses a small part of its type thus stays dark here; networks and pictures stretch it
/// ([`Tones`](ikem_core::Tones)). Where the metadata say that the picture is to be turned (EXIF orientation), it is turned,
/// as every viewer and OpenCV do: points belong to the picture as it is seen.
///
/// JPEG may be baseline, progressive or lossless; without its end marker, it must have all its rows. TIFF may be BigTIFF, in strips or
/// tiles, uncompressed, LZW, Deflate, PackBits, JPEG or CCITT group 4; grey of 1 to 16 or 32 bits, signed, of floating point, or with
/// alpha, palettes, RGB, CMYK and YCbCr. Values without a natural range (32 bits and more, floating point) are taken from 0 to 1, 255 or
/// 65535, whatever holds all of them, or else from the lowest to the highest. Of several pages the largest is taken.
///
/// DICOM files (feature `dicom`, on by default) are of one frame: MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB or YBR_FULL;
/// uncompressed (also deflated or big endian), RLE, JPEG (also 12 bits and lossless), JPEG-LS or JPEG 2000 (also HTJ2K). What should
/// stand before the data set may be missing. Grey values are rescaled or looked up in the modality LUT, and go through the first VOI
/// LUT or window that makes a picture of them (PS3.3, C.11.1 and C.11.2); where none does, nearly all values reach from black to
/// white, and those of 8 bits are taken as they are. Padding is left out of that, and black.
///
/// # Errors
/// [`Error::Read`] when there is no such file, [`Error::Unsupported`] when it is something that is known and not read, such as a
/// HEIC photograph, [`Error::UnrecognisedFormat`] when it is no image, [`Error::Broken`] when it is cut short or has no pixels,
/// [`Error::TooLarge`] beyond `limits`.
pub fn load_image(path: impl AsRef<Path>, limits: &Limits) -> Result<GrayImage, Error> {
    let path = path.as_ref();
    decode(path, &files::read(path, limits.bytes)?, limits)?.into_gray()
}

/// As [`load_image`], resized to `size` at once: what [`resample`](ikem_core::resample) gives of it to the last bit, in
/// less time and memory. Returns the size that the image has, too.
///
/// # Errors
/// As [`load_image`]; [`Error::Core`] when `size` has no pixels.
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

/// Decodes an image file that is in memory; `name` is what errors call it. See [`load_image`].
///
/// # Errors
/// As [`load_image`].
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

/// The size of an image as [`load_image`] would give it, from its header alone.
///
/// # Errors
/// As [`load_image`], but for what only decoding can find.
pub fn image_size(path: impl AsRef<Path>, limits: &Limits) -> Result<Size, Error> {
    let path = path.as_ref();
    let start = files::read_start(path, HEADER)?;
    let more = start.len() as u64 == HEADER;
    // TIFF keeps its directories anywhere, and all of them say which page is the largest.
    if more && matches!(ImageKind::of(path, &start), Ok(ImageKind::Tiff)) {
        return size_in(path, &files::read(path, limits.bytes)?, limits);
    }
    // Long metadata may stand before the header.
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
