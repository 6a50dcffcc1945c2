//! Detection of a file's format from its first bytes; the file name is ignored.

use std::path::Path;

use image::ImageFormat;
use memchr::memmem::find;

#[cfg(feature = "dicom")]
use crate::dicom;
use crate::error::Error;
use crate::files;

/// How many bytes are enough to detect the format.
const START: u64 = 4096;

/// A supported image format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageKind {
    /// Portable Network Graphics.
    Png,
    /// JPEG: baseline, progressive or lossless.
    Jpeg,
    /// Tagged Image File Format, BigTIFF too.
    Tiff,
    /// Windows bitmap.
    Bmp,
    /// DICOM (feature `dicom`).
    #[cfg(feature = "dicom")]
    Dicom,
}

impl ImageKind {
    /// The names of all formats, for error messages.
    pub const NAMES: &str = if cfg!(feature = "dicom") {
        "a PNG, JPEG, TIFF, BMP or DICOM image"
    } else {
        "a PNG, JPEG, TIFF or BMP image"
    };

    /// Detects the format of a file from its content, not its name.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Unsupported`] for a known format that is not supported, [`Error::UnrecognisedFormat`] for an
    /// unknown one, with the first bytes.
    pub fn of_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::of(path, &files::read_start(path, START)?)
    }

    /// Detects the format from `start`, the first 4096 bytes or the whole file. `name` is the file name in errors.
    ///
    /// # Errors
    /// Same as [`of_file`](Self::of_file), except [`Error::Read`].
    pub fn of(name: impl AsRef<Path>, start: &[u8]) -> Result<Self, Error> {
        let path = name.as_ref();
        let start = start.get(..START as usize).unwrap_or(start);
        #[cfg(feature = "dicom")]
        if dicom::is_dicom(start) {
            return match is_dicomdir(start) {
                true => Err(Error::unsupported(path, "a DICOMDIR, an index of other files", OPEN_LISTED)),
                false => Ok(Self::Dicom),
            };
        }
        // BigTIFF has version 43, which `guess_format` does not know.
        if start.starts_with(b"II+\0") || start.starts_with(b"MM\0+") {
            return Ok(Self::Tiff);
        }
        match image::guess_format(start) {
            Ok(ImageFormat::Png) => Ok(Self::Png),
            Ok(ImageFormat::Jpeg) => Ok(Self::Jpeg),
            Ok(ImageFormat::Tiff) => Ok(Self::Tiff),
            Ok(ImageFormat::Bmp) => Ok(Self::Bmp),
            _ => Err(foreign(path, start)),
        }
    }

    /// Whether this format can store a pixel spacing; only DICOM can.
    #[must_use]
    pub const fn stores_spacing(self) -> bool {
        #[cfg(feature = "dicom")]
        if matches!(self, Self::Dicom) {
            return true;
        }
        false
    }

    /// The usual file name extension, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Tiff => "tif",
            Self::Bmp => "bmp",
            #[cfg(feature = "dicom")]
            Self::Dicom => "dcm",
        }
    }
}

/// The advice for unsupported formats and variants.
pub(super) const CONVERT: &str = "convert it to PNG, TIFF or JPEG";
const EXPORT: &str = "export the film from its viewer as DICOM, PNG or TIFF";
const UNPACK: &str = "unpack it and open the images inside";
const ONE_FRAME: &str = "save a single frame as PNG";
const FETCH_AGAIN: &str = "download the file again";
#[cfg(feature = "dicom")]
const OPEN_LISTED: &str = "open the files that it lists, in the folders beside it";

