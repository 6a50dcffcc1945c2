use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::frame::Frame;
use crate::geometry::Size;
use crate::image::GrayImage;
use crate::pixel::over_255;
use crate::resample::{Resampling, resample_frame};

/// The conversion of an image to a network's input, the same for prediction and training: resized to `size`, quantised
/// to 256 grey levels, and scaled from 0…1 to -1…1.
///
/// The quantisation is part of what the networks were trained on; without it, their points move by up to two pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// The size of the network's grid.
    pub size: Size,
    /// The resampling filter.
    pub resampling: Resampling,
}

impl Preparation {
    /// The prepared pixels, H × W in row-major order, -1 (black) … 1 (white).
    ///
    /// # Errors
    /// [`Error::EmptySize`] when the network's grid has no pixels.
    pub fn apply(&self, image: &GrayImage) -> Result<Vec<f32>, Error> {
        self.apply_in(image, &Frame::whole(image.size()))
    }

    /// Like [`apply`](Self::apply), for the region of the image in `frame`.
    ///
    /// # Errors
    /// Like [`apply`](Self::apply).
    pub fn apply_in(&self, image: &GrayImage, frame: &Frame) -> Result<Vec<f32>, Error> {
        let resized = resample_frame(image, frame, self.size, self.resampling)?;
        Ok(resized.pixels().iter().map(|&value| Self::input(value)).collect())
    }

    /// The network's input for a grey value of 0…1 of the resized image.
    #[must_use]
    pub fn input(value: f32) -> f32 {
        /// Near it, f32 numbers are integers: adding it rounds, with ties to even. `round_ties_even` gives the same,
        /// but is a function call per pixel on the baseline x86-64 instruction set.
        const WHOLE: f32 = 12_582_912.0;
        let level = (255.0 * value + WHOLE) - WHOLE;
        2.0 * over_255(level) - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_is_minus_one_and_white_is_one() {
        let image = GrayImage::new(Size::new(2, 1), vec![0.0, 1.0]).expect("pixels");
        let same = Preparation { size: Size::new(2, 1), resampling: Resampling::Area };
        assert_eq!(same.apply(&image), Ok(vec![-1.0, 1.0]));
    }

    #[test]
    fn levels_are_rounded_to_the_nearest_and_halves_to_even() {
        for i in 0..=51_000 {
            let value = i as f32 / 51_000.0;
            assert_eq!(Preparation::input(value), 2.0 * ((255.0 * value).round_ties_even() / 255.0) - 1.0);
        }
    }

    #[test]
    fn prepared_values_are_quantised_to_256_levels() {
        let image = GrayImage::new(Size::new(2, 1), vec![100.4 / 255.0, 100.6 / 255.0]).expect("pixels");
        let same = Preparation { size: Size::new(2, 1), resampling: Resampling::Area };
        assert_eq!(same.apply(&image), Ok(vec![2.0 * (100.0 / 255.0) - 1.0, 2.0 * (101.0 / 255.0) - 1.0]));
    }
}
