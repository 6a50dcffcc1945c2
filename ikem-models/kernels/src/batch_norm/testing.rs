//! The definition that the tests compare with.

use super::parameters::Normalization;
use crate::activation::Activation;

pub(crate) const ACTIVATIONS: [Activation; 3] =
    [Activation::Identity, Activation::Relu, Activation::LeakyRelu(0.1)];

/// Batch normalisation by its definition.
pub(crate) fn naive(
    x: &[f64],
    (n, c, plane): (usize, usize, usize),
    norm: &Normalization<'_, f64>,
) -> Vec<f64> {
    let mut y = vec![0.0; x.len()];
    for channel in 0..c {
        let at: Vec<usize> = (0..n * plane).map(|i| (i / plane * c + channel) * plane + i % plane).collect();
        let mean = at.iter().map(|&i| x[i]).sum::<f64>() / at.len() as f64;
        let variance = at.iter().map(|&i| (x[i] - mean).powi(2)).sum::<f64>() / at.len() as f64;
        for i in at {
            let v =
                norm.gamma[channel] * (x[i] - mean) / (variance + norm.epsilon).sqrt() + norm.beta[channel];
            y[i] = match norm.activation {
                Activation::Identity => v,
                Activation::Relu => v.max(0.0),
                Activation::LeakyRelu(s) => {
                    if v > 0.0 {
                        v
                    } else {
                        f64::from(s) * v
                    }
                }
            };
        }
    }
    y
}
