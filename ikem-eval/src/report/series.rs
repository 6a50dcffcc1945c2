use std::collections::BTreeMap;

use ikem_core::Skeleton;
use serde::{Deserialize, Serialize};

use super::estimate::{estimates, full_estimates};
use super::{Settings, Threshold};
use crate::bootstrap::{Interval, Resamples};
use crate::play::Step;
use crate::protocol::Protocol;
use crate::radial::{Unit, mean_error, of_seen};
use crate::shift::best_shift;
use crate::statistics::{mean, median, quantile, sorted, std};
use crate::truth::GroundTruth;

/// Errors after 0, 1, … N clicks: every array has N + 1 entries, and each figure has its confidence interval.
///
/// A corrected keypoint counts where the annotator placed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Series {
    /// Mean radial error in pixels of the image.
    pub mre: Vec<f64>,
    /// Interval of [`mre`](Self::mre).
    pub mre_interval: Vec<Option<Interval>>,
    /// Standard deviation of the images' MREs.
    pub mre_std: Vec<f64>,
    /// Median error of all keypoints of all images, in pixels of the image.
    pub median: Vec<f64>,
    /// Interval of [`median`](Self::median).
    pub median_interval: Vec<Option<Interval>>,
    /// MRE of the keypoints not yet corrected; `None` once all are.
    pub mre_uncorrected: Vec<Option<f64>>,
    /// Interval of [`mre_uncorrected`](Self::mre_uncorrected).
    pub mre_uncorrected_interval: Vec<Option<Interval>>,
    /// MRE after the best shift of the vertebra count; `None` without vertebrae.
    pub mre_shifted: Vec<Option<f64>>,
    /// Interval of [`mre_shifted`](Self::mre_shifted).
    pub mre_shifted_interval: Vec<Option<Interval>>,
    /// MRE in pixels of the network's grid.
    pub mre_model_pixels: Vec<f64>,
    /// Interval of [`mre_model_pixels`](Self::mre_model_pixels).
    pub mre_model_pixels_interval: Vec<Option<Interval>>,
    /// MRE in millimetres over the images with a known pixel spacing.
    pub mre_millimetres: Vec<Option<f64>>,
    /// Interval of [`mre_millimetres`](Self::mre_millimetres).
    pub mre_millimetres_interval: Vec<Option<Interval>>,
    /// Successful detection rate: the fraction of keypoints whose error is at most a threshold in pixels of the image.
    pub sdr: BTreeMap<Threshold, Vec<f64>>,
    /// Interval of [`sdr`](Self::sdr).
    pub sdr_interval: BTreeMap<Threshold, Vec<Option<Interval>>>,
    /// The percentiles 0, 1, … 100 of the errors of all keypoints of all images: the cumulative distribution.
    pub percentiles: Vec<Vec<f64>>,
}

/// A set of images after 0, 1, … N clicks.
pub(super) struct Course<'a> {
    pub truths: Vec<&'a GroundTruth>,
    /// By image, then by click.
    pub steps: Vec<&'a [Step]>,
    pub clicks: usize,
}

