use serde::{Deserialize, Serialize};

use crate::{Error, GrayImage, Resampling, Size, resample};

/// The one way an image becomes a network's input, for prediction and for training: resized to `size`, then
/// scaled from 0…1 to -1…1.
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
        let resized = resample(image, self.size, self.resampling)?;
        Ok(resized.pixels().iter().map(|value| 2.0 * value - 1.0).collect())
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
}
