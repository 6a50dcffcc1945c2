//! Guarantees of augmentation: pixels and keypoints move together, and nothing moves without need.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers")]

use ikem_core::{Draw, GrayImage, Keypoints, Point, Preparation, Resampling, Size, Skeleton};
use ikem_data::{
    Augmentation, Bend, BrightnessContrast, Crop, Flip, Gamma, Noise, Pipeline, Rotation, Scaling,
    Surroundings, Translation,
};
use proptest::prelude::*;

const GRID: Size = Size::new(128, 256);

fn preparation(resampling: Resampling) -> Preparation {
    Preparation { size: GRID, resampling }
}

fn two() -> Skeleton {
    let names = ["left", "right"].map(str::to_owned).to_vec();
    Skeleton::new(names, vec![], vec![(0, 1)], vec![]).unwrap()
}

fn certain(mut step: Augmentation) -> Augmentation {
    match &mut step {
        Augmentation::Rotation(a) => a.probability = 1.0,
        Augmentation::Flip(a) => a.probability = 1.0,
        Augmentation::Scaling(a) => a.probability = 1.0,
        Augmentation::Translation(a) => a.probability = 1.0,
        Augmentation::Crop(a) => a.probability = 1.0,
        Augmentation::Bend(a) => a.probability = 1.0,
        Augmentation::BrightnessContrast(a) => a.probability = 1.0,
        Augmentation::Gamma(a) => a.probability = 1.0,
        Augmentation::Noise(a) => a.probability = 1.0,
        other => panic!("{other:?} is not covered by this test"),
    }
    step
}

/// Any sequence of geometric steps.
fn any_geometry() -> impl Strategy<Value = Pipeline> {
    let step = prop_oneof![
        (0_f64..30.0).prop_map(|degrees| Augmentation::Rotation(Rotation { degrees, ..Rotation::default() })),
        any::<bool>().prop_map(|swap_pairs| Augmentation::Flip(Flip { swap_pairs, ..Flip::default() })),
        (-0.1_f64..0.0, 0_f64..0.2)
            .prop_map(|(a, b)| Augmentation::Scaling(Scaling { change: [a, b], ..Scaling::default() })),
        (0_f64..0.1, 0_f64..0.1).prop_map(|(x, y)| Augmentation::Translation(Translation {
            x,
            y,
            ..Translation::default()
        })),
        (0_f64..0.1).prop_map(|strip| Augmentation::Crop(Crop { strip, ..Crop::default() })),
        (0_f64..0.1, 0.1_f64..1.0).prop_map(|(shift, least)| Augmentation::Bend(Bend {
            shift,
            waves: [least, 2.0],
            ..Bend::default()
        })),
    ];
    prop::collection::vec(step.prop_map(certain), 0..5).prop_map(|steps| Pipeline::new(steps).unwrap())
}

/// Any size up to a few hundred pixels per side.
fn any_size() -> impl Strategy<Value = Size> {
    (150_usize..500, 300_usize..900).prop_map(|(width, height)| Size::new(width, height))
}

/// A black image with a spot at `point`, which is round on the grid and large enough to survive resampling. An
/// elongated spot would itself be bent, and its centroid would move off the point.
fn spot(size: Size, point: Point) -> GrayImage {
    let scale = [size.width as f32 / GRID.width as f32, size.height as f32 / GRID.height as f32];
    let value = |i: usize| {
        let off = Point::new((i % size.width) as f32, (i / size.width) as f32) - point;
        let place = [off.x / (2.0 * scale[0]), off.y / (2.0 * scale[1])];
        (-0.5 * (place[0].powi(2) + place[1].powi(2))).exp()
    };
    GrayImage::new(size, (0..size.area()).map(value).collect()).unwrap()
}

