//! Vector types of three instruction-set levels behind one trait.
//!
//! Hot code is written once as a [`Kernel`], generic over its vector type, and [`Element::dispatch`] runs it with the
//! widest vectors of the processor. `run` must be `#[inline(always)]`, as must all functions that it calls with
//! vectors: only then are they compiled inside the function that enables the instructions. Closures cannot be forced
//! inline, so none takes or returns vectors.

mod dispatch;
mod exp;
mod level;
mod portable;
mod prefetch;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use level::Level;
pub(crate) use prefetch::prefetch;
pub use vector::Element;
pub(crate) use vector::{Kernel, Registers, Vector};
