use std::ops::{Add, Mul, Sub};

use ikem_core::{Keypoints, Point};

use crate::Error;

/// A place or a direction in f64: angles near zero need the digits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Vector {
    pub x: f64,
    pub y: f64,
}

impl Vector {
    pub fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }

    pub fn cross(self, other: Self) -> f64 {
        self.x * other.y - self.y * other.x
    }

    pub fn length(self) -> f64 {
        self.dot(self).sqrt()
    }
}

impl From<Point> for Vector {
    fn from(point: Point) -> Self {
        Self { x: point.x.into(), y: point.y.into() }
    }
}

impl Add for Vector {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y }
    }
}

impl Sub for Vector {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y }
    }
}

impl Mul<f64> for Vector {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self { x: self.x * factor, y: self.y * factor }
    }
}

/// The corners of a vertebra as seen on the image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vertebra {
    pub top_left: Vector,
    pub top_right: Vector,
    pub bottom_left: Vector,
    pub bottom_right: Vector,
}

impl Vertebra {
    /// The upper end plate, from left to right.
    pub fn upper_plate(&self) -> Vector {
        self.top_right - self.top_left
    }

    /// The lower end plate, from left to right.
    pub fn lower_plate(&self) -> Vector {
        self.bottom_right - self.bottom_left
    }

    /// From the middle of the left side to the middle of the right side.
    pub fn middle(&self) -> Vector {
        (self.top_right + self.bottom_right) * 0.5 - (self.top_left + self.bottom_left) * 0.5
    }

    pub fn upper_midpoint(&self) -> Vector {
        (self.top_left + self.top_right) * 0.5
    }

    pub fn lower_midpoint(&self) -> Vector {
        (self.bottom_left + self.bottom_right) * 0.5
    }

    pub fn centre(&self) -> Vector {
        (self.upper_midpoint() + self.lower_midpoint()) * 0.5
    }
}

/// The vertebrae of keypoints that are their corners: top left, top right, bottom left, bottom right, from the top.
/// Each of the directions that `directions` takes from a vertebra has a length.
pub(super) fn vertebrae<const N: usize>(
    keypoints: &Keypoints,
    directions: fn(&Vertebra) -> [Vector; N],
) -> Result<Vec<Vertebra>, Error> {
    let (fours, rest) = keypoints.as_chunks::<4>();
    if fours.len() < 2 || !rest.is_empty() {
        return Err(Error::Corners { found: keypoints.len() });
    }
    fours
        .iter()
        .map(|four| four.map(Vector::from))
        .map(|[top_left, top_right, bottom_left, bottom_right]| Vertebra {
            top_left,
            top_right,
            bottom_left,
            bottom_right,
        })
        .enumerate()
        .map(|(vertebra, corners)| {
            let has_length = |direction: &Vector| {
                let length = direction.length();
                length > 0.0 && length.is_finite()
            };
            directions(&corners).iter().all(has_length).then_some(corners).ok_or(Error::Tilt { vertebra })
        })
        .collect()
}
