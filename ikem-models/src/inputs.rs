//! The inputs of a network, in whatever form is the most compact: hints as a few Gaussians, previous heatmaps as small
//! logits, an image that does not change as its encoded features. Dense maps are made only for code that cannot use
//! these.

use candle_core::{Result, Tensor};
use ikem_core::{Error as Wrong, GaussianFactors, Hint, Size};

use crate::config::ModelConfig;
use crate::error::Error;
use crate::ops;

/// The inputs for a batch of B images on a grid of W × H; tensors are f32 (or of the weights' type), on the weights'
/// device.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// A Gaussian at each corrected keypoint, zeros elsewhere.
    pub hints: HintMaps,
    /// The heatmaps of the prediction that the hints correct.
    pub previous: PreviousMaps,
    /// The image.
    pub image: ImageInput,
}

/// Hint maps (B, K, H, W).
#[derive(Debug, Clone)]
pub enum HintMaps {
    /// As dense maps.
    Dense(Tensor),
    /// As Gaussians.
    Gaussians {
        /// The hints of each image, at most one for each keypoint, in pixels of the grid.
        hints: Vec<Vec<Hint>>,
        /// The standard deviation in pixels of the grid.
        std: f32,
    },
}

/// Previous heatmaps (B, K, H, W).
#[derive(Debug, Clone)]
pub enum PreviousMaps {
    /// There was no prediction: zeros.
    None,
    /// As dense maps.
    Dense(Tensor),
    /// The sigmoid of these logits (B, K, h, w), resized bilinearly with aligned corners.
    OfLogits(Tensor),
}

/// The image of a forward pass.
#[derive(Debug, Clone)]
pub enum ImageInput {
    /// Grey, repeated three times, -1…1: (B, 3, H, W).
    Pixels(Tensor),
    /// The result of [`Network::encode_image`](crate::Network::encode_image), in evaluation only.
    Encoded(EncodedImage),
}

/// The features of an image that do not depend on hints.
#[derive(Debug, Clone)]
pub struct EncodedImage {
    pub(crate) features: Tensor,
    pub(crate) grid: Size,
}

/// A hint's keypoint, and the factors of its Gaussian on the grid.
pub(crate) type HintFactors = (usize, GaussianFactors);

impl Inputs {
    /// Inputs as dense maps: hint maps and previous heatmaps (B, K, H, W), pixels (B, 3, H, W).
    #[must_use]
    pub const fn dense(hints: Tensor, previous: Tensor, pixels: Tensor) -> Self {
        Self {
            hints: HintMaps::Dense(hints),
            previous: PreviousMaps::Dense(previous),
            image: ImageInput::Pixels(pixels),
        }
    }

    /// Checks all shapes against a network's and against each other. Any grid is one, since the networks are convolutions.
    ///
    /// # Errors
    /// [`Error::Shape`] with the first that does not fit; [`Error::Argument`] for a hint of an unknown keypoint or another
    /// number of images.
    pub(crate) fn check(&self, config: &ModelConfig) -> std::result::Result<(), Error> {
        let keypoints = config.keypoints();
        let shape = |what, tensor: &Tensor, expected: [usize; 4]| match tensor.dims() == expected {
            true => Ok(()),
            false => Err(Error::Shape { what, found: tensor.dims().to_vec(), expected: expected.to_vec() }),
        };
        let (images, Size { width, height }) = match &self.image {
            ImageInput::Pixels(pixels) => {
                let usual =
                    (pixels.dims().first().copied().unwrap_or(1), 3, config.size.height, config.size.width);
                let (images, _, height, width) = pixels.dims4().unwrap_or(usual);
                shape("pixels", pixels, [images, 3, height, width])?;
                (images, Size::new(width, height))
            }
            ImageInput::Encoded(EncodedImage { features, grid }) => {
                (features.dims().first().copied().unwrap_or(0), *grid)
            }
        };
        let maps = [images, keypoints, height, width];
        match &self.hints {
            HintMaps::Dense(hints) => shape("hint maps", hints, maps)?,
            HintMaps::Gaussians { hints, .. } => {
                if hints.len() != images {
                    let found = hints.len();
                    return Err(Wrong::Length { what: "hints of images", expected: images, found }.into());
                }
                if let Some(hint) = hints.iter().flatten().find(|hint| hint.keypoint >= keypoints) {
                    return Err(Wrong::UnknownIndex { index: hint.keypoint, count: keypoints }.into());
                }
            }
        }
        match &self.previous {
            PreviousMaps::None => Ok(()),
            PreviousMaps::Dense(previous) => shape("previous heatmaps", previous, maps),
            PreviousMaps::OfLogits(logits) => {
                // Of any resolution.
                let (height, width) = logits.dims4().map_or((1, 1), |(_, _, height, width)| (height, width));
                shape("previous logits", logits, [images, keypoints, height.max(1), width.max(1)])
            }
        }
    }

    /// The size of the grid.
    pub(crate) fn grid(&self) -> Result<Size> {
        match &self.image {
            ImageInput::Pixels(pixels) => {
                pixels.dims4().map(|(_, _, height, width)| Size::new(width, height))
            }
            ImageInput::Encoded(EncodedImage { grid, .. }) => Ok(*grid),
        }
    }
}

