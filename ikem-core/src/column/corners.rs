//! Where a film shows corners of vertebrae, whichever vertebrae they are.

use ndarray::{Array3, ArrayView3, Axis};

use super::evidence::{BESIDE, sample};
use super::midline::Midline;
use super::order::keep_order;
use super::plate_shape::PlateShape;
use super::{MidlinePosition, Plate};
use crate::error::Error;
use crate::geometry::{Point, Size};
use crate::hints::Hint;
use crate::keypoints::Keypoints;

/// The corners of a vertebra: top left, top right, bottom left, bottom right.
const CORNERS: usize = 4;
/// Search offsets of corners along the spine, left down and right up, in steps, and what the square of one costs.
const TILTS: [f32; 5] = [-2.0, -1.0, 0.0, 1.0, 2.0];
const TILT_COST: f32 = 0.05;
/// The value of a map where it shows nothing.
const NOTHING: f32 = 0.02;
/// The logarithm of a map's value that is no evidence for or against a corner.
const NEUTRAL: f32 = -2.0;
/// Standard deviation of the distance between a corner and the position that the chain gives it, in levels.
const SPREAD: f32 = 0.12;
/// How far a corner is looked for, in standard deviations, and in how many steps.
const REACH: f32 = 2.5;
const STEPS: i32 = 6;

/// Maps of the corners of vertebrae on a grid, without names: the probability that a corner is at a pixel, one map
/// each for the top left, top right, bottom left and bottom right corners of all vertebrae.
#[derive(Debug, Clone, PartialEq)]
pub struct CornerMaps(Array3<f32>);

impl CornerMaps {
    /// Maps of shape (4, h, w), with values of 0…1. They may be coarser than the grid that they are used with: pixel i of
    /// w is then at W / w · i on a grid of width W.
    ///
    /// # Errors
    /// [`Error::Length`] when there are not four of them; [`Error::EmptySize`] when they have no pixels.
    pub fn new(maps: Array3<f32>) -> Result<Self, Error> {
        let (found, height, width) = maps.dim();
        if found != CORNERS {
            return Err(Error::Length { what: "corner maps", expected: CORNERS, found });
        }
        match width.min(height) {
            0 => Err(Error::EmptySize(Size::new(width, height))),
            _ => Ok(Self(maps)),
        }
    }

    /// The maps, (4, h, w).
    #[must_use]
    pub fn view(&self) -> ArrayView3<'_, f32> {
        self.0.view()
    }

    /// Pixels of the grid between neighbouring pixels of the maps.
    fn scale(&self, grid: Size) -> [f32; 2] {
        let (_, height, width) = self.0.dim();
        [grid.width as f32 / width as f32, grid.height as f32 / height as f32]
    }

    /// The evidence for an upper (`kind` 0) or lower (1) end plate at each position along a midline: the logarithm of how
    /// clearly both of its corners are shown, 0 where that is no evidence.
    pub(super) fn seen(
        &self,
        kind: usize,
        midline: &Midline,
        plates: &[Plate],
        positions: &[MidlinePosition],
        grid: Size,
    ) -> Vec<f32> {
        let shapes: Vec<PlateShape> =
            plates.iter().skip(kind).step_by(2).map(|plate| PlateShape::new(plate, positions)).collect();
        let shapes: Vec<PlateShape> =
            (0..midline.len()).map(|position| PlateShape::at(&shapes, position as f32)).collect();
        let edges = [0, 1].map(|side| {
            let (map, scale) = (self.0.index_axis(Axis(0), 2 * kind + side), self.scale(grid));
            let edge = |(position, shape): (usize, &PlateShape)| {
                let half = if side == 0 { -shape.half } else { shape.half };
                let near = BESIDE.iter().map(|by| {
                    let across = shape.middle + half * (1.0 + by);
                    sample(map, midline.at(MidlinePosition { along: position as f32, across }), scale)
                });
                (NOTHING + near.fold(0.0, f32::max)).ln()
            };
            shapes.iter().enumerate().map(edge).collect::<Vec<f32>>()
        });
        let last = midline.len().saturating_sub(1) as f32;
        let at = |side: usize, along: f32| edges[side][along.round().clamp(0.0, last) as usize];
        let seen = |(position, shape): (usize, &PlateShape)| {
            let tilted = TILTS.iter().map(|by| {
                let (along, tilt) = (position as f32, shape.tilt + by);
                0.5 * (at(0, along + tilt) + at(1, along - tilt)) - TILT_COST * by * by
            });
            tilted.fold(f32::NEG_INFINITY, f32::max) - NEUTRAL
        };
        shapes.iter().enumerate().map(seen).collect()
    }

    /// Moves the corners of end plates to where the maps show them, within a fraction of a `level` (the height of a
    /// vertebra with its disc, in pixels of the grid). Hinted ones stay, and end plates that would change places.
    pub(super) fn refine(
        &self,
        keypoints: &mut Keypoints,
        plates: &[Plate],
        level: f32,
        grid: Size,
        hints: &[Hint],
    ) {
        let before = keypoints.clone();
        for (index, plate) in plates.iter().enumerate() {
            for (side, &corner) in plate.iter().enumerate() {
                if !hints.iter().any(|hint| hint.keypoint == corner) {
                    keypoints[corner] = self.nearest(2 * (index % 2) + side, before[corner], level, grid);
                }
            }
        }
        keep_order(plates, &before, keypoints);
    }

    /// Where a map shows a corner near `point`: the mean of the positions around it, weighted by the map and the distance.
    fn nearest(&self, map: usize, point: Point, level: f32, grid: Size) -> Point {
        let (map, scale, spread) = (self.0.index_axis(Axis(0), map), self.scale(grid), SPREAD * level);
        let step = |step: i32| REACH * spread * step as f32 / STEPS as f32;
        let (mut mass, mut sum) = (0.0_f32, Point::default());
        for by in (-STEPS..=STEPS).flat_map(|y| (-STEPS..=STEPS).map(move |x| (x, y))) {
            let by = Point::new(step(by.0), step(by.1));
            let prior = (-0.5 * (by.x * by.x + by.y * by.y) / (spread * spread)).exp();
            let weight = prior * (NOTHING + sample(map, point + by, scale));
            mass += weight;
            sum = sum + by * weight;
        }
        if mass > 0.0 { point + sum * (1.0 / mass) } else { point }
    }
}
