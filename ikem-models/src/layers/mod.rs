//! The parts that both networks are made of.

mod batch_norm;
mod conv_unit;
mod gate;
mod hint_fusion;

pub(crate) use batch_norm::BatchNorm;
pub(crate) use conv_unit::{ConvSpec, ConvUnit};
pub(crate) use gate::{Gate, GateChannels};
pub(crate) use hint_fusion::HintFusion;
