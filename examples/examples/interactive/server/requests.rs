//! What requests bring, as JSON. Coordinates are pixels of the original image.

use serde::{Deserialize, Deserializer};

use super::marks::SeenFrom;
use super::measures::Measure;

/// Where a person drags a point, or puts it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Placed {
    /// The keypoint's index.
    pub keypoint: usize,
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
    /// Active time since the last report.
    #[serde(default)]
    pub seconds: f64,
}

/// A request that names a keypoint.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    /// The keypoint's index.
    pub keypoint: usize,
    /// Active time since the last report.
    #[serde(default)]
    pub seconds: f64,
}

/// A request that says no more than how long it took.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Timed {
    /// Active time since the last report.
    #[serde(default)]
    pub seconds: f64,
}

/// A request to go back to a state, or forth again.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// How many states are before it.
    pub step: usize,
    /// Active time since the last report.
    #[serde(default)]
    pub seconds: f64,
}

/// A request to move all names.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shifted {
    /// Down by this many vertebrae, up when negative.
    pub by: isize,
    /// Active time since the last report.
    #[serde(default)]
    pub seconds: f64,
}

/// A request that says whether the person is content.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acceptance {
    /// Whether they are.
    pub accepted: bool,
    /// Active time since the last report.
    #[serde(default)]
    pub seconds: f64,
}

/// A request for a network.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chosen {
    /// Its place among the choices.
    pub id: usize,
}

/// A request that switches something on or off.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Whether it is wanted.
    pub on: bool,
}

/// A request that puts several points.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlacedAll {
    /// Where each is put.
    pub points: Vec<PlacedPoint>,
    /// Active time since the last report.
    #[serde(default)]
    pub seconds: f64,
}

/// Where one of several points is put.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlacedPoint {
    /// The keypoint's index.
    pub keypoint: usize,
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// A request that says whether keypoints are visible on the film.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    /// Their indices.
    pub keypoints: Vec<usize>,
    /// Whether they are.
    pub visible: bool,
    /// Active time since the last report.
    #[serde(default)]
    pub seconds: f64,
}

/// A request that fixes the end vertebrae of curves.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ends {
    /// The upper and the lower end vertebra of each; all that are fixed from now on.
    pub ends: Vec<[usize; 2]>,
    /// Active time since the last report.
    #[serde(default)]
    pub seconds: f64,
}

/// A request that says that a film cannot be used, or can.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rejection {
    /// Why not; none where it can.
    pub because: Option<String>,
    /// Active time since the last report.
    #[serde(default)]
    pub seconds: f64,
}

/// A request that says something of the film as such; what it leaves out stays as it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    /// A remark.
    pub remark: Option<String>,
    /// From where the film shows the patient; `null` where that is unknown.
    #[serde(default, deserialize_with = "given")]
    pub seen_from: Option<Option<SeenFrom>>,
    /// All that was measured apart from the keypoints.
    pub measures: Option<Vec<Measure>>,
    /// Active time since the last report.
    #[serde(default)]
    pub seconds: f64,
}

/// A field that is there, `null` or not.
fn given<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Option<SeenFrom>>, D::Error> {
    Option::deserialize(json).map(Some)
}
