use std::path::Path;

use anyhow::Result;
use ikem_core::{GrayImage, Hint, Keypoints, Recount, Size, Skeleton, Spacing};
use ikem_data::{PredictionRecord, Seen, overlay};
use ikem_eval::{Script, challenge_angles};
use ikem_models::{Doubt, Session, View};

use crate::parse_place;
use crate::say;

/// From this probability on another count of the vertebrae is told.
const LIKELY: f32 = 0.1;

/// Reads a hint from a keypoint (name or index) and a place `X,Y` in pixels of the image, as [`parse_place`] does.
///
/// ```
/// use ikem_core::{Hint, Point, Skeleton};
/// let hint = ikem_examples::parse_hint(&Skeleton::spine(), "T5-TL", "412.5,803")?;
/// assert_eq!(hint, Hint::new(16, Point::new(412.5, 803.0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When there is no such keypoint, or the place is not two numbers.
pub fn parse_hint(skeleton: &Skeleton, keypoint: &str, place: &str) -> Result<Hint> {
    let keypoint = skeleton.index(keypoint.trim())?;
    Ok(Hint::new(keypoint, parse_place(place)?))
}

/// Prints how the film was seen, what is doubtful, and the keypoints of a session, a vertebra a line where there are vertebrae; `*`
/// marks those a person placed. Where no spine was found there are no keypoints.
pub fn print_keypoints(session: &Session) {
    if let Some(line) = view_in_words(session.view(), session.image_size()) {
        say!("{line}");
    }
    if let Some(doubt) = session.doubt() {
        say!("{doubt}");
        if matches!(doubt, Doubt::NothingFound { .. }) {
            say!("--frame X,Y,W,H tells where the spine is; --frame whole marks the film as it is");
            return;
        }
    }
    let skeleton = &session.predictor().config().skeleton;
    if let Some(line) = recounts_in_words(session) {
        say!("{line}");
    }
    let (keypoints, confidences) = (session.keypoints(), session.prediction().confidences());
    let cell = |k: usize| {
        let mark = if session.hints().get(k).is_some() { '*' } else { ' ' };
        let (point, confidence) = (keypoints[k], confidences[k]);
        format!("{:>7} {:>7.1},{:>7.1} {confidence:.2}{mark}", skeleton.names()[k], point.x, point.y)
    };
    say!("keypoint: x, y in pixels, confidence (* placed by you)");
    let unnamed: Vec<usize> = (0..skeleton.len()).filter(|&k| skeleton.vertebra_of(k).is_none()).collect();
    let lines =
        skeleton.vertebrae().iter().map(|vertebra| vertebra.corners.as_slice()).chain(unnamed.chunks(4));
    for line in lines {
        let cells: Vec<String> = line.iter().map(|&k| cell(k)).collect();
        say!("{}", cells.join("  "));
    }
}

/// How the vertebrae may be counted otherwise, in words; `None` if no other way is likely.
#[must_use]
pub fn recounts_in_words(session: &Session) -> Option<String> {
    let skeleton = &session.predictor().config().skeleton;
    let likely = session.prediction().alternatives().iter().filter(|recount| recount.probability >= LIKELY);
    let ways: Vec<String> = likely.filter_map(|recount| recount_in_words(recount, skeleton)).collect();
    (!ways.is_empty()).then(|| format!("the vertebrae may be counted wrongly: {}", ways.join(", ")))
}

/// Another way to count the vertebrae, in words; `None` where the skeleton has too few.
fn recount_in_words(recount: &Recount, skeleton: &Skeleton) -> Option<String> {
    let vertebrae = skeleton.vertebrae();
    let middle = vertebrae.len() / 2;
    let (from, to) =
        (&vertebrae.get(middle)?.name, &vertebrae.get(middle.checked_add_signed(recount.by)?)?.name);
    Some(format!("with {:.0} % probability {from} is {to}", 100.0 * recount.probability))
}

/// How the network sees a film, in words; `None` where it sees all of it as it is.
fn view_in_words(view: &View, film: Size) -> Option<String> {
    if *view == View::whole(film) || !view.has_spine() {
        return None;
    }
    let turned = match view.frame.degrees().abs() {
        degrees if degrees > 135.0 => ", upside down",
        degrees if degrees > 45.0 => ", sideways",
        _ => "",
    };
    let negative = if view.negative { ", a negative" } else { "" };
    let confidence = view.confidence.map(|c| format!(", confidence {c:.2}")).unwrap_or_default();
    Some(format!("the network sees {}{turned}{negative}{confidence}", view.frame))
}

/// How a film was seen, as a predictions file holds it; `None` for all of it as it is.
#[must_use]
pub fn seen(view: &View, film: Size) -> Option<Seen> {
    let View { frame, negative, confidence } = *view;
    (*view != View::whole(film)).then_some(Seen { frame, negative, confidence })
}

/// The session's keypoints as a predictions file holds them: none where no spine was found, and no angles where they are
/// doubtful. Angles are those of the patient where the `spacing` of the image's pixels is known.
///
/// # Errors
/// When the session's keypoints are not those of its skeleton.
pub fn predictions_file(
    session: &Session,
    image: String,
    spacing: Option<Spacing>,
) -> Result<PredictionRecord> {
    let skeleton = &session.predictor().config().skeleton;
    let (size, doubt, view) = (session.image_size(), session.doubt(), session.view());
    let (shown, confidences) = (session.keypoints(), session.prediction().confidences());
    let mut record =
        PredictionRecord::new(image, size, skeleton.names(), &shown, confidences, session.hints())?;
    if matches!(doubt, Some(Doubt::NothingFound { .. })) {
        record.keypoints.clear();
    }
    // Angles are defined for a spine alone.
    if doubt.is_none() && skeleton.is_spine() {
        let (upright, upright_size) = view.frame.upright(&shown, size, spacing);
        let angles = challenge_angles(&upright, upright_size, Script::Matlab);
        record.cobb = angles.ok().map(|angles| angles.degrees);
    }
    record.spacing = spacing;
    record.seen = seen(view, size);
    record.doubt = doubt.map(|doubt| doubt.to_string());
    Ok(record)
}

/// Draws the session's keypoints over the image.
///
/// # Errors
/// When the picture can't be written.
pub fn write_overlay(session: &Session, image: &GrayImage, path: &Path) -> Result<()> {
    let hinted: Vec<usize> = session.hints().iter().map(|hint| hint.keypoint).collect();
    let skeleton = &session.predictor().config().skeleton;
    let picture = match session.doubt() {
        // A spine is never drawn where none was found.
        Some(Doubt::NothingFound { .. }) => {
            overlay(image, &Skeleton::numbered(0), &Keypoints::default(), &[])?
        }
        _ => overlay(image, skeleton, &session.keypoints(), &hinted)?,
    };
    Ok(picture.write_png(path)?)
}
