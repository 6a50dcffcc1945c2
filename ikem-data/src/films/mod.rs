//! Films whose vertebrae are marked, with or without names: what a network learns from that finds the vertebral column.

mod naming;
mod read;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use ikem_core::{Point, Size, Skeleton};

use crate::{Manifest, Subset};

pub use read::{read_spinal_ai, read_whole_films};

/// How many vertebrae T1–L5 are.
pub(crate) const COLUMN: usize = 17;

/// A film whose vertebrae are marked, without names.
#[derive(Debug, Clone, PartialEq)]
pub struct Film {
    /// The image file.
    pub path: PathBuf,
    /// The image's size where the labels tell it. The points are relative to it: a file of another size has them
    /// elsewhere, in proportion.
    pub size: Option<Size>,
    /// What the film is used for.
    pub set: Subset,
    /// The corners of each vertebra from top to bottom: top left, top right, bottom left, bottom right as seen on the
    /// image, in its pixels.
    pub vertebrae: Vec<[Point; 4]>,
    /// Whether the first vertebra is T1 and the last L5.
    pub complete: bool,
    /// The columns of the image that hold the film, from and to (excluded), in pixels; the rest is padding. `None` where
    /// all of the image is the film.
    pub area: Option<[f32; 2]>,
}

/// The films of a manifest whose image paths start at `root`. They are complete where the skeleton has 17 vertebrae of
/// four keypoints, as the spine's has, and these run from top to bottom. Where they don't, a label is wrong: they are
/// sorted, and the film is not complete. Vertebrae of other skeletons that have not four keypoints are left out.
#[must_use]
pub fn films_of_manifest(manifest: &Manifest, root: &Path, skeleton: &Skeleton) -> Vec<Film> {
    let film = |entry: &crate::ManifestEntry| {
        let keypoints = entry.keypoints();
        let corner = |&index: &usize| keypoints.get(index).copied();
        let mut vertebrae: Vec<[Point; 4]> = skeleton
            .vertebrae()
            .iter()
            .filter_map(|vertebra| {
                let corners: Option<Vec<Point>> = vertebra.corners.iter().map(corner).collect();
                corners?.try_into().ok()
            })
            .collect();
        let ordered = vertebrae.is_sorted_by(|a, b| height(a) < height(b));
        vertebrae.sort_by(|a, b| height(a).total_cmp(&height(b)));
        Film {
            path: root.join(&entry.image_path),
            size: Some(entry.size()),
            set: entry.set,
            complete: ordered && vertebrae.len() == COLUMN,
            vertebrae,
            area: None,
        }
    };
    manifest.entries.iter().map(film).collect()
}

/// The mean of a vertebra's corners, in pixels.
fn center(corners: &[Point; 4]) -> Point {
    corners.iter().fold(Point::default(), |sum, &corner| sum + corner) * 0.25
}

/// How far down on the film a vertebra is, in pixels.
fn height(corners: &[Point; 4]) -> f32 {
    center(corners).y
}
