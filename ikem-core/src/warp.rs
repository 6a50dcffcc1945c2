//! Affine warping of images.

use std::ops::Range;

use rayon::prelude::*;

use crate::affine::Affine;
use crate::geometry::Size;
use crate::image::GrayImage;

/// The image beyond its edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Beyond {
    /// Black.
    #[default]
    Black,
    /// The outermost pixels, replicated.
    Edge,
    /// The image, mirrored at its edges.
    Mirror,
}

/// Samples `image` bilinearly at the positions `from` maps each pixel of `size` to. Each pixel is the mean over a grid
/// of `samples` columns and rows within it, which prevents aliasing when the map shrinks the image. The output row at
/// `y` (of its centre) is shifted to the right by `bend(y)`.
pub fn warp(
    image: &GrayImage,
    size: Size,
    from: &Affine,
    [columns, rows]: [usize; 2],
    beyond: Beyond,
    bend: impl Fn(f64) -> f64 + Sync,
) -> Vec<f32> {
    let (columns, rows) = (columns.max(1), rows.max(1));
    let step = 1.0 / columns as f64;
    let by = [fixed(from.x_x * step), fixed(from.y_x * step)];
    let share = 1.0 / (columns * rows) as f32;
    // The first sample of a line of samples, in the bordered image: shifted by one for the border, and by minus half from
    // edge-based coordinates to pixel centres.
    let start = |y: usize, row: usize| {
        let middle = y as f64 + (row as f64 + 0.5) / rows as f64;
        from.apply([0.5 * step - bend(middle), middle]).map(|position| fixed(position + 0.5))
    };
    let starts = (0..size.height).flat_map(|y| (0..rows).map(move |row| (y, row)));
    let reached = reach(starts.map(|(y, row)| start(y, row)), by, size.width * columns);
    let source = Bordered::new(image, beyond, reached);
    let mut pixels = vec![0.0; size.area()];
    pixels.par_chunks_mut(size.width.max(1)).enumerate().for_each(|(y, line)| {
        for row in 0..rows {
            let [mut u, mut v] = start(y, row);
            for value in &mut *line {
                let mut sum = 0.0;
                for _ in 0..columns {
                    sum += source.sample(u, v);
                    u = u.wrapping_add(by[0]);
                    v = v.wrapping_add(by[1]);
                }
                *value += sum;
            }
        }
        if columns * rows > 1 {
            line.iter_mut().for_each(|value| *value *= share);
        }
    });
    pixels
}

/// The least and greatest x and y of lines of `count` samples, from where they start, in fixed point.
fn reach(starts: impl Iterator<Item = [i64; 2]>, by: [i64; 2], count: usize) -> [[i64; 2]; 2] {
    let steps = i64::try_from(count).unwrap_or(i64::MAX);
    let mut reached = [[i64::MAX, i64::MIN]; 2];
    for start in starts {
        for (axis, ([least, greatest], from)) in reached.iter_mut().zip(start).enumerate() {
            let to = from.saturating_add(by[axis].saturating_mul(steps));
            (*least, *greatest) = ((*least).min(from).min(to), (*greatest).max(from).max(to));
        }
    }
    reached
}

/// A coordinate in fixed point, in steps of 2^-32 pixels, which is fast to increment and split. Coordinates beyond any
/// image are clamped.
fn fixed(position: f64) -> i64 {
    const END: f64 = (1_u64 << 28) as f64;
    (position.clamp(-END, END) * (1_u64 << 32) as f64) as i64
}

/// An image with a black border of one pixel, so that sampling needs no bounds checks at its edges; of an image that is black
/// beyond, only the part that is sampled.
struct Bordered {
    pixels: Vec<f32>,
    /// Pixels per row, border included.
    stride: usize,
    /// The first column and row of the part.
    first: [u64; 2],
    /// The number of positions in x and in y that have a next pixel.
    positions: [u64; 2],
    beyond: Beyond,
}

