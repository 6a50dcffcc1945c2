use std::path::Path;

use ikem_core::Spacing;

use crate::Error;
use crate::image_file::{ImageKind, Limits, load_radiograph};

/// How far apart the pixels of an image file lie, as [`load_radiograph`] tells. Only files of a kind that
/// [tells it](ImageKind::tells_spacing) are decoded.
///
/// # Errors
/// As [`load_radiograph`].
pub fn image_spacing(path: impl AsRef<Path>, limits: &Limits) -> Result<Option<Spacing>, Error> {
    let path = path.as_ref();
    match ImageKind::of_file(path)?.tells_spacing() {
        true => Ok(load_radiograph(path, limits)?.spacing),
        false => Ok(None),
    }
}
