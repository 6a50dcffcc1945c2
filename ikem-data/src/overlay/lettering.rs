use ab_glyph::{Font, FontRef, PxScale, ScaleFont};
use ikem_core::{FieldError, Point};

use crate::Error;

/// The letters that pictures are written on with.
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

    /// The width of `text` in pixels, its capitals `height` pixels high.
    pub(crate) fn width(&self, text: &str, height: f32) -> f32 {
        let font = self.font.as_scaled(scale(height));
        text.chars().map(|letter| font.h_advance(font.glyph_id(letter))).sum()
    }

    /// The pixels that `text` covers, each with the part of it that is covered.
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

/// The font's scale at which capitals are `height` pixels high.
fn scale(height: f32) -> PxScale {
    /// Height of DejaVu's capitals over its line height.
    const CAPITALS: f32 = 0.626;
    PxScale::from(height / CAPITALS)
}
