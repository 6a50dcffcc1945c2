use ikem_core::FieldError;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Number of clicks (NoC) and failure rate (FR) at one target over a set of images, with at most N clicks.
///
/// An image passes at the first click after which its MRE is at most the target, even if the MRE rises again later.
/// Published figures average over two different sets of images, so that both are given.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub(crate) struct Noc {
    /// The target: mean radial error in pixels of the image.
    pub target: f64,
    /// The maximum number of clicks (N).
    pub clicks: usize,
    /// The number of images.
    pub images: usize,
    /// The number of images that never passed.
    pub failures: usize,
    /// FR N@target: the fraction of images that never passed, 0…1.
    pub fr: f64,
    /// NoC N@target over all images: mean number of clicks to the pass, with N clicks for a failure.
    pub failures_as_clicks: f64,
    /// Mean number of clicks to the pass over the images that passed; `None` if none did.
    pub successes_only: Option<f64>,
}

/// The number of clicks after which an image first passes, given its MRE after 0, 1, … clicks in pixels of the image.
#[must_use]
pub(crate) fn first_pass(mre_by_click: &[f64], target: f64) -> Option<usize> {
    mre_by_click.iter().position(|&mre| mre <= target)
}

impl Noc {
    /// Computes NoC and FR from the images' MRE after 0, 1, … N clicks (N + 1 values each).
    ///
    /// # Errors
    /// [`Error::Argument`] without images, or when one does not have N + 1 values.
    pub(crate) fn new<C: AsRef<[f64]>>(
        mre_by_click: &[C],
        clicks: usize,
        target: f64,
    ) -> Result<Self, Error> {
        if let Some(odd) = mre_by_click.iter().map(AsRef::as_ref).find(|curve| curve.len() != clicks + 1) {
            let expected = "one more than there are clicks";
            return Err(FieldError::new("number of MREs of an image", expected, odd.len()).into());
        }
        if mre_by_click.is_empty() {
            return Err(FieldError::new("number of images", "at least 1", 0).into());
        }
        let images = mre_by_click.len();
        let passes: Vec<usize> =
            mre_by_click.iter().filter_map(|curve| first_pass(curve.as_ref(), target)).collect();
        let failures = images - passes.len();
        let sum = passes.iter().sum::<usize>();
        Ok(Self {
            target,
            clicks,
            images,
            failures,
            fr: failures as f64 / images as f64,
            failures_as_clicks: (sum + failures * clicks) as f64 / images as f64,
            successes_only: (!passes.is_empty()).then(|| sum as f64 / passes.len() as f64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MRE curves of images of which `passed[c]` have passed after c clicks.
    fn curves(passed: &[usize], images: usize) -> Vec<Vec<f64>> {
        let curve = |image| passed.iter().map(|&count| if image < count { 19.0 } else { 21.0 }).collect();
        (0..images).map(curve).collect()
    }

    #[test]
    fn published_pass_counts_give_the_published_figures() {
        let passed = [39, 68, 83, 97, 109, 111, 115, 116, 117, 118, 118];
        let noc = Noc::new(&curves(&passed, 128), 10, 20.0).expect("128 images");
        assert_eq!((noc.images, noc.failures), (128, 10));
        let rounded = |x: f64| (x * 100.0).round() / 100.0;
        assert_eq!(rounded(noc.failures_as_clicks), 2.40);
        assert_eq!(noc.successes_only.map(rounded), Some(1.75));
        assert_eq!(rounded(noc.fr * 100.0), 7.81);
    }

    #[test]
    fn five_images_by_hand() {
        let curves = [
            [10.0, 9.0, 8.0, 7.0],    // at once: 0
            [25.0, 20.0, 15.0, 10.0], // the target itself is a pass: 1
            [40.0, 19.0, 60.0, 60.0], // a pass stays a pass: 1
            [50.0, 40.0, 30.0, 12.0], // 3
            [90.0, 80.0, 70.0, 60.0], // never
        ];
        let noc = Noc::new(&curves, 3, 20.0).expect("five images");
        assert_eq!((noc.fr, noc.failures), (0.2, 1));
        assert_eq!(noc.failures_as_clicks, 8.0 / 5.0);
        assert_eq!(noc.successes_only, Some(5.0 / 4.0));
    }

    #[test]
    fn nobody_passes() {
        let noc = Noc::new(&[[9.0, 9.0]], 1, 5.0).expect("an image");
        assert_eq!((noc.fr, noc.failures_as_clicks, noc.successes_only), (1.0, 1.0, None));
        assert!(Noc::new(&[vec![9.0, 9.0]], 2, 5.0).is_err());
        assert!(Noc::new::<Vec<f64>>(&[], 2, 5.0).is_err());
    }
}
