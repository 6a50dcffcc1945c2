use crate::frame::Frame;
use crate::image::GrayImage;

/// A linear grey-scale mapping: the values of a film, 0…1, that are mapped to black and white. Values in between are
/// stretched to 0…1; if white is below black, the film is a negative and is inverted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tones {
    /// The value mapped to 0.
    pub black: f32,
    /// The value mapped to 1.
    pub white: f32,
}

/// A film that uses at least this fraction of the range of its type is left unchanged.
const ORDINARY: f32 = 0.4;
/// The least difference of two distinct values.
const LEAST: f32 = 1e-3;
/// Bins of the histogram: one per 16-bit value.
const BINS: usize = 1 << 16;
/// The largest 16-bit value.
const MOST: f32 = 65535.0;
/// The most unused high bits that are considered.
const BITS: i32 = 12;
/// A film whose black is below this fraction of the range of the bits in use is taken to start at 0.
const FROM_ZERO: f32 = 0.1;

impl Tones {
    /// The quantiles that count as black and white: some pixels are outliers, such as hot pixels, letters or the film's
    /// border.
    pub const TAILS: [f64; 2] = [0.005, 0.995];
    /// No change.
    pub const IDENTITY: Self = Self { black: 0.0, white: 1.0 };

    /// The mapping for a film. A film that uses a large part of its type's range, as most do, is left unchanged. One
    /// that starts at 0 and uses only the low bits of its type (such as 12 of 16) is scaled by the range of these bits,
    /// as if it were stored in a type of that width. Any other film is stretched from its 0.5th to its 99.5th
    /// percentile. A film of one value is left unchanged. Margins of one value do not count: they may be much brighter than the
    /// film.
    #[must_use]
    pub fn of(image: &GrayImage) -> Self {
        let content = Frame::inside_margins(image, 0.0);
        let [[left, top], _, [right, bottom], _] =
            content.corners().map(|corner| corner.map(|edge| edge as usize));
        let rows = image.pixels().chunks_exact(image.size().width.max(1));
        let pixels = rows.take(bottom).skip(top).flat_map(|row| row.get(left..right).unwrap_or(row));
        let mut bins = vec![0_u32; BINS];
        // A subset of the pixels suffices.
        let step = ((right - left) * (bottom - top) / (1 << 18)).max(1);
        let mut count = 0_u32;
        for &pixel in pixels.step_by(step) {
            bins[((pixel * BINS as f32) as usize).min(BINS - 1)] += 1;
            count += 1;
        }
        let at = |part: f64| {
            let wanted = (f64::from(count) * part) as u32;
            let mut below = 0;
            let bin = bins.iter().position(|bin| {
                below += bin;
                below > wanted
            });
            bin.unwrap_or(BINS - 1) as f32 / BINS as f32
        };
        Self::between(Self::TAILS.map(at))
    }

    /// The mapping for a film with these values at both [`TAILS`](Self::TAILS).
    #[must_use]
    pub fn between([black, white]: [f32; 2]) -> Self {
        if white - black >= ORDINARY || white <= black {
            return Self::IDENTITY;
        }
        // The least number of bits that represents all values up to white, including those of its histogram bin.
        let used = white + 1.0 / BINS as f32;
        let bits = (1..=BITS).map(|fewer| 0.5_f32.powi(fewer)).take_while(|range| used <= *range).last();
        match bits {
            Some(range) if black < FROM_ZERO * range && white - black >= ORDINARY * range => {
                // The largest value of that many bits, such as 4095 of 65535.
                Self { black: 0.0, white: (range * (MOST + 1.0) - 1.0) / MOST }
            }
            _ => Self { black, white },
        }
    }

    /// The mapping between two quantiles of `values`; `None` if these are equal or there are no values. Reorders the
    /// values.
    #[must_use]
    pub fn percentiles(values: &mut [f32], parts: [f64; 2]) -> Option<Self> {
        let last = values.len().checked_sub(1)?;
        let mut at = |part: f64| {
            let rank = ((last as f64 * part).round() as usize).min(last);
            *values.select_nth_unstable_by(rank, f32::total_cmp).1
        };
        let [black, white] = parts.map(&mut at);
        (white - black > LEAST).then_some(Self { black, white })
    }

    /// Normalises a film's values to a locator's input range, -1…1: the first percentile becomes -1 and the 99th 1,
    /// with clipping beyond. If both are equal, 0…1 becomes -1…1. `values` must not include padding.
    pub fn normalise(values: &mut [f32]) {
        let tones = Self::percentiles(&mut values.to_vec(), [0.01, 0.99]).unwrap_or(Self::IDENTITY);
        for value in values {
            *value = 2.0 * tones.apply(*value) - 1.0;
        }
    }

