use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

use crate::geometry::{Point, Size};

/// The K keypoints of one image, in skeleton order.
///
/// Dereferences to a slice of points.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keypoints(Vec<Point>);

impl Keypoints {
    /// The same keypoints after an image of size `from` was resized to `to`.
    #[must_use]
    pub fn rescaled(&self, from: Size, to: Size) -> Self {
        self.iter().map(|point| point.rescaled(from, to)).collect()
    }

    /// The distance of every keypoint to its counterpart in `other`, in pixels; as many as the shorter of the two has.
    pub fn distances<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = f32> + 'a {
        self.iter().zip(other.iter()).map(|(a, b)| a.distance(*b))
    }
}

impl From<Vec<Point>> for Keypoints {
    fn from(points: Vec<Point>) -> Self {
        Self(points)
    }
}

impl FromIterator<Point> for Keypoints {
    fn from_iter<I: IntoIterator<Item = Point>>(points: I) -> Self {
        Self(points.into_iter().collect())
    }
}

impl Deref for Keypoints {
    type Target = [Point];
    fn deref(&self) -> &[Point] {
        &self.0
    }
}

impl DerefMut for Keypoints {
    fn deref_mut(&mut self) -> &mut [Point] {
        &mut self.0
    }
}