impl Bordered {
    /// The part of `image` that is `reached`: the least and greatest x and y, in fixed point.
    fn new(image: &GrayImage, beyond: Beyond, reached: [[i64; 2]; 2]) -> Self {
        let size = image.size();
        let part = |[least, greatest]: [i64; 2], side: usize| {
            let place = |position: i64| usize::try_from(position >> 32).unwrap_or(0);
            match beyond {
                // One more for the next pixel, and one for the end of the range.
                Beyond::Black => place(least).min(side + 1)..place(greatest).saturating_add(2).min(side + 2),
                Beyond::Edge | Beyond::Mirror => 0..side + 2,
            }
        };
        let (columns, rows) = (part(reached[0], size.width), part(reached[1], size.height));
        let stride = columns.len();
        let mut pixels = vec![0.0; stride * rows.len()];
        // What of the part is not border, in columns and rows of the image.
        let inner =
            |part: &Range<usize>, side: usize| part.start.max(1) - 1..part.end.min(side + 1).max(1) - 1;
        let (across, down) = (inner(&columns, size.width), inner(&rows, size.height));
        let skipped = usize::from(columns.start == 0);
        let lines = pixels.chunks_exact_mut(stride.max(1)).skip(usize::from(rows.start == 0));
        for (line, row) in lines.zip(down) {
            let row = &image.pixels()[row * size.width..][across.clone()];
            line[skipped..skipped + row.len()].copy_from_slice(row);
        }
        let first = [columns.start as u64, rows.start as u64];
        let positions = [columns.len(), rows.len()].map(|side| side.saturating_sub(1) as u64);
        Self { pixels, stride, first, positions, beyond }
    }

    /// The interpolated value at a fixed-point position.
    #[inline]
    fn sample(&self, x: i64, y: i64) -> f32 {
        let (x, y) = match self.beyond {
            Beyond::Black => (x, y),
            Beyond::Edge => (held(x, self.positions[0]), held(y, self.positions[1])),
            Beyond::Mirror => (folded(x, self.positions[0]), folded(y, self.positions[1])),
        };
        // Positions before the first one wrap to large numbers.
        let place = |position: i64, first: u64| ((position >> 32) as u64).wrapping_sub(first);
        let (column, row) = (place(x, self.first[0]), place(y, self.first[1]));
        if column >= self.positions[0] || row >= self.positions[1] {
            return 0.0;
        }
        let part = |position: i64| ((position as u32) >> 8) as i32 as f32 * (1.0 / (1 << 24) as f32);
        let (right, down) = (part(x), part(y));
        let start = row as usize * self.stride + column as usize;
        let Some([a, b, rest @ ..]) = self.pixels.get(start..start + self.stride + 2) else { return 0.0 };
        let [.., c, d] = rest else { return 0.0 };
        let (upper, lower) = (a + right * (b - a), c + right * (d - c));
        upper + down * (lower - upper)
    }
}

/// The centres of the first and last pixel along an axis with this many positions, border included, in fixed point.
fn ends(positions: u64) -> (i64, i64) {
    (1 << 32, (positions.max(2) as i64 - 1) << 32)
}

/// A coordinate clamped between the first and the last pixel.
fn held(position: i64, positions: u64) -> i64 {
    let (first, last) = ends(positions);
    position.clamp(first, last)
}