impl HintMaps {
    /// No hints for a batch of `images`.
    #[must_use]
    pub fn none(images: usize) -> Self {
        Self::Gaussians { hints: vec![Vec::new(); images], std: 1.0 }
    }

    /// The Gaussians of each image, unless the maps are dense. A hint that is not finite has none.
    pub(crate) fn factors(&self, keypoints: usize, grid: Size) -> Result<Option<Vec<Vec<HintFactors>>>> {
        let Self::Gaussians { hints, std } = self else { return Ok(None) };
        let known = hints.iter().flatten().all(|hint| hint.keypoint < keypoints);
        if !known {
            candle_core::bail!("expected hints for keypoints below {keypoints}");
        }
        let factors = |hint: &Hint| (hint.keypoint, GaussianFactors::new(hint.point, grid, *std));
        let of_image =
            |hints: &Vec<Hint>| hints.iter().filter(|hint| hint.point.is_finite()).map(factors).collect();
        Ok(Some(hints.iter().map(of_image).collect()))
    }

    /// The maps of `grid` as dense maps of `size`, resized with aligned corners: (B, K, h, w), of the type and on the
    /// device of `like`.
    pub(crate) fn resized(&self, keypoints: usize, grid: Size, size: Size, like: &Tensor) -> Result<Tensor> {
        let Some(images) = self.factors(keypoints, grid)? else {
            let Self::Dense(maps) = self else { candle_core::bail!("hint maps of no kind") };
            return ops::resize_bilinear(maps, size.height, size.width);
        };
        let mut values = vec![0_f32; images.len() * keypoints * size.area()];
        for (b, (keypoint, factors)) in
            images.iter().enumerate().flat_map(|(b, list)| list.iter().map(move |f| (b, f)))
        {
            // A resized separable map is the product of its resized factors.
            let (rows, columns) =
                (sampled(&factors.rows, size.height), sampled(&factors.columns, size.width));
            let map = &mut values[(b * keypoints + keypoint) * size.area()..][..size.area()];
            for (line, row) in map.chunks_exact_mut(size.width).zip(rows).filter(|(_, row)| *row != 0.0) {
                line.iter_mut().zip(&columns).for_each(|(value, column)| *value += row * column);
            }
        }
        let shape = (images.len(), keypoints, size.height, size.width);
        Tensor::from_vec(values, shape, like.device())?.to_dtype(like.dtype())
    }
}

impl PreviousMaps {
    /// The maps as a dense tensor of `shape` (B, K, H, W), of the type and on the device of `like`.
    pub(crate) fn dense(&self, shape: (usize, usize, usize, usize), like: &Tensor) -> Result<Tensor> {
        match self {
            Self::None => Tensor::zeros(shape, like.dtype(), like.device()),
            Self::Dense(maps) => Ok(maps.clone()),
            Self::OfLogits(logits) => ops::sigmoid(&ops::resize_bilinear(logits, shape.2, shape.3)?),
        }
    }
}

/// A factor resized to `count` values, the first on the first and the last on the last.
fn sampled(factor: &[f32], count: usize) -> Vec<f32> {
    if factor.len() == count {
        return factor.to_vec();
    }
    let last = factor.len().saturating_sub(1);
    let scale = if count > 1 { last as f32 / (count - 1) as f32 } else { 0.0 };
    let value = |i: usize| factor.get(i.min(last)).copied().unwrap_or(0.0);
    let sample = |i: usize| {
        let place = i as f32 * scale;
        let low = (place as usize).min(last);
        let fraction = place - low as f32;
        value(low) * (1.0 - fraction) + value(low + 1) * fraction
    };
    (0..count).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use ikem_core::Point;

    use super::*;

    #[test]
    fn gaussians_are_resized_as_the_maps_that_they_stand_for() {
        let hints = vec![
            vec![Hint::new(1, Point::new(3.2, 17.9)), Hint::new(0, Point::new(20.0, 2.0))],
            vec![],
            vec![Hint::new(2, Point::new(f32::NAN, 2.0)), Hint::new(1, Point::new(9.0, 9.0))],
        ];
        let maps = HintMaps::Gaussians { hints, std: 2.5 };
        let like = Tensor::zeros(1, DType::F32, &Device::Cpu).expect("a tensor");
        let grid = Size::new(23, 41);
        let whole = maps.resized(3, grid, grid, &like).expect("maps");
        let peak = whole.get(0).and_then(|t| t.get(0)?.get(2)?.get(20)?.to_scalar::<f32>());
        assert_eq!(peak.expect("a value"), 1.0);
        for size in [Size::new(23, 41), Size::new(6, 11), Size::new(1, 1), Size::new(30, 50)] {
            let small = maps.resized(3, grid, size, &like).expect("maps");
            let dense = HintMaps::Dense(whole.clone()).resized(3, grid, size, &like).expect("maps");
            let off = (small - dense).and_then(|d| d.abs()?.max_all()?.to_scalar::<f32>()).expect("a number");
            assert!(off < 1e-6, "{size}: {off}");
        }
        assert!(maps.resized(2, grid, grid, &like).is_err());
    }
}
