//! One open image: its session with the network, what labels say of it, and what the work on it cost.

mod shown;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ikem_core::{GrayImage, Heatmaps, Hint, History, Keypoints, Point, Skeleton, Spacing};
use ikem_data::{PredictedKeypoint, PredictionRecord as Exported};
use ikem_models::{Session, Snapshot, View};

use super::action::Action;
use super::api::Status;
use super::effort_log::{EffortLog, Line};
use super::entry::Entry;
use super::failure::{Kind, Result};
use super::imports;
use super::marks::{About, LONGEST_REMARK, Marks, STEPS, Verdict, checked_ends, one_line};
use super::networks::Network;
use super::requests::Said;
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
    /// Of each state of the session.
    marks: History<Marks>,
    about: About,
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
        let (session, marks, about, effort) = match kept {
            Some(kept) => {
                kept.check(&entry.sidecar, image.size(), &predictor.config().skeleton)?;
                let marks = kept.marks().with_limit(STEPS);
                (predictor.resume(seen, &kept.states)?, marks, kept.about, kept.effort)
            }
            None => {
                let marks = History::limited(Marks::of(network.name.clone()), STEPS);
                (predictor.session(seen)?, marks, About::default(), entry.effort())
            }
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
            marks,
            about,
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
        self.effort.status != Status::Untouched || self.about != About::default()
    }

    fn skeleton(&self) -> &Skeleton {
        &self.session.predictor().config().skeleton
    }

    /// Does `action`, writes it down, and returns the time that the network took.
    pub(super) fn act(
        &mut self,
        entry: &Entry,
        log: &EffortLog,
        action: &Action,
        (seconds, annotator): (f64, Option<&str>),
    ) -> Result<Duration> {
        let begin = Instant::now();
        // Shown until the first action.
        self.warning = None;
        let changed = self.change(action)?;
        let took = if action.asks_the_network() { begin.elapsed() } else { Duration::ZERO };
        self.effort.seconds += if seconds.is_finite() { seconds.clamp(0.0, LONGEST_REPORT) } else { 0.0 };
        if changed {
            self.effort.clicks = self.effort.clicks.saturating_add(action.clicks());
            if !matches!(action, Action::Say(_)) {
                self.effort.status = self.marks.present().verdict.status();
            }
            if let Some(name) = annotator {
                self.about.add_annotator(name);
            }
            entry.count_revision();
        }
        self.save(entry);
        if changed && let Err(error) = log.add(&self.line(entry, action, annotator)) {
            self.save_error.get_or_insert(format!("the log of actions cannot be written: {error}"));
        }
        entry.set_effort(self.effort);
        Ok(took)
    }

    fn change(&mut self, action: &Action) -> Result<bool> {
        // Whatever is changed has to be accepted anew.
        let mut marks = Marks { verdict: Verdict::Open, ..self.marks.present().clone() };
        let predicted = match action {
            Action::Undo => {
                self.marks.undo();
                return Ok(self.session.undo());
            }
            Action::Redo => {
                self.marks.redo();
                return Ok(self.session.redo());
            }
            Action::Time => return Ok(false),
            Action::Say(said) => return Ok(self.say(said)),
            Action::See(keypoints, visible) => self.see(&mut marks, keypoints, *visible)?,
            Action::Fix(_) | Action::Accept(_) | Action::Reject(_) => {
                self.judge(&mut marks, action)?;
                if marks == *self.marks.present() {
                    return Ok(false);
                }
                self.session.mark();
                false
            }
            _ => {
                self.move_points(&mut marks, action)?;
                // The first prediction, which a reset goes back to, is this network's too.
                action.asks_the_network() || matches!(action, Action::Reset)
            }
        };
        if predicted {
            marks.network = Some(self.network.name.clone());
        }
        self.marks.push(marks);
        Ok(true)
    }

    /// Takes down what the person says of the points, which stay where they are.
    fn judge(&self, marks: &mut Marks, action: &Action) -> Result<()> {
        match action {
            Action::Fix(ends) => marks.ends = checked_ends(ends, self.skeleton())?,
            Action::Accept(true) => marks.verdict = Verdict::Accepted,
            // Not what is said of the film.
            Action::Accept(false) if self.effort.status != Status::Accepted => {
                marks.verdict = self.marks.present().verdict.clone();
            }
            Action::Reject(Some(reason)) => {
                let reason = one_line(reason, LONGEST_REMARK);
                marks.verdict = if reason.is_empty() { Verdict::Open } else { Verdict::Unusable(reason) };
            }
            Action::Reject(None) if self.effort.status == Status::Accepted => {
                marks.verdict = Verdict::Accepted;
            }
            _ => {}
        }
        Ok(())
    }

    /// Does what moves points, and marks with them.
    fn move_points(&mut self, marks: &mut Marks, action: &Action) -> Result<()> {
        let mirrored = self.session.view().frame.is_mirrored();
        match action {
            Action::Revise(hint) => {
                self.session.revise(*hint)?;
                marks.absent.remove(&hint.keypoint);
            }
            Action::Place(hints) => {
                if hints.is_empty() {
                    return Err(Kind::Invalid.because("no points; expected at least one"));
                }
                self.session.revise_all(hints.iter().copied())?;
                marks.absent.retain(|keypoint| hints.iter().all(|hint| hint.keypoint != *keypoint));
            }
            Action::Remove(keypoint) => {
                let removed = self.session.remove(*keypoint)?;
                if !removed {
                    return Err(Kind::Invalid.because(format!("keypoint {keypoint} has no hint")));
                }
            }
            Action::Reset => {
                self.session.reset();
                *marks = Marks::default();
            }
            Action::Predict => self.session.predict_anew()?,
            Action::Reframe(reframing) => {
                reframing.apply(&mut self.session)?;
                if self.session.view().frame.is_mirrored() != mirrored {
                    marks.mirror(self.skeleton());
                }
            }
            Action::Shift(by) => {
                let moved = self.session.shift_names(*by)?;
                if !moved {
                    return Err(Kind::Invalid.because(format!("names can't be moved by {by} vertebrae")));
                }
                marks.shift(*by, self.skeleton());
            }
            Action::Import(exported) => *marks = self.import(exported)?,
            _ => {}
        }
        Ok(())
    }

    /// Marks keypoints as visible or not; whether the network predicted.
    fn see(&mut self, marks: &mut Marks, keypoints: &[usize], visible: bool) -> Result<bool> {
        let count = self.skeleton().len();
        if let Some(keypoint) = keypoints.iter().find(|keypoint| **keypoint >= count) {
            return Err(Kind::Invalid.because(format!("there is no keypoint {keypoint} of {count}")));
        }
        if visible {
            marks.absent.retain(|keypoint| !keypoints.contains(keypoint));
        } else {
            marks.absent.extend(keypoints);
        }
        // What is not visible is no hint.
        let predicted = !visible && self.session.remove_all(keypoints.iter().copied())?;
        if !predicted {
            self.session.mark();
        }
        Ok(predicted)
    }

    /// Notes down what is said of the film; whether that is new.
    fn say(&mut self, said: &Said) -> bool {
        let before = self.about.clone();
        if let Some(remark) = &said.remark {
            self.about.remark = one_line(remark, LONGEST_REMARK);
        }
        if let Some(from) = said.seen_from {
            self.about.seen_from = from;
        }
        self.about != before
    }

    /// Takes over the keypoints of a file; returns their marks.
    fn import(&mut self, exported: &Exported) -> Result<Marks> {
        let (size, found) = (self.session.image_size(), exported.size());
        if found != size {
            return Err(
                Kind::Invalid.because(format!("it belongs to an image of {found}; this one is {size}"))
            );
        }
        if exported.keypoints.is_empty() {
            return Err(Kind::Invalid.because("it has no keypoints: no spine was found"));
        }
        let found = imports::in_order(exported, self.skeleton())?;
        let shown = self.session.keypoints();
        let place = |(k, found): (usize, &Option<&PredictedKeypoint>)| match found {
            Some(keypoint) => Point::new(keypoint.x, keypoint.y),
            // Kept in case that it is to be seen again.
            None => shown.get(k).copied().unwrap_or_default(),
        };
        let hint = |(k, found): (usize, &Option<&PredictedKeypoint>)| {
            let keypoint = (*found)?;
            keypoint.hinted.then(|| Hint::new(k, Point::new(keypoint.x, keypoint.y)))
        };
        let absent = found.iter().enumerate().filter(|(_, found)| found.is_none()).map(|(k, _)| k).collect();
        let snapshot = Snapshot {
            hints: found.iter().enumerate().filter_map(hint).collect(),
            keypoints: found.iter().enumerate().map(place).collect(),
            confidences: found.iter().map(|found| found.map_or(0.0, |k| k.confidence)).collect(),
            shift: self.session.shift(),
            // Whoever placed the points had found the spine.
            view: Some(View { confidence: None, ..*self.session.view() }),
        };
        self.session.adopt(&snapshot)?;
        self.spacing = self.spacing.or(exported.spacing);
        Ok(Marks { absent, ..Marks::default() })
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
            self.effort,
            (self.session.snapshots(), self.marks.clone()),
            self.about.clone(),
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

    fn line<'a>(&'a self, entry: &'a Entry, action: &Action, annotator: Option<&'a str>) -> Line<'a> {
        let name = |keypoint: usize| self.skeleton().names().get(keypoint).map(String::as_str);
        let hint = match action {
            Action::Revise(hint) => Some(hint),
            Action::Place(hints) => hints.first().filter(|_| hints.len() == 1),
            _ => None,
        };
        let keypoint = match action {
            Action::Remove(keypoint) => Some(*keypoint),
            Action::See(keypoints, _) => keypoints.first().copied().filter(|_| keypoints.len() == 1),
            _ => hint.map(|hint| hint.keypoint),
        };
        let keypoint = keypoint.and_then(name);
        let point = hint.map(|hint| [hint.point.x, hint.point.y]);
        let moved = hint.and_then(|hint| self.session.moved(hint.keypoint));
        let view = matches!(action, Action::Reframe(_)).then(|| self.session.view());
        let Effort { clicks, seconds, .. } = self.effort;
        let (image, action) = (&entry.name, action.name());
        Line { image, action, annotator, keypoint, point, moved, view, clicks, seconds }
    }
}
