//! The keypoints found on one image, in the project's JSON format.

use std::path::Path;

use ikem_core::{FieldError, Frame, Hints, Keypoints, Point, Size, Spacing};
use serde::{Deserialize, Serialize};

use crate::error::{Error, NEAR};
use crate::files;
use crate::review::Review;

/// The expected content, for errors.
pub(crate) const KIND: &str = "prediction";

/// One keypoint of a [`PredictionRecord`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictedKeypoint {
    /// Its name in the skeleton, such as `T5-TL`.
    pub name: String,
    /// The x coordinate, to the right, in image pixels.
    pub x: f32,
    /// The y coordinate, down, in image pixels.
    pub y: f32,
    /// The peak value of its heatmap, 0…1.
    pub confidence: f32,
    /// Whether a person placed it.
    pub hinted: bool,
}

/// The keypoints of one image, predicted or corrected, as a predictions file stores them. Unknown fields are ignored on
/// reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictionRecord {
    /// The path or name of the image.
    pub image: String,
    /// The width of the image, in pixels.
    pub width: usize,
    /// The height of the image, in pixels.
    pub height: usize,
    /// The visible keypoints in skeleton order.
    pub keypoints: Vec<PredictedKeypoint>,
    /// The names of the keypoints that a person marked as not visible on the film; left out of the JSON if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// The three Cobb angles of the AASCE challenge in degrees; `null` if they were not computed.
    pub cobb: Option<[f64; 3]>,
    /// The pixel spacing, if the image file has one; otherwise left out of the JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spacing: Option<Spacing>,
    /// The view that the network was given; `None` means the whole film, upright and not inverted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// The reason to doubt that this is a spine, if any; `cobb` is then `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// What a person says of the points; `None` if the file does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
}

/// The view of a film that a network was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The frame on the film.
    pub frame: Frame,
    /// Whether the film is a negative, so that its grey values were inverted.
    pub negative: bool,
    /// The locator's probability that there is a spine, 0…1; `None` if the frame was given.
    pub confidence: Option<f32>,
}

impl PredictionRecord {
    /// The record of an image of `size` with keypoints of `skeleton`, as a session shows them. Angles, spacing, view and
    /// doubt are fields to set.
    ///
    /// ```
    /// use ikem_core::{Hint, Hints, Keypoints, Point, Size, Skeleton};
    /// use ikem_data::PredictionRecord;
    ///
    /// // Of a session: its `image_size()`, `keypoints()`, `prediction().confidences()` and `hints()`.
    /// let points = Keypoints::from(vec![Point::new(3.0, 4.0), Point::new(5.0, 6.0)]);
    /// let hints = Hints::from_iter([Hint::new(1, points[1])]);
    /// let skeleton = Skeleton::numbered(2);
    /// let record = PredictionRecord::new("a.png", Size::new(9, 9), skeleton.names(), &points, &[0.5, 0.9], &hints)?;
    /// assert!(!record.keypoints[0].hinted && record.keypoints[1].hinted);
    /// # Ok::<(), ikem_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Core`] unless there is a point and a confidence for each name.
    pub fn new(
        image: impl Into<String>,
        size: Size,
        names: &[String],
        keypoints: &[Point],
        confidences: &[f32],
        hints: &Hints,
    ) -> Result<Self, Error> {
        for (what, found) in [("keypoints", keypoints.len()), ("confidences", confidences.len())] {
            if found != names.len() {
                return Err(ikem_core::Error::Length { what, expected: names.len(), found }.into());
            }
        }
        let all = names.iter().zip(keypoints).zip(confidences).enumerate();
        let keypoint = |(k, ((name, point), &confidence)): (usize, ((&String, &Point), &f32))| {
            let hinted = hints.get(k).is_some();
            PredictedKeypoint { name: name.clone(), x: point.x, y: point.y, confidence, hinted }
        };
        Ok(Self {
            image: image.into(),
            width: size.width,
            height: size.height,
            keypoints: all.map(keypoint).collect(),
            absent: Vec::new(),
            cobb: None,
            spacing: None,
            seen: None,
            doubt: None,
            review: None,
        })
    }

    /// The size of the image, in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }

    /// The coordinates of the keypoints, in image pixels.
    #[must_use]
    pub fn points(&self) -> Keypoints {
        self.keypoints.iter().map(|keypoint| Point::new(keypoint.x, keypoint.y)).collect()
    }

