#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! Atomic file writing, and protection of a program's inputs from its outputs.
//!
//! - [`open()`] opens an input: a regular file, never a pipe or a device.
//! - [`write()`] writes a file atomically: into a temporary file in the same folder, which is
//!   then renamed. [`write_synced`] also waits until the data is on disk.
//! - [`FilePlan`] lists the files that a program reads and writes, and rejects an output that is also an input.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let film = folder.path().join("film.png");
//! ikem_files::write(&film, b"a radiograph")?;
//! let mut plan = ikem_files::FilePlan::default();
//! plan.reads("IMAGE", &film).writes("--overlay", folder.path().join("../film.png"), &["png"]);
//! assert!(plan.check().is_ok(), "that is another folder");
//! plan.writes("--overlay", folder.path().join("./film.png"), &["png"]);
//! assert!(plan.check().is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod plan;
mod read;
mod stream;
mod target;
mod write;

pub use plan::{Conflict, FilePlan, SAVED_WORK};
pub use read::open;
pub use target::is_stream;
pub use write::{remove_unfinished, write, write_synced};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
