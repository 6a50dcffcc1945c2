use ikem_core::{Keypoints, Point};

use super::{COLUMN, Film, center};

/// The smallest number of vertebrae shared by marks and prediction for a count to be considered.
const OVERLAP: usize = 14;
/// The largest mean distance between centroids for a count to be accepted, relative to the vertebral spacing.
const AGREES: f32 = 0.25;
/// The smallest mean distance that all other counts must have, relative to the vertebral spacing.
const DIFFERS: f32 = 0.6;

impl Film {
    /// Names the vertebrae as T1–L5 by agreement with a prediction, and returns them as 68 keypoints. Tries all ways to
    /// count the marks and accepts one if it alone puts the marks close to the predicted vertebrae of the same names.
    /// `None` if no count or several agree, or if T1 to L5 are not all marked.
    ///
    /// Both are in pixels of the film; `predicted` must have the keypoints of
    /// [`Skeleton::spine`](ikem_core::Skeleton::spine).
    #[must_use]
    pub fn named(&self, predicted: &Keypoints) -> Option<Keypoints> {
        let first = usize::try_from(self.first_of(predicted)?).ok()?;
        Some(self.vertebrae.get(first..first + COLUMN)?.iter().flatten().copied().collect())
    }

    /// As [`named`](Self::named), but up to three vertebrae at the ends need not be marked: their corners are the predicted ones.
    #[must_use]
    pub fn named_in_part(&self, predicted: &Keypoints) -> Option<Keypoints> {
        let first = self.first_of(predicted)?;
        let corners = |(level, predicted): (usize, &[Point])| {
            let mark =
                usize::try_from(first + level as isize).ok().and_then(|index| self.vertebrae.get(index));
            mark.map_or_else(|| predicted.to_vec(), |mark| mark.to_vec())
        };
        Some(predicted.chunks_exact(4).enumerate().flat_map(corners).collect())
    }

    /// The index of T1 among the marks in the only count that agrees; below 0 where the first vertebrae are not marked.
    fn first_of(&self, predicted: &Keypoints) -> Option<isize> {
        let marked: Vec<Point> = self.vertebrae.iter().map(center).collect();
        let expected: Vec<Point> =
            predicted.chunks_exact(4).filter_map(|corners| Some(center(corners.try_into().ok()?))).collect();
        if expected.len() != COLUMN || !marked.is_sorted_by(|a, b| a.y < b.y) {
            return None;
        }
        let spacing =
            expected.windows(2).map(|pair| pair[0].distance(pair[1])).sum::<f32>() / (COLUMN - 1) as f32;
        // The mean distance if the mark `first` is T1; `first` may lie beyond the marks on either side.
        let off = |first: isize| {
            let pairs = expected.iter().enumerate().filter_map(|(level, expected)| {
                let index = usize::try_from(first + level as isize).ok()?;
                Some(marked.get(index)?.distance(*expected))
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
        Some(first)
    }
}
