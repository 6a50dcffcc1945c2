//! The frame of a first prediction: the one that the locator finds, then the one in which the network is most confident, and
//! last the one in which the spine, counted from the top, has as many vertebrae as there are names. Then the frames that
//! corrections lead to.

mod lower_end;

use ikem_core::{Frame, GrayImage, Hints, Size, Skeleton};

use crate::cancel::Cancel;
use crate::error::Result;
use crate::prediction::Prediction;
use crate::predictor::{Answer, Predictor};
use crate::prepared_image::{PreparedImage, TonedFilm};
use crate::threads::isolated;
use crate::view::{View, without_margins};

/// The height of a frame in vertebrae: 17, and its margins.
const VERTEBRAE: f64 = 19.0;
/// The most times that a first prediction is framed again from its own keypoints.
const REFRAMINGS: usize = 3;
/// The least rise of the mean confidence for which a new frame is taken.
const RISE: f32 = 0.005;
/// The steps by which frames are shifted along the spine and scaled, relative to their height, in search of a more
/// confident prediction: small ones first, then one by a whole vertebra, since the locator may have counted one too many or
/// too few, and a small one from there. A large step before the small ones leaves good frames more often.
const STEPS: [(f64, f64); 4] = [(0.03, 0.05), (0.015, 0.025), (0.06, 0.10), (0.03, 0.05)];
/// The directions of these steps: down, and larger.
const AROUND: [(i32, i32); 8] = [(0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (1, 1), (-1, 1), (1, -1)];
/// How many frames are tried in one pass of the network. One is then found to be good enough a little too late, but each takes
/// less time.
const AT_ONCE: usize = 4;
/// From this mean confidence on, no other frames are tried.
const SURE: f32 = 0.6;
/// The height of a film relative to the frame around its spine below which the frame fits the whole film, below which the
/// film is cropped, and below which it may be cropped if the frame is too short. Then the largest width of a cropped film
/// relative to its height.
const LONGER: [f64; 3] = [1.12, 1.35, 1.6];
const WIDER: f64 = 0.65;
/// The largest width and height of a film without its uniform margins, relative to those with them: thinner ones do not count.
const TRIMMED: f64 = 0.98;
/// How much more confident a prediction on the whole film must be than one in a frame that does not fit the film.
const MARGIN: f32 = 0.06;
/// Below this mean confidence, the locator may have been wrong altogether, and the whole film is tried, too.
const LOST: f32 = 0.2;
/// Below this mean confidence, the locator may have taken the film for upside down or upright. The opposite is tried, too, and
/// believed only from this confidence on.
const TURNED: f32 = 0.26;

/// By how many vertebrae the frame around corrected keypoints must differ at an end before it is tried.
const CORRECTED: f64 = 0.7;

/// A film in a view, and the prediction without hints.
type Seen = (PreparedImage, Prediction);

impl Predictor {
    /// Finds the spine on a film and marks it, without hints.
    ///
    /// # Errors
    /// When the device fails.
    pub fn predict(&self, image: &GrayImage) -> Result<Prediction> {
        self.first(image).map(|(_, prediction)| prediction)
    }

    /// The first view of a film and the prediction in it.
    pub(crate) fn first(&self, film: &GrayImage) -> Result<Seen> {
        Cancel::check(self.cancel())?;
        isolated(|| {
            let (film, toned, located, seen) = self.framed_first(film)?;
            let seen = self.counted(&toned, &located, seen)?;
            self.refined_first(film, seen)
        })
    }

    /// The film with its tones and with them applied, what the locator sees of it, its first view, and the prediction in it, decoded
    /// without corners.
    fn framed_first(&self, film: &GrayImage) -> Result<(TonedFilm, GrayImage, View, Seen)> {
        let located = match self.locator().filter(|_| self.config().skeleton == Skeleton::spine()) {
            Some(locator) => View::of(locator.locate_until(film, self.cancel())?, film.size()),
            None => View::whole(film.size()),
        };
        let seen = TonedFilm::new(film, located.negative);
        let film = seen.toned();
        let first = self.first_view(&film, &located)?;
        Ok((seen, film, located, first))
    }

    /// The first view of a film with adjusted tones, on which a spine may have been `located`, and the prediction in it.
    fn first_view(&self, film: &GrayImage, located: &View) -> Result<Seen> {
        if !located.is_of_spine() {
            return self.seen(film, located);
        }
        let best = self.framed(film, located)?;
        if best.1.mean_confidence() >= TURNED {
            return Ok(best);
        }
        let upside_down = |seen: &Seen| View { frame: seen.0.view.frame.seen_turned(2), ..*located };
        let opposite = self.framed(film, &upside_down(&best))?;
        if opposite.1.mean_confidence() < TURNED {
            return Ok(best);
        }
        // Both ways from the same place, since the search has moved the frame.
        let again = self.framed(film, &upside_down(&opposite))?;
        let surer = |a: Seen, b: Seen| if b.1.mean_confidence() > a.1.mean_confidence() { b } else { a };
        Ok(surer(surer(best, opposite), again))
    }

    /// A first prediction with refined corners, and the film for the refiner of those that follow.
    fn refined_first(&self, film: TonedFilm, (image, prediction): Seen) -> Result<Seen> {
        let image = PreparedImage { film: Some(film), ..image };
        let prediction = self.refined(&image, &Hints::new(), prediction)?;
        Ok((image, prediction))
    }

    /// The prediction in the frame in which the network is most confident, near `located` or around the whole film.
    fn framed(&self, film: &GrayImage, located: &View) -> Result<Seen> {
        let best = self.reframed(film, self.seen(film, located)?)?;
        // The edges of a crop are a better estimate of the spine's ends than a locator's.
        let turns = located.frame.nearest_quarter() as i8;
        let whole = View { frame: without_margins(film, TRIMMED).seen_turned(-turns), ..*located };
        let [fits, cropped, may_be_cropped] =
            LONGER.map(|longer| is_crop(&best.0.view.frame, &whole.frame, longer));
        let confidence = best.1.mean_confidence();
        let lost = confidence < LOST;
        if may_be_cropped || lost {
            let (image, answer) = self.answered(film, &whole)?;
            let margin = if fits || lost { 0.0 } else { MARGIN };
            if answer.mean_confidence() > confidence + margin {
                return self.as_seen(image, answer);
            }
        }
        if cropped { Ok(best) } else { self.searched(film, best) }
    }

    /// Marks the part of a film that `view` shows, without hints, and frames it again from its own keypoints as long as
    /// that raises their mean confidence: for a view that is roughly right.
    ///
    /// # Errors
    /// When the device fails.
    pub fn predict_from(&self, image: &GrayImage, view: impl Into<View>) -> Result<Prediction> {
        let view = view.into();
        Cancel::check(self.cancel())?;
        isolated(|| {
            let film = TonedFilm::new(image, view.negative);
            let toned = film.toned();
            let seen = self.seen(&toned, &view)?;
            let seen = self.reframed(&toned, seen)?;
            let (seen, _) = self.fit(&toned, seen)?;
            Ok(self.refined_first(film, seen)?.1)
        })
    }

    /// Frames a prediction again from its own keypoints, as long as that raises their mean confidence.
    fn reframed(&self, film: &GrayImage, mut best: Seen) -> Result<Seen> {
        for _ in 0..REFRAMINGS {
            let frame = self.config().skeleton.frame(best.1.keypoints()).and_then(std::result::Result::ok);
            let Some(frame) = frame else { break };
            let (image, again) = self.answered(film, &View { frame, ..best.0.view })?;
            if again.mean_confidence() < best.1.mean_confidence() + RISE {
                break;
            }
            best = self.as_seen(image, again)?;
        }
        Ok(best)
    }

    /// Shifts and scales the frame of a prediction in rounds of eight, and keeps the prediction with the highest mean
    /// confidence: a network that sees a vertebra at the height of another is unsure of both.
    fn searched(&self, film: &GrayImage, first: Seen) -> Result<Seen> {
        let (mut view, mut highest) = (first.0.view, first.1.mean_confidence());
        let mut better = None;
        'search: for (shift, scale) in STEPS {
            let begun = view;
            let adjusted = |&(down, by): &(i32, i32)| {
                let frame = begun.frame.adjusted(f64::from(down) * shift, 1.0 + f64::from(by) * scale);
                self.prepare_toned(film, &View { frame, ..begun })
            };
            for several in AROUND.chunks(AT_ONCE) {
                if highest >= SURE {
                    break 'search;
                }
                let images: Vec<PreparedImage> = several.iter().map(adjusted).collect::<Result<_>>()?;
                let answers = self.answers(&images)?;
                for (image, again) in images.into_iter().zip(answers) {
                    if highest < SURE && again.mean_confidence() > highest {
                        (view, highest) = (image.view, again.mean_confidence());
                        better = Some((image, again));
                    }
                }
            }
        }
        better.map_or(Ok(first), |(image, answer)| self.as_seen(image, answer))
    }

    /// The view around the keypoints of a prediction with hints, if it differs from the located one in which they were found,
    /// and from one that was `refused` before.
    pub(crate) fn corrected(
        &self,
        located: &View,
        refused: Option<&Frame>,
        prediction: &Prediction,
    ) -> Option<View> {
        if !located.is_of_spine() || located.frame.is_mirrored() {
            return None;
        }
        let frame = self.config().skeleton.frame(prediction.keypoints())?.ok()?;
        let differs = |other: &Frame| ends_off(other, &frame).iter().any(|off| off.abs() > CORRECTED);
        (differs(&located.frame) && refused.is_none_or(differs)).then_some(View { frame, ..*located })
    }

    /// Whether the network is so much more confident of `new` that its frame replaces that of `old`.
    pub(crate) fn is_surer(new: &Prediction, old: &Prediction) -> bool {
        new.mean_confidence() >= old.mean_confidence() + RISE
    }

    /// The prediction without hints for a film, whose tones were adjusted already, in `view`.
    fn seen(&self, film: &GrayImage, view: &View) -> Result<Seen> {
        let (image, answer) = self.answered(film, view)?;
        self.as_seen(image, answer)
    }

    /// The network's answer for such a film, of which only the confidence is known until it is decoded.
    fn answered(&self, film: &GrayImage, view: &View) -> Result<(PreparedImage, Answer)> {
        let image = self.prepare_toned(film, view)?;
        let answer = self.answer(&image, &Hints::new(), None)?;
        Ok((image, answer))
    }

    fn as_seen(&self, image: PreparedImage, answer: Answer) -> Result<Seen> {
        let prediction = self.decoded(&image, answer)?;
        Ok((image, prediction))
    }
}

