//! Decoded grey values in their original sample type.

use ikem_core::{GrayImage, Resampling, Size, Spacing, Tones, resample_pixels};
use image::metadata::Orientation;

use crate::error::Error;

/// A decoded image: its grey values, or the luma of its colours.
pub(crate) struct Decoded {
    pub(crate) size: Size,
    pub(crate) pixels: Pixels,
    pub(crate) spacing: Option<Spacing>,
    /// What the user should know about how the file was read.
    pub(crate) note: Option<String>,
}

#[derive(PartialEq)]
pub(crate) enum Pixels {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
    Values(Vec<f32>),
}

impl Decoded {
    /// An image without metadata.
    pub(crate) const fn new(size: Size, pixels: Pixels) -> Self {
        Self { size, pixels, spacing: None, note: None }
    }

    pub(crate) fn into_gray(self) -> Result<GrayImage, Error> {
        Ok(match self.pixels {
            Pixels::Bytes(bytes) => GrayImage::from_u8(self.size, &bytes),
            Pixels::Words(words) => GrayImage::from_u16(self.size, &words),
            Pixels::Values(values) => GrayImage::new(self.size, values),
        }?)
    }

    pub(crate) fn resized(&self, size: Size, resampling: Resampling) -> Result<GrayImage, Error> {
        Ok(match &self.pixels {
            Pixels::Bytes(bytes) => resample_pixels(self.size, bytes, size, resampling),
            Pixels::Words(words) => resample_pixels(self.size, words, size, resampling),
            Pixels::Values(values) => resample_pixels(self.size, values, size, resampling),
        }?)
    }

    /// Applies an EXIF orientation.
    pub(crate) fn oriented(self, orientation: Orientation) -> Self {
        if orientation == Orientation::NoTransforms {
            return self;
        }
        let Self { size, pixels, spacing, note } = self;
        let pixels = match pixels {
            Pixels::Bytes(bytes) => Pixels::Bytes(turned(&bytes, size, orientation)),
            Pixels::Words(words) => Pixels::Words(turned(&words, size, orientation)),
            Pixels::Values(values) => Pixels::Values(turned(&values, size, orientation)),
        };
        Self { size: turned_size(size, orientation), pixels, spacing, note }
    }
}

/// The size after an orientation is applied.
pub(crate) const fn turned_size(size: Size, orientation: Orientation) -> Size {
    match swaps_sides(orientation) {
        true => Size::new(size.height, size.width),
        false => size,
    }
}

const fn swaps_sides(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

fn turned<T: Copy>(pixels: &[T], size: Size, orientation: Orientation) -> Vec<T> {
    use Orientation::{FlipHorizontal, FlipVertical, Rotate90, Rotate90FlipH, Rotate180, Rotate270};
    let (right, bottom) = (size.width.saturating_sub(1), size.height.saturating_sub(1));
    let to = turned_size(size, orientation);
    let places = (0..to.height).flat_map(|y| (0..to.width).map(move |x| (x, y)));
    let from = places.map(|(x, y)| match orientation {
        Orientation::NoTransforms => (x, y),
        FlipHorizontal => (right - x, y),
        FlipVertical => (x, bottom - y),
        Rotate180 => (right - x, bottom - y),
        Rotate90 => (y, bottom - x),
        Rotate270 => (right - y, x),
        // Rotated first, then mirrored.
        Rotate90FlipH => (y, x),
        Orientation::Rotate270FlipH => (right - y, bottom - x),
    });
    from.filter_map(|(x, y)| pixels.get(y * size.width + x).copied()).collect()
}

/// Rec. 601 luma of colours with channels 0…`full`. Divides after the weighted sum, so that a grey picture saved in
/// colour gives the same values as one saved in grey.
pub(crate) fn luma(colours: impl Iterator<Item = [f32; 3]>, full: f32) -> Pixels {
    Pixels::Values(colours.map(|[r, g, b]| (299.0 * r + 587.0 * g + 114.0 * b) / 1000.0 / full).collect())
}

/// Upper ends of common ranges: fractions, 8 bits, 16 bits.
const USUAL: [f32; 3] = [1.0, 255.0, 65535.0];
/// If the range between the tail percentiles is a smaller fraction of the full range than this, outliers are clipped.
const USED: f32 = 0.1;

/// Scales samples without a natural range to 0…1: from 0…1, 0…255 or 0…65535, the first that holds all of them, or else
/// from minimum to maximum, clipping far outliers. Values that are not finite become black.
pub(crate) fn without_range(values: &mut [f32]) {
    let mut finite: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let lowest = finite.iter().copied().fold(f32::INFINITY, f32::min);
    let highest = finite.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let usual = USUAL.into_iter().find(|end| lowest >= 0.0 && highest <= *end);
    let range = Tones { black: lowest, white: highest };
    let tones = match (usual, Tones::percentiles(&mut finite, Tones::TAILS)) {
        (Some(end), _) => Tones { black: 0.0, white: end },
        (None, Some(most)) if most.white - most.black < USED * (highest - lowest) => most,
        _ => range,
    };
    for value in values {
        *value = match value.is_finite() {
            true if tones.white > tones.black => tones.apply(*value),
            true => 0.5,
            false => 0.0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orientation_matches_the_crate_image() {
        let size = Size::new(3, 2);
        let bytes: Vec<u8> = (0..6).collect();
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif).expect("an orientation");
            let mut expected =
                image::DynamicImage::from(image::GrayImage::from_raw(3, 2, bytes.clone()).expect("an image"));
            expected.apply_orientation(orientation);
            let decoded = Decoded::new(size, Pixels::Bytes(bytes.clone()));
            let found = decoded.oriented(orientation);
            let expected_size = Size::new(expected.width() as usize, expected.height() as usize);
            assert_eq!(found.size, expected_size, "{orientation:?}");
            assert!(found.pixels == Pixels::Bytes(expected.into_luma8().into_raw()), "{orientation:?}");
        }
    }

    #[test]
    fn samples_without_a_natural_range_are_scaled() {
        let ramp = |low: f32, high: f32| (0..=1000).map(move |i| low + (high - low) * i as f32 / 1000.0);
        for (low, high, black, white) in [
            (0.0, 1.0, 0.0, 1.0),
            (0.2, 0.4, 0.2, 0.4),
            (0.0, 255.0, 0.0, 1.0),
            (0.0, 4095.0, 0.0, 4095.0 / 65535.0),
            (-1.0, 1.0, 0.0, 1.0),
            (-1024.0, 3071.0, 0.0, 1.0),
            (0.0, 4e9, 0.0, 1.0),
        ] {
            let mut values: Vec<f32> = ramp(low, high).collect();
            without_range(&mut values);
            let found = [values[0], values[1000]];
            assert!(
                found.iter().zip([black, white]).all(|(a, b)| (a - b).abs() < 1e-6),
                "{low}…{high}: {found:?}"
            );
        }
        let mut odd: Vec<f32> = ramp(-100.0, 100.0).chain([1e30, f32::NAN, f32::NEG_INFINITY]).collect();
        without_range(&mut odd);
        assert!((odd[500] - 0.5).abs() < 0.01 && odd[1001..] == [1.0, 0.0, 0.0], "{:?}", &odd[500..501]);
        let mut flat = vec![-3.0; 4];
        without_range(&mut flat);
        assert_eq!(flat, [0.5; 4]);
        without_range(&mut [f32::NAN]);
    }
}
