//! Where images come from: files, phantoms, uploads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result as Anyhow, bail};
use ikem_core::{GrayImage, Keypoints, Point};
use ikem_data::{Limits, Phantom, PhantomConfig, Radiograph, Spacing, decode_image, load_radiograph};
use ikem_eval::GroundTruth;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::failure::{Kind, Result};
use super::networks::file_name;

/// The synthetic radiograph that ships with the programs, and where its keypoints are.
const BUNDLED: &[u8] = include_bytes!("../../../assets/phantom.png");
const BUNDLED_TRUTH: &str = include_str!("../../../assets/phantom.json");
/// How many phantoms are shown where no image was given.
const PHANTOMS: u64 = 6;
/// What an image file's name ends in.
const EXTENSIONS: [&str; 7] = ["png", "jpg", "jpeg", "tif", "tiff", "bmp", "dcm"];
/// The most images of one session.
pub const MOST_IMAGES: usize = 20_000;

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// The synthetic radiograph that ships with the programs.
    Bundled,
    /// A synthetic radiograph, drawn anew from its seed.
    Phantom(PhantomConfig, u64),
}

/// An image that was not looked at yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// What it is called on the page.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// Where the work on it is written down.
    pub sidecar: PathBuf,
}

/// An image with what is known of it.
#[derive(Debug)]
pub struct Loaded {
    /// Its pixels.
    pub image: GrayImage,
    /// Where its keypoints are: of phantoms.
    pub labels: Option<Keypoints>,
    /// How far apart its pixels lie: of DICOM files that say so.
    pub spacing: Option<Spacing>,
}

impl Source {
    /// Reads the image.
    pub fn load(&self) -> Result<Loaded> {
        let limits = Limits::default();
        match self {
            Self::File(path) => {
                let Radiograph { image, spacing, .. } = load_radiograph(path, &limits)?;
                Ok(Loaded { image, labels: None, spacing })
            }
            Self::Bundled => {
                #[derive(Deserialize)]
                struct Truth {
                    keypoints: Vec<Point>,
                }
                let truth: Option<Truth> = serde_json::from_str(BUNDLED_TRUTH).ok();
                let image = decode_image("the bundled phantom", BUNDLED, &limits)?;
                let labels = truth.map(|truth| truth.keypoints.into());
                Ok(Loaded { image, labels, spacing: None })
            }
            Self::Phantom(config, seed) => {
                let Phantom { image, keypoints, .. } =
                    Phantom::generate(config, *seed).map_err(|error| Kind::Failed.because(error))?;
                Ok(Loaded { image, labels: Some(keypoints), spacing: None })
            }
        }
    }

    /// The labels of a file, checked to be of an image of its size.
    pub fn labels(&self, manifest: &ikem_data::Manifest, image: &GrayImage) -> Option<Keypoints> {
        let Self::File(path) = self else { return None };
        let entry = manifest.find(path).filter(|entry| entry.size() == image.size())?;
        Some(GroundTruth::new(&entry.image_path, entry.size(), entry.keypoints()).ok()?.keypoints)
    }
}

/// The phantoms that are shown where no image was given.
pub fn phantoms(kept_in: &Path) -> Vec<Listed> {
    let config = PhantomConfig { height: [1000, 1600], ..PhantomConfig::default() };
    let phantom = |number: u64| {
        let name = format!("phantom {number}");
        let sidecar = kept_in.join(format!("phantom-{number}.ikem.json"));
        let source = match number {
            1 => Source::Bundled,
            seed => Source::Phantom(config.clone(), seed),
        };
        Listed { name, source, sidecar }
    };
    (1..=PHANTOMS).map(phantom).collect()
}

