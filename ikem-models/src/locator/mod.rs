//! The locator: a small network that sees the whole film and finds the spine on it.

mod network;
mod reading;

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use ikem_core::{Frame, GrayImage, Letterbox, Resampling, Size, Tones, resample_frame};
use serde::{Deserialize, Serialize};

pub use network::{
    LOCATOR_ANSWERS, LOCATOR_MAPS, LOCATOR_STRIDE, LocatorConfig, LocatorLayers, LocatorLogits,
    LocatorNetwork,
};

use crate::cancel::Cancel;
use crate::checkpoint::PartCheckpoint;
use crate::error::{BuildError, BuildResult, Result};
use crate::threads::isolated;
use crate::view::without_margins;

/// The confidence from which on a locator has found a spine.
const SPINE: f32 = 0.5;
/// The confidence from which on a spine is believed in an orientation other than the one that was read first.
const SPINE_IN_ANOTHER_TURN: f32 = 0.95;
/// Uniform margins are left out if the film without them has less than this part of the width and of the height. Thinner ones are
/// kept, as in training.
const TRIMMED: f64 = 0.9;
/// Upper bound of the confidence reported when no position was found.
const NO_SPINE: f32 = 0.49;

/// Finds the spine on a whole film. Clones share the weights.
///
/// It sees the film on a square grid, whole but for wide uniform margins, and with its aspect ratio; if the film appears to be
/// turned by quarter turns or to be a negative, it looks again at the corrected film.
#[derive(Debug, Clone)]
pub struct Locator(Arc<LocatorNetwork>);

/// The result of a [`Locator`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Located {
    /// The film does not look like a spinal radiograph.
    Nothing {
        /// The confidence that there is a spine, 0…1: below one half.
        confidence: f32,
    },
    /// A spine.
    Spine(Location),
}

/// The position of a spine, and the orientation of its film.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Location {
    /// The frame around T1 to L5, upright, with the margins that the films of AASCE have.
    pub frame: Frame,
    /// Whether the film is a negative, with dark bones.
    pub negative: bool,
    /// The confidence that there is a spine, 0…1.
    pub confidence: f32,
}

/// A locator's config and tensors.
pub type LocatorCheckpoint = PartCheckpoint<LocatorConfig>;

impl Locator {
    /// A locator with the weights of a checkpoint.
    ///
    /// # Errors
    /// When the tensors are not those of the config's network, or the device fails.
    pub fn from_checkpoint(checkpoint: LocatorCheckpoint, device: &Device) -> Result<Self> {
        checkpoint.config.check()?;
        Self::build(checkpoint, device).map_err(BuildError::of_memory)
    }

    /// As [`from_checkpoint`](Self::from_checkpoint), for a config that was checked.
    pub(crate) fn build(checkpoint: LocatorCheckpoint, device: &Device) -> BuildResult<Self> {
        let LocatorCheckpoint { config, tensors } = checkpoint;
        Ok(Self(Arc::new(LocatorNetwork::frozen(config, tensors, device)?)))
    }

    /// Looks for the spine on a film.
    ///
    /// # Errors
    /// When the device fails.
    pub fn locate(&self, film: &GrayImage) -> Result<Located> {
        self.locate_until(film, None)
    }

