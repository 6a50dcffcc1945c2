//! What an action changes in an open image.

use ikem_core::{Hint, Point};
use ikem_data::{PredictedKeypoint, PredictionRecord, Verdict};
use ikem_models::{Snapshot, View};

use super::super::action::Action;
use super::super::failure::{Kind, Result};
use super::super::imports;
use super::super::marks::{Marks, checked_ends, remark, unusable};
use super::super::measures;
use super::super::requests::Said;
use super::Document;

impl Document {
    /// Does `action`; whether anything changed.
    pub(super) fn change(&mut self, action: &Action) -> Result<bool> {
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
            Action::GoTo(step) => return self.go_to(*step),
            Action::Time => return Ok(false),
            Action::Say(said) => return self.say(said),
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
        marks.step = Some(action.words(self.skeleton()));
        self.marks.push(marks);
        Ok(true)
    }

    /// Undoes or redoes until so many states are before the present one; whether anything changed.
    fn go_to(&mut self, step: usize) -> Result<bool> {
        let [past, future] = self.marks.steps();
        if step > past + future {
            let states = past + future + 1;
            return Err(Kind::Invalid.because(format!("there is no state {step} of {states}")));
        }
        for _ in step..past {
            self.marks.undo();
            self.session.undo();
        }
        for _ in past..step {
            self.marks.redo();
            self.session.redo();
        }
        Ok(step != past)
    }

    /// Takes down what the person says of the points, which stay where they are.
    fn judge(&self, marks: &mut Marks, action: &Action) -> Result<()> {
        match action {
            Action::Fix(ends) => marks.ends = checked_ends(ends, self.skeleton())?,
            Action::Accept(true) => marks.verdict = Verdict::Accepted,
            Action::Reject(Some(reason)) => marks.verdict = unusable(reason)?,
            // One withdraws only what it says itself: `marks` has no verdict yet.
            _ => match (action, &self.marks.present().verdict) {
                (Action::Accept(false), Verdict::Accepted) | (Action::Reject(None), Verdict::Unusable(_)) => {
                }
                (_, verdict) => marks.verdict = verdict.clone(),
            },
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
    fn say(&mut self, said: &Said) -> Result<bool> {
        let before = self.about.clone();
        let text = said.remark.as_ref().map(|text| remark("the remark", text)).transpose()?;
        let size = self.session.image_size();
        let measures =
            said.measures.as_ref().map(|measures| measures::checked(measures, size)).transpose()?;
        if let Some(text) = text {
            self.about.remark = text;
        }
        if let Some(measures) = measures {
            self.about.measures = measures;
        }
        if let Some(from) = said.seen_from {
            self.about.seen_from = from;
            self.about.seen_mirrored = from.map(|_| self.session.view().frame.is_mirrored());
        }
        Ok(self.about != before)
    }

    /// Takes over the keypoints of a file; returns their marks.
    fn import(&mut self, exported: &PredictionRecord) -> Result<Marks> {
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
        let absent = found.iter().enumerate().filter(|(_, found)| found.is_none()).map(|(k, _)| k).collect();
        let mut marks = Marks { absent, ..Marks::default() };
        if let Some(review) = &exported.review {
            marks.adopt(review, self.skeleton())?;
        }
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
        Ok(marks)
    }
}