/// The centroid of brightness for values of −1…1.
fn light(values: &[f32]) -> Option<Point> {
    let (mut mass, mut x, mut y) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (i, value) in values.iter().enumerate() {
        let weight = f64::from(value + 1.0);
        mass += weight;
        x += weight * (i % GRID.width) as f64;
        y += weight * (i / GRID.width) as f64;
    }
    (mass > 1.0).then(|| Point::new((x / mass) as f32, (y / mass) as f32))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn spots_move_with_their_keypoints(
        pipeline in any_geometry(), size in any_size(), u in 0.2_f32..0.8, v in 0.2_f32..0.8, seed in any::<u64>(),
        area in any::<bool>(),
    ) {
        let point = Point::new(u * size.width as f32, v * size.height as f32);
        let plan = pipeline.draw(size, &mut Draw::new(seed, &[]));
        let filter = if area { Resampling::Area } else { Resampling::Bilinear };
        let values = plan.image(&spot(size, point), &preparation(filter)).unwrap();
        let skeleton = Skeleton::numbered(1);
        let moved = plan.keypoints(&vec![point].into(), GRID, &skeleton).unwrap()[0];
        // Well inside, so that the spot is not cropped.
        if (12.0..116.0).contains(&moved.x) && (12.0..244.0).contains(&moved.y) {
            let seen = light(&values).expect("a spot");
            let off = moved - seen;
            prop_assert!(off.x.abs() <= 0.5 && off.y.abs() <= 0.5, "{moved:?}, seen at {seen:?}");
        }
    }

    #[test]
    fn the_identity_equals_the_predictors_input(size in any_size(), seed in any::<u64>(), area in any::<bool>()) {
        let image = GrayImage::new(size, (0..size.area()).map(|i| (i * i % 97) as f32 / 96.0).collect()).unwrap();
        let preparation = preparation(if area { Resampling::Area } else { Resampling::Bilinear });
        let never = Pipeline::new(vec![Augmentation::Rotation(Rotation { probability: 0.0, ..Rotation::default() })]);
        for pipeline in [Pipeline::identity(), never.unwrap()] {
            let plan = pipeline.draw(size, &mut Draw::new(seed, &[]));
            prop_assert_eq!(plan.image(&image, &preparation).unwrap(), preparation.apply(&image).unwrap());
            let points: Keypoints = vec![Point::new(3.0, 4.5), Point::new(100.25, 77.0)].into();
            prop_assert_eq!(plan.keypoints(&points, GRID, &two()).unwrap(), points.rescaled(size, GRID));
        }
    }

    #[test]
    fn flipping_twice_is_the_identity(size in any_size(), x in 0_f32..300.0, y in 0_f32..600.0) {
        let flip = certain(Augmentation::Flip(Flip::default()));
        let image = GrayImage::new(size, (0..size.area()).map(|i| (i * i % 97) as f32 / 96.0).collect()).unwrap();
        let plan = Pipeline::new(vec![flip; 2]).unwrap().draw(size, &mut Draw::new(1, &[]));
        let preparation = preparation(Resampling::Area);
        prop_assert_eq!(plan.image(&image, &preparation).unwrap(), preparation.apply(&image).unwrap());
        let points: Keypoints = vec![Point::new(x, y), Point::new(y, x)].into();
        prop_assert_eq!(plan.keypoints(&points, GRID, &two()).unwrap(), points.rescaled(size, GRID));
    }

    #[test]
    fn eight_and_sixteen_bits_give_equal_inputs(
        bytes in prop::collection::vec(any::<u8>(), 40 * 60), seed in any::<u64>(), area in any::<bool>(),
    ) {
        let size = Size::new(40, 60);
        let eight = GrayImage::from_u8(size, &bytes).unwrap();
        let words: Vec<u16> = bytes.iter().map(|&byte| 257 * u16::from(byte)).collect();
        let sixteen = GrayImage::from_u16(size, &words).unwrap();
        let plan = Pipeline::standard().draw(size, &mut Draw::new(seed, &[]));
        let preparation = preparation(if area { Resampling::Area } else { Resampling::Bilinear });
        let (a, b) = (plan.image(&eight, &preparation).unwrap(), plan.image(&sixteen, &preparation).unwrap());
        // Values span −1…1, so 1/255 of grey is twice as much.
        prop_assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 2.0 / 255.0));
    }

    #[test]
    fn the_standard_pipeline_stays_in_range(seed in any::<u64>(), size in any_size()) {
        let image = GrayImage::new(size, vec![0.8; size.area()]).unwrap();
        let plan = Pipeline::standard().draw(size, &mut Draw::new(seed, &[]));
        let values = plan.image(&image, &preparation(Resampling::Area)).unwrap();
        prop_assert_eq!(values.len(), GRID.area());
        prop_assert!(values.iter().all(|value| (-1.0 - 1e-5..=1.0 + 1e-5).contains(value)));
    }
}

