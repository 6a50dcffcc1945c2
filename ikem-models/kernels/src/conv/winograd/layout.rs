//! Constants of the layouts that the steps of Winograd's filtering share.

/// Panels of output channels that a step multiplies, so that a panel of input stays in L1 meanwhile.
pub(super) const GROUP: usize = 4;
/// Elements between the transformed positions beyond their length: powers of two would share cache sets.
pub(super) const SKEW: usize = 16;
