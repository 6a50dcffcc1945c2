use crate::hints::Hint;
use crate::keypoints::Keypoints;

/// Anything that predicts the keypoints of one image and answers corrections: a session with a network, or a
/// stand-in in a test. What drives it (evaluation, a page) need not know which.
pub trait Reviser {
    /// Why a correction could not be answered.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The last prediction as it came, corrected keypoints not put in place; image space.
    fn raw_keypoints(&self) -> &Keypoints;

    /// The keypoints to show: the last prediction with every corrected keypoint exactly where it was put.
    fn keypoints(&self) -> Keypoints;

    /// Takes one correction and predicts anew.
    ///
    /// # Errors
    /// When the hint is not for this image or the prediction fails; the state is then as before.
    fn revise(&mut self, hint: Hint) -> Result<(), Self::Error>;
}
