//! The COCO keypoint format (<https://cocodataset.org/#format-data>) for labels and predictions.
//!
//! An image has at most one annotation. What COCO cannot express (subsets, confidences, exact relative coordinates)
//! goes into a field `ikem`, which other programs ignore. It is used only as long as it agrees with the COCO fields
//! beside it.

mod labels;
mod predictions;
mod read;
mod value;

use ikem_core::Skeleton;
use serde::Serialize;

pub(crate) use labels::labels;
pub(crate) use predictions::predictions;
pub use predictions::{coco_predictions, read_coco_predictions, write_coco_predictions};

/// The expected content, for errors.
const KIND: &str = "COCO keypoint file";
/// COCO's visibility of a keypoint that is labelled and visible.
const SEEN: f64 = 2.0;

/// A file to write, with `I` in the field `ikem` of images and `A` in that of annotations.
#[derive(Serialize)]
struct Coco<I, A> {
    images: Vec<CocoImage<I>>,
    annotations: Vec<Annotation<A>>,
    categories: Vec<Category>,
}

#[derive(Serialize)]
struct CocoImage<I> {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ikem: Option<I>,
}

#[derive(Serialize)]
struct Annotation<A> {
    id: u64,
    image_id: u64,
    category_id: u64,
    /// x, y and visibility of each keypoint.
    keypoints: Vec<f64>,
    num_keypoints: usize,
    /// x, y, width, height.
    bbox: [f64; 4],
    area: f64,
    iscrowd: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ikem: Option<A>,
}

#[derive(Serialize)]
struct Category {
    id: u64,
    name: String,
    supercategory: String,
    keypoints: Vec<String>,
    /// Edges between keypoints, counted from 1.
    skeleton: Vec<[usize; 2]>,
}

impl Category {
    fn of(skeleton: &Skeleton) -> Self {
        Self {
            id: 1,
            name: if skeleton.is_spine() { "spine" } else { "keypoints" }.to_owned(),
            supercategory: "anatomy".to_owned(),
            keypoints: skeleton.names().to_vec(),
            skeleton: skeleton.edges().iter().map(|&(a, b)| [a + 1, b + 1]).collect(),
        }
    }
}

impl<A> Annotation<A> {
    /// The annotation of image `id` with keypoints at `points`, x and y in pixels; those that are `None` are not labelled.
    fn new(id: u64, points: &[Option<[f64; 2]>], ikem: Option<A>) -> Self {
        let range = |axis: usize| {
            points
                .iter()
                .flatten()
                .map(|point| point[axis])
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                    (low.min(value), high.max(value))
                })
        };
        let labelled = points.iter().flatten().count();
        let bbox = match labelled {
            0 => [0.0; 4],
            _ => {
                let ((left, right), (top, bottom)) = (range(0), range(1));
                [left, top, right - left, bottom - top]
            }
        };
        Self {
            id,
            image_id: id,
            category_id: 1,
            keypoints: points
                .iter()
                .flat_map(|point| point.map_or([0.0; 3], |[x, y]| [x, y, SEEN]))
                .collect(),
            num_keypoints: labelled,
            bbox,
            area: bbox[2] * bbox[3],
            iscrowd: 0,
            score: None,
            ikem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_spine_is_called_one() {
        assert_eq!(Category::of(&Skeleton::spine()).name, "spine");
        assert_eq!(Category::of(&Skeleton::numbered(21)).name, "keypoints");
    }
}
