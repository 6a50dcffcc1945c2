//! Where images come from: files, phantoms, uploads.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result as Anyhow, bail};
use ikem_core::{GrayImage, Keypoints, Point, Spacing};
use ikem_data::{
    ImageKind, Limits, ManifestEntry, Phantom, PhantomConfig, Radiograph, decode_image, load_radiograph,
};
use ikem_eval::GroundTruth;
use ikem_examples::{Inside, LeftOut, UPLOADS, file_name, left_out_line};
use ikem_files::SAVED_WORK;
use serde::Deserialize;

use super::failure::{Kind, Result};
use super::fingerprint::{self, Identity, Stamp};
use super::keeping::Keeping;

/// The synthetic radiograph that ships with the programs, and where its keypoints are.
const BUNDLED: &[u8] = include_bytes!("../../../assets/phantom.png");
const BUNDLED_TRUTH: &str = include_str!("../../../assets/phantom.json");
/// How many phantoms are shown where no image was given.
const PHANTOMS: u64 = 6;
/// The most folders in the name of a film.
const DEEPEST: usize = 8;
/// The size limit of the list of names, in bytes.
const LONGEST_LIST: u64 = 64 << 20;
/// The default quota of all uploads together, in bytes.
pub(super) const UPLOAD_QUOTA: u64 = 16 << 30;
/// The most images of one session.
pub(super) const MOST_IMAGES: usize = 20_000;

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// A file.
    File(PathBuf),
    /// The synthetic radiograph that ships with the programs.
    Bundled,
    /// A synthetic radiograph, drawn anew from its seed.
    Phantom(PhantomConfig, u64),
    /// A film that takes as long to read as a test wants.
    #[cfg(test)]
    Slow(super::tests::Held),
}

/// An image that was not looked at yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listed {
    /// What it is called on the page.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// Where the work on it is written down.
    pub sidecar: PathBuf,
}

/// An image with what is known of it.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Its pixels.
    pub image: GrayImage,
    /// Where its keypoints are: of phantoms.
    pub labels: Option<Keypoints>,
    /// How far apart its pixels lie: of DICOM files that say so.
    pub spacing: Option<Spacing>,
    /// What a person should know of how it was read.
    pub note: Option<String>,
}

impl Source {
    /// Reads the image.
    pub(super) fn load(&self) -> Result<Loaded> {
        let limits = Limits::default();
        match self {
            Self::File(path) => {
                let Radiograph { image, spacing, note } = load_radiograph(path, &limits)?;
                Ok(Loaded { image, labels: None, spacing, note })
            }
            Self::Bundled => {
                #[derive(Deserialize)]
                struct Truth {
                    keypoints: Vec<Point>,
                }
                let truth: Option<Truth> = serde_json::from_str(BUNDLED_TRUTH).ok();
                let image = decode_image("the bundled phantom", BUNDLED, &limits)?;
                let labels = truth.map(|truth| truth.keypoints.into());
                Ok(Loaded { image, labels, spacing: None, note: None })
            }
            #[cfg(test)]
            Self::Slow(held) => {
                held.wait();
                Self::Bundled.load()
            }
            Self::Phantom(config, seed) => {
                let Phantom { image, keypoints, .. } =
                    Phantom::generate(config, *seed).map_err(|error| Kind::Failed.because(error))?;
                Ok(Loaded { image, labels: Some(keypoints), spacing: None, note: None })
            }
        }
    }

    /// The film's file; none of phantoms.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }

    /// Reads what identifies the film's file; `None` for phantoms.
    pub(super) fn identify(&self) -> Result<Option<Identity>> {
        match self {
            Self::File(path) => fingerprint::of_file(path).map(Some),
            _ => Ok(None),
        }
    }

    /// The length and time of the film's file; `None` for phantoms, and where it cannot be read.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        match self {
            Self::File(path) => path.metadata().ok().map(|about| Stamp::of(&about)),
            #[cfg(test)]
            Self::Slow(held) => {
                held.wait();
                None
            }
            _ => None,
        }
    }
}

/// The labels of an image, checked to be of one of its size. The page compares all points, and therefore none where some are not seen.
pub(super) fn labels(entry: &ManifestEntry, image: &GrayImage) -> Option<Keypoints> {
    if entry.size() != image.size() || entry.keypoints().iter().any(|point| point.is_absent()) {
        return None;
    }
    Some(GroundTruth::new(&entry.image_path, entry.size(), entry.keypoints()).ok()?.keypoints)
}

/// The phantoms that are shown where no image was given.
pub(super) fn phantoms(kept_in: &Path) -> Vec<Listed> {
    let config = PhantomConfig { height: [1000, 1600], ..PhantomConfig::default() };
    let phantom = |number: u64| {
        let name = format!("phantom {number}");
        let sidecar = kept_in.join(format!("phantom-{number}{SAVED_WORK}"));
        let source = match number {
            1 => Source::Bundled,
            seed => Source::Phantom(config.clone(), seed),
        };
        Listed { name, source, sidecar }
    };
    (1..=PHANTOMS).map(phantom).collect()
}

