//! Gaussians on a grid, as the product of a factor for each row and a factor for each column.

use std::ops::Range;

use crate::error::{Result, check_len};

/// A separable map: its value at (x, y) is `columns[x] * rows[y]`.
#[derive(Clone, Copy, Debug)]
pub struct Gaussian<'a> {
    /// The factor of every column.
    pub columns: &'a [f32],
    /// The factor of every row.
    pub rows: &'a [f32],
}

impl Gaussian<'_> {
    /// `Ok` if there is a factor for each row and column of a grid (height, width).
    pub(crate) fn check(&self, (height, width): (usize, usize)) -> Result<()> {
        check_len("columns of a Gaussian", width, self.columns.len())?;
        check_len("rows of a Gaussian", height, self.rows.len())
    }

    /// The columns outside of which it is zero.
    #[inline]
    pub(crate) fn support(&self) -> Range<usize> {
        let first = self.columns.iter().position(|&v| v != 0.0).unwrap_or(0);
        let last = self.columns.iter().rposition(|&v| v != 0.0).map_or(first, |last| last + 1);
        first..last
    }
}
