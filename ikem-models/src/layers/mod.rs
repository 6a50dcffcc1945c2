//! The layers that the networks are made of.

mod batch_norm;
mod conv_transpose_unit;
mod conv_unit;
mod gate;
mod hint_mix;
mod mode;
mod pass;
mod stem;
mod u_levels;
mod u_path;

pub(crate) use conv_unit::{ConvSpec, ConvUnit};
pub(crate) use gate::{Gate, GateChannels};
pub use mode::Mode;
pub(crate) use pass::Pass;
pub(crate) use stem::Stem;
pub(crate) use u_path::{Features, UPath};
