use crate::error::Error;
use crate::geometry::Point;
use crate::hints::Hint;
use crate::keypoints::Keypoints;

/// The nugget (diagonal regularisation) of the Gaussian process, relative to the mean variance. It keeps the solution
/// stable for hints at neighbouring keypoints.
const OWN: f64 = 0.05;

/// The covariance of the errors of a network's keypoints, separately for each axis.
///
/// A network that miscounts vertebrae is off by about the same displacement at all of them: once a hint reveals one
/// error, most of the others are known, too. Given the errors at hinted keypoints, the conditional mean of the
/// remaining errors under a joint normal distribution is linear in them (Gaussian process regression; Rasmussen and
/// Williams 2006, equation 2.23).
///
/// Only relative values matter: multiplying all of them by a constant changes no correction.
/// ```
/// use ikem_core::{ErrorCovariance, Hint, Keypoints, Point};
///
/// // Two keypoints that are always wrong by the same in y, and independent in x.
/// let together = ErrorCovariance::new(2, vec![1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0])?;
/// let predicted = Keypoints::from(vec![Point::new(10.0, 10.0), Point::new(10.0, 50.0)]);
/// let moved = together.moved(&predicted, &[Hint::new(0, Point::new(31.0, 31.0))]);
/// assert!(moved[1].distance(Point::new(10.0, 70.0)) < 1e-3);
/// # Ok::<(), ikem_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorCovariance {
    keypoints: usize,
    /// K × K values for x, then K × K for y.
    values: Vec<f32>,
}

impl ErrorCovariance {
    /// A covariance of the errors of `keypoints` keypoints: K × K row-major values for x, then K × K for y.
    ///
    /// # Errors
    /// [`Error::Length`] unless there are 2 × K × K values; [`Error::Covariance`] when one is not finite or a variance
    /// is not positive.
    pub fn new(keypoints: usize, values: Vec<f32>) -> Result<Self, Error> {
        let expected = keypoints.max(1).saturating_mul(keypoints.max(1)).saturating_mul(2);
        if values.len() != expected || keypoints == 0 {
            return Err(Error::Length { what: "error covariance", expected, found: values.len() });
        }
        for (index, &value) in values.iter().enumerate() {
            let (row, column) = (index / keypoints % keypoints, index % keypoints);
            if !value.is_finite() || (row == column && value <= 0.0) {
                return Err(Error::Covariance { row, column, value });
            }
        }
        Ok(Self { keypoints, values })
    }

    /// Fits the covariance to observed errors: for each image, the K predicted and the K labelled keypoints. Every
    /// image has the same weight, regardless of the size of its errors. `None` when the error of some keypoint in x,
    /// or in y, is zero on every image.
    ///
    /// # Errors
    /// [`Error::Length`] when an image does not have `keypoints` predicted and labelled keypoints.
    pub fn of<'a>(
        keypoints: usize,
        images: impl IntoIterator<Item = (&'a Keypoints, &'a Keypoints)>,
    ) -> Result<Option<Self>, Error> {
        let square = keypoints * keypoints;
        let mut sums = vec![0.0_f64; 2 * square];
        for (predicted, target) in images {
            for points in [predicted, target] {
                if points.len() != keypoints {
                    let (what, expected) = ("keypoints", keypoints);
                    return Err(Error::Length { what, expected, found: points.len() });
                }
            }
            let errors: Vec<Point> = predicted.iter().zip(target.iter()).map(|(&a, &b)| a - b).collect();
            let squares: f64 = errors.iter().map(|e| f64::from(e.x).powi(2) + f64::from(e.y).powi(2)).sum();
            if !squares.is_finite() || squares == 0.0 {
                continue;
            }
            for (axis, sums) in sums.chunks_exact_mut(square).enumerate() {
                for (row, &a) in sums.chunks_exact_mut(keypoints).zip(&errors) {
                    for (sum, &b) in row.iter_mut().zip(&errors) {
                        *sum += coordinate(a, axis) * coordinate(b, axis) / squares;
                    }
                }
            }
        }
        let mut values = Vec::with_capacity(sums.len());
        for sums in sums.chunks_exact(square) {
            let variance = sums.iter().step_by(keypoints + 1).sum::<f64>() / keypoints as f64;
            values.extend(sums.iter().map(|sum| (sum / variance) as f32));
        }
        Ok(Self::new(keypoints, values).ok())
    }

    /// The number of keypoints.
    #[must_use]
    pub const fn keypoints(&self) -> usize {
        self.keypoints
    }

    /// The values, in the order of [`new`](Self::new).
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// `predicted`, with each point corrected by the expected error given `hints`. Both are in pixels of the same grid;
    /// hints of unknown keypoints are ignored.
    #[must_use]
    pub fn moved(&self, predicted: &Keypoints, hints: &[Hint]) -> Keypoints {
        let mut moved = predicted.clone();
        let known = |hint: &&Hint| hint.keypoint < self.keypoints.min(predicted.len());
        let hints: Vec<&Hint> = hints.iter().filter(known).collect();
        for (axis, covariance) in self.values.chunks_exact(self.keypoints * self.keypoints).enumerate() {
            let error = |hint: &&Hint| coordinate(hint.point - predicted[hint.keypoint], axis);
            let errors = hints.iter().map(error).collect();
            let Some(weights) = self.weights(covariance, &hints, errors) else { continue };
            for (point, row) in moved.iter_mut().zip(covariance.chunks_exact(self.keypoints)) {
                let terms = hints.iter().zip(&weights);
                let by: f64 = terms.map(|(hint, weight)| f64::from(row[hint.keypoint]) * weight).sum();
                *if axis == 0 { &mut point.x } else { &mut point.y } += by as f32;
            }
        }
        if moved.iter().all(|point| point.is_finite()) { moved } else { predicted.clone() }
    }

    /// The weights of the errors at the hints: the expected error of a keypoint is the weighted sum of its covariances
    /// with the hinted ones. `None` when the covariance matrix is not positive definite.
    fn weights(&self, covariance: &[f32], hints: &[&Hint], errors: Vec<f64>) -> Option<Vec<f64>> {
        let variances = covariance.iter().step_by(self.keypoints + 1);
        let own = OWN * variances.map(|&variance| f64::from(variance)).sum::<f64>() / self.keypoints as f64;
        let between = |a: &Hint, b: &Hint| f64::from(covariance[a.keypoint * self.keypoints + b.keypoint]);
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(hints.len());
        for (i, a) in hints.iter().enumerate() {
            rows.push(hints[..=i].iter().map(|b| between(a, b)).collect());
            rows[i][i] += own;
        }
        solve(rows, errors)
    }
}