    /// As [`locate`](Self::locate), until `cancel` is cancelled.
    pub(crate) fn locate_until(&self, film: &GrayImage, cancel: Option<&Cancel>) -> Result<Located> {
        isolated(|| {
            // As other networks see it: a margin may be much brighter than the film.
            let film = &Tones::of(film).apply_to(film);
            let whole = letterbox(&without_margins(film, TRIMMED), self.0.config().size);
            let (mut view, mut negative) = (whole, false);
            let mut seen = self.look(film, &view, negative, cancel)?;
            let (turns, inverted) = (seen.turns(), seen.negative());
            if turns != 0 || inverted {
                view = whole.seen_turned(-(turns as i8));
                negative = inverted;
                seen = self.look(film, &view, negative, cancel)?;
            }
            if seen.spine() < SPINE {
                // The turn may have been misread. Only an orientation that the network itself calls upright is believed.
                for other in (0..4).filter(|&other| other != turns) {
                    let turned = whole.seen_turned(-(other as i8));
                    let again = self.look(film, &turned, negative, cancel)?;
                    if again.turns() == 0 && again.spine() >= SPINE_IN_ANOTHER_TURN.max(seen.spine()) {
                        (view, seen) = (turned, again);
                    }
                }
            }
            let confidence = seen.spine();
            let found = seen.column().filter(|_| confidence >= SPINE);
            let frame = found.and_then(|column| column.frame(&view, self.0.config().size).ok());
            Ok(match frame {
                Some(frame) => Located::Spine(Location { frame, negative, confidence }),
                None => Located::Nothing { confidence: confidence.min(NO_SPINE) },
            })
        })
    }

    /// The output of the network for the film in `view`.
    fn look(
        &self,
        film: &GrayImage,
        view: &Frame,
        negative: bool,
        cancel: Option<&Cancel>,
    ) -> Result<reading::Reading> {
        Cancel::check(cancel)?;
        let size = self.0.config().size;
        let pixels = pixels(film, view, size, negative)?;
        let films = Tensor::from_vec(pixels, (1, 1, size, size), self.0.device())?;
        let logits = self.0.forward_until(&films, cancel)?;
        let values = |tensor: &Tensor| {
            tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()
        };
        Ok(reading::Reading::new(&values(&logits.maps)?, &values(&logits.answers)?, self.0.config()))
    }
}

/// The input of the locator's network: the film in `view`, `size` pixels wide and high, -1…1, with normalised grey
/// values, inverted if it is a negative, on a black ground.
fn pixels(film: &GrayImage, view: &Frame, size: usize, negative: bool) -> Result<Vec<f32>> {
    let grid = Size::new(size, size);
    let mut values = resample_frame(film, view, grid, Resampling::Area)?.pixels().to_vec();
    let place = shown(&without_margins(film, TRIMMED), view, size);
    let mut inside: Vec<f32> = place.rows(&mut values, size).flat_map(|row| row.to_vec()).collect();
    Tones::normalise(&mut inside);
    values.fill(-1.0);
    for (row, seen) in place.rows(&mut values, size).zip(inside.chunks_exact(place.width)) {
        for (value, seen) in row.iter_mut().zip(seen) {
            *value = if negative { -seen } else { *seen };
        }
    }
    Ok(values)
}

/// The part of a square grid of `size` pixels that shows `film`, an upright part of a film, in `view`.
fn shown(film: &Frame, view: &Frame, size: usize) -> Letterbox {
    let map = view.affine(Size::new(size, size));
    let [top_left, _, bottom_right, _] = film.corners();
    let [a, b] = [map.apply(top_left), map.apply(bottom_right)];
    let side = |axis: usize| {
        let first = (a[axis].min(b[axis]).round().max(0.0) as usize).min(size - 1);
        (first, (a[axis].max(b[axis]).round() as usize).clamp(first + 1, size) - first)
    };
    let ((left, width), (top, height)) = (side(0), side(1));
    Letterbox { left, top, width, height }
}

