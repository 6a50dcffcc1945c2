//! Parameters and statistics of a batch normalisation.

use crate::activation::Activation;
use crate::error::{MOST, Result, check_len, check_range, check_shape};
use crate::simd::Element;

/// The statistics of a batch, one for each channel, rounded to the precision of its values.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchStatistics {
    /// Means.
    pub mean: Vec<f64>,
    /// Biased variances: mean square deviations.
    pub variance: Vec<f64>,
}

/// The parameters of a batch normalisation, one factor and summand for each channel.
#[derive(Clone, Copy, Debug)]
pub struct Normalization<'a, T> {
    /// Factors.
    pub gamma: &'a [T],
    /// Summands.
    pub beta: &'a [T],
    /// Added to the variance.
    pub epsilon: f64,
    /// The activation of the result.
    pub activation: Activation,
}

impl<T: Element> Normalization<'_, T> {
    /// Checks the parameters and an input of `len` elements, `[n, channels, plane]`.
    pub(super) fn check(&self, len: usize, (n, channels, plane): (usize, usize, usize)) -> Result<()> {
        check_shape("input", &[n, channels, plane], len)?;
        check_len("gamma", channels, self.gamma.len())?;
        check_len("beta", channels, self.beta.len())?;
        if channels > 0 { check_range("values of a channel", n * plane, 1, MOST) } else { Ok(()) }
    }

    pub(super) fn inverse_deviation(&self, variance: T) -> T {
        T::from_f64(1.0 / (variance.to_f64() + T::from_f64(self.epsilon).to_f64()).sqrt())
    }

    /// Channel c as `factor * x + summand` before the activation.
    pub(super) fn affine(&self, mean: T, variance: T, c: usize) -> (T, T) {
        let factor = self.gamma[c] * self.inverse_deviation(variance);
        (factor, self.beta[c] - mean * factor)
    }
}
