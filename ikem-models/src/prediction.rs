use candle_core::{DType, Device, Tensor};
use ikem_core::{Frame, Heatmaps, Keypoints, Point, Recount, Size};

use crate::error::Result;
use crate::inputs::PreviousMaps;
use crate::ops;
use crate::threads::isolated;

/// The prediction of a network for one image, in image space. Two are equal if their heatmaps are, too.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    pub(crate) keypoints: Keypoints,
    pub(crate) alternatives: Vec<Recount>,
    pub(crate) confidences: Vec<f32>,
    pub(crate) maps: Maps,
    /// The network's grid.
    pub(crate) grid: Size,
    /// The size of the film, and the part of it that the grid covers.
    pub(crate) film: Size,
    pub(crate) frame: Frame,
    /// The standard deviation of hints' Gaussians, in pixels of the grid.
    pub(crate) std: f32,
}

/// The form in which heatmaps are kept until they are needed.
#[derive(Debug, Clone)]
pub(crate) enum Maps {
    /// The logits of the network's last layer, (1, K, h, w).
    Logits(Tensor),
    /// Gaussians at the keypoints, as high as the confidences: stand-ins for logits that were not kept.
    Gaussians,
}

impl PartialEq for Maps {
    fn eq(&self, other: &Self) -> bool {
        let values = |logits: &Tensor| logits.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>();
        match (self, other) {
            (Self::Gaussians, Self::Gaussians) => true,
            (Self::Logits(a), Self::Logits(b)) => {
                a.dims() == b.dims() && values(a).ok().zip(values(b).ok()).is_some_and(|(a, b)| a == b)
            }
            _ => false,
        }
    }
}

impl Prediction {
    /// The K keypoints as the network places them, in pixels of the original image; with hints, shifted by the errors
    /// that these reveal if the checkpoint has an error covariance.
    #[must_use]
    pub const fn keypoints(&self) -> &Keypoints {
        &self.keypoints
    }

    /// The same spine with its vertebrae counted differently, in image space: every vertebra may be the next one up or
    /// down. The more probable count comes first; the remaining probability is that of [`keypoints`](Self::keypoints).
    /// Empty with hints, which settle the count, and for networks that do not decode a
    /// [`column`](crate::ModelConfig::column).
    #[must_use]
    pub fn alternatives(&self) -> &[Recount] {
        &self.alternatives
    }

    /// The peak of each keypoint's heatmap, 0…1.
    #[must_use]
    pub fn confidences(&self) -> &[f32] {
        &self.confidences
    }

    /// The part of the film that the network saw, and that its grid covers.
    #[must_use]
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The mean of the confidences; 0 without keypoints.
    #[must_use]
    pub fn mean_confidence(&self) -> f32 {
        mean(&self.confidences)
    }

    /// The heatmaps, K × H × W on the network's grid.
    ///
    /// # Errors
    /// When the device fails.
    pub fn heatmaps(&self) -> Result<Heatmaps> {
        isolated(|| match &self.maps {
            Maps::Logits(logits) => Ok(Heatmaps::from_array(ops::heatmaps(logits, self.grid)?)),
            Maps::Gaussians => Ok(self.gaussians(0, self.keypoints.len())),
        })
    }

    /// The heatmap of one keypoint, 1 × H × W, without the others; empty for an index out of range.
    ///
    /// # Errors
    /// When the device fails.
    pub fn heatmap(&self, keypoint: usize) -> Result<Heatmaps> {
        isolated(|| {
            let found = usize::from(keypoint < self.keypoints.len());
            match &self.maps {
                Maps::Logits(logits) => {
                    let logits = logits.narrow(1, keypoint * found, found)?;
                    Ok(Heatmaps::from_array(ops::heatmaps(&logits, self.grid)?))
                }
                Maps::Gaussians => Ok(self.gaussians(keypoint * found, found)),
            }
        })
    }

    /// This prediction as an input of the next one.
    pub(crate) fn as_input(&self, device: &Device, dtype: DType) -> Result<PreviousMaps> {
        Ok(match &self.maps {
            Maps::Logits(logits) => PreviousMaps::OfLogits(logits.clone()),
            Maps::Gaussians => {
                let shape = (1, self.keypoints.len(), self.grid.height, self.grid.width);
                let maps = Tensor::from_vec(self.heatmaps()?.into_values(), shape, device)?;
                PreviousMaps::Dense(maps.to_dtype(dtype)?)
            }
        })
    }

    /// The same prediction without the network's maps, which take most of its memory: from then on its heatmaps are
    /// Gaussians at its keypoints, as high as their confidences.
    #[must_use]
    pub fn without_maps(self) -> Self {
        Self { maps: Maps::Gaussians, ..self }
    }

    /// Whether the heatmaps are those of the network.
    #[must_use]
    pub const fn has_maps(&self) -> bool {
        matches!(self.maps, Maps::Logits(_))
    }

    /// The same keypoints as an input of a prediction in another frame, with Gaussians as heatmaps.
    pub(crate) fn reframed(&self, frame: Frame) -> Self {
        Self { frame, maps: Maps::Gaussians, alternatives: Vec::new(), ..self.clone() }
    }

    /// Gaussians of the `count` keypoints from `first` on.
    fn gaussians(&self, first: usize, count: usize) -> Heatmaps {
        let on_grid = |point: &Point| self.frame.to_grid(*point, self.film, self.grid);
        let points: Keypoints = self.keypoints.iter().skip(first).take(count).map(on_grid).collect();
        let mut maps = Heatmaps::gaussian(&points, self.grid, self.std).into_array();
        for (mut map, &confidence) in maps.outer_iter_mut().zip(self.confidences.iter().skip(first)) {
            map.mapv_inplace(|value| confidence * value);
        }
        Heatmaps::from_array(maps)
    }
}

/// The mean of some confidences; 0 without any.
pub(crate) fn mean(confidences: &[f32]) -> f32 {
    confidences.iter().sum::<f32>() / confidences.len().max(1) as f32
}
