// The kernels' outputs are vectors that they write whole.
#![allow(unsafe_code)]

use std::sync::Arc;

use candle_core::{Error, Result, Shape, Tensor};
use ikem_core::GaussianFactors;

use super::Activation;
use super::cpu::{self, CpuOp, Number, written};
use super::kernels::{self, Gaussian, Logits};

/// What is known of maps (B, C, H, W): a few Gaussians, and heatmaps of small logits; zeros elsewhere.
#[derive(Debug, Clone)]
pub struct KnownMaps {
    /// C.
    pub channels: usize,
    /// Height and width.
    pub size: (usize, usize),
    /// Channel and factors of the Gaussians of each image.
    pub gaussians: Vec<Vec<(usize, GaussianFactors)>>,
    /// The last channels are the sigmoid of these (B, C', h, w), resized bilinearly with aligned corners.
    pub logits: Option<Tensor>,
}

/// Whether [`mix`] can work with `weight`.
pub fn can_mix(weight: &Tensor) -> bool {
    cpu::has_kernels(weight)
}

/// `activation(1 × 1 convolution of maps + bias)` without ever writing the maps out: `weight` (O, C, 1, 1), `bias` (O).
/// Weight and bias have gradients where there is no activation.
///
/// # Errors
/// When a shape does not fit or the device fails.
pub fn mix(maps: KnownMaps, weight: &Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    cpu::apply2(Mix { maps: Arc::new(maps), activation }, weight, bias)
}

struct Mix {
    maps: Arc<KnownMaps>,
    activation: Activation,
}

impl CpuOp<2> for Mix {
    const NAME: &'static str = "mixing of maps";

    fn forward<T: Number>(&self, [weight, bias]: [&[T]; 2], _: [&Shape; 2]) -> Result<(Vec<T>, Shape)> {
        let (n, (h, w)) = (self.maps.gaussians.len(), self.maps.size);
        let y = self.maps.with_kernel_form(|maps| {
            let len = n * bias.len() * h * w;
            // SAFETY: the kernel writes every element of its output.
            unsafe { written(len, |y| kernels::mix(maps, (weight, bias), self.activation.of_kernels(), y)) }
        })?;
        Ok((y, Shape::from((n, bias.len(), h, w))))
    }

    fn backward(&self, [weight, bias]: [&Tensor; 2], dy: &Tensor) -> Result<[Option<Tensor>; 2]> {
        if self.activation != Activation::Identity {
            return Err(Error::BackwardNotSupported { op: Self::NAME });
        }
        let flat = cpu::apply1(MixGradient(Arc::clone(&self.maps)), dy)?;
        let [dw, db] = cpu::split(&flat, [weight.dims(), bias.dims()])?;
        Ok([Some(dw), Some(db)])
    }
}

/// Of the output's gradient: the gradient of the weight and, behind it, of the bias.
struct MixGradient(Arc<KnownMaps>);

impl CpuOp<1> for MixGradient {
    const NAME: &'static str = "gradient of the mixing of maps";

    fn forward<T: Number>(&self, [dy]: [&[T]; 1], [shape]: [&Shape; 1]) -> Result<(Vec<T>, Shape)> {
        let [_, outputs, _, _] = cpu::extents(shape)?;
        let (weights, len) = (outputs * self.0.channels, outputs * (self.0.channels + 1));
        let flat = self.0.with_kernel_form(|maps| {
            // SAFETY: the kernel writes every element of both parts.
            unsafe {
                written(len, |flat| {
                    let (dw, db) = flat.split_at_mut(weights);
                    kernels::mix_backward(maps, dy, dw, db)
                })
            }
        })?;
        Ok((flat, Shape::from(len)))
    }
}

impl KnownMaps {
    /// Calls `f` with the same in the kernels' terms.
    fn with_kernel_form<T: Number, R>(
        &self,
        f: impl FnOnce(&kernels::KnownMaps<'_, T>) -> Result<R>,
    ) -> Result<R> {
        let values = |factor: &[f32]| factor.iter().map(|&v| T::of_f64(f64::from(v))).collect();
        let gaussian = |(channel, factors): &(usize, GaussianFactors)| Gaussian {
            channel: *channel,
            columns: values(&factors.columns),
            rows: values(&factors.rows),
        };
        let gaussians: Vec<Vec<_>> =
            self.gaussians.iter().map(|list| list.iter().map(gaussian).collect()).collect();
        let size = (self.gaussians.len(), self.size.0, self.size.1);
        let known = kernels::KnownMaps { channels: self.channels, gaussians: &gaussians, logits: None, size };
        let Some(logits) = &self.logits else { return f(&known) };
        let logits = logits.contiguous()?;
        let [n, c, h, w] = cpu::extents(logits.shape())?;
        cpu::with_elements(&[&logits], |data| {
            let logits = Logits { data: data[0], planes: n * c, size: (h, w) };
            f(&kernels::KnownMaps { logits: Some(logits), ..known })
        })
    }
}
