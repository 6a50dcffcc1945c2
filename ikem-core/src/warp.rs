//! Affine warping of images.

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
    let source = Bordered::new(image, beyond);
    let (columns, rows) = (columns.max(1), rows.max(1));
    let step = 1.0 / columns as f64;
    let (across, down) = (fixed(from.x_x * step), fixed(from.y_x * step));
    let share = 1.0 / (columns * rows) as f32;
    let mut pixels = vec![0.0; size.area()];
    pixels.par_chunks_mut(size.width.max(1)).enumerate().for_each(|(y, line)| {
        for row in 0..rows {
            let middle = y as f64 + (row as f64 + 0.5) / rows as f64;
            let [u, v] = from.apply([0.5 * step - bend(middle), middle]);
            // Into the bordered image: shifted by one for the border, and by minus half from edge-based coordinates to
            // pixel centres.
            let (mut u, mut v) = (fixed(u + 0.5), fixed(v + 0.5));
            for value in &mut *line {
                let mut sum = 0.0;
                for _ in 0..columns {
                    sum += source.sample(u, v);
                    u = u.wrapping_add(across);
                    v = v.wrapping_add(down);
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

/// A coordinate in fixed point, in steps of 2^-32 pixels, which is fast to increment and split. Coordinates beyond any
/// image are clamped.
fn fixed(position: f64) -> i64 {
    const END: f64 = (1_u64 << 28) as f64;
    (position.clamp(-END, END) * (1_u64 << 32) as f64) as i64
}

/// An image with a black border of one pixel, so that sampling needs no bounds checks at its edges.
struct Bordered {
    pixels: Vec<f32>,
    /// Pixels per row, border included.
    stride: usize,
    /// The number of positions in x and in y that have a next pixel.
    positions: [u64; 2],
    beyond: Beyond,
}

impl Bordered {
    fn new(image: &GrayImage, beyond: Beyond) -> Self {
        let size = image.size();
        let stride = size.width + 2;
        let mut pixels = vec![0.0; stride * (size.height + 2)];
        let lines = pixels.chunks_exact_mut(stride).skip(1);
        for (line, row) in lines.zip(image.pixels().chunks_exact(size.width.max(1))) {
            if let Some(inner) = line.get_mut(1..=size.width) {
                inner.copy_from_slice(row);
            }
        }
        Self { pixels, stride, positions: [size.width as u64 + 1, size.height as u64 + 1], beyond }
    }

    /// The interpolated value at a fixed-point position.
    #[inline]
    fn sample(&self, x: i64, y: i64) -> f32 {
        let (x, y) = match self.beyond {
            Beyond::Black => (x, y),
            Beyond::Edge => (held(x, self.positions[0]), held(y, self.positions[1])),
            Beyond::Mirror => (folded(x, self.positions[0]), folded(y, self.positions[1])),
        };
        let (column, row) = ((x >> 32) as u64, (y >> 32) as u64);
        // Negative positions have wrapped to large numbers.
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
