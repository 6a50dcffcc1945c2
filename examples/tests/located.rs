//! The bundled locator: spines on films of any kind, and nothing where there is none.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

use std::sync::LazyLock;

use ikem_core::{Draw, Frame, GrayImage, Hint, Keypoints, Point, Size};
use ikem_data::{Phantom, PhantomConfig};
use ikem_models::{Checkpoint, Doubt, Predictor, Session, View};

static PREDICTOR: LazyLock<Predictor> = LazyLock::new(|| Predictor::pretrained().expect("the bundled model"));

fn phantoms() -> impl Iterator<Item = Phantom> {
    (1..=6).map(|seed| Phantom::generate(&PhantomConfig::default(), seed).expect("a phantom"))
}

fn session(image: &GrayImage) -> Session {
    PREDICTOR.session(image).expect("a session")
}

fn mean_error(found: &Keypoints, expected: &Keypoints) -> f32 {
    found.distances(expected).sum::<f32>() / expected.len() as f32
}

/// An image whose pixel at (x, y) is `f` of both.
fn drawn(size: Size, f: impl Fn(f32, f32) -> f32) -> GrayImage {
    let pixel = |i: usize| f((i % size.width) as f32, (i / size.width) as f32).clamp(0.0, 1.0);
    GrayImage::new(size, (0..size.area()).map(pixel).collect()).expect("pixels")
}

/// `image` turned clockwise by a quarter turn, and where its points go.
fn turned(image: &GrayImage, keypoints: &Keypoints) -> (GrayImage, Keypoints) {
    let Size { width, height } = image.size();
    let pixels = image.pixels();
    let seen = drawn(Size::new(height, width), |x, y| pixels[(height - 1 - x as usize) * width + y as usize]);
    let moved = keypoints.iter().map(|point| Point::new(height as f32 - 1.0 - point.y, point.x)).collect();
    (seen, moved)
}

/// The bundled model decodes each spine as a whole: without that, the same heatmaps give other points.
#[test]
fn the_bundled_model_decodes_columns() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ikem-models/weights/unet-ikem-w24.safetensors");
    let mut checkpoint = Checkpoint::read(path).expect("the bundled weights");
    checkpoint.config.column = false;
    let by_itself = Predictor::builder().build(checkpoint).expect("a predictor");
    for Phantom { image, keypoints, .. } in phantoms() {
        let frame = PREDICTOR.config().skeleton.frame(&keypoints).expect("vertebrae").expect("a frame");
        let [column, plain] =
            [&*PREDICTOR, &by_itself].map(|one| one.predict_in(&image, frame).expect("a prediction"));
        assert_eq!(column.confidences(), plain.confidences());
        let moved = mean_error(column.keypoints(), plain.keypoints());
        assert!(moved > 0.1 && moved < 20.0, "points were moved by {moved} px on average");
        let plates: Vec<f32> =
            column.keypoints().chunks_exact(2).map(|plate| plate[0].y + plate[1].y).collect();
        assert!(plates.is_sorted_by(|above, below| above < below));
    }
}

#[test]
fn a_turned_film_is_told_and_marked_as_well_as_upright() {
    let (mut upright, mut otherwise) = (0.0, [0.0; 3]);
    for phantom in phantoms() {
        upright += mean_error(&session(&phantom.image).keypoints(), &phantom.keypoints);
        let (mut image, mut keypoints) = (phantom.image, phantom.keypoints);
        for (turns, sum) in (1..).zip(&mut otherwise) {
            (image, keypoints) = turned(&image, &keypoints);
            let session = session(&image);
            let degrees = session.view().frame.degrees();
            let off = (degrees - 90.0 * f64::from(turns)).rem_euclid(360.0);
            assert!(off.min(360.0 - off) < 30.0, "{turns} quarter turns: {degrees}");
            *sum += mean_error(&session.keypoints(), &keypoints);
        }
    }
    for (turns, error) in (1..).zip(otherwise) {
        assert!(error <= 1.25 * upright, "{turns} quarter turns: {error} px, {upright} upright");
    }
}

#[test]
fn a_negative_is_told_and_marked_as_well() {
    let (mut positive, mut negative) = (0.0, 0.0);
    for phantom in phantoms() {
        let found = session(&phantom.image);
        assert!(!found.view().negative);
        positive += mean_error(&found.keypoints(), &phantom.keypoints);
        let inverted = drawn(phantom.image.size(), |x, y| {
            1.0 - phantom.image.pixels()[y as usize * phantom.image.size().width + x as usize]
        });
        let found = session(&inverted);
        assert!(found.view().negative);
        negative += mean_error(&found.keypoints(), &phantom.keypoints);
    }
    assert!(negative <= 1.25 * positive, "{negative} px, {positive} as a positive");
}

#[test]
fn a_film_in_wide_margins_is_found() {
    for phantom in phantoms() {
        let Size { width, height } = phantom.image.size();
        let (left, top) = (width, height / 3);
        let pixels = phantom.image.pixels();
        let image = drawn(Size::new(3 * width, height + 2 * top), |x, y| {
            let place = (x as usize).checked_sub(left).zip((y as usize).checked_sub(top));
            place.filter(|(x, y)| *x < width && *y < height).map_or(0.0, |(x, y)| pixels[y * width + x])
        });
        let shift = Point::new(left as f32, top as f32);
        let expected: Keypoints = phantom.keypoints.iter().map(|&point| point + shift).collect();
        let found = mean_error(&session(&image).keypoints(), &expected);
        let as_it_is = mean_error(&session(&phantom.image).keypoints(), &phantom.keypoints);
        assert!(found < 1.25 * as_it_is + 0.005 * height as f32, "{found} px, {as_it_is} without margins");
    }
}

