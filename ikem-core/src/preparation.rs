use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::frame::Frame;
use crate::geometry::Size;
use crate::image::GrayImage;
use crate::pixel::over_255;
use crate::resample::{Resampling, resample_frame};

/// The one way an image becomes a network's input, for prediction and for training: resized to `size`, rounded to
/// 256 grey levels, then scaled from 0…1 to -1…1.
///
/// The rounding is part of what the networks learnt from; without it their points move by up to two pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// The network's grid.
    pub size: Size,
    /// The filter of the resizing.
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

    /// As [`apply`](Self::apply), of the part of the image that `frame` shows.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_in(&self, image: &GrayImage, frame: &Frame) -> Result<Vec<f32>, Error> {
        let resized = resample_frame(image, frame, self.size, self.resampling)?;
        Ok(resized.pixels().iter().map(|&value| Self::input(value)).collect())
    }

    /// What a network is given for a grey value of 0…1 of the resized image.
    #[must_use]
    pub fn input(value: f32) -> f32 {
        /// Numbers near to it are whole: adding it rounds, halves to even. `round_ties_even` says the same, but calls
        /// a function for each pixel on processors that compilers do not take for new.
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
    fn grey_levels_are_whole() {
        let image = GrayImage::new(Size::new(2, 1), vec![100.4 / 255.0, 100.6 / 255.0]).expect("pixels");
        let same = Preparation { size: Size::new(2, 1), resampling: Resampling::Area };
        assert_eq!(same.apply(&image), Ok(vec![2.0 * (100.0 / 255.0) - 1.0, 2.0 * (101.0 / 255.0) - 1.0]));
    }
}
