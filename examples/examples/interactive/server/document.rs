//! One open image: its session with the network, what labels say of it, and what the work on it cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ikem_core::{GrayImage, Heatmaps, Hint, Hints, Keypoints, Point, Skeleton, Spacing};
use ikem_data::{PredictedKeypoint, PredictionRecord as Exported};
use ikem_eval::{millimetre_errors, mre, radial_errors};
use ikem_models::{Doubt, Prediction, Session, Snapshot, UNSURE_BELOW, View};

use super::action::Action;
use super::angles::angles;
use super::api::{Angles, Comparison, HintView, KeypointView, Preview, SpacingView, State, Status};
use super::effort_log::{EffortLog, Line};
use super::entry::Entry;
use super::failure::{Kind, Result};
use super::framing::Framing;
use super::networks::Network;
use super::sidecar::{Effort, Identity, Sidecar};

/// Images of at most so many pixels are held to be shown; larger ones are read again.
const HELD: usize = 16_000_000;
/// The most active time in one report, in seconds.
const LONGEST_REPORT: f64 = 600.0;

/// One open image.
#[derive(Debug)]
pub(super) struct Document {
    session: Session,
    image: Option<Arc<GrayImage>>,
    labels: Option<Keypoints>,
    spacing: Option<Spacing>,
    note: Option<String>,
    warning: Option<String>,
    fingerprint: Option<String>,
    network: Arc<Network>,
    predicted_by: String,
    effort: Effort,
    save_error: Option<String>,
    /// Of the settings it was opened with.
    pub generation: u64,
}

/// An image as it is opened.
pub(super) struct Opening {
    /// The image as it is.
    pub image: GrayImage,
    /// The image as the network sees it, where that differs.
    pub matched: Option<GrayImage>,
    /// Where its keypoints are, as far as that is known.
    pub labels: Option<Keypoints>,
    /// How far apart its pixels lie, as far as that is known.
    pub spacing: Option<Spacing>,
    /// What a person should know of how it was read.
    pub note: Option<String>,
    /// A warning about the work found for it.
    pub warning: Option<String>,
    /// The fingerprint of its file.
    pub fingerprint: Option<String>,
    /// What was done to it before.
    pub kept: Option<Sidecar>,
    /// The network that answers.
    pub network: Arc<Network>,
    /// Of the settings.
    pub generation: u64,
}

impl Document {
    /// Opens an image: goes on where the work was left, or predicts.
    pub(super) fn open(entry: &Entry, opening: Opening) -> Result<Self> {
        let Opening {
            image,
            matched,
            labels,
            spacing,
            note,
            warning,
            fingerprint,
            kept,
            network,
            generation,
        } = opening;
        let seen = matched.as_ref().unwrap_or(&image);
        let predictor = &network.predictor;
        // A film may tell no spacing, and what was imported for it does.
        let spacing = spacing.or(kept.as_ref().and_then(|kept| kept.spacing));
        let (session, predicted_by, effort) = match kept {
            Some(kept) => {
                kept.check(&entry.sidecar, image.size(), &predictor.config().skeleton)?;
                (predictor.resume(seen, &kept.states)?, kept.network, kept.effort)
            }
            None => (predictor.session(seen)?, network.name.clone(), entry.effort()),
        };
        let labels = labels.filter(|labels| labels.len() == predictor.config().keypoints());
        let image = (image.size().area() <= HELD).then(|| Arc::new(image));
        let save_error = None;
        Ok(Self {
            session,
            image,
            labels,
            spacing,
            note,
            warning,
            fingerprint,
            network,
            predicted_by,
            effort,
            save_error,
            generation,
        })
    }

    /// The image as it is, if it is held.
    pub(super) fn image(&self) -> Option<Arc<GrayImage>> {
        self.image.clone()
    }

    /// Whether the last change is written down.
    pub(super) const fn is_saved(&self) -> bool {
        self.save_error.is_none()
    }

    /// Whether there is anything to write down.
    pub(super) fn is_touched(&self) -> bool {
        self.effort.status != Status::Untouched
    }

    fn skeleton(&self) -> &Skeleton {
        &self.session.predictor().config().skeleton
    }