impl Course<'_> {
    /// Errors by click, image and keypoint.
    fn errors(&self, unit: Unit) -> Vec<Vec<Option<Vec<f64>>>> {
        let image = |click: usize| {
            move |(truth, steps): (&&GroundTruth, &&[Step])| unit.errors(&steps.get(click)?.shown, truth)
        };
        (0..=self.clicks)
            .map(|click| self.truths.iter().zip(&self.steps).map(image(click)).collect())
            .collect()
    }

    /// MRE of the keypoints of `image` that none of the first `click` clicks corrected.
    fn uncorrected(&self, click: usize, image: usize, errors: &[f64]) -> Option<f64> {
        let given = self.steps.get(image)?.iter().take(click + 1).filter_map(|step| step.click);
        let corrected: Vec<usize> = given.map(|hint| hint.keypoint).collect();
        let left = errors
            .iter()
            .enumerate()
            .filter(|(keypoint, error)| !corrected.contains(keypoint) && !error.is_nan());
        let left: Vec<f64> = left.map(|(_, error)| *error).collect();
        (!left.is_empty()).then(|| mean(&left))
    }

    pub(super) fn series(
        &self,
        settings: &Settings,
        protocol: &Protocol,
        skeleton: &Skeleton,
        draws: &Resamples,
    ) -> Series {
        let (columns, images) = (self.clicks + 1, self.truths.len());
        let errors: Vec<Vec<Vec<f64>>> = self
            .errors(Unit::ImagePixels)
            .into_iter()
            .map(|images| images.into_iter().map(Option::unwrap_or_default).collect())
            .collect();
        let in_unit = |unit| {
            let errors = self.errors(unit);
            estimates(columns, images, draws, |click, image| errors[click][image].as_deref().map(mean_error))
        };
        let (mre, mre_interval) =
            full_estimates(columns, images, draws, |click, image| mean_error(&errors[click][image]));
        let (mre_uncorrected, mre_uncorrected_interval) =
            estimates(columns, images, draws, |click, image| {
                self.uncorrected(click, image, &errors[click][image])
            });
        let (mre_shifted, mre_shifted_interval) = estimates(columns, images, draws, |click, image| {
            let (shown, labels) = (&self.steps[image].get(click)?.shown, &self.truths[image].keypoints);
            Some(best_shift(shown, labels, skeleton, settings.shift_limit)?.mre)
        });
        let (mre_model_pixels, mre_model_pixels_interval) = in_unit(Unit::ModelPixels(protocol.model_size));
        let (mre_millimetres, mre_millimetres_interval) = in_unit(Unit::Millimetres);
        let (median, median_interval) = errors.iter().map(|images| median_of(images, draws)).unzip();
        let (sdr, sdr_interval) = detection_rates(&errors, &settings.sdr, draws);
        Series {
            mre,
            mre_interval,
            mre_std: errors
                .iter()
                .map(|images| std(&images.iter().map(|e| mean_error(e)).collect::<Vec<_>>()))
                .collect(),
            median,
            median_interval,
            mre_uncorrected,
            mre_uncorrected_interval,
            mre_shifted,
            mre_shifted_interval,
            mre_model_pixels: mre_model_pixels.into_iter().flatten().collect(),
            mre_model_pixels_interval,
            mre_millimetres,
            mre_millimetres_interval,
            sdr,
            sdr_interval,
            percentiles: errors
                .iter()
                .map(|images| percentiles(of_seen(&images.concat()).collect()))
                .collect(),
        }
    }
}

/// The median error of all keypoints of the images.
fn median_of(images: &[Vec<f64>], draws: &Resamples) -> (f64, Option<Interval>) {
    let median = |drawn: &mut dyn Iterator<Item = usize>| {
        median(drawn.filter_map(|image| images.get(image)).flat_map(|errors| of_seen(errors)).collect())
    };
    (median(&mut (0..images.len())), draws.interval(|drawn| Some(median(&mut drawn.iter().copied()))))
}

type Rates = (BTreeMap<Threshold, Vec<f64>>, BTreeMap<Threshold, Vec<Option<Interval>>>);

/// The fraction of keypoints within each threshold, by click.
fn detection_rates(errors: &[Vec<Vec<f64>>], thresholds: &[f64], draws: &Resamples) -> Rates {
    let images = errors.first().map_or(0, Vec::len);
    let within = |errors: &[f64], threshold: f64| {
        of_seen(errors).filter(|error| *error <= threshold).count() as f64 / of_seen(errors).count() as f64
    };
    thresholds
        .iter()
        .map(|&threshold| {
            let (rates, intervals) = full_estimates(errors.len(), images, draws, |click, image| {
                within(&errors[click][image], threshold)
            });
            ((Threshold(threshold), rates), (Threshold(threshold), intervals))
        })
        .unzip()
}

fn percentiles(errors: Vec<f64>) -> Vec<f64> {
    let errors = sorted(errors);
    (0..=100).map(|percent| quantile(&errors, f64::from(percent) / 100.0)).collect()
}
