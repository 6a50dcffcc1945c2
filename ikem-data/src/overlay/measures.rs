//! How large things are drawn.

use ikem_core::Size;

/// Drawing sizes in pixels.
pub(super) struct Measures {
    /// The radius of a point.
    pub(super) point: f32,
    /// The width of an edge.
    pub(super) line: f32,
    /// The cap height of text.
    pub(super) text: f32,
}

impl Measures {
    /// Sizes that suit a vertebra of about 1/25 of the image height.
    pub(super) fn of(size: Size) -> Self {
        let height = size.height as f32;
        Self {
            point: (0.0026 * height).max(1.5),
            line: (0.0015 * height).max(1.0),
            text: (0.011 * height).max(7.0),
        }
    }
}
