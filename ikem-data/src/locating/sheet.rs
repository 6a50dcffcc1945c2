use ikem_core::{FieldError, Letterbox, Point};
use tiny_skia::{FillRule, Mask, Path, PathBuilder, Rect, Stroke, Transform};

use crate::error::Error;
use crate::overlay::Lettering;

/// A canvas of grey values, 0…1, on a square grid. Coordinates are in pixels from the grid's outer edge; drawing is
/// clipped to the frame.
pub(super) struct Sheet<'a> {
    values: &'a mut [f32],
    grid: usize,
    frame: Letterbox,
    mask: Mask,
    lettering: &'a Lettering,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(
        values: &'a mut [f32],
        grid: usize,
        frame: Letterbox,
        lettering: &'a Lettering,
    ) -> Result<Self, Error> {
        let side = u32::try_from(grid).ok();
        let mask = side
            .and_then(|side| Mask::new(side, side))
            .ok_or_else(|| FieldError::new("size", "a size that can be drawn on", grid))?;
        Ok(Self { values, grid, frame, mask, lettering })
    }

    /// The edges of the frame: left, top, right, bottom.
    pub(super) fn edges(&self) -> [f32; 4] {
        self.frame.edges().map(|edge| edge as f32)
    }

    /// The shorter side of the frame in pixels.
    pub(super) fn breadth(&self) -> f32 {
        self.frame.width.min(self.frame.height) as f32
    }

    /// Calls `change` with x and y of the pixel centre and the value, for each pixel of the frame.
    pub(super) fn shade(&mut self, mut change: impl FnMut(f32, f32, &mut f32)) {
        let Letterbox { left, top, .. } = self.frame;
        for (row, line) in self.frame.rows(self.values, self.grid).enumerate() {
            let y = (top + row) as f32 + 0.5;
            for (column, value) in line.iter_mut().enumerate() {
                change((left + column) as f32 + 0.5, y, value);
            }
        }
    }

    pub(super) fn polygon(&mut self, corners: &[[f32; 2]], level: f32, alpha: f32) {
        if let Some(path) = path(corners, true) {
            self.fill(&path, level, alpha);
        }
    }

    pub(super) fn line(&mut self, points: &[[f32; 2]], width: f32, level: f32, alpha: f32) {
        let stroke = Stroke {
            width,
            line_cap: tiny_skia::LineCap::Round,
            line_join: tiny_skia::LineJoin::Round,
            ..Stroke::default()
        };
        if let Some(outline) = path(points, false).and_then(|path| path.stroke(&stroke, 1.0)) {
            self.fill(&outline, level, alpha);
        }
    }

    /// Draws an ellipse with radii `radii`, rotated clockwise by `degrees`.
    pub(super) fn ellipse(
        &mut self,
        centre: [f32; 2],
        radii: [f32; 2],
        degrees: f32,
        level: f32,
        alpha: f32,
    ) {
        let [x, y] = centre;
        let oval = Rect::from_ltrb(x - radii[0], y - radii[1], x + radii[0], y + radii[1])
            .and_then(PathBuilder::from_oval);
        if let Some(path) = oval.and_then(|p| p.transform(Transform::from_rotate_at(degrees, x, y))) {
            self.fill(&path, level, alpha);
        }
    }

    /// Draws `text` at a cap height of `height` pixels; `left` is the left end of the baseline.
    pub(super) fn text(&mut self, text: &str, left: [f32; 2], height: f32, level: f32) {
        let marks = self.lettering.coverage(text, Point::new(left[0], left[1]), height);
        for (x, y, part) in marks {
            if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) {
                self.blend(x, y, level, part);
            }
        }
    }

    /// The width of `text` in pixels at a cap height of `height` pixels.
    pub(super) fn text_width(&self, text: &str, height: f32) -> f32 {
        self.lettering.width(text, height)
    }

    fn fill(&mut self, path: &Path, level: f32, alpha: f32) {
        let bounds = path.bounds();
        let limit = |edge: f32| edge.clamp(0.0, self.grid as f32) as usize;
        let (left, right) = (limit(bounds.left().floor()), limit(bounds.right().ceil()));
        let (top, bottom) = (limit(bounds.top().floor()), limit(bounds.bottom().ceil()));
        if left >= right || top >= bottom {
            return;
        }
        self.mask.fill_path(path, FillRule::Winding, true, Transform::identity());
        for y in top..bottom {
            for x in left..right {
                let part = self.mask.data()[y * self.grid + x];
                if part > 0 {
                    self.blend(x, y, level, alpha * f32::from(part) / 255.0);
                }
            }
            self.mask.data_mut()[y * self.grid + left..y * self.grid + right].fill(0);
        }
    }

    fn blend(&mut self, x: usize, y: usize, level: f32, alpha: f32) {
        let Letterbox { left, top, width, height } = self.frame;
        if (left..left + width).contains(&x)
            && (top..top + height).contains(&y)
            && let Some(value) = self.values.get_mut(y * self.grid + x)
        {
            *value += alpha * (level - *value);
        }
    }
}

fn path(points: &[[f32; 2]], close: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (first, rest) = points.split_first()?;
    path.move_to(first[0], first[1]);
    rest.iter().for_each(|corner| path.line_to(corner[0], corner[1]));
    if close {
        path.close();
    }
    path.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_cover_their_area_within_the_frame() {
        let lettering = Lettering::new().unwrap();
        let frame = Letterbox { left: 4, top: 0, width: 8, height: 16 };
        let draw = |work: fn(&mut Sheet<'_>)| {
            let mut values = vec![0.0; 16 * 16];
            let mut sheet = Sheet::new(&mut values, 16, frame, &lettering).unwrap();
            work(&mut sheet);
            assert!(sheet.mask.data().iter().all(|&part| part == 0), "nothing is left for the next shape");
            for (index, &value) in values.iter().enumerate() {
                assert!(value == 0.0 || (4..12).contains(&(index % 16)), "{index}");
            }
            values.iter().sum::<f32>()
        };
        let near = |sum: f32, expected: f32| assert!((sum - expected).abs() < 0.5, "{sum} is not {expected}");
        near(draw(|s| s.polygon(&[[-9.0, 2.0], [8.5, 2.0], [8.5, 4.0], [-9.0, 4.0]], 1.0, 1.0)), 9.0);
        near(draw(|s| s.polygon(&[[5.0, 2.0], [8.0, 2.0], [8.0, 4.0], [5.0, 4.0]], 0.5, 0.5)), 1.5);
        near(draw(|s| s.line(&[[0.0, 8.0], [40.0, 8.0]], 2.0, 1.0, 1.0)), 16.0);
        near(draw(|s| s.ellipse([8.0, 8.0], [4.0, 2.0], 90.0, 1.0, 1.0)), 25.13);
        near(draw(|s| s.shade(|x, y, value| *value = (x + y) / 100.0)), 128.0 * 0.16);
        assert!(draw(|s| s.text("I", [6.0, 12.0], 8.0, 1.0)) > 8.0);
        near(draw(|s| s.polygon(&[[90.0, 2.0], [99.0, 2.0], [95.0, 40.0]], 1.0, 1.0)), 0.0);
    }
}
