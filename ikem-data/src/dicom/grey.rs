//! From stored samples to grey values.

use std::path::Path;

use dicom_pixeldata::{
    DecodedPixelData, PhotometricInterpretation, PixelRepresentation, PlanarConfiguration, Rescale,
    VoiLutFunction, WindowLevelTransform,
};

use super::KIND;
use crate::Error;
use crate::image_file::{Pixels, luma};

/// The grey values of a decoded frame, 0 (black) … 1 (white).
pub(super) fn pixels(path: &Path, frame: &DecodedPixelData) -> Result<Pixels, Error> {
    use PhotometricInterpretation::{Monochrome1, Monochrome2, Rgb};
    let depth = Depth::new(path, frame)?;
    match (frame.photometric_interpretation(), frame.samples_per_pixel()) {
        (Monochrome1 | Monochrome2, 1) => {
            let table = table(path, frame, &depth)?;
            Ok(Pixels::Values(
                depth.levels(frame.data()).map(|level| table.get(level).copied().unwrap_or(0.0)).collect(),
            ))
        }
        (Rgb, 3) => Ok(colour(frame, &depth)),
        (other, samples) => {
            let found = format!("its pixels are {} of {samples} samples", other.as_str());
            Err(Error::broken(path, KIND, found, "MONOCHROME1, MONOCHROME2 or RGB"))
        }
    }
}

/// How a sample lies in its bytes.
struct Depth {
    bytes: usize,
    stored: u32,
    shift: u32,
    signed: bool,
}

impl Depth {
    fn new(path: &Path, frame: &DecodedPixelData) -> Result<Self, Error> {
        let (allocated, stored, high) =
            (u32::from(frame.bits_allocated()), u32::from(frame.bits_stored()), u32::from(frame.high_bit()));
        if stored == 0 || high >= allocated || stored > high + 1 {
            let found = format!("{stored} bits are stored up to bit {high}");
            return Err(Error::broken(path, KIND, found, format!("some of the bits 0…{}", allocated - 1)));
        }
        let signed = frame.pixel_representation() == PixelRepresentation::Signed;
        Ok(Self { bytes: allocated as usize / 8, stored, shift: high + 1 - stored, signed })
    }

    /// How many levels there are.
    const fn count(&self) -> usize {
        1 << self.stored
    }

    /// The samples as levels: the stored bits as a number without sign.
    fn levels(&self, data: &[u8]) -> impl Iterator<Item = usize> {
        let mask = self.count() - 1;
        data.chunks_exact(self.bytes).map(move |sample| {
            let sample = match *sample {
                [low, high] => usize::from(u16::from_le_bytes([low, high])),
                [byte] => usize::from(byte),
                _ => 0,
            };
            (sample >> self.shift) & mask
        })
    }

    /// The number that a level stands for.
    fn value(&self, level: usize) -> f64 {
        let half = 1 << (self.stored - 1);
        if self.signed && level >= half { level as f64 - self.count() as f64 } else { level as f64 }
    }
}

/// The grey value of each level: rescaled, through the window, and turned over where the lowest value is white.
///
/// Without a window, the values that the picture has reach from black to white; but 8 bits or less are taken as they are, since they
/// were made for a screen.
fn table(path: &Path, frame: &DecodedPixelData, depth: &Depth) -> Result<Vec<f32>, Error> {
    let broken = |found: &dyn std::fmt::Display| Error::broken(path, KIND, found, "finite numbers");
    let rescale = frame.rescale().map_err(|error| broken(&error))?.first().copied();
    let rescale = rescale.unwrap_or(Rescale { slope: 1.0, intercept: 0.0 });
    let window = frame.window().map_err(|error| broken(&error))?.and_then(|windows| windows.first().copied());
    let function = frame.voi_lut_function().ok().flatten().and_then(|all| all.first().copied());

    let values: Vec<f64> = (0..depth.count()).map(|level| rescale.apply(depth.value(level))).collect();
    let windowed: Vec<f64> = if let Some(window) = window {
        let transform = WindowLevelTransform::new(function.unwrap_or(VoiLutFunction::Linear), window);
        values.iter().map(|&value| transform.apply(value, 1.0)).collect()
    } else {
        let (low, high) = extent(frame, depth, &values);
        values.iter().map(|&value| if high > low { (value - low) / (high - low) } else { 0.0 }).collect()
    };
    if !windowed.iter().all(|value| value.is_finite()) {
        return Err(broken(&format_args!("its rescale is {rescale:?}, its window {window:?}")));
    }
    let inverted = *frame.photometric_interpretation() == PhotometricInterpretation::Monochrome1;
    let grey = |value: f64| if inverted { 1.0 - value.clamp(0.0, 1.0) } else { value.clamp(0.0, 1.0) };
    Ok(windowed.into_iter().map(|value| grey(value) as f32).collect())
}

/// The lowest and the highest of `values` that count.
fn extent(frame: &DecodedPixelData, depth: &Depth, values: &[f64]) -> (f64, f64) {
    let between = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    let nothing = (f64::INFINITY, f64::NEG_INFINITY);
    if depth.stored <= 8 {
        return values.iter().copied().fold(nothing, between);
    }
    let present = depth.levels(frame.data()).filter_map(|level| values.get(level).copied());
    present.fold(nothing, between)
}

/// The luma of a picture in colour, whose planes may lie one behind the other.
fn colour(frame: &DecodedPixelData, depth: &Depth) -> Pixels {
    let levels: Vec<f32> = depth.levels(frame.data()).map(|level| level as f32).collect();
    let full = (depth.count() - 1) as f32;
    if frame.planar_configuration() == PlanarConfiguration::PixelFirst {
        let (reds, rest) = levels.split_at(levels.len() / 3);
        let (greens, blues) = rest.split_at(rest.len() / 2);
        return luma(reds.iter().zip(greens).zip(blues).map(|((&r, &g), &b)| [r, g, b]), full);
    }
    luma(levels.chunks_exact(3).filter_map(|colour| <[f32; 3]>::try_from(colour).ok()), full)
}
