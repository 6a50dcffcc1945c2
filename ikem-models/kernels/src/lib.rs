//! The CPU kernels of IKEM's networks: slices in NCHW order in, new vectors out.
//!
//! All functions are safe: they check extents and lengths, and return a [`KernelError`] if these do not fit.
//! The `unsafe` code of the workspace is in this crate alone.
//!
//! | kernel | computes |
//! |---|---|
//! | [`conv2d`], [`PackedConv`] | convolution with fused bias, residual and activation; [`conv2d_backward_input`], [`conv2d_backward_weight`] |
//! | [`PackedConvTranspose2x2`] | transposed 2 × 2 convolution of stride 2, and its gradients |
//! | [`batch_norm`] | batch normalisation by the batch's statistics with fused activation, and its gradients |
//! | [`max_pool2x2`], [`global_max`], [`resize_bilinear`], [`activate`] | and their gradients |
//! | [`heatmap_into`], [`heatmap_peak`], [`heatmap_cross_entropy`], [`expected_points`], [`pointwise_conv`] | operations on heatmaps given as low-resolution logits or Gaussians, which are never materialised in full |
//!
//! # How they work
//!
//! - `simd`: vector types of three instruction-set levels, chosen at run time ([`Level`]).
//! - `gemm`: the blocked product of packed weights and an im2col matrix, after GotoBLAS and BLIS, with a microkernel of
//!   8 rows × 32 columns in registers. Convolutions and most of their gradients are such products.
//! - `conv::winograd`: 3 × 3 filters of stride 1 with up to four times fewer multiplications; `conv::method` chooses by
//!   shape.
//! - `conv::backward_weight`: a product over the pixels, whose operands are transposed strip by strip.
//! - `scratch`: buffers that threads keep.
//!
//! Work is cut into tasks by shape alone, and every sum has one fixed order: results are the same, bit for bit, for any
//! number of threads. Between instruction-set levels they differ by rounding.

#![allow(unsafe_code)]
#![warn(clippy::undocumented_unsafe_blocks)]

mod activation;
mod allocator;
#[cfg(test)]
mod any_shape;
mod batch_norm;
mod buffer;
mod conv;
mod error;
mod gemm;
mod heatmaps;
mod pool;
mod resize;
mod sampling;
mod scratch;
mod segment;
mod simd;
mod sums;
mod tasks;
#[cfg(test)]
mod testing;

pub use activation::{Activation, activate, activate_backward};
pub use allocator::keep_freed_memory;
pub use batch_norm::{BatchStatistics, Normalization, batch_norm, batch_norm_backward};
pub use conv::{
    ConvShape, Epilogue, Geometry, PackedConv, PackedConvTranspose2x2, conv_transpose2x2_backward_input,
    conv_transpose2x2_backward_weight, conv2d, conv2d_backward_input, conv2d_backward_weight,
};
pub use error::{KernelError, Result};
pub use heatmaps::{
    Gaussian, KnownMaps, Logits, expected_points, expected_points_backward, heatmap_cross_entropy,
    heatmap_into, heatmap_peak, pointwise_conv, pointwise_conv_backward,
};
pub use pool::{global_max, global_max_backward, max_pool2x2, max_pool2x2_backward};
pub use resize::{resize_bilinear, resize_bilinear_backward};
pub use segment::Segment;
pub use simd::{Element, Level};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
