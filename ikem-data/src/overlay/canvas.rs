use ikem_core::{FieldError, GrayImage, Point, Size, Tones};
use tiny_skia::{
    Color, FillRule, LineCap, Paint, PathBuilder, Pixmap, PremultipliedColorU8, Stroke, Transform,
};

use super::lettering::Lettering;
use super::palette::Rgb;
use super::palette::to_byte;
use super::picture::Picture;
use crate::error::Error;

/// A radiograph to draw on, with [`Tones`] applied. Coordinates are in its pixels; drawing is clipped to it.
pub(super) struct Canvas {
    pixels: Pixmap,
    lettering: Lettering,
}

impl Canvas {
    pub(super) fn new(image: &GrayImage) -> Result<Self, Error> {
        Self::with_strip(image, 0, Lettering::new()?)
    }

    /// With a black strip of `rows` pixels below the radiograph.
    pub(super) fn with_strip(image: &GrayImage, rows: usize, lettering: Lettering) -> Result<Self, Error> {
        let size = Size::new(image.size().width, image.size().height.saturating_add(rows));
        let side = |pixels: usize| u32::try_from(pixels).ok();
        let mut pixels = side(size.width)
            .zip(side(size.height))
            .and_then(|(width, height)| Pixmap::new(width, height))
            .ok_or_else(|| FieldError::new("image", "a size that can be drawn on", size))?;
        pixels.fill(Color::BLACK);
        let tones = Tones::of(image);
        for (pixel, &value) in pixels.pixels_mut().iter_mut().zip(image.pixels()) {
            *pixel = opaque([to_byte(tones.apply(value)); 3]);
        }
        Ok(Self { pixels, lettering })
    }

    pub(super) fn size(&self) -> Size {
        Size::new(self.pixels.width() as usize, self.pixels.height() as usize)
    }

    pub(super) fn into_picture(self) -> Picture {
        let rgb = self.pixels.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
        Picture::new(self.size(), rgb)
    }

    /// Whether `point` is close enough to the picture to be drawn.
    pub(super) fn reaches(&self, point: Point) -> bool {
        let size = self.size();
        let near = |value: f32, side: usize| value.abs() <= 2.0 * side as f32 + 100.0;
        near(point.x, size.width) && near(point.y, size.height)
    }

    /// Blends `colour` into one pixel with opacity `alpha`, 0…1.
    pub(super) fn blend(&mut self, x: i64, y: i64, colour: Rgb, alpha: f32) {
        let (width, height) = (i64::from(self.pixels.width()), i64::from(self.pixels.height()));
        if !(0..width).contains(&x) || !(0..height).contains(&y) {
            return;
        }
        if let Some(pixel) =
            usize::try_from(y * width + x).ok().and_then(|i| self.pixels.pixels_mut().get_mut(i))
        {
            let mix = |below: u8, above: u8| {
                (f32::from(below) + alpha * (f32::from(above) - f32::from(below))).round() as u8
            };
            let [red, green, blue] = colour;
            *pixel = opaque([mix(pixel.red(), red), mix(pixel.green(), green), mix(pixel.blue(), blue)]);
        }
    }

    pub(super) fn line(&mut self, from: Point, to: Point, width: f32, colour: Rgb, alpha: f32) {
        let mut path = PathBuilder::new();
        path.move_to(from.x + 0.5, from.y + 0.5);
        path.line_to(to.x + 0.5, to.y + 0.5);
        let stroke = Stroke { width, line_cap: LineCap::Round, ..Stroke::default() };
        if let Some(path) = path.finish() {
            self.pixels.stroke_path(&path, &paint(colour, alpha), &stroke, Transform::identity(), None);
        }
    }

    pub(super) fn disc(&mut self, centre: Point, radius: f32, colour: Rgb) {
        if let Some(path) = PathBuilder::from_circle(centre.x + 0.5, centre.y + 0.5, radius) {
            self.pixels.fill_path(&path, &paint(colour, 1.0), FillRule::Winding, Transform::identity(), None);
        }
    }

    pub(super) fn ring(&mut self, centre: Point, radius: f32, width: f32, colour: Rgb) {
        if let Some(path) = PathBuilder::from_circle(centre.x + 0.5, centre.y + 0.5, radius) {
            let stroke = Stroke { width, ..Stroke::default() };
            self.pixels.stroke_path(&path, &paint(colour, 1.0), &stroke, Transform::identity(), None);
        }
    }

    /// The width of `text` in pixels at a cap height of `height` pixels.
    pub(super) fn text_width(&self, text: &str, height: f32) -> f32 {
        self.lettering.width(text, height)
    }

    /// Draws `text` with a dark outline, so that it is readable on bone and on air. `left` is the left end of the
    /// baseline.
    pub(super) fn text(&mut self, text: &str, left: Point, height: f32, colour: Rgb) {
        let seam = (height / 8.0).ceil().clamp(1.0, 6.0) as i64;
        let marks = self.lettering.coverage(text, left, height);
        for &(x, y, part) in &marks {
            for (dx, dy) in [(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)] {
                self.blend(x + seam * dx, y + seam * dy, [0, 0, 0], 0.7 * part);
            }
        }
        for (x, y, part) in marks {
            self.blend(x, y, colour, part);
        }
    }
}

fn opaque([red, green, blue]: Rgb) -> PremultipliedColorU8 {
    PremultipliedColorU8::from_rgba(red, green, blue, 255).unwrap_or(PremultipliedColorU8::TRANSPARENT)
}

fn paint(colour: Rgb, alpha: f32) -> Paint<'static> {
    let [red, green, blue] = colour;
    let mut paint = Paint::default();
    let mut shade = Color::from_rgba8(red, green, blue, 255);
    shade.set_alpha(alpha);
    paint.set_color(shade);
    paint.anti_alias = true;
    paint
}
