//! The lower end of a frame, counted down from its upper one: a locator sees T1 to a third of a vertebra, but L5 only to one or two.

use ikem_core::GrayImage;

use super::{AT_ONCE, Seen, VERTEBRAE, ends_off};
use crate::error::{Error, Result};
use crate::predictor::{Answer, Predictor};
use crate::prepared_image::PreparedImage;
use crate::view::View;

/// By how many vertebrae the locator may have placed the bottom of a frame too high.
const BOTTOMS: [f64; 8] = [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 5.0];
/// Bottoms beyond these, which are tried if the most confident answer is at that end.
const HIGHER: [f64; 2] = [-5.0, -7.0];
const LOWER: [f64; 2] = [7.0, 9.0];
/// In how many of these frames, those with the most confident answers, corners are looked for.
const LOOKED_AT: usize = 4;
/// The sum of mean confidence and clarity from which on a prediction is not doubted.
const SETTLED: f32 = 2.0;
/// By how much that sum must exceed the found frame's, and what the latter loses for each vertebra by which its top is off the
/// located one.
const LEAD: f32 = 0.1;
const TOP_OFF: f32 = 0.2;
/// From this distance between the tops on, in vertebrae, the locator was wrong about the upper end, too, or about what is up.
const FARTHEST_OFF: f32 = 2.0;

impl Predictor {
    /// A prediction `found` in a frame near the one `located`, decoded with the corners that the detector finds; or the one in a
    /// frame with the located top and another bottom, if that fits the film better.
    pub(super) fn counted(&self, film: &GrayImage, located: &View, found: Seen) -> Result<Seen> {
        let view = found.0.view;
        let (found, fit) = match self.fit(film, found)? {
            (found, Some(fit)) => (found, fit),
            (found, None) => return Ok(found),
        };
        let [off, _] = ends_off(&located.frame, &view.frame).map(|off| off.abs() as f32);
        if fit >= SETTLED || off > FARTHEST_OFF || !located.is_of_spine() {
            return Ok(found);
        }
        let (mut best, mut highest) = (found, fit - TOP_OFF * off + LEAD);
        for (image, answer) in self.surest_of_other_bottoms(film, located)? {
            let (seen, fit) = self.fitted(film, image, answer)?;
            if let Some(fit) = fit.filter(|&fit| fit > highest) {
                (best, highest) = (seen, fit);
            }
        }
        Ok(best)
    }

    /// The same prediction, decoded with the corners that the detector finds in its view, and how well it
    /// [fits](Self::fitted) the film.
    pub(super) fn fit(&self, film: &GrayImage, (image, prediction): Seen) -> Result<(Seen, Option<f32>)> {
        match self.corner_detector().and_then(|_| Self::answer_of(&prediction)) {
            Some(answer) => self.fitted(film, image, answer),
            None => Ok(((image, prediction), None)),
        }
    }

    /// An answer decoded with the corners that the detector finds, and how well it fits the film: the sum of its mean confidence
    /// and its [`clarity`](ikem_core::Column::clarity), which is low where 17 names are spread over 18 vertebrae.
    fn fitted(&self, film: &GrayImage, image: PreparedImage, answer: Answer) -> Result<(Seen, Option<f32>)> {
        let image = PreparedImage { corners: self.corners_on(film, &image.view)?, ..image };
        let (prediction, clarity) = self.decoded_with_clarity(&image, answer)?;
        let fit = clarity.map(|clarity| prediction.mean_confidence() + clarity);
        Ok(((image, prediction), fit))
    }

    /// The most confident answers in frames with the top of the one `located`.
    fn surest_of_other_bottoms(
        &self,
        film: &GrayImage,
        located: &View,
    ) -> Result<Vec<(PreparedImage, Answer)>> {
        let answered = |bottoms: &[f64]| {
            let prepare = |by: &f64| {
                let frame = located.frame.adjusted(0.5 * by / VERTEBRAE, 1.0 + by / VERTEBRAE);
                self.prepare_toned(film, &View { frame, ..*located })
            };
            let images: Vec<PreparedImage> = bottoms.iter().map(prepare).collect::<Result<_>>()?;
            let answers = self.answers(&images)?;
            Ok::<_, Error>(images.into_iter().zip(answers).collect::<Vec<_>>())
        };
        let mut all = Vec::with_capacity(BOTTOMS.len() + HIGHER.len());
        for several in BOTTOMS.chunks(AT_ONCE) {
            all.extend(answered(several)?);
        }
        let confidence = |(_, answer): &(PreparedImage, Answer)| answer.mean_confidence();
        let surest = (0..all.len()).max_by(|&a, &b| confidence(&all[a]).total_cmp(&confidence(&all[b])));
        match surest {
            Some(0) => all.extend(answered(&HIGHER)?),
            Some(last) if last + 1 == BOTTOMS.len() => all.extend(answered(&LOWER)?),
            _ => {}
        }
        all.sort_by(|a, b| confidence(b).total_cmp(&confidence(a)));
        all.truncate(LOOKED_AT);
        Ok(all)
    }
}
