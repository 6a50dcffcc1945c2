mod cancellable;
mod doubt;
mod expected_error;
mod levels;
mod preview;
mod snapshot;

use std::sync::Arc;

use ikem_core::{Frame, GrayImage, Heatmaps, Hint, Hints, History, Keypoints, Point, Reviser, Size};

use crate::error::{Error, Result};
use crate::prediction::Prediction;
use crate::predictor::Predictor;
use crate::prepared_image::PreparedImage;
use crate::view::View;

pub use cancellable::Cancellable;
pub use doubt::{Doubt, Shown, UNSURE_BELOW};
pub use expected_error::{ExpectedErrors, suspects};
pub use preview::Preview;
pub use snapshot::Snapshot;

/// The most states that undo goes back unless a session is told otherwise. Each holds the maps of a prediction.
pub const UNDO_STEPS: usize = 64;

/// One image being annotated: the network predicts, the person corrects, and the network predicts again.
///
/// A correction is predicted from the hints and the heatmaps of the last *committed* prediction;
/// [`set_view`](Self::set_view) and [`predict_anew`](Self::predict_anew) ignore the latter. A hinted keypoint is
/// always shown exactly where the person put it. The network sees the film in a [`View`], which undo and redo restore,
/// too. A hint outside its frame extends the frame, and a frame that the locator found too long or too short is replaced after a
/// hint if the network is surer in the one around its keypoints; a frame that was given is kept.
#[derive(Debug, Clone)]
pub struct Session {
    predictor: Predictor,
    film: GrayImage,
    history: History<State>,
    first: State,
}

/// What undo and redo restore.
#[derive(Debug, Clone)]
struct State {
    hints: Hints,
    prediction: Prediction,
    /// The film as the network sees it.
    image: Arc<PreparedImage>,
    /// The number of vertebrae by which the names were moved down since the start.
    shift: isize,
    /// The frame that the keypoints called for last, but in which the network was no surer.
    refused: Option<Frame>,
}

impl Predictor {
    /// Starts to annotate an image: finds the spine and predicts in the frame in which the network is most confident,
    /// which takes about ten predictions. [`Session::view`] returns the view that was found. Without a locator the
    /// network sees the whole film.
    ///
    /// # Errors
    /// When the device fails.
    pub fn session(&self, image: &GrayImage) -> Result<Session> {
        let (prepared, first) = self.first(image)?;
        Ok(Session::new(self, image, prepared, first))
    }

    /// As [`session`](Self::session), in a given view.
    ///
    /// ```
    /// # use ikem_core::{Frame, GrayImage, Size};
    /// # use ikem_models::{Device, ModelConfig, NetworkConfig, Predictor, UnetConfig};
    /// # let unet = UnetConfig { width: 1, gate_width: None, ..UnetConfig::default() };
    /// # let config = ModelConfig { size: Size::new(64, 64), ..ModelConfig::new(NetworkConfig::Unet(unet)) };
    /// # let predictor = Predictor::builder().untrained(&config, 1)?;
    /// # let image = GrayImage::new(Size::new(300, 700), vec![0.5; 300 * 700])?;
    /// let session = predictor.session_in(&image, Frame::new(50.0, 100.0, 200.0, 480.0)?)?;
    /// assert_eq!(session.view().frame.height(), 480.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the device fails.
    pub fn session_in(&self, image: &GrayImage, view: impl Into<View>) -> Result<Session> {
        let prepared = self.prepare(image, &view.into())?;
        let first = self.predict_prepared(&prepared, &Hints::new(), None)?;
        Ok(Session::new(self, image, prepared, first))
    }
}

impl Session {
    fn new(predictor: &Predictor, film: &GrayImage, prepared: PreparedImage, first: Prediction) -> Self {
        let first = State {
            hints: Hints::new(),
            prediction: first,
            image: Arc::new(prepared),
            shift: 0,
            refused: None,
        };
        let history = History::limited(first.clone(), UNDO_STEPS);
        Self { predictor: predictor.clone().with_cancel(None), film: film.clone(), history, first }
    }

