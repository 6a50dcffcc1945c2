//! Radiographs in files of the common formats.

use std::io::Cursor;
use std::path::Path;

use ikem_core::{GrayImage, Resampling, Size, resample_pixels};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

#[cfg(feature = "dicom")]
use crate::dicom;
use crate::{Error, Spacing, SpacingPlane, files};

/// Formats that are read, in words.
const FORMATS: &str = if cfg!(feature = "dicom") {
    "a PNG, JPEG, TIFF, BMP or DICOM image"
} else {
    "a PNG, JPEG, TIFF or BMP image"
};
/// What every image file must have.
const WHOLE: &str = "a whole image of 8 or 16 bits";
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
}

/// A radiograph and what its file tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Radiograph {
    /// The picture.
    pub image: GrayImage,
    /// How far apart its pixels lie: DICOM's Pixel Spacing, Nominal Scanned Pixel Spacing or Imager Pixel Spacing, the first of
    /// them that there is. `None` where the file does not tell, as no other format does.
    pub spacing: Option<Spacing>,
    /// Where that spacing holds.
    pub plane: Option<SpacingPlane>,
    /// The height of a pixel by its width, where the file tells that (DICOM's Pixel Aspect Ratio). Files that tell their spacing
    /// rarely do.
    pub aspect: Option<f64>,
}

/// As [`load_image`], with what the file tells beside the picture.
///
/// # Errors
/// As [`load_image`].
pub fn load_radiograph(path: impl AsRef<Path>, limits: &Limits) -> Result<Radiograph, Error> {
    let path = path.as_ref();
    let decoded = decode(path, &files::read(path, limits.bytes)?, limits)?;
    let (spacing, plane, aspect) = (decoded.spacing, decoded.plane, decoded.aspect);
    Ok(Radiograph { image: decoded.into_gray()?, spacing, plane, aspect })
}

/// Reads a PNG, JPEG, TIFF, BMP or DICOM image of 8 or 16 bits a channel; its content decides which, not its name.
///
/// Colour becomes luma (Rec. 601: 0.299 R + 0.587 G + 0.114 B), transparency is ignored, 8 bits are divided by
/// 255 and 16 by 65535. Where the metadata say that the picture is to be turned (EXIF orientation), it is turned,
/// as every viewer and OpenCV do: points belong to the picture as it is seen.
///
/// DICOM files (feature `dicom`, on by default) are of one frame: MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB or YBR_FULL;
/// uncompressed (also deflated or big endian), RLE, JPEG (also 12 bits and lossless), JPEG-LS or JPEG 2000 (also HTJ2K). What should
/// stand before the data set may be missing. Grey values are rescaled or looked up in the modality LUT, and go through the first VOI
/// LUT or window that makes a picture of them (PS3.3, C.11.1 and C.11.2); where none does, nearly all values reach from black to
/// white, and those of 8 bits are taken as they are. Padding is left out of that, and black.
///
/// # Errors
/// [`Error::Read`] when there is no such file, [`Error::NotAn`] when it is no image, [`Error::Broken`] when it is
/// cut short, has no pixels or is of an unusual depth, [`Error::TooLarge`] beyond `limits`.
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

/// An image as its file holds it, if that is grey; otherwise its luma.
pub(crate) struct Decoded {
    pub(crate) size: Size,
    pub(crate) pixels: Pixels,
    pub(crate) spacing: Option<Spacing>,
    pub(crate) plane: Option<SpacingPlane>,
    pub(crate) aspect: Option<f64>,
}

pub(crate) enum Pixels {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
    Values(Vec<f32>),
}

impl Decoded {
    fn into_gray(self) -> Result<GrayImage, Error> {
        Ok(match self.pixels {
            Pixels::Bytes(bytes) => GrayImage::from_u8(self.size, &bytes),
            Pixels::Words(words) => GrayImage::from_u16(self.size, &words),
            Pixels::Values(values) => GrayImage::new(self.size, values),
        }?)
    }

    fn resized(&self, size: Size, resampling: Resampling) -> Result<GrayImage, Error> {
        Ok(match &self.pixels {
            Pixels::Bytes(bytes) => resample_pixels(self.size, bytes, size, resampling),
            Pixels::Words(words) => resample_pixels(self.size, words, size, resampling),
            Pixels::Values(values) => resample_pixels(self.size, values, size, resampling),
        }?)
    }
}

