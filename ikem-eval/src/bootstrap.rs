use ikem_core::{Draw, FieldError};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::statistics::{mean, quantile, sorted};

/// The lower and upper bound of a confidence interval.
pub type Interval = [f64; 2];

/// Confidence intervals by the percentile bootstrap over images (Efron 1979).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bootstrap {
    /// The number of resamples; each has as many images as the original set, drawn with replacement.
    pub resamples: usize,
    /// The confidence level, between 0 and 1.
    pub level: f64,
    /// The seed of the resampling.
    pub seed: u64,
}

impl Default for Bootstrap {
    /// A level of 95 % from 2000 resamples.
    fn default() -> Self {
        Self { resamples: 2000, level: 0.95, seed: 0 }
    }
}

/// Resamples of a set of images, shared by all figures.
#[derive(Debug, Clone)]
pub struct Resamples {
    draws: Vec<Vec<usize>>,
    level: f64,
}

impl Bootstrap {
    /// Draws resamples of `images` images.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there are images, 1 to 100,000 resamples, and a level between 0 and 1.
    pub fn draw(&self, images: usize) -> Result<Resamples, Error> {
        if images == 0 {
            return Err(FieldError::new("number of images", "at least 1", 0).into());
        }
        self.check()?;
        let mut random = Draw::new(self.seed, &[]);
        let mut draw = |_| (0..images).map(|_| random.below(images as u64) as usize).collect();
        Ok(Resamples { draws: (0..self.resamples).map(&mut draw).collect(), level: self.level })
    }

    /// Checks the values.
    pub(crate) fn check(&self) -> Result<(), FieldError> {
        FieldError::check_range("bootstrap.resamples", self.resamples, 1..=100_000)?;
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(FieldError::new("bootstrap.level", "a number between 0 and 1", self.level));
        }
        Ok(())
    }
}

impl Resamples {
    /// The confidence interval of a `statistic`, which is computed from the image indices of a resample. Resamples
    /// without a finite value are left out; `None` if there are no others.
    #[must_use]
    pub fn interval(&self, mut statistic: impl FnMut(&[usize]) -> Option<f64>) -> Option<Interval> {
        let figures: Vec<f64> = self
            .draws
            .iter()
            .filter_map(|draw| statistic(draw))
            .filter(|figure| figure.is_finite())
            .collect();
        let figures = sorted(figures);
        let tail = (1.0 - self.level) / 2.0;
        (!figures.is_empty()).then(|| [quantile(&figures, tail), quantile(&figures, 1.0 - tail)])
    }

    /// The confidence interval of the mean of one value per image; images without a value are left out.
    #[must_use]
    pub fn mean_interval(&self, values: &[Option<f64>]) -> Option<Interval> {
        self.interval(|draw| {
            let drawn: Vec<f64> =
                draw.iter().filter_map(|&image| values.get(image).copied().flatten()).collect();
            (!drawn.is_empty()).then(|| mean(&drawn))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_matches_theory() {
        // 200 values of std 1 and mean 0: the 95 % interval is about ± 1.96 / sqrt(200) = 0.1386.
        let values: Vec<Option<f64>> = (0..200).map(|i| Some(if i % 2 == 0 { 1.0 } else { -1.0 })).collect();
        let resamples = Bootstrap::default().draw(200).expect("draws");
        let [low, high] = resamples.mean_interval(&values).expect("an interval");
        assert!((low + 0.1386).abs() < 0.015 && (high - 0.1386).abs() < 0.015, "[{low}, {high}]");
        let wider = Bootstrap { level: 0.99, ..Bootstrap::default() }.draw(200).expect("draws");
        let [lower, higher] = wider.mean_interval(&values).expect("an interval");
        assert!(lower < low && higher > high);
    }

    #[test]
    fn intervals_depend_on_the_seed_alone() {
        let values: Vec<Option<f64>> = (0..9).map(|i| Some(f64::from(i * i))).collect();
        let interval = |seed| {
            let bootstrap = Bootstrap { seed, resamples: 100, ..Bootstrap::default() };
            bootstrap.draw(9).expect("draws").mean_interval(&values)
        };
        assert_eq!(interval(3), interval(3));
        assert_ne!(interval(3), interval(4));
    }

    #[test]
    fn images_without_a_value_are_left_out() {
        let resamples = Bootstrap::default().draw(3).expect("draws");
        assert_eq!(resamples.mean_interval(&[None, Some(5.0), None]), Some([5.0, 5.0]));
        assert_eq!(resamples.mean_interval(&[None, None, None]), None);
    }

    #[test]
    fn invalid_settings_are_rejected() {
        let base = Bootstrap::default();
        assert!(base.draw(0).is_err());
        for bad in [
            Bootstrap { resamples: 0, ..base },
            Bootstrap { resamples: 1 << 40, ..base },
            Bootstrap { level: 1.0, ..base },
            Bootstrap { level: f64::NAN, ..base },
        ] {
            assert!(matches!(bad.draw(5), Err(Error::Argument(_))), "{bad:?}");
        }
    }
}
