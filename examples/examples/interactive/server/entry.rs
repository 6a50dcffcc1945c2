//! An image of the list, open or not.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

pub(super) use ikem_examples::lock;

use super::document::Document;
use super::lost_work::{Found, LostWork};
use super::sidecar::{Effort, Sidecar, Summary};
use super::sources::{Listed, Source};

/// An image of the list.
#[derive(Debug)]
pub(super) struct Entry {
    /// What requests name it by.
    pub id: usize,
    /// What it is called on the page.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// Where the work on it is written down.
    pub sidecar: PathBuf,
    /// The index of its labels in the manifest.
    pub labels: Option<usize>,
    /// What is in memory of it.
    pub slot: Mutex<Slot>,
    /// Locked while the image is read, so that it is read only once.
    pub opening: tokio::sync::Mutex<()>,
    effort: Mutex<Effort>,
    revision: AtomicU64,
    /// The revision of the sidecar when it was last read or written.
    saved_revision: AtomicU64,
    /// What to tell when it is opened.
    told: Mutex<Option<String>>,
    /// A small picture, once it was made.
    pub thumbnail: OnceLock<Arc<[u8]>>,
}

/// What is in memory of an image.
#[derive(Debug)]
pub(super) enum Slot {
    /// Nothing.
    Closed,
    /// What could not be written down.
    Kept(Box<Sidecar>),
    /// All of it.
    Open(Box<Document>),
}

impl Entry {
    /// An image that is not open, with the index of its labels in the manifest.
    pub(super) fn new(id: usize, Listed { name, source, sidecar }: Listed, labels: Option<usize>) -> Self {
        let Summary { effort, revision, .. } = Sidecar::read_summary(&sidecar);
        Self {
            id,
            name,
            source,
            sidecar,
            labels,
            slot: Mutex::new(Slot::Closed),
            opening: tokio::sync::Mutex::default(),
            effort: Mutex::new(effort),
            revision: AtomicU64::new(revision),
            saved_revision: AtomicU64::new(revision),
            told: Mutex::default(),
            thumbnail: OnceLock::new(),
        }
    }

    /// Whether it has labels to compare with.
    pub(super) fn is_compared(&self) -> bool {
        self.labels.is_some() || !matches!(self.source, Source::File(_))
    }

    /// What the work on it cost.
    pub(super) fn effort(&self) -> Effort {
        *lock(&self.effort)
    }

    /// Notes down what the work on it cost.
    pub(super) fn set_effort(&self, effort: Effort) {
        *lock(&self.effort) = effort;
    }

    /// How often it was changed.
    pub(super) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    /// Counts a change.
    pub(super) fn count_revision(&self) {
        self.revision.fetch_add(1, Ordering::Relaxed);
    }

    /// The revision of the sidecar as this program read or wrote it last.
    pub(super) fn saved_revision(&self) -> u64 {
        self.saved_revision.load(Ordering::Relaxed)
    }

    /// Records the revision of the sidecar.
    pub(super) fn set_saved_revision(&self, revision: u64) {
        self.saved_revision.store(revision, Ordering::Relaxed);
    }

    /// Forgets the work on another film of the same name.
    pub(super) fn start_over(&self, revision: u64) {
        self.set_effort(Effort::default());
        self.set_saved_revision(0);
        self.revision.fetch_max(revision, Ordering::Relaxed);
        self.count_revision();
    }

    /// Takes up the work on the film that `lost` holds under an earlier name; returns what to tell.
    pub(super) fn adopt(&self, lost: &LostWork, fingerprint: &str) -> Option<String> {
        let Found { name, effort, revision } = lost.adopt(fingerprint, &self.sidecar)?;
        self.set_effort(effort);
        self.set_saved_revision(revision);
        self.revision.fetch_max(revision, Ordering::Relaxed);
        Some(format!(
            "{} is the film that was called {name} before. Its corrections are taken up.",
            self.name
        ))
    }

    /// Notes what to tell when it is opened.
    pub(super) fn tell_later(&self, told: String) {
        *lock(&self.told) = Some(told);
    }

    /// What to tell now that it is opened.
    pub(super) fn told(&self) -> Option<String> {
        lock(&self.told).take()
    }

    /// Its file and the file's length, if it is one.
    pub(super) fn file(&self) -> Option<(&Path, u64)> {
        let Source::File(path) = &self.source else { return None };
        Some((path, path.metadata().ok()?.len()))
    }

    /// Its file, where that is not beside the sidecar.
    pub(super) fn film_elsewhere(&self) -> Option<PathBuf> {
        let film = self.file()?.0.canonicalize().ok()?;
        // The folder of the sidecar may not be there yet.
        let folder = self.sidecar.parent()?.canonicalize().ok();
        (film.parent() != folder.as_deref()).then_some(film)
    }
}
