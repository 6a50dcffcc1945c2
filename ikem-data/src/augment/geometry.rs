use serde::{Deserialize, Serialize};

use ikem_core::Affine;

use super::Draw;

/// The picture in the making: what has been moved where, and how large it is now, in pixels of the original image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) map: Affine,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Whether left and right have changed names.
    pub(super) swapped: bool,
}

impl Frame {
    fn push(&mut self, next: Affine) {
        self.map = self.map.then(next);
    }

    /// Does `next` around the middle of the picture.
    fn around_middle(&mut self, next: Affine) {
        let (x, y) = (0.5 * self.width, 0.5 * self.height);
        self.push(Affine::shift(-x, -y).then(next).then(Affine::shift(x, y)));
    }
}

/// Turns the picture by an angle; it is widened so that all of it stays inside, and its new corners are black.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    /// The largest angle either way, in degrees; below 90.
    pub degrees: f64,
    /// How often.
    pub probability: f64,
}

impl Default for Rotation {
    /// ±15°, half of the time.
    fn default() -> Self {
        Self { degrees: 15.0, probability: 0.5 }
    }
}

impl Rotation {
    pub(super) fn apply(&self, draw: &mut Draw, frame: &mut Frame) {
        let (sin, cos) = libm::sincos(draw.within([-self.degrees, self.degrees]).to_radians());
        let (width, height) = (frame.width, frame.height);
        frame.around_middle(Affine { x_x: cos, x_y: -sin, x_1: 0.0, y_x: sin, y_y: cos, y_1: 0.0 });
        frame.width = width * cos + height * sin.abs();
        frame.height = width * sin.abs() + height * cos;
        frame.push(Affine::shift(0.5 * (frame.width - width), 0.5 * (frame.height - height)));
    }
}

/// Mirrors the picture left to right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flip {
    /// Whether the keypoints of the skeleton's flip pairs change names with it, so that the left is left again. The
    /// published training did not, and so taught a wrong name half of the time.
    pub swap_pairs: bool,
    /// How often.
    pub probability: f64,
}

impl Default for Flip {
    /// With names swapped, half of the time.
    fn default() -> Self {
        Self { swap_pairs: true, probability: 0.5 }
    }
}

impl Flip {
    pub(super) fn apply(&self, _draw: &mut Draw, frame: &mut Frame) {
        frame.push(Affine { x_x: -1.0, x_1: frame.width, ..Affine::IDENTITY });
        frame.swapped ^= self.swap_pairs;
    }
}

/// Makes the picture's content larger or smaller, around its middle, while its frame stays: it is cut or set in black.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scaling {
    /// What is added to the scale of 1: the least and the most, above -1.
    pub change: [f64; 2],
    /// How often.
    pub probability: f64,
}

impl Default for Scaling {
    /// −0.1…0.2, half of the time.
    fn default() -> Self {
        Self { change: [-0.1, 0.2], probability: 0.5 }
    }
}

impl Scaling {
    pub(super) fn apply(&self, draw: &mut Draw, frame: &mut Frame) {
        let scale = 1.0 + draw.within(self.change);
        frame.around_middle(Affine::stretch(scale, scale));
    }
}

/// Shifts the picture's content in its frame.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Translation {
    /// The farthest to either side, over the picture's width.
    pub x: f64,
    /// The farthest up or down, over the picture's height.
    pub y: f64,
    /// How often.
    pub probability: f64,
}

impl Default for Translation {
    /// A twentieth of each side, half of the time.
    fn default() -> Self {
        Self { x: 0.05, y: 0.05, probability: 0.5 }
    }
}

impl Translation {
    pub(super) fn apply(&self, draw: &mut Draw, frame: &mut Frame) {
        let (x, y) = (draw.within([-self.x, self.x]), draw.within([-self.y, self.y]));
        frame.push(Affine::shift(x * frame.width, y * frame.height));
    }
}

/// Cuts a strip off the top or off the bottom of the picture, each as often.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crop {
    /// The thickest strip, over the picture's height; below 1.
    pub strip: f64,
    /// How often.
    pub probability: f64,
}

impl Default for Crop {
    /// Up to a twentieth, a quarter of the time.
    fn default() -> Self {
        Self { strip: 0.05, probability: 0.25 }
    }
}

impl Crop {
    pub(super) fn apply(&self, draw: &mut Draw, frame: &mut Frame) {
        let strip = draw.within([0.0, self.strip]) * frame.height;
        frame.height -= strip;
        if draw.happens(0.5) {
            frame.push(Affine::shift(0.0, -strip));
        }
    }
}
