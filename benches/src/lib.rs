#![deny(missing_docs)]
//! TODO
