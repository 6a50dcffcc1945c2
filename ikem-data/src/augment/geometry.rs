use ikem_core::{Affine, Beyond, Draw, Size};
use serde::{Deserialize, Serialize};

/// The picture in the making: what has been moved where, and how large it is now, in pixels of the original image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Picture {
    pub(super) map: Affine,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Whether left and right have changed names.
    pub(super) swapped: bool,
}

impl Picture {
    pub(super) const fn new(width: f64, height: f64) -> Self {
        Self { map: Affine::IDENTITY, width, height, swapped: false }
    }

    /// A film of which nothing has been moved.
    pub(super) const fn whole(film: Size) -> Self {
        Self::new(film.width as f64, film.height as f64)
    }

    fn push(&mut self, next: Affine) {
        self.map = self.map.then(next);
    }

    /// Does `next` around the middle of the picture.
    fn around_middle(&mut self, next: Affine) {
        let (x, y) = (0.5 * self.width, 0.5 * self.height);
        self.push(Affine::shift(-x, -y).then(next).then(Affine::shift(x, y)));
    }
}

/// Turns the picture by an angle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    /// The largest angle either way, in degrees; below 90.
    pub degrees: f64,
    /// Whether the picture is widened so that all of it stays inside; otherwise its size stays. Default: true.
    pub widen: bool,
    /// How often.
    pub probability: f64,
}

impl Default for Rotation {
    /// ±15°, half of the time.
    fn default() -> Self {
        Self { degrees: 15.0, widen: true, probability: 0.5 }
    }
}

impl Rotation {
    pub(super) fn apply(&self, draw: &mut Draw, picture: &mut Picture) {
        let (sin, cos) = libm::sincos(draw.within([-self.degrees, self.degrees]).to_radians());
        let (width, height) = (picture.width, picture.height);
        picture.around_middle(Affine { x_x: cos, x_y: -sin, x_1: 0.0, y_x: sin, y_y: cos, y_1: 0.0 });
        if !self.widen {
            return;
        }
        picture.width = width * cos + height * sin.abs();
        picture.height = width * sin.abs() + height * cos;
        picture.push(Affine::shift(0.5 * (picture.width - width), 0.5 * (picture.height - height)));
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
    pub(super) fn apply(&self, _draw: &mut Draw, picture: &mut Picture) {
        picture.push(Affine { x_x: -1.0, x_1: picture.width, ..Affine::IDENTITY });
        picture.swapped ^= self.swap_pairs;
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
    pub(super) fn apply(&self, draw: &mut Draw, picture: &mut Picture) {
        let scale = 1.0 + draw.within(self.change);
        picture.around_middle(Affine::stretch(scale, scale));
    }
}

/// Shifts the picture's content in its picture.
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
    pub(super) fn apply(&self, draw: &mut Draw, picture: &mut Picture) {
        let (x, y) = (draw.within([-self.x, self.x]), draw.within([-self.y, self.y]));
        picture.push(Affine::shift(x * picture.width, y * picture.height));
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
    pub(super) fn apply(&self, draw: &mut Draw, picture: &mut Picture) {
        let strip = draw.within([0.0, self.strip]) * picture.height;
        picture.height -= strip;
        if draw.happens(0.5) {
            picture.push(Affine::shift(0.0, -strip));
        }
    }
}

/// Shows, where the picture reaches beyond the film, the film's edge repeated or the film mirrored in place of black, each as
/// often: films of a clinic go on where those of AASCE are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Surroundings {
    /// How often.
    pub probability: f64,
}

impl Default for Surroundings {
    /// Half of the time.
    fn default() -> Self {
        Self { probability: 0.5 }
    }
}

impl Surroundings {
    pub(super) fn draw(&self, draw: &mut Draw) -> Beyond {
        if draw.happens(0.5) { Beyond::Edge } else { Beyond::Mirror }
    }
}
