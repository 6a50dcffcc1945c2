//! Convolutions and their gradients.

mod backward_input;
mod backward_weight;
mod epilogue;
mod forward;
mod geometry;
mod method;
mod transposed;
mod winograd;

pub use backward_input::conv2d_backward_input;
pub use backward_weight::conv2d_backward_weight;
pub use epilogue::Epilogue;
pub use forward::{PackedConv, conv2d};
pub use geometry::{ConvShape, Geometry};
pub use transposed::{
    PackedConvTranspose2x2, conv_transpose2x2_backward_input, conv_transpose2x2_backward_weight,
};
