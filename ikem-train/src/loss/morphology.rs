use std::path::Path;

use candle_core::{Result as CandleResult, Tensor};
use ikem_core::{FieldError, Keypoints, Point};
use ikem_data::{read_json, write_json};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::MorphologyConfig;
use super::terms::{magnitude, mean_of};
use crate::error::Result;

/// Added to squared lengths before their square roots, so that coinciding keypoints have a gradient (0).
const TINY: f64 = 1e-12;

/// The distances and angles that the morphology-aware loss compares with those of the labels.
///
/// In JSON, an object with both lists or, as published, an array of the two.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Morphology {
    /// The two keypoints of each distance.
    pub distances: Vec<[usize; 2]>,
    /// The keypoints of each angle: its vertex, then the ends of its arms.
    pub angles: Vec<[usize; 3]>,
}

impl MorphologyConfig {
    /// The distances and angles of the file or, without a file, those selected on the `training` labels (pixels of the
    /// grid); `None` when the term has weight 0.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn morphology(&self, training: &[Keypoints]) -> Result<Option<Morphology>> {
        if self.weight == 0.0 {
            return Ok(None);
        }
        self.file.as_deref().map_or_else(
            || Ok(Some(Morphology::of_training_set(training, self.distances, self.angles))),
            |file| Morphology::read(file).map(Some),
        )
    }
}

impl Morphology {
    /// Selects the `distances` pairs whose distance has the least coefficient of variation and the `angles` triples
    /// whose angle has the least circular variance over the keypoints (pixels of the grid); ordered by it, ties by
    /// their indices.
    #[must_use]
    pub fn of_training_set(keypoints: &[Keypoints], distances: usize, angles: usize) -> Self {
        let count = keypoints.iter().map(|points| points.len()).min().unwrap_or(0);
        let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| [a, b])).collect();
        let triples = (0..count).flat_map(|vertex| {
            let others = move |from: usize| (from..count).filter(move |&end| end != vertex);
            others(0).flat_map(move |a| others(a + 1).map(move |b| [vertex, a, b]))
        });
        Self {
            distances: least(pairs, distances, |&pair| relative_deviation(keypoints, pair)),
            angles: least(triples.collect(), angles, |&triple| circular_variance(keypoints, triple)),
        }
    }

    /// Reads a JSON file.
    ///
    /// # Errors
    /// When the file cannot be read or has other content.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(read_json(path, "list of distances and angles")?)
    }

    /// Writes a JSON file atomically.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(write_json(path, self)?)
    }

    /// Checks that every pair and triple has different keypoints below `count`.
    pub(super) fn check(&self, count: usize) -> Result<(), FieldError> {
        let distances = self.distances.iter().map(<[usize; 2]>::as_slice);
        let all = distances.chain(self.angles.iter().map(<[usize; 3]>::as_slice));
        for list in all {
            let known = list.iter().all(|&keypoint| keypoint < count);
            let different = list.iter().enumerate().all(|(i, keypoint)| !list[..i].contains(keypoint));
            if !(known && different) {
                let expected = format!("different keypoints below {count}");
                return Err(FieldError::new("loss.morphology", expected, format!("{list:?}")));
            }
        }
        Ok(())
    }

    /// The mean absolute difference of distances plus the mean of 1 − cos of the difference of angles, for keypoints of
    /// shape (B, K, 2). If some keypoints of the batch are not seen, `labels` says which; what contains one does not count.
    pub(super) fn loss(
        &self,
        points: &Tensor,
        targets: &Tensor,
        labels: Option<&[Keypoints]>,
    ) -> CandleResult<Tensor> {
        let mut terms = Vec::new();
        if !self.distances.is_empty() {
            let lengths = |points: &Tensor| {
                let [a, b] = select(points, &self.distances)?;
                ((b - a)?.sqr()?.sum(2)? + TINY)?.sqrt()
            };
            let counts = labels.map(|labels| all_seen(&self.distances, labels, points)).transpose()?;
            terms.push(mean_of(&magnitude(&(lengths(points)? - lengths(targets)?)?)?, counts.as_ref())?);
        }
        if !self.angles.is_empty() {
            let (found, expected) = (self.directions(points)?, self.directions(targets)?);
            let counts = labels.map(|labels| all_seen(&self.angles, labels, points)).transpose()?;
            let off = (found * expected)?.sum(2)?.affine(-1.0, 1.0)?;
            terms.push(mean_of(&off, counts.as_ref())?);
        }
        match terms.as_slice() {
            [] => Tensor::zeros((), points.dtype(), points.device()),
            [term] => Ok(term.clone()),
            [first, second, ..] => first + second,
        }
    }

    /// The cosine and sine of every angle, of shape (B, angles, 2), from dot and cross products of its arms: unlike the
    /// arctangent, these are continuous.
    fn directions(&self, points: &Tensor) -> CandleResult<Tensor> {
        let [vertex, a, b] = select(points, &self.angles)?;
        let (u, v) = ((a - &vertex)?, (b - &vertex)?);
        let dot = (&u * &v)?.sum_keepdim(2)?;
        let axis = |t: &Tensor, axis| t.narrow(2, axis, 1);
        let cross = ((axis(&u, 0)? * axis(&v, 1)?)? - (axis(&u, 1)? * axis(&v, 0)?)?)?;
        let length = ((dot.sqr()? + cross.sqr()?)? + TINY)?.sqrt()?;
        Tensor::cat(&[dot, cross], 2)?.broadcast_div(&length)
    }
}

