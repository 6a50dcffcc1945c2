//! Limits on the images that are read.

use std::path::Path;

use ikem_core::Size;

use crate::error::Error;

/// Limits on the size of an image, checked against the header before memory is allocated for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest number of pixels.
    pub pixels: usize,
    /// The largest number of pixels in a row or in a column.
    pub side: usize,
    /// The largest file, and the largest decoded picture with all channels, in bytes.
    pub bytes: u64,
}

impl Default for Limits {
    /// 100 million pixels, 65 535 of them in a row or column, as in JPEG; 1 GiB.
    fn default() -> Self {
        Self { pixels: 100_000_000, side: 65_535, bytes: 1 << 30 }
    }
}

impl Limits {
    /// Checks the size that the header of `path` states.
    pub(crate) fn check(&self, path: &Path, (width, height): (u32, u32)) -> Result<Size, Error> {
        let size = Size::new(width as usize, height as usize);
        if size.area() == 0 {
            return Err(Error::broken(path, "image", format!("it has {size}"), "at least 1 x 1 px"));
        }
        if size.area() > self.pixels {
            let limit = format!("{} pixels", self.pixels);
            return Err(Error::TooLarge { path: path.to_owned(), found: size.to_string(), limit });
        }
        if size.width.max(size.height) > self.side {
            let limit = format!("{} px on a side", self.side);
            return Err(Error::TooLarge { path: path.to_owned(), found: size.to_string(), limit });
        }
        Ok(size)
    }

    /// Checks the number of bytes that decoded pixels need.
    pub(crate) fn check_bytes(&self, path: &Path, decoded: u64) -> Result<(), Error> {
        if decoded > self.bytes {
            let (found, limit) = (format!("{decoded} bytes of pixels"), format!("{} bytes", self.bytes));
            return Err(Error::TooLarge { path: path.to_owned(), found, limit });
        }
        Ok(())
    }
}
