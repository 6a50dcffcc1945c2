//! One open image: its session with the network, what labels say of it, and what the work on it cost.

mod change;
mod shown;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ikem_core::{GrayImage, Heatmaps, History, Keypoints, Skeleton, Spacing};
use ikem_models::{Cancel, Session, View};

use super::action::Action;
use super::api::Status;
use super::effort_log::{EffortLog, Line};
use super::entry::{Entry, Shown};
use super::failure::Result;
use super::fingerprint::Identity;
use super::marks::{About, Marks, STEPS, status};
use super::networks::Network;
use super::sidecar::{Ahead, Effort, Heading, Sidecar};

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
    film: Option<Identity>,
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
    /// What identifies its file.
    pub film: Option<Identity>,
    /// What was done to it before.
    pub kept: Option<Sidecar>,
    /// What is predicted with.
    pub ahead: Ahead,
    /// The network that answers.
    pub network: Arc<Network>,
    /// Of the settings.
    pub generation: u64,
}

impl Document {
    /// Opens an image: goes on where the work was left, or predicts.
    pub(super) fn open(entry: &Entry, opening: Opening, cancel: &Cancel) -> Result<Self> {
        let Opening {
            image,
            matched,
            labels,
            spacing,
            note,
            warning,
            film,
            kept,
            ahead,
            network,
            generation,
        } = opening;
        let seen = matched.as_ref().unwrap_or(&image);
        let predictor = &network.predictor;
        let first = predictor.cancelled_by(cancel);
        // What was predicted ahead in another way is predicted anew.
        let kept = kept.filter(|kept| kept.ahead.as_ref().is_none_or(|found| *found == ahead));
        // A film may tell no spacing, and what was imported for it does.
        let spacing = spacing.or(kept.as_ref().and_then(|kept| kept.spacing));
        let (session, marks, about, effort) = match kept {
            Some(kept) if kept.ahead.is_some() => {
                // The same prediction, without a search for the view.
                let view = kept.states.present().view.unwrap_or(View::whole(image.size()));
                let marks = History::limited(Marks::of(network.name.clone()), STEPS);
                (first.session_in(seen, view)?, marks, About::default(), kept.effort)
            }
            Some(kept) => {
                kept.check(&entry.sidecar, image.size(), &predictor.config().skeleton)?;
                let marks = kept.marks().with_limit(STEPS);
                (predictor.resume(seen, &kept.states)?, marks, kept.about, kept.effort)
            }
            None => {
                let marks = History::limited(Marks::of(network.name.clone()), STEPS);
                (first.session(seen)?, marks, About::default(), entry.effort())
            }
        };
        let labels = labels.filter(|labels| labels.len() == predictor.config().keypoints());
        let image = (image.size().area() <= HELD).then(|| Arc::new(image));
        let save_error = None;
        let document = Self {
            session,
            image,
            labels,
            spacing,
            note,
            warning,
            film,
            network,
            marks,
            about,
            effort,
            save_error,
            generation,
        };
        entry.show(document.listed());
        Ok(document)
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
                self.effort.status = status(&self.marks.present().verdict);
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
        entry.show(self.listed());
        Ok(took)
    }

    /// The heatmap of one keypoint.
    pub(super) fn heatmap(&self, keypoint: usize) -> Result<Heatmaps> {
        Ok(self.session.prediction().heatmap(keypoint)?)
    }

    /// What the list shows of it.
    fn listed(&self) -> Shown {
        Shown { effort: self.effort, digest: Some(self.digest()), ahead: None }
    }

    /// All that restores the work.
    pub(super) fn sidecar(&self, entry: &Entry) -> Sidecar {
        let heading = Heading {
            image: entry.name.clone(),
            file: self.film.clone(),
            film: entry.film_elsewhere(),
            revision: entry.revision(),
        };
        Sidecar::new(
            heading,
            (self.session.image_size(), self.spacing),
            self.skeleton(),
            (self.effort, self.digest()),
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
