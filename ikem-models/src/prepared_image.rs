use std::sync::Arc;

use ikem_core::{CornerMaps, GrayImage, Size, Tones};

use crate::inputs::EncodedImage;
use crate::view::View;

/// A film as the network sees it.
#[derive(Debug, Clone)]
pub(crate) struct PreparedImage {
    /// The film's size.
    pub size: Size,
    pub view: View,
    /// What the corner refiner looks at; `None` as long as frames are compared.
    pub film: Option<TonedFilm>,
    pub encoded: EncodedImage,
    /// Where corners of vertebrae are, for decoding; without a detector, and as long as frames are compared, `None`.
    pub corners: Option<Arc<CornerMaps>>,
}

/// A film, and the tones with which networks see it.
#[derive(Debug, Clone)]
pub(crate) struct TonedFilm {
    pub pixels: GrayImage,
    pub tones: Tones,
}

impl TonedFilm {
    /// A film, stretched if it uses little of its range, inverted if it is a `negative`.
    pub(crate) fn new(film: &GrayImage, negative: bool) -> Self {
        let tones = Tones::of(film);
        Self { pixels: film.clone(), tones: if negative { tones.inverted() } else { tones } }
    }

    /// The film as networks see it.
    pub(crate) fn toned(&self) -> GrayImage {
        self.tones.apply_to(&self.pixels)
    }
}
