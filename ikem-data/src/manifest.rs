//! The list of labelled images, in the published JSON format.

use std::collections::BTreeMap;
use std::path::Path;

use ikem_core::{FieldError, Keypoints, Point, Size, Skeleton};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;

/// The subset of the data that an image belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subset {
    /// For training.
    Train,
    /// For validation during training.
    Val,
    /// For the final evaluation only.
    Test,
}

impl Subset {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

impl std::str::FromStr for Subset {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let sets = [Self::Train, Self::Val, Self::Test];
        sets.into_iter()
            .find(|set| set.name() == name)
            .ok_or_else(|| FieldError::new("set", "train, val or test", name).into())
    }
}

/// The place of a keypoint that is not seen.
pub(crate) const ABSENT_YX: [f64; 2] = [f64::INFINITY; 2];

/// Whether a keypoint is seen.
pub(crate) fn is_seen(place: &[f64; 2]) -> bool {
    *place != ABSENT_YX
}

/// Places as JSON, in which `null` is a keypoint that is not seen.
mod places_or_null {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{ABSENT_YX, is_seen};

    pub(super) fn serialize<S: Serializer>(places: &[[f64; 2]], json: S) -> Result<S::Ok, S::Error> {
        json.collect_seq(places.iter().map(|place| is_seen(place).then_some(place)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<[f64; 2]>, D::Error> {
        let places = Vec::<Option<[f64; 2]>>::deserialize(json)?;
        Ok(places.into_iter().map(|place| place.unwrap_or(ABSENT_YX)).collect())
    }
}

/// One image with its keypoints.
///
/// Coordinates are relative to the image size, in (y, x) order. The pixel coordinate is the relative one times the
/// size, without a half-pixel offset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// The path of the image, relative to the root of the data set: `data/training/NAME.jpg`.
    pub image_path: String,
    /// The K keypoints in skeleton order, relative `[y, x]`; infinite for one that is not on the film or cannot be seen,
    /// `null` in files.
    #[serde(rename = "corners", with = "places_or_null")]
    pub corners_yx: Vec<[f64; 2]>,
    /// The mean of each vertebra's keypoints that are seen, relative `[y, x]`; infinite and `null` without any.
    #[serde(rename = "centers", with = "places_or_null")]
    pub centers_yx: Vec<[f64; 2]>,
    /// Height and width of the image, in pixels.
    pub y_x_size: [u32; 2],
    /// The subset that the image belongs to.
    pub set: Subset,
}

impl ManifestEntry {
    /// An entry for an image of `size` with the keypoints `corners_yx`, relative `[y, x]`. Computes the centres.
    #[must_use]
    pub fn new(
        image_path: String,
        corners_yx: Vec<[f64; 2]>,
        size: Size,
        set: Subset,
        skeleton: &Skeleton,
    ) -> Self {
        let saturated = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let mut entry = Self {
            image_path,
            corners_yx,
            centers_yx: Vec::new(),
            y_x_size: [saturated(size.height), saturated(size.width)],
            set,
        };
        entry.compute_centers(skeleton);
        entry
    }

    /// An entry for an image of `size` with `keypoints` in image pixels.
    #[must_use]
    pub fn from_keypoints(
        image_path: String,
        keypoints: &Keypoints,
        size: Size,
        set: Subset,
        skeleton: &Skeleton,
    ) -> Self {
        let relative =
            |point: &Point| [f64::from(point.y) / size.height as f64, f64::from(point.x) / size.width as f64];
        Self::new(image_path, keypoints.iter().map(relative).collect(), size, set, skeleton)
    }

    /// Recomputes the centres from the keypoints.
    pub fn compute_centers(&mut self, skeleton: &Skeleton) {
        let corners = &self.corners_yx;
        self.centers_yx = skeleton
            .vertebrae()
            .iter()
            .map(|vertebra| {
                let points: Vec<_> = vertebra
                    .corners
                    .iter()
                    .filter_map(|&index| corners.get(index).filter(|place| is_seen(place)))
                    .collect();
                if points.is_empty() && !vertebra.corners.is_empty() {
                    return ABSENT_YX;
                }
                let mean = |axis: usize| points.iter().map(|p| p[axis]).sum::<f64>() / points.len() as f64;
                [mean(0), mean(1)]
            })
            .collect();
    }

    /// The size of the image, in pixels.
    #[must_use]
    pub const fn size(&self) -> Size {
        let [height, width] = self.y_x_size;
        Size::new(width as usize, height as usize)
    }

    /// The keypoints, in image pixels; [`Point::ABSENT`] for those that are not seen.
    #[must_use]
    pub fn keypoints(&self) -> Keypoints {
        let [height, width] = self.y_x_size.map(f64::from);
        self.corners_yx.iter().map(|[y, x]| Point::new((x * width) as f32, (y * height) as f32)).collect()
    }

    /// The last component of the image path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.image_path.rsplit('/').next().unwrap_or(&self.image_path)
    }
}

/// A list of labelled images.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Manifest {
    /// The images in order.
    pub entries: Vec<ManifestEntry>,
}