/// The images that `paths` name: files as they are, folders by what is in them.
pub fn files(paths: &[PathBuf], output: Option<&Path>) -> Anyhow<Vec<Listed>> {
    let mut found = Vec::new();
    for path in paths {
        let named = || path.display().to_string();
        if path.metadata().with_context(named)?.is_dir() {
            let inside = images_in(path).with_context(named)?;
            if inside.is_empty() {
                bail!("{}: no image in there (PNG, JPEG, TIFF, BMP, DICOM)", named());
            }
            found.extend(inside);
        } else {
            found.push(path.clone());
        }
    }
    // Each once: two that are one would write the same sidecar.
    let mut seen = BTreeSet::new();
    found.retain(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    if found.len() > MOST_IMAGES {
        bail!("{} images were given; expected at most {MOST_IMAGES}", found.len());
    }
    Ok(listed(found, output))
}

/// The image files of a folder by name.
fn images_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()) && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn listed(paths: Vec<PathBuf>, output: Option<&Path>) -> Vec<Listed> {
    let mut of_name: BTreeMap<String, usize> = BTreeMap::new();
    for path in &paths {
        *of_name.entry(file_name(path)).or_default() += 1;
    }
    let list = |path: PathBuf| {
        let name = file_name(&path);
        let sidecar = match output {
            None => path.with_file_name(format!("{name}.ikem.json")),
            // Images of the same name come from different folders.
            Some(output) if of_name.get(&name).is_some_and(|count| *count > 1) => {
                let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
                let mark = fingerprint(whole.as_os_str().as_encoded_bytes());
                output.join(format!("{name}-{mark}.ikem.json"))
            }
            Some(output) => output.join(format!("{name}.ikem.json")),
        };
        Listed { name, source: Source::File(path), sidecar }
    };
    paths.into_iter().map(list).collect()
}

/// Images that were given to the page. They are kept under names of our own; what they were called is in a list.
#[derive(Debug)]
pub struct Uploads {
    folder: PathBuf,
}

impl Uploads {
    /// Those of the folder in which annotations are kept.
    pub fn new(kept_in: &Path) -> Self {
        Self { folder: kept_in.join("uploads") }
    }

    /// The ones of earlier sessions.
    pub fn earlier(&self) -> Vec<Listed> {
        let names = self.names();
        let paths = images_in(&self.folder).unwrap_or_default();
        paths
            .into_iter()
            .map(|path| {
                let own = file_name(&path);
                let name = names.get(&own).cloned().unwrap_or(own);
                self.listed(name, path)
            })
            .collect()
    }

    /// Keeps an image that can be decoded, and is within the limits.
    pub fn keep(&self, name: &str, bytes: &[u8]) -> Result<Listed> {
        let name = shown_name(name);
        decode_image(&name, bytes, &Limits::default())?;
        let own = format!("{}.{}", fingerprint(bytes), extension(bytes));
        let path = self.folder.join(&own);
        let failed =
            |error: std::io::Error| Kind::Failed.because(format!("cannot write {}: {error}", path.display()));
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        let mut names = self.names();
        let name = names.entry(own).or_insert(name).clone();
        write_whole(&path, bytes).map_err(failed)?;
        let text = serde_json::to_vec_pretty(&names).map_err(|error| Kind::Failed.because(error))?;
        write_whole(&self.folder.join("names.json"), &text).map_err(failed)?;
        Ok(self.listed(name, path))
    }

    fn listed(&self, name: String, path: PathBuf) -> Listed {
        let sidecar = path.with_file_name(format!("{}.ikem.json", file_name(&path)));
        Listed { name, source: Source::File(path), sidecar }
    }

    /// What the files were called.
    fn names(&self) -> BTreeMap<String, String> {
        let text = std::fs::read(self.folder.join("names.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension("part");
    std::fs::write(&part, bytes)?;
    std::fs::rename(&part, path)
}

/// The first 64 bits of what identifies `bytes`.
fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What an image file's name should end in, by its first bytes.
fn extension(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', ..] => "png",
        [0xff, 0xd8, ..] => "jpg",
        [b'B', b'M', ..] => "bmp",
        _ if bytes.get(128..132) == Some(b"DICM") => "dcm",
        _ => "tif",
    }
}

/// A name from outside, to show: its last part, without what no name has.
fn shown_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control()).take(120).collect();
    if name.trim().is_empty() { "image".to_owned() } else { name }
}
