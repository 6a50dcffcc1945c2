//! What goes over the wire, as JSON. Coordinates are pixels of the original image.

use ikem_core::{Point, Skeleton, Spacing};
use serde::{Deserialize, Serialize};

use super::angles::Angles;
use super::framing::Framing;
use super::marks::SeenFrom;
use super::measures::Measurement;

/// All that is open: `GET /api/workplace`.
#[derive(Debug, Serialize)]
pub(super) struct WorkplaceView {
    /// The program's version.
    pub version: &'static str,
    /// The network that answers, or is about to.
    pub model: ModelView,
    /// The networks to choose from.
    pub models: Vec<Choice>,
    /// The image whose grey values all others are given before the network sees them.
    pub matching: Option<MatchingView>,
    /// Whether a manifest of labels was given.
    pub labels: bool,
    /// What the person should know of what was given, a line each: files that are no images, labels that fit no film.
    pub notes: Vec<String>,
    /// What the keypoints are called; none before a network was loaded.
    pub skeleton: Option<Skeleton>,
    /// The images in order.
    pub images: Vec<ImageView>,
    /// How far the work is.
    pub progress: Progress,
    /// How far the prediction of all images ahead is; none where it does not run.
    pub ahead: Option<AheadView>,
    /// The folder of uploads and of what has no folder of its own.
    pub kept_in: String,
    /// The person who reads the films, where the program was told.
    pub reader: Option<String>,
}

/// What changes while one waits: `GET /api/status`.
#[derive(Debug, Serialize)]
pub(super) struct StatusView {
    /// The network that answers, or is about to.
    pub model: ModelView,
    /// How far the work is.
    pub progress: Progress,
    /// How far the prediction of all images ahead is; none where it does not run.
    pub ahead: Option<AheadView>,
}

/// How far the prediction of all images ahead is.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct AheadView {
    /// How many images there are.
    pub films: usize,
    /// How many were looked at.
    pub done: usize,
    /// How many could not be predicted.
    pub failed: usize,
    /// The last of these, and why.
    pub failure: Option<String>,
}

/// A network to choose.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Choice {
    /// What a request names it by.
    pub id: usize,
    /// The file's name.
    pub name: String,
}

/// The network that answers, or is about to.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ModelView {
    /// Its place among the choices.
    pub id: usize,
    /// Its file's name.
    pub name: String,
    /// Whether it can answer.
    pub state: ModelState,
    /// Since loading began, or how long it took.
    pub seconds: f64,
    /// The checkpoint's size.
    pub bytes: u64,
    /// Why it could not be loaded.
    pub error: Option<String>,
}

/// Whether a network can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ModelState {
    /// Not yet.
    Loading,
    /// Yes.
    Ready,
    /// Never.
    Failed,
}

/// Whether images are given a reference's grey values.
#[derive(Debug, Clone, Serialize)]
pub(super) struct MatchingView {
    /// The reference's name.
    pub reference: String,
    /// Whether they are.
    pub on: bool,
}

/// An image in the list.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ImageView {
    /// What a request names it by.
    pub id: usize,
    /// Its file's name.
    pub name: String,
    /// How far the work on it is; none while that is being read.
    pub status: Option<Status>,
    /// Corrections given.
    pub clicks: u32,
    /// Active time spent on it.
    pub seconds: f64,
    /// Whether there are labels of it.
    pub compared: bool,
    /// The largest Cobb angle between end plates, as far as it is known.
    pub degrees: Option<f64>,
    /// How many points are unsure; none where nothing was predicted yet.
    pub unsure: Option<usize>,
    /// Whether the points are doubtful as a whole.
    pub doubtful: bool,
}

/// How far the work on an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// Nothing was changed.
    #[default]
    Untouched,
    /// Something was changed.
    InWork,
    /// The person is content.
    Accepted,
    /// The film cannot be used.
    Unusable,
}

impl Status {
    /// As it is written.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::InWork => "in_work",
            Self::Accepted => "accepted",
            Self::Unusable => "unusable",
        }
    }
}

/// How many images there are of each status.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Progress {
    /// All of them.
    pub images: usize,
    /// Those of which it is not known yet.
    pub unread: usize,
    /// Not changed.
    pub untouched: usize,
    /// Changed and not accepted.
    pub in_work: usize,
    /// Accepted.
    pub accepted: usize,
    /// Not to be used.
    pub unusable: usize,
}

