use std::path::Path;
use std::sync::Arc;

use ikem_core::{Frame, GrayImage, Keypoints, Preparation, Resampling, Size, Skeleton, Tones, resample};

use super::Framing;
use crate::{Error, Limits, ManifestEntry, Phantom, load_resized};

/// How many pixels of a kept image lie under a pixel of the grid, along each axis, in its frame.
const SPARE: f64 = 2.0;

/// An image as it is kept: resized, with the size and the keypoints it had.
#[derive(Debug, Clone)]
pub(super) struct Resized {
    pub(super) image: Arc<GrayImage>,
    pub(super) original: Size,
    /// The part of the original that is seen.
    pub(super) frame: Frame,
    /// In pixels of the original.
    pub(super) keypoints: Arc<Keypoints>,
}

impl Resized {
    /// The whole image of a file, resized to the grid.
    pub(super) fn of_file(
        path: &Path,
        entry: &ManifestEntry,
        grid: Size,
        resampling: Resampling,
    ) -> Result<Self, Error> {
        let (image, original) = load_resized(path, grid, resampling, &Limits::default())?;
        // Labels are relative to the size that the manifest gives.
        let keypoints = entry.keypoints().rescaled(entry.size(), original);
        let frame = Frame::whole(original);
        Ok(Self { image: Arc::new(image), original, frame, keypoints: Arc::new(keypoints) })
    }

    /// A whole phantom, resized to the grid.
    pub(super) fn of_image(phantom: &Phantom, grid: Size, resampling: Resampling) -> Result<Self, Error> {
        let original = phantom.image.size();
        let image = Arc::new(resample(&phantom.image, grid, resampling)?);
        let keypoints = Arc::new(phantom.keypoints.clone());
        Ok(Self { image, original, frame: Frame::whole(original), keypoints })
    }

    /// An image to be seen in the frame around its keypoints, shrunk to what that needs; all of it where the skeleton has no
    /// vertebrae. Its tones are those that a predictor gives it.
    pub(super) fn framed(
        image: &GrayImage,
        keypoints: Keypoints,
        skeleton: &Skeleton,
        Preparation { size: grid, resampling }: Preparation,
    ) -> Result<Self, Error> {
        let original = image.size();
        let frame = Framing::Spine.frame(original, skeleton, &keypoints)?;
        let image = Tones::of(image).apply_to(image);
        let needed = |values: usize, pixels: f64| SPARE * values as f64 / pixels;
        let scale = needed(grid.width, frame.width()).max(needed(grid.height, frame.height()));
        let image = if scale < 1.0 {
            let pixels = |extent: usize| ((scale * extent as f64).round() as usize).max(1);
            resample(&image, Size::new(pixels(original.width), pixels(original.height)), resampling)?
        } else {
            image
        };
        Ok(Self { image: Arc::new(image), original, frame, keypoints: Arc::new(keypoints) })
    }
}
