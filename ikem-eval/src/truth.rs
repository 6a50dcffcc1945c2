use ikem_core::{FieldError, Keypoints, Point, Size, Spacing};
use serde::Serialize;

use crate::error::Error;

/// What is known to be right of one image.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GroundTruth {
    /// The image's name; also what makes its random choices its own.
    pub image: String,
    /// The image's size in pixels.
    pub size: Size,
    /// The labelled keypoints in pixels of the image.
    pub keypoints: Keypoints,
    /// How far apart the image's pixels lie, where known.
    pub spacing: Option<Spacing>,
}

impl GroundTruth {
    /// The labels of an image, spacing unknown. Labels may lie beyond the image's border.
    ///
    /// # Errors
    /// [`Error::EmptySize`], [`Error::NotFinite`], or [`Error::Argument`] where there is no keypoint at all.
    pub fn new(image: impl Into<String>, size: Size, keypoints: Keypoints) -> Result<Self, Error> {
        let image = image.into();
        if size.area() == 0 {
            return Err(Error::EmptySize { image, size });
        }
        if keypoints.is_empty() {
            return Err(FieldError::new("number of labelled keypoints", "at least 1", 0).into());
        }
        let truth = Self { image, size, keypoints, spacing: None };
        truth.check_finite("labels", &truth.keypoints)?;
        Ok(truth)
    }

    /// The same with pixels that lie so far apart.
    #[must_use]
    pub const fn with_spacing(mut self, spacing: Option<Spacing>) -> Self {
        self.spacing = spacing;
        self
    }

    /// Keypoints of the image in square pixels, as angles need them.
    pub(crate) fn squared(&self, keypoints: &Keypoints) -> Keypoints {
        self.spacing.map_or_else(|| keypoints.clone(), |spacing| spacing.squared(keypoints))
    }

    /// Checks that `prediction` has a finite point for every labelled one.
    pub(crate) fn check(&self, prediction: &Keypoints) -> Result<(), Error> {
        if prediction.len() != self.keypoints.len() {
            return Err(Error::Length {
                image: self.image.clone(),
                expected: self.keypoints.len(),
                found: prediction.len(),
            });
        }
        self.check_finite("prediction", prediction)
    }

    fn check_finite(&self, what: &'static str, points: &Keypoints) -> Result<(), Error> {
        match points.iter().enumerate().find(|(_, point)| !point.is_finite()) {
            None => Ok(()),
            Some((keypoint, &Point { x, y })) => {
                Err(Error::NotFinite { image: self.image.clone(), keypoint, what, x, y })
            }
        }
    }
}
