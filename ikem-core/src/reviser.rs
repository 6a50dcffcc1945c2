use crate::hints::Hint;
use crate::keypoints::Keypoints;

/// Anything that predicts the keypoints of one image and responds to corrections: a session with a network, or a
/// stand-in in a test. Evaluation and user interfaces depend on this trait only.
pub trait Reviser {
    /// The error of a correction that failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The last raw prediction, in which hinted keypoints are not moved to their hints; image space.
    fn raw_keypoints(&self) -> &Keypoints;

    /// The keypoints to display: the last prediction with every hinted keypoint at its hint; image space.
    fn keypoints(&self) -> Keypoints;

    /// The keypoints that may be wrong, the most doubtful first; none where that is not known.
    fn suspects(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Adds a hint and predicts again.
    ///
    /// # Errors
    /// When the hint does not fit the image or the prediction fails; the state is then unchanged.
    fn revise(&mut self, hint: Hint) -> Result<(), Self::Error>;
}
