use ikem_core::{Draw, Hint, Hints, Keypoints, Point, Size};

use super::config::Placing;

/// The hints that an image can get: at keypoints on the image, which those that are not seen never are, that have none
/// yet unless repeats are allowed.
pub(super) struct Choice<'a> {
    pub targets: &'a Keypoints,
    pub grid: Size,
    pub placing: Placing,
}

impl Choice<'_> {
    /// `count` hints at different random keypoints, or as many as there are candidates.
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

    /// A hint at one of the `among` keypoints whose predictions are farthest off.
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
        // The sort is stable: of equal errors, the first keypoint wins.
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

    /// A hint at the keypoint's label, displaced by the imprecision of a click and clamped to the grid.
    fn hint(&self, keypoint: usize, draw: &mut Draw) -> Hint {
        let label = self.targets[keypoint];
        if self.placing.error == 0.0 {
            return Hint::new(keypoint, label);
        }
        let [x, y] = draw.normal_pair().map(|normal| (self.placing.error * normal) as f32);
        let point = self.grid.nearest(label + Point::new(x, y));
        Hint::new(keypoint, point)
    }
}