/// A hint corrects a frame that the locator found too long, but not one that was given.
#[test]
fn a_correction_replaces_a_located_frame_that_is_too_long() {
    let mut replaced = 0;
    for Phantom { image, keypoints, .. } in phantoms() {
        let frame = PREDICTOR.config().skeleton.frame(&keypoints).expect("vertebrae").expect("a frame");
        // By two and a half vertebrae below L5: a frame is 19 vertebrae high.
        let long = frame.adjusted(0.5 * 2.5 / 19.0, 1.0 + 2.5 / 19.0);
        let lowest = Hint::new(67, keypoints[67]);
        let given = View::from(long);
        for view in [given, View { confidence: Some(1.0), ..given }] {
            let mut session = PREDICTOR.session_in(&image, view).expect("a session");
            assert_eq!(session.view().frame, long);
            session.revise(lowest).expect("a prediction");
            assert_eq!(session.keypoints()[67], lowest.point);
            let found = *session.view();
            assert_eq!(found.confidence, view.confidence);
            if found != view {
                assert!(
                    (found.frame.height() / frame.height() - 1.0).abs() < 0.05,
                    "{}, not {frame}",
                    found.frame
                );
                assert!(view.confidence.is_some(), "a frame that was given");
                replaced += 1;
            }
            assert!(session.undo());
            assert_eq!(session.view().frame, long);
            assert!(session.redo());
            assert_eq!(*session.view(), found);
        }
    }
    assert!(replaced >= 4, "{replaced} of 6 frames were replaced");
}

/// Distance of a place to the stretch from `a` to `b`.
fn to_stretch(x: f32, y: f32, a: (f32, f32), b: (f32, f32)) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let along = (((x - a.0) * dx + (y - a.1) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (x - a.0 - along * dx).hypot(y - a.1 - along * dy)
}

/// A hand: five fingers of three bones each on the bones of the palm.
fn hand() -> GrayImage {
    drawn(Size::new(700, 900), |x, y| {
        let mut value: f32 = 0.08;
        for finger in 0..5 {
            let spread = (finger as f32 - 2.0) * 0.22;
            let (sin, cos) = spread.sin_cos();
            let at = |way: f32| (350.0 + 1.3 * way * sin, 850.0 - way * cos);
            let flesh = 38.0 - to_stretch(x, y, at(40.0), at(640.0));
            value = value.max(if flesh > 0.0 { 0.3 } else { 0.0 });
            for (from, to) in [(60.0, 330.0), (350.0, 470.0), (485.0, 560.0), (572.0, 625.0)] {
                let bone = 17.0 - to_stretch(x, y, at(from), at(to));
                value = value.max(if bone > 0.0 { 0.55 + 0.02 * (17.0 - bone) } else { 0.0 });
            }
        }
        value
    })
}

/// A landscape: sky, hills, a sun, a house.
fn landscape() -> GrayImage {
    drawn(Size::new(1200, 800), |x, y| {
        let hills = 480.0 + 60.0 * (x / 170.0).sin() + 30.0 * (x / 61.0).cos();
        if (780.0..930.0).contains(&x) && (400.0..560.0).contains(&y) {
            return if (x as i32 / 40 + y as i32 / 40) % 2 == 0 { 0.8 } else { 0.35 };
        }
        if y > hills {
            return 0.35 + 0.1 * (x / 13.0).sin() * (y / 9.0).cos();
        }
        if (x - 250.0).hypot(y - 150.0) < 80.0 { 1.0 } else { 0.85 - y / 1600.0 }
    })
}

/// As a film of 12 of 16 bits with a border of 65535, on all sides or on the right alone.
#[test]
fn margins_much_brighter_than_the_film_change_nothing() {
    let phantom = phantoms().next().expect("a phantom");
    let Size { width, height } = phantom.image.size();
    let expected = mean_error(&session(&phantom.image).keypoints(), &phantom.keypoints);
    for (left, right, above) in [(0, width / 60, 0), (100, 100, 120)] {
        let film = drawn(Size::new(width + left + right, height + 2 * above), |x, y| {
            let (x, y) = (x as usize, y as usize);
            let inside = (left..left + width).contains(&x) && (above..above + height).contains(&y);
            if inside { phantom.image.pixels()[(y - above) * width + x - left] / 16.0 } else { 1.0 }
        });
        let session = session(&film);
        assert_eq!(session.doubt(), None, "{left}, {right}, {above}");
        let moved =
            phantom.keypoints.iter().map(|&point| point + Point::new(left as f32, above as f32)).collect();
        let error = mean_error(&session.keypoints(), &moved);
        assert!(
            error < expected + 3.0,
            "{error} px with margins of {left}, {right}, {above}; {expected} without"
        );
    }
}

#[test]
fn where_there_is_no_spine_nothing_is_found() {
    let size = Size::new(800, 2000);
    let noise: Vec<f32> = {
        let mut draw = Draw::new(5, &[]);
        (0..size.area()).map(|_| draw.unit() as f32).collect()
    };
    let films = [
        ("black", drawn(size, |_, _| 0.0)),
        ("white", drawn(size, |_, _| 1.0)),
        ("grey", drawn(size, |_, _| 0.4)),
        ("noise", GrayImage::new(size, noise).expect("pixels")),
        ("a gradient", drawn(size, |x, y| (x + y) / 2800.0)),
        ("a hand", hand()),
        ("a landscape", landscape()),
    ];
    for (name, film) in films {
        let session = session(&film);
        assert!(
            matches!(session.doubt(), Some(Doubt::NothingFound { .. })),
            "{name}: {:?}, {:?}",
            session.view(),
            session.doubt()
        );
        assert_eq!(session.view().frame, Frame::whole(film.size()));
    }
}