/// Whether a film, seen `whole`, may have been cropped around the spine in `frame`: it is less than `longer` times as
/// long, and no wider than such films are.
fn is_crop(frame: &Frame, whole: &Frame, longer: f64) -> bool {
    whole.height() < longer * frame.height() && whole.width() < WIDER * whole.height()
}

/// How far the top and the bottom of `other` are below those of `frame`, along the spine, in vertebrae.
fn ends_off(frame: &Frame, other: &Frame) -> [f64; 2] {
    let [top_left, top_right, bottom_right, bottom_left] = other.corners();
    let map = frame.affine(Size::new(1, 1));
    let height = |a: [f64; 2], b: [f64; 2]| map.apply([(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0])[1];
    [VERTEBRAE * height(top_left, top_right), VERTEBRAE * (height(bottom_left, bottom_right) - 1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_compared_along_the_spine() {
        let frame = Frame::new(100.0, 50.0, 400.0, 1900.0).expect("a frame");
        for degrees in [0.0, 30.0, 180.0] {
            let frame = frame.turned(degrees);
            // 0.1 of the height down, and a tenth smaller: the top moves by 0.15 of it, the bottom by 0.05.
            let [top, bottom] = ends_off(&frame, &frame.adjusted(0.1, 0.9));
            assert!((top - 0.15 * VERTEBRAE).abs() < 1e-9 && (bottom - 0.05 * VERTEBRAE).abs() < 1e-9);
            assert!(ends_off(&frame, &frame).iter().all(|off| off.abs() < 1e-9));
            // Another bottom keeps the top.
            let [top, bottom] =
                ends_off(&frame, &frame.adjusted(0.5 * 3.0 / VERTEBRAE, 1.0 + 3.0 / VERTEBRAE));
            assert!(top.abs() < 1e-9 && (bottom - 3.0).abs() < 1e-9, "{top}, {bottom}");
        }
    }

    #[test]
    fn crops_are_told_by_their_length_and_width() {
        let whole = |width, height| Frame::new(0.0, 0.0, width, height).expect("a frame");
        let spine = Frame::new(100.0, 50.0, 400.0, 1000.0).expect("a frame");
        assert!(is_crop(&spine, &whole(600.0, 1100.0), 1.35));
        assert!(!is_crop(&spine, &whole(600.0, 1500.0), 1.35), "thighs below");
        assert!(is_crop(&spine, &whole(600.0, 1500.0), 1.6));
        assert!(!is_crop(&spine, &whole(1000.0, 1100.0), 1.35), "as wide as a chest");
    }
}
