#![deny(missing_docs)]
// Programs talk to their users on the terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]
//! What the programs of the workspace share: how a model and an image are named on the command line, and [`http`].

mod bounds;
mod broken;
mod compute_options;
mod films;
mod folder;
mod folder_lock;
mod frame_choice;
pub mod http;
mod image_source;
mod labelled;
mod model_options;
mod place;
mod program;
mod results;
mod saved_work;

pub use bounds::at_most;
pub use broken::{settle_left_out, take_out_broken};
pub use compute_options::{ComputeOptions, MOST_THREADS};
pub use films::{Films, are_several, films_of};
pub use folder::{Inside, KEPT_IN, LeftOut, UPLOADS, file_name, left_out_line};
pub use folder_lock::FolderLocks;
pub use frame_choice::FrameChoice;
pub use image_source::ImageSource;
pub use labelled::Labelled;
pub use model_options::ModelOptions;
pub use place::parse_place;
pub use program::{lock, message, print_line, run, stop_on_signals};
pub use results::{parse_hint, predictions_file, print_keypoints, recounts_in_words, seen, write_overlay};
pub use saved_work::saved_work;
