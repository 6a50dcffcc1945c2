use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use ikem_core::{
    Column, ColumnEvidence, CornerMaps, ErrorCovariance, Frame, GrayImage, Hint, Hints, Keypoints, Point,
    Size, decode_column,
};

use crate::cancel::Cancel;
use crate::config::ModelConfig;
use crate::corners::CornerDetector;
use crate::error::Result;
use crate::inputs::{EncodedImage, HintMaps, ImageInput, Inputs, PreviousMaps};
use crate::locator::Locator;
use crate::network::{Logits, Network};
use crate::ops;
use crate::prediction::{Maps, Prediction, mean};
use crate::prepared_image::{PreparedImage, TonedFilm};
use crate::refiner::CornerRefiner;
use crate::summary::NetworkSummary;
use crate::threads::isolated;
use crate::view::View;

/// A network with its weights, ready to mark images, and the locator that finds spines for it, if it has one. Clones
/// share the weights.
#[derive(Debug, Clone)]
pub struct Predictor {
    model: Arc<Model>,
    parts: Parts,
    cancel: Option<Cancel>,
}

/// The networks beside the keypoint network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub locator: Option<Locator>,
    pub corners: Option<CornerDetector>,
    pub refiner: Option<CornerRefiner>,
}

#[derive(Debug)]
struct Model {
    network: Network,
    errors: Option<ErrorCovariance>,
    config: ModelConfig,
    device: Device,
    dtype: DType,
}

impl Predictor {
    /// A predictor of a network that was built for inference.
    pub(crate) fn new(
        network: Network,
        errors: Option<ErrorCovariance>,
        device: &Device,
        dtype: DType,
        parts: Parts,
    ) -> Self {
        let config = network.config().clone();
        let model = Model { network, errors, config, device: device.clone(), dtype };
        Self { model: Arc::new(model), parts, cancel: None }
    }

    /// The same network with another locator; with `None` it sees whole films unless it is given a view.
    #[must_use]
    pub fn with_locator(self, locator: Option<Locator>) -> Self {
        Self { parts: Parts { locator, ..self.parts }, ..self }
    }

    /// The same predictor, whose predictions end with [`Error::Cancelled`](crate::Error::Cancelled) once `cancel` is
    /// cancelled. Sessions that it starts are not bound to `cancel`; [`Session::cancelled_by`](crate::Session::cancelled_by)
    /// is for their corrections.
    #[must_use]
    pub fn cancelled_by(&self, cancel: &Cancel) -> Self {
        self.clone().with_cancel(Some(cancel.clone()))
    }

    /// The same predictor with another token, or none.
    pub(crate) fn with_cancel(self, cancel: Option<Cancel>) -> Self {
        Self { cancel, ..self }
    }

    /// What ends the predictions early.
    pub(crate) const fn cancel(&self) -> Option<&Cancel> {
        self.cancel.as_ref()
    }

    /// The locator that finds spines for the network.
    #[must_use]
    pub const fn locator(&self) -> Option<&Locator> {
        self.parts.locator.as_ref()
    }

    /// The same network with another corner detector; with `None`, its heatmaps alone show where vertebrae are.
    #[must_use]
    pub fn with_corners(self, corners: Option<CornerDetector>) -> Self {
        Self { parts: Parts { corners, ..self.parts }, ..self }
    }

    /// The detector that shows the network where corners of vertebrae are.
    #[must_use]
    pub const fn corners(&self) -> Option<&CornerDetector> {
        self.parts.corners.as_ref()
    }

    /// The same network with another corner refiner; with `None`, corners stay where decoding places them.
    #[must_use]
    pub fn with_refiner(self, refiner: Option<CornerRefiner>) -> Self {
        Self { parts: Parts { refiner, ..self.parts }, ..self }
    }

    /// The refiner that places corners of vertebrae precisely.
    #[must_use]
    pub const fn refiner(&self) -> Option<&CornerRefiner> {
        self.parts.refiner.as_ref()
    }