/// 1 for each list whose keypoints are all seen, otherwise 0: (B, lists), with the type and device of `like`.
fn all_seen<const N: usize>(
    lists: &[[usize; N]],
    labels: &[Keypoints],
    like: &Tensor,
) -> CandleResult<Tensor> {
    let is_seen = |points: &Keypoints, list: &[usize; N]| {
        list.iter().all(|&keypoint| points.get(keypoint).is_some_and(|point| !point.is_absent()))
    };
    let counts =
        labels.iter().flat_map(|points| lists.iter().map(|list| f32::from(u8::from(is_seen(points, list)))));
    let counts: Vec<f32> = counts.collect();
    Tensor::from_vec(counts, (labels.len(), lists.len()), like.device())?.to_dtype(like.dtype())
}

/// Selects from keypoints of shape (B, K, 2) those at each position of `lists`, N tensors of shape (B, lists, 2).
fn select<const N: usize>(points: &Tensor, lists: &[[usize; N]]) -> CandleResult<[Tensor; N]> {
    let mut selected = [const { None }; N];
    for (place, selected) in selected.iter_mut().enumerate() {
        let indices: Vec<u32> = lists.iter().map(|list| list[place] as u32).collect();
        *selected = Some(points.index_select(&Tensor::new(indices, points.device())?, 1)?);
    }
    match selected.into_iter().collect::<Option<Vec<_>>>().map(<[Tensor; N]>::try_from) {
        Some(Ok(selected)) => Ok(selected),
        _ => candle_core::bail!("expected {N} places"),
    }
}

/// The `count` items of `all` with the least variation.
fn least<T: Send + Sync + Copy + Ord>(
    all: Vec<T>,
    count: usize,
    variation: impl Fn(&T) -> f64 + Sync,
) -> Vec<T> {
    let mut ranked: Vec<(f64, T)> = all.into_par_iter().map(|item| (variation(&item), item)).collect();
    ranked.par_sort_unstable_by(|(a, first), (b, second)| a.total_cmp(b).then_with(|| first.cmp(second)));
    ranked.into_iter().take(count).map(|(_, item)| item).collect()
}

/// The images on which all `wanted` keypoints are seen.
fn with<'a, const N: usize>(
    keypoints: &'a [Keypoints],
    wanted: &'a [usize; N],
) -> impl Iterator<Item = &'a Keypoints> {
    keypoints.iter().filter(|points| wanted.iter().all(|&keypoint| !points[keypoint].is_absent()))
}

/// The coefficient of variation of a distance; infinite if its mean is 0.
fn relative_deviation(keypoints: &[Keypoints], pair: [usize; 2]) -> f64 {
    let [a, b] = pair;
    let lengths = || with(keypoints, &pair).map(|points| f64::from(points[a].distance(points[b])));
    let count = lengths().count() as f64;
    let mean = lengths().sum::<f64>() / count;
    let variance = lengths().map(|length| (length - mean).powi(2)).sum::<f64>() / count;
    let relative = variance.sqrt() / mean;
    if relative.is_finite() { relative } else { f64::INFINITY }
}

