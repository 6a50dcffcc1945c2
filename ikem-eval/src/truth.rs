use ikem_core::{FieldError, Keypoints, Point, Size, Spacing};
use serde::Serialize;

use crate::error::Error;

/// What labels are called in errors.
const LABELS: &str = "labels";

/// The labels of one image.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GroundTruth {
    /// The image's name, which also seeds its random choices.
    pub image: String,
    /// The image's size in pixels.
    pub size: Size,
    /// The labelled keypoints in pixels of the image; [`Point::ABSENT`] for those that are not seen, which are in no error
    /// and are never corrected.
    pub keypoints: Keypoints,
    /// The pixel spacing, if known.
    pub spacing: Option<Spacing>,
}

impl GroundTruth {
    /// The labels of an image with unknown pixel spacing. Labels may lie beyond the image's border.
    ///
    /// # Errors
    /// [`Error::EmptySize`], [`Error::NotFinite`], or [`Error::Argument`] without keypoints that are seen.
    pub fn new(image: impl Into<String>, size: Size, keypoints: Keypoints) -> Result<Self, Error> {
        let image = image.into();
        if size.area() == 0 {
            return Err(Error::EmptySize { image, size });
        }
        if keypoints.iter().all(|point| point.is_absent()) {
            return Err(FieldError::new("number of labelled keypoints", "at least 1", 0).into());
        }
        let truth = Self { image, size, keypoints, spacing: None };
        truth.check_finite(LABELS, &truth.keypoints)?;
        Ok(truth)
    }

    /// The same labels with this pixel spacing.
    #[must_use]
    pub const fn with_spacing(mut self, spacing: Option<Spacing>) -> Self {
        self.spacing = spacing;
        self
    }

    /// Keypoints of the image in square pixels, for measuring angles.
    pub(crate) fn squared(&self, keypoints: &Keypoints) -> Keypoints {
        self.spacing.map_or_else(|| keypoints.clone(), |spacing| spacing.squared(keypoints))
    }

    /// Checks that `prediction` has a finite point for every label.
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
        let labels = what == LABELS;
        let is_wrong = |point: &Point| !(point.is_finite() || labels && point.is_absent());
        match points.iter().enumerate().find(|(_, point)| is_wrong(point)) {
            None => Ok(()),
            Some((keypoint, &Point { x, y })) => {
                Err(Error::NotFinite { image: self.image.clone(), keypoint, what, x, y })
            }
        }
    }
}