#[test]
fn a_flip_swaps_names_unless_configured_otherwise() {
    let size = Size::new(200, 100);
    let points: Keypoints = vec![Point::new(20.0, 10.0), Point::new(150.0, 30.0)].into();
    let flipped = |swap_pairs| {
        let flip = Augmentation::Flip(Flip { swap_pairs, probability: 1.0 });
        let plan = Pipeline::new(vec![flip]).unwrap().draw(size, &mut Draw::new(1, &[]));
        plan.keypoints(&points, size, &two()).unwrap().to_vec()
    };
    assert_eq!(flipped(false), [Point::new(179.0, 10.0), Point::new(49.0, 30.0)]);
    assert_eq!(flipped(true), [Point::new(49.0, 30.0), Point::new(179.0, 10.0)]);
}

#[test]
fn a_rotation_keeps_the_whole_image_and_pads_with_black() {
    let size = Size::new(128, 256);
    let white = GrayImage::new(size, vec![1.0; size.area()]).unwrap();
    let turn = Augmentation::Rotation(Rotation { degrees: 15.0, widen: true, probability: 1.0 });
    let pipeline = Pipeline::new(vec![turn]).unwrap();
    let corners: Keypoints = vec![Point::new(-0.5, -0.5), Point::new(127.5, 255.5)].into();
    let mut turned = 0;
    for seed in 0..20 {
        let plan = pipeline.draw(size, &mut Draw::new(seed, &[]));
        for point in plan.keypoints(&corners, GRID, &two()).unwrap().iter() {
            assert!((-1.0..=128.0).contains(&point.x) && (-1.0..=256.0).contains(&point.y), "{point:?}");
        }
        let values = plan.image(&white, &preparation(Resampling::Area)).unwrap();
        assert_eq!(values[128 * 128 + 64], 1.0);
        turned += usize::from(values[0] == -1.0);
    }
    assert!(turned >= 15, "{turned} of 20 corners are black");
}

#[test]
fn a_rotation_without_widening_keeps_the_scale() {
    let size = Size::new(128, 256);
    let turn = Augmentation::Rotation(Rotation { degrees: 15.0, widen: false, probability: 1.0 });
    let pipeline = Pipeline::new(vec![turn]).unwrap();
    let middle = Point::new(63.5, 127.5);
    let points: Keypoints = vec![middle, Point::new(63.5, 27.5)].into();
    for seed in 0..20 {
        let moved = pipeline.draw(size, &mut Draw::new(seed, &[])).keypoints(&points, size, &two()).unwrap();
        assert!(moved[0].distance(middle) < 1e-3, "{moved:?}");
        assert!((moved[1].distance(middle) - 100.0).abs() < 1e-3, "{moved:?}");
    }
}

