use ndarray::{ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::geometry::Point;

/// How a heatmap is decoded into a point.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Decoding {
    /// The expected position (mean) over the whole map, as in the published UNet-IKEM and HRNet+OCR-IKEM.
    #[default]
    Expected,
    /// The pixel of the highest value, the first in row order among equals.
    Argmax,
    /// The expected position under a softmax over a window around the highest value, as in the MICCAI 2022 paper.
    Local(LocalWindow),
}

/// The window of [`Decoding::Local`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalWindow {
    /// Width and height of the window in pixels, an odd number; it is clipped at the map's borders.
    pub window: usize,
    /// The factor by which the map's values are multiplied before the softmax.
    pub temperature: f32,
}

impl Default for LocalWindow {
    /// 15 × 15 pixels, temperature 10.
    fn default() -> Self {
        Self { window: 15, temperature: 10.0 }
    }
}

/// A keypoint detected on its heatmap.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Detection {
    /// Its position, in pixels of the map.
    pub point: Point,
    /// The peak of the map, 0…1.
    pub confidence: f32,
}

impl Decoding {
    /// Detects the keypoint on a map of shape H × W.
    ///
    /// A map that is zero everywhere has no expected position; the position of its highest value is returned.
    #[must_use]
    pub fn detect(&self, map: ArrayView2<'_, f32>) -> Detection {
        let mut mean = None;
        let mut best = Peak::default();
        if let Self::Expected = self {
            mean = expected(map, &mut best);
        } else {
            map.outer_iter().enumerate().for_each(|(y, row)| best.see(y, maximum(row)));
        }
        let (peak, row, column) = best.found(map);
        if let Self::Local(local) = self {
            mean = local.expected(map, row, column, peak);
        }
        let point = mean.unwrap_or(Point::new(column as f32, row as f32));
        Detection { point, confidence: peak }
    }
}

impl LocalWindow {
    /// The expected position under `exp(temperature * value)` in the window around (`row`, `column`).
    fn expected(&self, map: ArrayView2<'_, f32>, row: usize, column: usize, peak: f32) -> Option<Point> {
        let reach = self.window / 2;
        let (height, width) = map.dim();
        let mut mean = Mean::default();
        for y in row.saturating_sub(reach)..(row + reach + 1).min(height) {
            for x in column.saturating_sub(reach)..(column + reach + 1).min(width) {
                // Subtracting the peak prevents overflow at any temperature.
                mean.add(x as f64, y as f64, f64::from(self.temperature * (map[[y, x]] - peak)).exp());
            }
        }
        mean.point()
    }
}

/// The highest value so far and the first row that contains it; NaN is ignored.
struct Peak {
    value: f32,
    row: usize,
}

impl Default for Peak {
    fn default() -> Self {
        Self { value: f32::NEG_INFINITY, row: 0 }
    }
}

impl Peak {
    /// Processes row `y`, whose highest value is `top`.
    fn see(&mut self, y: usize, top: f32) {
        if top > self.value {
            *self = Self { value: top, row: y };
        }
    }

    /// The highest value with its row and column, the first in row order. The column is searched only once, at the end:
    /// up to the peak of a heatmap, the maxima of the rows increase.
    fn found(&self, map: ArrayView2<'_, f32>) -> (f32, usize, usize) {
        if self.value == f32::NEG_INFINITY {
            return (0.0, 0, 0);
        }
        let column = map.row(self.row).iter().position(|&value| value == self.value).unwrap_or(0);
        (self.value, self.row, column)
    }
}

/// Values per SIMD operation.
const LANES: usize = 16;

const fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// The largest value of a row.
fn maximum(row: ArrayView1<'_, f32>) -> f32 {
    let Some(values) = row.as_slice() else { return row.iter().copied().fold(f32::NEG_INFINITY, larger) };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest = chunks.remainder().iter().copied().fold(f32::NEG_INFINITY, larger);
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, value);
        }
    }
    lanes.into_iter().fold(rest, larger)
}

/// The expected position over the map; `peak` processes every row on the way.
fn expected(map: ArrayView2<'_, f32>, peak: &mut Peak) -> Option<Point> {
    let mut columns = vec![0.0_f32; map.ncols()];
    let mut mean = Mean::default();
    for (y, row) in map.outer_iter().enumerate() {
        let (total, top) = match row.as_slice() {
            Some(values) => add_row(values, &mut columns),
            None => add_row(&row.to_vec(), &mut columns),
        };
        peak.see(y, top);
        mean.mass += total;
        mean.y += total * y as f64;
    }
    mean.x = columns.iter().enumerate().map(|(x, &sum)| f64::from(sum) * x as f64).sum();
    mean.point()
}

