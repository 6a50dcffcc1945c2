use std::path::Path;

use ikem_core::{Size, Skeleton};
use serde::Serialize;

use super::{Annotation, Category, Coco, CocoImage, read, wrong};
use crate::{Error, Manifest, ManifestEntry, Set, files};

impl Manifest {
    /// Writes the labels as COCO keypoints in pixels; every keypoint counts as seen. A temporary file first, which then
    /// takes the name `path`.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write_coco(&self, path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<(), Error> {
        let mut file: Coco<&ManifestEntry, ()> =
            Coco { images: Vec::new(), annotations: Vec::new(), categories: vec![Category::of(skeleton)] };
        for (id, entry) in (1..).zip(&self.entries) {
            let [height, width] = entry.y_x_size;
            let (file_name, ikem) = (entry.image_path.clone(), Some(entry));
            file.images.push(CocoImage { id, file_name, width, height, ikem });
            file.annotations.push(Annotation::new(id, &pixels(entry), None));
        }
        files::write_json(path.as_ref(), &file)
    }

    /// Reads labels in COCO's format, of this project or of another. Images of another's have no set; they are of
    /// [`Set::Train`].
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Broken`] when it is no such file, or its keypoints are not those of `skeleton`;
    /// [`Error::Entry`] when an image has no annotation, or one of its keypoints is not labelled.
    pub fn read_coco(path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<Self, Error> {
        let path = path.as_ref();
        let mut entries = Vec::new();
        for (place, (image, annotation)) in
            read::<ManifestEntry, Ignored>(path, skeleton)?.into_iter().enumerate()
        {
            let wrong =
                |field: &str, found, expected: String| wrong(path, place, &image, field, found, expected);
            let points = annotation
                .points(skeleton)
                .map_err(|(found, expected)| wrong("keypoints", found, expected))?;
            let size = Size::new(image.width as usize, image.height as usize);
            let [height, width] = [image.height, image.width].map(f64::from);
            let agrees = |entry: &&ManifestEntry| {
                entry.image_path == image.file_name
                    && entry.y_x_size == [image.height, image.width]
                    && pixels(entry) == points
            };
            let entry = match image.ikem.as_ref().filter(agrees) {
                Some(entry) => entry.clone(),
                None => {
                    let set = image.ikem.as_ref().map_or(Set::Train, |entry| entry.set);
                    let corners = points.iter().map(|[x, y]| [y / height, x / width]).collect();
                    ManifestEntry::new(image.file_name.clone(), corners, size, set, skeleton)
                }
            };
            entry.check(skeleton).map_err(|found| wrong(&found.field, found.found, found.expected))?;
            entries.push(entry);
        }
        Ok(Self { entries })
    }
}

/// The keypoints of an entry, x and y in pixels, in full precision.
fn pixels(entry: &ManifestEntry) -> Vec<[f64; 2]> {
    let [height, width] = entry.y_x_size.map(f64::from);
    entry.corners_yx.iter().map(|[y, x]| [x * width, y * height]).collect()
}

/// Whatever stands there.
#[derive(Serialize)]
struct Ignored;

impl<'de> serde::Deserialize<'de> for Ignored {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}
