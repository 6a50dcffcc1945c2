//! An image of the list, open or not.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::document::Document;
use super::sidecar::{Effort, Sidecar};
use super::sources::{Listed, Source};

/// An image of the list.
#[derive(Debug)]
pub struct Entry {
    /// What requests name it by.
    pub id: usize,
    /// What it is called on the page.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// Where the work on it is written down.
    pub sidecar: PathBuf,
    /// What is in memory of it.
    pub slot: Mutex<Slot>,
    effort: Mutex<Effort>,
    revision: AtomicU64,
    /// The number of the last request that predicts; older previews are overtaken.
    pub newest: AtomicU64,
    /// A small picture, once it was made.
    pub thumbnail: OnceLock<Arc<[u8]>>,
}

/// What is in memory of an image.
#[derive(Debug)]
pub enum Slot {
    /// Nothing.
    Closed,
    /// What could not be written down.
    Kept(Box<Sidecar>),
    /// All of it.
    Open(Box<Document>),
}

impl Entry {
    /// An image that is not open.
    pub fn new(id: usize, Listed { name, source, sidecar }: Listed) -> Self {
        let effort = Mutex::new(Sidecar::read_effort(&sidecar));
        let (slot, thumbnail) = (Mutex::new(Slot::Closed), OnceLock::new());
        let (revision, newest) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { id, name, source, sidecar, slot, effort, revision, newest, thumbnail }
    }

    /// What the work on it cost.
    pub fn effort(&self) -> Effort {
        *lock(&self.effort)
    }

    /// Notes down what the work on it cost.
    pub fn set_effort(&self, effort: Effort) {
        *lock(&self.effort) = effort;
    }

    /// How often it was changed.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    /// Counts a change.
    pub fn count_revision(&self) {
        self.revision.fetch_add(1, Ordering::Relaxed);
    }

    /// A number that overtakes all before it.
    pub fn overtake(&self) -> u64 {
        self.newest.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// Locks what no panic leaves half done.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
