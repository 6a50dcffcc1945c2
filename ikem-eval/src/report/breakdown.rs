use ikem_core::Skeleton;
use serde::{Deserialize, Deserializer, Serialize};

use super::estimate::estimates;
use crate::bootstrap::{Interval, Resamples};
use crate::play::{Played, Step};
use crate::radial::{mean_error, radial_errors};
use crate::shift::best_shift;

/// Mean errors of parts of the skeleton in pixels of the image, for the first prediction and after the last click of
/// model revision, each with its confidence interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Breakdown {
    /// The names of the parts.
    pub names: Vec<String>,
    /// Errors of the first prediction; NaN, `null` in files, for a part that is seen on no image.
    #[serde(deserialize_with = "numbers_or_null")]
    pub first: Vec<f64>,
    /// Interval of [`first`](Self::first).
    pub first_interval: Vec<Option<Interval>>,
    /// Errors after the last click; NaN for a part that is seen on no image.
    #[serde(deserialize_with = "numbers_or_null")]
    pub last: Vec<f64>,
    /// Interval of [`last`](Self::last).
    pub last_interval: Vec<Option<Interval>>,
}

/// Numbers as JSON, which has no NaN.
fn numbers_or_null<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<f64>, D::Error> {
    let numbers = Vec::<Option<f64>>::deserialize(json)?;
    Ok(numbers.into_iter().map(|number| number.unwrap_or(f64::NAN)).collect())
}

impl Breakdown {
    pub(super) fn by_keypoint(played: &[&Played], skeleton: &Skeleton, draws: &Resamples) -> Self {
        let parts =
            skeleton.names().iter().cloned().enumerate().map(|(index, name)| (name, vec![index])).collect();
        Self::new(played, parts, draws)
    }

    pub(super) fn by_vertebra(played: &[&Played], skeleton: &Skeleton, draws: &Resamples) -> Self {
        let parts =
            skeleton.vertebrae().iter().map(|part| (part.name.clone(), part.corners.clone())).collect();
        Self::new(played, parts, draws)
    }

    fn new(played: &[&Played], parts: Vec<(String, Vec<usize>)>, draws: &Resamples) -> Self {
        let of_step = |step: fn(&[Step]) -> Option<&Step>| {
            let errors: Vec<Vec<f64>> = played
                .iter()
                .filter_map(|image| Some(radial_errors(&step(&image.model)?.shown, &image.truth.keypoints)))
                .collect();
            let (values, intervals) = estimates(parts.len(), errors.len(), draws, |part, image| {
                let of_part = parts[part].1.iter().filter_map(|&index| errors[image].get(index).copied());
                let mean = mean_error(&of_part.collect::<Vec<_>>());
                (!mean.is_nan()).then_some(mean)
            });
            (values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect(), intervals)
        };
        let (first, first_interval) = of_step(<[Step]>::first);
        let (last, last_interval) = of_step(<[Step]>::last);
        Self {
            names: parts.into_iter().map(|part| part.0).collect(),
            first,
            first_interval,
            last,
            last_interval,
        }
    }
}

/// The number of first predictions that miscount vertebrae by some number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ShiftCount {
    /// The best shift of the vertebra count: +1 means that the prediction's T5 lies on T6.
    pub vertebrae: isize,
    /// The number of images with this best shift.
    pub images: usize,
}

impl ShiftCount {
    pub(super) fn of(played: &[&Played], skeleton: &Skeleton, limit: usize) -> Vec<Self> {
        let shift = |image: &&Played| {
            best_shift(&image.model.first()?.shown, &image.truth.keypoints, skeleton, limit)
                .map(|shift| shift.vertebrae)
        };
        let mut shifts: Vec<isize> = played.iter().filter_map(shift).collect();
        shifts.sort_unstable();
        shifts
            .chunk_by(|a, b| a == b)
            .map(|equal| Self { vertebrae: equal[0], images: equal.len() })
            .collect()
    }
}
