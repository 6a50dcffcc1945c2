//! 3 × 3 convolution of stride 1 by Winograd's minimal filtering; the algorithm is described in [`forward`].

mod filters;
mod forward;
mod input;
mod layout;
mod multiply;
mod transform;

pub(crate) use filters::Filters;
pub(crate) use forward::Winograd;
