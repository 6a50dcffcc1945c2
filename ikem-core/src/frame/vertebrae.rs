//! Frames around single vertebrae, for a look at each of them at the film's own resolution.

use super::Frame;
use crate::affine::Affine;
use crate::error::Error;
use crate::geometry::{Point, Size};
use crate::image::GrayImage;
use crate::outline::{Outline, around, pitch};
use crate::resample::{Resampling, resample_frame};
use crate::skeleton::Skeleton;
use crate::tones::Tones;

/// Width and height of a frame relative to those of the vertebra in it.
const AROUND: [f64; 2] = [1.7, 2.3];
/// The height of a vertebra relative to the distance between the centres of neighbouring ones.
const HEIGHT: f64 = 0.8;
/// Is added to the standard deviation of a patch, so that noise on a uniform patch is not amplified: eight of 255 grey values.
const FAINT: f64 = 8.0 / 255.0;

impl Skeleton {
    /// A frame around each vertebra, turned (and mirrored) like the vertebra, which fills about the same part of it
    /// whatever its size; `None` for vertebrae without all corners. Empty unless all vertebrae have four corners (top left,
    /// top right, bottom left, bottom right) and at least two are seen.
    ///
    /// Size is the median over a vertebra and its neighbours, so that it depends little on errors of single corners.
    ///
    /// ```
    /// use ikem_core::{Point, Skeleton};
    /// let corner = |k: usize| Point::new(100.0 + 40.0 * (k % 2) as f32, (50 * (k / 4) + 30 * (k % 4 / 2)) as f32);
    /// let spine: Vec<Point> = (0..68).map(corner).collect();
    /// let frames = Skeleton::spine().vertebra_frames(&spine);
    /// let t5 = frames[4].expect("T5 is seen");
    /// assert!(t5.contains(spine[16]) && t5.contains(spine[19]) && t5.degrees() == 0.0);
    /// ```
    #[must_use]
    pub fn vertebra_frames(&self, keypoints: &[Point]) -> Vec<Option<Frame>> {
        let seen = Outline::all(self, keypoints).unwrap_or_default();
        if seen.len() < 2 {
            return Vec::new();
        }
        let mut frames = vec![None; self.vertebrae().len()];
        for (index, vertebra) in seen.iter().enumerate() {
            let width = around(&seen, index, |other| seen[other].width());
            let pitch = around(&seen, index, |other| pitch(&seen, other));
            frames[vertebra.level] = vertebra.frame([AROUND[0] * width, AROUND[1] * HEIGHT * pitch]);
        }
        frames
    }
}

impl Outline {
    /// A frame of this size around it; `None` if it has no direction.
    fn frame(&self, [width, height]: [f64; 2]) -> Option<Frame> {
        // A frame's own axis points to the left of a vertebra that it mirrors.
        let mirrored = self.across.cross(self.down) < 0.0;
        let axis = if mirrored { self.across * -1.0 } else { self.across };
        let (x, y) = (self.center.x + 0.5, self.center.y + 0.5);
        let frame = Frame::new(x - 0.5 * width, y - 0.5 * height, width, height).ok()?;
        let frame = frame.turned(libm::atan2(axis.y, axis.x).to_degrees());
        (axis.length() > 0.0).then_some(if mirrored { frame.flipped() } else { frame })
    }
}

impl Frame {
    /// The part of a film in this frame as a patch of `size` pixels, with these `tones`, then with the mean 0 and roughly the
    /// standard deviation 1, so that neither exposure nor contrast matter.
    ///
    /// # Errors
    /// [`Error::EmptySize`] when `size` has no pixels.
    pub fn patch(&self, film: &GrayImage, tones: Tones, size: Size) -> Result<Vec<f32>, Error> {
        let seen = resample_frame(film, self, size, Resampling::Area)?;
        let mut patch = tones.apply_to(&seen).pixels().to_vec();
        if tones.apply(0.0) > 0.0 {
            self.blacken_beyond(film.size(), size, &mut patch);
        }
        let count = patch.len() as f64;
        let mean = patch.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
        let squares = patch.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>();
        let scale = 1.0 / (libm::sqrt(squares / count) + FAINT);
        patch.iter_mut().for_each(|value| *value = ((f64::from(*value) - mean) * scale) as f32);
        Ok(patch)
    }

    /// Makes the pixels of a patch black that show what is beyond the film, even if black is white on it.
    fn blacken_beyond(&self, film: Size, size: Size, patch: &mut [f32]) {
        let back = self.affine(size).inverse().unwrap_or(Affine::IDENTITY);
        let inside = |position: f64, side: usize| (0.0..=side as f64).contains(&position);
        for (index, value) in patch.iter_mut().enumerate() {
            let [column, row] = [index % size.width, index / size.width].map(|pixel| pixel as f64 + 0.5);
            let [x, y] = back.apply([column, row]);
            if !inside(x, film.width) || !inside(y, film.height) {
                *value = 0.0;
            }
        }
    }