fn coordinate(point: Point, axis: usize) -> f64 {
    f64::from(if axis == 0 { point.x } else { point.y })
}

/// Solves a symmetric positive definite system, of which `rows` holds the lower triangle, by Cholesky decomposition.
/// `None` when it is not positive definite.
fn solve(mut rows: Vec<Vec<f64>>, mut values: Vec<f64>) -> Option<Vec<f64>> {
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    for i in 0..rows.len() {
        let (done, rest) = rows.split_at_mut(i);
        let row = &mut rest[0];
        for (j, factor) in done.iter().enumerate() {
            row[j] = (row[j] - dot(&row[..j], &factor[..j])) / factor[j];
        }
        let pivot = row[i] - dot(&row[..i], &row[..i]);
        if pivot.is_nan() || pivot <= 0.0 {
            return None;
        }
        row[i] = pivot.sqrt();
        values[i] = (values[i] - dot(&row[..i], &values[..i])) / row[i];
    }
    for i in (0..rows.len()).rev() {
        values[i] /= rows[i][i];
        let value = values[i];
        for (above, factor) in values[..i].iter_mut().zip(&rows[i]) {
            *above -= value * factor;
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Predictions with the given errors, one image per row.
    fn images(rows: &[Vec<(f32, f32)>]) -> Vec<(Keypoints, Keypoints)> {
        let image = |row: &Vec<(f32, f32)>| {
            let target: Keypoints = (0..row.len()).map(|k| Point::new(10.0 * k as f32, 100.0)).collect();
            let predicted = target.iter().zip(row).map(|(&p, &(x, y))| p + Point::new(x, y)).collect();
            (predicted, target)
        };
        rows.iter().map(image).collect()
    }

    fn of(rows: &[Vec<(f32, f32)>]) -> ErrorCovariance {
        let images = images(rows);
        let pairs = images.iter().map(|(predicted, target)| (predicted, target));
        ErrorCovariance::of(rows[0].len(), pairs).expect("keypoints").expect("errors")
    }

    #[test]
    fn perfectly_correlated_errors_are_corrected_together() {
        // In y, all three errors are equal; in x, the first two are opposite and the third is independent.
        let covariance =
            of(&[vec![(1.0, 2.0), (-1.0, 2.0), (0.0, 2.0)], vec![(0.0, -8.0), (0.0, -8.0), (4.0, -8.0)]]);
        let predicted: Keypoints = (0..3).map(|k| Point::new(10.0 * k as f32, 100.0)).collect();
        let moved = covariance.moved(&predicted, &[Hint::new(0, Point::new(6.0, 121.0))]);
        let by: Vec<Point> = moved.iter().zip(predicted.iter()).map(|(&a, &b)| a - b).collect();
        assert!((by[0].x + by[1].x).abs() < 1e-4 && by[0].x > 3.0 && by[2].x == 0.0, "{by:?}");
        // Each moves by 20 of 21 pixels; the nugget keeps the rest.
        assert!(by.iter().all(|by| (by.y - 20.0).abs() < 1e-4), "{by:?}");
    }

    #[test]
    fn all_images_have_equal_weight() {
        let row = |scale: f32| vec![(scale, 0.0), (scale, scale)];
        let (small, large) = (of(&[row(1.0), vec![(1.0, 1.0); 2]]), of(&[row(1e3), vec![(1.0, 1.0); 2]]));
        for (a, b) in small.values().iter().zip(large.values()) {
            assert!((a - b).abs() < 1e-6, "{a} is not {b}");
        }
    }

    #[test]
    fn invalid_covariances_are_rejected() {
        let length = ErrorCovariance::new(2, vec![1.0; 7]).expect_err("seven values");
        assert_eq!(length, Error::Length { what: "error covariance", expected: 8, found: 7 });
        let zero = ErrorCovariance::new(1, vec![1.0, 0.0]).expect_err("no variance");
        assert_eq!(zero, Error::Covariance { row: 0, column: 0, value: 0.0 });
        assert!(ErrorCovariance::new(1, vec![f32::NAN, 1.0]).is_err());
        assert!(ErrorCovariance::new(usize::MAX, Vec::new()).is_err());
        let images = images(&[vec![(0.0, 0.0); 2]]);
        let pairs = images.iter().map(|(predicted, target)| (predicted, target));
        assert_eq!(ErrorCovariance::of(2, pairs), Ok(None));
    }

    #[test]
    fn an_indefinite_matrix_moves_nothing() {
        let covariance =
            ErrorCovariance::new(2, vec![1.0, 9.0, 9.0, 1.0, 1.0, 9.0, 9.0, 1.0]).expect("values");
        let predicted = Keypoints::from(vec![Point::new(1.0, 1.0); 2]);
        let hints = [Hint::new(0, Point::new(3.0, 3.0)), Hint::new(1, Point::new(4.0, 4.0))];
        assert_eq!(covariance.moved(&predicted, &hints), predicted);
    }

    fn rows() -> impl Strategy<Value = Vec<Vec<(f32, f32)>>> {
        prop::collection::vec(prop::collection::vec((-9_f32..9.0, -9_f32..9.0), 6), 3..9)
    }

    proptest! {
        #[test]
        fn corrections_are_linear_in_the_errors_at_hints(
            rows in rows(), x in 1_f32..30.0, y in 1_f32..30.0, first in 0_usize..6, second in 0_usize..5,
        ) {
            let covariance = of(&rows);
            let predicted = Keypoints::from(vec![Point::new(50.0, 60.0); 6]);
            let at = |k: usize, part: f32| Hint::new(k, predicted[k] + Point::new(part * x, part * y));
            let second = (first + 1 + second) % 6;
            let whole = covariance.moved(&predicted, &[at(first, 1.0), at(second, 1.0)]);
            let half = covariance.moved(&predicted, &[at(first, 0.5), at(second, 0.5)]);
            for (a, b) in whole.iter().zip(half.iter()) {
                let (a, b) = (*a - predicted[0], *b - predicted[0]);
                prop_assert!((a.x - 2.0 * b.x).abs() < 2e-2 && (a.y - 2.0 * b.y).abs() < 2e-2, "{a:?}, {b:?}");
            }
            prop_assert_eq!(covariance.moved(&predicted, &[]), predicted.clone());
            prop_assert_eq!(covariance.moved(&predicted, &[Hint::new(6, Point::default())]), predicted);
        }

        #[test]
        fn solutions_solve(factor in prop::collection::vec(-2_f64..2.0, 25), values in prop::collection::vec(-5_f64..5.0, 5)) {
            // F Fᵀ + 1 is symmetric and positive definite.
            let entry = |i: usize, j: usize| {
                let product: f64 = (0..5).map(|k| factor[5 * i + k] * factor[5 * j + k]).sum();
                product + f64::from(u8::from(i == j))
            };
            let rows = (0..5).map(|i| (0..=i).map(|j| entry(i, j)).collect()).collect();
            let solution = solve(rows, values.clone()).expect("positive definite");
            for (i, value) in values.iter().enumerate() {
                let product: f64 = (0..5).map(|j| entry(i, j) * solution[j]).sum();
                prop_assert!((product - value).abs() < 1e-9);
            }
        }
    }
}
