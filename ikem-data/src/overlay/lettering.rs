use ab_glyph::{Font, FontRef, PxScale, ScaleFont};
use ikem_core::{FieldError, Point};

use crate::error::Error;

/// The font for text on pictures.
#[derive(Debug)]
pub(crate) struct Lettering {
    font: FontRef<'static>,
}

impl Lettering {
    pub(crate) fn new() -> Result<Self, Error> {
        let font = FontRef::try_from_slice(dejavu::sans::bold())
            .map_err(|error| FieldError::new("font", "a font that can be read", error))?;
        Ok(Self { font })
    }

    /// The width of `text` in pixels at a cap height of `height` pixels.
    pub(crate) fn width(&self, text: &str, height: f32) -> f32 {
        let font = self.font.as_scaled(scale(height));
        text.chars().map(|letter| font.h_advance(font.glyph_id(letter))).sum()
    }

    /// The pixels that `text` covers, each with its coverage, 0…1. `left` is the left end of the baseline.
    pub(crate) fn coverage(&self, text: &str, left: Point, height: f32) -> Vec<(i64, i64, f32)> {
        let scale = scale(height);
        let font = self.font.as_scaled(scale);
        let mut pen = ab_glyph::point(left.x, left.y);
        let mut marks = Vec::new();
        for letter in text.chars() {
            let glyph = font.glyph_id(letter).with_scale_and_position(scale, pen);
            pen.x += font.h_advance(glyph.id);
            if let Some(outline) = self.font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                outline.draw(|x, y, part| {
                    if part > 0.0 {
                        marks.push((
                            corner.x as i64 + i64::from(x),
                            corner.y as i64 + i64::from(y),
                            part.min(1.0),
                        ));
                    }
                });
            }
        }
        marks
    }
}

/// The font scale for a cap height of `height` pixels.
fn scale(height: f32) -> PxScale {
    /// The cap height of DejaVu Sans relative to its line height.
    const CAPITALS: f32 = 0.626;
    PxScale::from(height / CAPITALS)
}
