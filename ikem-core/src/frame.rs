mod content;
mod facing;
#[cfg(test)]
mod tests;
mod vertebrae;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::affine::Affine;
use crate::error::Error;
use crate::geometry::{Point, Size};

/// The region of a film that is mapped to a network's grid: a rectangle in image space. It may be rotated or mirrored,
/// and may extend beyond the film, where the image is black.
///
/// Its coordinates are edge-based: a film of W × H pixels is the rectangle from (0, 0) to (W, H). [`Point`]s are pixel
/// indices, which are smaller by half a pixel.
///
/// ```
/// use ikem_core::{Frame, Point, Size};
/// let (film, grid) = (Size::new(800, 2000), Size::new(192, 384));
/// let frame = Frame::new(100.0, 300.0, 600.0, 1400.0)?.turned(5.0);
/// let point = Point::new(412.5, 803.0);
/// let back = frame.to_image(frame.to_grid(point, film, grid), film, grid);
/// assert!(point.distance(back) < 1e-3);
/// # Ok::<(), ikem_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Frame {
    center: [f64; 2],
    width: f64,
    height: f64,
    degrees: f64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    mirrored: bool,
}

/// A frame as stored in a file, before validation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a frame")]
struct Unchecked {
    center: [f64; 2],
    width: f64,
    height: f64,
    #[serde(default)]
    degrees: f64,
    #[serde(default)]
    mirrored: bool,
}

/// Margins above and below a spine relative to its length from the top of T1 to the bottom of L5: the medians over the
/// films of AASCE.
const TOP: f64 = 0.04;
const BOTTOM: f64 = 0.08;
/// Width over height of a frame: the typical aspect ratio of the films of AASCE.
const ASPECT: f64 = 0.42;
/// The least width of a frame relative to that of the spine in it.
const AROUND: f64 = 1.5;
/// The largest tilt of a spine, in degrees, that is not compensated.
const LEAN: f64 = 8.0;
/// The distance of a newly included point from the frame's edge, relative to the frame's side.
const INSIDE: f64 = 0.04;
/// The valid side lengths, in pixels of the film: well beyond any use, and numerically safe.
const SIDES: std::ops::RangeInclusive<f64> = 1e-2..=1e7;

impl Frame {
    /// The upright rectangle of `width` × `height` pixels whose top left corner is at (`x`, `y`), measured from the
    /// film's outer edges.
    ///
    /// # Errors
    /// [`Error::Frame`] when a side is below 0.01 or above 10⁷ pixels, the centre is too far away, or a number is not finite.
    pub fn new(x: f64, y: f64, width: f64, height: f64) -> Result<Self, Error> {
        let center = [x + 0.5 * width, y + 0.5 * height];
        Self { center, width, height, degrees: 0.0, mirrored: false }.checked()
    }

    /// The whole film.
    #[must_use]
    pub const fn whole(film: Size) -> Self {
        let (width, height) = (film.width as f64, film.height as f64);
        Self { center: [0.5 * width, 0.5 * height], width, height, degrees: 0.0, mirrored: false }
    }

