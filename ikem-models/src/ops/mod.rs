//! The operations of the networks, each with a right gradient: all that stands between them and candle.
//!
//! candle 0.11's own max pool, bilinear resizing, strided convolutions of odd shapes and ReLU at zero have wrong or
//! missing gradients, and its CPU convolutions run at a tenth of the machine. The networks call this module alone.
//!
//! All tensors are NCHW: batch, channels, height, width.

mod activation;
mod allocator;
mod batch_norm;
mod conv;
mod conv_transpose;
mod cpu;
mod dropout;
mod expectation;
mod heatmaps;
mod kernels;
mod loss;
mod mix;
mod plain;
mod pool;
mod resize;

pub use activation::{Activation, activate};
pub use allocator::keep_freed_memory;
pub use batch_norm::{BatchStatistics, batch_norm};
pub use conv::{FusedConv, Geometry, conv2d};
pub use conv_transpose::{FusedConvTranspose, conv_transpose2x2};
pub use cpu::in_pool;
#[doc(hidden)]
pub use cpu::{has_kernels, through_candle};
pub use dropout::dropout2d;
pub use expectation::expected_points;
pub(crate) use heatmaps::{for_each_heatmap, heatmaps};
pub use kernels::Level;
pub use loss::{bce_with_logits, heatmap_cross_entropy};
pub(crate) use mix::{KnownMaps, can_mix, mix};
pub use pool::{global_max, max_pool2x2};
pub use resize::resize_bilinear;