fn decode(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    #[cfg(feature = "dicom")]
    if dicom::is_dicom(bytes) {
        return dicom::decode(path, bytes, limits);
    }
    let format = guess_format(path, bytes)?;
    let failed = |error: image::ImageError| failed(path, format, error);
    let mut decoder = decoder(path, bytes, format)?;
    limits.check(path, decoder.dimensions())?;
    let decoded = decoder.total_bytes();
    if decoded > limits.bytes {
        let (found, limit) = (format!("{decoded} bytes of pixels"), format!("{} bytes", limits.bytes));
        return Err(Error::TooLarge { path: path.to_owned(), found, limit });
    }
    let mut decoding = image::Limits::default();
    decoding.max_alloc = Some(limits.bytes);
    decoder.set_limits(decoding).map_err(failed)?;
    if format == ImageFormat::Jpeg && !jpeg_has_end(bytes) {
        return Err(Error::broken(path, "image", "the JPEG data end early", WHOLE));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    picture.apply_orientation(orientation);
    to_gray(path, picture)
}

/// The size of an image as [`load_image`] would give it, from its header alone.
///
/// # Errors
/// As [`load_image`], but for what only decoding can find.
pub fn image_size(path: impl AsRef<Path>, limits: &Limits) -> Result<Size, Error> {
    let path = path.as_ref();
    let start = files::read_start(path, HEADER)?;
    // Some formats may keep their header elsewhere, and long metadata may stand before it.
    size_in(path, &start, limits).or_else(|error| match error {
        Error::Broken { .. } if start.len() as u64 == HEADER => {
            size_in(path, &files::read(path, limits.bytes)?, limits)
        }
        other => Err(other),
    })
}

fn size_in(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Size, Error> {
    #[cfg(feature = "dicom")]
    if dicom::is_dicom(bytes) {
        return dicom::size(path, bytes, limits);
    }
    let mut decoder = decoder(path, bytes, guess_format(path, bytes)?)?;
    let size = limits.check(path, decoder.dimensions())?;
    Ok(match decoder.orientation().unwrap_or(Orientation::NoTransforms) {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => Size::new(size.height, size.width),
        _ => size,
    })
}

fn guess_format(path: &Path, bytes: &[u8]) -> Result<ImageFormat, Error> {
    use ImageFormat::{Bmp, Jpeg, Png, Tiff};
    match image::guess_format(bytes) {
        Ok(format @ (Png | Jpeg | Tiff | Bmp)) => Ok(format),
        _ => {
            let start = bytes.get(..bytes.len().min(8)).unwrap_or_default();
            let found = match start {
                [] => "nothing: it is empty".to_owned(),
                _ => format!("\"{}\"", start.escape_ascii()),
            };
            Err(Error::NotAn { path: path.to_owned(), expected: FORMATS, found })
        }
    }
}

fn decoder<'a>(path: &Path, bytes: &'a [u8], format: ImageFormat) -> Result<impl ImageDecoder + 'a, Error> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    // Without this the decoders' own, smaller limit would speak first; `Limits` is checked by us.
    reader.no_limits();
    reader.into_decoder().map_err(|error| failed(path, format, error))
}

fn failed(path: &Path, format: ImageFormat, error: image::ImageError) -> Error {
    use image::ImageError;
    match error {
        ImageError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Error::broken(path, "image", format!("the {format:?} decoder says: {error}"), WHOLE)
        }
        ImageError::IoError(_) => {
            Error::broken(path, "image", format!("the {format:?} data end early"), WHOLE)
        }
        ImageError::Limits(error) => {
            let limit = "the memory that was allowed for decoding".to_owned();
            Error::TooLarge { path: path.to_owned(), found: error.to_string(), limit }
        }
        error => Error::broken(path, "image", error, WHOLE),
    }
}

/// Whether a JPEG file reaches its end marker. Decoders fill what is missing with grey, without a word.
pub(crate) fn jpeg_has_end(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        // Entropy-coded data run to the next marker that is not a stuffed zero or a restart.
        let marks = |place: &usize| {
            rest.get(place + 1).is_some_and(|marker| !matches!(marker, 0x00 | 0x01 | 0xd0..=0xd7 | 0xff))
        };
        let Some(place) = memchr::memchr_iter(0xff, rest).find(marks) else { return false };
        let after = rest.get(place + 2..).unwrap_or_default();
        rest = match (rest.get(place + 1), after) {
            (Some(0xd9), _) => return true,
            (_, [high, low, ..]) => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                after.get(length..).unwrap_or_default()
            }
            _ => return false,
        };
    }
}

fn to_gray(path: &Path, picture: DynamicImage) -> Result<Decoded, Error> {
    let size = Size::new(picture.width() as usize, picture.height() as usize);
    let pixels = match picture {
        DynamicImage::ImageLuma8(pixels) => Pixels::Bytes(pixels.into_raw()),
        DynamicImage::ImageLuma16(pixels) => Pixels::Words(pixels.into_raw()),
        DynamicImage::ImageLumaA8(pixels) => Pixels::Bytes(pixels.pixels().map(|p| p.0[0]).collect()),
        DynamicImage::ImageLumaA16(pixels) => Pixels::Words(pixels.pixels().map(|p| p.0[0]).collect()),
        DynamicImage::ImageRgb8(pixels) => luma(pixels.pixels().map(|p| p.0.map(f32::from)), 255.0),
        DynamicImage::ImageRgb16(pixels) => luma(pixels.pixels().map(|p| p.0.map(f32::from)), 65535.0),
        DynamicImage::ImageRgba8(pixels) => {
            luma(pixels.pixels().map(|p| [p.0[0], p.0[1], p.0[2]].map(f32::from)), 255.0)
        }
        DynamicImage::ImageRgba16(pixels) => {
            luma(pixels.pixels().map(|p| [p.0[0], p.0[1], p.0[2]].map(f32::from)), 65535.0)
        }
        other => {
            return Err(Error::broken(path, "image", format!("its pixels are {:?}", other.color()), WHOLE));
        }
    };
    Ok(Decoded { size, pixels, spacing: None, plane: None, aspect: None })
}

/// Rec. 601 luma of colours whose channels reach to `full`. The sum of the weighted channels is divided, so that a
/// grey picture saved in colour gives what it gives saved in grey.
pub(crate) fn luma(colours: impl Iterator<Item = [f32; 3]>, full: f32) -> Pixels {
    Pixels::Values(colours.map(|[r, g, b]| (299.0 * r + 587.0 * g + 114.0 * b) / 1000.0 / full).collect())
}
