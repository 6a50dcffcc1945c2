use ikem_core::{Keypoints, Point};

use super::{COLUMN, Film, center};

/// The fewest vertebrae in which marks and prediction must overlap for a count to be compared.
const OVERLAP: usize = 14;
/// The most that the centres may differ on average for a count to be believed, over the distance between neighbours.
const AGREES: f32 = 0.25;
/// The least by which each other count must differ.
const DIFFERS: f32 = 0.6;

impl Film {
    /// The film's vertebrae as the 68 keypoints of T1–L5, named by agreement with a prediction: where exactly one way of
    /// counting them puts each close to the predicted vertebra of that name. `None` where no count or more than one does, and
    /// where T1 to L5 are not all marked.
    ///
    /// Both are in pixels of the film; `predicted` has the keypoints of the spine's skeleton.
    #[must_use]
    pub fn named(&self, predicted: &Keypoints) -> Option<Keypoints> {
        let marked: Vec<Point> = self.vertebrae.iter().map(center).collect();
        let expected: Vec<Point> =
            predicted.chunks_exact(4).filter_map(|corners| Some(center(corners.try_into().ok()?))).collect();
        if expected.len() != COLUMN || !marked.is_sorted_by(|a, b| a.y < b.y) {
            return None;
        }
        let spacing =
            expected.windows(2).map(|pair| pair[0].distance(pair[1])).sum::<f32>() / (COLUMN - 1) as f32;
        // How far off the marks are when the mark at `first` is called T1; it may be above the first that there is.
        let off = |first: isize| {
            let pairs = expected.iter().enumerate().filter_map(|(level, expected)| {
                let place = usize::try_from(first + level as isize).ok()?;
                Some(marked.get(place)?.distance(*expected))
            });
            let offs: Vec<f32> = pairs.collect();
            (offs.len() >= OVERLAP).then(|| offs.iter().sum::<f32>() / (offs.len() as f32 * spacing))
        };
        let slack = (COLUMN - OVERLAP) as isize;
        let counts = -slack..=marked.len() as isize - COLUMN as isize + slack;
        let offs: Vec<(isize, f32)> = counts.filter_map(|first| Some((first, off(first)?))).collect();
        let &(first, least) = offs.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let others = offs.iter().filter(|(other, _)| *other != first);
        if least > AGREES || others.map(|&(_, off)| off).any(|off| off < DIFFERS) {
            return None;
        }
        let first = usize::try_from(first).ok()?;
        Some(self.vertebrae.get(first..first + COLUMN)?.iter().flatten().copied().collect())
    }
}