/// One image as it stands: what most requests answer.
#[derive(Debug, Serialize)]
pub(super) struct State {
    /// What a request names it by.
    pub id: usize,
    /// Its file's name.
    pub name: String,
    /// Pixels in a row.
    pub width: usize,
    /// Pixels in a column.
    pub height: usize,
    /// How far apart they lie; none where that is not known.
    pub spacing: Option<SpacingView>,
    /// How far the work on it is.
    pub status: Status,
    /// Grows with each change, and is kept with the work. A request that changes the image may name the one it was made for.
    pub revision: u64,
    /// The keypoints to show.
    pub keypoints: Vec<KeypointView>,
    /// The hints in the order they were given.
    pub hints: Vec<HintView>,
    /// Whether undo would do anything.
    pub can_undo: bool,
    /// Whether redo would do anything.
    pub can_redo: bool,
    /// The action that led to each state that undo and redo lead to, and to the present one, in order and in words; none for the
    /// first prediction.
    pub steps: Vec<Option<String>>,
    /// The place of the present state among them.
    pub step: usize,
    /// By how many vertebrae the names were moved down.
    pub shift: isize,
    /// Points that are not hinted and may be wrong, the most doubtful first.
    pub suspects: Vec<usize>,
    /// The keypoints that are not visible on the film.
    pub absent: Vec<usize>,
    /// The end vertebrae of curves that the person chose: the upper and the lower one.
    pub ends: Vec<[usize; 2]>,
    /// Why the film cannot be used; none where it can.
    pub unusable: Option<String>,
    /// A remark on the film.
    pub remark: String,
    /// What was measured apart from the keypoints.
    pub measures: Vec<Measurement>,
    /// Who worked on it.
    pub annotators: Vec<String>,
    /// From where it shows the patient, where that was said.
    pub seen_from: Option<SeenFrom>,
    /// Whether the film was mirrored, or no longer, since that was said: the patient's sides have changed places.
    pub mirrored_since: bool,
    /// The Cobb angles; none where the points are no spine, or doubtful.
    pub angles: Option<Angles>,
    /// How the network sees the film.
    pub view: Framing,
    /// How far the points are from their labels; none without labels.
    pub comparison: Option<Comparison>,
    /// Corrections given.
    pub clicks: u32,
    /// Active time spent on it.
    pub seconds: f64,
    /// The network that predicted the points; none where they were imported.
    pub network: Option<String>,
    /// Whether another network would answer now.
    pub network_differs: bool,
    /// What a person should know of how the file was read.
    pub note: Option<String>,
    /// A warning about the work found for the film: that it belongs to another film, or was saved under another name.
    pub warning: Option<String>,
    /// The file that the work on it is saved in.
    pub kept_in: String,
    /// Why the last change could not be written down.
    pub save_error: Option<String>,
}

/// A keypoint to show.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct KeypointView {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
    /// The peak of its heatmap, 0…1.
    pub confidence: f32,
    /// How far it is expected to be off, in pixels; none where that is not known.
    pub expected_error: Option<f64>,
    /// The same in millimetres, where the spacing is known.
    pub expected_error_mm: Option<f64>,
    /// Whether a person put it there.
    pub hinted: bool,
    /// Whether it is visible on the film.
    pub visible: bool,
}

/// A hint in the list.
#[derive(Debug, Serialize)]
pub(super) struct HintView {
    /// Its keypoint's index.
    pub keypoint: usize,
    /// Its keypoint's name.
    pub name: String,
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
    /// How far it is from where the point was before, in pixels.
    pub moved: Option<f32>,
    /// The same in millimetres, where they are known.
    pub moved_mm: Option<f64>,
}

/// How far apart the pixels of an image lie.
#[derive(Debug, Serialize)]
pub(super) struct SpacingView {
    /// The spacing in words, with the plane that it was measured in.
    pub words: String,
    /// Where millimetres were measured, if the patient's are smaller.
    pub plane: Option<&'static str>,
    /// Width and height of a pixel, in millimetres where they are known.
    pub pixel: [f64; 2],
    /// Whether they are: otherwise their ratio alone is.
    pub millimetres: bool,
}

impl SpacingView {
    /// A spacing to show.
    pub(super) fn of(spacing: Spacing) -> Self {
        let (words, plane) = (spacing.to_string(), spacing.enlarging_plane());
        let millimetres = spacing.millimetres().is_some();
        Self { words, plane, pixel: [spacing.x, spacing.y], millimetres }
    }
}

/// How far the points are from their labels.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// Where the points belong.
    pub labels: Vec<Point>,
    /// Distance of each point; none of those that are not visible.
    pub errors: Vec<Option<f64>>,
    /// Their mean.
    pub mre: f64,
    /// The same in millimetres, where they are known.
    pub mre_mm: Option<f64>,
    /// The mean of the first prediction.
    pub first_mre: f64,
    /// The same in millimetres, where they are known.
    pub first_mre_mm: Option<f64>,
}

/// The answer to a preview.
#[derive(Debug, Serialize)]
pub(super) struct Preview {
    /// Whether a newer request overtook it; nothing was predicted then.
    pub overtaken: bool,
    /// The keypoints to show.
    pub keypoints: Vec<KeypointView>,
    /// Their Cobb angles.
    pub angles: Option<Angles>,
}
