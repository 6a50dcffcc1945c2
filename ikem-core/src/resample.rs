use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Error, GrayImage, Size};

/// How an image is resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Resampling {
    /// Two samples an axis, as OpenCV's `INTER_LINEAR`: what the published checkpoints were trained with.
    #[default]
    Bilinear,
    /// The mean of what a pixel covers, as OpenCV's `INTER_AREA`: what the bundled model was trained with.
    Area,
}

/// Resizes `image` to `target` pixels.
///
/// # Errors
/// [`Error::EmptySize`] when `target` has no pixels.
pub fn resample(image: &GrayImage, target: Size, resampling: Resampling) -> Result<GrayImage, Error> {
    if target.area() == 0 {
        return Err(Error::EmptySize(target));
    }
    let source = image.size();
    if source == target {
        return Ok(image.clone());
    }
    // OpenCV averages only where both axes shrink.
    let shrinks = source.width >= target.width && source.height >= target.height;
    let taps = |from, to| match resampling {
        Resampling::Area if shrinks => averaging(from, to),
        Resampling::Area => enlarging(from, to),
        Resampling::Bilinear => linear(from, to),
    };
    let (columns, rows) = (taps(source.width, target.width), taps(source.height, target.height));
    let mut pixels = vec![0.0; target.area()];
    pixels.par_chunks_mut(target.width).zip(rows.par_iter()).for_each_init(
        || vec![0.0; source.width],
        |line, (out, row)| {
            // Down first: whole source rows are added up, which is where the pixels are read once and in order.
            row.combine_rows(image.pixels(), source.width, line);
            for (value, column) in out.iter_mut().zip(&columns) {
                *value = column.sum(line);
            }
        },
    );
    GrayImage::new(target, pixels)
}

/// What one pixel of the result takes from an axis: the weights of the source pixels from `first` on.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Taps {
    fn sum(&self, line: &[f32]) -> f32 {
        line[self.first..].iter().zip(&self.weights).map(|(value, weight)| value * weight).sum()
    }

    fn combine_rows(&self, pixels: &[f32], width: usize, line: &mut [f32]) {
        line.fill(0.0);
        for (row, &weight) in pixels[self.first * width..].chunks_exact(width).zip(&self.weights) {
            for (sum, &value) in line.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
    }
}

/// Source pixels a target pixel, rounded as OpenCV rounds it: it decides where whole pixels begin.
fn scale(from: usize, to: usize) -> f64 {
    1.0 / (to as f64 / from as f64)
}

/// Two samples around the place `fraction` of the way from source pixel `first` to the next one.
fn between(first: isize, fraction: f64, from: usize) -> Taps {
    match usize::try_from(first) {
        Err(_) => Taps { first: 0, weights: vec![1.0] },
        Ok(first) if first + 1 >= from => Taps { first: from - 1, weights: vec![1.0] },
        Ok(first) => Taps { first, weights: vec![1.0 - fraction as f32, fraction as f32] },
    }
}

/// `INTER_LINEAR`: pixel centres lie over pixel centres.
fn linear(from: usize, to: usize) -> Vec<Taps> {
    let scale = scale(from, to);
    (0..to)
        .map(|i| {
            let place = (i as f64 + 0.5) * scale - 0.5;
            between(place.floor() as isize, place - place.floor(), from)
        })
        .collect()
}

/// `INTER_AREA` where an axis grows: two samples, the nearer ones held longer.
fn enlarging(from: usize, to: usize) -> Vec<Taps> {
    let (scale, inverse) = (scale(from, to), to as f64 / from as f64);
    (0..to)
        .map(|i| {
            let first = (i as f64 * scale).floor();
            // OpenCV rounds here, too, and so decides which of two whole pixels counts.
            let fraction = ((i as f64 + 1.0) - (first + 1.0) * inverse) as f32;
            between(first as isize, f64::from(fraction.max(0.0).fract()), from)
        })
        .collect()
}

/// `INTER_AREA` where the image shrinks: every source pixel counts by the part of it that is covered.
fn averaging(from: usize, to: usize) -> Vec<Taps> {
    /// A sliver of a pixel thinner than this is rounding noise.
    const SLIVER: f64 = 1e-3;
    let scale = scale(from, to);
    (0..to)
        .map(|i| {
            let (begin, end) = (i as f64 * scale, (i + 1) as f64 * scale);
            let covered = scale.min(from as f64 - begin);
            let last = (end.floor() as usize).min(from - 1);
            let whole = (begin.ceil() as usize).min(last);
            let mut weights = Vec::with_capacity(last - whole + 2);
            let mut first = whole;
            if whole as f64 - begin > SLIVER {
                first = whole - 1;
                weights.push(((whole as f64 - begin) / covered) as f32);
            }
            weights.resize(weights.len() + last - whole, (1.0 / covered) as f32);
            if end - last as f64 > SLIVER {
                weights.push(((end - last as f64).min(1.0).min(covered) / covered) as f32);
            }
            Taps { first, weights }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ramp(size: Size) -> GrayImage {
        let pixels = (0..size.area()).map(|i| (i % size.width) as f32 / size.width as f32).collect();
        GrayImage::new(size, pixels).expect("a ramp")
    }

    #[test]
    fn averaging_by_two_is_the_mean_of_four() {
        let image =
            GrayImage::new(Size::new(4, 2), vec![0.0, 0.2, 0.4, 0.8, 0.1, 0.1, 1.0, 1.0]).expect("pixels");
        let half = resample(&image, Size::new(2, 1), Resampling::Area).expect("size");
        let expected = [0.1, 0.8];
        assert!(half.pixels().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{half:?}");
    }

    #[test]
    fn no_pixels_is_an_error() {
        let empty = Size::new(0, 5);
        assert_eq!(resample(&ramp(Size::new(3, 3)), empty, Resampling::Area), Err(Error::EmptySize(empty)));
    }

    proptest! {
        #[test]
        fn every_weight_is_a_part_of_one(from in 1_usize..3000, to in 1_usize..600) {
            let tables: &[fn(usize, usize) -> Vec<Taps>] =
                if from >= to { &[linear, enlarging, averaging] } else { &[linear, enlarging] };
            for table in tables {
                for taps in table(from, to) {
                    let sum: f32 = taps.weights.iter().sum();
                    prop_assert!((sum - 1.0).abs() < 2e-3, "weights add up to {sum}");
                    prop_assert!(taps.first + taps.weights.len() <= from);
                }
            }
        }

        #[test]
        fn a_flat_image_stays_flat(
            width in 1_usize..90, height in 1_usize..90, to_width in 1_usize..90, to_height in 1_usize..90,
        ) {
            let size = Size::new(width, height);
            let image = GrayImage::new(size, vec![0.7; size.area()]).expect("pixels");
            for resampling in [Resampling::Area, Resampling::Bilinear] {
                let out = resample(&image, Size::new(to_width, to_height), resampling).expect("size");
                prop_assert!(out.pixels().iter().all(|v| (v - 0.7).abs() < 2e-3));
            }
        }
    }
}
