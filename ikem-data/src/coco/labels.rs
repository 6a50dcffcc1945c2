use std::path::Path;

use ikem_core::Skeleton;
use serde::de::IgnoredAny;

use super::read::{Film, read};
use super::{Annotation, Category, Coco, CocoImage, KIND};
use crate::labels::PartlyLabelled;
use crate::{Error, LabelFile, Manifest, ManifestEntry, files};

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

    /// Reads labels in COCO's format, of this project or of another, whose fields beyond what is needed are passed over. Keypoints
    /// are found by their names, in whatever order. Images of another's have no set; they are of [`Subset::Train`](crate::Subset::Train).
    /// Images without labels are passed over; [`LabelFile`] counts them.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Broken`] when it is no such file, or its keypoints are not those of `skeleton`;
    /// [`Error::Unusable`] when images are labelled in part; [`Error::Unlabelled`] when none is.
    pub fn read_coco(path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<Self, Error> {
        let path = path.as_ref();
        labels(path, &files::read_text(path, KIND)?, skeleton)?.complete(path)
    }
}

/// The labels in the text of a file.
pub(crate) fn labels(path: &Path, text: &str, skeleton: &Skeleton) -> Result<LabelFile, Error> {
    let films = read::<ManifestEntry, IgnoredAny>(path, text, skeleton)?;
    LabelFile::collect(path, films.into_iter().map(|film| marked(film, skeleton)), skeleton)
}

fn marked(film: Film<ManifestEntry, IgnoredAny>, skeleton: &Skeleton) -> PartlyLabelled {
    let Film { image, size, points, .. } = film;
    // What the project wrote beside the COCO fields counts as long as nothing else was changed.
    let agrees = |entry: &ManifestEntry| {
        entry.image_path == image.file_name
            && entry.size() == size
            && pixels(entry).into_iter().map(Some).eq(points.iter().copied())
            && entry.check(skeleton).is_ok()
    };
    let set = image.ikem.as_ref().map(|entry| entry.set);
    let exact = image.ikem.filter(agrees);
    PartlyLabelled { image: image.file_name, size, set, points, exact }
}

/// The keypoints of an entry, x and y in pixels, in full precision.
fn pixels(entry: &ManifestEntry) -> Vec<[f64; 2]> {
    let [height, width] = entry.y_x_size.map(f64::from);
    entry.corners_yx.iter().map(|[y, x]| [x * width, y * height]).collect()
}