    /// Does `action`, writes it down, and returns the time that the network took.
    pub(super) fn act(
        &mut self,
        entry: &Entry,
        log: &EffortLog,
        action: Action,
        seconds: f64,
    ) -> Result<Duration> {
        let begin = Instant::now();
        // Shown until the first action.
        self.warning = None;
        let changed = self.change(&action)?;
        let took = if action.asks_the_network() { begin.elapsed() } else { Duration::ZERO };
        self.effort.seconds += if seconds.is_finite() { seconds.clamp(0.0, LONGEST_REPORT) } else { 0.0 };
        if changed {
            if let Action::Revise(_) = action {
                self.effort.clicks = self.effort.clicks.saturating_add(1);
            }
            self.effort.status = match action {
                Action::Accept(true) => Status::Accepted,
                _ => Status::InWork,
            };
            // The first prediction, which a reset goes back to, is this network's too.
            if action.asks_the_network() || matches!(action, Action::Reset) {
                self.predicted_by.clone_from(&self.network.name);
            }
            entry.count_revision();
        }
        self.save(entry);
        if changed && let Err(error) = log.add(&self.line(entry, &action)) {
            self.save_error.get_or_insert(format!("the log of actions cannot be written: {error}"));
        }
        entry.set_effort(self.effort);
        Ok(took)
    }

    fn change(&mut self, action: &Action) -> Result<bool> {
        match action {
            Action::Revise(hint) => self.session.revise(*hint)?,
            Action::Remove(keypoint) => {
                if !self.session.remove(*keypoint)? {
                    return Err(Kind::Invalid.because(format!("keypoint {keypoint} has no hint")));
                }
            }
            Action::Undo => return Ok(self.session.undo()),
            Action::Redo => return Ok(self.session.redo()),
            Action::Reset => self.session.reset(),
            Action::Predict => self.session.predict_anew()?,
            Action::Reframe(reframing) => reframing.apply(&mut self.session)?,
            Action::Shift(by) => {
                if !self.session.shift_names(*by)? {
                    return Err(Kind::Invalid.because(format!("names can't be moved by {by} vertebrae")));
                }
            }
            Action::Accept(accepted) => {
                return Ok(*accepted != (self.effort.status == Status::Accepted));
            }
            Action::Import(exported) => self.import(exported)?,
            Action::Time => return Ok(false),
        }
        Ok(true)
    }

    fn import(&mut self, exported: &Exported) -> Result<()> {
        let (size, found) = (self.session.image_size(), exported.size());
        if found != size {
            return Err(
                Kind::Invalid.because(format!("it belongs to an image of {found}; this one is {size}"))
            );
        }
        if exported.keypoints.is_empty() {
            return Err(Kind::Invalid.because("it has no keypoints: no spine was found"));
        }
        let keypoints = super::imports::in_order(exported, self.skeleton())?;
        let place = |keypoint: &PredictedKeypoint| Point::new(keypoint.x, keypoint.y);
        let hinted = keypoints.iter().enumerate().filter(|(_, keypoint)| keypoint.hinted);
        let snapshot = Snapshot {
            hints: hinted.map(|(k, keypoint)| Hint::new(k, place(keypoint))).collect(),
            keypoints: keypoints.iter().map(|keypoint| place(keypoint)).collect(),
            confidences: keypoints.iter().map(|keypoint| keypoint.confidence).collect(),
            shift: self.session.shift(),
            // Whoever placed the points had found the spine.
            view: Some(View { confidence: None, ..*self.session.view() }),
        };
        self.session.adopt(&snapshot)?;
        self.spacing = self.spacing.or(exported.spacing);
        Ok(())
    }

    /// What would be shown if a point were put there.
    pub(super) fn preview(&self, hint: Hint) -> Result<Preview> {
        let preview = self.session.preview(hint)?;
        let shown = preview.keypoints();
        Ok(Preview {
            overtaken: false,
            keypoints: keypoint_views(&shown, preview.prediction(), preview.hints()),
            angles: self.angles(&shown, preview.doubt()),
        })
    }

    /// The Cobb angles of points that are not doubtful.
    fn angles(&self, shown: &Keypoints, doubt: Option<Doubt>) -> Option<Angles> {
        let (film, frame) = ((self.session.image_size(), self.spacing), &self.session.view().frame);
        if doubt.is_some() { None } else { angles(shown, film, frame, self.skeleton()) }
    }

    /// The heatmap of one keypoint.
    pub(super) fn heatmap(&self, keypoint: usize) -> Result<Heatmaps> {
        Ok(self.session.prediction().heatmap(keypoint)?)
    }

