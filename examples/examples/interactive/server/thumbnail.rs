use ikem_core::{GrayImage, Resampling, Size, resample};
use ikem_data::film_png;

use super::failure::{Kind, Result};

/// How high a small picture is, in pixels.
const HEIGHT: usize = 160;

/// A small picture of an image, as a PNG file.
pub(super) fn thumbnail(image: &GrayImage) -> Result<Vec<u8>> {
    let Size { width, height } = image.size();
    // A very wide image is no spine; its picture may be low.
    let scale = (HEIGHT as f64 / height as f64).min(2.0 * HEIGHT as f64 / width as f64);
    let side = |pixels: usize| ((pixels as f64 * scale).round() as usize).max(1);
    let small = resample(image, Size::new(side(width), side(height)), Resampling::Area);
    Ok(film_png(&small.map_err(|error| Kind::Failed.because(error))?)?)
}
