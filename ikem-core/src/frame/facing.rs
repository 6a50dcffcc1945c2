//! Films in the orientation of a frame, to the nearest quarter turn.

use super::Frame;
use crate::geometry::Size;
use crate::keypoints::Keypoints;
use crate::spacing::Spacing;

impl Frame {
    /// The number of clockwise quarter turns nearest to the frame's rotation, 0 to 3.
    #[must_use]
    pub fn nearest_quarter(&self) -> u8 {
        // From -2 to 2.
        (libm::round(self.degrees / 90.0) as i8).rem_euclid(4).unsigned_abs()
    }

    /// The whole film in this frame's orientation: rotated by the [nearest quarter turns](Self::nearest_quarter), and
    /// mirrored if the frame is. A spine that is upright in the frame is upright or tilted by at most 45° there.
    ///
    /// ```
    /// use ikem_core::{Frame, Point, Size};
    /// let film = Size::new(1800, 900);
    /// let frame = Frame::new(200.0, 100.0, 600.0, 600.0)?.turned(85.0);
    /// let facing = frame.facing(film);
    /// assert_eq!((facing.width(), facing.height(), facing.degrees()), (900.0, 1800.0, 90.0));
    /// # Ok::<(), ikem_core::Error>(())
    /// ```
    #[must_use]
    pub fn facing(&self, film: Size) -> Self {
        let mut whole = Self { mirrored: self.mirrored, ..Self::whole(film) };
        let turns = self.nearest_quarter();
        if turns % 2 == 1 {
            (whole.width, whole.height) = (whole.height, whole.width);
        }
        whole.turned(90.0 * f64::from(turns))
    }

    /// The keypoints in the film's [orientation in this frame](Self::facing), stretched horizontally to square pixels
    /// according to `spacing`, with the film's size then. Cobb angles depend on this orientation and need square
    /// pixels; without a known spacing, pixels are assumed to be square.
    #[must_use]
    pub fn upright(&self, keypoints: &Keypoints, film: Size, spacing: Option<Spacing>) -> (Keypoints, Size) {
        let facing = self.facing(film);
        let seen = Size::new(facing.width() as usize, facing.height() as usize);
        let points = keypoints.iter().map(|&point| facing.to_grid(point, film, seen)).collect();
        match spacing
            .map(|spacing| spacing.turned(self.nearest_quarter()))
            .filter(|spacing| !spacing.is_square())
        {
            None => (points, seen),
            Some(spacing) => {
                let width = libm::round(seen.width as f64 * spacing.x / spacing.y).max(1.0) as usize;
                (spacing.squared(&points), Size::new(width, seen.height))
            }
        }
    }

    /// This frame of the same region after the film was rotated by `quarter_turns`, clockwise as the frame shows it:
    /// each turn swaps width and height.
    #[must_use]
    pub fn seen_turned(self, quarter_turns: i8) -> Self {
        let mut seen = self;
        if quarter_turns % 2 != 0 {
            (seen.width, seen.height) = (self.height, self.width);
        }
        // A rotation is reversed in a mirror; and the frame rotates against the film.
        let way = if self.mirrored { 90.0 } else { -90.0 };
        seen.turned(way * f64::from(quarter_turns))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::any_frame;
    use super::*;
    use crate::geometry::Point;

    const FILM: Size = Size::new(900, 1800);

    proptest! {
        #[test]
        fn a_rotated_film_rotates_the_frame(
            frame in any_frame(), turns in -4_i8..=4, x in 0_f32..900.0, y in 0_f32..1800.0,
        ) {
            let point = Point::new(x, y);
            // Coordinates in the frame relative to its centre, in pixels of the film.
            let seen = |frame: &Frame| {
                let [u, v] = frame.affine(Size::new(1, 1)).apply([f64::from(x) + 0.5, f64::from(y) + 0.5]);
                [(u - 0.5) * frame.width(), (v - 0.5) * frame.height()]
            };
            let mut expected = seen(&frame);
            for _ in 0..turns.rem_euclid(4) {
                expected = [-expected[1], expected[0]];
            }
            let turned = frame.seen_turned(turns);
            let found = seen(&turned);
            for axis in 0..2 {
                prop_assert!((found[axis] - expected[axis]).abs() < 1e-6, "{found:?} is not {expected:?}");
            }
            prop_assert_eq!(turned.contains(point), frame.contains(point));
        }

        #[test]
        fn a_film_takes_the_orientation_of_its_frame(frame in any_frame(), x in 0_f32..899.0, y in 0_f32..1799.0) {
            let facing = frame.facing(FILM);
            prop_assert!(facing.contains(Point::new(x, y)));
            prop_assert_eq!(facing.is_mirrored(), frame.is_mirrored());
            prop_assert!((facing.degrees() - frame.degrees() + 540.0).rem_euclid(360.0) - 180.0 <= 45.0);
            prop_assert!((frame.degrees() - facing.degrees() + 540.0).rem_euclid(360.0) - 180.0 <= 45.0);
        }
    }

    #[test]
    fn four_quarter_turns_or_two_mirrorings_are_the_identity() {
        let whole = Frame::whole(FILM);
        let once = whole.seen_turned(1);
        assert_eq!(once, once.facing(FILM));
        assert_eq!(once.seen_turned(1).seen_turned(1).seen_turned(1), whole);
        assert_eq!(whole.seen_turned(-1), whole.seen_turned(2).seen_turned(1));
        assert_eq!(once.flipped().seen_turned(1).flipped(), whole);
        assert_eq!(whole.facing(FILM), whole);
    }

    /// A square of the patient, on pixels twice as wide as high, stays a square in every orientation.
    #[test]
    fn upright_points_have_square_pixels() {
        let spacing = Spacing::new(0.2, 0.1);
        let film: Keypoints = [(40.0, 20.0), (60.0, 20.0), (40.0, 60.0), (60.0, 60.0)]
            .map(|(x, y)| Point::new(x, y))
            .to_vec()
            .into();
        for turns in 0..4 {
            let frame = Frame::whole(FILM).seen_turned(turns);
            let (points, size) = frame.upright(&film, FILM, spacing);
            let sides = [(0, 1), (2, 3), (0, 2), (1, 3)].map(|(a, b)| points[a].distance(points[b]));
            assert!(sides.iter().all(|side| (side - sides[0]).abs() < 1e-3), "{turns}: {sides:?}");
            let expected = if turns % 2 == 0 { Size::new(1800, 1800) } else { Size::new(900, 900) };
            assert_eq!(size, expected, "{turns}");
            let square = Spacing::new(0.15, 0.15);
            assert_eq!(frame.upright(&film, FILM, square), frame.upright(&film, FILM, None));
        }
    }

    #[test]
    fn the_nearest_quarter_is_between_0_and_3() {
        let whole = Frame::whole(FILM);
        for (degrees, turns) in
            [(44.0, 0), (-44.0, 0), (46.0, 1), (134.0, 1), (180.0, 2), (-136.0, 2), (-90.0, 3)]
        {
            assert_eq!(whole.turned(degrees).nearest_quarter(), turns, "{degrees}");
        }
    }
}
