use ikem_core::{Hint, Hints, Keypoints, Point, Size};
use ikem_data::Draw;

use super::config::Placing;

/// The hints that can be given to an image: of keypoints that are on it and, where there are no repeats, have none yet.
pub(super) struct Choice<'a> {
    pub targets: &'a Keypoints,
    pub grid: Size,
    pub placing: Placing,
}

impl Choice<'_> {
    /// `count` hints at different keypoints, fewer where there are not as many.
    pub(super) fn random(&self, hints: &Hints, count: usize, draw: &mut Draw) -> Vec<Hint> {
        let mut candidates = self.candidates(hints);
        let count = count.min(candidates.len());
        for i in 0..count {
            let left = (candidates.len() - i) as u64;
            candidates.swap(i, i + draw.below(left) as usize);
        }
        candidates.truncate(count);
        candidates.into_iter().map(|keypoint| self.hint(keypoint, draw)).collect()
    }

    /// A hint at one of the `among` keypoints that `predicted` has farthest from their places.
    pub(super) fn worst(
        &self,
        hints: &Hints,
        predicted: &Keypoints,
        among: usize,
        draw: &mut Draw,
    ) -> Option<Hint> {
        let mut candidates = self.candidates(hints);
        let error =
            |k: usize| predicted.get(k).map_or(f32::INFINITY, |point| point.distance(self.targets[k]));
        // Of equal errors the first, so that nothing depends on how sorting works.
        candidates.sort_by(|&a, &b| error(b).total_cmp(&error(a)));
        candidates.truncate(among.max(1));
        if candidates.is_empty() {
            return None;
        }
        let place = draw.below(candidates.len() as u64) as usize;
        candidates.get(place).map(|&keypoint| self.hint(keypoint, draw))
    }

    fn candidates(&self, hints: &Hints) -> Vec<usize> {
        let free = |keypoint: usize| self.placing.repeats || hints.get(keypoint).is_none();
        let all = self.targets.iter().enumerate();
        all.filter(|&(k, &point)| self.grid.contains(point) && free(k)).map(|(k, _)| k).collect()
    }

    /// The keypoint's own place, or near it as a hand puts it: a Gaussian by Box and Muller, kept on the grid.
    fn hint(&self, keypoint: usize, draw: &mut Draw) -> Hint {
        let Point { x, y } = self.targets[keypoint];
        if self.placing.error == 0.0 {
            return Hint::new(keypoint, self.targets[keypoint]);
        }
        let radius = self.placing.error * (-2.0 * (1.0 - draw.unit()).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * draw.unit()).sin_cos();
        let moved =
            |at: f32, by: f64, extent: usize| (at + by as f32).clamp(0.0, extent.saturating_sub(1) as f32);
        let point =
            Point::new(moved(x, radius * cosine, self.grid.width), moved(y, radius * sine, self.grid.height));
        Hint::new(keypoint, point)
    }
}
