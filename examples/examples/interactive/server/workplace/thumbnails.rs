//! Small pictures of images, made when they are asked for. The most recent ones are held.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::super::entry::lock;
use super::super::failure::{Kind, Result};
use super::super::thumbnail::thumbnail;
use super::{Workplace, blocking};

/// How many small pictures are held; each has about 20 kB.
const HELD: usize = 512;

/// The small pictures made last, by the numbers of their images.
#[derive(Debug, Default)]
pub(super) struct Thumbnails(Mutex<VecDeque<(usize, Arc<[u8]>)>>);

impl Thumbnails {
    fn get(&self, id: usize) -> Option<Arc<[u8]>> {
        lock(&self.0).iter().find(|(own, _)| *own == id).map(|(_, made)| Arc::clone(made))
    }

    fn hold(&self, id: usize, made: Arc<[u8]>) {
        let mut held = lock(&self.0);
        held.retain(|(own, _)| *own != id);
        held.push_back((id, made));
        let surplus = held.len().saturating_sub(HELD);
        held.drain(..surplus);
    }
}

impl Workplace {
    /// A small picture of an image. One at a time is made, so that no film waits for them to be opened.
    pub(crate) async fn thumbnail(self: &Arc<Self>, id: usize) -> Result<Arc<[u8]>> {
        let entry = self.entry(id)?;
        if let Some(made) = self.thumbnails.get(id) {
            return Ok(made);
        }
        let _turn = self.sketching.acquire().await.map_err(|error| Kind::Failed.because(error))?;
        if let Some(made) = self.thumbnails.get(id) {
            return Ok(made);
        }
        let made: Arc<[u8]> = blocking(move || thumbnail(&*Self::film(&entry)?)).await?.into();
        self.thumbnails.hold(id, Arc::clone(&made));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_recent_are_held() {
        let thumbnails = Thumbnails::default();
        for id in 0..HELD + 3 {
            thumbnails.hold(id, Arc::from([0]));
        }
        thumbnails.hold(3, Arc::from([1]));
        let held: Vec<bool> = [2, 3, 4].map(|id| thumbnails.get(id).is_some()).to_vec();
        assert_eq!((held, thumbnails.get(3).as_deref()), (vec![false, true, true], Some(&[1][..])));
        assert_eq!(lock(&thumbnails.0).len(), HELD);
    }
}
