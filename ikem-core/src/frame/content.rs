//! Films without the margins that a light box, a screenshot or an export added.

use super::Frame;
use crate::geometry::Size;
use crate::image::GrayImage;

/// The largest difference of grey values within a margin, which need not be exactly uniform.
const FLAT: f32 = 0.02;

impl Frame {
    /// The part of a film inside its uniform margins: the outer rows and columns in which all pixels have the grey value of
    /// the margin's corner. The whole film if there are none, or nothing else.
    ///
    /// ```
    /// use ikem_core::{Frame, GrayImage, Size};
    /// let inside = |i: usize| (10..30).contains(&(i % 40)) && (20..70).contains(&(i / 40));
    /// let pixels = (0..40 * 80).map(|i| if inside(i) { 0.2 + (i % 7) as f32 / 10.0 } else { 0.0 }).collect();
    /// let film = GrayImage::new(Size::new(40, 80), pixels)?;
    /// assert_eq!(Frame::content(&film), Frame::new(10.0, 20.0, 20.0, 50.0)?);
    /// # Ok::<(), ikem_core::Error>(())
    /// ```
    #[must_use]
    pub fn content(film: &GrayImage) -> Self {
        Self::inside_margins(film, FLAT)
    }

    /// The same, for margins whose pixels differ from their corner by at most `tolerance`.
    pub(crate) fn inside_margins(film: &GrayImage, tolerance: f32) -> Self {
        let Size { width, height } = film.size();
        let whole = Self::whole(film.size());
        let pixels = film.pixels();
        let (Some(&first), Some(&last)) = (pixels.first(), pixels.last()) else { return whole };
        let flat = |value: f32, corner: f32| (value - corner).abs() <= tolerance;
        let row =
            |y: usize, corner: f32| pixels[y * width..][..width].iter().all(|&value| flat(value, corner));
        let Some(top) = (0..height).find(|&y| !row(y, first)) else { return whole };
        let bottom = (top..height).rev().find(|&y| !row(y, last)).map_or(top + 1, |y| y + 1);
        let column = |x: usize, corner: f32| (top..bottom).all(|y| flat(pixels[y * width + x], corner));
        let Some(left) = (0..width).find(|&x| !column(x, first)) else { return whole };
        let right = (left..width).rev().find(|&x| !column(x, last)).map_or(left + 1, |x| x + 1);
        let [x, y] = [left as f64, top as f64];
        Self::new(x, y, (right - left) as f64, (bottom - top) as f64).unwrap_or(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(width: usize, height: usize, value: impl Fn(usize, usize) -> f32) -> GrayImage {
        let pixels = (0..width * height).map(|i| value(i % width, i / width)).collect();
        GrayImage::new(Size::new(width, height), pixels).expect("a film")
    }

    #[test]
    fn margins_of_several_grey_values_are_left_out() {
        let grey = |x: usize, y: usize| match (x, y) {
            (_, 0..5) => 1.0,
            (_, 95..) => 0.5,
            (0..3, _) => 0.99,
            (x, y) => ((7 * x + 3 * y) % 11) as f32 / 11.0,
        };
        let content = Frame::content(&film(50, 100, grey));
        assert_eq!(content, Frame::new(3.0, 5.0, 47.0, 90.0).expect("a frame"));
    }

    #[test]
    fn a_film_without_margins_is_whole() {
        let size = Size::new(30, 60);
        let noisy = film(30, 60, |x, y| ((31 * x + 17 * y) % 13) as f32 / 13.0);
        assert_eq!(Frame::content(&noisy), Frame::whole(size));
        for grey in [0.0, 0.4, 1.0] {
            assert_eq!(Frame::content(&film(30, 60, |_, _| grey)), Frame::whole(size));
        }
        let line = film(30, 60, |_, y| if y == 7 { 1.0 } else { 0.0 });
        let line = Frame::content(&line);
        assert_eq!((line.width(), line.height()), (30.0, 1.0));
    }
}
