use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ikem_core::{Frame, GrayImage, Keypoints, Size};

/// An image as it is kept: resized, with the size and the keypoints it had.
#[derive(Debug, Clone)]
pub(super) struct Resized {
    pub(super) image: Arc<GrayImage>,
    pub(super) original: Size,
    /// The part of the original that is seen.
    pub(super) frame: Frame,
    /// In pixels of the original.
    pub(super) keypoints: Arc<Keypoints>,
}

/// Resized images up to a limit of memory. What is in stays in: an epoch asks for every image once, so that none is
/// more worth keeping than another.
#[derive(Debug)]
pub(super) struct Cache {
    limit: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    images: BTreeMap<usize, Resized>,
}

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, held: Mutex::default() }
    }

    pub(super) fn get(&self, place: usize) -> Option<Resized> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).images.get(&place).cloned()
    }

    pub(super) fn keep(&self, place: usize, resized: &Resized) {
        let bytes = size_of_val(resized.image.pixels());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.bytes.saturating_add(bytes) <= self.limit && !held.images.contains_key(&place) {
            held.bytes += bytes;
            held.images.insert(place, resized.clone());
        }
    }

    /// How many images are held, and their bytes.
    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, usize) {
        let held = self.held.lock().unwrap();
        (held.images.len(), held.bytes)
    }
}
