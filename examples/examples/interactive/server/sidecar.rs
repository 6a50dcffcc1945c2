//! What a person did to one image, in a file beside it: `NAME.ikem.json`.

use std::convert::Infallible;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use ikem_core::{History, Size, Skeleton, Spacing};
use ikem_data::Verdict;
use ikem_models::Snapshot;
use serde::{Deserialize, Serialize};

use super::api::Status;
use super::entry::Entry;
use super::failure::{Failure, Kind, Result};
use super::finding::Finding;
use super::fingerprint::{Identity, Stamp};
use super::marks::{About, Marks};
use super::sources::Source;

/// The most that is read of a sidecar, in bytes; 65 states of 68 keypoints have about half a million.
const LIMIT: u64 = 64 << 20;
const FORMAT: &str = "ikem-annotation-1";

/// All that restores the work on an image: what was shown, what undo and redo lead to, and what it cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sidecar {
    format: String,
    /// The image's name, to show.
    pub image: String,
    /// The fingerprint of the image's file; missing in sidecars of earlier versions and for phantoms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The length of the image's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// When the image's file was changed last, in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<u64>,
    /// The image's file, where it is in another folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub film: Option<PathBuf>,
    /// The number of changes to the work.
    #[serde(default)]
    pub revision: u64,
    /// Pixels in a row.
    pub width: usize,
    /// Pixels in a column.
    pub height: usize,
    /// How far apart they lie, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spacing: Option<Spacing>,
    /// The keypoints' names in order.
    pub names: Vec<String>,
    /// The network that predicted them, in sidecars of earlier versions, which tell one for all states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    /// What it cost, and how far it is.
    pub effort: Effort,
    /// What the list shows of the present state; missing in sidecars of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// How it was predicted, where nothing was done yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// What the person says of the film as such.
    #[serde(default)]
    pub about: About,
    /// The present state, and those that undo and redo lead to.
    pub states: History<Snapshot>,
    /// What the person says of each of these states; missing in sidecars of earlier versions.
    #[serde(default)]
    marks: Option<History<Marks>>,
}

/// What the work on an image cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Effort {
    /// How far it is.
    pub status: Status,
    /// Corrections given.
    pub clicks: u32,
    /// Active time in seconds.
    pub seconds: f64,
}

/// What a film was predicted with before it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ahead {
    /// The network.
    pub network: String,
    /// The image whose grey values it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_to: Option<String>,
}

/// What the list shows of the points of an image.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Digest {
    /// The largest Cobb angle between end plates, where there is one.
    #[serde(default)]
    pub degrees: Option<f64>,
    /// How many points are unsure.
    #[serde(default)]
    pub unsure: usize,
    /// Whether the points are doubtful as a whole, so that there are no angles.
    #[serde(default)]
    pub doubtful: bool,
    /// Whether end vertebrae were chosen.
    #[serde(default)]
    pub ends_fixed: bool,
}

/// The parts of a sidecar that the list of images needs.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Summary {
    /// What the work cost.
    #[serde(default)]
    pub effort: Effort,
    /// What the list shows of the points.
    #[serde(default)]
    pub digest: Option<Digest>,
    /// How it was predicted, where nothing was done yet.
    #[serde(default)]
    pub ahead: Option<Ahead>,
    /// The number of changes to the work.
    #[serde(default)]
    pub revision: u64,
    /// The film's fingerprint.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// The length of the film's file.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// When the film's file was changed last, in nanoseconds since 1970.
    #[serde(default)]
    pub modified: Option<u64>,
    /// The film's file, where it is in another folder.
    #[serde(default)]
    pub film: Option<PathBuf>,
}

/// Whose film the work is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// This one, or it is not known.
    This,
    /// This one, whose file has another time than was noted.
    Touched(Identity),
    /// Another film, which had the same name.
    Another,
}

/// Whose film work is on, of which the sidecar notes a fingerprint, length and time. The film's bytes are read only if its file
/// has another time than was noted.
fn owner(
    (fingerprint, bytes, modified): (Option<&str>, Option<u64>, Option<u64>),
    source: &Source,
) -> Result<Owner> {
    let (Some(fingerprint), Some(stamp)) = (fingerprint, source.stamp()) else { return Ok(Owner::This) };
    if bytes.is_some_and(|bytes| bytes != stamp.bytes) {
        return Ok(Owner::Another);
    }
    if stamp.modified.is_some() && modified == stamp.modified {
        return Ok(Owner::This);
    }
    Ok(match source.identify()? {
        Some(film) if film.fingerprint == fingerprint => Owner::Touched(film),
        Some(_) => Owner::Another,
        None => Owner::This,
    })
}

impl Summary {
    /// Whose film the work is on.
    pub(super) fn owner(&self, source: &Source) -> Result<Owner> {
        owner((self.fingerprint.as_deref(), self.bytes, self.modified), source)
    }
}

/// What a sidecar is of.
#[derive(Debug, Clone)]
pub(super) struct Heading {
    /// The image's name, to show.
    pub image: String,
    /// What identifies the image's file.
    pub file: Option<Identity>,
    /// The image's file, where it is in another folder.
    pub film: Option<PathBuf>,
    /// The number of changes to the work.
    pub revision: u64,
}