    /// The dimensions of the network and of its input.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.model.config
    }

    /// The covariance of the network's errors, if the checkpoint has one. The keypoints of a session are those of
    /// [`forward`](Self::forward) ([`Logits::detect`]), [moved](ErrorCovariance::moved) by the errors that the hints
    /// reveal, then decoded as a column if the config says so.
    #[must_use]
    pub fn errors(&self) -> Option<&ErrorCovariance> {
        self.model.errors.as_ref()
    }

    /// The layers of the network, with their parameters and multiply-adds for one image, recorded by running it once.
    ///
    /// # Errors
    /// When the device fails.
    pub fn summary(&self) -> Result<NetworkSummary> {
        Ok(self.model.network.summary()?)
    }

    /// Marks the part of a film that `view` shows, without hints.
    ///
    /// # Errors
    /// When the device fails.
    pub fn predict_in(&self, image: &GrayImage, view: impl Into<View>) -> Result<Prediction> {
        self.predict_prepared(&self.prepare(image, &view.into())?, &Hints::new(), None)
    }

    /// The logits of a batch, from inputs in any form that [`Inputs`] has.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) when a shape does not fit the config, [`Error::Argument`](crate::Error::Argument)
    /// for a hint of an unknown keypoint; when the device fails.
    pub fn forward(&self, inputs: &Inputs) -> Result<Logits> {
        inputs.check(self.config())?;
        isolated(|| self.model.network.forward_until(inputs, self.cancel()))
    }

    /// A film as the network sees it in `view`.
    pub(crate) fn prepare(&self, film: &GrayImage, view: &View) -> Result<PreparedImage> {
        Cancel::check(self.cancel())?;
        isolated(|| {
            let seen = TonedFilm::new(film, view.negative);
            let toned = seen.toned();
            let corners = self.corners_on(&toned, view)?;
            Ok(PreparedImage { corners, film: Some(seen), ..self.prepare_toned(&toned, view)? })
        })
    }

    /// The corner detector, if decoding uses it.
    pub(crate) fn corner_detector(&self) -> Option<&CornerDetector> {
        self.corners().filter(|_| self.config().column)
    }

    /// The corners of vertebrae on a film whose tones were adjusted already, if there is a detector and decoding uses them.
    pub(crate) fn corners_on(&self, film: &GrayImage, view: &View) -> Result<Option<Arc<CornerMaps>>> {
        self.corner_detector()
            .map(|detector| Ok(Arc::new(detector.detect_until(film, &view.frame, self.cancel())?)))
            .transpose()
    }

    /// As [`prepare`](Self::prepare), but for the corners, for a film whose tones were adjusted already: for many frames of
    /// one film.
    pub(crate) fn prepare_toned(&self, film: &GrayImage, view: &View) -> Result<PreparedImage> {
        Cancel::check(self.cancel())?;
        let grid = self.config().size;
        let gray = self.config().preparation().apply_in(film, &view.frame)?;
        let gray = Tensor::from_vec(gray, (1, 1, grid.height, grid.width), &self.model.device)?
            .to_dtype(self.model.dtype)?;
        let encoded = self.model.network.encode_image(&gray.repeat((1, 3, 1, 1))?)?;
        Ok(PreparedImage { size: film.size(), view: *view, film: None, encoded, corners: None })
    }

    /// One forward pass; `hints` are in image space, `previous` is the prediction that they correct.
    pub(crate) fn predict_prepared(
        &self,
        image: &PreparedImage,
        hints: &Hints,
        previous: Option<&Prediction>,
    ) -> Result<Prediction> {
        isolated(|| {
            let prediction = self.decoded(image, self.answer(image, hints, previous)?)?;
            let prediction = self.in_shape(image, hints, prediction, None)?;
            self.refined(image, hints, prediction)
        })
    }

    /// As [`predict_prepared`](Self::predict_prepared), for hints that include all of those of `previous`: its vertebrae may
    /// stay where they are, or take each other's positions. Its corners are not [refined](Self::refined) yet.
    pub(crate) fn predict_further(
        &self,
        image: &PreparedImage,
        hints: &Hints,
        previous: &Prediction,
    ) -> Result<Prediction> {
        let PreparedImage { size: film, view: View { frame, .. }, .. } = *image;
        let on_grid = |point: &Point| frame.to_grid(*point, film, self.config().size);
        isolated(|| {
            let answer = self.answer(image, hints, Some(previous))?;
            let before = Some(previous.keypoints.iter().map(on_grid).collect());
            let prediction = self.decoded(image, Answer { before, ..answer })?;
            self.in_shape(image, hints, prediction, Some(&previous.keypoints))
        })
    }

    /// The forward pass of [`predict_prepared`](Self::predict_prepared) without the decoding of the column: enough to
    /// tell how confident the network is.
    pub(crate) fn answer(
        &self,
        image: &PreparedImage,
        hints: &Hints,
        previous: Option<&Prediction>,
    ) -> Result<Answer> {
        let &ModelConfig { size: grid, std, .. } = self.config();
        let PreparedImage { size: film, view: View { frame, .. }, .. } = *image;
        let on_grid = |hint: &Hint| Hint::new(hint.keypoint, frame.to_grid(hint.point, film, grid));
        let previous = match previous {
            Some(previous) if previous.frame != frame => {
                previous.reframed(frame).as_input(&self.model.device, self.model.dtype)?
            }
            Some(previous) => previous.as_input(&self.model.device, self.model.dtype)?,
            None => PreviousMaps::None,
        };
        let hints: Vec<Hint> = hints.iter().map(on_grid).collect();
        let inputs = Inputs {
            hints: HintMaps::Gaussians { hints: vec![hints.clone()], std },
            previous,
            image: ImageInput::Encoded(image.encoded.clone()),
        };
        let logits = self.model.network.forward_until(&inputs, self.cancel())?;
        let confidences = logits.confidences()?.concat();
        Ok(Answer { logits: logits.main, confidences, hints, before: None })
    }

    /// The answers without hints for several films in their views, from one pass, which takes less time than one each.
    pub(crate) fn answers(&self, images: &[PreparedImage]) -> Result<Vec<Answer>> {
        let features: Vec<&Tensor> = images.iter().map(|image| &image.encoded.features).collect();
        let encoded = EncodedImage { features: Tensor::cat(&features, 0)?, grid: self.config().size };
        let inputs = Inputs {
            hints: HintMaps::none(images.len()),
            previous: PreviousMaps::None,
            image: ImageInput::Encoded(encoded),
        };
        let logits = self.model.network.forward_until(&inputs, self.cancel())?;
        let confidences = logits.confidences()?;
        let answer = |(index, confidences)| {
            // A copy, so that one answer does not keep those of the others in memory.
            let logits = logits.main.narrow(0, index, 1)?.copy()?;
            Ok(Answer { logits, confidences, hints: Vec::new(), before: None })
        };
        confidences.into_iter().enumerate().map(answer).collect()
    }

    /// The prediction that an answer of the network for `image` stands for.
    pub(crate) fn decoded(&self, image: &PreparedImage, answer: Answer) -> Result<Prediction> {
        Ok(self.decoded_with_clarity(image, answer)?.0)
    }

    /// The same, and how [clearly](Column::clarity) its end plates are seen, if it is decoded as a column.
    pub(crate) fn decoded_with_clarity(
        &self,
        image: &PreparedImage,
        answer: Answer,
    ) -> Result<(Prediction, Option<f32>)> {
        Cancel::check(self.cancel())?;
        let &ModelConfig { size: grid, std, .. } = self.config();
        let PreparedImage { size: film, view: View { frame, .. }, .. } = *image;
        let expected = self.expected(&answer)?;
        let (keypoints, mut alternatives, clarity) = match self.column(image, &answer, &expected)? {
            Some(column) => (column.keypoints, column.alternatives, Some(column.clarity)),
            None => (expected, Vec::new(), None),
        };
        let shown = |keypoints: &Keypoints| {
            let keypoints = keypoints.iter().map(|&point| grid.nearest(point)).collect();
            on_film(&keypoints, &frame, film, grid)
        };
        for other in &mut alternatives {
            other.keypoints = shown(&other.keypoints);
        }
        let prediction = Prediction {
            keypoints: shown(&keypoints),
            alternatives,
            confidences: answer.confidences,
            maps: Maps::Logits(answer.logits),
            grid,
            film,
            frame,
            std,
        };
        Ok((prediction, clarity))
    }

    /// Where an answer of the network expects the keypoints, on the grid.
    fn expected(&self, answer: &Answer) -> Result<Keypoints> {
        let ModelConfig { size, decoding, .. } = self.config();
        let logits = Logits::new(answer.logits.clone(), None, *size);
        let keypoints = logits.detect(decoding)?.iter().flatten().map(|detection| detection.point).collect();
        Ok(match &self.model.errors {
            Some(errors) => errors.moved(&keypoints, &answer.hints),
            None => keypoints,
        })
    }

    /// The spine of an answer for `image`, decoded as a whole near the `expected` keypoints, if the config says so and there is
    /// one.
    fn column(&self, image: &PreparedImage, answer: &Answer, expected: &Keypoints) -> Result<Option<Column>> {
        let &ModelConfig { size: grid, column, ref skeleton, .. } = self.config();
        if !column {
            return Ok(None);
        }
        let (_, _, height, width) = answer.logits.dims4()?;
        let maps = ops::heatmaps(&answer.logits, Size::new(width, height))?;
        let (before, corners) = (answer.before.as_ref(), image.corners.as_deref());
        let seen = ColumnEvidence { expected, before, maps: maps.view(), corners };
        Ok(decode_column(skeleton, &seen, grid, &answer.hints))
    }

    /// The answer that a prediction came from, without hints, if its logits were kept.
    pub(crate) fn answer_of(prediction: &Prediction) -> Option<Answer> {
        let Maps::Logits(logits) = &prediction.maps else { return None };
        let confidences = prediction.confidences.clone();
        Some(Answer { logits: logits.clone(), confidences, hints: Vec::new(), before: None })
    }
}

/// What a network answers for one film, before it becomes a [`Prediction`].
#[derive(Debug)]
pub(crate) struct Answer {
    /// (1, K, h, w).
    logits: Tensor,
    /// The peaks of the heatmaps, 0…1.
    confidences: Vec<f32>,
    /// On the grid.
    hints: Vec<Hint>,
    /// The keypoints that were shown before the newest hint, on the grid, if it was added to others.
    before: Option<Keypoints>,
}

impl Answer {
    /// The mean of the confidences; 0 without keypoints.
    pub(crate) fn mean_confidence(&self) -> f32 {
        mean(&self.confidences)
    }
}

/// The positions on the film of keypoints on the grid; points beyond the film's edges are moved to the edge.
fn on_film(keypoints: &Keypoints, frame: &Frame, film: Size, grid: Size) -> Keypoints {
    let points = keypoints.iter().map(|&point| frame.to_image(point, film, grid));
    match frame.is_whole(film) {
        true => points.collect(),
        false => points.map(|point| film.nearest(point)).collect(),
    }
}
