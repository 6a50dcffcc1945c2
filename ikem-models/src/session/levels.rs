//! Shifting the names of all keypoints to the next vertebra: when a network miscounts, its points are right and their
//! names are not.

use std::sync::Arc;

use candle_core::Tensor;
use ikem_core::{Hint, Hints, Point, Skeleton};

use super::{Session, State};
use crate::error::Result;
use crate::prediction::{Maps, Prediction};

/// The logit of a keypoint that was not predicted: its heatmap is almost zero everywhere.
const NOWHERE: f64 = -12.0;

impl Session {
    /// The number of vertebrae by which the names were moved down, in total.
    #[must_use]
    pub const fn shift(&self) -> isize {
        self.history.present().shift
    }

    /// Moves all names down by `by` vertebrae, up if it is negative: moved by one, the vertebra that was called T5 is
    /// called T6. Nothing is predicted. This can be undone.
    ///
    /// Points keep their positions, and hints keep their points. The vertebra that loses its name is dropped, with its
    /// hints. The one at the other end is where the network sees one ([`Prediction::alternatives`]), or else continues
    /// the line of its two neighbours; it has confidence 0.
    ///
    /// Returns `false` and changes nothing if `by` leaves fewer than two vertebrae or the skeleton is not a spine
    /// ([`Skeleton::is_spine`]).
    ///
    /// # Errors
    /// When the device fails; the session is then as before.
    pub fn shift_names(&mut self, by: isize) -> Result<bool> {
        let skeleton = &self.predictor.config().skeleton;
        let Some(sources) = skeleton.shifted(by) else { return Ok(false) };
        if !skeleton.is_spine() || by == 0 || by.unsigned_abs().saturating_add(2) > skeleton.vertebrae().len()
        {
            return Ok(false);
        }
        let &State { ref hints, ref prediction, ref image, shift, refused } = self.history.present();
        let (shown, size) = (self.keypoints(), self.film.size());
        let stays = |place: Option<Point>| {
            place.map(|p| Point::new(p.x.clamp(0.0, last(size.width)), p.y.clamp(0.0, last(size.height))))
        };
        let raw: Vec<_> = sources.iter().map(|source| Some(prediction.keypoints()[(*source)?])).collect();
        let seen: Vec<_> = sources.iter().map(|source| Some(shown[(*source)?])).collect();
        let recount = prediction.alternatives().iter().find(|recount| recount.by == by);
        let new: Vec<Option<Point>> = match recount {
            Some(recount) => {
                let refined = self.predictor.refined_keypoints(image, &Hints::new(), &recount.keypoints)?;
                refined.iter().copied().map(Some).collect()
            }
            None => continued(skeleton, seen, by),
        };
        let place = |(raw, new): (Option<Point>, Option<Point>)| raw.or(stays(new)).unwrap_or_default();
        let confidence =
            |source: &Option<usize>| source.map_or(0.0, |source| prediction.confidences()[source]);
        let renamed = |hint: &Hint| {
            let keypoint = sources.iter().position(|source| *source == Some(hint.keypoint))?;
            Some(Hint::new(keypoint, hint.point))
        };
        let state = State {
            hints: hints.iter().filter_map(renamed).collect(),
            prediction: Prediction {
                keypoints: raw.into_iter().zip(new).map(place).collect(),
                confidences: sources.iter().map(confidence).collect(),
                maps: prediction.maps.renamed(&sources)?,
                alternatives: Vec::new(),
                ..prediction.clone()
            },
            image: Arc::clone(image),
            shift: shift.saturating_add(by),
            refused,
        };
        self.history.push(state);
        Ok(true)
    }
}

impl Maps {
    /// The maps of the keypoints `sources`, in that order; `None` is an empty map.
    fn renamed(&self, sources: &[Option<usize>]) -> Result<Self> {
        let Self::Logits(logits) = self else { return Ok(self.clone()) };
        let nowhere = logits.narrow(1, 0, 1)?.affine(0.0, NOWHERE)?;
        let map = |source: &Option<usize>| source.map_or(Ok(nowhere.clone()), |k| logits.narrow(1, k, 1));
        let maps: Vec<Tensor> = sources.iter().map(map).collect::<Result<_, _>>()?;
        Ok(Self::Logits(Tensor::cat(&maps, 1)?))
    }
}

/// The centre of the last of `pixels`.
fn last(pixels: usize) -> f32 {
    pixels.saturating_sub(1) as f32
}

/// `points`, in which the points of vertebrae without any continue the line of their two neighbours, corner by corner,
/// at the end that the names moved away from.
fn continued(skeleton: &Skeleton, mut points: Vec<Option<Point>>, by: isize) -> Vec<Option<Point>> {
    let mut vertebrae: Vec<&[usize]> = skeleton.vertebrae().iter().map(|v| v.corners.as_slice()).collect();
    if by < 0 {
        vertebrae.reverse();
    }
    // From the inside out: each vertebra may need the one before.
    for place in (0..by.unsigned_abs().min(vertebrae.len().saturating_sub(2))).rev() {
        for (corner, &keypoint) in vertebrae[place].iter().enumerate() {
            let neighbour = |step: usize| points[vertebrae[place + step][corner]];
            points[keypoint] = neighbour(1).zip(neighbour(2)).map(|(near, far)| near + (near - far));
        }
    }
    points
}
