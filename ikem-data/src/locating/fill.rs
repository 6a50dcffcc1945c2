use std::sync::Arc;

use ikem_core::Draw;

use super::Fills;
use super::scan::Scan;
use crate::phantom::Texture;

/// The content of a view beyond the edges of a scan.
#[derive(Debug)]
pub(super) enum Fill {
    /// A uniform grey, 0…1.
    Level(f32),
    /// The scan, mirrored at the centres of its outermost pixels.
    Mirrored,
    /// The scan's outermost pixels, repeated.
    Edge,
    /// Smooth noise with this mean and amplitude.
    Noise { texture: Texture, mean: f32, reach: f32 },
    /// A rectangle of another scan (left, top, right, bottom), mirrored repeatedly.
    Other { scan: Arc<Scan>, area: [f32; 4] },
}

impl Fill {
    /// Draws a fill by the configured weights. `other` returns a part of another film, if there is one.
    pub(super) fn draw<E>(
        fills: &Fills,
        draw: &mut Draw,
        other: impl FnOnce(&mut Draw) -> Result<Option<(Arc<Scan>, [f64; 4])>, E>,
    ) -> Result<Self, E> {
        let parts = fills.named();
        let mut left = draw.unit() * parts.iter().map(|(_, part)| part).sum::<f64>();
        let kind = parts.iter().position(|(_, part)| {
            left -= part;
            left < 0.0
        });
        Ok(match kind {
            Some(1) => Self::Mirrored,
            Some(2) => Self::Edge,
            Some(3) => Self::Level(1.0),
            Some(4) => Self::Level(draw.within([0.1, 0.9]) as f32),
            Some(5) => Self::Noise {
                texture: Texture::of(draw.bits() as u32),
                mean: draw.within([0.1, 0.9]) as f32,
                reach: draw.within([0.05, 0.3]) as f32,
            },
            Some(6) => match other(draw)? {
                Some((scan, area)) => Self::Other { scan, area: area.map(|edge| edge as f32) },
                None => Self::Level(0.0),
            },
            _ => Self::Level(0.0),
        })
    }

    /// The grey value at a position beyond the edges of `scan`.
    pub(super) fn at(&self, scan: &Scan, x: f32, y: f32) -> f32 {
        match self {
            Self::Level(level) => *level,
            Self::Mirrored => scan.at(reflect(x, scan.size.width), reflect(y, scan.size.height)),
            Self::Edge => scan.at(x, y),
            Self::Noise { texture, mean, reach } => {
                let grain = texture.at(0.7 * x, 0.7 * y) + texture.at(0.05 * x + 9.0, 0.05 * y);
                (mean + reach * grain).clamp(0.0, 1.0)
            }
            Self::Other { scan, area: [left, top, right, bottom] } => {
                scan.at(left + fold(x, right - left), top + fold(y, bottom - top))
            }
        }
    }
}

/// Mirrors a coordinate on an axis of `pixels` at the centres of the outermost pixels, so that these are not repeated.
fn reflect(position: f32, pixels: usize) -> f32 {
    0.5 + fold(position - 0.5, (pixels - 1) as f32)
}

/// Folds a coordinate into 0…`length` like a triangle wave.
fn fold(position: f32, length: f32) -> f32 {
    let length = length.max(1e-3);
    let along = position.rem_euclid(2.0 * length);
    if along > length { 2.0 * length - along } else { along }
}
