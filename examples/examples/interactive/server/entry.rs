//! An image of the list, open or not.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

pub(super) use ikem_examples::lock;

use super::document::Document;
use super::lost_work::{Found, LostWork};
use super::sidecar::{Ahead, Digest, Effort, Owner, Sidecar};
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
    /// Set once the list knows what was done to it.
    looked: OnceLock<()>,
    shown: Mutex<Shown>,
    revision: AtomicU64,
    /// The revision of the sidecar when it was last read or written.
    saved_revision: AtomicU64,
    /// What to tell when it is opened.
    told: Mutex<Option<String>>,
}

/// What the list shows of the work on an image.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Shown {
    /// What the work cost.
    pub effort: Effort,
    /// What there is to know of the points; none where they are not known.
    pub digest: Option<Digest>,
    /// How it was predicted, where that was saved and nothing was done yet.
    pub ahead: Option<Ahead>,
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
        Self {
            id,
            name,
            source,
            sidecar,
            labels,
            slot: Mutex::new(Slot::Closed),
            opening: tokio::sync::Mutex::default(),
            looked: OnceLock::new(),
            shown: Mutex::default(),
            revision: AtomicU64::new(0),
            saved_revision: AtomicU64::new(0),
            told: Mutex::default(),
        }
    }

    /// Whether it has labels to compare with.
    pub(super) fn is_compared(&self) -> bool {
        self.labels.is_some() || !matches!(self.source, Source::File(_))
    }

    /// Reads, once, what was done to it; work that was saved for its film under another name is taken up. Returns what to tell.
    pub(super) fn look(&self, lost: &LostWork) -> Option<String> {
        let mut told = None;
        self.looked.get_or_init(|| told = self.find_work(lost));
        if let Some(line) = &told {
            self.tell_later(line.clone());
        }
        told
    }

    /// Whether it is known what was done to it.
    pub(super) fn is_known(&self) -> bool {
        self.looked.get().is_some()
    }

    fn find_work(&self, lost: &LostWork) -> Option<String> {
        let stamp = self.source.stamp();
        if !self.sidecar.exists() {
            let bytes = stamp?.bytes;
            if bytes == 0 || !lost.may_hold(bytes) {
                return None;
            }
            // A film that cannot be read is told when it is opened.
            let film = self.source.identify().ok().flatten()?;
            return self.adopt(lost, &film.fingerprint);
        }
        let saved = Sidecar::read_summary(&self.sidecar);
        self.revision.store(saved.revision, Ordering::Relaxed);
        self.set_saved_revision(saved.revision);
        let owner = saved.owner(&self.source).unwrap_or(Owner::This);
        if owner == Owner::Another {
            return None;
        }
        let whole = || Sidecar::read(&self.sidecar).ok().flatten();
        let digest = saved.digest.or_else(|| whole().map(|sidecar| sidecar.digest()));
        self.show(Shown { effort: saved.effort, digest, ahead: saved.ahead });
        if let Owner::Touched(film) = owner
            && let Some(sidecar) = whole()
        {
            sidecar.note(&self.sidecar, &film);
        }
        None
    }

    /// What the list shows of the work on it.
    pub(super) fn shown(&self) -> Shown {
        lock(&self.shown).clone()
    }

    /// What the work on it cost.
    pub(super) fn effort(&self) -> Effort {
        self.shown().effort
    }

    /// Notes how it was predicted.
    pub(super) fn show_ahead(&self, ahead: Option<Ahead>) {
        lock(&self.shown).ahead = ahead;
    }

    /// Shows this in the list from now on.
    pub(super) fn show(&self, shown: Shown) {
        *lock(&self.shown) = shown;
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
        self.show(Shown::default());
        self.set_saved_revision(0);
        self.revision.fetch_max(revision, Ordering::Relaxed);
        self.count_revision();
    }

    /// Takes up the work on the film that `lost` holds under an earlier name; returns what to tell.
    pub(super) fn adopt(&self, lost: &LostWork, fingerprint: &str) -> Option<String> {
        let Found { name, shown, revision } = lost.adopt(fingerprint, &self.sidecar)?;
        self.show(shown);
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

    /// Its file, where that is not beside the sidecar.
    pub(super) fn film_elsewhere(&self) -> Option<PathBuf> {
        let film = self.source.path()?.canonicalize().ok()?;
        // The folder of the sidecar may not be there yet.
        let folder = self.sidecar.parent()?.canonicalize().ok();
        (film.parent() != folder.as_deref()).then_some(film)
    }
}
