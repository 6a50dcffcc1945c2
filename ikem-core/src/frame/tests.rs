use proptest::prelude::*;

use super::*;

pub(crate) fn any_frame() -> impl Strategy<Value = Frame> {
    let place = || -500_f64..1500.0;
    (place(), place(), 20_f64..3000.0, 20_f64..3000.0, -200_f64..200.0, any::<bool>()).prop_map(
        |(x, y, width, height, degrees, mirrored)| {
            let frame = Frame::new(x, y, width, height).expect("a frame").turned(degrees);
            if mirrored { frame.flipped() } else { frame }
        },
    )
}

const GRID: Size = Size::new(192, 384);

proptest! {
    #[test]
    fn image_to_grid_and_back_is_the_identity(
        frame in any_frame(), x in -100_f32..2000.0, y in -100_f32..2000.0,
    ) {
        let film = Size::new(900, 1800);
        let point = Point::new(x, y);
        let back = frame.to_image(frame.to_grid(point, film, GRID), film, GRID);
        prop_assert!(point.distance(back) < 1e-3, "{point:?} came back as {back:?}");
    }

    #[test]
    fn a_frame_of_the_whole_film_is_plain_scaling(
        width in 1_usize..5000, height in 1_usize..5000, u in 0_f32..1.0, v in 0_f32..1.0,
    ) {
        let film = Size::new(width, height);
        let point = Point::new(u * width as f32, v * height as f32);
        prop_assert_eq!(Frame::whole(film).to_grid(point, film, GRID), point.rescaled(film, GRID));
        // The general map agrees.
        let bigger = Size::new(width + 1, height);
        let close = Frame::whole(film).to_grid(point, bigger, GRID);
        prop_assert!(close.distance(point.rescaled(film, GRID)) < 1e-3);
    }

    #[test]
    fn an_extended_frame_contains_the_point_and_the_old_frame(
        frame in any_frame(), x in -3000_f32..3000.0, y in -3000_f32..3000.0,
    ) {
        let point = Point::new(x, y);
        let extended = frame.including(point);
        prop_assert!(extended.contains(point));
        let [a, .., d] = frame.corners();
        for corner in [a, d] {
            let inward = |axis: usize| corner[axis] + 1e-3 * (frame.center()[axis] - corner[axis]);
            let corner = Point::new((inward(0) - 0.5) as f32, (inward(1) - 0.5) as f32);
            prop_assert!(extended.contains(corner));
        }
        if frame.contains(point) {
            let same = |a: f64, b: f64| (a - b).abs() < 1e-6 * (1.0 + a.abs());
            prop_assert!(same(extended.width(), frame.width()) && same(extended.height(), frame.height()));
        }
    }

    #[test]
    fn a_spine_has_the_same_position_in_its_frame_at_any_rotation(
        degrees in -180_f64..180.0, x in 0_f64..2000.0, y in 0_f64..2000.0, length in 500_f64..2000.0,
    ) {
        let (sin, cos) = libm::sincos(degrees.to_radians());
        let at = |across: f64, along: f64| {
            let (u, v) = (length * across, length * along);
            Point::new((x + cos * u - sin * v) as f32, (y + sin * u + cos * v) as f32)
        };
        let bend = [at(0.05, 0.5), at(-0.07, 0.2)];
        let frame = Frame::around(at(0.0, 0.0), at(0.0, 1.0), &bend).expect("a spine");
        let film = Size::new(1, 1);
        let nearest = 90.0 * (degrees / 90.0).round();
        if (degrees - nearest).abs() > LEAN {
            let top = frame.to_grid(at(0.0, 0.0), film, GRID);
            let bottom = frame.to_grid(at(0.0, 1.0), film, GRID);
            prop_assert!((f64::from(top.y) / 384.0 - TOP / 1.12).abs() < 5e-3, "{top:?}");
            prop_assert!((f64::from(bottom.y) / 384.0 - (1.0 - BOTTOM / 1.12)).abs() < 5e-3, "{bottom:?}");
        }
        for point in bend {
            prop_assert!(frame.contains(point));
        }
    }
}

#[test]
fn rotations_and_mirroring_have_the_documented_direction() {
    let film = Size::new(100, 200);
    let frame = Frame::new(0.0, 0.0, 100.0, 200.0).expect("a frame");
    let grid = Size::new(100, 200);
    let point = Point::new(10.0, 20.0);
    for (frame, expected) in [
        (frame, Point::new(10.0, 20.0)),
        (frame.flipped(), Point::new(89.0 - 0.5 + 0.5, 20.0)),
        (frame.turned(180.0), Point::new(89.0, 179.0)),
    ] {
        let found = frame.to_grid(point, film, grid);
        assert!(found.distance(expected) < 1e-4, "{frame}: {found:?}");
    }
    // Rotated clockwise, its top edge is on the film's right.
    let square = Frame::new(0.0, 0.0, 100.0, 100.0).expect("a frame").turned(90.0);
    let corner = square.corners()[0];
    assert!((corner[0] - 100.0).abs() < 1e-9 && corner[1].abs() < 1e-9, "{corner:?}");
}

#[test]
fn invalid_frames_are_rejected_when_deserialised() {
    let frame = Frame::new(3.0, -4.0, 500.0, 1200.5).expect("a frame").turned(-7.5).flipped();
    let json = serde_json::to_string(&frame).expect("json");
    assert_eq!(serde_json::from_str::<Frame>(&json).expect("a frame"), frame);
    for wrong in [
        r#"{"center": [0, 0], "width": 0, "height": 5}"#,
        r#"{"center": [0, 0], "width": -3, "height": 5}"#,
        r#"{"center": [1e300, 0], "width": 3, "height": 5}"#,
        r#"{"center": [0, 0], "width": 3, "height": 5, "color": 1}"#,
    ] {
        assert!(serde_json::from_str::<Frame>(wrong).is_err(), "{wrong}");
    }
    assert!(Frame::new(0.0, f64::NAN, 1.0, 1.0).is_err());
    let point = Point::new(3.0, 3.0);
    assert!(Frame::around(point, point, &[]).is_err());
}

#[test]
fn an_adjusted_frame_shifts_along_its_own_side() {
    let frame = Frame::new(100.0, 200.0, 60.0, 300.0).expect("a frame");
    let expected = Frame::new(97.0, 200.0 + 30.0 - 15.0, 66.0, 330.0).expect("a frame");
    let close = |a: Frame, b: Frame| {
        let off = (a.center()[0] - b.center()[0]).abs() + (a.center()[1] - b.center()[1]).abs();
        off + (a.width() - b.width()).abs() + (a.height() - b.height()).abs() < 1e-9
    };
    assert!(close(frame.adjusted(0.1, 1.1), expected));
    // Rotated clockwise, down is to the left.
    let turned = frame.turned(90.0).adjusted(0.1, 1.0);
    assert!(
        (turned.center()[0] - 100.0).abs() < 1e-9 && (turned.center()[1] - 350.0).abs() < 1e-9,
        "{turned}"
    );
    assert_eq!(frame.adjusted(f64::NAN, 1.0), frame);
}
