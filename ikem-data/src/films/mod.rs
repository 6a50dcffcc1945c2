//! Films with marked vertebrae, named or not: the training data of the locator.

mod naming;
mod read;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ikem_core::{Point, Size, Skeleton};

use crate::manifest::{Manifest, Subset};

pub use read::{read_spinal_ai, read_whole_films};

/// The number of vertebrae from T1 to L5.
pub(crate) const COLUMN: usize = 17;

/// A film whose vertebrae are marked but not named.
#[derive(Debug, Clone, PartialEq)]
pub struct Film {
    /// The path of the image file.
    pub path: PathBuf,
    /// The image size that the points refer to, if the labels state it. For a file of another size, the points are
    /// scaled.
    pub size: Option<Size>,
    /// The subset that the film belongs to.
    pub set: Subset,
    /// The corners of each vertebra, from top to bottom, in pixels: top left, top right, bottom left, bottom right as
    /// displayed.
    pub vertebrae: Vec<[Point; 4]>,
    /// Whether the vertebrae are exactly T1–L5.
    pub complete: bool,
    /// The image columns that hold the film, `[from, to)` in pixels; the rest is padding. `None` if the film fills the
    /// image.
    pub area: Option<[f32; 2]>,
}

/// The films of a manifest with image paths relative to `root`. A film is complete if the skeleton has 17 vertebrae
/// with four keypoints each and these are in order from top to bottom. If not, a label is wrong; the vertebrae are then
/// sorted and the film is not complete. Vertebrae with a different number of keypoints, or with one that is not seen, are
/// left out.
#[must_use]
pub fn films_of_manifest(manifest: &Manifest, root: &Path, skeleton: &Skeleton) -> Vec<Film> {
    let film = |entry: &crate::ManifestEntry| {
        let keypoints = entry.keypoints();
        let corner = |&index: &usize| keypoints.get(index).copied().filter(|point| !point.is_absent());
        let mut vertebrae: Vec<[Point; 4]> = skeleton
            .vertebrae()
            .iter()
            .filter_map(|vertebra| {
                let corners: Option<Vec<Point>> = vertebra.corners.iter().map(corner).collect();
                corners?.try_into().ok()
            })
            .collect();
        let ordered = vertebrae.is_sorted_by(|a, b| center_y(a) < center_y(b));
        vertebrae.sort_by(|a, b| center_y(a).total_cmp(&center_y(b)));
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

/// Takes the vertebrae T1–L5 of complete films in `named` over to the training films with the same image, which are complete then;
/// returns how many. The others keep their marks without names.
pub fn take_names(films: &mut [Film], named: &[Film]) -> usize {
    let key = |film: &Film| std::path::absolute(&film.path).unwrap_or_else(|_| film.path.clone());
    let complete = named.iter().filter(|film| film.complete);
    let named: BTreeMap<PathBuf, &Film> = complete.map(|film| (key(film), film)).collect();
    let mut count = 0;
    for film in films.iter_mut().filter(|film| film.set == Subset::Train) {
        if let Some(named) = named.get(&key(film)) {
            (film.size, film.complete) = (named.size, true);
            film.vertebrae.clone_from(&named.vertebrae);
            count += 1;
        }
    }
    count
}

/// The centroid of a vertebra's corners, in pixels.
fn center(corners: &[Point; 4]) -> Point {
    corners.iter().fold(Point::default(), |sum, &corner| sum + corner) * 0.25
}

/// The y coordinate of a vertebra's centroid, in pixels.
fn center_y(corners: &[Point; 4]) -> f32 {
    center(corners).y
}
