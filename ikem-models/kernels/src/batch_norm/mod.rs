//! Batch normalisation and its gradients.

mod backward;
mod forward;
mod lanes;
mod parameters;
#[cfg(test)]
mod testing;

pub use backward::batch_norm_backward;
pub use forward::batch_norm;
pub use parameters::{BatchStatistics, Normalization};