    /// The mapping for the negative.
    #[must_use]
    pub const fn inverted(self) -> Self {
        Self { black: self.white, white: self.black }
    }

    /// Applies the mapping to a value; the result is in 0…1.
    #[must_use]
    pub fn apply(&self, value: f32) -> f32 {
        ((value - self.black) / (self.white - self.black)).clamp(0.0, 1.0)
    }

    /// Applies the mapping to an image; shares its pixels if nothing changes.
    #[must_use]
    pub fn apply_to(&self, image: &GrayImage) -> GrayImage {
        if *self == Self::IDENTITY || self.black == self.white {
            return image.clone();
        }
        image.map(|value| self.apply(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    fn ramp(low: f32, high: f32) -> GrayImage {
        let pixels = (0..10_000).map(|i| low + (high - low) * i as f32 / 9999.0).collect();
        GrayImage::new(Size::new(100, 100), pixels).expect("pixels")
    }

    #[test]
    fn bright_margins_do_not_count() {
        let film = ramp(0.0, 0.0625);
        let (width, strip) = (100, 7);
        let beside = |left: usize| {
            let row = |row: &[f32]| {
                let mut seen = vec![1.0; width + strip];
                seen[left..][..width].copy_from_slice(row);
                seen
            };
            let pixels = film.pixels().chunks_exact(width).flat_map(row).collect();
            GrayImage::new(Size::new(width + strip, 100), pixels).expect("pixels")
        };
        assert_ne!(Tones::of(&film), Tones::IDENTITY);
        for left in [0, 3, strip] {
            assert_eq!(Tones::of(&beside(left)), Tones::of(&film), "{left} columns on the left");
        }
    }

    #[test]
    fn films_with_a_narrow_range_are_stretched_and_others_are_not() {
        for image in [ramp(0.0, 1.0), ramp(0.2, 0.7), ramp(0.3, 0.3)] {
            assert_eq!(Tones::of(&image), Tones::IDENTITY);
            assert_eq!(Tones::of(&image).apply_to(&image), image);
        }
        for (low, high) in [(0.35, 0.65), (0.0, 0.0625), (0.9, 1.0)] {
            let image = ramp(low, high);
            let tones = Tones::of(&image);
            let stretched = tones.apply_to(&image);
            for (i, &value) in stretched.pixels().iter().enumerate() {
                // The tails are clipped.
                let expected = (i as f32 / 9999.0 - 0.005) / 0.99;
                assert!((value - expected.clamp(0.0, 1.0)).abs() < 0.01, "{low}…{high}, {i}: {value}");
            }
        }
    }

    /// 10 to 14 of 16 bits, and 6 of 8: the values that a type of this width would hold.
    #[test]
    fn films_that_use_fewer_bits_are_scaled_by_their_range() {
        let film = ramp(0.0, 0.93);
        for fewer in [2, 4, 6, 8] {
            let range = (0.5_f32.powi(fewer) * 65536.0 - 1.0) / 65535.0;
            for (hot, value) in [(0, 0.0), (16, 1.0)] {
                let mut pixels: Vec<f32> = film.pixels().iter().map(|value| value * range).collect();
                pixels[..hot].fill(value);
                let dark = GrayImage::new(film.size(), pixels).expect("pixels");
                let stretched = Tones::of(&dark).apply_to(&dark);
                for (a, b) in stretched.pixels().iter().zip(film.pixels()).skip(16) {
                    assert!((a - b).abs() < 1e-6, "{fewer} bits fewer: {a} for {b}");
                }
            }
        }
    }

    #[test]
    fn a_few_hot_pixels_are_ignored() {
        let mut pixels = ramp(0.02, 0.12).pixels().to_vec();
        pixels[..16].fill(1.0);
        let tones = Tones::of(&GrayImage::new(Size::new(100, 100), pixels).expect("pixels"));
        assert!((tones.white - 0.12).abs() < 2e-3, "{tones:?}");
    }

    #[test]
    fn negatives_are_inverted() {
        let image = ramp(0.0, 1.0);
        let negative = Tones::IDENTITY.inverted().apply_to(&image);
        for (a, b) in image.pixels().iter().zip(negative.pixels()) {
            assert!((a + b - 1.0).abs() < 1e-6);
        }
    }
}