    /// The position of the corner `index` of a vertebra (top left, top right, bottom left, bottom right) that this frame
    /// was made for, in pixels of a patch of `size`, if the vertebra is a rectangle of usual size.
    #[must_use]
    pub fn usual_corner(index: usize, size: Size) -> Point {
        let side = |pixels: usize, around: f64, far: bool| {
            let half = if far { 0.5 } else { -0.5 };
            (pixels as f64 * (0.5 + half / around)) as f32
        };
        Point::new(
            side(size.width, AROUND[0], index % 2 == 1),
            side(size.height, AROUND[1], index % 4 / 2 == 1),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A spine of vertebrae of 40 × 32 pixels, 40 apart, tilted by `degrees`, mirrored or not.
    fn spine(degrees: f64, mirrored: bool) -> Vec<Point> {
        let (sin, cos) = libm::sincos(degrees.to_radians());
        let corner = |k: usize| {
            let x = if k % 2 == 1 { 20.0 } else { -20.0 };
            let (x, y) = (
                if mirrored { -x } else { x },
                40.0 * (k / 4) as f64 + if k % 4 / 2 == 1 { 32.0 } else { 0.0 },
            );
            Point::new((500.0 + cos * x - sin * y) as f32, (200.0 + sin * x + cos * y) as f32)
        };
        (0..68).map(corner).collect()
    }

    #[test]
    fn vertebrae_lie_in_their_frames_as_usual_however_they_are_turned() {
        let (film, patch) = (Size::new(900, 1000), Size::new(64, 64));
        for (degrees, mirrored) in [(0.0, false), (25.0, false), (-100.0, false), (0.0, true), (30.0, true)] {
            let spine = spine(degrees, mirrored);
            let frames = Skeleton::spine().vertebra_frames(&spine);
            assert_eq!(frames.len(), 17);
            for (level, frame) in frames.into_iter().enumerate() {
                let frame = frame.expect("a frame");
                assert_eq!(frame.is_mirrored(), mirrored);
                for corner in 0..4 {
                    let found = frame.to_grid(spine[4 * level + corner], film, patch);
                    let usual = Frame::usual_corner(corner, patch);
                    // Half a pixel of the film, by the convention of frames.
                    assert!(
                        found.distance(usual) < 0.8,
                        "{degrees} {mirrored} {corner}: {found:?}, {usual:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn vertebrae_without_all_corners_have_no_frame() {
        let mut points = spine(0.0, false);
        points[9] = Point::ABSENT;
        let frames = Skeleton::spine().vertebra_frames(&points);
        assert_eq!(frames.iter().filter(|frame| frame.is_none()).count(), 1);
        assert!(frames[2].is_none());
        assert!(Skeleton::spine().vertebra_frames(&points[..4]).is_empty());
        assert!(Skeleton::numbered(68).vertebra_frames(&points).is_empty());
        let one_place = vec![Point::new(3.0, 3.0); 68];
        assert!(Skeleton::spine().vertebra_frames(&one_place).iter().all(Option::is_none));
    }

    #[test]
    fn a_negative_is_seen_like_its_positive_and_black_around() {
        let size = Size::new(40, 50);
        let positive =
            GrayImage::new(size, (0..2000).map(|i| (i * 31 % 97) as f32 / 96.0).collect()).expect("a film");
        let negative = positive.map(|value| 1.0 - value);
        let frame = Frame::new(-10.0, 20.0, 40.0, 50.0).expect("a frame").turned(7.0);
        let patch =
            |film: &GrayImage, tones: Tones| frame.patch(film, tones, Size::new(32, 32)).expect("a patch");
        let (a, b) = (patch(&positive, Tones::IDENTITY), patch(&negative, Tones::IDENTITY.inverted()));
        let off = a.iter().zip(&b).filter(|(a, b)| (*a - *b).abs() > 0.1).count();
        // But where a pixel is partly beyond the film, which also changes the mean a little.
        assert!(off < 2 * 32, "{off} pixels differ");
        assert!((a[0] - b[0]).abs() < 0.1 && (a[31 * 32] - b[31 * 32]).abs() < 0.1);
    }

    #[test]
    fn patches_depend_on_neither_exposure_nor_contrast() {
        let size = Size::new(80, 90);
        let film = |black: f32, range: f32| {
            let pixels = (0..size.area()).map(|i| black + range * ((i * 31 % 97) as f32 / 96.0)).collect();
            GrayImage::new(size, pixels).expect("a film")
        };
        let frame = Frame::new(10.0, 10.0, 50.0, 60.0).expect("a frame").turned(12.0);
        let [a, b] = [(0.0, 1.0), (0.2, 0.7)].map(|(black, range)| {
            frame.patch(&film(black, range), Tones::IDENTITY, Size::new(32, 32)).expect("a patch")
        });
        let mean = a.iter().sum::<f32>() / a.len() as f32;
        assert!(mean.abs() < 1e-5, "{mean}");
        let off = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let top = a.iter().copied().fold(0.0, f32::max);
        assert!(off < 0.15 * top, "{off} of {top}");
        let flat = GrayImage::new(size, vec![0.5; size.area()]).expect("a film");
        let flat = frame.patch(&flat, Tones::IDENTITY, Size::new(32, 32)).expect("a patch");
        assert!(flat.iter().all(|value| value.abs() < 1e-3));
    }
}