impl Sidecar {
    /// What is to be written of an image.
    pub(super) fn new(
        heading: Heading,
        (size, spacing): (Size, Option<Spacing>),
        skeleton: &Skeleton,
        (effort, digest): (Effort, Digest),
        (states, marks): (History<Snapshot>, History<Marks>),
        about: About,
    ) -> Self {
        let Heading { image, file, film, revision } = heading;
        let stamp = file.as_ref().map(|file| file.stamp);
        let (Size { width, height }, names) = (size, skeleton.names().to_vec());
        let format = FORMAT.to_owned();
        Self {
            format,
            image,
            fingerprint: file.map(|file| file.fingerprint),
            bytes: stamp.map(|stamp| stamp.bytes),
            modified: stamp.and_then(|stamp| stamp.modified),
            film,
            revision,
            width,
            height,
            spacing,
            names,
            network: None,
            effort,
            digest: Some(digest),
            ahead: None,
            about,
            states,
            marks: Some(marks),
        }
    }

    /// Reads the sidecar at `path`; none where there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        let Some(text) = read_text(path)? else { return Ok(None) };
        let sidecar: Self = serde_json::from_str(&text).map_err(|error| wrong(path, error))?;
        if sidecar.format != FORMAT {
            let found = format!("its format is {:?}; expected {FORMAT:?}", sidecar.format);
            return Err(wrong(path, found));
        }
        if sidecar.marks.as_ref().is_some_and(|marks| marks.steps() != sidecar.states.steps()) {
            return Err(wrong(path, "its marks are not of its states"));
        }
        Ok(Some(sidecar))
    }

    /// What the person says of each state.
    pub(super) fn marks(&self) -> History<Marks> {
        if let Some(marks) = &self.marks {
            return marks.clone();
        }
        // They tell of the present state alone whether it is accepted.
        let accepted = self.effort.status == Status::Accepted;
        let verdict = if accepted { Verdict::Accepted } else { Verdict::Open };
        let present = Marks { network: self.network.clone(), verdict, ..Marks::default() };
        let Ok(mut marks) = self.states.try_map(|_| Ok::<_, Infallible>(present.clone()));
        for other in marks.others_mut() {
            other.verdict = Verdict::Open;
        }
        marks
    }

    /// Reads only the parts that the list of images needs; empty if there is no readable sidecar.
    pub(super) fn read_summary(path: &Path) -> Summary {
        let text = read_text(path).ok().flatten().unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The same as what was predicted before anybody opened the film.
    pub(super) fn predicted_ahead(self, ahead: Ahead) -> Self {
        Self { ahead: Some(ahead), ..self }
    }

    /// What the list shows of it.
    pub(super) fn digest(&self) -> Digest {
        self.digest.unwrap_or_else(|| Finding::of(self).digest())
    }

    /// Notes the film's present file, whose bytes are the same as ever, and what the list shows.
    pub(super) fn note(mut self, path: &Path, Identity { stamp: Stamp { bytes, modified }, .. }: &Identity) {
        (self.bytes, self.modified, self.digest) = (Some(*bytes), *modified, Some(self.digest()));
        // Where it cannot be written, the film is read again at the next start.
        let _ = self.write(path);
    }

    /// Whose film the work is on.
    pub(super) fn owner(&self, source: &Source) -> Result<Owner> {
        owner((self.fingerprint.as_deref(), self.bytes, self.modified), source)
    }

    /// Whether it certainly belongs to another film than the one with this fingerprint.
    pub(super) fn is_of_another(&self, fingerprint: Option<&str>) -> bool {
        matches!((&self.fingerprint, fingerprint), (Some(own), Some(film)) if own != film)
    }

    /// Whether it is of an image of `size` with these keypoints.
    pub(super) fn check(&self, path: &Path, size: Size, skeleton: &Skeleton) -> Result<()> {
        let own = Size::new(self.width, self.height);
        if own != size {
            return Err(wrong(path, format!("it belongs to an image of {own}; this one is {size}")));
        }
        if self.names != skeleton.names() {
            return Err(wrong(path, "its keypoints are not those of the network"));
        }
        Ok(())
    }

    /// Saves the work on an image, unless another program has saved other work since. The error gives the reason.
    pub(super) fn save(&self, entry: &Entry) -> Result<(), String> {
        let path = entry.sidecar.as_path();
        let found = Self::read_summary(path).revision;
        if found != entry.saved_revision() && path.exists() {
            return Err(format!(
                "{} was changed by another program; end that one, move the file away, and the work is saved there",
                path.display()
            ));
        }
        self.write(path).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        entry.set_saved_revision(self.revision);
        Ok(())
    }

    /// Writes the sidecar atomically: to a temporary file beside it, synced and renamed.
    pub(super) fn write(&self, path: &Path) -> std::io::Result<()> {
        let text = serde_json::to_vec(self)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let temporary = temporary(path);
        // Left by a killed program, or a link that must not be followed.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        let written = file.write_all(&text).and_then(|()| file.sync_all());
        drop(file);
        written.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
            // On a full disk, a partial file would take the room of the next attempt.
            let _ = fs::remove_file(&temporary);
        })
    }
}

/// The temporary file of a sidecar: always the same, so that killed programs do not leave many.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

fn read_text(path: &Path) -> Result<Option<String>> {
    let failed = |error: std::io::Error| wrong(path, error);
    let file = match ikem_files::open(path) {
        Ok((file, _)) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = String::new();
    file.take(LIMIT).read_to_string(&mut text).map_err(failed)?;
    Ok(Some(text))
}

/// A sidecar that can't be used: it stays as it is, for the person to look at.
fn wrong(path: &Path, what: impl ToString) -> Failure {
    let (path, what) = (path.display(), what.to_string());
    Kind::Conflict.because(format!("{path}: {what}; move the file away to start over"))
}
