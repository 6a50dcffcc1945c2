use std::ops::{Add, Mul, Sub};

use crate::geometry::Point;

/// A position or a direction in the plane, in double precision; x to the right, y down.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Vector {
    /// The x component.
    pub x: f64,
    /// The y component.
    pub y: f64,
}

impl Vector {
    /// The vector (`x`, `y`).
    #[must_use]
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// The dot product.
    #[must_use]
    pub fn dot(self, other: Self) -> f64 {
        self.x * other.x + self.y * other.y
    }

    /// The z component of the cross product; positive when `other` points clockwise of this vector on the image.
    #[must_use]
    pub fn cross(self, other: Self) -> f64 {
        self.x * other.y - self.y * other.x
    }

    /// The Euclidean length.
    #[must_use]
    pub fn length(self) -> f64 {
        self.dot(self).sqrt()
    }
}

impl From<[f64; 2]> for Vector {
    fn from([x, y]: [f64; 2]) -> Self {
        Self { x, y }
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
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Vector {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f64> for Vector {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_length() {
        let (right, down) = (Vector::new(3.0, 0.0), Vector::from(Point::new(0.0, 4.0)));
        assert_eq!((right.dot(down), right.cross(down), down.cross(right)), (0.0, 12.0, -12.0));
        assert_eq!((right + down).length(), 5.0);
        assert_eq!((right - down) * 2.0, Vector::new(6.0, -8.0));
    }
}
