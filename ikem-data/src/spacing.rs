use std::path::Path;

use ikem_core::Spacing;

use crate::image_file::{Limits, load_radiograph};
use crate::{Error, files};

/// How much of a file tells its format.
const START: u64 = 16;

/// How far apart the pixels of an image file lie, as [`load_radiograph`] tells. Only a file that may tell is decoded: no PNG,
/// JPEG, TIFF or BMP.
///
/// # Errors
/// As [`load_radiograph`].
pub fn image_spacing(path: impl AsRef<Path>, limits: &Limits) -> Result<Option<Spacing>, Error> {
    let path = path.as_ref();
    match image::guess_format(&files::read_start(path, START)?) {
        Ok(_) => Ok(None),
        Err(_) => Ok(load_radiograph(path, limits)?.spacing),
    }
}
