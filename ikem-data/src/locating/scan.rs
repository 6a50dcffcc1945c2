use ikem_core::{GrayImage, Pixel, Point, Resampling, Size, resample_pixels};

use super::shapes::{Polygon, bounds, middle};
use crate::error::Error;
use crate::films::COLUMN;
use crate::films::Film;
use crate::image_file::load_image;
use crate::limits::Limits;

/// A film in memory: without padding, reduced to at most twice the size of the network's grid.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) size: Size,
    pixels: Vec<u8>,
    /// The corners of each vertebra, TL, TR, BL, BR, in scan pixels from the outer edge (pixel centres are at
    /// half-integers).
    vertebrae: Vec<[[f64; 2]; 4]>,
    complete: bool,
}

impl Scan {
    /// Loads the film's image and reduces its longer side to at most `longest` pixels.
    pub(super) fn load(film: &Film, longest: usize) -> Result<Self, Error> {
        let image = load_image(&film.path, &Limits::default())?;
        let whole = image.size();
        // Labels refer to the image size that they state.
        let labelled = film.size.unwrap_or(whole);
        let stretch = [
            whole.width as f64 / labelled.width.max(1) as f64,
            whole.height as f64 / labelled.height.max(1) as f64,
        ];
        let area = film.area.map(|area| area.map(|column| f64::from(column) * stretch[0]));
        let (image, first) = cropped(image, area)?;
        let Size { width, height } = image.size();
        let part = (longest as f64 / width.max(height) as f64).min(1.0);
        let side = |pixels: usize| ((pixels as f64 * part).round() as usize).max(1);
        let size = Size::new(side(width), side(height));
        let scale = [size.width as f64 / width as f64, size.height as f64 / height as f64];
        let shrunk = resample_pixels(image.size(), image.pixels(), size, Resampling::Area)?;
        let on_scan = |corner: &Point| {
            let [x, y] = [f64::from(corner.x) * stretch[0], f64::from(corner.y) * stretch[1]];
            [(x + 0.5 - first as f64) * scale[0], (y + 0.5) * scale[1]]
        };
        let vertebrae = film.vertebrae.iter().map(|corners| corners.each_ref().map(on_scan)).collect();
        let pixels = shrunk.pixels().iter().map(|value| (value * 255.0).round() as u8).collect();
        Ok(Self { size, pixels, vertebrae, complete: film.complete })
    }

    #[cfg(test)]
    pub(super) fn new(size: Size, pixels: Vec<u8>, vertebrae: Vec<[[f64; 2]; 4]>, complete: bool) -> Self {
        Self { size, pixels, vertebrae, complete }
    }

    pub(super) fn bytes(&self) -> usize {
        self.pixels.len()
    }

    /// The outer edges: left, top, right, bottom.
    pub(super) fn edges(&self) -> [f64; 4] {
        [0.0, 0.0, self.size.width as f64, self.size.height as f64]
    }

    /// Whether the vertebrae are exactly T1–L5.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// The marked spine: the outlines of the vertebrae and of the gaps between them.
    pub(super) fn column(&self) -> Vec<Polygon> {
        let gaps = self.vertebrae.windows(2).map(|pair| gap(&pair[0], &pair[1]));
        self.vertebrae.iter().map(outline).chain(gaps).collect()
    }

    /// The midpoints of the first upper and the last lower endplate.
    pub(super) fn ends(&self) -> Option<[[f64; 2]; 2]> {
        let (first, last) = (self.vertebrae.first()?, self.vertebrae.last()?);
        Some([middle(first[0], first[1]), middle(last[2], last[3])])
    }

    /// The bounding box of the spine (left, top, right, bottom) and its length from end to end.
    pub(super) fn spine(&self) -> ([f64; 4], f64) {
        let corners: Vec<[f64; 2]> = self.vertebrae.iter().flatten().copied().collect();
        let length = self.ends().map_or(0.0, |[[a, b], [c, d]]| libm::hypot(a - c, b - d));
        (bounds(&corners), length.max(1.0))
    }

