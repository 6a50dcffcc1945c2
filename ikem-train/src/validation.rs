use candle_core::Tensor;
use ikem_core::{Draw, Keypoints};
use ikem_data::{Batch, Loader};
use ikem_models::Network;

use crate::error::Result;
use crate::loss::Objective;
use crate::strategy::{Interaction, Placing};

/// The number of worst keypoints among which the hint of a validation is drawn, as published.
const WORST: usize = 10;

/// The performance of a network on validation images, without hints and with one hint per image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Validation {
    /// The mean loss without hints.
    pub first_loss: f64,
    /// The mean loss with one hint.
    pub second_loss: f64,
    /// The mean radial error without hints, in pixels of the original images.
    pub first_mre: f64,
    /// The mean radial error with one hint, in pixels of the original images; the hinted keypoint counts as exact.
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
    /// Predicts all images of `loader`, gives each a hint at one of its ten worst keypoints, drawn from `seed`, and
    /// predicts again. Before each batch, `go_on` receives the number of batches done and returns whether to continue;
    /// `None` if it ended early.
    ///
    /// # Errors
    /// When an image cannot be read or the device fails.
    pub(crate) fn of(
        network: &Network,
        loader: &Loader,
        loss: &dyn Objective,
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
    fn add(&mut self, network: &Network, batch: &Batch, loss: &dyn Objective, draw: &mut Draw) -> Result<()> {
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

/// A batch's images as network input, of shape (B, 3, H, W), on the network's device.
pub(crate) fn pixels(batch: &Batch, network: &Network) -> Result<Tensor> {
    let (values, shape) = batch.pixels();
    Ok(Tensor::from_vec(values, shape, network.device())?)
}
