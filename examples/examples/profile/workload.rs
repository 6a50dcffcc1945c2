use anyhow::Result;
use candle_core::Tensor;
use ikem_core::{GrayImage, Hint, Keypoints, Point, Size};
use ikem_models::{
    Checkpoint, Device, HintMaps, ImageInput, Inputs, Mode as Pass, ModelConfig, Network, NetworkSummary,
    Predictor, PreviousMaps, Session, StateDict, training,
};
use ikem_train::{Adam, AdamConfig, Gradients, Optimiser};

use crate::Mode;

/// The keypoints that a click corrects: two before, and the one that the person moves.
const HINTED: [usize; 3] = [3, 41, 17];

/// What a run does, ready to run.
pub(crate) enum Workload {
    Forward { predictor: Predictor, inputs: Inputs },
    Click { session: Box<Session>, hint: Hint },
    Train(Box<Training>),
}

/// A network in training, and its batch.
pub(crate) struct Training {
    network: Network,
    adam: Adam,
    inputs: Inputs,
    points: Vec<Keypoints>,
    steps: u64,
}

impl Workload {
    /// The workload of `mode`; without one, a network that could run forward.
    pub(crate) fn new(
        mode: Option<Mode>,
        config: &ModelConfig,
        tensors: Option<StateDict>,
        batch: usize,
        dense: bool,
        device: &Device,
    ) -> Result<Self> {
        if mode == Some(Mode::Train) {
            let inputs = if dense { inputs(config, batch, device) } else { sparse(config, batch, device) }?;
            return Ok(Self::Train(Box::new(Training::new(config, tensors, inputs, batch, device)?)));
        }
        let predictor = match tensors {
            Some(tensors) => {
                Predictor::builder().device(device).build(Checkpoint::new(config.clone(), tensors))?
            }
            None => Predictor::builder().device(device).untrained(config, 0)?,
        };
        if mode != Some(Mode::Click) {
            return Ok(Self::Forward { predictor, inputs: inputs(config, batch, device)? });
        }
        let size = config.size;
        let pixels = (0..size.area()).map(|i| scatter(i, 0)).collect();
        let mut session = predictor.session(&GrayImage::new(size, pixels)?)?;
        let place = |k: usize| {
            Point::new(scatter(k, 1) * 0.9 * size.width as f32, scatter(k, 2) * 0.9 * size.height as f32)
        };
        let [first, second, hint] = HINTED.map(|k| k % config.keypoints()).map(|k| Hint::new(k, place(k)));
        session.revise_all([first, second])?;
        Ok(Self::Click { session: Box::new(session), hint })
    }

    /// The network's layers.
    pub(crate) fn summary(&self) -> Result<NetworkSummary> {
        Ok(match self {
            Self::Forward { predictor, .. } => predictor.summary()?,
            Self::Click { session, .. } => session.predictor().summary()?,
            Self::Train(training) => training.network.summary()?,
        })
    }

    /// Does it once.
    pub(crate) fn run(&mut self) -> Result<()> {
        match self {
            Self::Forward { predictor, inputs } => {
                predictor.forward(inputs)?.upsampled()?;
                Ok(())
            }
            Self::Click { session, hint } => {
                hint.point.x = (hint.point.x + 0.5) % (session.image_size().width - 1) as f32;
                Ok(session.revise(*hint)?)
            }
            Self::Train(training) => training.step(),
        }
    }
}

impl Training {
    fn new(
        config: &ModelConfig,
        tensors: Option<StateDict>,
        inputs: Inputs,
        batch: usize,
        device: &Device,
    ) -> Result<Self> {
        let network = match tensors {
            Some(tensors) => Network::trainable(config, tensors, device)?,
            None => Network::fresh(config, 0, device)?,
        };
        let adam = Adam::new(network.parameters(), AdamConfig::default())?;
        let Size { width, height } = config.size;
        let point = |i| Point::new(scatter(i, 1) * (width - 1) as f32, scatter(i, 2) * (height - 1) as f32);
        let points =
            (0..batch).map(|b| (0..config.keypoints()).map(|k| point(b * config.keypoints() + k)).collect());
        Ok(Self { network, adam, inputs, points: points.collect(), steps: 0 })
    }

    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        let ModelConfig { size, std, .. } = *self.network.config();
        let answer = self.network.forward(&self.inputs, Pass::Train { dropout_seed: self.steps })?;
        let loss = |logits| training::heatmap_cross_entropy(logits, &self.points, std, size);
        let mut total = loss(&answer.main)?;
        if let Some(auxiliary) = &answer.auxiliary {
            total = (total + loss(auxiliary)?)?;
        }
        let gradients = Gradients::new(self.network.parameters(), &total.backward()?)?;
        Ok(self.adam.step(&gradients)?)
    }
}

/// No hints, previous heatmaps as the logits that they come from, and an image of noise.
fn sparse(config: &ModelConfig, batch: usize, device: &Device) -> Result<Inputs> {
    let noise = |plane| noise(plane, config.size, batch, device);
    Ok(Inputs {
        hints: HintMaps::none(batch),
        previous: PreviousMaps::OfLogits(noise((config.keypoints(), 4, 4))?),
        image: ImageInput::Pixels(noise((3, 1, 5))?.affine(2.0, -1.0)?),
    })
}

/// Dense maps and an image of noise.
fn inputs(config: &ModelConfig, batch: usize, device: &Device) -> Result<Inputs> {
    let maps = |channels, salt| noise((channels, 1, salt), config.size, batch, device);
    let keypoints = config.keypoints();
    Ok(Inputs::dense(maps(keypoints, 3)?, maps(keypoints, 4)?, maps(3, 5)?.affine(2.0, -1.0)?))
}

/// Noise in 0…1 of some channels at a part of the size, another for each salt.
fn noise(
    (channels, part, salt): (usize, usize, u64),
    size: Size,
    batch: usize,
    device: &Device,
) -> Result<Tensor> {
    let shape = (batch, channels, size.height / part, size.width / part);
    let values = (0..shape.0 * shape.1 * shape.2 * shape.3).map(|i| scatter(i, salt)).collect();
    Ok(Tensor::from_vec(values, shape, device)?)
}

/// A number in 0…1 for each `i`, without order to speak of.
fn scatter(i: usize, salt: u64) -> f32 {
    let mixed = (i as u64 ^ salt << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f32 / (1_u64 << 24) as f32
}
