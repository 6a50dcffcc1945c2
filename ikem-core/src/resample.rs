#[cfg(test)]
mod tests;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::frame::Frame;
use crate::geometry::Size;
use crate::image::GrayImage;
use crate::pixel::Pixel;
use crate::warp::{Beyond, warp};

/// The resampling filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Resampling {
    /// Bilinear, two samples per axis, like OpenCV's `INTER_LINEAR`: as the published checkpoints were trained.
    #[default]
    Bilinear,
    /// The mean of the covered area, like OpenCV's `INTER_AREA`: as the bundled model was trained.
    Area,
}

/// Resizes `image` to `target` pixels.
///
/// # Errors
/// [`Error::EmptySize`] when `target` has no pixels.
pub fn resample(image: &GrayImage, target: Size, resampling: Resampling) -> Result<GrayImage, Error> {
    resample_pixels(image.size(), image.pixels(), target, resampling)
}

/// Like [`resample`], for pixels that are not in a [`GrayImage`]: bitwise the same result, without the memory and time
/// to create one. `pixels` are those of an image of size `source` in row-major order.
///
/// # Errors
/// [`Error::EmptySize`] when `source` or `target` has no pixels, [`Error::Length`] when `pixels` does not match
/// `source`.
pub fn resample_pixels<P: Pixel>(
    source: Size,
    pixels: &[P],
    target: Size,
    resampling: Resampling,
) -> Result<GrayImage, Error> {
    if let Some(empty) = [source, target].into_iter().find(|size| size.area() == 0) {
        return Err(Error::EmptySize(empty));
    }
    if pixels.len() != source.area() {
        return Err(Error::Length { what: "pixels", expected: source.area(), found: pixels.len() });
    }
    if source == target {
        return GrayImage::new(target, pixels.iter().map(|pixel| pixel.value()).collect());
    }
    // OpenCV averages only if both axes shrink.
    let shrinks = source.width >= target.width && source.height >= target.height;
    let taps = |from, to| match resampling {
        Resampling::Area if shrinks => averaging(from, to),
        Resampling::Area => enlarging(from, to),
        Resampling::Bilinear => linear(from, to),
    };
    let (columns, rows) = (taps(source.width, target.width), taps(source.height, target.height));
    GrayImage::new(target, combine(source, pixels, &columns, &rows))
}

/// Resamples the region of `image` in `frame` to `grid` pixels, directly from the film's own pixels: each is averaged
/// over the area that it covers (`Area`) or interpolated from two samples per axis (`Bilinear`). Outside the film, the
/// result is black. For the whole film, it is bitwise equal to that of [`resample`].
///
/// # Errors
/// [`Error::EmptySize`] when `grid` has no pixels.
pub fn resample_frame(
    image: &GrayImage,
    frame: &Frame,
    grid: Size,
    resampling: Resampling,
) -> Result<GrayImage, Error> {
    if grid.area() == 0 || frame.is_whole(image.size()) {
        return resample(image, grid, resampling);
    }
    let Some(turns) = frame.quarter_turns() else {
        return turned(image, frame, grid, resampling);
    };
    // Quarter turns and mirroring only permute pixels.
    let sideways = turns % 2 == 1;
    let (width, height) =
        if sideways { (frame.height(), frame.width()) } else { (frame.width(), frame.height()) };
    let upright = if sideways { Size::new(grid.height, grid.width) } else { grid };
    let [x, y] = frame.center();
    let (source, averages) = (image.size(), resampling == Resampling::Area);
    let axis = |middle: f64, extent: f64, from: usize, to: usize| {
        let step = extent / to as f64;
        let first = middle - 0.5 * extent;
        if averages && step >= 1.0 {
            covering(first, step, from, to)
        } else {
            sampling(first, step, from, to)
        }
    };
    let columns = axis(x, width, source.width, upright.width);
    let rows = axis(y, height, source.height, upright.height);
    let seen = combine(source, image.pixels(), &columns, &rows);
    let pixel = |i: usize| {
        let (mut column, row) = (i % grid.width, i / grid.width);
        if frame.is_mirrored() {
            column = grid.width - 1 - column;
        }
        let (column, row) = match turns {
            0 => (column, row),
            1 => (upright.width - 1 - row, column),
            2 => (upright.width - 1 - column, upright.height - 1 - row),
            _ => (row, upright.height - 1 - column),
        };
        seen[row * upright.width + column]
    };
    GrayImage::new(grid, (0..grid.area()).map(pixel).collect())
}

