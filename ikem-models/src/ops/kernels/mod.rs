//! The CPU kernels: plain slices in NCHW order, no tensors.
//!
//! - [`simd`]: vector types of three instruction-set levels, chosen at run time, and the one micro-kernel, a tile of
//!   8 rows × 32 columns in registers.
//! - [`product`]: the blocked product of weights packed once ([`lhs`]) and of patches (im2col, [`patches`]) that are
//!   packed tile by tile into cache and never stored whole: every convolution, and most of the gradients.
//! - [`winograd`]: 3 × 3 of stride 1 with up to four times fewer multiplications; [`method`] chooses by shape.
//! - [`weight_gradient`]: a product over the pixels of operands that are transposed strip by strip.
//! - [`scratch`]: buffers that threads keep.
//!
//! Work is cut into tasks by shape alone and every sum has one fixed order: results are the same, bit for bit, for
//! any number of threads. Between instruction-set levels they differ by rounding.
#![allow(unsafe_code)]

mod batch_norm;
mod conv_backward;
mod conv_forward;
mod conv_transpose;
mod cross_entropy;
mod expectation;
mod geometry;
mod heatmaps;
mod lhs;
mod method;
mod mix;
mod mix_backward;
mod patches;
mod pool;
mod product;
mod resize;
mod scratch;
mod simd;
#[cfg(test)]
mod testing;
mod transpose;
mod weight_gradient;
mod winograd;

pub use batch_norm::{BatchStatistics, Normalization, batch_norm, batch_norm_backward};
pub use conv_backward::conv_backward_input;
pub use conv_forward::{PackedConv, conv_forward};
pub use conv_transpose::{
    PackedConvTranspose2x2, conv_transpose2x2_backward_input, conv_transpose2x2_backward_weight,
};
pub use cross_entropy::{Exponential, Target, cross_entropy};
pub use expectation::{expectation, expectation_backward};
pub use geometry::{Activation, Epilogue, Geometry, KernelError, Output, Segment, as_uninit, filled};
pub use heatmaps::{Logits, heatmap};
pub use mix::{Gaussian, KnownMaps, mix};
pub use mix_backward::mix_backward;
pub use pool::{global_max, global_max_backward, max_pool2x2, max_pool2x2_backward};
pub use resize::{resize_bilinear, resize_bilinear_backward};
pub use simd::Level;
pub use weight_gradient::conv_backward_weight;
