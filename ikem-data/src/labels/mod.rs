//! Label files in all supported formats.

mod content;
mod partly_labelled;
mod predictions;
mod read;

use std::path::Path;

use crate::error::Error;
use crate::left_out::LeftOut;
use crate::manifest::{Manifest, Subset};
use ikem_core::Skeleton;

pub(crate) use partly_labelled::PartlyLabelled;

/// The labels of a file, with what had to be left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LabelFile {
    /// The labelled films; keypoints that are not seen are [`Point::ABSENT`](ikem_core::Point::ABSENT).
    pub manifest: Manifest,
    /// Films with unusable labels: some are far outside the film.
    pub left_out: Vec<LeftOut>,
    /// The number of films without any labels.
    pub unlabelled: usize,
    /// Whether the file states which subset a film belongs to; if not, all are in [`Subset::Train`].
    pub has_sets: bool,
}

impl LabelFile {
    /// Sorts `films` into labelled, unusable and unlabelled ones; `path` is only used in errors.
    pub(crate) fn collect(
        path: &Path,
        films: impl IntoIterator<Item = PartlyLabelled>,
        skeleton: &Skeleton,
    ) -> Result<Self, Error> {
        let mut labels = Self::default();
        for film in films {
            labels.has_sets |= film.set.is_some();
            let set = film.set.unwrap_or(Subset::Train);
            match film.points(skeleton) {
                Ok(None) => labels.unlabelled += 1,
                Ok(Some(points)) => labels.manifest.entries.push(film.entry(&points, set, skeleton)),
                Err(reason) => labels.left_out.push(LeftOut { image: film.image, reason }),
            }
        }
        if labels.unlabelled > 0 && labels.manifest.entries.is_empty() && labels.left_out.is_empty() {
            return Err(Error::Unlabelled { path: path.to_owned(), images: labels.unlabelled });
        }
        Ok(labels)
    }

    /// The manifest, if no film had to be left out.
    ///
    /// # Errors
    /// [`Error::Unusable`] with all films left out; `path` is the file name in it.
    pub fn complete(self, path: impl AsRef<Path>) -> Result<Manifest, Error> {
        match self.left_out.is_empty() {
            true => Ok(self.manifest),
            false => Err(Error::Unusable { path: path.as_ref().to_owned(), films: self.left_out }),
        }
    }
}
