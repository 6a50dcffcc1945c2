use std::path::Path;

use ikem_core::{FieldError, Size, Skeleton, Spacing};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::read::{AnnotatedImage, Annotation as Read, read};
use super::{Annotation, Category, Coco, CocoImage, KIND};
use crate::error::Error;
use crate::files;
use crate::left_out::LeftOut;
use crate::prediction::{PredictedKeypoint, PredictionRecord, Seen};
use crate::review::Review;

/// The content of the field `ikem`: what COCO cannot express.
#[derive(Serialize, Deserialize)]
struct Extra {
    confidences: Vec<f32>,
    hinted: Vec<bool>,
    cobb: Option<[f64; 3]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spacing: Option<Spacing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<Seen>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    doubt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    review: Option<Review>,
}

/// Writes predictions atomically as COCO keypoints in pixels; the score is the mean confidence of the keypoints.
///
/// # Errors
/// [`Error::Argument`] if a prediction's keypoints differ from those of `skeleton` or are not finite; [`Error::Write`].
pub fn write_coco_predictions(
    path: impl AsRef<Path>,
    predictions: &[PredictionRecord],
    skeleton: &Skeleton,
) -> Result<(), Error> {
    files::write(path.as_ref(), coco_predictions(predictions, skeleton)?.as_bytes())
}

/// Encodes predictions as [`write_coco_predictions`] writes them.
///
/// # Errors
/// [`Error::Argument`] if a prediction's keypoints differ from those of `skeleton` or are not finite.
pub fn coco_predictions(predictions: &[PredictionRecord], skeleton: &Skeleton) -> Result<String, Error> {
    let mut file: Coco<(), Extra> =
        Coco { images: Vec::new(), annotations: Vec::new(), categories: vec![Category::of(skeleton)] };
    for (id, prediction) in (1..).zip(predictions) {
        let argument = |(found, expected): (String, String)| FieldError::new("prediction", expected, found);
        prediction.check().map_err(argument)?;
        let points = places(prediction, skeleton)?;
        let keypoints = &prediction.keypoints;
        let side = |pixels: usize| {
            let too_large = |_| argument((prediction.size().to_string(), format!("at most {} px", u32::MAX)));
            u32::try_from(pixels).map_err(too_large)
        };
        let (width, height) = (side(prediction.width)?, side(prediction.height)?);
        file.images.push(CocoImage { id, file_name: prediction.image.clone(), width, height, ikem: None });
        let of_name = |name: &String| keypoints.iter().find(|keypoint| keypoint.name == *name);
        let found = || skeleton.names().iter().map(of_name);
        let extra = Extra {
            confidences: found().map(|keypoint| keypoint.map_or(0.0, |k| k.confidence)).collect(),
            hinted: found().map(|keypoint| keypoint.is_some_and(|k| k.hinted)).collect(),
            cobb: prediction.cobb,
            spacing: prediction.spacing,
            seen: prediction.seen.clone(),
            doubt: prediction.doubt.clone(),
            review: prediction.review.clone(),
        };
        let mut annotation = Annotation::new(id, &points, Some(extra));
        let sum: f64 = keypoints.iter().map(|keypoint| f64::from(keypoint.confidence)).sum();
        annotation.score = (!keypoints.is_empty()).then(|| sum / keypoints.len() as f64);
        file.annotations.push(annotation);
    }
    files::json_text(&file)
}

/// The places of a prediction's keypoints in the order of `skeleton`, x and y in pixels; `None` for those that are not visible.
fn places(prediction: &PredictionRecord, skeleton: &Skeleton) -> Result<Vec<Option<[f64; 2]>>, Error> {
    let visible = |name: &&String| !prediction.absent.contains(name);
    let own = prediction.keypoints.iter().map(|keypoint| &keypoint.name);
    let known = prediction.absent.iter().all(|name| skeleton.names().contains(name));
    if !known || !own.eq(skeleton.names().iter().filter(visible)) {
        let field = format!("keypoints of {}", prediction.image);
        return Err(FieldError::new(field, "those of the skeleton", "others").into());
    }
    let mut own = prediction.keypoints.iter().map(|k| [f64::from(k.x), f64::from(k.y)]);
    let place = |name: &String| if visible(&name) { own.next() } else { None };
    Ok(skeleton.names().iter().map(place).collect())
}

/// Reads predictions in COCO format. Keypoints of visibility 0 are not visible. In files of other programs, all keypoints get the annotation's score as their
/// confidence (1 if there is none), and none is hinted. Images without keypoints are skipped.
///
/// # Errors
/// [`Error::Read`]; [`Error::Broken`] for invalid JSON or keypoints other than those of `skeleton`; [`Error::Unusable`]
/// if images have keypoints far outside.
pub fn read_coco_predictions(
    path: impl AsRef<Path>,
    skeleton: &Skeleton,
) -> Result<Vec<PredictionRecord>, Error> {
    let path = path.as_ref();
    predictions(path, &files::read_text(path, KIND)?, skeleton)
}

/// Parses the text of a file.
pub(crate) fn predictions(
    path: &Path,
    text: &str,
    skeleton: &Skeleton,
) -> Result<Vec<PredictionRecord>, Error> {
    let (mut found, mut films) = (Vec::new(), Vec::new());
    for AnnotatedImage { image, size, points, annotation, .. } in
        read::<IgnoredAny, Extra>(path, text, skeleton)?
    {
        let Some(annotation) = annotation else { continue };
        let image = image.file_name;
        if points.iter().all(Option::is_none) {
            continue;
        }
        let prediction = prediction(image.clone(), size, &points, annotation, skeleton);
        match prediction {
            Ok(prediction) => found.push(prediction),
            Err(reason) => films.push(LeftOut { image, reason }),
        }
    }
    if films.is_empty() { Ok(found) } else { Err(Error::Unusable { path: path.to_owned(), films }) }
}

fn prediction(
    image: String,
    size: Size,
    points: &[Option<[f64; 2]>],
    annotation: Read<Extra>,
    skeleton: &Skeleton,
) -> Result<PredictionRecord, String> {
    let count = skeleton.len();
    let extra = annotation
        .ikem
        .filter(|extra| extra.confidences.len() == count && extra.hinted.len() == count)
        .unwrap_or_else(|| Extra {
            confidences: vec![annotation.score.0.unwrap_or(1.0) as f32; count],
            hinted: vec![false; count],
            cobb: None,
            spacing: None,
            seen: None,
            doubt: None,
            review: None,
        });
    let (mut keypoints, mut absent) = (Vec::new(), Vec::new());
    let values = extra.confidences.into_iter().zip(extra.hinted);
    for ((name, point), (confidence, hinted)) in skeleton.names().iter().zip(points).zip(values) {
        match *point {
            Some([x, y]) => {
                let (name, x, y) = (name.clone(), x as f32, y as f32);
                keypoints.push(PredictedKeypoint { name, x, y, confidence, hinted });
            }
            None => absent.push(name.clone()),
        }
    }
    let prediction = PredictionRecord {
        image,
        width: size.width,
        height: size.height,
        keypoints,
        absent,
        cobb: extra.cobb,
        spacing: extra.spacing,
        seen: extra.seen,
        doubt: extra.doubt,
        review: extra.review,
    };
    prediction.check_read().map_err(|(found, expected)| format!("{found}; expected {expected}"))?;
    Ok(prediction)
}
