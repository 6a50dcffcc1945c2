use ikem_core::{
    Affine, Beyond, Draw, Error as CoreError, FieldError, Frame, GrayImage, Keypoints, Point, Preparation,
    Size, Skeleton, resample, warp,
};
use serde::{Deserialize, Serialize};

use super::bend::Wave;
use super::geometry::AugmentedFrame;
use super::implants::Fusion;
use super::tone::Tone;
use super::{
    Bend, BrightnessContrast, Crop, Flip, Gamma, Implants, Noise, Rotation, Scaling, Surroundings,
    Translation,
};
use crate::error::Error;

/// One augmentation as written in a configuration: `{"rotation": {"degrees": 15, "probability": 0.5}}`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Augmentation {
    /// See [`Rotation`].
    Rotation(Rotation),
    /// See [`Flip`].
    Flip(Flip),
    /// See [`Scaling`].
    Scaling(Scaling),
    /// See [`Translation`].
    Translation(Translation),
    /// See [`Crop`].
    Crop(Crop),
    /// See [`Bend`].
    Bend(Bend),
    /// See [`Surroundings`].
    Surroundings(Surroundings),
    /// See [`Implants`].
    Implants(Implants),
    /// See [`BrightnessContrast`].
    BrightnessContrast(BrightnessContrast),
    /// See [`Gamma`].
    Gamma(Gamma),
    /// See [`Noise`].
    Noise(Noise),
}

impl Augmentation {
    const fn probability(&self) -> f64 {
        match self {
            Self::Rotation(a) => a.probability,
            Self::Flip(a) => a.probability,
            Self::Scaling(a) => a.probability,
            Self::Translation(a) => a.probability,
            Self::Crop(a) => a.probability,
            Self::Bend(a) => a.probability,
            Self::Surroundings(a) => a.probability,
            Self::Implants(a) => a.probability,
            Self::BrightnessContrast(a) => a.probability,
            Self::Gamma(a) => a.probability,
            Self::Noise(a) => a.probability,
        }
    }

    /// The name and the allowed range of a number that is out of range, if any.
    fn fault(&self) -> Option<(&'static str, &'static str)> {
        let range = |[low, high]: [f64; 2], least: f64| low > least && low <= high && high.is_finite();
        let (sound, name, expected) = match self {
            Self::Rotation(a) => (within(a.degrees, 89.0), "degrees", "0…89"),
            Self::Flip(_) | Self::Surroundings(_) | Self::Implants(_) => (true, "", ""),
            Self::Scaling(a) => (range(a.change, -1.0), "change", "two numbers above -1, the lower first"),
            Self::Translation(a) => (within(a.x, 1.0) && within(a.y, 1.0), "x and y", "0…1"),
            Self::Crop(a) => (within(a.strip, 0.9), "strip", "0…0.9"),
            Self::Bend(a) => (
                within(a.shift, 0.5) && range(a.waves, 0.0) && a.waves[1] <= 8.0,
                "shift and waves",
                "0…0.5, and two numbers in 0…8, the lower first",
            ),
            Self::BrightnessContrast(a) => {
                (within(a.brightness, 1.0) && within(a.contrast, 1.0), "brightness and contrast", "0…1")
            }
            Self::Gamma(a) => (range(a.range, 0.0), "range", "two numbers above 0, the lower first"),
            Self::Noise(a) => (within(a.deviation, 1.0), "deviation", "0…1"),
        };
        match (within(self.probability(), 1.0), sound) {
            (false, _) => Some(("probability", "0…1")),
            (true, false) => Some((name, expected)),
            (true, true) => None,
        }
    }
}

fn within(value: f64, most: f64) -> bool {
    (0.0..=most).contains(&value)
}

/// A sequence of augmentations from which training draws for each sample.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Augmentation>", into = "Vec<Augmentation>")]
pub struct Pipeline(Vec<Augmentation>);

impl Pipeline {
    /// A pipeline of `steps`.
    ///
    /// # Errors
    /// [`Error::Argument`] if a probability or a range is invalid.
    pub fn new(steps: Vec<Augmentation>) -> Result<Self, Error> {
        for step in &steps {
            if let Some((name, expected)) = step.fault() {
                let (found, expected) = (format!("{step:?}"), format!("{name}: {expected}"));
                return Err(FieldError::new("augmentation", expected, found).into());
            }
        }
        Ok(Self(steps))
    }

    /// The empty pipeline, which changes nothing.
    #[must_use]
    pub const fn identity() -> Self {
        Self(Vec::new())
    }

