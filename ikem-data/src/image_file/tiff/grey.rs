//! Conversion of a page's samples to grey values.

use std::path::Path;

use ikem_core::Size;
use tiff::decoder::DecodingResult;

use super::super::WHOLE;
use super::layout::{Colours, Layout};
use crate::decoded::{Pixels, luma, without_range};
use crate::error::Error;

/// Decoded samples with the range 0…`full`.
struct Samples {
    values: Pixels,
    full: f32,
}

/// The grey values of a page of `size`, in row-major order.
pub(super) fn pixels(
    path: &Path,
    size: Size,
    layout: &Layout,
    decoded: DecodingResult,
) -> Result<Pixels, Error> {
    let (area, per_pixel) = (size.area(), usize::from(layout.samples));
    let samples = if layout.is_packed() { unpacked(size, layout, decoded) } else { typed(decoded) };
    if samples.len() < area * per_pixel {
        return Err(Error::broken(path, "image", "the TIFF data is truncated", WHOLE));
    }
    let value = |pixel: usize, channel: usize| match layout.planar {
        true => samples.at(channel * area + pixel),
        false => samples.at(pixel * per_pixel + channel),
    };
    let full = samples.full;
    Ok(match &layout.colours {
        Colours::Rgb => luma((0..area).map(|pixel| [0, 1, 2].map(|channel| value(pixel, channel))), full),
        Colours::Cmyk => {
            // The light that this ink and black together transmit.
            let through = |pixel, ink| (full - value(pixel, ink)) * (full - value(pixel, 3)) / full;
            luma((0..area).map(|pixel| [0, 1, 2].map(|ink| through(pixel, ink))), full)
        }
        Colours::Palette(palette) => {
            let colour = |number: f32| palette.get(number as usize).copied().unwrap_or(0.0);
            Pixels::Values((0..area).map(|pixel| colour(value(pixel, 0))).collect())
        }
        Colours::Grey | Colours::Negative | Colours::YCbCr => {
            let grey = match per_pixel == 1 && samples.fills_its_type() {
                true => samples.values,
                false => Pixels::Values((0..area).map(|pixel| value(pixel, 0) / full).collect()),
            };
            if layout.colours == Colours::Negative { negative(grey) } else { grey }
        }
    })
}

impl Samples {
    fn len(&self) -> usize {
        match &self.values {
            Pixels::Bytes(bytes) => bytes.len(),
            Pixels::Words(words) => words.len(),
            Pixels::Values(values) => values.len(),
        }
    }

    fn at(&self, index: usize) -> f32 {
        let value = match &self.values {
            Pixels::Bytes(bytes) => bytes.get(index).map(|byte| f32::from(*byte)),
            Pixels::Words(words) => words.get(index).map(|word| f32::from(*word)),
            Pixels::Values(values) => values.get(index).copied(),
        };
        value.unwrap_or(0.0)
    }

    /// Whether `full` is the largest value of the sample type.
    fn fills_its_type(&self) -> bool {
        let most = match &self.values {
            Pixels::Bytes(_) => 255.0,
            Pixels::Words(_) => 65535.0,
            Pixels::Values(_) => 1.0,
        };
        self.full == most
    }
}

/// Inverts grey values where 0 is white.
fn negative(grey: Pixels) -> Pixels {
    match grey {
        Pixels::Bytes(bytes) => Pixels::Bytes(bytes.into_iter().map(|byte| !byte).collect()),
        Pixels::Words(words) => Pixels::Words(words.into_iter().map(|word| !word).collect()),
        Pixels::Values(values) => Pixels::Values(values.into_iter().map(|value| 1.0 - value).collect()),
    }
}

/// Samples of whole bytes. Signed types map from 0 if no value is negative, or else from their minimum.
fn typed(decoded: DecodingResult) -> Samples {
    let wide = |mut values: Vec<f32>| {
        without_range(&mut values);
        Samples { values: Pixels::Values(values), full: 1.0 }
    };
    let signed = |values: Vec<f32>, most: f32| {
        let is_positive = values.iter().all(|value| *value >= 0.0);
        let (least, range) = if is_positive { (0.0, most) } else { (-most - 1.0, 2.0 * most + 1.0) };
        let values = values.into_iter().map(|value| (value - least) / range).collect();
        Samples { values: Pixels::Values(values), full: 1.0 }
    };
    match decoded {
        DecodingResult::U8(bytes) => Samples { values: Pixels::Bytes(bytes), full: 255.0 },
        DecodingResult::U16(words) => Samples { values: Pixels::Words(words), full: 65535.0 },
        DecodingResult::I8(values) => signed(values.into_iter().map(f32::from).collect(), 127.0),
        DecodingResult::I16(values) => signed(values.into_iter().map(f32::from).collect(), 32767.0),
        DecodingResult::U32(values) => wide(values.into_iter().map(|value| value as f32).collect()),
        DecodingResult::U64(values) => wide(values.into_iter().map(|value| value as f32).collect()),
        DecodingResult::I32(values) => wide(values.into_iter().map(|value| value as f32).collect()),
        DecodingResult::I64(values) => wide(values.into_iter().map(|value| value as f32).collect()),
        DecodingResult::F16(values) => wide(values.into_iter().map(f32::from).collect()),
        DecodingResult::F32(values) => wide(values),
        DecodingResult::F64(values) => wide(values.into_iter().map(|value| value as f32).collect()),
    }
}

/// Unpacks samples that share bytes, most significant bit first; each row starts at a byte boundary.
fn unpacked(size: Size, layout: &Layout, decoded: DecodingResult) -> Samples {
    let full = ((1_u32 << layout.bits.min(16)) - 1) as f32;
    let DecodingResult::U8(bytes) = decoded else {
        return Samples { values: Pixels::Words(Vec::new()), full };
    };
    let (bits, samples) = (usize::from(layout.bits), usize::from(layout.samples));
    let (in_row, planes) = if layout.planar { (size.width, samples) } else { (size.width * samples, 1) };
    let row_bytes = (in_row * bits).div_ceil(8).max(1);
    let mut words = Vec::with_capacity(in_row * size.height * planes);
    for row in bytes.chunks_exact(row_bytes).take(size.height * planes) {
        let (mut held, mut count) = (0_u32, 0);
        let mut left = row.iter();
        for _ in 0..in_row {
            while count < bits {
                held = held << 8 | u32::from(left.next().copied().unwrap_or(0));
                count += 8;
            }
            count -= bits;
            words.push((held >> count) as u16);
            held &= (1 << count) - 1;
        }
    }
    Samples { values: Pixels::Words(words), full }
}
