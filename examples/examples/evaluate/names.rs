//! Lists of images.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

/// The most that is read of a list, in bytes.
const LONGEST: u64 = 64 << 20;

/// Names of images, with or without their folder.
pub(crate) struct Names {
    /// What the list is called: its file's name.
    pub title: String,
    names: HashSet<String>,
}

impl Names {
    /// Reads one name a line.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let named = || file.display().to_string();
        let mut text = String::new();
        ikem_files::open(file)
            .with_context(named)?
            .0
            .take(LONGEST)
            .read_to_string(&mut text)
            .with_context(named)?;
        let names = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let title = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { title, names })
    }

    pub(crate) fn contains(&self, image: &str) -> bool {
        let name = image.rsplit('/').next().unwrap_or(image);
        self.names.contains(image) || self.names.contains(name)
    }
}
