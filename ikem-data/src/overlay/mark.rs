//! The mark by which the overlays of this crate are told from films.

use std::path::Path;

use flate2::Crc;

use crate::error::Error;
use crate::files;

/// Where the first chunk after the header of a PNG begins: after the signature and the header's chunk.
const AFTER_HEADER: usize = 33;
/// The content of the chunk (PNG, 11.3.3.2): its keyword and text.
const MARK: &[u8] = b"tEXtSoftware\0IKEM overlay";

/// The whole chunk: its length, content and checksum.
fn chunk() -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(MARK);
    let mut chunk = (MARK.len() as u32 - 4).to_be_bytes().to_vec();
    chunk.extend_from_slice(MARK);
    chunk.extend_from_slice(&crc.sum().to_be_bytes());
    chunk
}

/// A PNG file with the mark.
#[cfg(feature = "drawing")]
pub(super) fn marked(mut png: Vec<u8>) -> Vec<u8> {
    if png.len() >= AFTER_HEADER {
        png.splice(AFTER_HEADER..AFTER_HEADER, chunk());
    }
    png
}

/// Whether a file is an overlay that this crate drew, which is no film: it shows keypoints or a heatmap.
///
/// # Errors
/// [`Error::Read`].
pub fn is_overlay(path: impl AsRef<Path>) -> Result<bool, Error> {
    let chunk = chunk();
    let start = files::read_start(path.as_ref(), (AFTER_HEADER + chunk.len()) as u64)?;
    Ok(start.starts_with(b"\x89PNG") && start.ends_with(&chunk))
}