    /// The predictor of this session.
    #[must_use]
    pub const fn predictor(&self) -> &Predictor {
        &self.predictor
    }

    /// The image's size in pixels.
    #[must_use]
    pub fn image_size(&self) -> Size {
        self.film.size()
    }

    /// The view in which the network sees the film: the frame, whether the film is a negative, and the locator's
    /// confidence.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.history.present().image.view
    }

    /// Sets the view in which the network sees the film, and predicts again with the present hints. Hints outside the
    /// frame extend it. If one view is mirrored and the other is not, the hint of a left corner becomes the hint of the
    /// right one and vice versa. This can be undone.
    ///
    /// # Errors
    /// When the device fails; the session is then as before.
    pub fn set_view(&mut self, view: impl Into<View>) -> Result<()> {
        let State { hints, shift, image, .. } = self.history.present();
        let (shift, view) = (*shift, view.into());
        let (from, to) = (image.view.frame.is_mirrored(), view.frame.is_mirrored());
        let renamed = |hint: &Hint| Hint::new(self.mirrored(hint.keypoint, from != to), hint.point);
        let hints: Hints = hints.iter().map(renamed).collect();
        let view = holding(view, &hints, self.film.size());
        let image = Arc::new(self.predictor.prepare(&self.film, &view)?);
        let prediction = self.predictor.predict_prepared(&image, &hints, None)?;
        self.history.push(State { hints, prediction, image, shift, refused: None });
        Ok(())
    }

    /// Looks for the spine again, as at the start, and predicts in the frame found with the present hints. Undo takes
    /// this back.
    ///
    /// # Errors
    /// When the device fails; the session is then as before.
    pub fn find_again(&mut self) -> Result<()> {
        let found = self.first.image.view;
        let found = match self.predictor.locator() {
            // The first view may have been given.
            Some(_) => self.predictor.first(&self.film)?.0.view,
            None => found,
        };
        self.set_view(found)
    }

    /// The hints in the order they were given.
    #[must_use]
    pub const fn hints(&self) -> &Hints {
        &self.history.present().hints
    }

    /// The last committed prediction, without the hinted positions.
    #[must_use]
    pub const fn prediction(&self) -> &Prediction {
        &self.history.present().prediction
    }

    /// The keypoints to show: those of the prediction, and hinted ones where the person put them; image space.
    #[must_use]
    pub fn keypoints(&self) -> Keypoints {
        self.hints().applied_to(self.prediction().keypoints())
    }

    /// The last prediction's heatmaps, K × H × W on the network's grid.
    ///
    /// # Errors
    /// When the device fails.
    pub fn heatmaps(&self) -> Result<Heatmaps> {
        self.prediction().heatmaps()
    }

    /// Adds a hint, or moves the hint of its keypoint, and predicts.
    ///
    /// # Errors
    /// [`Error::Argument`] for an unknown keypoint or a point that is not on the image; an error when the device fails. The session is then as before.
    pub fn revise(&mut self, hint: Hint) -> Result<()> {
        self.revise_all([hint])
    }

    /// Adds or moves several hints, and predicts once.
    ///
    /// # Errors
    /// As [`revise`](Self::revise).
    pub fn revise_all(&mut self, hints: impl IntoIterator<Item = Hint>) -> Result<()> {
        let hints = self.with(hints)?;
        self.commit(hints)
    }

    /// The result of [`revise`](Self::revise) without committing to it: all previews of a drag start from the same
    /// prediction.
    ///
    /// # Errors
    /// As [`revise`](Self::revise).
    pub fn preview(&self, hint: Hint) -> Result<Preview> {
        let hints = self.with([hint])?;
        let State { hints, prediction, image, .. } = self.predict(hints)?;
        let shown = Shown {
            skeleton: &self.predictor.config().skeleton,
            view: Some(&image.view),
            hints: &hints,
            keypoints: &hints.applied_to(prediction.keypoints()),
            confidences: prediction.confidences(),
        };
        let doubt = shown.doubt();
        Ok(Preview { hints, prediction, view: image.view, doubt })
    }

    /// Removes the hint of `keypoint` and predicts with the others; `false` if it has none.
    ///
    /// # Errors
    /// When the device fails; the session is then as before.
    pub fn remove(&mut self, keypoint: usize) -> Result<bool> {
        self.remove_all([keypoint])
    }

    /// Removes the hints of several keypoints, and predicts once with the others; `false` if none of them has one.
    ///
    /// # Errors
    /// When the device fails; the session is then as before.
    pub fn remove_all(&mut self, keypoints: impl IntoIterator<Item = usize>) -> Result<bool> {
        let mut hints = self.hints().clone();
        for keypoint in keypoints {
            hints.remove(keypoint);
        }
        if hints.len() == self.hints().len() {
            return Ok(false);
        }
        self.commit(hints).map(|()| true)
    }

    /// Adds the present state to the history once more: a step of undo for whoever keeps something of their own for each
    /// state. Nothing is predicted.
    pub fn mark(&mut self) {
        self.history.push(self.history.present().clone());
    }

    /// Restores the state before the last change; `false` if there is none.
    pub fn undo(&mut self) -> bool {
        self.history.undo()
    }

    /// Reverses the last undo; `false` if there is none.
    pub fn redo(&mut self) -> bool {
        self.history.redo()
    }

    /// The same session with `steps` as the most states that undo goes back; 64 by default. Each holds the maps of a
    /// prediction, 2 MB for the bundled model.
    #[must_use]
    pub fn with_undo_limit(mut self, steps: usize) -> Self {
        self.history = self.history.with_limit(steps);
        self
    }

    /// Lets go of the maps of all states that undo and redo lead to, which take most of the session's memory. What they
    /// show stays the same; after an undo, the next prediction starts from Gaussians at the keypoints, as in a session
    /// that was [resumed](Predictor::resume).
    pub fn release_maps(&mut self) {
        for state in self.history.others_mut() {
            state.prediction = state.prediction.clone().without_maps();
        }
    }

    /// Whether [`undo`](Self::undo) would do anything.
    #[must_use]
    pub const fn can_undo(&self) -> bool {
        self.history.can_undo()
    }

    /// Whether [`redo`](Self::redo) would do anything.
    #[must_use]
    pub const fn can_redo(&self) -> bool {
        self.history.can_redo()
    }

    /// Goes back to the first prediction, without hints. This can be undone, too.
    pub fn reset(&mut self) {
        self.history.push(self.first.clone());
    }

    /// Predicts again with the present hints, as if there had been no earlier prediction. This can be undone.
    ///
    /// # Errors
    /// When the device fails; the session is then as before.
    pub fn predict_anew(&mut self) -> Result<()> {
        let State { hints, shift, image, refused, .. } = self.history.present().clone();
        let prediction = self.predictor.predict_prepared(&image, &hints, None)?;
        self.history.push(State { hints, prediction, image, shift, refused });
        Ok(())
    }

    /// The prediction without hints that the session started with.
    #[must_use]
    pub const fn first(&self) -> &Prediction {
        &self.first.prediction
    }

    /// The distance between the hint of `keypoint` and the position where that point was shown before, in pixels of the
    /// image; `None` without a hint, or if the earlier state is no longer remembered.
    #[must_use]
    pub fn moved(&self, keypoint: usize) -> Option<f32> {
        Some(self.hints().get(keypoint)?.distance(self.moved_from(keypoint)?))
    }

    /// The position where the point of `keypoint` was shown before its hint was given, in pixels of the image; `None`
    /// without a hint, or if that state is no longer remembered.
    #[must_use]
    pub fn moved_from(&self, keypoint: usize) -> Option<Point> {
        self.hints().get(keypoint)?;
        let (skeleton, shift) = (&self.predictor.config().skeleton, self.shift());
        for state in self.history.past().iter().rev() {
            // The name that the keypoint had then.
            let keypoint = match shift.saturating_sub(state.shift) {
                0 => keypoint,
                by => skeleton.shifted(by)?.get(keypoint).copied().flatten()?,
            };
            let mirrors = state.image.view.frame.is_mirrored() != self.view().frame.is_mirrored();
            let keypoint = self.mirrored(keypoint, mirrors);
            if state.hints.get(keypoint).is_none() {
                return state.prediction.keypoints().get(keypoint).copied();
            }
        }
        None
    }

    /// The keypoint that `keypoint` becomes in a mirror image, if `mirrors`.
    fn mirrored(&self, keypoint: usize, mirrors: bool) -> usize {
        let pairs = self.predictor.config().skeleton.flip_pairs().iter();
        let other = pairs.filter(|_| mirrors).find_map(|&(a, b)| match keypoint {
            k if k == a => Some(b),
            k if k == b => Some(a),
            _ => None,
        });
        other.unwrap_or(keypoint)
    }

    /// The present hints with `hints` added, if all of them lie on this image.
    fn with(&self, hints: impl IntoIterator<Item = Hint>) -> Result<Hints> {
        let mut all = self.hints().clone();
        for hint in hints {
            all.set(hint.checked(self.predictor.config().keypoints(), self.film.size())?);
        }
        Ok(all)
    }

    /// The state with `hints`, in a frame that contains them; where the keypoints show that the located frame was wrong, in the
    /// one around them, if the network is surer there.
    fn predict(&self, hints: Hints) -> Result<State> {
        let &State { shift, refused, ref image, ref prediction, hints: ref old } = self.history.present();
        let (view, previous) = (image.view, prediction);
        let held = holding(view, &hints, self.film.size());
        let image = match held == view {
            true => Arc::clone(image),
            false => Arc::new(self.predictor.prepare(&self.film, &held)?),
        };
        if old.iter().any(|hint| hints.get(hint.keypoint) != Some(hint.point)) {
            // What a hint brought about that is moved or removed does not stay.
            let prediction = self.predictor.predict_prepared(&image, &hints, Some(previous))?;
            return Ok(State { hints, prediction, image, shift, refused });
        }
        let prediction = self.predictor.predict_further(&image, &hints, previous)?;
        let state = State { hints, prediction, image, shift, refused };
        let state = match self.predictor.corrected(&held, refused.as_ref(), &state.prediction) {
            Some(view) => self.reframed(state, view)?,
            None => state,
        };
        let prediction = self.predictor.refined(&state.image, &state.hints, state.prediction)?;
        Ok(State { prediction, ..state })
    }

    /// The state in another view, if the network is surer in it.
    fn reframed(&self, state: State, view: View) -> Result<State> {
        let view = holding(view, &state.hints, self.film.size());
        let image = Arc::new(self.predictor.prepare(&self.film, &view)?);
        let prediction = self.predictor.predict_further(&image, &state.hints, &state.prediction)?;
        Ok(match Predictor::is_surer(&prediction, &state.prediction) {
            true => State { prediction, image, refused: None, ..state },
            false => State { refused: Some(view.frame), ..state },
        })
    }

    fn commit(&mut self, hints: Hints) -> Result<()> {
        let state = self.predict(hints)?;
        self.history.push(state);
        Ok(())
    }
}

/// `view` with its frame extended to contain all `hints`, which are on the film.
fn holding(view: View, hints: &Hints, film: Size) -> View {
    if view.frame.is_whole(film) {
        return view;
    }
    let outside = hints.iter().filter(|hint| !view.frame.contains(hint.point));
    View { frame: outside.fold(view.frame, |frame, hint| frame.including(hint.point)), ..view }
}

impl Reviser for Session {
    type Error = Error;

    fn raw_keypoints(&self) -> &Keypoints {
        self.prediction().keypoints()
    }

    fn keypoints(&self) -> Keypoints {
        self.keypoints()
    }

    fn suspects(&self) -> Vec<usize> {
        self.suspects()
    }

    fn revise(&mut self, hint: Hint) -> Result<()> {
        self.revise(hint)
    }
}