/// Known formats that are not supported: an offset, the magic bytes there, a name and the advice.
const FOREIGN: &[(usize, &[u8], &str, &str)] = &[
    (0, b"GIF8", "a GIF picture", CONVERT),
    (0, b"\x00\x00\x00\x0cjP  \r\n\x87\n", "a JPEG 2000 picture", CONVERT),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 codestream", CONVERT),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", "a JPEG XL picture", CONVERT),
    (0, b"\xff\x0a", "a JPEG XL codestream", CONVERT),
    (0, b"II\xbc", "a JPEG XR picture", CONVERT),
    (0, b"8BPS", "a Photoshop document", CONVERT),
    (0, b"gimp xcf", "a GIMP document", CONVERT),
    (0, b"v/1\x01", "an OpenEXR picture", CONVERT),
    (0, b"#?RADIANCE", "a Radiance picture", CONVERT),
    (0, b"qoif", "a QOI picture", CONVERT),
    (0, b"farbfeld", "a farbfeld picture", CONVERT),
    (0, b"DDS ", "a DirectDraw texture", CONVERT),
    (0, b"\x00\x00\x01\x00", "an icon", CONVERT),
    (0, b"AT&TFORM", "a DjVu document", CONVERT),
    (0, b"%!PS", "a PostScript document", CONVERT),
    (0, b"PK\x03\x04", "a ZIP archive", UNPACK),
    (0, b"PK\x05\x06", "an empty ZIP archive", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (0, b"\x1f\x8b", "a gzip file", UNPACK),
    (0, b"BZh", "a bzip2 file", UNPACK),
    (0, b"\xfd7zXZ\x00", "an xz file", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard file", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (344, b"n+1\0", "a NIfTI volume", EXPORT),
    (344, b"ni1\0", "the header of a NIfTI volume", EXPORT),
    (0, b"NRRD", "an NRRD volume", EXPORT),
    (0, b"ObjectType = Image", "the header of a MetaImage volume", EXPORT),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", EXPORT),
    (0, b"\x93NUMPY", "a NumPy array", EXPORT),
    (0, b"MATLAB 5.0 MAT-file", "a MATLAB file", EXPORT),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document", EXPORT),
    (0, b"OggS", "an Ogg audio or video file", ONE_FRAME),
    (0, b"\x1aE\xdf\xa3", "a Matroska or WebM video", ONE_FRAME),
    (
        0,
        b"\x00\x05\x16\x07",
        "an AppleDouble file, which macOS stores beside another file",
        "open the file whose name lacks the \"._\"",
    ),
    (0, b"version https://git-lfs.", "a Git LFS pointer", "download the actual file (git lfs pull)"),
];

/// The error for a file that is not supported.
fn foreign(path: &Path, start: &[u8]) -> Error {
    let listed = FOREIGN
        .iter()
        .find(|(offset, magic, ..)| start.get(*offset..).is_some_and(|rest| rest.starts_with(magic)));
    if let Some((.., found, advice)) = listed {
        return Error::unsupported(path, *found, advice);
    }
    if let Some((found, advice)) = container(start).or_else(|| document(start)) {
        return Error::unsupported(path, found, advice);
    }
    let found = match start.get(..start.len().min(8)).unwrap_or_default() {
        [] => "nothing; it is empty".to_owned(),
        bytes => format!("\"{}\"", bytes.escape_ascii()),
    };
    Error::UnrecognisedFormat { path: path.to_owned(), expected: ImageKind::NAMES, found }
}

/// Container formats: the brand names the content.
fn container(start: &[u8]) -> Option<(&'static str, &'static str)> {
    match (start.get(..4)?, start.get(4..8)?, start.get(8..12)?) {
        (_, b"ftyp", b"avif" | b"avis") => Some(("an AVIF picture", CONVERT)),
        (
            _,
            b"ftyp",
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" | b"mif1" | b"msf1",
        ) => Some(("a HEIC photograph", CONVERT)),
        (_, b"ftyp", b"crx ") => Some(("a camera raw picture", CONVERT)),
        (_, b"ftyp", _) | (_, b"moov" | b"mdat", _) => Some(("an MP4 or QuickTime video", ONE_FRAME)),
        (b"RIFF", _, b"WEBP") => Some(("a WebP picture", CONVERT)),
        (b"RIFF", _, b"AVI ") => Some(("an AVI video", ONE_FRAME)),
        _ => None,
    }
}

/// Text formats, and others without a fixed magic.
fn document(start: &[u8]) -> Option<(&'static str, &'static str)> {
    // PDF readers look for the header in the first kilobyte.
    if find(start.get(..1024).unwrap_or(start), b"%PDF-").is_some() {
        let advice = "save its image as PNG, or export the film from its viewer as DICOM, PNG or TIFF";
        return Some(("a PDF document", advice));
    }
    if !start.is_empty() && start.iter().all(|byte| *byte == 0) {
        return Some(("a file that begins with nothing but zeros", FETCH_AGAIN));
    }
    if let [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n', ..] = start {
        return Some(("a PNM picture", CONVERT));
    }
    let lower = start.trim_ascii_start().to_ascii_lowercase();
    let text = lower.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&lower);
    if text.starts_with(b"<!doctype html") || text.starts_with(b"<html") {
        return Some(("a web page", "download the file again; the server may have returned an error page"));
    }
    if text.starts_with(b"<") && find(text, b"<svg").is_some() {
        return Some(("an SVG drawing", CONVERT));
    }
    None
}

