use std::path::Path;

use ikem_core::Spacing;

use crate::error::Error;
use crate::image_file::{ImageKind, load_radiograph};
use crate::limits::Limits;

/// The pixel spacing of an image file, as [`load_radiograph`] returns it. Only formats that
/// [store a spacing](ImageKind::stores_spacing) are decoded.
///
/// # Errors
/// Same as [`load_radiograph`].
pub fn image_spacing(path: impl AsRef<Path>, limits: &Limits) -> Result<Option<Spacing>, Error> {
    let path = path.as_ref();
    match ImageKind::of_file(path)?.stores_spacing() {
        true => Ok(load_radiograph(path, limits)?.spacing),
        false => Ok(None),
    }
}
