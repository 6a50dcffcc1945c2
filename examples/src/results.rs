use std::path::Path;

use anyhow::{Context, Result};
use ikem_core::{GrayImage, Hint, Point, Skeleton};
use ikem_data::{PredictedKeypoint, Prediction, overlay};
use ikem_eval::{Script, challenge_angles};
use ikem_models::Session;

/// Reads a hint from a keypoint (name or index) and a place `X,Y` in pixels of the image.
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
    let wrong = || format!("{place:?} is no place; expected X,Y in pixels, such as 412.5,803");
    let (x, y) = place.split_once(',').with_context(wrong)?;
    let number = |text: &str| text.trim().parse::<f32>().with_context(wrong);
    Ok(Hint::new(keypoint, Point::new(number(x)?, number(y)?)))
}

/// Prints the keypoints of a session, a vertebra a line where there are vertebrae; `*` marks those a person placed.
pub fn print_keypoints(session: &Session) {
    let skeleton = &session.predictor().config().skeleton;
    let (keypoints, confidences) = (session.keypoints(), session.prediction().confidences());
    let cell = |k: usize| {
        let mark = if session.hints().get(k).is_some() { '*' } else { ' ' };
        let (point, confidence) = (keypoints[k], confidences[k]);
        format!("{:>7} {:>7.1},{:>7.1} {confidence:.2}{mark}", skeleton.names()[k], point.x, point.y)
    };
    println!("keypoint: x, y in pixels, confidence (* placed by you)");
    let unnamed: Vec<usize> = (0..skeleton.len()).filter(|&k| skeleton.vertebra_of(k).is_none()).collect();
    let lines =
        skeleton.vertebrae().iter().map(|vertebra| vertebra.corners.as_slice()).chain(unnamed.chunks(4));
    for line in lines {
        let cells: Vec<String> = line.iter().map(|&k| cell(k)).collect();
        println!("{}", cells.join("  "));
    }
}

/// The session's keypoints as a predictions file holds them.
#[must_use]
pub fn predictions_file(session: &Session, image: String) -> Prediction {
    let skeleton = &session.predictor().config().skeleton;
    let size = session.image_size();
    let shown = session.keypoints();
    let keypoints =
        skeleton.names().iter().zip(shown.iter()).zip(session.prediction().confidences()).enumerate();
    let keypoints = keypoints.map(|(k, ((name, point), &confidence))| PredictedKeypoint {
        name: name.clone(),
        x: point.x,
        y: point.y,
        confidence,
        hinted: session.hints().get(k).is_some(),
    });
    // Angles are defined for the spine alone.
    let cobb = (*skeleton == Skeleton::spine()).then(|| challenge_angles(&shown, size, Script::Matlab));
    Prediction {
        image,
        width: size.width,
        height: size.height,
        keypoints: keypoints.collect(),
        cobb: cobb.and_then(Result::ok).map(|angles| angles.degrees),
        spacing: None,
    }
}

/// Draws the session's keypoints over the image.
///
/// # Errors
/// When the picture can't be written.
pub fn write_overlay(session: &Session, image: &GrayImage, path: &Path) -> Result<()> {
    let hinted: Vec<usize> = session.hints().iter().map(|hint| hint.keypoint).collect();
    let picture = overlay(image, &session.predictor().config().skeleton, &session.keypoints(), &hinted)?;
    Ok(picture.write_png(path)?)
}
