use ikem_core::{Frame, Size};
use serde::{Deserialize, Serialize};

use crate::locator::{Located, Location};

/// How a network sees a film: which part of it, and whether inverted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// The part of the film.
    pub frame: Frame,
    /// Whether the film is a negative, bones dark: it is inverted for the network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub negative: bool,
    /// How sure the locator is that there is a spine, 0…1; below one half it found nothing, and the frame is the whole film. `None`
    /// where the view was told, not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}

impl View {
    /// All of a film, as it is.
    #[must_use]
    pub const fn whole(film: Size) -> Self {
        Self { frame: Frame::whole(film), negative: false, confidence: None }
    }

    /// The view of a film of which a locator told this.
    #[must_use]
    pub const fn of(located: Located, film: Size) -> Self {
        match located {
            Located::Spine(Location { frame, negative, confidence }) => {
                Self { frame, negative, confidence: Some(confidence) }
            }
            Located::Nothing { confidence } => Self { confidence: Some(confidence), ..Self::whole(film) },
        }
    }

    /// Whether there is a spine as far as is known: `false` where a locator looked for one and found none.
    #[must_use]
    pub fn has_spine(&self) -> bool {
        self.confidence.is_none_or(|confidence| confidence >= 0.5)
    }
}

impl From<Frame> for View {
    /// A frame of a film that is no negative.
    fn from(frame: Frame) -> Self {
        Self { frame, negative: false, confidence: None }
    }
}
