use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Resized images, as `T` holds them, up to a limit of memory. What is in stays in: an epoch asks for every image once, so
/// that none is more worth keeping than another.
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

    pub(crate) fn get(&self, place: usize) -> Option<T> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).images.get(&place).cloned()
    }

    /// Keeps the image of a place, whose pixels take `bytes`, while there is room.
    pub(crate) fn keep(&self, place: usize, resized: &T, bytes: usize) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.bytes.saturating_add(bytes) <= self.limit && !held.images.contains_key(&place) {
            held.bytes += bytes;
            held.images.insert(place, resized.clone());
        }
    }

    /// How many images are held, and their bytes.
    #[cfg(test)]
    pub(crate) fn held(&self) -> (usize, usize) {
        let held = self.held.lock().unwrap();
        (held.images.len(), held.bytes)
    }
}
