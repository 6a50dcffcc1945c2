use crate::affine::Affine;
use crate::frame::Frame;

/// The position of a film on a locator's square grid, by letterboxing: scaled to the grid's size along its longer side,
/// aspect ratio preserved up to rounding, and centred (half a pixel to the left or top if necessary). The remaining
/// grid is black.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letterbox {
    /// The first column.
    pub left: usize,
    /// The first row.
    pub top: usize,
    /// The number of columns, at least 1.
    pub width: usize,
    /// The number of rows, at least 1.
    pub height: usize,
}

impl Letterbox {
    /// The position of a film of `width` × `height` (in any unit, above 0) on a grid of `grid` × `grid` pixels.
    #[must_use]
    pub fn new(width: f64, height: f64, grid: usize) -> Self {
        let side = |length: f64| {
            let pixels = (length / width.max(height) * grid as f64).round();
            (pixels as usize).clamp(1, grid.max(1))
        };
        let (columns, rows) = (side(width), side(height));
        let left = grid.saturating_sub(columns) / 2;
        Self { left, top: grid.saturating_sub(rows) / 2, width: columns, height: rows }
    }

    /// The map from a film of `width` × `height` to its position on the grid, in edge-based coordinates.
    #[must_use]
    pub fn map(&self, width: f64, height: f64) -> Affine {
        Affine::stretch(self.width as f64 / width, self.height as f64 / height)
            .then(Affine::shift(self.left as f64, self.top as f64))
    }

    /// The outer edges: left, top, right, bottom.
    #[must_use]
    pub fn edges(&self) -> [f64; 4] {
        [self.left, self.top, self.left + self.width, self.top + self.height].map(|edge| edge as f64)
    }

    /// The film's pixels on a grid of `grid` × `grid` values, row by row.
    pub fn rows<'a>(
        &self,
        values: &'a mut [f32],
        grid: usize,
    ) -> impl Iterator<Item = &'a mut [f32]> + use<'a> {
        let (left, width) = (self.left, self.width);
        let rows = values.chunks_exact_mut(grid.max(1)).skip(self.top).take(self.height);
        rows.filter_map(move |row| row.get_mut(left..left + width))
    }

    /// The frame that a grid of `grid` × `grid` pixels covers if it shows `film`, the whole film or an upright part of it: the
    /// inverse of [`map`](Self::map).
    #[must_use]
    pub fn frame(&self, film: &Frame, grid: usize) -> Frame {
        let (x, y) = (film.width() / self.width as f64, film.height() / self.height as f64);
        let (left, top, side) = (self.left as f64, self.top as f64, grid as f64);
        let [film_left, film_top] = film.corners()[0];
        // A film has at least one pixel and fits in memory.
        Frame::new(film_left - left * x, film_top - top * y, side * x, side * y).unwrap_or(*film)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;

    #[test]
    fn the_frame_is_the_inverse_of_the_map() {
        for film in [Size::new(375, 1000), Size::new(900, 300), Size::new(50, 50), Size::new(3, 999)] {
            let grid = 64;
            let (width, height) = (film.width as f64, film.height as f64);
            let letterbox = Letterbox::new(width, height, grid);
            let (frame, map) = (letterbox.frame(&Frame::whole(film), grid), letterbox.map(width, height));
            for point in [[0.0, 0.0], [width, height], [0.3 * width, 0.8 * height]] {
                let [x, y] = frame.affine(Size::new(grid, grid)).apply(point);
                let [u, v] = map.apply(point);
                assert!((x - u).abs() < 1e-9 && (y - v).abs() < 1e-9, "{film}: ({x}, {y}), ({u}, {v})");
            }
        }
    }

    #[test]
    fn rows_are_those_of_the_film() {
        let letterbox = Letterbox::new(40.0, 100.0, 10);
        assert_eq!(letterbox, Letterbox { left: 3, top: 0, width: 4, height: 10 });
        let mut values = [0.0; 100];
        letterbox.rows(&mut values, 10).for_each(|row| row.fill(1.0));
        assert_eq!(values.iter().filter(|value| **value == 1.0).count(), 40);
        assert_eq!(values[93..97], [1.0; 4]);
    }
}