    /// All augmentations but [`Surroundings`] and [`Implants`], each with its default.
    #[must_use]
    pub fn standard() -> Self {
        Self(vec![
            Augmentation::Crop(Crop::default()),
            Augmentation::Flip(Flip::default()),
            Augmentation::Rotation(Rotation::default()),
            Augmentation::Scaling(Scaling::default()),
            Augmentation::Translation(Translation::default()),
            Augmentation::Bend(Bend::default()),
            Augmentation::BrightnessContrast(BrightnessContrast::default()),
            Augmentation::Gamma(Gamma::default()),
            Augmentation::Noise(Noise::default()),
        ])
    }

    /// The augmentations that suit `skeleton`: only spines have [`Bend`], which imitates scoliosis, and [`Implants`].
    #[must_use]
    pub fn suiting(&self, skeleton: &Skeleton) -> Self {
        let of_spines =
            |step: &Augmentation| matches!(step, Augmentation::Bend(_) | Augmentation::Implants(_));
        let suits = |step: &&Augmentation| skeleton.is_spine() || !of_spines(step);
        Self(self.0.iter().filter(suits).copied().collect())
    }

    /// The augmentations, in order.
    #[must_use]
    pub fn steps(&self) -> &[Augmentation] {
        &self.0
    }

    /// Draws the augmentation of one image of `size` that is seen as a whole.
    #[must_use]
    pub fn draw(&self, size: Size, draw: &mut Draw) -> AugmentationPlan {
        self.draw_in(size, &Frame::whole(size), draw)
    }

    /// Draws the augmentation of the part of an image of `size` within `frame`.
    #[must_use]
    pub fn draw_in(&self, size: Size, frame: &Frame, draw: &mut Draw) -> AugmentationPlan {
        let mut augmented = AugmentedFrame::new(frame.width(), frame.height());
        let (mut waves, mut tones, mut beyond) = (Vec::new(), Vec::new(), Beyond::Black);
        let mut fusion = None;
        for step in &self.0 {
            if !draw.happens(step.probability()) {
                continue;
            }
            match step {
                Augmentation::Rotation(step) => step.apply(draw, &mut augmented),
                Augmentation::Flip(step) => step.apply(draw, &mut augmented),
                Augmentation::Scaling(step) => step.apply(draw, &mut augmented),
                Augmentation::Translation(step) => step.apply(draw, &mut augmented),
                Augmentation::Crop(step) => step.apply(draw, &mut augmented),
                Augmentation::Bend(step) => waves.push(step.wave(draw)),
                Augmentation::Surroundings(step) => beyond = step.draw(draw),
                Augmentation::Implants(step) => fusion = Some(step.fusion(draw)),
                Augmentation::BrightnessContrast(step) => tones.push(step.tone(draw)),
                Augmentation::Gamma(step) => tones.push(step.tone(draw)),
                Augmentation::Noise(step) => tones.push(step.tone(draw)),
            }
        }
        AugmentationPlan { size, frame: *frame, augmented, waves, tones, beyond, fusion }
    }
}

impl TryFrom<Vec<Augmentation>> for Pipeline {
    type Error = Error;
    fn try_from(steps: Vec<Augmentation>) -> Result<Self, Error> {
        Self::new(steps)
    }
}

impl From<Pipeline> for Vec<Augmentation> {
    fn from(pipeline: Pipeline) -> Self {
        pipeline.0
    }
}

/// The augmentation drawn for one image; applies equally to its pixels and its keypoints.
#[derive(Debug, Clone, PartialEq)]
pub struct AugmentationPlan {
    size: Size,
    frame: Frame,
    augmented: AugmentedFrame,
    waves: Vec<Wave>,
    tones: Vec<Tone>,
    beyond: Beyond,
    fusion: Option<Fusion>,
}

impl AugmentationPlan {
    /// Augments an image and prepares it as network input, H × W in row-major order, −1…1. Equals
    /// [`Preparation::apply`] bit for bit if nothing changes and the frame is the whole film.
    ///
    /// # Errors
    /// [`Error::Core`] if the network's grid has no pixels.
    pub fn image(&self, image: &GrayImage, preparation: &Preparation) -> Result<Vec<f32>, Error> {
        let resized = resample(image, preparation.size, preparation.resampling)?;
        Ok(self.resized(&resized, preparation.size))
    }

    /// Like [`image`](Self::image), but for an image that is already resized. If it is larger than `grid`, each grid
    /// pixel averages the area that it covers.
    #[must_use]
    pub fn resized(&self, resized: &GrayImage, grid: Size) -> Vec<f32> {
        let mut values = match self.map(resized.size(), grid).inverse() {
            _ if self.is_still() && resized.size() == grid => resized.pixels().to_vec(),
            Some(back) => warp(resized, grid, &back, samples(&back), self.beyond, |y| self.bend(y, grid)),
            None => vec![0.0; grid.area()],
        };
        for tone in &self.tones {
            tone.apply(&mut values);
        }
        for value in &mut values {
            *value = Preparation::input(*value);
        }
        values
    }

