use super::{MidlinePosition, Plate};

/// The shape of an end plate relative to a midline.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlateShape {
    /// The position of its middle, in steps.
    pub along: f32,
    /// Half its width, and the distance of its middle to the right of the midline, in pixels.
    pub half: f32,
    pub middle: f32,
    /// How much further down its left end is than its middle, in steps.
    pub tilt: f32,
}

impl PlateShape {
    pub(super) fn new(plate: &Plate, positions: &[MidlinePosition]) -> Self {
        let [left, right] = plate.map(|corner| positions[corner]);
        Self {
            along: 0.5 * (left.along + right.along),
            half: 0.5 * (right.across - left.across).abs(),
            middle: 0.5 * (right.across + left.across),
            tilt: 0.5 * (left.along - right.along),
        }
    }

    /// The shape at a position, by linear interpolation between the end plates above and below; beyond them, that of the
    /// nearest.
    pub(super) fn at(shapes: &[Self], along: f32) -> Self {
        let next = shapes.iter().position(|shape| shape.along > along).unwrap_or(shapes.len());
        match (next.checked_sub(1).map(|before| shapes[before]), shapes.get(next)) {
            (Some(a), Some(b)) => {
                let part = (along - a.along) / (b.along - a.along).max(f32::MIN_POSITIVE);
                let mix = |a: f32, b: f32| a + (b - a) * part;
                Self {
                    along,
                    half: mix(a.half, b.half),
                    middle: mix(a.middle, b.middle),
                    tilt: mix(a.tilt, b.tilt),
                }
            }
            (Some(end), None) | (None, Some(&end)) => end,
            (None, None) => Self { along, half: 0.0, middle: 0.0, tilt: 0.0 },
        }
    }
}
