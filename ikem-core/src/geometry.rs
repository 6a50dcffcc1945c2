use std::fmt;
use std::ops::{Add, Mul, Sub};

use serde::{Deserialize, Serialize};

use crate::vector::Vector;

/// A position in an image in pixels, `x` to the right and `y` down; whole numbers are pixel centres.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Point {
    /// Distance from the centre of the leftmost pixels, in pixels.
    pub x: f32,
    /// Distance from the centre of the topmost pixels, in pixels.
    pub y: f32,
}

impl Point {
    /// Stands for a labelled keypoint that is not on the film or cannot be seen. No network answers it, and it is not
    /// finite. Frames, rescaling and augmentation keep it.
    pub const ABSENT: Self = Self { x: f32::INFINITY, y: f32::INFINITY };

    /// Whether this is [`ABSENT`](Self::ABSENT).
    #[must_use]
    pub fn is_absent(self) -> bool {
        self == Self::ABSENT
    }

    /// The point (`x`, `y`).
    #[must_use]
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// The point of a `[y, x]` pair, the order in published manifests.
    #[must_use]
    pub const fn from_yx([y, x]: [f32; 2]) -> Self {
        Self { x, y }
    }

    /// This point as a `[y, x]` pair.
    #[must_use]
    pub const fn to_yx(self) -> [f32; 2] {
        [self.y, self.x]
    }

    /// Euclidean distance to `other`, in pixels.
    #[must_use]
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// Whether both coordinates are finite numbers.
    #[must_use]
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }

    /// The same position after an image of size `from` was resized to `to`: plain scaling of each axis, as published
    /// checkpoints expect.
    ///
    /// ```
    /// use ikem_core::{Point, Size};
    /// let p = Point::new(100.0, 400.0).rescaled(Size::new(800, 2048), Size::new(256, 512));
    /// assert_eq!(p, Point::new(32.0, 100.0));
    /// ```
    #[must_use]
    pub fn rescaled(self, from: Size, to: Size) -> Self {
        let axis = |value: f32, from: usize, to: usize| (f64::from(value) * to as f64 / from as f64) as f32;
        Self::new(axis(self.x, from.width, to.width), axis(self.y, from.height, to.height))
    }
}

impl Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f32> for Point {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }
}

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// Number of columns.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
}

impl Size {
    /// A size of `width` × `height` pixels.
    #[must_use]
    pub const fn new(width: usize, height: usize) -> Self {
        Self { width, height }
    }

    /// The number of pixels, saturating.
    #[must_use]
    pub const fn area(self) -> usize {
        self.width.saturating_mul(self.height)
    }

    /// Whether `point` is finite and lies on the image: between its outer edges, half a pixel beyond the outer pixel
    /// centres. Relative label formats include 1.0, half a pixel further, which is accepted as well.
    #[must_use]
    pub fn contains(self, point: Point) -> bool {
        let inside = |value: f32, extent: usize| value >= -0.5 && value <= extent as f32;
        inside(point.x, self.width) && inside(point.y, self.height)
    }

    /// Whether a place, in pixels, is at most one width or height outside an image of this size: the farthest that a keypoint
    /// may be.
    ///
    /// ```
    /// use ikem_core::{Point, Size};
    /// let film = Size::new(300, 700);
    /// assert!(film.is_near(Point::new(-300.0, 1400.0)) && !film.is_near(Point::new(-301.0, 5.0)));
    /// assert!(!film.is_near(Point::ABSENT));
    /// ```
    #[must_use]
    pub fn is_near(self, place: impl Into<Vector>) -> bool {
        let near = |value: f64, side: usize| (-1.0..=2.0).contains(&(value / side as f64));
        let place = place.into();
        near(place.x, self.width) && near(place.y, self.height)
    }

    /// The nearest position to a finite `point` between the outer pixel centres.
    ///
    /// ```
    /// use ikem_core::{Point, Size};
    /// assert_eq!(Size::new(10, 20).nearest(Point::new(-3.0, 19.4)), Point::new(0.0, 19.0));
    /// ```
    #[must_use]
    pub fn nearest(self, point: Point) -> Point {
        let last = |extent: usize| extent.saturating_sub(1) as f32;
        Point::new(point.x.clamp(0.0, last(self.width)), point.y.clamp(0.0, last(self.height)))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {} px", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn yx_pairs_convert_to_points_and_back() {
        assert_eq!(Point::from_yx([3.0, 5.0]), Point::new(5.0, 3.0));
        assert_eq!(Point::new(5.0, 3.0).to_yx(), [3.0, 5.0]);
    }

    #[test]
    fn only_points_on_the_image_are_inside() {
        let size = Size::new(10, 20);
        for (x, y, inside) in [
            (0.0, 0.0, true),
            (-0.5, 19.5, true),
            (10.0, 20.0, true),
            (-0.6, 3.0, false),
            (10.1, 3.0, false),
            (3.0, 20.1, false),
            (f32::NAN, 3.0, false),
            (3.0, f32::INFINITY, false),
        ] {
            assert_eq!(size.contains(Point::new(x, y)), inside, "({x}, {y})");
        }
    }

    proptest! {
        #[test]
        fn image_to_model_and_back_is_the_identity(
            width in 1_usize..6000, height in 1_usize..6000, u in 0_f32..1.0, v in 0_f32..1.0,
        ) {
            let (image, model) = (Size::new(width, height), Size::new(256, 512));
            let point = Point::new(u * width as f32, v * height as f32);
            let back = point.rescaled(image, model).rescaled(model, image);
            prop_assert!(point.distance(back) < 1e-3, "{point:?} came back as {back:?}");
        }
    }
}