    /// Maps keypoints from pixels of the original image to the network's grid and augments them.
    ///
    /// Keypoints are scaled without a half-pixel offset, as published checkpoints expect, while pixels are resampled by
    /// area; the two differ by less than half a grid pixel. Augmentation preserves that offset, so that the network
    /// learns only one.
    ///
    /// # Errors
    /// [`CoreError::Length`] if the number of `keypoints` differs from that of `skeleton`.
    pub fn keypoints(
        &self,
        keypoints: &Keypoints,
        grid: Size,
        skeleton: &Skeleton,
    ) -> Result<Keypoints, Error> {
        let (expected, found) = (skeleton.len(), keypoints.len());
        if expected != found {
            return Err(CoreError::Length { what: "keypoints", expected, found }.into());
        }
        let mut moved: Keypoints = match self.is_still() {
            true => keypoints.rescaled(self.size, grid),
            false => {
                let map = self.map(self.size, grid);
                keypoints.iter().map(|&point| self.point(point, &map, grid)).collect()
            }
        };
        if self.augmented.swapped != self.frame.is_mirrored() {
            for &(a, b) in skeleton.flip_pairs() {
                moved.swap(a, b);
            }
        }
        Ok(moved)
    }

    /// Draws the plan's [`Implants`], if any, on network input of −1…1, H × W in row-major order. `keypoints` are those
    /// that [`keypoints`](Self::keypoints) returned for the same `grid`.
    ///
    /// # Errors
    /// [`CoreError::Length`] if the number of `values` is not that of the grid's pixels.
    pub fn draw_implants(
        &self,
        values: &mut [f32],
        grid: Size,
        keypoints: &Keypoints,
        skeleton: &Skeleton,
    ) -> Result<(), Error> {
        let (expected, found) = (grid.area(), values.len());
        if expected != found {
            return Err(CoreError::Length { what: "pixels", expected, found }.into());
        }
        if let Some(fusion) = &self.fusion {
            fusion.apply(values, grid, keypoints, skeleton);
        }
        Ok(())
    }

    fn point(&self, point: Point, map: &Affine, grid: Size) -> Point {
        if point.is_absent() {
            return point;
        }
        let mut scaled = map.apply([f64::from(point.x) + 0.5, f64::from(point.y) + 0.5]);
        scaled[0] += self.bend(scaled[1], grid);
        let plain = |pixels: f64, values: usize| 0.5 * values as f64 / pixels;
        let (x, y) = (plain(self.frame.width(), grid.width), plain(self.frame.height(), grid.height));
        Point::new((scaled[0] - x) as f32, (scaled[1] - y) as f32)
    }

    /// The horizontal shift of the row at `y`, both in grid pixels.
    fn bend(&self, y: f64, grid: Size) -> f64 {
        let height = y / grid.height as f64;
        self.waves.iter().map(|wave| wave.at(height)).sum::<f64>() * grid.width as f64
    }

    /// Whether the plan is the identity on the whole film.
    fn is_still(&self) -> bool {
        self.waves.is_empty()
            && self.frame.is_whole(self.size)
            && self.augmented == AugmentedFrame::whole(self.size)
    }

    /// The complete affine map from the film, resized to `from`, to the grid.
    fn map(&self, from: Size, grid: Size) -> Affine {
        let scale = |film: usize, pixels: usize| film as f64 / pixels as f64;
        let film = Affine::stretch(scale(self.size.width, from.width), scale(self.size.height, from.height));
        let framed = match self.frame.is_whole(self.size) {
            true => film,
            false => film
                .then(self.frame.affine(Size::new(1, 1)))
                .then(Affine::stretch(self.frame.width(), self.frame.height())),
        };
        framed.then(self.augmented.map).then(Affine::stretch(
            grid.width as f64 / self.augmented.width,
            grid.height as f64 / self.augmented.height,
        ))
    }
}

/// The number of sample columns and rows per grid pixel for the inverse map `back`; one each if a grid pixel covers
/// little more than one image pixel.
fn samples(back: &Affine) -> [usize; 2] {
    const MOST: f64 = 8.0;
    let count = |x: f64, y: f64| x.hypot(y).round().clamp(1.0, MOST) as usize;
    [count(back.x_x, back.y_x), count(back.x_y, back.y_y)]
}