/// A coordinate reflected at the centres of the first and the last pixel.
fn folded(position: i64, positions: u64) -> i64 {
    let (first, last) = ends(positions);
    let span = last - first;
    if span == 0 {
        return first;
    }
    let along = (position - first).rem_euclid(2 * span);
    first + if along > span { 2 * span - along } else { along }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sampling_never_leaves_the_range_of_the_image(
            values in prop::collection::vec(0_f32..1.0, 12), parts in prop::array::uniform6(-3_f64..3.0),
            samples in (1_usize..4, 1_usize..4),
        ) {
            let [x_x, x_y, x_1, y_x, y_y, y_1] = parts;
            let map = Affine { x_x, x_y, x_1, y_x, y_y, y_1 };
            let image = GrayImage::new(Size::new(4, 3), values).expect("pixels");
            let out = warp(&image, Size::new(5, 6), &map, [samples.0, samples.1], Beyond::Black, |_| 0.0);
            prop_assert!(out.iter().all(|value| (-1e-5..=1.0 + 1e-5).contains(value)));
        }
    }

    #[test]
    fn the_identity_is_bitwise_exact_and_distant_regions_are_black() {
        let image = GrayImage::new(Size::new(3, 2), vec![0.1, 0.9, 0.3, 0.7, 0.2, 0.4]).expect("pixels");
        assert_eq!(
            warp(&image, image.size(), &Affine::IDENTITY, [1, 1], Beyond::Black, |_| 0.0),
            image.pixels()
        );
        let far = Affine::shift(1e30, f64::MAX);
        assert_eq!(warp(&image, image.size(), &far, [2, 1], Beyond::Black, |_| 0.0), [0.0; 6]);
    }

    #[test]
    fn parts_are_those_of_the_whole() {
        let size = Size::new(40, 50);
        let image =
            GrayImage::new(size, (0..size.area()).map(|i| (i * 31 % 97) as f32).collect()).expect("pixels");
        // Without a border the whole image is sampled with replicated edges, which are far from this part.
        let map = Affine { x_x: 0.9, x_y: 0.3, x_1: 11.0, y_x: -0.4, y_y: 1.1, y_1: 13.0 };
        let seen = |beyond| warp(&image, Size::new(8, 9), &map, [2, 3], beyond, |y| 0.1 * y);
        assert_eq!(seen(Beyond::Black), seen(Beyond::Edge));
        // Across each edge, pixel by pixel.
        for (x, y) in [(-5, 20), (35, 20), (20, -5), (20, 46), (-3, -4), (37, 47), (90, 20), (20, -90)] {
            let out = warp(
                &image,
                Size::new(9, 8),
                &Affine::shift(f64::from(x), f64::from(y)),
                [1, 1],
                Beyond::Black,
                |_| 0.0,
            );
            for (index, value) in out.into_iter().enumerate() {
                let (column, row) = (x + index as i32 % 9, y + index as i32 / 9);
                let inside = (0..40).contains(&column) && (0..50).contains(&row);
                let expected = if inside { image.pixels()[(row * 40 + column) as usize] } else { 0.0 };
                assert_eq!(value, expected, "{x}, {y}: {index}");
            }
        }
    }

    #[test]
    fn several_samples_average_what_a_pixel_covers() {
        // Stripes one pixel wide: a single sample sees one or the other, their mean is grey.
        let size = Size::new(32, 32);
        let stripes = (0..size.area()).map(|i| (i % 2) as f32).collect();
        let image = GrayImage::new(size, stripes).expect("pixels");
        let quarter = Affine::stretch(4.0, 4.0);
        let out = warp(&image, Size::new(8, 8), &quarter, [4, 4], Beyond::Black, |_| 0.0);
        assert!(out.iter().all(|value| (value - 0.5).abs() < 1e-6), "{out:?}");
    }

    #[test]
    fn edges_are_repeated_or_mirrored() {
        let image = GrayImage::new(Size::new(3, 1), vec![0.1, 0.2, 0.3]).expect("pixels");
        let seen = |beyond| warp(&image, Size::new(9, 1), &Affine::shift(-3.0, 0.0), [1, 1], beyond, |_| 0.0);
        assert_eq!(seen(Beyond::Black), [0.0, 0.0, 0.0, 0.1, 0.2, 0.3, 0.0, 0.0, 0.0]);
        assert_eq!(seen(Beyond::Edge), [0.1, 0.1, 0.1, 0.1, 0.2, 0.3, 0.3, 0.3, 0.3]);
        assert_eq!(seen(Beyond::Mirror), [0.2, 0.3, 0.2, 0.1, 0.2, 0.3, 0.2, 0.1, 0.2]);
    }
}