impl Manifest {
    /// Parses the text of a manifest; `path` is only used in errors.
    pub(crate) fn parse(path: &Path, text: &str, skeleton: &Skeleton) -> Result<Self, Error> {
        let entries: Vec<ManifestEntry> = files::parse_json(path, "manifest", text)?;
        for (index, entry) in entries.iter().enumerate() {
            entry.check(skeleton).map_err(|wrong| Error::Entry {
                path: path.to_owned(),
                entry: index,
                name: entry.image_path.as_str().into(),
                field: wrong.field.into(),
                found: wrong.found,
                expected: wrong.expected,
            })?;
        }
        Ok(Self { entries })
    }

    /// Writes the manifest atomically as JSON.
    ///
    /// # Errors
    /// [`Error::Write`]; an existing file is then unchanged.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        files::write_json(path.as_ref(), self)
    }

    /// The entries of one subset.
    #[must_use]
    pub fn of_set(&self, set: Subset) -> Self {
        Self { entries: self.entries.iter().filter(|entry| entry.set == set).cloned().collect() }
    }

    /// Adds the entries of `other` and skips those that are already present with equal values.
    ///
    /// # Errors
    /// [`Error::Argument`] if an image has different labels in the two; nothing is added then.
    pub fn merge(&mut self, other: Self) -> Result<(), Error> {
        let held: BTreeMap<&str, &ManifestEntry> =
            self.entries.iter().map(|entry| (entry.image_path.as_str(), entry)).collect();
        let mut new = Vec::new();
        for entry in other.entries {
            match held.get(entry.image_path.as_str()) {
                Some(&same) if *same == entry => {}
                Some(_) => {
                    let found = format!("{} with two different labels", entry.image_path);
                    return Err(FieldError::new("manifest", "each image once", found).into());
                }
                None => new.push(entry),
            }
        }
        self.entries.extend(new);
        Ok(())
    }
}

/// An invalid field value.
pub(crate) struct Wrong {
    pub(crate) field: String,
    pub(crate) found: String,
    pub(crate) expected: String,
}

