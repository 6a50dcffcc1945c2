//! What the programs that answer HTTP share: connections within limits, who may ask, bodies within limits, and failures.
//!
//! A request passes through [`connections`] (limits on connections and time), [`security::guard`] (host, origin, token,
//! body) and then the routes of the program. A route fails with a [`Failure`].

mod body;
pub mod connections;
pub mod failure;
mod listening;
pub mod seats;
pub mod security;

pub use body::{Body, blocking};
pub use failure::{Failure, Kind};
pub use listening::{Listening, listen};
