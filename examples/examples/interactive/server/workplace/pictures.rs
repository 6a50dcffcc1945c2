//! Images as pictures.

use std::sync::Arc;

use ikem_core::GrayImage;
use ikem_data::match_histogram;

use super::super::entry::{Slot, lock};
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
            let held = match &*lock(&entry.slot) {
                Slot::Open(document) => document.image(),
                _ => None,
            };
            let image = match held {
                Some(image) => image,
                None => Arc::new(entry.source.load()?.image),
            };
            Ok(match &workplace.matching {
                Some(matching) if matched => Arc::new(match_histogram(&image, &matching.reference)),
                _ => image,
            })
        })
        .await
    }

    /// A small picture of an image, made once by `make`.
    pub(crate) async fn thumbnail(
        self: &Arc<Self>,
        id: usize,
        make: impl FnOnce(&GrayImage) -> Result<Vec<u8>> + Send + 'static,
    ) -> Result<Arc<[u8]>> {
        let entry = self.entry(id)?;
        if let Some(made) = entry.thumbnail.get() {
            return Ok(Arc::clone(made));
        }
        let image = self.pixels(id, false).await?;
        let made: Arc<[u8]> = blocking(move || make(&image)).await?.into();
        Ok(Arc::clone(entry.thumbnail.get_or_init(|| made)))
    }
}
