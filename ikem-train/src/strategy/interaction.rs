use candle_core::Tensor;
use ikem_core::{Draw, Hint, Hints, Keypoints};
use ikem_models::{EncodedImage, HintMaps, ImageInput, Inputs, Logits, Mode, Network, PreviousMaps};

use super::HintPlan;
use super::choice::Choice;
use super::config::Placing;
use crate::error::Result;

/// A batch of images that receives simulated hints and predictions without gradient, as a session of each image would;
/// the result is the input of the batch's training pass.
///
/// Predictions run in evaluation mode: they neither update running statistics nor keep a graph. Points are in pixels of
/// the grid.
#[derive(Debug)]
pub struct Interaction<'a> {
    network: &'a Network,
    pixels: Tensor,
    encoded: Option<EncodedImage>,
    targets: &'a [Keypoints],
    placing: Placing,
    hints: Vec<Hints>,
    first: Option<Logits>,
    last: Option<Logits>,
    keypoints: Vec<Keypoints>,
}

impl<'a> Interaction<'a> {
    /// A batch without hints: `pixels` of shape (B, 3, H, W) in [−1, 1], and the labelled keypoints of each image.
    #[must_use]
    pub fn new(network: &'a Network, pixels: Tensor, targets: &'a [Keypoints], placing: Placing) -> Self {
        Self {
            network,
            pixels,
            encoded: None,
            targets,
            placing,
            hints: vec![Hints::new(); targets.len()],
            first: None,
            last: None,
            keypoints: Vec::new(),
        }
    }

    /// Carries out `plan`.
    ///
    /// # Errors
    /// A shape mismatch, or a device failure.
    pub fn follow(&mut self, plan: &HintPlan, draw: &mut Draw) -> Result<()> {
        self.hint_randomly(plan.random, draw);
        for _ in 0..plan.rounds {
            self.predict()?;
            self.hint_worst(plan.worst, draw);
        }
        Ok(())
    }

    /// Predicts without gradient from the current hints and the last prediction.
    ///
    /// # Errors
    /// A shape mismatch, or a device failure.
    pub fn predict(&mut self) -> Result<()> {
        let encoded = match self.encoded.take() {
            Some(encoded) => encoded,
            None => self.network.encode_image(&self.pixels)?,
        };
        self.encoded = Some(encoded.clone());
        let logits = self.network.forward(&self.with(ImageInput::Encoded(encoded)), Mode::Eval)?;
        let detections = logits.detect(&self.network.config().decoding)?;
        self.keypoints =
            detections.iter().map(|image| image.iter().map(|detection| detection.point).collect()).collect();
        self.first.get_or_insert_with(|| logits.clone());
        self.last = Some(logits);
        Ok(())
    }

    /// Gives each image `count` hints at random keypoints.
    pub fn hint_randomly(&mut self, count: usize, draw: &mut Draw) {
        for (image, targets) in self.targets.iter().enumerate() {
            let hints = self.choice(targets).random(&self.hints[image], count, draw);
            for hint in hints {
                self.hints[image].set(hint);
            }
        }
    }

    /// Gives each image a hint at one of the `among` keypoints that are farthest off in its last prediction; does
    /// nothing before the first prediction.
    pub fn hint_worst(&mut self, among: usize, draw: &mut Draw) {
        for (image, (targets, predicted)) in self.targets.iter().zip(&self.keypoints).enumerate() {
            let hint = self.choice(targets).worst(&self.hints[image], predicted, among, draw);
            if let Some(hint) = hint {
                self.hints[image].set(hint);
            }
        }
    }

    const fn choice<'b>(&self, targets: &'b Keypoints) -> Choice<'b> {
        Choice { targets, grid: self.network.config().size, placing: self.placing }
    }

    /// The logits of the first prediction.
    #[must_use]
    pub const fn first(&self) -> Option<&Logits> {
        self.first.as_ref()
    }

    /// The logits of the last prediction.
    #[must_use]
    pub const fn last(&self) -> Option<&Logits> {
        self.last.as_ref()
    }

    /// The last predicted keypoints of each image; empty before the first prediction.
    #[must_use]
    pub fn keypoints(&self) -> &[Keypoints] {
        &self.keypoints
    }

    /// The same keypoints, with hinted ones at their hints.
    #[must_use]
    pub fn shown(&self) -> Vec<Keypoints> {
        self.keypoints.iter().zip(&self.hints).map(|(points, hints)| hints.applied_to(points)).collect()
    }

    /// The hints of each image.
    #[must_use]
    pub fn hints(&self) -> &[Hints] {
        &self.hints
    }

    /// The batch with its hints and its last prediction, as input of a training pass.
    #[must_use]
    pub fn inputs(&self) -> Inputs {
        self.with(ImageInput::Pixels(self.pixels.clone()))
    }

    fn with(&self, image: ImageInput) -> Inputs {
        let hints: Vec<Vec<Hint>> = self.hints.iter().map(|hints| hints.iter().copied().collect()).collect();
        let previous = self.last.as_ref().map(|logits| PreviousMaps::OfLogits(logits.main.clone()));
        Inputs {
            hints: HintMaps::Gaussians { hints, std: self.network.config().std },
            previous: previous.unwrap_or(PreviousMaps::None),
            image,
        }
    }
}
