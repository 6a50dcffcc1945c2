use ikem_core::{Point, Skeleton, fnv1a};
use proptest::prelude::*;

use super::*;

fn small() -> PhantomConfig {
    PhantomConfig { height: [600, 600], ..PhantomConfig::default() }
}

/// The pixels as 8-bit values.
fn bytes(phantom: &Phantom) -> Vec<u8> {
    phantom.image.pixels().iter().map(|value| (value * 255.0).round() as u8).collect()
}

/// The angle of the line from `a` to `b` in degrees.
fn angle(a: Point, b: Point) -> f64 {
    f64::from(b.y - a.y).atan2(f64::from(b.x - a.x)).to_degrees()
}

/// The angle between the upper endplate of one vertebra and the lower endplate of another.
fn measured(keypoints: &[Point], upper: usize, lower: usize) -> f64 {
    let top = angle(keypoints[4 * upper], keypoints[4 * upper + 1]);
    let bottom = angle(keypoints[4 * lower + 2], keypoints[4 * lower + 3]);
    (top - bottom).abs()
}

#[test]
fn a_seed_gives_the_same_pixels_everywhere() {
    let cases = [(1, SpineShape::C, 0x023e_7ffc_d296_d205), (2, SpineShape::S, 0xcc48_f94a_07fb_d4d8)];
    for (seed, shape, expected) in cases {
        let phantom = Phantom::generate(&PhantomConfig { shape, ..small() }, seed).expect("a valid config");
        let found = fnv1a(&bytes(&phantom));
        assert_eq!(found, expected, "seed {seed}: {found:#x}");
    }
}

#[test]
fn the_shipped_picture_matches_the_generator() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/assets/");
    let text = std::fs::read_to_string(format!("{folder}phantom.json")).expect("shipped with the examples");
    let mut truth: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let config: PhantomConfig = serde_json::from_value(truth["config"].take()).expect("a config");
    let phantom =
        Phantom::generate(&config, truth["seed"].as_u64().expect("a seed")).expect("a valid config");
    let picture = image::open(format!("{folder}phantom.png")).expect("shipped with the examples");
    assert_eq!(picture.color(), image::ColorType::L8);
    let size = phantom.image.size();
    assert_eq!((picture.width() as usize, picture.height() as usize), (size.width, size.height));
    assert!(picture.as_bytes() == bytes(&phantom), "the pixels differ");
    let names = Skeleton::spine().names().to_vec();
    for ((point, name), stored) in
        phantom.keypoints.iter().zip(names).zip(truth["keypoints"].as_array().expect("keypoints"))
    {
        assert_eq!(stored["name"], name);
        let coordinate = |key: &str| stored[key].as_f64().expect("a number") as f32;
        assert!(point.distance(Point::new(coordinate("x"), coordinate("y"))) < 1e-3, "{name}");
    }
}

#[test]
fn endplates_enclose_the_requested_angle() {
    for (shape, count) in [(SpineShape::C, 1), (SpineShape::S, 2)] {
        for degrees in [0.0, 10.0, 25.0, 45.0, 60.0] {
            for seed in 0..4 {
                let config = PhantomConfig { height: [300, 300], shape, cobb: [degrees; 2], ..small() };
                let phantom = Phantom::generate(&config, seed).expect("a valid config");
                assert_eq!(phantom.curves.len(), count);
                let largest = phantom.curves.iter().map(|curve| curve.cobb).fold(0.0, f64::max);
                assert!((largest - degrees).abs() < 1e-9, "{largest} of {degrees}");
                for curve in &phantom.curves {
                    let found = measured(&phantom.keypoints, curve.upper, curve.lower);
                    assert!((found - curve.cobb).abs() < 2.0, "seed {seed}: {found:.2} of {:.2}", curve.cobb);
                }
            }
        }
    }
}

#[test]
fn curves_bulge_to_their_convex_side() {
    for seed in 0..6 {
        let config = PhantomConfig { cobb: [40.0, 50.0], ..small() };
        let phantom = Phantom::generate(&config, seed).expect("a valid config");
        let middle = |vertebra: usize| {
            let corners = &phantom.keypoints[4 * vertebra..4 * vertebra + 4];
            corners.iter().fold(Point::default(), |sum, &corner| sum + corner * 0.25)
        };
        for curve in &phantom.curves {
            let (top, apex, bottom) =
                (middle(curve.upper), middle((curve.upper + curve.lower) / 2), middle(curve.lower));
            let chord = top.x + (bottom.x - top.x) * (apex.y - top.y) / (bottom.y - top.y);
            assert_eq!(apex.x > chord, curve.convex_right, "seed {seed}: {curve:?}");
        }
    }
}

