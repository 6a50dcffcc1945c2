//! Synthetic revisers and spines.

use std::convert::Infallible;

use ikem_core::{Hint, Hints, Keypoints, Point, Reviser};

/// After a correction, every other keypoint keeps this fraction of its error.
pub(crate) struct Shrinking {
    pub labels: Keypoints,
    pub raw: Keypoints,
    pub hints: Hints,
    pub factor: f32,
}

impl Reviser for Shrinking {
    type Error = Infallible;
    fn raw_keypoints(&self) -> &Keypoints {
        &self.raw
    }
    fn keypoints(&self) -> Keypoints {
        self.hints.applied_to(&self.raw)
    }
    fn revise(&mut self, hint: Hint) -> Result<(), Infallible> {
        self.hints.set(hint);
        let nearer = |(found, label): (&Point, &Point)| *label + (*found - *label) * self.factor;
        self.raw = self.raw.iter().zip(self.labels.iter()).map(nearer).collect();
        Ok(())
    }
}

/// 17 vertebrae, each tilted by so many degrees (clockwise on the image).
pub(crate) fn spine(tilt: impl Fn(usize) -> f64) -> Keypoints {
    let corners = |vertebra: usize| {
        let (sin, cos) = tilt(vertebra).to_radians().sin_cos();
        let (x, y) = (300.0 + 20.0 * (vertebra as f64 / 2.5).sin(), 100.0 + 40.0 * vertebra as f64);
        [(-25.0, -15.0), (25.0, -15.0), (-25.0, 15.0), (25.0, 15.0)]
            .map(|(u, v)| Point::new((x + u * cos - v * sin) as f32, (y + u * sin + v * cos) as f32))
    };
    (0..17).flat_map(corners).collect()
}