/// The images that `paths` name, and what to tell of what was left out: files as they are, folders by what is in them.
pub(super) fn files(paths: &[PathBuf], keeping: &Keeping) -> Anyhow<(Vec<Listed>, Option<String>)> {
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for path in paths {
        let named = || path.display().to_string();
        let about = path.metadata().with_context(named)?;
        if about.is_dir() {
            let inside = Inside::of(path).with_context(named)?;
            if inside.images.is_empty() {
                let why = left_out_line(&reasons(inside.left_out))
                    .map(|line| format!("; {line}"))
                    .unwrap_or_default();
                bail!("{}: no image in there (PNG, JPEG, TIFF, BMP, DICOM){why}", named());
            }
            found.extend(inside.images);
            left_out.extend(reasons(inside.left_out));
        } else {
            // A pipe would block.
            ikem_files::open(path).with_context(named)?;
            found.push(path.clone());
        }
    }
    // Each once: two that are one would write the same sidecar.
    let mut seen = BTreeSet::new();
    found.retain(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    if found.len() > MOST_IMAGES {
        bail!("{} images were given; expected at most {MOST_IMAGES}", found.len());
    }
    Ok((listed(found, keeping), left_out_line(&left_out)))
}

fn reasons(left_out: Vec<LeftOut>) -> Vec<String> {
    left_out.into_iter().map(|left_out| left_out.why).collect()
}

fn listed(paths: Vec<PathBuf>, keeping: &Keeping) -> Vec<Listed> {
    let mut of_name: BTreeMap<OsString, usize> = BTreeMap::new();
    for path in &paths {
        *of_name.entry(own_name(path)).or_default() += 1;
    }
    let names = distinct_names(&paths);
    let list = |(path, name): (PathBuf, String)| {
        let own = own_name(&path);
        let sidecar = match keeping {
            Keeping::Beside => path.with_file_name(sidecar_name(own, "")),
            Keeping::Below(folder) => path.with_file_name("").join(folder).join(sidecar_name(own, "")),
            // Images of the same name come from different folders.
            Keeping::In(output) if of_name.get(&own).is_some_and(|count| *count > 1) => {
                let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
                let mark = format!("-{}", fingerprint::short(whole.as_os_str().as_encoded_bytes()));
                output.join(sidecar_name(own, &mark))
            }
            Keeping::In(output) => output.join(sidecar_name(own, "")),
        };
        Listed { name, source: Source::File(path), sidecar }
    };
    paths.into_iter().zip(names).map(list).collect()
}

/// What the films are called: by their files' names, and by as many of their folders as tell films of the same name apart.
fn distinct_names(paths: &[PathBuf]) -> Vec<String> {
    let mut names: Vec<String> = paths.iter().map(|path| file_name(path)).collect();
    for folders in 1..=DEEPEST {
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        for name in &names {
            *count.entry(name).or_default() += 1;
        }
        let again: Vec<bool> = names.iter().map(|name| count[name.as_str()] > 1).collect();
        if !again.contains(&true) {
            break;
        }
        for ((name, path), _) in names.iter_mut().zip(paths).zip(again).filter(|(_, again)| *again) {
            let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
            let parts: Vec<String> = whole.iter().map(|part| file_name(Path::new(part))).collect();
            *name = parts.get(parts.len().saturating_sub(folders + 1)..).unwrap_or_default().join("/");
        }
    }
    names
}

/// The last part of a path, as the system has it.
fn own_name(path: &Path) -> OsString {
    path.file_name().unwrap_or(path.as_os_str()).to_owned()
}

/// What the sidecar of an image is called. The image's name stays byte for byte, text or not: films of different names never
/// share one.
fn sidecar_name(mut own: OsString, mark: &str) -> OsString {
    own.push(mark);
    own.push(SAVED_WORK);
    own
}

/// Images that were given to the page. They are kept under names of our own; what they were called is in a list.
#[derive(Debug)]
pub(super) struct Uploads {
    folder: PathBuf,
    /// Their quota together, in bytes.
    quota: u64,
}

/// The list of the original names of uploads.
const NAMES: &str = "names.json";

impl Uploads {
    /// Those of the folder in which annotations are kept.
    pub(super) fn new(kept_in: &Path, quota: u64) -> Self {
        Self { folder: kept_in.join(UPLOADS), quota }
    }

    /// The ones of earlier sessions.
    pub(super) fn earlier(&self) -> Vec<Listed> {
        let names = self.names().unwrap_or_default();
        let inside = Inside::of(&self.folder).unwrap_or_default();
        inside
            .images
            .into_iter()
            .map(|path| {
                let own = file_name(&path);
                let name = names.get(&own).cloned().unwrap_or(own);
                self.listed(name, path)
            })
            .collect()
    }

    /// Keeps an image that can be decoded, and is within the limits.
    pub(super) fn keep(&self, name: &str, bytes: &[u8]) -> Result<Listed> {
        let name = shown_name(name);
        decode_image(&name, bytes, &Limits::default())?;
        let own = format!("{}.{}", fingerprint::short(bytes), ImageKind::of(&name, bytes)?.extension());
        let path = self.folder.join(&own);
        let failed =
            |error: std::io::Error| Kind::Failed.because(format!("cannot write {}: {error}", path.display()));
        std::fs::create_dir_all(&self.folder).map_err(failed)?;
        if !path.exists() {
            self.check_room(bytes.len() as u64).map_err(failed)??;
        }
        let mut names = match self.names() {
            Some(names) => names,
            None => {
                // A damaged list is kept for inspection.
                set_aside(&self.folder.join(NAMES)).map_err(failed)?;
                BTreeMap::new()
            }
        };
        let name = names.entry(own).or_insert(name).clone();
        write_whole(&path, bytes).map_err(failed)?;
        let text = serde_json::to_vec_pretty(&names).map_err(|error| Kind::Failed.because(error))?;
        write_whole(&self.folder.join(NAMES), &text).map_err(failed)?;
        Ok(self.listed(name, path))
    }

    fn listed(&self, name: String, path: PathBuf) -> Listed {
        let sidecar = path.with_file_name(format!("{}{SAVED_WORK}", file_name(&path)));
        Listed { name, source: Source::File(path), sidecar }
    }

    /// The original names of the files; `None` if the list is damaged.
    fn names(&self) -> Option<BTreeMap<String, String>> {
        let path = self.folder.join(NAMES);
        if !path.exists() {
            return Some(BTreeMap::new());
        }
        let mut text = Vec::new();
        ikem_files::open(&path).ok()?.0.take(LONGEST_LIST).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Refuses a file of this many bytes if it would exceed the quota.
    fn check_room(&self, bytes: u64) -> std::io::Result<Result<()>> {
        let mut kept: u64 = 0;
        for file in std::fs::read_dir(&self.folder)? {
            kept = kept.saturating_add(file?.metadata()?.len());
        }
        if kept.saturating_add(bytes) <= self.quota {
            return Ok(Ok(()));
        }
        let (folder, quota) = (self.folder.display(), self.quota);
        Ok(Err(Kind::TooLarge.because(format!(
            "{folder} holds {kept} bytes, and this file has {bytes}; expected at most {quota} in all. Remove films there, or \
             keep the work elsewhere with --output DIR"
        ))))
    }
}

/// Renames a file to an unused name, such as `names.json.damaged-1`.
fn set_aside(path: &Path) -> std::io::Result<()> {
    let name = |number: u64| path.with_file_name(format!("{}.damaged-{number}", file_name(path)));
    let free = (1..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0));
    std::fs::rename(path, free)
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // Hidden, so that it is never taken for an image.
    let part = path.with_file_name(format!(".{}.part", file_name(path)));
    std::fs::write(&part, bytes)?;
    std::fs::rename(&part, path)
}

/// A name from outside, to show: its last part, without what no name has.
fn shown_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control()).take(120).collect();
    if name.trim().is_empty() { "image".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sidecars_of_ordinary_names_are_where_they_were() {
        let paths = ["a/film.png", "b/film.png", "b/größe 2.dcm"].map(PathBuf::from).to_vec();
        let beside: Vec<_> =
            listed(paths.clone(), &Keeping::Beside).into_iter().map(|listed| listed.sidecar).collect();
        let expected = ["a/film.png.ikem.json", "b/film.png.ikem.json", "b/größe 2.dcm.ikem.json"];
        assert_eq!(beside, expected.map(PathBuf::from));
        let kept: Vec<_> = listed(paths, &Keeping::In("out".into())).into_iter().map(|l| l.sidecar).collect();
        assert_eq!(kept[2], Path::new("out/größe 2.dcm.ikem.json"));
        assert!(kept[0] != kept[1] && kept[0].to_string_lossy().starts_with("out/film.png-"), "{kept:?}");
    }

    #[test]
    fn films_of_the_same_name_are_called_by_their_folders() {
        let paths = ["x/one/film.png", "y/one/film.png", "two/film.png", "two/other.png"].map(PathBuf::from);
        assert_eq!(distinct_names(&paths), ["x/one/film.png", "y/one/film.png", "two/film.png", "other.png"]);
    }

    #[cfg(unix)]
    #[test]
    fn films_whose_names_are_no_text_have_their_own_sidecars_and_names() {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};

        let names: [&[u8]; 4] =
            [b"film-\xfc.png", b"film-\xe9.png", b"film-\xff\xfe.png", "film-ü.png".as_bytes()];
        let path = |name: &[u8]| Path::new("films").join(OsString::from_vec(name.to_vec()));
        for keeping in [Keeping::Beside, Keeping::In("films".into()), Keeping::Below("films".into())] {
            let listed = listed(names.map(path).to_vec(), &keeping);
            for (listed, name) in listed.iter().zip(names) {
                let own = listed.sidecar.file_name().map(OsStrExt::as_bytes);
                assert_eq!(own, Some([name, b".ikem.json"].concat().as_slice()));
            }
            let shown: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
            assert_eq!(shown, ["film-%FC.png", "film-%E9.png", "film-%FF%FE.png", "film-ü.png"]);
        }
    }
}