    /// The regions where T1 may begin and L5 may end on a film without vertebra names: as many vertebrae at each end as
    /// the count differs from 17 (at least one), and the same length beyond. Empty if the film is complete.
    pub(super) fn uncertain(&self) -> [Vec<Polygon>; 2] {
        let count = self.vertebrae.len();
        if self.complete || count < 2 {
            return [Vec::new(), Vec::new()];
        }
        let by = count.abs_diff(COLUMN).clamp(1, count - 1);
        let v = &self.vertebrae;
        let side = |marked: &[[[f64; 2]; 4]], beyond| {
            let gaps = marked.windows(2).map(|pair| gap(&pair[0], &pair[1]));
            marked.iter().map(outline).chain(gaps).chain([beyond]).collect()
        };
        let upper = beyond([v[0][0], v[0][1]], [v[1][0], v[1][1]], by);
        let (last, before) = (v[count - 1], v[count - 2]);
        let lower = beyond([last[2], last[3]], [before[2], before[3]], by);
        [side(&v[..by], upper), side(&v[count - by..], lower)]
    }

    /// Whether a rectangle (left, top, right, bottom) shows no part of the spine and no uncertain region.
    pub(super) fn is_empty(&self, [left, top, right, bottom]: [f64; 4]) -> bool {
        let [upper, lower] = self.uncertain();
        self.column().iter().chain(&upper).chain(&lower).all(|polygon| {
            let [from_x, from_y, to_x, to_y] = bounds(polygon);
            to_x < left || from_x > right || to_y < top || from_y > bottom
        })
    }

    /// The grey value at a position, 0…1, bilinear; clamps to the outermost pixels.
    #[inline]
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let Size { width, height } = self.size;
        let x = (x - 0.5).clamp(0.0, (width - 1) as f32);
        let y = (y - 0.5).clamp(0.0, (height - 1) as f32);
        let (column, row) = (x as usize, y as usize);
        let (right, down) = (x - column as f32, y - row as f32);
        let next = usize::from(column + 1 < width);
        let (upper, lower) = (row * width + column, (row + 1).min(height - 1) * width + column);
        let pixel = |index: usize| self.pixels[index].value();
        let above = pixel(upper) + right * (pixel(upper + next) - pixel(upper));
        let below = pixel(lower) + right * (pixel(lower + next) - pixel(lower));
        above + down * (below - above)
    }
}

/// Crops `image` to the columns that hold the film; also returns the first column. Leaves out the film's outermost
/// columns, into which image compression smears the padding.
fn cropped(image: GrayImage, area: Option<[f64; 2]>) -> Result<(GrayImage, usize), Error> {
    const SMEARED: f64 = 2.0;
    let Some([from, to]) = area else { return Ok((image, 0)) };
    let Size { width, height } = image.size();
    let first = ((from + SMEARED).max(0.0).round() as usize).min(width - 1);
    let end = ((to - SMEARED).max(0.0).round() as usize).clamp(first + 1, width);
    let rows = image.pixels().chunks_exact(width).filter_map(|row| row.get(first..end));
    let pixels = rows.flatten().copied().collect();
    Ok((GrayImage::new(Size::new(end - first, height), pixels)?, first))
}

/// Reorders the corners TL, TR, BL, BR to go around the vertebra.
fn outline(&[a, b, c, d]: &[[f64; 2]; 4]) -> Polygon {
    vec![a, b, d, c]
}

/// The quadrilateral between a vertebra and the one below.
fn gap(upper: &[[f64; 2]; 4], lower: &[[f64; 2]; 4]) -> Polygon {
    vec![upper[2], upper[3], lower[1], lower[0]]
}

/// The region where the spine may continue beyond `edge`, the outer endplate of its last vertebra, by the length of
/// `by` vertebrae. `before` is the same endplate of the vertebra before it. The region widens, since the curvature
/// there is unknown.
fn beyond(edge: [[f64; 2]; 2], before: [[f64; 2]; 2], by: usize) -> Polygon {
    let (here, there) = (middle(edge[0], edge[1]), middle(before[0], before[1]));
    let far = |corner: [f64; 2], axis: usize| {
        let aside = corner[axis] - here[axis];
        here[axis] + 1.6 * aside + by as f64 * (here[axis] - there[axis])
    };
    let [left, right] = edge;
    vec![left, right, [far(right, 0), far(right, 1)], [far(left, 0), far(left, 1)]]
}
