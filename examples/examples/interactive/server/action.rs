//! What a person does to an image.

use ikem_core::Hint;
use ikem_data::PredictionRecord as Exported;

use super::framing::Reframing;

/// What is done to an image.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// A point is put where it belongs.
    Revise(Hint),
    /// A hint is taken back.
    Remove(usize),
    /// The last change is taken back.
    Undo,
    /// The last undo is taken back.
    Redo,
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
    /// An exported file takes the place of the points.
    Import(Box<Exported>),
    /// Time went by.
    Time,
}

impl Action {
    /// Whether the network has to predict for it.
    pub(super) const fn asks_the_network(&self) -> bool {
        matches!(self, Self::Revise(_) | Self::Remove(_) | Self::Predict | Self::Reframe(_))
    }

    /// What it is called in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Revise(_) => "revise",
            Self::Remove(_) => "remove",
            Self::Undo => "undo",
            Self::Redo => "redo",
            Self::Reset => "reset",
            Self::Predict => "predict",
            Self::Reframe(reframing) => reframing.name(),
            Self::Shift(_) => "shift",
            Self::Accept(true) => "accept",
            Self::Accept(false) => "take back",
            Self::Import(_) => "import",
            Self::Time => "time",
        }
    }
}
