//! The parts that both networks are made of.

mod batch_norm;
mod conv_transpose_unit;
mod conv_unit;
mod gate;
mod hint_mix;
mod pass;
mod stem;
mod u_levels;

pub(crate) use batch_norm::BatchNorm;
pub(crate) use conv_transpose_unit::ConvTransposeUnit;
pub(crate) use conv_unit::{ConvSpec, ConvUnit};
pub(crate) use gate::{Gate, GateChannels};
pub(crate) use hint_mix::HintMix;
pub(crate) use pass::Pass;
pub(crate) use stem::Stem;
pub(crate) use u_levels::{DoubleConv, Up, UpChannels};
