use candle_core::Tensor;
use ikem_models::{REFINED_CORNERS, RefinerOutput};

use crate::error::Result;

/// The range of logarithms of spreads, within which the loss is finite.
const SPREADS: [f32; 2] = [-5.0, 2.0];

/// The corner refiner's loss: the mean negative log-likelihood of the corners under Laplace distributions with the predicted
/// spreads, and the mean error of the tilts of both end plates.
#[derive(Debug, Clone, Copy)]
pub(super) struct RefinerLoss {
    /// Weight of the tilts.
    pub tilt_weight: f64,
}

impl RefinerLoss {
    /// The loss of an output for patches whose corners have these `offsets` (B, 8); a scalar.
    ///
    /// # Errors
    /// When the device fails.
    pub(super) fn evaluate(self, output: &RefinerOutput, offsets: &Tensor) -> Result<Tensor> {
        let errors = (&output.offsets - offsets)?.abs()?;
        let spreads = output.spreads.clamp(SPREADS[0], SPREADS[1])?;
        let likelihood = ((errors * spreads.neg()?.exp()?)? + spreads)?.mean_all()?;
        let tilts = (tilts(&output.offsets)? - tilts(offsets)?)?.abs()?.mean_all()?;
        Ok((likelihood + (tilts * self.tilt_weight)?)?)
    }
}

/// How much further down the right corner of each end plate is than its left one, in half sides of the patch: (B, 2, 1).
pub(super) fn tilts(offsets: &Tensor) -> Result<Tensor> {
    let batch = offsets.dim(0)?;
    let plates = offsets.reshape((batch, REFINED_CORNERS / 2, 4))?;
    // x and y of the left corner, x and y of the right one.
    Ok((plates.narrow(2, 3, 1)? - plates.narrow(2, 1, 1)?)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn the_loss_is_that_of_laplace_and_of_tilts() {
        let tensor = |values: [f64; 8]| Tensor::new(&[values], &Device::Cpu).expect("a tensor");
        let output = RefinerOutput {
            offsets: tensor([0.1, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
            spreads: tensor([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0]),
        };
        let loss = RefinerLoss { tilt_weight: 3.0 }.evaluate(&output, &tensor([0.0; 8])).expect("a loss");
        let expected = (0.3 - 1.0) / 8.0 + 3.0 * 0.2 / 2.0;
        assert!((loss.to_scalar::<f64>().expect("a number") - expected).abs() < 1e-12);
    }

    #[test]
    fn the_gradient_matches_central_differences() {
        const STEP: f64 = 1e-6;
        let numbers =
            |seed: usize| (0..16).map(|i| ((i * 37 + seed) % 23) as f64 / 11.0 - 1.0).collect::<Vec<f64>>();
        let tensor = |values: &[f64]| Tensor::from_slice(values, (2, 8), &Device::Cpu).expect("a tensor");
        // No error and no difference of tilts is zero, where the loss has a kink.
        let target = tensor(
            &numbers(5).iter().enumerate().map(|(i, x)| 0.8 * x + 0.013 * i as f64).collect::<Vec<_>>(),
        );
        let loss = |offsets: &Tensor, spreads: &Tensor| {
            let output = RefinerOutput { offsets: offsets.clone(), spreads: spreads.clone() };
            RefinerLoss { tilt_weight: 3.0 }.evaluate(&output, &target).expect("a loss")
        };
        let parts = [numbers(1), numbers(2)];
        let variables = [0, 1].map(|part| Var::from_tensor(&tensor(&parts[part])).expect("a variable"));
        let gradients = loss(&variables[0], &variables[1]).backward().expect("gradients");
        for part in 0..2 {
            let found = gradients.get(&variables[part]).expect("a gradient").flatten_all().expect("values");
            for (i, found) in found.to_vec1::<f64>().expect("values").into_iter().enumerate() {
                let moved = |by: f64| {
                    let mut moved = parts.clone();
                    moved[part][i] += by;
                    loss(&tensor(&moved[0]), &tensor(&moved[1])).to_scalar::<f64>().expect("a number")
                };
                let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                assert!((found - expected).abs() < 1e-7, "part {part}, {i}: {found}, expected {expected}");
            }
        }
    }
}
