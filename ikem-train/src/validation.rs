use candle_core::Tensor;
use ikem_core::Keypoints;
use ikem_data::{Batch, Draw, Loader};
use ikem_models::{ModelConfig, Network};

use crate::error::Result;
use crate::loss::Loss;
use crate::strategy::{Interaction, Placing};

/// The hint of a validation is at one of so many worst points, as published.
const WORST: usize = 10;

/// How a network does on images that it does not learn from: without hints, and with one an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Validation {
    /// The mean loss without hints.
    pub first_loss: f64,
    /// The mean loss with one.
    pub second_loss: f64,
    /// The mean radial error without hints, in pixels of the original images.
    pub first_mre: f64,
    /// The mean radial error with one; the corrected point counts as exact.
    pub second_mre: f64,
}

/// Sums over images.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    images: usize,
    loss: [f64; 2],
    error: [f64; 2],
}

impl Validation {
    /// Predicts all images of `loader`, gives each a hint at one of its ten worst points, drawn from `seed`, and predicts
    /// again. `go_on` is told of the batches done and may end it; then there is no result.
    ///
    /// # Errors
    /// When an image can't be read or the device fails.
    pub fn of(
        network: &Network,
        loader: &Loader,
        loss: &Loss,
        seed: u64,
        mut go_on: impl FnMut(usize) -> bool,
    ) -> Result<Option<Self>> {
        let mut sums = Sums::default();
        for (done, batch) in loader.batches(0, 0).enumerate() {
            if !go_on(done) {
                return Ok(None);
            }
            let batch = batch?;
            let mut draw = Draw::new(seed, &[batch.step as u64]);
            sums.add(network, &batch, loss, &mut draw)?;
        }
        let images = sums.images as f64;
        let [first_loss, second_loss] = sums.loss.map(|sum| sum / images);
        let [first_mre, second_mre] = sums.error.map(|sum| sum / images);
        Ok(Some(Self { first_loss, second_loss, first_mre, second_mre }))
    }
}

impl Sums {
    fn add(&mut self, network: &Network, batch: &Batch, loss: &Loss, draw: &mut Draw) -> Result<()> {
        let targets = &batch.keypoints;
        let mut interaction = Interaction::new(network, pixels(batch, network)?, targets, Placing::default());
        for pass in 0..2 {
            if pass > 0 {
                interaction.hint_worst(WORST, draw);
            }
            interaction.predict()?;
            if let Some(logits) = interaction.last() {
                self.loss[pass] += loss.evaluate(logits, targets)?.parts.total * targets.len() as f64;
            }
            let grid = network.config().size;
            let films = batch.sizes.iter().zip(&batch.frames);
            for ((shown, target), (&size, frame)) in interaction.shown().iter().zip(targets).zip(films) {
                let on_film = |points: &Keypoints| -> Keypoints {
                    points.iter().map(|&point| frame.to_image(point, size, grid)).collect()
                };
                self.error[pass] += ikem_eval::mre(&on_film(shown), &on_film(target));
            }
        }
        self.images += targets.len();
        Ok(())
    }
}

/// A batch's images as a network sees them: (B, 3, H, W), on its device.
pub(crate) fn pixels(batch: &Batch, network: &Network) -> Result<Tensor> {
    let ModelConfig { size, .. } = *network.config();
    let shape = (batch.entries.len(), 1, size.height, size.width);
    Ok(Tensor::from_slice(&batch.images, shape, network.device())?.repeat((1, 3, 1, 1))?)
}
