use std::collections::BTreeMap;
use std::sync::Arc;

use ikem_core::{FieldError, GrayImage, Keypoints, Skeleton};

use crate::error::Error;
use crate::manifest::{ManifestEntry, Subset};

/// A labelled image in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledImage {
    /// Its name, which no other image has.
    pub name: String,
    /// The image.
    pub image: GrayImage,
    /// Its keypoints in the order of the skeleton, in pixels of the image;
    /// [`Point::ABSENT`](ikem_core::Point::ABSENT) for those that are not seen.
    pub keypoints: Keypoints,
    /// The subset that it belongs to.
    pub set: Subset,
}

/// The images in memory, by name.
pub type ImagesInMemory = Arc<BTreeMap<String, GrayImage>>;

impl LabelledImage {
    /// The entries of a manifest for `images`, whose paths are their names, and the images by these names.
    ///
    /// # Errors
    /// [`Error::Argument`] if two images have the same name; [`Error::Core`] if one has another number of keypoints than
    /// the skeleton.
    pub fn split(
        images: Vec<Self>,
        skeleton: &Skeleton,
    ) -> Result<(Vec<ManifestEntry>, ImagesInMemory), Error> {
        let (mut entries, mut by_name) = (Vec::with_capacity(images.len()), BTreeMap::new());
        for Self { name, image, keypoints, set } in images {
            if keypoints.len() != skeleton.len() {
                let (what, expected, found) = ("keypoints", skeleton.len(), keypoints.len());
                return Err(ikem_core::Error::Length { what, expected, found }.into());
            }
            entries.push(ManifestEntry::from_keypoints(
                name.clone(),
                &keypoints,
                image.size(),
                set,
                skeleton,
            ));
            if by_name.insert(name.clone(), image).is_some() {
                return Err(FieldError::new("name", "a name for each image", format!("{name} twice")).into());
            }
        }
        Ok((entries, Arc::new(by_name)))
    }
}
