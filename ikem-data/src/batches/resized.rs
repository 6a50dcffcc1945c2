use std::path::Path;
use std::sync::Arc;

use ikem_core::{Frame, GrayImage, Keypoints, Preparation, Resampling, Size, Skeleton, Tones, resample};

use super::Framing;
use crate::error::Error;
use crate::image_file::load_resized;
use crate::limits::Limits;
use crate::manifest::ManifestEntry;

/// The resolution of cached framed images, in image pixels per grid pixel along each axis.
const SPARE: f64 = 2.0;

/// A cached image: resized, with its original size and keypoints.
#[derive(Debug, Clone)]
pub(super) struct Resized {
    pub(super) image: Arc<GrayImage>,
    pub(super) original: Size,
    /// The frame, in pixels of the original.
    pub(super) frame: Frame,
    /// In pixels of the original.
    pub(super) keypoints: Arc<Keypoints>,
}

impl Resized {
    /// Reads a whole image file, resized to the grid.
    pub(super) fn of_file(
        path: &Path,
        entry: &ManifestEntry,
        grid: Size,
        resampling: Resampling,
    ) -> Result<Self, Error> {
        let (image, original) = load_resized(path, grid, resampling, &Limits::default())?;
        // Labels refer to the image size in the manifest.
        let keypoints = entry.keypoints().rescaled(entry.size(), original);
        let frame = Frame::whole(original);
        Ok(Self { image: Arc::new(image), original, frame, keypoints: Arc::new(keypoints) })
    }

    /// A whole image with its `keypoints`, resized to the grid.
    pub(super) fn of_image(
        image: &GrayImage,
        keypoints: Keypoints,
        grid: Size,
        resampling: Resampling,
    ) -> Result<Self, Error> {
        let original = image.size();
        let image = Arc::new(resample(image, grid, resampling)?);
        let keypoints = Arc::new(keypoints);
        Ok(Self { image, original, frame: Frame::whole(original), keypoints })
    }

    /// An image to be seen in the frame around its keypoints (as a whole if the skeleton has no vertebrae), reduced to
    /// the resolution needed. Applies the same [`Tones`] as a predictor.
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
