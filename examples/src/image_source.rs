use std::path::{Path, PathBuf};

use crate::say;
use anyhow::Result;
use ikem_core::GrayImage;
use ikem_data::{Limits, Radiograph, decode_image, load_radiograph};

/// The synthetic radiograph that ships with the programs, drawn by `ikem-data`.
const PHANTOM: &[u8] = include_bytes!("../assets/phantom.png");
const PHANTOM_NAME: &str = "the bundled phantom";

/// The image that a program works on: one of the user's, or the phantom.
#[derive(Debug, Clone)]
pub enum ImageSource {
    /// A file.
    File(PathBuf),
    /// The synthetic radiograph that ships with the programs.
    Phantom,
}

impl ImageSource {
    /// The image at `path`; without one, the phantom, and the user is told.
    #[must_use]
    pub fn new(path: Option<PathBuf>) -> Self {
        path.map_or_else(
            || {
                say!("No IMAGE given: showing {PHANTOM_NAME}, a synthetic radiograph of nobody.");
                Self::Phantom
            },
            Self::File,
        )
    }

    /// How the image is called in what is printed and written.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Phantom => "phantom.png".to_owned(),
        }
    }

    /// The file, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Phantom => None,
        }
    }

    /// Reads the image, within the default limits.
    ///
    /// # Errors
    /// When the file is no image that can be read; the message names it.
    pub fn load(&self) -> Result<GrayImage> {
        Ok(self.load_radiograph()?.image)
    }

    /// As [`load`](Self::load), with the spacing of the pixels where the file tells it. What a person should know of how the file
    /// was read is printed.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_radiograph(&self) -> Result<Radiograph> {
        let limits = Limits::default();
        Ok(match self {
            Self::File(path) => {
                let radiograph = load_radiograph(path, &limits)?;
                if let Some(note) = &radiograph.note {
                    say!("{}: {note}", path.display());
                }
                radiograph
            }
            Self::Phantom => {
                let image = decode_image(PHANTOM_NAME, PHANTOM, &limits)?;
                Radiograph { image, spacing: None, note: None }
            }
        })
    }
}
