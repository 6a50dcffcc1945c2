//! What the work on an image comes to: what is exported of it.

use ikem_core::{Frame, Keypoints, Point, Size, Skeleton};
use ikem_data::PredictionRecord;
use ikem_examples::seen;
use ikem_models::{Doubt, Shown, Snapshot};

use super::angles::{Angles, Measured};
use super::failure::Result;
use super::marks::Marks;
use super::sidecar::{Digest, Sidecar};

/// The present state of the work on an image.
pub(super) struct Finding<'a> {
    sidecar: &'a Sidecar,
    state: &'a Snapshot,
    /// What the person says of it.
    pub marks: Marks,
    shown: Keypoints,
}

impl<'a> Finding<'a> {
    /// What a sidecar holds.
    pub(super) fn of(sidecar: &'a Sidecar) -> Self {
        let state = sidecar.states.present();
        let shown = state.hints.applied_to(&state.keypoints);
        Self { sidecar, state, marks: sidecar.marks().present().clone(), shown }
    }

    /// The film's size.
    pub(super) const fn film(&self) -> Size {
        Size::new(self.sidecar.width, self.sidecar.height)
    }

    /// What the network sees of the film.
    pub(super) fn frame(&self) -> Frame {
        self.state.view.map_or(Frame::whole(self.film()), |view| view.frame)
    }

    /// Whether the film is a negative.
    pub(super) fn is_negative(&self) -> bool {
        self.state.view.is_some_and(|view| view.negative)
    }

    /// How many points the person put.
    pub(super) fn hints(&self) -> usize {
        self.state.hints.len()
    }

    /// Why the points may be none of a spine.
    pub(super) fn doubt(&self) -> Option<Doubt> {
        let shown = Shown {
            skeleton: &self.skeleton(),
            view: self.state.view.as_ref(),
            hints: &self.state.hints,
            keypoints: &self.shown,
            confidences: &self.state.confidences,
        };
        self.marks.doubt(&shown)
    }

    /// The names of the points: those of the spine, or any others.
    fn skeleton(&self) -> Skeleton {
        let (spine, names) = (Skeleton::spine(), &self.sidecar.names);
        if names == spine.names() { spine } else { Skeleton::numbered(names.len()) }
    }

    /// The names of the keypoints that are not visible.
    pub(super) fn absent(&self) -> Vec<String> {
        self.marks.absent.iter().filter_map(|k| self.sidecar.names.get(*k)).cloned().collect()
    }

    /// The Cobb angles; none of doubtful points.
    pub(super) fn angles(&self) -> Option<Angles> {
        let skeleton = self.skeleton();
        let measured = Measured {
            points: &self.shown,
            confidences: &self.state.confidences,
            hints: &self.state.hints,
            film: (self.film(), self.sidecar.spacing),
            frame: &self.frame(),
            skeleton: &skeleton,
            marks: &self.marks,
            seen_from: self.sidecar.about.seen_from,
        };
        if !skeleton.is_spine() || self.doubt().is_some() { None } else { measured.angles() }
    }

    /// What the list shows.
    pub(super) fn digest(&self) -> Digest {
        let unsure = self.marks.suspects(&self.skeleton(), &self.state.confidences, &self.state.hints).len();
        Digest {
            degrees: self.angles().and_then(|angles| angles.largest()),
            unsure,
            doubtful: self.doubt().is_some(),
            ends_fixed: !self.marks.ends.is_empty(),
        }
    }

    /// Where the points are drawn; those that are not visible are nowhere.
    pub(super) fn drawn(&self) -> Keypoints {
        if !self.has_spine() {
            return self.shown.iter().map(|_| NOWHERE).collect();
        }
        let place =
            |(k, point): (usize, &Point)| if self.marks.absent.contains(&k) { NOWHERE } else { *point };
        self.shown.iter().enumerate().map(place).collect()
    }

    /// The indices of the points that the person put.
    pub(super) fn hinted(&self) -> Vec<usize> {
        self.state.hints.iter().map(|hint| hint.keypoint).collect()
    }

    /// Whether there is a spine to export: one was found, or a person put points.
    pub(super) fn has_spine(&self) -> bool {
        !matches!(self.doubt(), Some(Doubt::NothingFound { .. }))
    }

    /// The keypoints as a predictions file holds them: none where no spine was found.
    pub(super) fn prediction(&self) -> Result<PredictionRecord> {
        let Sidecar { image, names, spacing, .. } = self.sidecar;
        let Snapshot { confidences, hints, .. } = self.state;
        let absent = self.absent();
        let mut record = PredictionRecord::new(image, self.film(), names, &self.shown, confidences, hints)?;
        let has_spine = self.has_spine();
        record.keypoints.retain(|keypoint| has_spine && !absent.contains(&keypoint.name));
        Ok(PredictionRecord {
            absent,
            cobb: self.angles().map(|angles| angles.challenge.map(|angle| angle.degrees)),
            spacing: *spacing,
            seen: self.state.view.and_then(|view| seen(&view, self.film())),
            doubt: self.doubt().map(|doubt| doubt.to_string()),
            review: Some(self.marks.review(&Skeleton::spine())),
            ..record
        })
    }
}

/// A place where nothing is drawn.
pub(super) const NOWHERE: Point = Point::new(f32::NAN, f32::NAN);