/// 1 − the length of the mean direction; 1, its maximum, if an angle is undefined.
fn circular_variance(keypoints: &[Keypoints], triple: [usize; 3]) -> f64 {
    let [vertex, a, b] = triple;
    let (mut cosines, mut sines, mut images) = (0.0, 0.0, 0.0);
    for points in with(keypoints, &triple) {
        images += 1.0;
        let arm = |end: usize| {
            let Point { x, y } = points[end] - points[vertex];
            (f64::from(x), f64::from(y))
        };
        let ((ux, uy), (vx, vy)) = (arm(a), arm(b));
        let (dot, cross) = (ux * vx + uy * vy, ux * vy - uy * vx);
        let length = dot.hypot(cross);
        cosines += dot / length;
        sines += cross / length;
    }
    let variance = 1.0 - cosines.hypot(sines) / images;
    if variance.is_finite() { variance } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four keypoints: 0, 1 and 2 are a rigid triangle that moves, rotates and grows; 3 moves independently.
    fn training_set() -> Vec<Keypoints> {
        let image = |i: usize| {
            let t = i as f32;
            let (sine, cosine) = (0.2 * t).sin_cos();
            let scale = 1.0 + 0.1 * t;
            let place = |x: f32, y: f32| {
                Point::new(
                    50.0 + t + scale * (cosine * x - sine * y),
                    40.0 - t + scale * (sine * x + cosine * y),
                )
            };
            vec![
                place(0.0, 0.0),
                place(10.0, 0.0),
                place(0.0, 20.0),
                Point::new(7.0 * t * t, 90.0 - 11.0 * t),
            ]
        };
        (0..6).map(|i| Keypoints::from(image(i))).collect()
    }

    #[test]
    fn the_least_varying_relations_are_selected() {
        let set = training_set();
        let found = Morphology::of_training_set(&set, 3, 3);
        let mut pairs = found.distances.clone();
        pairs.sort_unstable();
        assert_eq!(pairs, [[0, 1], [0, 2], [1, 2]]);
        let mut triples = found.angles.clone();
        triples.sort_unstable();
        assert_eq!(triples, [[0, 1, 2], [1, 0, 2], [2, 0, 1]]);
        // The triangle's angles are constant, and its sides grow proportionally.
        let growth = |pair| relative_deviation(&set, pair);
        assert!((growth([0, 1]) - growth([1, 2])).abs() < 1e-5 && growth([0, 1]) > 0.1);
        assert!(circular_variance(&set, [0, 1, 2]) < 1e-9);
        assert!(circular_variance(&set, [3, 1, 2]) > 1e-3);
    }

    #[test]
    fn deviations_match_their_definition() {
        let lengths = [3.0_f32, 5.0, 10.0];
        let set = lengths.map(|x| Keypoints::from(vec![Point::new(1.0, 1.0), Point::new(1.0 + x, 1.0)]));
        let mean = 6.0;
        let variance: f64 = (9.0 + 1.0 + 16.0) / 3.0;
        assert!((relative_deviation(&set, [0, 1]) - variance.sqrt() / mean).abs() < 1e-9);
        // Right angles to either side: the mean direction is 0.
        let turned = [1.0_f32, -1.0]
            .map(|y| Keypoints::from(vec![Point::new(0.0, 0.0), Point::new(2.0, 0.0), Point::new(0.0, y)]));
        assert!((circular_variance(&turned, [0, 1, 2]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn at_most_all_relations_are_selected() {
        let set = training_set();
        let found = Morphology::of_training_set(&set, 100, 100);
        assert_eq!((found.distances.len(), found.angles.len()), (6, 12));
        assert_eq!(Morphology::of_training_set(&[], 5, 5), Morphology::default());
        // Coinciding keypoints have an undefined coefficient of variation and are sorted last.
        let mut same = set;
        same.iter_mut().for_each(|points| points[3] = points[0]);
        assert_eq!(Morphology::of_training_set(&same, 6, 0).distances.last(), Some(&[0, 3]));
    }

    #[test]
    fn files_may_be_objects_or_arrays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pairs.json");
        let morphology = Morphology { distances: vec![[0, 1], [5, 2]], angles: vec![[3, 1, 2]] };
        morphology.write(&file).expect("written");
        assert_eq!(Morphology::read(&file).expect("read"), morphology);
        std::fs::write(&file, "[[[0, 1], [5, 2]], [[3, 1, 2]]]").expect("written");
        assert_eq!(Morphology::read(&file).expect("read"), morphology);
        let config = |weight| MorphologyConfig { weight, file: Some(file.clone()), ..Default::default() };
        assert_eq!(config(0.5).morphology(&[]).expect("read"), Some(morphology));
        std::fs::write(&file, "[[[0, 1, 2]], []]").expect("written");
        let message = config(0.5).morphology(&[]).expect_err("three of a pair").to_string();
        assert!(message.contains("pairs.json"), "{message}");
        assert_eq!(config(0.0).morphology(&[]).expect("not read"), None);
    }
}
