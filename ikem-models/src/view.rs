use ikem_core::{Frame, GrayImage, Size};
use serde::{Deserialize, Serialize};

use crate::locator::{Located, Location};

/// The part of a film that a network sees, and whether the film is inverted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// The part of the film.
    pub frame: Frame,
    /// Whether the film is a negative, with dark bones: it is inverted for the network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub negative: bool,
    /// The locator's confidence that there is a spine, 0…1; below one half it found none, and the frame is the whole
    /// film. `None` if the view was given, not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}

impl View {
    /// The whole film, not inverted.
    #[must_use]
    pub const fn whole(film: Size) -> Self {
        Self { frame: Frame::whole(film), negative: false, confidence: None }
    }

    /// The view of a film for which a locator returned `located`.
    #[must_use]
    pub const fn of(located: Located, film: Size) -> Self {
        match located {
            Located::Spine(Location { frame, negative, confidence }) => {
                Self { frame, negative, confidence: Some(confidence) }
            }
            Located::Nothing { confidence } => Self { confidence: Some(confidence), ..Self::whole(film) },
        }
    }

    /// `false` if a locator looked for a spine and found none.
    #[must_use]
    pub fn has_spine(&self) -> bool {
        self.confidence.is_none_or(|confidence| confidence >= 0.5)
    }

    /// `true` if a locator looked for a spine and found one.
    pub(crate) fn is_of_spine(&self) -> bool {
        self.confidence.is_some() && self.has_spine()
    }
}

impl From<Frame> for View {
    /// A frame of a film that is not a negative.
    fn from(frame: Frame) -> Self {
        Self { frame, negative: false, confidence: None }
    }
}

/// The film without its uniform margins, as on a light box or in a screenshot, if less than `trimmed` (a part of 1) both of its
/// width and of its height is left; otherwise the whole film. Bars on the left and right alone are kept, since films that are no
/// crops have them, too.
pub(crate) fn without_margins(film: &GrayImage, trimmed: f64) -> Frame {
    let (whole, content) = (Frame::whole(film.size()), Frame::content(film));
    let narrower = content.width() < trimmed * whole.width();
    if narrower && content.height() < trimmed * whole.height() { content } else { whole }
}
