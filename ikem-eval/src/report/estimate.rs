use crate::bootstrap::{Interval, Resamples};
use crate::statistics::mean;

/// Figures by click (or by keypoint) and their confidence intervals, as two parallel arrays.
pub(super) type Estimates<T> = (Vec<T>, Vec<Option<Interval>>);

/// The mean over the images that have a value, with its confidence interval.
pub(super) fn estimate(values: &[Option<f64>], resamples: &Resamples) -> (Option<f64>, Option<Interval>) {
    let known: Vec<f64> = values.iter().copied().flatten().collect();
    ((!known.is_empty()).then(|| mean(&known)), resamples.mean_interval(values))
}

/// One estimate per column, where `value(column, image)` is the value of an image.
pub(super) fn estimates(
    columns: usize,
    images: usize,
    resamples: &Resamples,
    value: impl Fn(usize, usize) -> Option<f64>,
) -> Estimates<Option<f64>> {
    (0..columns)
        .map(|column| estimate(&(0..images).map(|image| value(column, image)).collect::<Vec<_>>(), resamples))
        .unzip()
}

/// The same when every image has a value.
pub(super) fn full_estimates(
    columns: usize,
    images: usize,
    resamples: &Resamples,
    value: impl Fn(usize, usize) -> f64,
) -> Estimates<f64> {
    let (values, intervals) =
        estimates(columns, images, resamples, |column, image| Some(value(column, image)));
    (values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect(), intervals)
}