/// Adds a row to the column sums, and returns its total and its largest value. A row is summed in f32 lanes, whose
/// totals are added in f64.
fn add_row(row: &[f32], columns: &mut [f32]) -> (f64, f32) {
    let mut totals = [0.0_f32; LANES];
    let mut tops = [f32::NEG_INFINITY; LANES];
    let (chunks, column_chunks) = (row.chunks_exact(LANES), columns.chunks_exact_mut(LANES));
    let rest = chunks.remainder();
    for (values, sums) in chunks.zip(column_chunks) {
        for i in 0..LANES {
            sums[i] += values[i];
            totals[i] += values[i];
            tops[i] = larger(tops[i], values[i]);
        }
    }
    let first = row.len() - rest.len();
    for (i, (&value, sum)) in rest.iter().zip(&mut columns[first..]).enumerate() {
        *sum += value;
        totals[i] += value;
        tops[i] = larger(tops[i], value);
    }
    (totals.into_iter().map(f64::from).sum(), tops.into_iter().fold(f32::NEG_INFINITY, larger))
}

/// Accumulates a weighted mean position.
#[derive(Default)]
struct Mean {
    mass: f64,
    x: f64,
    y: f64,
}

impl Mean {
    fn add(&mut self, x: f64, y: f64, weight: f64) {
        self.mass += weight;
        self.x += weight * x;
        self.y += weight * y;
    }

    fn point(&self) -> Option<Point> {
        let point = Point::new((self.x / self.mass) as f32, (self.y / self.mass) as f32);
        (self.mass > 0.0 && point.is_finite()).then_some(point)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::Size;
    use crate::heatmaps::Heatmaps;

    proptest! {
        #[test]
        fn decoding_returns_the_encoded_point(x in 37.5_f32..217.5, y in 37.5_f32..473.5) {
            let point = Point::new(x, y);
            let maps = Heatmaps::gaussian(&vec![point].into(), Size::new(256, 512), 7.5);
            for (decoding, tolerance) in [
                (Decoding::Expected, 1e-3),
                (Decoding::Local(LocalWindow::default()), 0.05),
                (Decoding::Argmax, 0.5 + 1e-4),
            ] {
                let found = maps.decode(&decoding)[0];
                let off = found.point - point;
                prop_assert!(off.x.abs() <= tolerance && off.y.abs() <= tolerance, "{decoding:?}: {off:?}");
                prop_assert!(found.confidence > 0.99 && found.confidence <= 1.0);
            }
        }

        #[test]
        fn any_map_gives_a_point_on_it(values in prop::collection::vec(-1e30_f32..1e30, 35)) {
            let map = Array2::from_shape_vec((5, 7), values).expect("35 values");
            for decoding in [Decoding::Argmax, Decoding::Local(LocalWindow::default())] {
                let point = decoding.detect(map.view()).point;
                prop_assert!((0.0..=6.0).contains(&point.x) && (0.0..=4.0).contains(&point.y), "{point:?}");
            }
        }
    }

    #[test]
    fn the_expected_position_matches_its_definition_for_any_shape() {
        for (height, width) in [(1, 1), (3, 5), (4, 8), (9, 19), (18, 40)] {
            let value = |(y, x)| ((y * 31 + x * 17) % 23) as f32 / 23.0 + 0.01;
            let map = Array2::from_shape_fn((height, width), value);
            let mut mean = Mean::default();
            map.indexed_iter().for_each(|((y, x), &value)| mean.add(x as f64, y as f64, value.into()));
            let mean = mean.point().expect("mass");
            let transposed = map.t().as_standard_layout().into_owned();
            for view in [map.view(), transposed.t()] {
                let found = Decoding::Expected.detect(view);
                let off = found.point - mean;
                assert!(off.x.abs() < 1e-4 && off.y.abs() < 1e-4, "{height} x {width}: {off:?}");
                assert_eq!(found.confidence, map.iter().copied().fold(0.0, f32::max));
            }
        }
    }

    #[test]
    fn the_first_of_several_peaks_is_found() {
        let mut map = Array2::from_elem((9, 11), 0.5);
        for place in [[5, 3], [5, 7], [6, 0]] {
            map[place] = 1.0;
        }
        let found = Detection { point: Point::new(3.0, 5.0), confidence: 1.0 };
        assert_eq!(Decoding::Argmax.detect(map.view()), found);
        map.fill(-1.0);
        assert_eq!(Decoding::Expected.detect(map.view()).point, Point::default());
        map[[6, 2]] = 0.0;
        assert_eq!(Decoding::Expected.detect(map.view()).point, Point::new(2.0, 6.0));
    }

    #[test]
    fn an_empty_map_gives_its_first_pixel_with_confidence_zero() {
        let map = Array2::zeros((4, 4));
        for decoding in [Decoding::Expected, Decoding::Argmax] {
            assert_eq!(decoding.detect(map.view()), Detection { point: Point::default(), confidence: 0.0 });
        }
    }

    #[test]
    fn nan_is_never_the_peak() {
        let mut map = Array2::from_elem((3, 3), f32::NAN);
        map[[1, 2]] = 0.25;
        let found = Decoding::Argmax.detect(map.view());
        assert_eq!(found, Detection { point: Point::new(2.0, 1.0), confidence: 0.25 });
    }

    #[test]
    fn decodings_have_short_names_in_json() {
        let local = serde_json::to_string(&Decoding::Local(LocalWindow::default())).expect("json");
        assert_eq!(local, r#"{"local":{"window":15,"temperature":10.0}}"#);
        assert_eq!(serde_json::from_str::<Decoding>("\"expected\"").expect("json"), Decoding::Expected);
    }
}
