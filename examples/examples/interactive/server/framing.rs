//! How the network sees a film, over the wire: the frame, and the requests that change it.

use std::sync::Arc;

use axum::Router;
use axum::extract::State as Shared;
use axum::response::Response;
use axum::routing::post;
use ikem_core::{Frame, Size};
use ikem_examples::http::Body;
use ikem_models::{Doubt, Session, View};
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::failure::{Kind, Result};
use super::requests::Timed;
use super::routes::{Caller, Id, answer};
use super::workplace::Workplace;

/// The shortest side of a frame, in pixels of the film.
const SHORTEST: f64 = 16.0;
/// The longest side of a frame, over the film's longer side.
const LONGEST: f64 = 4.0;

/// How the network sees a film.
#[derive(Debug, Serialize)]
pub(super) struct Framing {
    /// The part of the film that it sees.
    pub frame: FrameView,
    /// The frame's corners, from the film's outer edges: top left, top right, bottom right, bottom left as the frame shows them.
    pub corners: [[f64; 2]; 4],
    /// Whether the frame is all of the film.
    pub whole: bool,
    /// The quarter turns, clockwise on the film, nearest to the frame's: the film is shown turned back by them.
    pub turns: u8,
    /// Whether the film is a negative: the network sees it inverted.
    pub negative: bool,
    /// How sure the locator is that there is a spine, 0…1; none where the frame was told, not found.
    pub confidence: Option<f32>,
    /// Whether the locator found no spine: then the points are none to be shown.
    pub nothing_found: bool,
    /// What is doubtful about the points; they have no Cobb angles then.
    pub doubt: Option<String>,
    #[serde(skip)]
    seen: Frame,
}

/// A frame, all of it said.
#[derive(Debug, Serialize)]
pub(super) struct FrameView {
    /// Its middle, from the film's outer edges.
    pub center: [f64; 2],
    /// Along its own top edge.
    pub width: f64,
    /// Along its own side.
    pub height: f64,
    /// Clockwise on the film.
    pub degrees: f64,
    /// Whether it shows the film mirrored.
    pub mirrored: bool,
}

impl Framing {
    /// How `view` sees a film, and what is doubtful about what is seen.
    pub(super) fn of(view: &View, film: Size, doubt: Option<Doubt>) -> Self {
        let frame = view.frame;
        Self {
            frame: FrameView {
                center: frame.center(),
                width: frame.width(),
                height: frame.height(),
                degrees: frame.degrees(),
                mirrored: frame.is_mirrored(),
            },
            corners: frame.corners(),
            whole: frame == frame.facing(film),
            turns: frame.nearest_quarter(),
            negative: view.negative,
            confidence: view.confidence,
            nothing_found: matches!(doubt, Some(Doubt::NothingFound { .. })),
            doubt: doubt.map(|doubt| doubt.to_string()),
            seen: frame,
        }
    }

    /// All of the film, turned and mirrored as it is shown.
    pub(super) fn facing(&self, film: Size) -> Frame {
        self.seen.facing(film)
    }

    /// What the network sees, in words.
    pub(super) fn words(&self) -> String {
        let negative = if self.negative { ", inverted: the film is a negative" } else { "" };
        let found = self.confidence.filter(|_| !self.nothing_found);
        let found =
            found.map_or_else(String::new, |sure| format!(", found with confidence {:.0} %", 100.0 * sure));
        format!("{}{negative}{found}", self.seen)
    }
}

/// A change of how the network sees a film.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reframing {
    /// In this frame, or inverted or not.
    View(Option<Frame>, Option<bool>),
    /// As the locator finds it.
    Find,
    /// All of it.
    Whole,
    /// Turned by so many quarter turns, clockwise as it is shown.
    Turn(i8),
    /// Mirrored, or no longer.
    Mirror,
    /// As a negative, or no longer.
    Invert,
}

