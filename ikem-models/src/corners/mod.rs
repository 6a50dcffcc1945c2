//! The corner detector: a small network that finds the corners of vertebrae without telling which vertebrae they are.

mod network;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use ikem_core::{CornerMaps, Frame, GrayImage, Preparation, Resampling};
use ndarray::Array3;

pub use network::{CORNER_MAPS, CORNER_STRIDE, CornerConfig, CornerLayers, CornerNetwork};

use crate::cancel::Cancel;
use crate::checkpoint::PartCheckpoint;
use crate::error::{BuildError, BuildResult, Result};
use crate::threads::isolated;

/// A corner detector's config and tensors.
pub type CornerCheckpoint = PartCheckpoint<CornerConfig>;

/// Finds the corners of vertebrae on a film in a frame. Clones share the weights.
///
/// The keypoint network names vertebrae, and where it is unsure of a name, its heatmaps are blurred over two levels. The
/// detector does not name them, sees the film at a higher resolution, and shows where vertebrae are. Decoding combines
/// both ([`decode_column`](ikem_core::decode_column)).
#[derive(Debug, Clone)]
pub struct CornerDetector(Arc<CornerNetwork>);

impl CornerDetector {
    /// A detector with the weights of a checkpoint.
    ///
    /// # Errors
    /// When the tensors are not those of the config's network, or the device fails.
    pub fn from_checkpoint(checkpoint: CornerCheckpoint, device: &Device) -> Result<Self> {
        checkpoint.config.check()?;
        Self::build(checkpoint, device).map_err(BuildError::of_memory)
    }

    /// As [`from_checkpoint`](Self::from_checkpoint), for a config that was checked.
    pub(crate) fn build(checkpoint: CornerCheckpoint, device: &Device) -> BuildResult<Self> {
        let CornerCheckpoint { config, tensors } = checkpoint;
        Ok(Self(Arc::new(CornerNetwork::frozen(config, tensors, device)?)))
    }

    /// The maps of the corners on the part of a film, a positive with bright bones, in `frame`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn detect(&self, film: &GrayImage, frame: &Frame) -> Result<CornerMaps> {
        self.detect_until(film, frame, None)
    }

    /// As [`detect`](Self::detect), until `cancel` is cancelled.
    pub(crate) fn detect_until(
        &self,
        film: &GrayImage,
        frame: &Frame,
        cancel: Option<&Cancel>,
    ) -> Result<CornerMaps> {
        Cancel::check(cancel)?;
        isolated(|| {
            let size = self.0.config().size;
            let pixels = Preparation { size, resampling: Resampling::Area }.apply_in(film, frame)?;
            let films = Tensor::from_vec(pixels, (1, 1, size.height, size.width), self.0.device())?;
            let logits = self.0.forward_until(&films, cancel)?;
            let (_, maps, height, width) = logits.dims4()?;
            let logits =
                logits.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            let probabilities = logits.into_iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
            let maps = Array3::from_shape_vec((maps, height, width), probabilities)
                .map_err(|error| candle_core::Error::Msg(error.to_string()))?;
            Ok(CornerMaps::new(maps)?)
        })
    }
}

#[cfg(test)]
mod tests {
    use ikem_core::Size;

    use super::*;
    use crate::Mode;

    const CONFIG: CornerConfig = CornerConfig { size: Size::new(32, 64), width: 2 };

    fn fresh() -> CornerNetwork {
        CornerNetwork::fresh(CONFIG, 7, &Device::Cpu).expect("a network")
    }

    #[test]
    fn inference_is_the_trained_network() {
        let fresh = fresh();
        let tensors = fresh.parameters().state_dict();
        let frozen = CornerNetwork::frozen(CONFIG, tensors, &Device::Cpu).expect("frozen");
        let films = Tensor::rand(-1_f32, 1.0, (2, 1, 64, 32), &Device::Cpu).expect("films");
        let [a, b] = [&fresh, &frozen].map(|network| network.forward(&films, Mode::Eval).expect("logits"));
        assert_eq!(a.dims(), [2, CORNER_MAPS, 32, 16]);
        let off = (a - b).and_then(|d| d.abs()?.max_all()?.to_scalar::<f32>()).expect("a number");
        assert!(off < 1e-5, "{off}");
    }

    #[test]
    fn maps_are_probabilities_at_half_the_grid() {
        let checkpoint = CornerCheckpoint { config: CONFIG, tensors: fresh().parameters().state_dict() };
        let detector = CornerDetector::from_checkpoint(checkpoint, &Device::Cpu).expect("a detector");
        let size = Size::new(90, 200);
        let pixels = (0..size.area()).map(|i| ((i * 7919) % 997) as f32 / 996.0).collect();
        let film = GrayImage::new(size, pixels).expect("pixels");
        for frame in [Frame::whole(size), Frame::new(-20.0, 50.0, 80.0, 400.0).expect("a frame")] {
            let maps = detector.detect(&film, &frame).expect("maps");
            assert_eq!(maps.view().dim(), (CORNER_MAPS, 32, 16));
            assert!(maps.view().iter().all(|value| (0.0..=1.0).contains(value)));
        }
    }

    #[test]
    fn each_field_out_of_range_is_named() {
        for (config, field) in [
            (CornerConfig { size: Size::new(40, 64), ..CONFIG }, "corners.size.width"),
            (CornerConfig { size: Size::new(32, 0), ..CONFIG }, "corners.size.height"),
            (CornerConfig { width: 0, ..CONFIG }, "corners.width"),
        ] {
            let error = config.check().expect_err(field).to_string();
            assert!(error.contains(field), "{error}");
        }
    }
}
