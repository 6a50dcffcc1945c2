//! COCO's keypoint format (<https://cocodataset.org/#format-data>), for labels and for predictions.
//!
//! One annotation an image. COCO has no place for what the project knows beyond that (sets, confidences, relative
//! coordinates to the last bit); it stands in a field `ikem`, which other programs pass over, and counts only as long
//! as it agrees with the COCO fields beside it.

mod labels;
mod predictions;

use std::collections::BTreeMap;
use std::path::Path;

use ikem_core::Skeleton;
use serde::{Deserialize, Serialize};

use crate::{Error, files};

pub use predictions::{coco_predictions, read_coco_predictions, write_coco_predictions};

/// What the file should be.
const KIND: &str = "COCO keypoint file";
/// COCO's mark of a keypoint that is labelled and seen.
const SEEN: f64 = 2.0;

/// A file, with `I` beside each image and `A` beside each annotation.
#[derive(Serialize, Deserialize)]
struct Coco<I, A> {
    images: Vec<CocoImage<I>>,
    annotations: Vec<Annotation<A>>,
    categories: Vec<Category>,
}

#[derive(Serialize, Deserialize)]
struct CocoImage<I> {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ikem: Option<I>,
}

#[derive(Serialize, Deserialize)]
struct Annotation<A> {
    id: u64,
    image_id: u64,
    category_id: u64,
    /// x, y, visibility of each keypoint.
    keypoints: Vec<f64>,
    num_keypoints: usize,
    /// x, y, width, height.
    #[serde(default)]
    bbox: [f64; 4],
    #[serde(default)]
    area: f64,
    #[serde(default)]
    iscrowd: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ikem: Option<A>,
}

#[derive(Serialize, Deserialize)]
struct Category {
    id: u64,
    name: String,
    #[serde(default)]
    supercategory: String,
    #[serde(default)]
    keypoints: Vec<String>,
    /// Pairs of keypoints to join, counted from 1.
    #[serde(default)]
    skeleton: Vec<[usize; 2]>,
}

impl Category {
    fn of(skeleton: &Skeleton) -> Self {
        Self {
            id: 1,
            name: "spine".to_owned(),
            supercategory: "anatomy".to_owned(),
            keypoints: skeleton.names().to_vec(),
            skeleton: skeleton.edges().iter().map(|&(a, b)| [a + 1, b + 1]).collect(),
        }
    }
}

impl<A> Annotation<A> {
    /// The annotation of image `id` with keypoints at `points`, x and y in pixels.
    fn new(id: u64, points: &[[f64; 2]], ikem: Option<A>) -> Self {
        let range = |axis: usize| {
            points
                .iter()
                .map(|point| point[axis])
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                    (low.min(value), high.max(value))
                })
        };
        let bbox = match points {
            [] => [0.0; 4],
            _ => {
                let ((left, right), (top, bottom)) = (range(0), range(1));
                [left, top, right - left, bottom - top]
            }
        };
        Self {
            id,
            image_id: id,
            category_id: 1,
            keypoints: points.iter().flat_map(|&[x, y]| [x, y, SEEN]).collect(),
            num_keypoints: points.len(),
            bbox,
            area: bbox[2] * bbox[3],
            iscrowd: 0,
            score: None,
            ikem,
        }
    }

    /// The places of all keypoints of `skeleton`, x and y in pixels.
    fn points(&self, skeleton: &Skeleton) -> Result<Vec<[f64; 2]>, (String, String)> {
        let (triples, rest) = self.keypoints.as_chunks::<3>();
        if triples.len() != skeleton.len() || !rest.is_empty() {
            let expected = format!("{}: x, y and visibility of {}", 3 * skeleton.len(), skeleton.len());
            return Err((format!("{} numbers", self.keypoints.len()), expected));
        }
        let labelled = |(triple, name): (&[f64; 3], &String)| match triple {
            [x, y, visibility] if *visibility > 0.0 => Ok([*x, *y]),
            _ => Err((format!("{name} is not labelled"), "all keypoints labelled".to_owned())),
        };
        triples.iter().zip(skeleton.names()).map(labelled).collect()
    }
}

/// An image and its one annotation.
type Pair<I, A> = (CocoImage<I>, Annotation<A>);

/// Reads a file whose keypoints are those of `skeleton`; every image must have one annotation.
fn read<I, A>(path: &Path, skeleton: &Skeleton) -> Result<Vec<Pair<I, A>>, Error>
where
    I: for<'de> Deserialize<'de>,
    A: for<'de> Deserialize<'de>,
{
    let file: Coco<I, A> = files::read_json(path, KIND)?;
    let names: Vec<_> =
        file.categories.iter().filter(|category| category.keypoints == skeleton.names()).collect();
    let &[category] = names.as_slice() else {
        let found = format!("{} categories with the keypoints of the skeleton", names.len());
        return Err(Error::broken(path, KIND, found, "one"));
    };
    let mut annotations: BTreeMap<u64, Annotation<A>> = BTreeMap::new();
    for (place, annotation) in file.annotations.into_iter().enumerate() {
        if annotation.category_id == category.id {
            let image = annotation.image_id;
            if annotations.insert(image, annotation).is_some() {
                let found = format!("a second one of image {image}, annotations[{place}]");
                return Err(Error::broken(path, KIND, found, "one annotation an image"));
            }
        }
    }
    let mut pairs = Vec::with_capacity(file.images.len());
    for (entry, image) in file.images.into_iter().enumerate() {
        let wrong =
            |field: &str, found: String, expected: &str| wrong(path, entry, &image, field, found, expected);
        if image.width == 0 || image.height == 0 {
            return Err(wrong(
                "width",
                format!("{} x {} px", image.width, image.height),
                "at least 1 x 1 px",
            ));
        }
        match annotations.remove(&image.id) {
            Some(annotation) => pairs.push((image, annotation)),
            None => {
                return Err(wrong(
                    "id",
                    format!("{} has no annotation", image.id),
                    "one annotation an image",
                ));
            }
        }
    }
    match annotations.into_keys().next() {
        Some(id) => {
            Err(Error::broken(path, KIND, format!("an annotation of image {id}"), "an image of this id"))
        }
        None => Ok(pairs),
    }
}

/// The error that `field` of image `entry` is wrong.
fn wrong<I>(
    path: &Path,
    entry: usize,
    image: &CocoImage<I>,
    field: &str,
    found: String,
    expected: impl Into<String>,
) -> Error {
    Error::Entry {
        path: path.to_owned(),
        entry,
        name: image.file_name.as_str().into(),
        field: field.into(),
        found,
        expected: expected.into(),
    }
}