#[test]
fn bodies_end_at_the_landmarks() {
    // Without sagittal tilt and noise, each endplate is a single line.
    let config = PhantomConfig {
        height: [1600, 1600],
        kyphosis: [0.0, 0.0],
        lordosis: [0.0, 0.0],
        noise: [0.0, 0.0],
        blur: [0.5, 0.5],
        ..PhantomConfig::default()
    };
    let phantom = Phantom::generate(&config, 3).expect("a valid config");
    let width = phantom.image.size().width;
    let grey = |p: Point| phantom.image.pixels()[p.y.round() as usize * width + p.x.round() as usize];
    let mut brighter = 0;
    let mut plates = 0;
    for pair in phantom.keypoints.chunks_exact(4).zip(phantom.keypoints.chunks_exact(4).skip(1)) {
        let (upper, lower) = pair;
        for t in [0.25, 0.75] {
            let on = |line: &[Point]| line[0] + (line[1] - line[0]) * t;
            let (plate, next) = (on(&upper[2..]), on(&lower[..2]));
            let gap = next - plate;
            // Endplates are slightly concave: search for the line nearby, but never as far as the middle of the disc.
            let near = |p: Point, towards: f32| {
                (-4..=2).map(|step| grey(p + gap * (towards * step as f32 * 0.06))).fold(0.0, f32::max)
            };
            let disc = grey(plate + gap * 0.5);
            plates += 2;
            brighter +=
                usize::from(near(plate, 1.0) > disc + 0.01) + usize::from(near(next, -1.0) > disc + 0.01);
        }
    }
    assert!(
        brighter * 100 >= plates * 95,
        "{brighter} of {plates} endplates are brighter than the adjacent disc"
    );
    let mut denser = 0;
    for corners in phantom.keypoints.chunks_exact(4) {
        // Near the endplates, where the waist is slight, just inside and outside the sides.
        for (here, other, end) in [(0, 1, 2), (1, 0, 3), (2, 3, 0), (3, 2, 1)] {
            let side = corners[here] + (corners[end] - corners[here]) * 0.12;
            let inwards = corners[other] - corners[here];
            denser += usize::from(grey(side + inwards * 0.07) > grey(side + inwards * -0.035));
        }
    }
    assert!(denser >= 62, "only {denser} of 68 sides are brighter inside the body than outside");
}

#[test]
fn vertebrae_grow_downwards() {
    let phantom = Phantom::generate(&small(), 5).expect("a valid config");
    let width =
        |vertebra: usize| phantom.keypoints[4 * vertebra].distance(phantom.keypoints[4 * vertebra + 1]);
    let height =
        |vertebra: usize| phantom.keypoints[4 * vertebra].distance(phantom.keypoints[4 * vertebra + 2]);
    for (upper, lower) in [(4, 8), (8, 12), (12, 16)] {
        assert!(width(lower) > width(upper), "width of {lower} and {upper}");
    }
    for (upper, lower) in [(0, 4), (4, 8), (8, 12)] {
        assert!(height(lower) > height(upper), "height of {lower} and {upper}");
    }
}

#[test]
fn invalid_settings_are_rejected() {
    let config = PhantomConfig { cobb: [0.0, 61.0], ..small() };
    assert_eq!(Phantom::generate(&config, 0).map_err(|error| error.field), Err("cobb".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn landmarks_are_ordered_and_inside(
        seed in any::<u64>(), cobb in 0.0..=60.0, aspect in 1.2..=5.0, height in 256_usize..500,
    ) {
        let config = PhantomConfig {
            height: [height; 2], cobb: [cobb; 2], aspect: [aspect; 2],
            noise: [0.0, 0.1], blur: [0.0, 4.0], exposure: [0.5, 2.0], collimator: 0.5, marker: 0.5,
            ..PhantomConfig::default()
        };
        let phantom = Phantom::generate(&config, seed).expect("a valid config");
        prop_assert!(phantom.image.pixels().iter().all(|value| (0.0..=1.0).contains(value)));
        prop_assert_eq!(phantom.keypoints.len(), 68);
        let size = phantom.image.size();
        prop_assert!(phantom.keypoints.iter().all(|&p| p.is_finite() && size.contains(p)));
        for corners in phantom.keypoints.chunks_exact(4) {
            prop_assert!(corners[0].x < corners[1].x && corners[2].x < corners[3].x);
            prop_assert!(corners[0].y < corners[2].y && corners[1].y < corners[3].y);
        }
        // On both sides, no vertebra reaches into the next.
        for (upper, lower) in phantom.keypoints.chunks_exact(4).zip(phantom.keypoints.chunks_exact(4).skip(1)) {
            prop_assert!(upper[2].y < lower[0].y && upper[3].y < lower[1].y);
        }
    }
}
