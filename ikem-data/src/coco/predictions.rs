use std::path::Path;

use ikem_core::Skeleton;
use serde::{Deserialize, Serialize};

use super::{Annotation, Category, Coco, CocoImage, read, wrong};
use crate::{Error, PredictedKeypoint, Prediction, Seen, Spacing, files};

/// What a prediction knows beyond COCO.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

/// Writes predictions as COCO keypoints in pixels, their score the mean of the keypoints' confidences. A temporary file
/// first, which then takes the name `path`.
///
/// # Errors
/// [`Error::Argument`] when a prediction's keypoints are not those of `skeleton` or not finite; [`Error::Write`].
pub fn write_coco_predictions(
    path: impl AsRef<Path>,
    predictions: &[Prediction],
    skeleton: &Skeleton,
) -> Result<(), Error> {
    files::write(path.as_ref(), coco_predictions(predictions, skeleton)?.as_bytes())
}

/// The text of the file that [`write_coco_predictions`] writes.
///
/// # Errors
/// [`Error::Argument`] when a prediction's keypoints are not those of `skeleton` or not finite.
pub fn coco_predictions(predictions: &[Prediction], skeleton: &Skeleton) -> Result<String, Error> {
    let mut file: Coco<(), Extra> =
        Coco { images: Vec::new(), annotations: Vec::new(), categories: vec![Category::of(skeleton)] };
    for (id, prediction) in (1..).zip(predictions) {
        let argument = |(found, expected)| Error::Argument { argument: "prediction", found, expected };
        prediction.check().map_err(argument)?;
        let keypoints = &prediction.keypoints;
        if !keypoints.iter().map(|keypoint| &keypoint.name).eq(skeleton.names()) {
            let found = format!("{} has other keypoints", prediction.image);
            return Err(argument((found, "those of the skeleton".to_owned())));
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

/// Reads predictions in COCO's format. Where they are another program's, every keypoint has the annotation's score as
/// its confidence (1 without one), and none is hinted.
///
/// # Errors
/// As [`Manifest::read_coco`](crate::Manifest::read_coco).
pub fn read_coco_predictions(path: impl AsRef<Path>, skeleton: &Skeleton) -> Result<Vec<Prediction>, Error> {
    let path = path.as_ref();
    let mut predictions = Vec::new();
    for (place, (image, annotation)) in read::<(), Extra>(path, skeleton)?.into_iter().enumerate() {
        let wrong =
            |(found, expected): (String, String)| wrong(path, place, &image, "keypoints", found, expected);
        let points = annotation.points(skeleton).map_err(wrong)?;
        let count = skeleton.len();
        let extra = annotation
            .ikem
            .filter(|extra| extra.confidences.len() == count && extra.hinted.len() == count)
            .unwrap_or_else(|| Extra {
                confidences: vec![annotation.score.unwrap_or(1.0) as f32; count],
                hinted: vec![false; count],
                cobb: None,
                spacing: None,
                seen: None,
                doubt: None,
            });
        let keypoints =
            skeleton.names().iter().zip(points).zip(extra.confidences.into_iter().zip(extra.hinted)).map(
                |((name, [x, y]), (confidence, hinted))| PredictedKeypoint {
                    name: name.clone(),
                    x: x as f32,
                    y: y as f32,
                    confidence,
                    hinted,
                },
            );
        let prediction = Prediction {
            image: image.file_name.clone(),
            width: image.width as usize,
            height: image.height as usize,
            keypoints: keypoints.collect(),
            cobb: extra.cobb,
            spacing: extra.spacing,
            seen: extra.seen,
            doubt: extra.doubt,
        };
        prediction.check().map_err(wrong)?;
        predictions.push(prediction);
    }
    Ok(predictions)
}
