//! Images as pictures.

use std::sync::Arc;

use ikem_core::GrayImage;
use ikem_data::match_histogram;

use super::super::entry::{Entry, Slot, lock};
use super::super::failure::{Kind, Result};
use super::{Workplace, blocking};

impl Workplace {
    /// The image's pixels, or those that the network sees.
    pub(crate) async fn pixels(self: &Arc<Self>, id: usize, matched: bool) -> Result<Arc<GrayImage>> {
        let entry = self.entry(id)?;
        if matched && self.matching.is_none() {
            return Err(Kind::NotFound.because("there is no reference; start with --match REFERENCE"));
        }
        let _turn = self.decoding.acquire().await.map_err(|error| Kind::Failed.because(error))?;
        let workplace = Arc::clone(self);
        blocking(move || {
            let image = Self::film(&entry)?;
            Ok(match &workplace.matching {
                Some(matching) if matched => Arc::new(match_histogram(&image, &matching.reference)),
                _ => image,
            })
        })
        .await
    }

    /// The image's pixels: those that are in memory, or read anew.
    pub(super) fn film(entry: &Entry) -> Result<Arc<GrayImage>> {
        let held = match &*lock(&entry.slot) {
            Slot::Open(document) => document.image(),
            _ => None,
        };
        held.map_or_else(|| Ok(Arc::new(entry.source.load()?.image)), Ok)
    }
}
