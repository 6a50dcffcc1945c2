//! Lists of images.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result};

/// Names of images, with or without their folder.
pub struct Names {
    /// What the list is called: its file's name.
    pub title: String,
    names: HashSet<String>,
}

impl Names {
    /// Reads one name a line.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let names = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let title = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { title, names })
    }

    pub fn contains(&self, image: &str) -> bool {
        let name = image.rsplit('/').next().unwrap_or(image);
        self.names.contains(image) || self.names.contains(name)
    }
}
