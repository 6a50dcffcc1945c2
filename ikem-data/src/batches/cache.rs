use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A cache of resized images with a memory limit and no eviction: every epoch uses each image once, so all are equally
/// worth keeping.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    limit: usize,
    held: Mutex<Held<T>>,
}

#[derive(Debug)]
struct Held<T> {
    bytes: usize,
    images: BTreeMap<usize, T>,
}

impl<T: Clone> Cache<T> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, held: Mutex::new(Held { bytes: 0, images: BTreeMap::new() }) }
    }

    pub(crate) fn get(&self, index: usize) -> Option<T> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).images.get(&index).cloned()
    }

    /// Stores the image with index `index`, whose pixels take `bytes`, if there is room.
    pub(crate) fn keep(&self, index: usize, resized: &T, bytes: usize) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.bytes.saturating_add(bytes) <= self.limit && !held.images.contains_key(&index) {
            held.bytes += bytes;
            held.images.insert(index, resized.clone());
        }
    }

    /// The number of images held and their size in bytes.
    #[cfg(test)]
    pub(crate) fn held(&self) -> (usize, usize) {
        let held = self.held.lock().unwrap();
        (held.images.len(), held.bytes)
    }
}