impl ManifestEntry {
    pub(crate) fn check(&self, skeleton: &Skeleton) -> Result<(), Wrong> {
        let wrong = |field: &str, found: String, expected: String| {
            Err(Wrong { field: field.to_owned(), found, expected })
        };
        if self.image_path.is_empty() {
            return wrong("image_path", "an empty string".to_owned(), "a path".to_owned());
        }
        if self.size().area() == 0 {
            return wrong("y_x_size", format!("{:?}", self.y_x_size), "at least [1, 1]".to_owned());
        }
        let lists = [
            ("corners", &self.corners_yx, skeleton.len()),
            ("centers", &self.centers_yx, skeleton.vertebrae().len()),
        ];
        for (field, points, count) in lists {
            if points.len() != count {
                return wrong(field, format!("{} points", points.len()), format!("{count}"));
            }
            // Values farther out are most likely pixels.
            let far = points
                .iter()
                .position(|place| is_seen(place) && !Size::new(1, 1).is_near([place[1], place[0]]));
            if let Some(index) = far {
                let found = format!("{:?}", points[index]);
                let expected = "[y, x] relative to the image's size, within −1…2".to_owned();
                return wrong(&format!("{field}[{index}]"), found, expected);
            }
        }
        if !self.corners_yx.iter().any(is_seen) && !self.corners_yx.is_empty() {
            return wrong("corners", "no keypoint that is seen".to_owned(), "at least one".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> ManifestEntry {
        let corners = (0..68).map(|i| [f64::from(i) / 70.0, 0.25 + f64::from(i % 2) / 3.0]).collect();
        let spine = Skeleton::spine();
        ManifestEntry::new(
            "data/training/a b.jpg".to_owned(),
            corners,
            Size::new(300, 700),
            Subset::Val,
            &spine,
        )
    }

    fn read(text: &str) -> Result<Manifest, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.json");
        std::fs::write(&path, text).unwrap();
        Manifest::read(&path, &Skeleton::spine())
    }

    #[test]
    fn pixels_are_relative_coordinates_times_the_size() {
        let entry = entry();
        assert_eq!(entry.size(), Size::new(300, 700));
        let points = entry.keypoints();
        assert_eq!(points[0], Point::new(75.0, 0.0));
        assert!(points[7].distance(Point::new(175.0, 70.0)) < 1e-4);
        assert_eq!(entry.centers_yx.len(), 17);
        let [y, x] = entry.centers_yx[1];
        assert!((y - 5.5 / 70.0).abs() < 1e-12 && (x - (0.25 + 1.0 / 6.0)).abs() < 1e-12);
        let again = ManifestEntry::from_keypoints(
            entry.image_path.clone(),
            &points,
            entry.size(),
            Subset::Val,
            &Skeleton::spine(),
        );
        assert!(again.keypoints().distances(&points).all(|d| d < 1e-4));
    }

    #[test]
    fn json_has_the_published_format() {
        let json = serde_json::to_value(Manifest { entries: vec![entry()] }).unwrap();
        assert_eq!(json[0]["image_path"], "data/training/a b.jpg");
        assert_eq!(json[0]["y_x_size"], serde_json::json!([700, 300]));
        assert_eq!(json[0]["set"], "val");
        assert_eq!(json[0]["corners"][35], serde_json::json!([0.5, 0.25 + 1.0 / 3.0]));
        assert_eq!(json[0]["centers"].as_array().unwrap().len(), 17);
    }

    #[test]
    fn an_entry_is_found_by_path_or_name() {
        let manifest = Manifest { entries: vec![entry()] };
        for path in ["data/training/a b.jpg", "root/data/training/a b.jpg", "a b.jpg", "/other/a b.jpg"] {
            assert!(manifest.find(path).is_some(), "{path}");
        }
        assert!(manifest.find("b.jpg").is_none());
        let renamed = |path: &str| ManifestEntry { image_path: path.to_owned(), ..entry() };
        let manifest = Manifest { entries: vec![renamed("data/Andr\u{e9}.png")] };
        assert!(manifest.find("/other/Andre\u{301}.png").is_some(), "as macOS writes it");
        assert!(manifest.find("Andre.png").is_none());
    }

    #[test]
    fn errors_name_the_entry_and_its_field() {
        type Change = fn(&mut serde_json::Value);
        let cases: [(&str, Change, &[&str]); 7] = [
            (
                "corner missing",
                |e| {
                    e["corners"].as_array_mut().unwrap().pop();
                },
                &["entry 1 (data/training/a b.jpg), field corners: 67 points; expected 68"],
            ),
            (
                "centres missing",
                |e| e["centers"] = serde_json::json!([]),
                &["field centers: 0 points; expected 17"],
            ),
            (
                "pixels",
                |e| e["corners"][5] = serde_json::json!([812.5, 3.0]),
                &["field corners[5]: [812.5, 3.0]; expected [y, x] relative"],
            ),
            ("no size", |e| e["y_x_size"] = serde_json::json!([0, 3]), &["field y_x_size: [0, 3]; expected"]),
            ("text", |e| e["corners"][3][1] = "x".into(), &["[1].corners[3][1]", "invalid type: string"]),
            ("set", |e| e["set"] = "dev".into(), &["[1].set", "unknown variant `dev`"]),
            ("no path", |e| e["image_path"] = "".into(), &["field image_path: an empty string"]),
        ];
        for (name, change, expected) in cases {
            let mut json = serde_json::to_value(Manifest { entries: vec![entry(), entry()] }).unwrap();
            change(&mut json[1]);
            let message = read(&json.to_string()).expect_err(name).to_string();
            assert!(expected.iter().all(|part| message.contains(part)), "{name}: {message}");
        }
        for text in ["", "{}", "[1]", "[{}]", "[] []", "[{\"image_path\": \"a\""] {
            assert!(matches!(read(text), Err(Error::Broken { .. })), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn writing_and_reading_round_trips(
            corners in prop::collection::vec(prop::array::uniform2(-0.5_f64..1.5), 68),
            size in (1_usize..5000, 1_usize..5000),
            set in prop::sample::select(vec![Subset::Train, Subset::Val, Subset::Test]),
            path in "[a-zA-Z0-9 \"\\\\ä/]{1,20}",
        ) {
            let spine = Skeleton::spine();
            let entry = ManifestEntry::new(path, corners, Size::new(size.0, size.1), set, &spine);
            let manifest = Manifest { entries: vec![entry] };
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("new").join("m.json");
            manifest.write(&file).unwrap();
            prop_assert_eq!(Manifest::read(&file, &spine).unwrap(), manifest);
        }

        #[test]
        fn any_text_gives_a_manifest_or_an_error(text in "[\\[\\]{}\":,0-9a-z_. ]{0,80}") {
            let _ = read(&text);
        }
    }
}
