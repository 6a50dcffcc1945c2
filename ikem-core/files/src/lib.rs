#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! Atomic file writing, and protection of a program's inputs from its outputs.
//!
//! - [`open()`] is the one way in which the workspace opens a file to read it: a regular file, never a pipe or a device.
//! - [`write()`] is the one way in which the workspace writes a file: into a temporary file beside it, which then takes its
//!   name. [`write_synced`] also waits for the disk.
//! - [`FilePlan`] holds the files that a program reads and those that it will write, and refuses one that is both.
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
mod target;
mod write;

pub use plan::{Conflict, FilePlan};
pub use read::open;
pub use target::is_stream;
pub use write::{UNFINISHED, remove_unfinished, write, write_synced};