impl Reframing {
    /// What it is called in the log.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::View(..) => "view",
            Self::Find => "find",
            Self::Whole => "whole",
            Self::Turn(_) => "turn",
            Self::Mirror => "mirror",
            Self::Invert => "invert",
        }
    }

    /// What was done, in words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::View(..) => "Frame set",
            Self::Find => "Searched for the spine again",
            Self::Whole => "Whole film used",
            Self::Turn(turns) if turns > 0 => "Film turned right",
            Self::Turn(_) => "Film turned left",
            Self::Mirror => "Film mirrored",
            Self::Invert => "Film inverted",
        }
    }

    /// Has the network see the film so, and predict.
    pub(super) fn apply(self, session: &mut Session) -> Result<()> {
        let film = session.image_size();
        // Who changes a view says that there is a spine.
        let view = View { confidence: None, ..*session.view() };
        let frame = view.frame;
        let changed = match self {
            Self::Find => return Ok(session.find_again()?),
            Self::View(told, negative) => View {
                frame: told.map_or(Ok(frame), |told| checked(told, film))?,
                negative: negative.unwrap_or(view.negative),
                ..view
            },
            Self::Whole => View { frame: frame.facing(film), ..view },
            Self::Turn(turns) => View { frame: frame.seen_turned(turns), ..view },
            Self::Mirror => View { frame: frame.flipped(), ..view },
            Self::Invert => View { negative: !view.negative, ..view },
        };
        Ok(session.set_view(changed)?)
    }
}

/// A frame that a network can make something of.
fn checked(frame: Frame, film: Size) -> Result<Frame> {
    let [x, y] = frame.center();
    let (width, height) = (film.width as f64, film.height as f64);
    if !(0.0..=width).contains(&x) || !(0.0..=height).contains(&y) {
        return Err(Kind::Invalid
            .because(format!("the middle of the frame, ({x:.0}, {y:.0}), is not on the film of {film}")));
    }
    let sides = SHORTEST..=LONGEST * width.max(height).max(SHORTEST);
    for (name, side) in [("width", frame.width()), ("height", frame.height())] {
        if !sides.contains(&side) {
            let (least, most) = (sides.start(), sides.end());
            return Err(Kind::Invalid
                .because(format!("the frame's {name} is {side:.0} px; expected {least:.0} to {most:.0}")));
        }
    }
    Ok(frame)
}

/// A request for a frame.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    /// What the network is to see; as before where missing.
    frame: Option<Frame>,
    /// Whether the film is a negative; as before where missing.
    negative: Option<bool>,
    /// Active time since the last report.
    #[serde(default)]
    seconds: f64,
}

/// A request to turn the film.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Turned {
    /// By so many quarter turns, clockwise as it is shown.
    turns: i8,
    /// Active time since the last report.
    #[serde(default)]
    seconds: f64,
}

type Place = Shared<Arc<Workplace>>;

/// The requests that change how the network sees an image.
pub(super) fn routes() -> Router<Arc<Workplace>> {
    let plain = |reframing: Reframing| {
        post(async move |Shared(place): Place, Id(id): Id, caller: Caller, Body(timed): Body<Timed>| {
            reframe(&place, id, reframing, (timed.seconds, caller)).await
        })
    };
    Router::new()
        .route("/view", post(view))
        .route("/turn", post(turn))
        .route("/find", plain(Reframing::Find))
        .route("/whole", plain(Reframing::Whole))
        .route("/mirror", plain(Reframing::Mirror))
        .route("/invert", plain(Reframing::Invert))
}

async fn view(Shared(place): Place, Id(id): Id, caller: Caller, Body(told): Body<Told>) -> Result<Response> {
    reframe(&place, id, Reframing::View(told.frame, told.negative), (told.seconds, caller)).await
}

async fn turn(
    Shared(place): Place,
    Id(id): Id,
    caller: Caller,
    Body(Turned { turns, seconds }): Body<Turned>,
) -> Result<Response> {
    if ![-1, 1, 2].contains(&turns) {
        return Err(
            Kind::Invalid.because(format!("a film is turned by 1, -1 or 2 quarter turns, not by {turns}"))
        );
    }
    reframe(&place, id, Reframing::Turn(turns), (seconds, caller)).await
}

async fn reframe(
    place: &Arc<Workplace>,
    id: usize,
    reframing: Reframing,
    (seconds, caller): (f64, Caller),
) -> Result<Response> {
    answer(place.act(id, Action::Reframe(reframing), seconds, caller).await?)
}