/// The view in which a locator first sees `film`, an upright part of a film: whole, with its aspect ratio.
fn letterbox(film: &Frame, size: usize) -> Frame {
    Letterbox::new(film.width(), film.height(), size).frame(film, size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mode;

    fn film(size: Size) -> GrayImage {
        let pixels = (0..size.area()).map(|i| ((i * 7919) % 997) as f32 / 996.0).collect();
        GrayImage::new(size, pixels).expect("pixels")
    }

    #[test]
    fn a_film_is_seen_whole_and_black_around() {
        for size in [Size::new(100, 250), Size::new(250, 100), Size::new(3, 900)] {
            let film = film(size);
            for turns in 0..4_i8 {
                let view = letterbox(&Frame::whole(size), 64).seen_turned(-turns);
                let values = pixels(&film, &view, 64, false).expect("pixels");
                let upright = (size.height > size.width) == (turns % 2 == 0);
                // The short side is black at its ends.
                let corner = if upright { values[32 * 64] } else { values[32] };
                assert_eq!(corner, -1.0, "{size}, {turns} turns");
                assert!(values.iter().any(|value| *value > 0.0));
            }
        }
    }

    #[test]
    fn wide_uniform_margins_are_left_out() {
        let size = Size::new(100, 250);
        let inner = film(size);
        let margined = |margin: usize| {
            let outer = Size::new(size.width + 2 * margin, size.height + 2 * margin);
            let mut pixels = vec![0.0; outer.area()];
            let rows = pixels.chunks_exact_mut(outer.width).skip(margin);
            for (row, seen) in rows.zip(inner.pixels().chunks_exact(size.width)) {
                row[margin..][..size.width].copy_from_slice(seen);
            }
            GrayImage::new(outer, pixels).expect("pixels")
        };
        let seen = |film: &GrayImage| {
            let view = letterbox(&without_margins(film, TRIMMED), 64);
            (view, pixels(film, &view, 64, false).expect("pixels"))
        };
        let (view, alone) = seen(&inner);
        for margin in [20, 60] {
            let (shifted, values) = seen(&margined(margin));
            let [x, y] = view.center();
            assert_eq!(shifted.center(), [x + margin as f64, y + margin as f64]);
            let off = alone.iter().zip(&values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-4, "{off} with margins of {margin} pixels");
        }
        // Thin ones are kept: the film is seen smaller.
        let (thin, _) = seen(&margined(4));
        assert!(thin.height() > view.height() + 7.0, "{} and {}", thin.height(), view.height());
    }

    #[test]
    fn a_negative_is_put_right() {
        let size = Size::new(100, 250);
        let positive = film(size);
        let negative = GrayImage::new(size, positive.pixels().iter().map(|v| 1.0 - v).collect());
        let negative = negative.expect("pixels");
        let view = letterbox(&Frame::whole(size), 64);
        let a = pixels(&positive, &view, 64, false).expect("pixels");
        let b = pixels(&negative, &view, 64, true).expect("pixels");
        let off = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 2e-2, "{off}");
    }

    #[test]
    fn any_film_gets_an_answer() {
        let config = LocatorConfig { size: 64, width: 2 };
        let fresh = LocatorNetwork::fresh(config, 1, &Device::Cpu).expect("a network");
        let checkpoint = LocatorCheckpoint { config, tensors: fresh.parameters().state_dict() };
        let locator = Locator::from_checkpoint(checkpoint, &Device::Cpu).expect("a locator");
        for size in [Size::new(1, 1), Size::new(30, 70), Size::new(900, 20)] {
            for value in [0.0, 1.0] {
                let flat = GrayImage::new(size, vec![value; size.area()]).expect("pixels");
                locator.locate(&flat).expect("an answer");
            }
            locator.locate(&film(size)).expect("an answer");
        }
    }

    #[test]
    fn inference_is_the_trained_network() {
        let config = LocatorConfig { size: 64, width: 2 };
        let fresh = LocatorNetwork::fresh(config, 7, &Device::Cpu).expect("a network");
        let tensors = fresh.parameters().state_dict();
        let frozen = LocatorNetwork::frozen(config, tensors, &Device::Cpu).expect("frozen");
        let films = Tensor::rand(-1_f32, 1.0, (2, 1, 64, 64), &Device::Cpu).expect("films");
        let (a, b) = (fresh.forward(&films, Mode::Eval), frozen.forward(&films, Mode::Eval));
        let (a, b) = (a.expect("logits"), b.expect("logits"));
        for (a, b) in [(&a.maps, &b.maps), (&a.answers, &b.answers)] {
            let off = (a - b).and_then(|d| d.abs()?.max_all()?.to_scalar::<f32>()).expect("a number");
            assert!(off < 1e-5, "{off}");
        }
        assert_eq!((a.maps.dims(), a.answers.dims()), (&[2, 3, 16, 16][..], &[2, 6][..]));
    }
}
