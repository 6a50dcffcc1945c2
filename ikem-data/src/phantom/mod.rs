//! Phantoms: synthetic spinal AP radiographs with exactly known landmarks.
//!
//! The spine is modelled in millimetres: a centre line with one or two coronal curves, coupled axial rotation, and
//! foreshortening by kyphosis and lordosis. Bones and soft tissue add attenuation to each ray, which a film response
//! converts to grey. Only additions, multiplications, divisions, square roots and `libm` are used, so that a seed gives
//! the same bytes on every platform.

mod bones;
mod canvas;
mod config;
mod film;
mod random;
mod spine;
mod tissue;
mod vertebra;

#[cfg(test)]
mod tests;

use ikem_core::{Draw, FieldError, GrayImage, Keypoints, Point, Size, Vector};

pub use config::{PhantomConfig, SpineShape};
#[cfg(feature = "drawing")]
pub(crate) use random::Texture;
pub use spine::PhantomCurve;

use canvas::Canvas;
use random::PhantomDraw;
use spine::Spine;

/// A synthetic spinal AP radiograph.
///
/// ```
/// use ikem_data::{Phantom, PhantomConfig};
/// let config = PhantomConfig { height: [512, 512], ..PhantomConfig::default() };
/// let phantom = Phantom::generate(&config, 7)?;
/// assert_eq!(phantom.image.size().height, 512);
/// assert_eq!(phantom.keypoints.len(), 68);
/// # Ok::<(), ikem_core::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Phantom {
    /// The radiograph. All values are multiples of 1/255, so that an 8-bit file is lossless.
    pub image: GrayImage,
    /// The corners of T1–L5 in the order of [`Skeleton::spine`](ikem_core::Skeleton::spine), in image pixels.
    pub keypoints: Keypoints,
    /// The curves from top to bottom, one (C) or two (S).
    pub curves: Vec<PhantomCurve>,
}

impl Phantom {
    /// Generates the phantom of a seed. A seed gives the same phantom on every platform.
    ///
    /// # Errors
    /// [`FieldError`] if a setting is out of range.
    pub fn generate(config: &PhantomConfig, seed: u64) -> Result<Self, FieldError> {
        config.check()?;
        let spine = Spine::new(config, seed);
        let breadth = Draw::stream(seed, 7).within(config.habitus);
        let mut canvas = frame(config, &spine, seed);
        tissue::draw(&mut canvas, &spine, breadth, seed);
        bones::draw(&mut canvas, &spine, breadth, seed);
        vertebra::draw(&mut canvas, &spine, seed);
        let keypoints = spine
            .marked()
            .iter()
            .flat_map(|level| level.corners())
            .map(|corner| canvas.pixel(corner))
            .map(|p| Point::new(p.x as f32, p.y as f32))
            .collect();
        let size = Size::new(canvas.width, canvas.height);
        let bytes = film::expose(&mut canvas, config, seed);
        let image = GrayImage::from_u8(size, &bytes)
            .map_err(|error| FieldError::new("height", error.to_string(), size))?;
        Ok(Self { image, keypoints, curves: spine.curves })
    }
}

/// An empty canvas framed like a cropped radiograph: T1–L5 take nearly the full height.
fn frame(config: &PhantomConfig, spine: &Spine, seed: u64) -> Canvas {
    let mut draw = Draw::stream(seed, 8);
    let height = draw.integer(config.height[0], config.height[1]);
    let width = ((height as f64 / draw.within(config.aspect)).round() as usize).max(1);
    let corners = || spine.marked().iter().flat_map(|level| level.corners());
    let extent = |coordinate: fn(Vector) -> f64| {
        corners()
            .map(coordinate)
            .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
    };
    let ((left, right), (top, bottom)) = (extent(|p| p.x), extent(|p| p.y));
    let above = draw.within([0.018, 0.06]) * height as f64;
    let below = draw.within([0.04, 0.105]) * height as f64;
    let margin = 0.03 * width as f64;
    let scale = ((height as f64 - above - below) / (bottom - top))
        .min((width as f64 - 2.0 * margin) / (right - left));
    // The crop is centred on the spine with a small random offset.
    let middle = (left + right) / 2.0 + draw.within([-12.0, 12.0]);
    let (least, most) = (margin - left * scale, width as f64 - margin - right * scale);
    let x = (width as f64 / 2.0 - middle * scale).clamp(least.min(most), most);
    let origin = Vector::new(x, above - top * scale);
    Canvas { width, height, scale, origin, values: vec![0.0; width * height] }
}
