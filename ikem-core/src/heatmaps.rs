use ndarray::{Array3, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

use crate::decode::{Decoding, Detection};
use crate::geometry::{Point, Size};
use crate::keypoints::Keypoints;

/// Smaller factors of a Gaussian are set to zero: their products would be denormal numbers, which are slow and
/// insignificant.
const NEGLIGIBLE: f32 = 1e-18;

/// The separable factors of a Gaussian with peak 1: its value at (x, y) is `columns[x] * rows[y]`.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianFactors {
    /// The factors of the columns, `exp(-(x - px)² / (2 std²))`.
    pub columns: Vec<f32>,
    /// The factors of the rows.
    pub rows: Vec<f32>,
}

impl GaussianFactors {
    /// The factors of the Gaussian at `point` on a grid of `size`; `std` in pixels.
    #[must_use]
    pub fn new(point: Point, size: Size, std: f32) -> Self {
        let axis = |centre: f32, extent: usize| {
            (0..extent)
                .map(|i| {
                    let z = (i as f32 - centre) / std;
                    let value = (-0.5 * z * z).exp();
                    if value < NEGLIGIBLE { 0.0 } else { value }
                })
                .collect()
        };
        Self { columns: axis(point.x, size.width), rows: axis(point.y, size.height) }
    }

    /// Writes the Gaussian into `map`, row by row.
    fn write(&self, map: &mut [f32]) {
        for (line, &row) in map.chunks_exact_mut(self.columns.len().max(1)).zip(&self.rows) {
            if row == 0.0 {
                line.fill(0.0);
            } else {
                for (value, &column) in line.iter_mut().zip(&self.columns) {
                    *value = row * column;
                }
            }
        }
    }
}

/// K heatmaps of H × W values in 0…1: the confidence that a keypoint is at a pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmaps(Array3<f32>);

impl Heatmaps {
    /// One Gaussian of peak 1 per keypoint, `exp(-|p - point|² / (2 std²))`; `std` in pixels of the map. A point that
    /// is not finite gives a map of zeros.
    #[must_use]
    pub fn gaussian(points: &Keypoints, size: Size, std: f32) -> Self {
        let mut maps = Array3::zeros((points.len(), size.height, size.width));
        if let Some(values) = maps.as_slice_mut() {
            values.par_chunks_mut(size.area().max(1)).zip(points.par_iter()).for_each(|(map, &point)| {
                if point.is_finite() {
                    GaussianFactors::new(point, size, std).write(map);
                }
            });
        }
        Self(maps)
    }

    /// Heatmaps with the given values, of shape K × H × W.
    #[must_use]
    pub const fn from_array(values: Array3<f32>) -> Self {
        Self(values)
    }

    /// The values in row-major order.
    #[must_use]
    pub fn into_values(self) -> Vec<f32> {
        self.0.into_iter().collect()
    }

    /// The values as an array of shape K × H × W.
    #[must_use]
    pub fn into_array(self) -> Array3<f32> {
        self.0
    }

    /// A view of the values, of shape K × H × W.
    #[must_use]
    pub fn view(&self) -> ArrayView3<'_, f32> {
        self.0.view()
    }

    /// The map of one keypoint, of shape H × W; `None` for an index out of range.
    #[must_use]
    pub fn map(&self, keypoint: usize) -> Option<ArrayView2<'_, f32>> {
        (keypoint < self.0.len_of(Axis(0))).then(|| self.0.index_axis(Axis(0), keypoint))
    }

    /// The size of each map.
    #[must_use]
    pub fn size(&self) -> Size {
        let (_, height, width) = self.0.dim();
        Size::new(width, height)
    }

    /// Detects every keypoint on its map, in pixels of the map.
    #[must_use]
    pub fn decode(&self, decoding: &Decoding) -> Vec<Detection> {
        let maps: Vec<_> = self.0.outer_iter().collect();
        maps.into_par_iter().map(|map| decoding.detect(map)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gaussian_has_peak_one_and_the_given_std() {
        let points = vec![Point::new(20.0, 30.0), Point::new(f32::NAN, 3.0)].into();
        let maps = Heatmaps::gaussian(&points, Size::new(64, 80), 7.5);
        let map = maps.map(0).expect("two maps");
        assert_eq!(map[[30, 20]], 1.0);
        assert!((map[[30, 35]] - (-2.0_f32).exp()).abs() < 1e-6);
        assert!((map[[35, 25]] - (-0.5 * 50.0 / 56.25_f32).exp()).abs() < 1e-6);
        assert!(maps.map(1).expect("two maps").iter().all(|&v| v == 0.0));
        assert!(maps.map(2).is_none());
        assert_eq!(maps.size(), Size::new(64, 80));
    }
}
