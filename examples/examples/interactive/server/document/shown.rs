//! What is shown of an open image.

use ikem_core::{Hint, Hints, Keypoints, Point, Spacing};
use ikem_eval::{millimetre_errors, mre, radial_errors};
use ikem_models::{Cancel, Doubt, ExpectedErrors, Shown};

use super::super::angles::{Angles, Measured};
use super::super::api::{Comparison, HintView, KeypointView, Preview, SpacingView, State};
use super::super::entry::Entry;
use super::super::failure::Result;
use super::super::framing::Framing;
use super::super::marks::Marks;
use super::super::sidecar::Digest;
use super::Document;

impl Document {
    /// What would be shown if a point were put there, until `cancel` is cancelled.
    pub(crate) fn preview(&mut self, hint: Hint, cancel: &Cancel) -> Result<Preview> {
        let preview = self.session.cancelled_by(cancel).preview(hint)?;
        let shown = preview.keypoints();
        let mut marks = self.marks.present().clone();
        marks.absent.remove(&hint.keypoint);
        let confidences = preview.prediction().confidences();
        let doubt = marks.doubt(&Shown {
            skeleton: self.skeleton(),
            view: Some(preview.view()),
            hints: preview.hints(),
            keypoints: &shown,
            confidences,
        });
        Ok(Preview {
            overtaken: false,
            keypoints: self.keypoint_views(&shown, confidences, preview.hints(), &marks),
            angles: self.angles(&shown, (confidences, preview.hints()), &marks, doubt.as_ref()),
        })
    }

    /// The reason to doubt the points that are shown, if there is one.
    fn doubt(&self, shown: &Keypoints) -> Option<Doubt> {
        self.marks.present().doubt(&Shown {
            skeleton: self.skeleton(),
            view: Some(self.session.view()),
            hints: self.session.hints(),
            keypoints: shown,
            confidences: self.session.prediction().confidences(),
        })
    }

    /// The Cobb angles of points that are not doubtful.
    fn angles(
        &self,
        points: &Keypoints,
        (confidences, hints): (&[f32], &Hints),
        marks: &Marks,
        doubt: Option<&Doubt>,
    ) -> Option<Angles> {
        let measured = Measured {
            points,
            confidences,
            hints,
            film: (self.session.image_size(), self.spacing),
            frame: &self.session.view().frame,
            skeleton: self.skeleton(),
            marks,
            seen_from: self.about.seen_from,
        };
        if doubt.is_some() { None } else { measured.angles() }
    }

    /// What the list shows of the points.
    pub(crate) fn digest(&self) -> Digest {
        let (shown, marks, hints) = (self.session.keypoints(), self.marks.present(), self.session.hints());
        let confidences = self.session.prediction().confidences();
        let doubt = self.doubt(&shown);
        let angles = self.angles(&shown, (confidences, hints), marks, doubt.as_ref());
        Digest {
            degrees: angles.and_then(|angles| angles.largest()),
            unsure: marks.suspects(self.skeleton(), confidences, hints).len(),
            doubtful: doubt.is_some(),
            ends_fixed: !marks.ends.is_empty(),
        }
    }

    fn keypoint_views(
        &self,
        shown: &Keypoints,
        confidences: &[f32],
        hints: &Hints,
        marks: &Marks,
    ) -> Vec<KeypointView> {
        let expected = ExpectedErrors::new(self.skeleton(), &marks.visible(confidences), hints);
        let height = self.session.view().frame.height();
        // The same in all directions.
        let pixel = self.spacing.and_then(Spacing::millimetres).map(|[x, y]| (x * y).sqrt());
        let view = |(k, (point, &confidence)): (usize, (&Point, &f32))| {
            let expected_error = expected.as_ref().and_then(|expected| expected.pixels(k, height));
            KeypointView {
                x: point.x,
                y: point.y,
                confidence,
                expected_error,
                expected_error_mm: expected_error.zip(pixel).map(|(error, pixel)| error * pixel),
                hinted: hints.get(k).is_some(),
                visible: !marks.absent.contains(&k),
            }
        };
        shown.iter().zip(confidences).enumerate().map(view).collect()
    }