    /// Writes the prediction atomically as JSON.
    ///
    /// # Errors
    /// [`Error::Argument`] if a value is not finite, which JSON cannot represent; [`Error::Write`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.check().map_err(|(found, expected)| FieldError::new("prediction", expected, found))?;
        files::write_json(path.as_ref(), self)
    }

    /// Reads a file that [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::TooLarge`]; [`Error::Broken`] for invalid JSON, with the field, or for a keypoint far
    /// outside the image.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(path, &files::read_text(path, KIND)?)
    }

    /// Parses the text of a file; `path` is only used in errors.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let prediction: Self = files::parse_json(path, KIND, text)?;
        prediction.check_read().map_err(|(found, expected)| Error::broken(path, KIND, found, expected))?;
        Ok(prediction)
    }

    /// Like [`check`](Self::check), but also rejects keypoints far outside the image.
    pub(crate) fn check_read(&self) -> Result<(), (String, String)> {
        self.check()?;
        let place = |k: &PredictedKeypoint| [f64::from(k.x), f64::from(k.y)];
        match self.keypoints.iter().find(|keypoint| !self.size().is_near(place(keypoint))) {
            Some(k) => Err((format!("{} at ({}, {}) on {}", k.name, k.x, k.y, self.size()), NEAR.to_owned())),
            None => Ok(()),
        }
    }

    /// Returns what was found and what was expected if a value is invalid.
    pub(crate) fn check(&self) -> Result<(), (String, String)> {
        if self.size().area() == 0 {
            return Err((self.size().to_string(), "at least 1 x 1 px".to_owned()));
        }
        let finite = |k: &PredictedKeypoint| k.x.is_finite() && k.y.is_finite() && k.confidence.is_finite();
        if let Some(k) = self.keypoints.iter().find(|keypoint| self.absent.contains(&keypoint.name)) {
            return Err((format!("{} both at a place and not visible", k.name), "one of the two".to_owned()));
        }
        if let Some(k) = self.keypoints.iter().find(|keypoint| !finite(keypoint)) {
            let found = format!("{} at ({}, {}), confidence {}", k.name, k.x, k.y, k.confidence);
            return Err((found, "finite numbers".to_owned()));
        }
        if let Some(wrong) = self.spacing.filter(|spacing| Spacing::new(spacing.x, spacing.y).is_none()) {
            return Err((format!("{wrong:?}"), "millimetres above zero".to_owned()));
        }
        match self.cobb {
            Some(angles) if !angles.iter().all(|angle| angle.is_finite()) => {
                Err((format!("Cobb angles {angles:?}"), "finite numbers".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prediction() -> PredictionRecord {
        let keypoint = |name: &str, hinted| PredictedKeypoint {
            name: name.to_owned(),
            x: 412.5,
            y: 803.0,
            confidence: 0.75,
            hinted,
        };
        let keypoints = vec![keypoint("T1-TL", false), keypoint("T1-TR", true)];
        PredictionRecord {
            image: "a.png".to_owned(),
            width: 900,
            height: 2300,
            keypoints,
            absent: Vec::new(),
            cobb: None,
            spacing: None,
            seen: None,
            doubt: None,
            review: None,
        }
    }

    #[test]
    fn json_has_the_documented_format() {
        let json = serde_json::to_value(prediction()).unwrap();
        let expected = serde_json::json!({
            "image": "a.png", "width": 900, "height": 2300, "cobb": null,
            "keypoints": [
                {"name": "T1-TL", "x": 412.5, "y": 803.0, "confidence": 0.75, "hinted": false},
                {"name": "T1-TR", "x": 412.5, "y": 803.0, "confidence": 0.75, "hinted": true},
            ],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn non_finite_values_are_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.json");
        prediction().write(&path).unwrap();
        let before = std::fs::read(&path).unwrap();
        let mut wrong = prediction();
        wrong.keypoints[1].y = f32::NAN;
        let message = wrong.write(&path).unwrap_err().to_string();
        assert!(message.contains("T1-TR at (412.5, NaN)"), "{message}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn errors_name_the_file_and_the_field() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.json");
        for (text, expected) in [
            ("", "EOF"),
            ("[]", "invalid length 0"),
            (r#"{"image": "a", "width": 0, "height": 1, "keypoints": [], "cobb": null}"#, "0 x 1 px"),
            (r#"{"image": "a", "width": -1}"#, "at width"),
            (
                r#"{"image":"a","width":9,"height":9,"keypoints":[],"cobb":null,"spacing":{"x":0.1,"y":0}}"#,
                "expected millimetres above zero",
            ),
            (
                r#"{"image":"a","width":9,"height":9,"keypoints":[{"name":"b","x":1e99,"y":0,"confidence":0,"hinted":false}]}"#,
                "at keypoints[0].x: number out of range",
            ),
            (
                r#"{"image":"a","width":9,"height":9,"keypoints":[{"name":"b","x":1e9,"y":0,"confidence":0,"hinted":false}]}"#,
                "b at (1000000000, 0) on 9 x 9 px; expected a point at most one film width",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            let message = PredictionRecord::read(&path).expect_err(text).to_string();
            assert!(message.contains("p.json") && message.contains(expected), "{text}: {message}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn writing_and_reading_round_trips(
            points in prop::collection::vec((-900_f32..1800.0, -2300_f32..4600.0, 0_f32..1.0, any::<bool>()), 0..70),
            cobb in prop::option::of(prop::array::uniform3(-90_f64..90.0)),
            spacing in prop::option::of((0.01_f64..2.0, 0.01_f64..2.0)),
        ) {
            let keypoints = points
                .into_iter()
                .enumerate()
                .map(|(i, (x, y, confidence, hinted))| PredictedKeypoint { name: i.to_string(), x, y, confidence, hinted })
                .collect();
            let prediction = PredictionRecord { keypoints, cobb, spacing: spacing.and_then(|(x, y)| Spacing::new(x, y)), ..prediction() };
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("p.json");
            prediction.write(&path).unwrap();
            prop_assert_eq!(PredictionRecord::read(&path).unwrap(), prediction);
        }
    }
}
