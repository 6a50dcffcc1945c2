//! Matrix products of packed operands, after GotoBLAS and BLIS.

mod blocked;
mod im2col;
mod microkernel;
mod packed_a;
mod transpose;

pub(crate) use blocked::{Operands, OutputTile, TileSink, gemm};
pub(crate) use im2col::{FilterTap, Im2Col};
pub(crate) use microkernel::{MR, MicroPanel, NR, microkernel};
pub(crate) use packed_a::{Matrix, PackedA};
pub(crate) use transpose::{ChannelPanels, ChannelsLast};
