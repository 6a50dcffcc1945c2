use ikem_core::{GrayImage, Size};

/// A map of the plane: (x, y) becomes (`x_x` x + `x_y` y + `x_1`, `y_x` x + `y_y` y + `y_1`). Places are measured from
/// the image's outer edge, so that the middle of the first pixel is at (0.5, 0.5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// How far x follows x.
    pub x_x: f64,
    /// How far x follows y.
    pub x_y: f64,
    /// The shift in x.
    pub x_1: f64,
    /// How far y follows x.
    pub y_x: f64,
    /// How far y follows y.
    pub y_y: f64,
    /// The shift in y.
    pub y_1: f64,
}

impl Affine {
    /// The map that moves nothing.
    pub const IDENTITY: Self = Self { x_x: 1.0, x_y: 0.0, x_1: 0.0, y_x: 0.0, y_y: 1.0, y_1: 0.0 };

    /// A stretch of each axis, away from the image's corner.
    #[must_use]
    pub const fn stretch(x: f64, y: f64) -> Self {
        Self { x_x: x, y_y: y, ..Self::IDENTITY }
    }

    /// A shift.
    #[must_use]
    pub const fn shift(x: f64, y: f64) -> Self {
        Self { x_1: x, y_1: y, ..Self::IDENTITY }
    }

    /// This map, and `next` after it.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self {
            x_x: next.x_x * self.x_x + next.x_y * self.y_x,
            x_y: next.x_x * self.x_y + next.x_y * self.y_y,
            x_1: next.x_x * self.x_1 + next.x_y * self.y_1 + next.x_1,
            y_x: next.y_x * self.x_x + next.y_y * self.y_x,
            y_y: next.y_x * self.x_y + next.y_y * self.y_y,
            y_1: next.y_x * self.x_1 + next.y_y * self.y_1 + next.y_1,
        }
    }

    /// Where a place goes.
    #[must_use]
    pub fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [self.x_x * x + self.x_y * y + self.x_1, self.y_x * x + self.y_y * y + self.y_1]
    }

    /// The map back; `None` where the map flattens the plane.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        let determinant = self.x_x * self.y_y - self.x_y * self.y_x;
        if determinant.abs() < 1e-12 || !determinant.is_finite() {
            return None;
        }
        let back = Self {
            x_x: self.y_y / determinant,
            x_y: -self.x_y / determinant,
            x_1: 0.0,
            y_x: -self.y_x / determinant,
            y_y: self.x_x / determinant,
            y_1: 0.0,
        };
        let [x, y] = back.apply([self.x_1, self.y_1]);
        Some(Self { x_1: -x, y_1: -y, ..back })
    }
}

/// Samples `image` at where each pixel of `size` comes `from`, bilinearly; beyond its edges it is black. The result's row at
/// y, measured at its middle, is shifted by `bend` of y to the right.
pub(super) fn warp(image: &GrayImage, size: Size, from: &Affine, bend: impl Fn(f64) -> f64) -> Vec<f32> {
    let source = Bordered::new(image);
    let (across, down) = (fixed(from.x_x), fixed(from.y_x));
    let mut pixels = vec![0.0; size.area()];
    for (y, line) in pixels.chunks_exact_mut(size.width.max(1)).enumerate() {
        let middle = y as f64 + 0.5;
        let [u, v] = from.apply([0.5 - bend(middle), middle]);
        // Into the bordered image, whose first pixel is one farther out; its middle is half a pixel from its edge.
        let (mut u, mut v) = (fixed(u + 0.5), fixed(v + 0.5));
        for value in line {
            *value = source.sample(u, v);
            u = u.wrapping_add(across);
            v = v.wrapping_add(down);
        }
    }
    pixels
}

/// A place in steps of 2^-32 pixels: whole numbers are quick to add up and to part. What is farther than any image
/// reaches is held at the end.
fn fixed(place: f64) -> i64 {
    const END: f64 = (1_u64 << 28) as f64;
    (place.clamp(-END, END) * (1_u64 << 32) as f64) as i64
}

