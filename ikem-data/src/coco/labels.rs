use std::path::Path;

use ikem_core::Skeleton;
use serde::de::IgnoredAny;

use super::read::{AnnotatedImage, read};
use super::{Annotation, Category, Coco, CocoImage, KIND};
use crate::error::Error;
use crate::files;
use crate::labels::LabelFile;
use crate::labels::PartlyLabelled;
use crate::manifest::{Manifest, ManifestEntry, is_seen};

impl Manifest {
    /// Writes the labels atomically as COCO keypoints in pixels, with visibility 2 (labelled and visible), or 0 for those
    /// that are not seen.
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

    /// Reads COCO keypoints written by this or another program; unknown fields are ignored. Keypoints are matched by
    /// name, in any order. Files of other programs have no subsets, so their images are in
    /// [`Subset::Train`](crate::Subset::Train). Keypoints of visibility 0 are not seen. Images without labels are
    /// skipped; [`LabelFile`] counts them.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Broken`] for invalid JSON or keypoints other than those of `skeleton`;
    /// [`Error::Unusable`] if labels are far outside their images; [`Error::Unlabelled`] if none is labelled.
    pub fn read_coco(path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<Self, Error> {
        let path = path.as_ref();
        labels(path, &files::read_text(path, KIND)?, skeleton)?.complete(path)
    }
}

/// Parses the text of a file.
pub(crate) fn labels(path: &Path, text: &str, skeleton: &Skeleton) -> Result<LabelFile, Error> {
    let films = read::<ManifestEntry, IgnoredAny>(path, text, skeleton)?;
    LabelFile::collect(path, films.into_iter().map(|film| labelled(film, skeleton)), skeleton)
}

fn labelled(film: AnnotatedImage<ManifestEntry, IgnoredAny>, skeleton: &Skeleton) -> PartlyLabelled {
    let AnnotatedImage { image, size, points, .. } = film;
    // The field `ikem` is used as long as the COCO fields beside it were not edited.
    let agrees = |entry: &ManifestEntry| {
        entry.image_path == image.file_name
            && entry.size() == size
            && pixels(entry) == points
            && entry.check(skeleton).is_ok()
    };
    let set = image.ikem.as_ref().map(|entry| entry.set);
    let exact = image.ikem.filter(agrees);
    PartlyLabelled { image: image.file_name, size, set, points, exact }
}

/// The keypoints of an entry, x and y in pixels, in double precision; `None` for one that is not seen.
fn pixels(entry: &ManifestEntry) -> Vec<Option<[f64; 2]>> {
    let [height, width] = entry.y_x_size.map(f64::from);
    let pixel = |place: &[f64; 2]| is_seen(place).then(|| [place[1] * width, place[0] * height]);
    entry.corners_yx.iter().map(pixel).collect()
}