    /// All that restores the work.
    pub(super) fn sidecar(&self, entry: &Entry) -> Sidecar {
        let identity = Identity {
            image: entry.name.clone(),
            fingerprint: self.fingerprint.clone(),
            bytes: entry.file().map(|(_, bytes)| bytes),
            film: entry.film_elsewhere(),
            revision: entry.revision(),
        };
        Sidecar::new(
            identity,
            (self.session.image_size(), self.spacing),
            self.skeleton(),
            self.predicted_by.clone(),
            self.effort,
            self.session.snapshots(),
        )
    }

    /// Saves the work, if there is any.
    pub(super) fn save(&mut self, entry: &Entry) {
        self.save_error = None;
        if self.is_touched()
            && let Err(error) = self.sidecar(entry).save(entry)
        {
            self.save_error = Some(error);
        }
    }

    /// Why the last change is not saved.
    pub(super) fn save_error(&self) -> Option<&str> {
        self.save_error.as_deref()
    }

    fn line<'a>(&'a self, entry: &'a Entry, action: &Action) -> Line<'a> {
        let name = |keypoint: usize| self.skeleton().names().get(keypoint).map(String::as_str);
        let (keypoint, point) = match action {
            Action::Revise(hint) => (name(hint.keypoint), Some([hint.point.x, hint.point.y])),
            Action::Remove(keypoint) => (name(*keypoint), None),
            _ => (None, None),
        };
        let moved = match action {
            Action::Revise(hint) => self.session.moved(hint.keypoint),
            _ => None,
        };
        let view = matches!(action, Action::Reframe(_)).then(|| self.session.view());
        let Effort { clicks, seconds, .. } = self.effort;
        Line { image: &entry.name, action: action.name(), keypoint, point, moved, view, clicks, seconds }
    }

    fn millimetres(&self, from: Option<Point>, to: Point) -> Option<f64> {
        self.spacing?.distance(from?, to)
    }

    fn comparison(&self, shown: &Keypoints, labels: &Keypoints) -> Comparison {
        let first = self.session.first().keypoints();
        let millimetres = |points: &Keypoints| {
            let errors = millimetre_errors(points, labels, self.spacing?)?;
            (!errors.is_empty()).then(|| errors.iter().sum::<f64>() / errors.len() as f64)
        };
        Comparison {
            labels: labels.to_vec(),
            errors: radial_errors(shown, labels),
            mre: mre(shown, labels),
            mre_mm: millimetres(shown),
            first_mre: mre(first, labels),
            first_mre_mm: millimetres(first),
        }
    }

    /// The image as it stands.
    pub(super) fn state(&self, entry: &Entry) -> State {
        let (session, size) = (&self.session, self.session.image_size());
        let (shown, prediction, doubt) = (session.keypoints(), session.prediction(), session.doubt());
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
            keypoints: keypoint_views(&shown, prediction, session.hints()),
            hints: session.hints().iter().map(hint_view).collect(),
            can_undo: session.can_undo(),
            can_redo: session.can_redo(),
            shift: session.shift(),
            suspects: match doubt {
                Some(Doubt::NothingFound { .. }) => Vec::new(),
                _ => suspects(prediction.confidences(), session.hints()),
            },
            angles: self.angles(&shown, doubt),
            view: Framing::of(session.view(), size, doubt),
            comparison: self.labels.as_ref().map(|labels| self.comparison(&shown, labels)),
            clicks: self.effort.clicks,
            seconds: self.effort.seconds,
            network: self.predicted_by.clone(),
            network_differs: self.predicted_by != self.network.name,
            note: self.note.clone(),
            warning: self.warning.clone(),
            save_error: self.save_error.clone(),
        }
    }
}

fn keypoint_views(shown: &Keypoints, prediction: &Prediction, hints: &Hints) -> Vec<KeypointView> {
    let view = |(k, (point, &confidence)): (usize, (&Point, &f32))| KeypointView {
        x: point.x,
        y: point.y,
        confidence,
        hinted: hints.get(k).is_some(),
    };
    shown.iter().zip(prediction.confidences()).enumerate().map(view).collect()
}

/// Points that are not hinted and of low confidence, the lowest first.
fn suspects(confidences: &[f32], hints: &Hints) -> Vec<usize> {
    let suspect = |&(k, &confidence): &(usize, &f32)| confidence < UNSURE_BELOW && hints.get(k).is_none();
    let mut found: Vec<(usize, &f32)> = confidences.iter().enumerate().filter(suspect).collect();
    found.sort_by(|a, b| a.1.total_cmp(b.1));
    found.into_iter().map(|(k, _)| k).collect()
}
