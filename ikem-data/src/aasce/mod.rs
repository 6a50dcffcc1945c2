//! The AASCE 2019 data set (SpineWeb 16) in the layout of its download.

mod labels;
mod mat;
mod split;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use ikem_core::Skeleton;

pub use split::{Split, Splitting, study_id};

use crate::error::Error;
use crate::image_file::image_size;
use crate::limits::Limits;
use crate::manifest::{Manifest, ManifestEntry, Subset};
use labels::Labels;

/// The two parts of the download; images of `test` are never used for training.
const PARTS: [&str; 2] = ["training", "test"];

/// The data set as read.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Aasce {
    /// All labelled images, in the order of the label files.
    pub manifest: Manifest,
    /// The three Cobb angles in degrees, by image path as in the manifest, for images that have them.
    pub angles: BTreeMap<String, [f64; 3]>,
    /// The problems found; what they concern is not in the manifest.
    pub problems: Vec<Problem>,
}

/// Something in a data set that was left out, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Problem {
    /// The file concerned.
    pub path: PathBuf,
    /// What is wrong.
    pub found: String,
}

impl Problem {
    fn new(path: impl Into<PathBuf>, found: impl Into<String>) -> Self {
        Self { path: path.into(), found: found.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.found)
    }
}

/// Reads the data set in `root`, the folder that holds `data/training` and `labels/training`, `data/test` and
/// `labels/test`, or one of the two pairs. Uses `landmarks.csv`, or the `.mat` files if it is missing, without changing
/// the published labels. Images are not decoded.
///
/// # Errors
/// [`Error::Read`] if `root` holds neither pair or a folder cannot be listed, [`Error::Broken`] if a whole label file
/// cannot be parsed. Trouble with a single image is reported in [`problems`](Aasce::problems) instead.
pub fn read_aasce(root: impl AsRef<Path>, splitting: &Splitting) -> Result<Aasce, Error> {
    let root = root.as_ref();
    let parts: Vec<_> = PARTS.iter().filter(|part| root.join("labels").join(part).is_dir()).collect();
    if parts.is_empty() {
        let path = root.join("labels").join(PARTS[0]);
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "no such folder");
        return Err(Error::Read { path, source });
    }
    let mut found = Aasce::default();
    for part in parts {
        read_part(root, part, &mut found)?;
    }
    splitting.apply(&mut found);
    Ok(found)
}

fn read_part(root: &Path, part: &str, found: &mut Aasce) -> Result<(), Error> {
    let (data, folder) = (format!("data/{part}"), root.join("labels").join(part));
    let images = image_names(&root.join(&data))?;
    let labels = Labels::read(&folder, &mut found.problems)?;
    let labelled: BTreeSet<&str> = labels.rows.iter().map(|label| label.name.as_str()).collect();
    for name in images.iter().filter(|name| !labelled.contains(name.as_str())) {
        found.problems.push(Problem::new(format!("{data}/{name}"), "this image has no labels"));
    }
    let spine = Skeleton::spine();
    let set = if part == "test" { Subset::Test } else { Subset::Train };
    for label in &labels.rows {
        let image_path = format!("{data}/{}", label.name);
        if !images.contains(&label.name) {
            found.problems.push(Problem::new(image_path, "these labels have no image"));
            continue;
        }
        let size = match image_size(root.join(&image_path), &Limits::default()) {
            Ok(size) => size,
            Err(error) => {
                found.problems.push(Problem::new(image_path, error.to_string()));
                continue;
            }
        };
        if let Some(corners) = label.corners_yx(size, &mut found.problems) {
            if let Some(angles) = label.angles {
                found.angles.insert(image_path.clone(), angles);
            }
            found.manifest.entries.push(ManifestEntry::new(image_path, corners, size, set, &spine));
        }
    }
    Ok(())
}

/// The names of the images in a folder; empty if the folder does not exist.
fn image_names(folder: &Path) -> Result<BTreeSet<String>, Error> {
    if !folder.exists() {
        return Ok(BTreeSet::new());
    }
    let failed = |source| Error::Read { path: folder.to_owned(), source };
    let mut names = BTreeSet::new();
    for item in std::fs::read_dir(folder).map_err(failed)? {
        let name = item.map_err(failed)?.file_name().to_string_lossy().into_owned();
        let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        if matches!(ending.as_str(), "jpg" | "jpeg" | "png" | "tif" | "tiff" | "bmp") {
            names.insert(name);
        }
    }
    Ok(names)
}
