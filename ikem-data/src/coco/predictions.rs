use std::path::Path;

use ikem_core::{FieldError, Size, Skeleton, Spacing};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::read::{AnnotatedImage, Annotation as Read, read};
use super::{Annotation, Category, Coco, CocoImage, KIND};
use crate::error::Error;
use crate::files;
use crate::labels::PartlyLabelled;
use crate::left_out::LeftOut;
use crate::prediction::{PredictedKeypoint, PredictionRecord, Seen};

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
        let keypoints = &prediction.keypoints;
        if !keypoints.iter().map(|keypoint| &keypoint.name).eq(skeleton.names()) {
            let field = format!("keypoints of {}", prediction.image);
            return Err(FieldError::new(field, "those of the skeleton", "others").into());
        }
        let side = |pixels: usize| {
            let too_large = |_| argument((prediction.size().to_string(), format!("at most {} px", u32::MAX)));
            u32::try_from(pixels).map_err(too_large)
        };
        let (width, height) = (side(prediction.width)?, side(prediction.height)?);
        file.images.push(CocoImage { id, file_name: prediction.image.clone(), width, height, ikem: None });
        let points: Vec<_> = keypoints.iter().map(|k| [f64::from(k.x), f64::from(k.y)]).collect();
        let extra = Extra {
            confidences: keypoints.iter().map(|keypoint| keypoint.confidence).collect(),
            hinted: keypoints.iter().map(|keypoint| keypoint.hinted).collect(),
            cobb: prediction.cobb,
            spacing: prediction.spacing,
            seen: prediction.seen.clone(),
            doubt: prediction.doubt.clone(),
        };
        let mut annotation = Annotation::new(id, &points, Some(extra));
        let sum: f64 = keypoints.iter().map(|keypoint| f64::from(keypoint.confidence)).sum();
        annotation.score = (!keypoints.is_empty()).then(|| sum / keypoints.len() as f64);
        file.annotations.push(annotation);
    }
    files::json_text(&file)
}

/// Reads predictions in COCO format. In files of other programs, all keypoints get the annotation's score as their
/// confidence (1 if there is none), and none is hinted. Images without keypoints are skipped.
///
/// # Errors
/// [`Error::Read`]; [`Error::Broken`] for invalid JSON or keypoints other than those of `skeleton`; [`Error::Unusable`]
/// if images lack some keypoints or have some far outside.
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
        let marked = PartlyLabelled { image: image.clone(), size, set: None, points, exact: None };
        let prediction = match marked.points(skeleton) {
            Ok(None) => continue,
            Ok(Some(points)) => prediction(image.clone(), size, &points, annotation, skeleton),
            Err(reason) => Err(reason),
        };
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
    points: &[[f64; 2]],
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
        });
    let keypoints =
        skeleton.names().iter().zip(points).zip(extra.confidences.into_iter().zip(extra.hinted)).map(
            |((name, &[x, y]), (confidence, hinted))| PredictedKeypoint {
                name: name.clone(),
                x: x as f32,
                y: y as f32,
                confidence,
                hinted,
            },
        );
    let prediction = PredictionRecord {
        image,
        width: size.width,
        height: size.height,
        keypoints: keypoints.collect(),
        cobb: extra.cobb,
        spacing: extra.spacing,
        seen: extra.seen,
        doubt: extra.doubt,
    };
    prediction.check().map_err(|(found, expected)| format!("{found}; expected {expected}"))?;
    Ok(prediction)
}
