use ikem_core::Skeleton;
use serde::{Deserialize, Serialize};

use crate::statistics::{mean, median, std};

/// Successful detection rate: the fraction of keypoints whose radial error is at most a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sdr {
    /// The threshold, in the unit of the errors.
    pub threshold: f64,
    /// The fraction of all keypoints of all images, 0…1.
    pub rate: f64,
}

/// Summary statistics of the radial errors of a set of images, in the unit of the errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorSummary {
    /// The number of images.
    pub images: usize,
    /// Mean radial error: the mean over images of the mean over their keypoints.
    pub mre: f64,
    /// Standard deviation of the images' MREs (n - 1).
    pub std_images: f64,
    /// Standard deviation of all keypoints' errors (n - 1).
    pub std_keypoints: f64,
    /// Median of all keypoints' errors.
    pub median: f64,
    /// Detection rates, in the order of the thresholds.
    pub sdr: Vec<Sdr>,
}

impl ErrorSummary {
    /// Summarises the errors of every keypoint of every image; `None` without errors.
    ///
    /// ```
    /// let summary = ikem_eval::ErrorSummary::new(&[[1.0, 2.0], [3.0, 10.0]], &[2.0]).unwrap();
    /// assert_eq!((summary.mre, summary.median, summary.sdr[0].rate), (4.0, 2.5, 0.5));
    /// ```
    #[must_use]
    pub fn new<E: AsRef<[f64]>>(errors: &[E], thresholds: &[f64]) -> Option<Self> {
        let images: Vec<f64> =
            errors.iter().map(AsRef::as_ref).filter(|image| !image.is_empty()).map(mean).collect();
        let all: Vec<f64> = errors.iter().flat_map(|image| image.as_ref().iter().copied()).collect();
        let rate =
            |threshold| all.iter().filter(|error| **error <= threshold).count() as f64 / all.len() as f64;
        let sdr = thresholds.iter().map(|&threshold| Sdr { threshold, rate: rate(threshold) }).collect();
        (!images.is_empty()).then(|| Self {
            images: images.len(),
            mre: mean(&images),
            std_images: std(&images),
            std_keypoints: std(&all),
            sdr,
            median: median(all),
        })
    }
}

/// The mean error over images of each of the K keypoints, in skeleton order; every image has K errors.
#[must_use]
pub fn by_keypoint<E: AsRef<[f64]>>(errors: &[E]) -> Vec<f64> {
    let count = errors.iter().map(|image| image.as_ref().len()).min().unwrap_or(0);
    let column = |keypoint| {
        errors.iter().filter_map(|image| image.as_ref().get(keypoint).copied()).collect::<Vec<_>>()
    };
    (0..count).map(|keypoint| mean(&column(keypoint))).collect()
}

/// The mean error over images and corners of each vertebra, from the top.
#[must_use]
pub fn by_vertebra<E: AsRef<[f64]>>(errors: &[E], skeleton: &Skeleton) -> Vec<f64> {
    let keypoints = by_keypoint(errors);
    skeleton
        .vertebrae()
        .iter()
        .map(|vertebra| {
            vertebra.corners.iter().filter_map(|&corner| keypoints.get(corner).copied()).collect::<Vec<_>>()
        })
        .map(|corners| mean(&corners))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let errors = [[2.0, 4.0], [6.0, 12.0], [0.0, 0.0]];
        let summary = ErrorSummary::new(&errors, &[0.0, 4.0, 100.0]).expect("a summary");
        // Means 3, 9, 0; around 4: 1 + 25 + 16 = 42.
        assert_eq!((summary.images, summary.mre, summary.std_images), (3, 4.0, 21_f64.sqrt()));
        // Around 4: 4 + 0 + 4 + 64 + 16 + 16 = 104.
        assert_eq!((summary.std_keypoints, summary.median), ((104.0_f64 / 5.0).sqrt(), 3.0));
        assert_eq!(summary.sdr.iter().map(|sdr| sdr.rate).collect::<Vec<_>>(), [2.0 / 6.0, 4.0 / 6.0, 1.0]);
        assert!(ErrorSummary::new::<Vec<f64>>(&[vec![]], &[]).is_none());
    }

    #[test]
    fn keypoints_and_vertebrae() {
        let mut errors = [[1.0; 68], [3.0; 68]];
        errors[0][67] = 9.0;
        let keypoints = by_keypoint(&errors);
        assert_eq!((keypoints.len(), keypoints[0], keypoints[67]), (68, 2.0, 6.0));
        let vertebrae = by_vertebra(&errors, &Skeleton::spine());
        assert_eq!((vertebrae.len(), vertebrae[0], vertebrae[16]), (17, 2.0, 3.0));
    }
}
