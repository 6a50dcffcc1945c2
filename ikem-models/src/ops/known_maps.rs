use std::sync::Arc;

use candle_core::{Error, Result, Shape, Tensor};
use ikem_core::{GaussianFactors, Size};
use ikem_kernels::{self as kernels, Activation, KnownMaps, Logits};

use super::cpu::{self, CpuOp, Number};
use super::factors::view;

/// Gaussians and heatmaps that stand for dense maps (B, C, H, W) on a grid; elsewhere the maps are zero.
#[derive(Debug, Clone)]
pub(crate) struct FactoredMaps {
    /// C.
    pub channels: usize,
    /// W and H.
    pub grid: Size,
    /// The Gaussians of each image, each with its channel.
    pub gaussians: Vec<Vec<(usize, GaussianFactors)>>,
    /// The last channels are the sigmoid of these (B, C', h, w), resized bilinearly with aligned corners.
    pub logits: Option<Tensor>,
}

/// `activation(1 × 1 convolution of maps + bias)`, without making the dense maps: `weight` (O, C, 1, 1), `bias` (O);
/// only where [`has_kernels`](super::has_kernels) holds of the weight. Weight and bias have gradients if there is no
/// activation.
///
/// # Errors
/// When a shape does not fit or the device fails.
pub(crate) fn pointwise_conv(
    maps: FactoredMaps,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    cpu::apply2(PointwiseConv { maps: Arc::new(maps), activation }, weight, bias)
}

struct PointwiseConv {
    maps: Arc<FactoredMaps>,
    activation: Activation,
}

impl CpuOp<2> for PointwiseConv {
    const NAME: &'static str = "pointwise convolution of known maps";

    fn forward<T: Number>(&self, [weight, bias]: [&[T]; 2], _: [&Shape; 2]) -> Result<(Vec<T>, Shape)> {
        let (n, Size { width, height }) = (self.maps.gaussians.len(), self.maps.grid);
        let y = self.maps.with_slices(|maps| {
            kernels::pointwise_conv(maps, (weight, bias), self.activation).map_err(cpu::failed)
        })?;
        Ok((y, Shape::from((n, bias.len(), height, width))))
    }

    fn backward(&self, [weight, bias]: [&Tensor; 2], dy: &Tensor) -> Result<[Option<Tensor>; 2]> {
        if self.activation != Activation::Identity {
            return Err(Error::BackwardNotSupported { op: Self::NAME });
        }
        let flat = cpu::apply1(PointwiseGradient(Arc::clone(&self.maps)), dy)?;
        let [dw, db] = cpu::split(&flat, [weight.dims(), bias.dims()])?;
        Ok([Some(dw), Some(db)])
    }
}

/// Of the output's gradient: the gradient of the weight followed by that of the bias.
struct PointwiseGradient(Arc<FactoredMaps>);

impl CpuOp<1> for PointwiseGradient {
    const NAME: &'static str = "gradient of a pointwise convolution of known maps";

    fn forward<T: Number>(&self, [dy]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let [_, outputs, _, _] = cpu::extents(shape)?;
        let flat = self
            .0
            .with_slices(|maps| kernels::pointwise_conv_backward(maps, dy, outputs).map_err(cpu::failed))?;
        let len = flat.len();
        Ok((flat, Shape::from(len)))
    }
}

impl FactoredMaps {
    /// Calls `f` with views of the factors and the logits.
    fn with_slices<T: Number, R>(&self, f: impl FnOnce(&KnownMaps<'_, T>) -> Result<R>) -> Result<R> {
        let gaussians: Vec<Vec<_>> = self
            .gaussians
            .iter()
            .map(|list| list.iter().map(|(channel, factors)| (*channel, view(factors))).collect())
            .collect();
        let (channels, size) = (self.channels, (self.grid.height, self.grid.width));
        let known = KnownMaps { channels, gaussians: &gaussians, logits: None, size };
        let Some(logits) = &self.logits else { return f(&known) };
        let logits = logits.contiguous()?;
        let [n, c, h, w] = cpu::extents(logits.shape())?;
        cpu::with_elements(&[&logits], |data| {
            let logits = Logits { data: data[0], planes: n * c, size: (h, w) };
            f(&KnownMaps { logits: Some(logits), ..known })
        })
    }
}