/// Whether the DICOM meta information says Media Storage Directory Storage, the class of a DICOMDIR.
#[cfg(feature = "dicom")]
fn is_dicomdir(start: &[u8]) -> bool {
    let class = find(start, b"\x02\x00\x02\x00UI").and_then(|offset| start.get(offset + 8..));
    class.is_some_and(|class| {
        let rest = class.strip_prefix(b"1.2.840.10008.1.3.10");
        rest.is_some_and(|rest| !rest.first().is_some_and(|next| matches!(next, b'.' | b'0'..=b'9')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(start: &[u8]) -> String {
        ImageKind::of("film.jpg", start).expect_err("no image").to_string()
    }

    #[test]
    fn the_format_does_not_depend_on_the_file_name() {
        for (start, kind) in [
            (&b"\x89PNG\r\n\x1a\n"[..], ImageKind::Png),
            (b"\xff\xd8\xff\xe0", ImageKind::Jpeg),
            (b"II*\0", ImageKind::Tiff),
            (b"MM\0*", ImageKind::Tiff),
            (b"II+\0\x08\0\0\0", ImageKind::Tiff),
            (b"MM\0+\0\x08\0\0", ImageKind::Tiff),
            (b"BM6\0", ImageKind::Bmp),
        ] {
            assert_eq!(ImageKind::of("IM000001", start).expect("a kind"), kind);
        }
    }

    #[test]
    fn unsupported_formats_are_named_with_advice() {
        let mut tar = vec![b'x'; 257];
        tar.extend(b"ustar");
        for (start, expected) in [
            (
                &b"\0\0\0\x24ftypheic\0\0\0\0mif1"[..],
                "a HEIC photograph, which is not supported: convert it to PNG",
            ),
            (b"\0\0\0\x24ftypmif1", "a HEIC photograph"),
            (b"\0\0\0\x1cftypavif", "an AVIF picture"),
            (b"\0\0\0\x18ftypmp42", "an MP4 or QuickTime video, which is not supported: save a single frame"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP picture"),
            (b"RIFF\0\0\0\0AVI LIST", "an AVI video"),
            (b"%PDF-1.4\n", "a PDF document, which is not supported: save its image as PNG"),
            (b"PK\x03\x04\x14\0", "a ZIP archive, which is not supported: unpack it"),
            (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
            (b"\xff\x4f\xff\x51\0", "a JPEG 2000 codestream"),
            (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
            (b"\xff\x0a\xfa", "a JPEG XL codestream"),
            (b"GIF89a\x01\x02", "a GIF picture"),
            (b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<svg xmlns", "an SVG drawing"),
            (b"\n<!DOCTYPE HTML><title>403", "a web page, which is not supported: download the file again"),
            (&tar, "a tar archive"),
            (b"P5\n4 4\n255\n", "a PNM picture"),
            (&[0; 600], "a file that begins with nothing but zeros"),
        ] {
            let message = message(start);
            assert!(message.starts_with("film.jpg is ") && message.contains(expected), "{message}");
        }
        assert!(message(b"").contains("it begins with nothing; it is empty"));
        assert!(message(b"no image at all").contains("it begins with \"no image\""));
    }

    #[cfg(feature = "dicom")]
    #[test]
    fn a_dicomdir_is_detected() {
        let file = |class: &[u8]| {
            let mut bytes = vec![0; 128];
            bytes.extend(b"DICM\x02\0\x02\0UI");
            bytes.extend((class.len() as u16).to_le_bytes());
            bytes.extend(class);
            bytes
        };
        let message = message(&file(b"1.2.840.10008.1.3.10"));
        assert!(message.contains("a DICOMDIR, an index of other files"), "{message}");
        let film = file(b"1.2.840.10008.5.1.4.1.1.7\0");
        assert_eq!(ImageKind::of("DICOMDIR", &film).expect("a kind"), ImageKind::Dicom);
    }
}
