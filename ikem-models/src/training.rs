//! What a training needs besides a [`Network`](crate::Network): losses on its logits, with gradients.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use ikem_core::{Keypoints, Point, Size};
//! use ikem_models::training::heatmap_cross_entropy;
//!
//! // One image, one keypoint: logits at a quarter of a grid of 32 × 16 pixels.
//! let logits = Tensor::zeros((1, 1, 4, 8), candle_core::DType::F32, &Device::Cpu)?;
//! let target: Keypoints = [Point::new(12.0, 5.0)].into_iter().collect();
//! let loss = heatmap_cross_entropy(&logits, &[target], 2.0, Size::new(32, 16))?;
//! // Logits of zero say one half everywhere, which costs ln 2 a pixel, whatever the target.
//! assert!((loss.to_scalar::<f32>()? - 2_f32.ln()).abs() < 1e-6);
//! # Ok::<(), candle_core::Error>(())
//! ```
//!
//! [`has_kernels`] and [`through_candle`] are for code that has a fast path of its own on the CPU, and its tests.

pub use crate::ops::{bce_with_logits, expected_points, has_kernels, heatmap_cross_entropy, through_candle};
