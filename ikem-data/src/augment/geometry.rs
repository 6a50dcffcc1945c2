use ikem_core::{Affine, Beyond, Draw, Size};
use serde::{Deserialize, Serialize};

/// The frame after some steps of the augmentation: its map from the original and its size, both in pixels of the original
/// image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AugmentedFrame {
    pub(super) map: Affine,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Whether keypoint names are swapped left to right.
    pub(super) swapped: bool,
}

impl AugmentedFrame {
    pub(super) const fn new(width: f64, height: f64) -> Self {
        Self { map: Affine::IDENTITY, width, height, swapped: false }
    }

    /// The unchanged film.
    pub(super) const fn whole(film: Size) -> Self {
        Self::new(film.width as f64, film.height as f64)
    }

    fn push(&mut self, next: Affine) {
        self.map = self.map.then(next);
    }

    /// Appends `next`, applied around the centre of the picture.
    fn around_middle(&mut self, next: Affine) {
        let (x, y) = (0.5 * self.width, 0.5 * self.height);
        self.push(Affine::shift(-x, -y).then(next).then(Affine::shift(x, y)));
    }
}

/// Rotates the picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    /// The largest angle in either direction, in degrees; below 90.
    pub degrees: f64,
    /// Whether to enlarge the picture so that all of its content stays inside. Default: true.
    pub widen: bool,
    /// The probability of applying it.
    pub probability: f64,
}

impl Default for Rotation {
    /// Up to ±15°, probability 0.5.
    fn default() -> Self {
        Self { degrees: 15.0, widen: true, probability: 0.5 }
    }
}

impl Rotation {
    pub(super) fn apply(&self, draw: &mut Draw, augmented: &mut AugmentedFrame) {
        let (sin, cos) = libm::sincos(draw.within([-self.degrees, self.degrees]).to_radians());
        let (width, height) = (augmented.width, augmented.height);
        augmented.around_middle(Affine { x_x: cos, x_y: -sin, x_1: 0.0, y_x: sin, y_y: cos, y_1: 0.0 });
        if !self.widen {
            return;
        }
        augmented.width = width * cos + height * sin.abs();
        augmented.height = width * sin.abs() + height * cos;
        augmented.push(Affine::shift(0.5 * (augmented.width - width), 0.5 * (augmented.height - height)));
    }
}

/// Mirrors the picture left to right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flip {
    /// Whether to swap the skeleton's flip pairs too, so that left stays left. The published training did not and thus
    /// taught wrong names half of the time.
    pub swap_pairs: bool,
    /// The probability of applying it.
    pub probability: f64,
}

impl Default for Flip {
    /// With swapped pairs, probability 0.5.
    fn default() -> Self {
        Self { swap_pairs: true, probability: 0.5 }
    }
}

impl Flip {
    pub(super) fn apply(&self, _draw: &mut Draw, augmented: &mut AugmentedFrame) {
        augmented.push(Affine { x_x: -1.0, x_1: augmented.width, ..Affine::IDENTITY });
        augmented.swapped ^= self.swap_pairs;
    }
}

/// Scales the content around the centre of the picture. The picture size stays; content is cropped or padded with
/// black.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scaling {
    /// The smallest and the largest change of the scale from 1; above −1.
    pub change: [f64; 2],
    /// The probability of applying it.
    pub probability: f64,
}

impl Default for Scaling {
    /// −0.1…0.2, probability 0.5.
    fn default() -> Self {
        Self { change: [-0.1, 0.2], probability: 0.5 }
    }
}

impl Scaling {
    pub(super) fn apply(&self, draw: &mut Draw, augmented: &mut AugmentedFrame) {
        let scale = 1.0 + draw.within(self.change);
        augmented.around_middle(Affine::stretch(scale, scale));
    }
}

/// Translates the content within the picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Translation {
    /// The largest horizontal shift, relative to the picture width.
    pub x: f64,
    /// The largest vertical shift, relative to the picture height.
    pub y: f64,
    /// The probability of applying it.
    pub probability: f64,
}

impl Default for Translation {
    /// Up to 0.05 along each axis, probability 0.5.
    fn default() -> Self {
        Self { x: 0.05, y: 0.05, probability: 0.5 }
    }
}

impl Translation {
    pub(super) fn apply(&self, draw: &mut Draw, augmented: &mut AugmentedFrame) {
        let (x, y) = (draw.within([-self.x, self.x]), draw.within([-self.y, self.y]));
        augmented.push(Affine::shift(x * augmented.width, y * augmented.height));
    }
}

/// Crops a strip at the top or at the bottom of the picture, with equal probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crop {
    /// The largest height of the strip, relative to the picture height; below 1.
    pub strip: f64,
    /// The probability of applying it.
    pub probability: f64,
}

impl Default for Crop {
    /// Up to 0.05, probability 0.25.
    fn default() -> Self {
        Self { strip: 0.05, probability: 0.25 }
    }
}

impl Crop {
    pub(super) fn apply(&self, draw: &mut Draw, augmented: &mut AugmentedFrame) {
        let strip = draw.within([0.0, self.strip]) * augmented.height;
        augmented.height -= strip;
        if draw.happens(0.5) {
            augmented.push(Affine::shift(0.0, -strip));
        }
    }
}

/// Fills the area beyond the film with repeated edge pixels or a mirror image instead of black, with equal probability.
/// Clinical films continue where those of AASCE are cropped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Surroundings {
    /// The probability of applying it.
    pub probability: f64,
}

impl Default for Surroundings {
    /// Probability 0.5.
    fn default() -> Self {
        Self { probability: 0.5 }
    }
}

impl Surroundings {
    pub(super) fn draw(&self, draw: &mut Draw) -> Beyond {
        if draw.happens(0.5) { Beyond::Edge } else { Beyond::Mirror }
    }
}