    /// The frame in which a spine fills the network's grid like on the films of AASCE: `top` is the midpoint of the
    /// upper edge of its first vertebra, `bottom` that of the lower edge of its last one, and all `points` are inside.
    /// A spine tilted by more than 8° is upright in its frame.
    ///
    /// # Errors
    /// [`Error::Frame`] when top and bottom coincide, or a point is not finite.
    pub fn around(top: Point, bottom: Point, points: &[Point]) -> Result<Self, Error> {
        let axis = bottom - top;
        let length = f64::from(top.distance(bottom));
        // The tilt, clockwise on the image; 0 for a spine that runs straight down.
        let lean = libm::atan2(f64::from(-axis.x), f64::from(axis.y)).to_degrees();
        let quarter = 90.0 * (lean / 90.0).round();
        let degrees = if (lean - quarter).abs() <= LEAN { quarter } else { lean };
        let (sin, cos) = libm::sincos(degrees.to_radians());
        // Coordinates across and along the frame.
        let position = |point: &Point| {
            let (x, y) = (f64::from(point.x) + 0.5, f64::from(point.y) + 0.5);
            [cos * x + sin * y, cos * y - sin * x]
        };
        let mut low = [f64::INFINITY; 2];
        let mut high = [f64::NEG_INFINITY; 2];
        for point in points.iter().filter(|point| !point.is_absent()).chain([&top, &bottom]).map(position) {
            for axis in 0..2 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        let (upper, lower) = (low[1] - TOP * length, high[1] + BOTTOM * length);
        let height = lower - upper;
        let width = (ASPECT * height).max(AROUND * (high[0] - low[0]));
        let (across, along) = (0.5 * (low[0] + high[0]), 0.5 * (upper + lower));
        let center = [cos * across - sin * along, sin * across + cos * along];
        Self { center, width, height, degrees, mirrored: false }.checked()
    }

    /// This frame rotated clockwise on the image about its centre by `degrees`.
    #[must_use]
    pub fn turned(self, degrees: f64) -> Self {
        let turned = (self.degrees + degrees) % 360.0;
        // Normalised to (-180, 180].
        let degrees = if turned > 180.0 {
            turned - 360.0
        } else if turned <= -180.0 {
            turned + 360.0
        } else {
            turned
        };
        Self { degrees: if degrees.is_finite() { degrees } else { self.degrees }, ..self }
    }

    /// This frame shifted down by `down` of its height, and scaled by `scale` about its centre.
    #[must_use]
    pub fn adjusted(self, down: f64, scale: f64) -> Self {
        let (sin, cos) = self.sin_cos();
        let shift = down * self.height;
        let center = [self.center[0] - sin * shift, self.center[1] + cos * shift];
        let (width, height) = (scale * self.width, scale * self.height);
        Self { center, width, height, ..self }.checked().unwrap_or(self)
    }

    /// This frame mirrored left to right.
    #[must_use]
    pub const fn flipped(self) -> Self {
        Self { mirrored: !self.mirrored, ..self }
    }

    /// This frame extended so that `point` is inside, with a margin.
    #[must_use]
    pub fn including(self, point: Point) -> Self {
        let unit = Size::new(1, 1);
        let [u, v] = self.affine(unit).apply(edge(point));
        let side = |position: f64| {
            // The extended interval; the margin is relative to the new side.
            let near = position.min(1.0 - position);
            if near >= 0.0 || !position.is_finite() {
                return (0.0, 1.0);
            }
            let margin = INSIDE * (1.0 - near) / (1.0 - INSIDE);
            if position < 0.0 { (position - margin, 1.0) } else { (0.0, position + margin) }
        };
        let ((left, right), (upper, lower)) = (side(u), side(v));
        let Some(back) = self.affine(unit).inverse() else { return self };
        let center = back.apply([0.5 * (left + right), 0.5 * (upper + lower)]);
        let (width, height) = (self.width * (right - left), self.height * (lower - upper));
        Self { center, width, height, ..self }.checked().unwrap_or(self)
    }

    /// Whether `point` is inside the frame.
    #[must_use]
    pub fn contains(&self, point: Point) -> bool {
        let inside = |position: f64| (0.0..=1.0).contains(&position);
        let [u, v] = self.affine(Size::new(1, 1)).apply(edge(point));
        inside(u) && inside(v)
    }

    /// Whether the frame is exactly the whole film.
    #[must_use]
    pub fn is_whole(&self, film: Size) -> bool {
        *self == Self::whole(film)
    }

    /// The map from the film to a grid that covers the frame, in edge-based coordinates.
    #[must_use]
    pub fn affine(&self, grid: Size) -> Affine {
        let [x, y] = self.center;
        let (sin, cos) = self.sin_cos();
        let turn = Affine { x_x: cos, x_y: sin, x_1: 0.0, y_x: -sin, y_y: cos, y_1: 0.0 };
        let (across, down) = (grid.width as f64 / self.width, grid.height as f64 / self.height);
        let mirror = if self.mirrored { -1.0 } else { 1.0 };
        Affine::shift(-x, -y)
            .then(turn)
            .then(Affine::stretch(mirror * across, down))
            .then(Affine::shift(0.5 * grid.width as f64, 0.5 * grid.height as f64))
    }

    /// Maps a point of the film to a network's grid, in pixels of the grid. For a frame of the whole film, this is the
    /// plain scaling that published checkpoints expect.
    #[must_use]
    pub fn to_grid(&self, point: Point, film: Size, grid: Size) -> Point {
        if self.is_whole(film) {
            return point.rescaled(film, grid);
        }
        if point.is_absent() {
            return point;
        }
        let [x, y] = self.points(grid).apply([f64::from(point.x), f64::from(point.y)]);
        Point::new(x as f32, y as f32)
    }

    /// Maps a point of a network's grid to the film: the inverse of [`to_grid`](Self::to_grid).
    #[must_use]
    pub fn to_image(&self, point: Point, film: Size, grid: Size) -> Point {
        if self.is_whole(film) {
            return point.rescaled(grid, film);
        }
        if point.is_absent() {
            return point;
        }
        // A frame has positive sides, so that its map is invertible.
        let back = self.points(grid).inverse().unwrap_or(Affine::IDENTITY);
        let [x, y] = back.apply([f64::from(point.x), f64::from(point.y)]);
        Point::new(x as f32, y as f32)
    }

    /// The map of [`to_grid`](Self::to_grid): [`affine`](Self::affine) in pixel indices instead of edge-based
    /// coordinates.
    #[must_use]
    pub fn points(&self, grid: Size) -> Affine {
        let [dx, dy] = self.offset(grid);
        Affine::shift(0.5, 0.5).then(self.affine(grid)).then(Affine::shift(-dx, -dy))
    }

    /// Half a pixel of the film in pixels of the grid: the offset between edge-based coordinates and pixel indices of
    /// the grid. The plain scaling of a whole film maps index 0 to index 0, and networks learn this convention for
    /// every frame.
    fn offset(&self, grid: Size) -> [f64; 2] {
        [0.5 * grid.width as f64 / self.width, 0.5 * grid.height as f64 / self.height]
    }

    /// The corners on the film in edge-based coordinates, in the frame's own order: top left, top right, bottom right,
    /// bottom left.
    #[must_use]
    pub fn corners(&self) -> [[f64; 2]; 4] {
        let back = self.affine(Size::new(1, 1)).inverse().unwrap_or(Affine::IDENTITY);
        [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]].map(|corner| back.apply(corner))
    }

