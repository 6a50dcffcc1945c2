use ikem_core::Affine;

/// Where a film lies on a locator's square grid: its longer side is the grid's, its aspect is kept to the pixel, and it
/// is in the middle (half a pixel to the left or the top where it can't be). The rest of the grid is black.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letterbox {
    /// The first column.
    pub left: usize,
    /// The first row.
    pub top: usize,
    /// How many columns, at least 1.
    pub width: usize,
    /// How many rows, at least 1.
    pub height: usize,
}

impl Letterbox {
    /// The place of a film of `width` by `height` (in any unit, above 0) on a grid of `grid` by `grid` pixels.
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

    /// The map from a film of `width` by `height` to its place on the grid, outer edges to outer edges.
    #[must_use]
    pub fn map(&self, width: f64, height: f64) -> Affine {
        Affine::stretch(self.width as f64 / width, self.height as f64 / height)
            .then(Affine::shift(self.left as f64, self.top as f64))
    }

    /// The outer edges: left, top, right, bottom.
    pub(super) fn edges(&self) -> [f64; 4] {
        [self.left, self.top, self.left + self.width, self.top + self.height].map(|edge| edge as f64)
    }

    /// The pixels of the film on a grid of `grid` by `grid` values, row by row.
    pub(super) fn rows<'a>(
        &self,
        values: &'a mut [f32],
        grid: usize,
    ) -> impl Iterator<Item = &'a mut [f32]> + use<'a> {
        let (left, width) = (self.left, self.width);
        let rows = values.chunks_exact_mut(grid.max(1)).skip(self.top).take(self.height);
        rows.filter_map(move |row| row.get_mut(left..left + width))
    }
}

/// Brings a film's grey values to a locator's range, -1…1: the value that a hundredth of the pixels are below becomes
/// -1, the one that a hundredth are above becomes 1, what is beyond them ends there. Where the two are less than 0.001
/// apart there is nothing to stretch, and 0…1 becomes -1…1 as it is.
///
/// `values` are the film's pixels alone, without the black around it; all must be finite.
pub fn normalise_levels(values: &mut [f32]) {
    let Some(last) = values.len().checked_sub(1) else { return };
    let mut sorted = values.to_vec();
    let mut at = |part: f64| {
        let rank = (part * last as f64).round() as usize;
        *sorted.select_nth_unstable_by(rank, f32::total_cmp).1
    };
    let (low, high) = (at(0.01), at(0.99));
    let (low, range) = if high - low < 1e-3 { (0.0, 1.0) } else { (low, high - low) };
    for value in values {
        *value = 2.0 * ((*value - low) / range).clamp(0.0, 1.0) - 1.0;
    }
}