#[test]
fn surroundings_replace_black_padding() {
    let size = Size::new(128, 256);
    let white = GrayImage::new(size, vec![1.0; size.area()]).unwrap();
    let smaller = Augmentation::Scaling(Scaling { change: [-0.5, -0.5], probability: 1.0 });
    let around = Augmentation::Surroundings(Surroundings { probability: 1.0 });
    for (steps, expected) in [(vec![smaller], -1.0), (vec![smaller, around], 1.0)] {
        let plan = Pipeline::new(steps).unwrap().draw(size, &mut Draw::new(1, &[]));
        let values = plan.image(&white, &preparation(Resampling::Area)).unwrap();
        assert_eq!((values[0], values[128 * 128 + 64]), (expected, 1.0));
    }
}

#[test]
fn a_bend_only_shifts_rows() {
    let size = Size::new(128, 256);
    let bend = Augmentation::Bend(Bend { shift: 0.1, waves: [1.0, 1.0], probability: 1.0 });
    let pipeline = Pipeline::new(vec![bend]).unwrap();
    let points: Keypoints = vec![Point::new(64.0, 40.0), Point::new(64.0, 168.0)].into();
    let mut farthest = 0.0_f32;
    for seed in 0..50 {
        let moved = pipeline.draw(size, &mut Draw::new(seed, &[])).keypoints(&points, size, &two()).unwrap();
        let [upper, lower] = [moved[0] - points[0], moved[1] - points[1]];
        // Half a period apart.
        assert!((upper.x + lower.x).abs() < 1e-4 && upper.x.abs() <= 12.8, "{upper:?} {lower:?}");
        assert_eq!([upper.y, lower.y], [0.0, 0.0]);
        farthest = farthest.max(upper.x.abs());
    }
    assert!(farthest > 9.0, "{farthest}");
}

#[test]
fn scaling_changes_the_picture() {
    let size = Size::new(100, 200);
    let scale = Augmentation::Scaling(Scaling { change: [0.2, 0.2], probability: 1.0 });
    let plan = Pipeline::new(vec![scale]).unwrap().draw(size, &mut Draw::new(1, &[]));
    let points: Keypoints = vec![Point::new(24.5, 49.5), Point::new(49.5, 99.5)].into();
    let moved = plan.keypoints(&points, size, &two()).unwrap();
    assert!(
        moved[0].distance(Point::new(19.5, 39.5)) < 1e-4 && moved[1].distance(points[1]) < 1e-4,
        "{moved:?}"
    );
}

#[test]
fn invalid_parameters_are_rejected() {
    for (step, expected) in [
        (Augmentation::Rotation(Rotation { degrees: 90.0, widen: true, probability: 0.5 }), "degrees: 0…89"),
        (Augmentation::Scaling(Scaling { change: [-1.0, 0.0], probability: 0.5 }), "change: two numbers"),
        (Augmentation::Translation(Translation { x: f64::NAN, ..Translation::default() }), "x and y: 0…1"),
        (Augmentation::Crop(Crop { strip: 1.0, probability: 0.5 }), "strip: 0…0.9"),
        (
            Augmentation::BrightnessContrast(BrightnessContrast {
                contrast: 2.0,
                ..BrightnessContrast::default()
            }),
            "0…1",
        ),
        (Augmentation::Gamma(Gamma { range: [0.0, 1.0], probability: 0.5 }), "range: two numbers above 0"),
        (Augmentation::Bend(Bend { shift: 0.6, ..Bend::default() }), "shift and waves: 0…0.5"),
        (Augmentation::Bend(Bend { waves: [0.0, 1.0], ..Bend::default() }), "two numbers in 0…8"),
        (Augmentation::Noise(Noise { deviation: -0.1, probability: 0.5 }), "deviation: 0…1"),
        (Augmentation::Noise(Noise { deviation: 0.1, probability: 1.5 }), "probability: 0…1"),
    ] {
        let message = Pipeline::new(vec![step]).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let plan = Pipeline::identity().draw(Size::new(9, 9), &mut Draw::new(1, &[]));
    assert!(plan.keypoints(&Keypoints::default(), GRID, &two()).is_err());
}
