//! The operations of the networks on candle's tensors, each with a correct gradient.
//!
//! On the CPU, in f32 and f64, they are the kernels of `ikem-kernels`, bound to candle's autograd in `cpu`. On a GPU,
//! and in other types, they are composed of candle's operations (`plain`). candle 0.11's own max pool, bilinear
//! resizing, strided convolutions of odd shapes and ReLU at zero have wrong or missing gradients, and its CPU
//! convolutions reach a tenth of the processor's peak: the networks call this module and not candle's operations of the
//! same names.
//!
//! All tensors are NCHW: batch, channels, height, width.

mod activation;
mod batch_norm;
mod conv;
mod conv_transpose;
mod cpu;
mod dropout;
mod expectation;
mod factors;
mod heatmaps;
mod known_maps;
mod loss;
mod plain;
mod pool;
mod resize;
mod softmax;
#[cfg(test)]
mod tests;

pub(crate) use activation::activate;
pub(crate) use batch_norm::{NormalizedBatch, batch_norm};
pub(crate) use conv::{FusedConv, conv2d};
pub(crate) use conv_transpose::{FusedConvTranspose, conv_transpose2x2};
pub use cpu::{has_kernels, through_candle};
pub(crate) use cpu::{in_pool, on_same_path};
pub(crate) use dropout::dropout2d;
pub use expectation::expected_points;
pub(crate) use heatmaps::{for_each_heatmap, heatmap_peaks, heatmaps};
pub(crate) use ikem_kernels::{Activation, Geometry};
pub(crate) use known_maps::{FactoredMaps, pointwise_conv};
pub use loss::{bce_with_logits, heatmap_cross_entropy};
pub(crate) use plain::sigmoid;
pub(crate) use pool::{global_max, max_pool2x2};
pub(crate) use resize::resize_bilinear;
pub(crate) use softmax::softmax;