    /// The centre on the film, in edge-based coordinates.
    #[must_use]
    pub const fn center(&self) -> [f64; 2] {
        self.center
    }

    /// The width along the frame's top edge, in pixels of the film.
    #[must_use]
    pub const fn width(&self) -> f64 {
        self.width
    }

    /// The height along the frame's side, in pixels of the film.
    #[must_use]
    pub const fn height(&self) -> f64 {
        self.height
    }

    /// The clockwise rotation on the image in degrees, in (-180, 180].
    #[must_use]
    pub const fn degrees(&self) -> f64 {
        self.degrees
    }

    /// Whether the frame mirrors the film.
    #[must_use]
    pub const fn is_mirrored(&self) -> bool {
        self.mirrored
    }

    /// The number of clockwise quarter turns, if the rotation is a multiple of 90°.
    pub(crate) fn quarter_turns(&self) -> Option<u8> {
        [(0.0, 0), (90.0, 1), (180.0, 2), (-90.0, 3)]
            .into_iter()
            .find_map(|(degrees, turns)| (self.degrees == degrees).then_some(turns))
    }

    /// Exact for quarter turns.
    fn sin_cos(&self) -> (f64, f64) {
        match self.quarter_turns() {
            Some(0) => (0.0, 1.0),
            Some(1) => (1.0, 0.0),
            Some(2) => (0.0, -1.0),
            Some(_) => (-1.0, 0.0),
            None => libm::sincos(self.degrees.to_radians()),
        }
    }

    fn checked(self) -> Result<Self, Error> {
        let far = self.center.iter().any(|position| !(-SIDES.end()..=*SIDES.end()).contains(position));
        if far || !SIDES.contains(&self.width) || !SIDES.contains(&self.height) || !self.degrees.is_finite() {
            return Err(Error::Frame(self.to_string()));
        }
        Ok(Self { degrees: 0.0, ..self }.turned(self.degrees))
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { center: [x, y], width, height, degrees, mirrored } = self;
        write!(f, "{width:.0} x {height:.0} px around ({x:.0}, {y:.0})")?;
        if *degrees != 0.0 {
            write!(f, ", turned by {degrees:.1}°")?;
        }
        if *mirrored { write!(f, ", mirrored") } else { Ok(()) }
    }
}

impl TryFrom<Unchecked> for Frame {
    type Error = Error;
    fn try_from(raw: Unchecked) -> Result<Self, Error> {
        let Unchecked { center, width, height, degrees, mirrored } = raw;
        Self { center, width, height, degrees, mirrored }.checked()
    }
}

/// A point in edge-based coordinates.
fn edge(point: Point) -> [f64; 2] {
    [f64::from(point.x) + 0.5, f64::from(point.y) + 0.5]
}