    fn millimetres(&self, from: Option<Point>, to: Point) -> Option<f64> {
        self.spacing?.distance(from?, to)
    }

    fn comparison(&self, shown: &Keypoints, labels: &Keypoints) -> Comparison {
        let first = self.session.first().keypoints();
        let visible = |points: &Keypoints| -> Keypoints {
            let all = points.iter().enumerate();
            all.filter(|(k, _)| !self.marks.present().absent.contains(k)).map(|(_, point)| *point).collect()
        };
        let (seen, seen_first, of) = (visible(shown), visible(first), visible(labels));
        let millimetres = |points: &Keypoints| {
            let errors = millimetre_errors(points, &of, self.spacing?)?;
            (!errors.is_empty()).then(|| errors.iter().sum::<f64>() / errors.len() as f64)
        };
        let error = |(k, error): (usize, f64)| (!self.marks.present().absent.contains(&k)).then_some(error);
        Comparison {
            labels: labels.to_vec(),
            errors: radial_errors(shown, labels).into_iter().enumerate().map(error).collect(),
            mre: mre(&seen, &of),
            mre_mm: millimetres(&seen),
            first_mre: mre(&seen_first, &of),
            first_mre_mm: millimetres(&seen_first),
        }
    }

    /// The image as it stands.
    pub(crate) fn state(&self, entry: &Entry) -> State {
        let (session, size) = (&self.session, self.session.image_size());
        let (shown, marks) = (session.keypoints(), self.marks.present());
        let (confidences, hints) = (session.prediction().confidences(), session.hints());
        let doubt = self.doubt(&shown);
        let hint_view = |hint: &Hint| HintView {
            keypoint: hint.keypoint,
            name: self.skeleton().names().get(hint.keypoint).cloned().unwrap_or_default(),
            x: hint.point.x,
            y: hint.point.y,
            moved: session.moved(hint.keypoint),
            moved_mm: self.millimetres(session.moved_from(hint.keypoint), hint.point),
        };
        State {
            id: entry.id,
            name: entry.name.clone(),
            width: size.width,
            height: size.height,
            spacing: self.spacing.map(SpacingView::of),
            status: self.effort.status,
            revision: entry.revision(),
            keypoints: self.keypoint_views(&shown, confidences, hints, marks),
            hints: hints.iter().map(hint_view).collect(),
            can_undo: session.can_undo(),
            can_redo: session.can_redo(),
            steps: self.marks.states().map(|marks| marks.step.clone()).collect(),
            step: self.marks.past().len(),
            shift: session.shift(),
            suspects: match doubt {
                Some(Doubt::NothingFound { .. }) => Vec::new(),
                _ => marks.suspects(self.skeleton(), confidences, hints),
            },
            absent: marks.absent.iter().copied().collect(),
            ends: marks.ends.clone(),
            unusable: marks.verdict.unusable().map(str::to_owned),
            remark: self.about.remark.clone(),
            measures: self.about.measured(self.spacing),
            annotators: self.about.annotators.clone(),
            seen_from: self.about.seen_from,
            mirrored_since: self.about.was_mirrored_since(session.view().frame.is_mirrored()),
            angles: self.angles(&shown, (confidences, hints), marks, doubt.as_ref()),
            view: Framing::of(session.view(), size, doubt),
            comparison: self.labels.as_ref().map(|labels| self.comparison(&shown, labels)),
            clicks: self.effort.clicks,
            seconds: self.effort.seconds,
            network: marks.network.clone(),
            network_differs: marks.network.as_ref().is_some_and(|name| *name != self.network.name),
            note: self.note.clone(),
            warning: self.warning.clone(),
            kept_in: entry.sidecar.display().to_string(),
            save_error: self.save_error.clone(),
        }
    }
}
