//! What a person does to an image.

use ikem_core::{Hint, Skeleton};
use ikem_data::PredictionRecord as Exported;

use super::framing::Reframing;
use super::requests::Said;

/// What is done to an image.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// A point is put where it belongs.
    Revise(Hint),
    /// Several points are put where they belong.
    Place(Vec<Hint>),
    /// A hint is taken back.
    Remove(usize),
    /// Points are visible on the film, or are not.
    See(Vec<usize>, bool),
    /// The end vertebrae of curves that the person chooses.
    Fix(Vec<[usize; 2]>),
    /// The last change is taken back.
    Undo,
    /// The last undo is taken back.
    Redo,
    /// Back, or forth again, to the state with so many before it.
    GoTo(usize),
    /// All hints are taken back.
    Reset,
    /// The network is asked anew.
    Predict,
    /// The network sees the film in another way.
    Reframe(Reframing),
    /// All names move down by some vertebrae.
    Shift(isize),
    /// The person is content, or no longer.
    Accept(bool),
    /// The film cannot be used, for a reason, or can.
    Reject(Option<String>),
    /// Something is said of the film as such.
    Say(Said),
    /// An exported file takes the place of the points.
    Import(Box<Exported>),
    /// Time went by.
    Time,
}

impl Action {
    /// Whether the network has to predict for it.
    pub(super) const fn asks_the_network(&self) -> bool {
        matches!(
            self,
            Self::Revise(_)
                | Self::Place(_)
                | Self::Remove(_)
                | Self::See(_, false)
                | Self::Predict
                | Self::Reframe(_)
        )
    }

    /// How many corrections it is.
    pub(super) fn clicks(&self) -> u32 {
        match self {
            Self::Revise(_) => 1,
            Self::Place(hints) => u32::from(!hints.is_empty()),
            _ => 0,
        }
    }

    /// What it is called in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Revise(_) => "revise",
            Self::Place(_) => "place",
            Self::Remove(_) => "remove",
            Self::See(_, true) => "visible",
            Self::See(_, false) => "not visible",
            Self::Fix(_) => "fix ends",
            Self::Undo => "undo",
            Self::Redo => "redo",
            Self::GoTo(_) => "go to",
            Self::Reset => "reset",
            Self::Predict => "predict",
            Self::Reframe(reframing) => reframing.name(),
            Self::Shift(_) => "shift",
            Self::Accept(true) => "accept",
            Self::Accept(false) => "take back",
            Self::Reject(Some(_)) => "unusable",
            Self::Reject(None) => "usable",
            Self::Say(_) => "say",
            Self::Import(_) => "import",
            Self::Time => "time",
        }
    }

    /// What was done, in words, for the list of actions.
    pub(super) fn words(&self, skeleton: &Skeleton) -> String {
        let points = |keypoints: &[usize]| points_in_words(keypoints, skeleton);
        match self {
            Self::Revise(hint) => format!("{} corrected", points(&[hint.keypoint])),
            Self::Place(hints) => {
                let keypoints: Vec<usize> = hints.iter().map(|hint| hint.keypoint).collect();
                format!("{} placed", points(&keypoints))
            }
            Self::Remove(keypoint) => format!("Correction of {} removed", points(&[*keypoint])),
            Self::See(keypoints, true) => format!("{} visible", points(keypoints)),
            Self::See(keypoints, false) => format!("{} not visible", points(keypoints)),
            Self::Fix(_) => "End vertebrae chosen".to_owned(),
            Self::Reset => "All corrections removed".to_owned(),
            Self::Predict => "Predicted again".to_owned(),
            Self::Reframe(reframing) => reframing.words().to_owned(),
            Self::Shift(by) => format!("Levels renamed {}", if *by > 0 { "downwards" } else { "upwards" }),
            Self::Accept(true) => "Accepted".to_owned(),
            Self::Accept(false) => "Acceptance withdrawn".to_owned(),
            Self::Reject(Some(_)) => "Marked as unusable".to_owned(),
            Self::Reject(None) => "Can be used again".to_owned(),
            Self::Import(_) => "Keypoints imported".to_owned(),
            Self::Undo | Self::Redo | Self::GoTo(_) | Self::Say(_) | Self::Time => self.name().to_owned(),
        }
    }
}

/// A point's name, the vertebra whose corners the points are, or their number.
fn points_in_words(keypoints: &[usize], skeleton: &Skeleton) -> String {
    let mut sorted = keypoints.to_vec();
    sorted.sort_unstable();
    let whole = |corners: &[usize]| {
        let mut corners = corners.to_vec();
        corners.sort_unstable();
        corners == sorted
    };
    let vertebra = skeleton.vertebrae().iter().find(|vertebra| whole(&vertebra.corners));
    match (keypoints, vertebra) {
        ([keypoint], _) => skeleton.names().get(*keypoint).cloned().unwrap_or_default(),
        (_, Some(vertebra)) => vertebra.name.clone(),
        _ => format!("{} points", keypoints.len()),
    }
}