/// An image in a black border of one pixel, so that sampling need not know its edges.
struct Bordered {
    pixels: Vec<f32>,
    /// Pixels in a row, border included.
    stride: usize,
    /// How many places in x and in y have a next pixel.
    places: [u64; 2],
}

impl Bordered {
    fn new(image: &GrayImage) -> Self {
        let size = image.size();
        let stride = size.width + 2;
        let mut pixels = vec![0.0; stride * (size.height + 2)];
        let lines = pixels.chunks_exact_mut(stride).skip(1);
        for (line, row) in lines.zip(image.pixels().chunks_exact(size.width.max(1))) {
            if let Some(inner) = line.get_mut(1..=size.width) {
                inner.copy_from_slice(row);
            }
        }
        Self { pixels, stride, places: [size.width as u64 + 1, size.height as u64 + 1] }
    }

    /// The value between pixels, at a place in steps of 2^-32.
    fn sample(&self, x: i64, y: i64) -> f32 {
        let (column, row) = ((x >> 32) as u64, (y >> 32) as u64);
        // Negative ones have become very large.
        if column >= self.places[0] || row >= self.places[1] {
            return 0.0;
        }
        let part = |place: i64| ((place as u32) >> 8) as i32 as f32 * (1.0 / (1 << 24) as f32);
        let (right, down) = (part(x), part(y));
        let start = row as usize * self.stride + column as usize;
        let Some([a, b, rest @ ..]) = self.pixels.get(start..start + self.stride + 2) else { return 0.0 };
        let [.., c, d] = rest else { return 0.0 };
        let (upper, lower) = (a + right * (b - a), c + right * (d - c));
        upper + down * (lower - upper)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_affine() -> impl Strategy<Value = Affine> {
        let part = || -3_f64..3.0;
        (part(), part(), part(), part(), part(), part()).prop_map(|(x_x, x_y, x_1, y_x, y_y, y_1)| Affine {
            x_x,
            x_y,
            x_1,
            y_x,
            y_y,
            y_1,
        })
    }

    proptest! {
        #[test]
        fn maps_compose_and_turn_back(a in any_affine(), b in any_affine(), x in -9_f64..9.0, y in -9_f64..9.0) {
            let [u, v] = a.then(b).apply([x, y]);
            let [s, t] = b.apply(a.apply([x, y]));
            prop_assert!((u - s).abs() < 1e-9 && (v - t).abs() < 1e-9);
            if let Some(back) = a.inverse() {
                let [s, t] = back.apply(a.apply([x, y]));
                let scale = back.x_x.abs() + back.x_y.abs() + back.y_x.abs() + back.y_y.abs() + 1.0;
                prop_assert!((x - s).abs() < 1e-9 * scale && (y - t).abs() < 1e-9 * scale);
            }
        }

        #[test]
        fn sampling_never_leaves_the_range_of_the_image(
            values in prop::collection::vec(0_f32..1.0, 12), map in any_affine(),
        ) {
            let image = GrayImage::new(Size::new(4, 3), values).unwrap();
            let out = warp(&image, Size::new(5, 6), &map, |_| 0.0);
            prop_assert!(out.iter().all(|value| (-1e-6..=1.0 + 1e-6).contains(value)));
        }
    }

    #[test]
    fn the_identity_keeps_every_bit_and_a_flat_map_has_no_way_back() {
        let image = GrayImage::new(Size::new(3, 2), vec![0.1, 0.9, 0.3, 0.7, 0.2, 0.4]).unwrap();
        assert_eq!(warp(&image, image.size(), &Affine::IDENTITY, |_| 0.0), image.pixels());
        assert_eq!(Affine::stretch(0.0, 1.0).inverse(), None);
        let far = Affine::shift(1e30, f64::MAX);
        assert_eq!(warp(&image, image.size(), &far, |_| 0.0), [0.0; 6]);
    }
}