/// Resamples a frame at a rotation other than quarter turns.
fn turned(image: &GrayImage, frame: &Frame, grid: Size, resampling: Resampling) -> Result<GrayImage, Error> {
    /// The most samples per pixel and axis: enough for films of nine thousand rows on a grid of 384.
    const MOST: f64 = 24.0;
    // A frame has positive sides, so that its map is invertible.
    let Some(from) = frame.affine(grid).inverse() else { return Err(Error::Frame(frame.to_string())) };
    let count = |x: f64, y: f64| match resampling {
        Resampling::Area => x.hypot(y).ceil().clamp(1.0, MOST) as usize,
        Resampling::Bilinear => 1,
    };
    let samples = [count(from.x_x, from.y_x), count(from.x_y, from.y_y)];
    GrayImage::new(grid, warp(image, grid, &from, samples, Beyond::Black, |_| 0.0))
}

/// Combines rows and columns in the cheaper order.
fn combine<P: Pixel>(source: Size, pixels: &[P], columns: &[Taps], rows: &[Taps]) -> Vec<f32> {
    if across_first(source, columns, rows) {
        combine_across_first(source, pixels, columns, rows)
    } else {
        combine_down_first(source, pixels, columns, rows)
    }
}

/// Whether combining columns before rows is much cheaper. For films of ordinary shape, both orders cost about the same, and
/// rows come first: the order affects the last bits.
fn across_first(source: Size, columns: &[Taps], rows: &[Taps]) -> bool {
    const MUCH: usize = 8;
    let taps = |axis: &[Taps]| axis.iter().map(|taps| taps.weights.len()).fold(0, usize::saturating_add);
    let (across, down) = (taps(columns), taps(rows));
    let cost = |first: usize, lines: usize, second: usize, length: usize| {
        first.saturating_mul(lines).saturating_add(second.saturating_mul(length))
    };
    let down_first = cost(down, source.width, across, rows.len());
    let across_first = cost(across, source.height, down, columns.len());
    across_first.saturating_mul(MUCH) <= down_first
}

/// Combines columns, then rows.
fn combine_across_first<P: Pixel>(source: Size, pixels: &[P], columns: &[Taps], rows: &[Taps]) -> Vec<f32> {
    let width = columns.len();
    let mut narrowed = vec![0.0; width * source.height];
    let lines = narrowed.par_chunks_mut(width).zip(pixels.par_chunks(source.width));
    lines.for_each(|(line, row)| {
        for (value, column) in line.iter_mut().zip(columns) {
            *value = column.sum(row);
        }
    });
    let mut resized = vec![0.0; width * rows.len()];
    resized
        .par_chunks_mut(width)
        .zip(rows.par_iter())
        .for_each(|(out, row)| row.combine_rows(&narrowed, width, out));
    resized
}

/// Combines rows, then columns.
fn combine_down_first<P: Pixel>(source: Size, pixels: &[P], columns: &[Taps], rows: &[Taps]) -> Vec<f32> {
    let pairs = pairs(columns, source.width);
    let width = columns.len();
    let mut resized = vec![0.0; width * rows.len()];
    resized.par_chunks_mut(width).zip(rows.par_iter()).for_each_init(
        || vec![0.0; source.width],
        |line, (out, row)| {
            // Rows first: whole source rows are accumulated, so that the pixels are read once and in order.
            row.combine_rows(pixels, source.width, line);
            match &pairs {
                Some(pairs) => {
                    for (value, pair) in out.iter_mut().zip(pairs) {
                        *value = pair.sum(line);
                    }
                }
                None => {
                    for (value, column) in out.iter_mut().zip(columns) {
                        *value = column.sum(line);
                    }
                }
            }
        },
    );
    resized
}

/// Two neighbouring pixels with their weights: [`Taps`] without an allocation.
struct Pair {
    first: usize,
    weights: [f32; 2],
}

impl Pair {
    #[inline]
    fn sum(&self, line: &[f32]) -> f32 {
        match line[self.first..] {
            [a, b, ..] => a * self.weights[0] + b * self.weights[1],
            _ => 0.0,
        }
    }
}

/// The same as `columns` if each consists of one or two pixels of a row of `width`.
fn pairs(columns: &[Taps], width: usize) -> Option<Vec<Pair>> {
    let pair = |taps: &Taps| match taps.weights[..] {
        [a, b] => Some(Pair { first: taps.first, weights: [a, b] }),
        [a] if taps.first + 1 < width => Some(Pair { first: taps.first, weights: [a, 0.0] }),
        [a] if taps.first > 0 => Some(Pair { first: taps.first - 1, weights: [0.0, a] }),
        _ => None,
    };
    columns.iter().map(pair).collect()
}

