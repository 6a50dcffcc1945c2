#![deny(missing_docs)]
//! Placeholder of the crate.