/// The contribution of an axis to one output pixel: the weights of the source pixels from `first` on.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Taps {
    fn sum<P: Pixel>(&self, line: &[P]) -> f32 {
        line[self.first..].iter().zip(&self.weights).map(|(value, weight)| value.value() * weight).sum()
    }

    fn combine_rows<P: Pixel>(&self, pixels: &[P], width: usize, line: &mut [f32]) {
        let mut rows = pixels[self.first * width..].chunks_exact(width);
        if let [upper, lower] = self.weights[..] {
            let (above, below) = (rows.next().unwrap_or_default(), rows.next().unwrap_or_default());
            for (sum, (a, b)) in line.iter_mut().zip(above.iter().zip(below)) {
                *sum = upper * a.value() + lower * b.value();
            }
            return;
        }
        line.fill(0.0);
        for (row, &weight) in rows.zip(&self.weights) {
            for (sum, &pixel) in line.iter_mut().zip(row) {
                *sum += weight * pixel.value();
            }
        }
    }
}

/// Source pixels per target pixel, rounded like OpenCV: the rounding decides where whole pixels begin.
fn scale(from: usize, to: usize) -> f64 {
    1.0 / (to as f64 / from as f64)
}

/// Two samples around the position `fraction` of the way from source pixel `first` to the next.
fn between(first: isize, fraction: f64, from: usize) -> Taps {
    match usize::try_from(first) {
        Err(_) => Taps { first: 0, weights: vec![1.0] },
        Ok(first) if first + 1 >= from => Taps { first: from - 1, weights: vec![1.0] },
        Ok(first) => Taps { first, weights: vec![1.0 - fraction as f32, fraction as f32] },
    }
}

/// `INTER_LINEAR`: aligned pixel centres.
fn linear(from: usize, to: usize) -> Vec<Taps> {
    let scale = scale(from, to);
    (0..to)
        .map(|i| {
            let position = (i as f64 + 0.5) * scale - 0.5;
            between(position.floor() as isize, position - position.floor(), from)
        })
        .collect()
}

/// `INTER_AREA` for an axis that grows: two samples, weighted towards the nearer one.
fn enlarging(from: usize, to: usize) -> Vec<Taps> {
    let (scale, inverse) = (scale(from, to), to as f64 / from as f64);
    (0..to)
        .map(|i| {
            let first = (i as f64 * scale).floor();
            // OpenCV rounds to single precision here, which decides between neighbouring pixels.
            let fraction = ((i as f64 + 1.0) - (first + 1.0) * inverse) as f32;
            between(first as isize, f64::from(fraction.max(0.0).fract()), from)
        })
        .collect()
}

/// `INTER_AREA` for an axis that shrinks: every source pixel is weighted by the covered fraction.
fn averaging(from: usize, to: usize) -> Vec<Taps> {
    /// A thinner part of a pixel is rounding noise.
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

/// For an axis of `from` pixels: the coverage of output pixels of width `step` ≥ 1, the first of which begins at
/// `first`. Beyond the axis, the image is black.
fn covering(first: f64, step: f64, from: usize, to: usize) -> Vec<Taps> {
    let end = from as f64;
    (0..to)
        .map(|i| {
            let begin = (first + i as f64 * step).clamp(0.0, end);
            let stop = (first + (i + 1) as f64 * step).clamp(0.0, end);
            if stop <= begin {
                return Taps { first: 0, weights: Vec::new() };
            }
            let (low, high) = (begin.floor() as usize, (stop.ceil() as usize).min(from));
            let covered = |pixel: usize| (stop.min((pixel + 1) as f64) - begin.max(pixel as f64)).max(0.0);
            Taps { first: low, weights: (low..high).map(|pixel| (covered(pixel) / step) as f32).collect() }
        })
        .collect()
}

/// For an axis of `from` pixels: two samples around the centres of output pixels of width `step`, the first of which
/// begins at `first`; none for a centre beyond the axis.
fn sampling(first: f64, step: f64, from: usize, to: usize) -> Vec<Taps> {
    (0..to)
        .map(|i| {
            let position = first + (i as f64 + 0.5) * step - 0.5;
            if !(-0.5..=from as f64 - 0.5).contains(&position) {
                return Taps { first: 0, weights: Vec::new() };
            }
            between(position.floor() as isize, position - position.floor(), from)
        })
        .collect()
}
