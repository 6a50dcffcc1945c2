use ndarray::Array3;
use proptest::prelude::*;

use super::*;
use crate::heatmaps::Heatmaps;

const GRID: Size = Size::new(96, 384);

/// A spine with a lateral bend of `bend` pixels, its vertebrae growing downwards.
fn spine(bend: f32) -> Keypoints {
    let mut top = 20.0;
    let corners = (0..17).flat_map(|level| {
        let height = 12.0 + 0.4 * level as f32;
        let upper = top;
        top += 1.35 * height;
        let corner = move |x: f32, y: f32| {
            let middle = 48.0 + bend * (y / 60.0).sin();
            Point::new(middle + x, y)
        };
        [corner(-9.0, upper), corner(9.0, upper), corner(-9.0, upper + height), corner(9.0, upper + height)]
    });
    corners.collect()
}

fn decode(expected: &Keypoints, maps: &Heatmaps, hints: &[Hint]) -> Keypoints {
    decode_column(&Skeleton::spine(), &ColumnEvidence::new(expected, maps.view()), GRID, hints)
        .expect("a chain")
        .keypoints
}

fn largest(a: &Keypoints, b: &Keypoints) -> f32 {
    a.iter().zip(b.iter()).map(|(a, b)| a.distance(*b)).fold(0.0, f32::max)
}

/// Whether the end plates are in order from top to bottom.
fn in_order(keypoints: &Keypoints) -> bool {
    let middle = |plate: &[Point]| 0.5 * (plate[0].y + plate[1].y);
    let plates: Vec<f32> = keypoints.chunks_exact(2).map(middle).collect();
    plates.is_sorted_by(|a, b| a < b)
}

#[test]
fn unambiguous_maps_keep_their_points() {
    for bend in [0.0, 10.0, -15.0] {
        let spine = spine(bend);
        let found = decode(&spine, &Heatmaps::gaussian(&spine, GRID, 2.5), &[]);
        assert!(largest(&found, &spine) < 1.2, "{bend}: {}", largest(&found, &spine));
    }
}

/// Maps that are ambiguous between their own level and the one below, as those of a network that is unsure of the
/// count.
fn between_levels(spine: &Keypoints) -> Heatmaps {
    let below: Keypoints = (0..68).map(|k| spine[if k + 4 < 68 { k + 4 } else { k }]).collect();
    let [own, next] = [spine, &below].map(|points| Heatmaps::gaussian(points, GRID, 2.5).into_array());
    Heatmaps::from_array(own * 0.5 + next * 0.5)
}

#[test]
fn points_between_two_levels_move_to_one_of_them() {
    let spine = spine(8.0);
    let maps = between_levels(&spine);
    // The mean positions are half a level off, in the discs.
    let expected: Keypoints =
        maps.decode(&crate::Decoding::Expected).iter().map(|found| found.point).collect();
    let found = decode(&expected, &maps, &[]);
    for (level, corners) in found.chunks_exact(4).enumerate().skip(1).take(14) {
        let off = |to: usize| {
            spine.get(4 * to..4 * to + 4).map_or(f32::MAX, |corners_of| {
                corners.iter().zip(corners_of).map(|(a, b)| a.distance(*b)).fold(0.0, f32::max)
            })
        };
        assert!(off(level).min(off(level + 1)) < 3.0, "level {level}: {} {}", off(level), off(level + 1));
    }
    assert!(in_order(&found));
}

#[test]
fn a_hint_settles_the_level() {
    let spine = spine(8.0);
    let maps = between_levels(&spine);
    for (hinted, step) in [(32, 0), (32, 4)] {
        // The error covariance moves all by as much as the hinted one.
        let target = spine[hinted + step];
        let expected: Keypoints =
            (0..68).map(|k| if k + step < 68 { spine[k + step] } else { spine[k] }).collect();
        let found = decode(&expected, &maps, &[Hint::new(hinted, target)]);
        assert!(found[hinted].distance(target) < 1.0, "{:?} is not {target:?}", found[hinted]);
        for k in 8..60 {
            let off = found[k].distance(spine[k + step]);
            assert!(off < 3.0, "keypoint {k}, {step}: {off}");
        }
    }
}

#[test]
fn an_ambiguous_count_has_an_alternative_with_its_probability() {
    let spine = spine(8.0);
    let maps = between_levels(&spine);
    let decode = |expected: &Keypoints, maps: &Heatmaps, hints: &[Hint]| {
        decode_column(&Skeleton::spine(), &ColumnEvidence::new(expected, maps.view()), GRID, hints)
            .expect("a chain")
    };
    let expected: Keypoints =
        maps.decode(&crate::Decoding::Expected).iter().map(|found| found.point).collect();
    // Both counts are likely, and both put every vertebra where the maps show one.
    let unsure = decode(&expected, &maps, &[]);
    assert_eq!(unsure.alternatives.len(), 2);
    let other = unsure.alternatives.first().expect("the other count");
    assert!(other.probability > 0.15, "{}", other.probability);
    for k in 8..56 {
        let pair = [&unsure.keypoints, &other.keypoints]
            .map(|found| [k, k + 4].map(|own| found[k].distance(spine[own]) < 3.5));
        assert!(
            matches!(pair, [[true, false], [false, true]] | [[false, true], [true, false]]),
            "{k}: {pair:?}"
        );
    }
    let total: f32 = unsure.alternatives.iter().map(|recount| recount.probability).sum();
    assert!(total < 1.0 && unsure.alternatives.is_sorted_by(|a, b| a.probability >= b.probability));
    // Unambiguous maps, or a hint, leave no alternative.
    let sure = decode(&spine, &Heatmaps::gaussian(&spine, GRID, 2.5), &[]);
    let hinted = decode(&spine, &maps, &[Hint::new(32, spine[32])]);
    assert_eq!(sure.alternatives.len(), 2);
    assert!(sure.alternatives.iter().all(|recount| recount.probability < 0.01), "{:?}", sure.alternatives);
    assert_eq!(hinted.alternatives, []);
}

/// The maps of a detector that sees every corner of `spine`, at half the grid's resolution.
fn corner_maps(spine: &Keypoints) -> CornerMaps {
    let size = Size::new(GRID.width / 2, GRID.height / 2);
    let points: Keypoints = spine.iter().map(|&point| point * 0.5).collect();
    let all = Heatmaps::gaussian(&points, size, 1.3);
    let mut maps = Array3::zeros((4, size.height, size.width));
    for (k, map) in all.view().outer_iter().enumerate() {
        maps.index_axis_mut(ndarray::Axis(0), k % 4)
            .zip_mut_with(&map, |value: &mut f32, &own| *value = value.max(own));
    }
    CornerMaps::new(maps).expect("corner maps")
}

/// Keypoints that are expected where the heatmaps show them, and corner maps.
fn with<'a>(
    keypoints: &'a Keypoints,
    maps: &'a Heatmaps,
    corners: Option<&'a CornerMaps>,
) -> ColumnEvidence<'a> {
    ColumnEvidence { corners, ..ColumnEvidence::new(keypoints, maps.view()) }
}

#[test]
fn corner_maps_place_every_corner() {
    for bend in [0.0, 8.0, -15.0] {
        let spine = spine(bend);
        // Heatmaps too blurred to show end plates, and points off by 2.5 pixels.
        let maps = Heatmaps::gaussian(&spine, GRID, 9.0);
        let off: Keypoints = spine.iter().map(|&point| point + Point::new(1.5, -2.0)).collect();
        let corners = corner_maps(&spine);
        let found = decode_column(&Skeleton::spine(), &with(&off, &maps, Some(&corners)), GRID, &[]);
        let found = found.expect("a chain").keypoints;
        assert!(largest(&found, &spine) < 1.25, "{bend}: {}", largest(&found, &spine));
    }
}

#[test]
fn end_plates_are_clearest_where_as_many_vertebrae_are_expected() {
    let spine = spine(8.0);
    let corners = corner_maps(&spine);
    let clarity = |vertebrae: f32| {
        let (top, stretch) = (spine[0].y, vertebrae / 17.0);
        let spread = |point: &Point| Point::new(point.x, top + stretch * (point.y - top));
        let expected: Keypoints = spine.iter().map(spread).collect();
        let maps = Heatmaps::gaussian(&expected, GRID, 4.3);
        let seen = with(&expected, &maps, Some(&corners));
        decode_column(&Skeleton::spine(), &seen, GRID, &[]).expect("a chain").clarity
    };
    let right = clarity(17.0);
    for vertebrae in [15.0, 16.0, 18.0] {
        assert!(clarity(vertebrae) < right - 0.1, "{vertebrae}: {} and {right}", clarity(vertebrae));
    }
}

#[test]
fn corner_maps_have_four_maps_with_pixels() {
    for (shape, expected) in [((4, 3, 2), true), ((3, 3, 2), false), ((4, 0, 2), false), ((4, 3, 0), false)] {
        assert_eq!(CornerMaps::new(Array3::zeros(shape)).is_ok(), expected, "{shape:?}");
    }
}

/// The spine with every vertebra where the next one is; below L5 it goes on.
fn one_too_low(spine: &Keypoints) -> Keypoints {
    let below = |k: usize| match k + 4 {
        next if next < 68 => spine[next],
        _ => spine[k] + (spine[k] - spine[k - 4]),
    };
    (0..68).map(below).collect()
}

#[test]
fn a_hint_recounts_all_vertebrae() {
    let spine = spine(8.0);
    // In the maps, too.
    let miscounted = one_too_low(&spine);
    let maps = Heatmaps::gaussian(&miscounted, GRID, 2.5);
    let corners = corner_maps(&spine);
    for corners in [None, Some(&corners)] {
        let hint = Hint::new(32, spine[32]);
        let found = decode_column(&Skeleton::spine(), &with(&miscounted, &maps, corners), GRID, &[hint]);
        let found = found.expect("a chain").keypoints;
        assert!(largest(&found[8..].to_vec().into(), &spine[8..].to_vec().into()) < 2.0, "{found:?}");
    }
}

#[test]
fn a_hint_recounts_the_vertebrae_on_its_side() {
    let spine = spine(8.0);
    // From T9 on, everything is one vertebra too low: T8 is as long as two.
    let below = |k: usize| match k + 4 {
        _ if k < 32 => spine[k],
        next if next < 68 => spine[next],
        _ => spine[k] + (spine[k] - spine[k - 4]),
    };
    let miscounted: Keypoints = (0..68).map(below).collect();
    let maps = Heatmaps::gaussian(&miscounted, GRID, 2.5);
    let hint = Hint::new(48, spine[48]);
    let corners = corner_maps(&spine);
    let found = decode_column(&Skeleton::spine(), &with(&miscounted, &maps, Some(&corners)), GRID, &[hint]);
    let found = found.expect("a chain").keypoints;
    assert!(largest(&found, &spine) < 2.0, "{}", largest(&found, &spine));
}

#[test]
fn no_end_plate_moves_much_further_than_the_hinted_one() {
    let (spine, plates) = (spine(0.0), plates(&Skeleton::spine()).expect("end plates"));
    let maps = Heatmaps::gaussian(&spine, GRID, 2.5);
    let ends: Vec<Point> = plates.iter().map(|[l, r]| (spine[*l] + spine[*r]) * 0.5).collect();
    let midline = Midline::new(&ends, STEPS_PER_LEVEL).expect("a midline");
    let positions: Vec<MidlinePosition> = spine.iter().map(|&point| midline.project(point)).collect();
    let scores = |before| {
        let seen = ColumnEvidence { before, ..ColumnEvidence::new(&spine, maps.view()) };
        let mut evidence = Evidence::new(&midline, &plates, &positions, &seen, GRID).expect("evidence");
        evidence.hint(&Hint::new(32, spine[32] + Point::new(0.0, 6.0)), &midline, &plates, &positions);
        evidence.scores(&SOURCES)
    };
    let (known, unknown) = (scores(Some(&spine)), scores(None));
    let most = 6.0 / midline.step();
    let own = positions[plates[5][0]].along;
    for (state, (known, unknown)) in known[5].iter().zip(&unknown[5]).enumerate() {
        for (position, (known, unknown)) in known.iter().zip(unknown).enumerate() {
            let further = ((position as f32 - own).abs() - most).max(0.0);
            let expected = (-0.5 * (further / 2.0).powi(2)).max(-12.0);
            assert!((known - unknown - expected).abs() < 1e-3, "{state}, {position}: {known}, {unknown}");
        }
    }
}

#[test]
fn maps_may_have_any_resolution() {
    let spine = spine(8.0);
    // A quarter of the grid, with coinciding corner pixels.
    let points =
        spine.iter().map(|point| Point::new(point.x * 23.0 / 95.0, point.y * 95.0 / 383.0)).collect();
    let coarse = Heatmaps::gaussian(&points, Size::new(24, 96), 0.75);
    let low: Keypoints = spine.iter().map(|&point| point + Point::new(0.0, 3.0)).collect();
    let found = decode_column(&Skeleton::spine(), &ColumnEvidence::new(&low, coarse.view()), GRID, &[])
        .expect("a chain")
        .keypoints;
    let fine = decode(&low, &Heatmaps::gaussian(&spine, GRID, 3.1), &[]);
    // A step of the chain is one pixel here.
    assert!(largest(&found, &fine) < 1.1, "{}", largest(&found, &fine));
    // At least halfway from the expected to the observed points.
    let mean = found.distances(&spine).sum::<f32>() / 68.0;
    assert!(mean < 1.5, "{mean}");
}

#[test]
fn an_end_plate_moves_to_its_hint() {
    let spine = spine(0.0);
    let maps = Heatmaps::gaussian(&spine, GRID, 4.0);
    // A hint two thirds of a level below, which the prediction does not reflect yet.
    let hint = Hint::new(33, spine[33] + Point::new(0.0, 12.0));
    let found = decode(&spine, &maps, &[hint]);
    for corner in [32, 33] {
        let off = found[corner].distance(spine[corner] + Point::new(0.0, 12.0));
        assert!(off < 1.0, "corner {corner}: {off}");
    }
    assert!(in_order(&found));
}

#[test]
fn degenerate_input_gives_none() {
    let (spine, skeleton) = (spine(0.0), Skeleton::spine());
    let maps = Heatmaps::gaussian(&spine, GRID, 2.5);
    let decode = |skeleton: &Skeleton, points: &Keypoints| {
        decode_column(skeleton, &ColumnEvidence::new(points, maps.view()), GRID, &[])
    };
    assert!(decode(&skeleton, &vec![Point::new(3.0, 3.0); 68].into()).is_none());
    assert!(decode(&skeleton, &vec![Point::new(f32::NAN, 3.0); 68].into()).is_none());
    assert!(decode(&skeleton, &vec![Point::new(1.0, 3.0); 5].into()).is_none());
    let hand = Skeleton::new(vec!["tip".to_owned()], vec![], vec![], vec![]).expect("a skeleton");
    assert!(decode(&hand, &spine).is_none());
    let dark = Array3::zeros((68, 96, 24));
    assert!(decode_column(&skeleton, &ColumnEvidence::new(&spine, dark.view()), GRID, &[]).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn end_plates_stay_in_order_for_any_hints(
        bend in -20.0_f32..20.0,
        hints in prop::collection::vec((0_usize..68, -40.0_f32..136.0, -40.0_f32..424.0), 0..6),
        with_corners: bool,
    ) {
        let spine = spine(bend);
        let corners = with_corners.then(|| corner_maps(&spine));
        let hints: Vec<Hint> = hints.into_iter().map(|(k, x, y)| Hint::new(k, Point::new(x, y))).collect();
        let maps = Heatmaps::gaussian(&spine, GRID, 4.0);
        if let Some(found) = decode_column(&Skeleton::spine(), &with(&spine, &maps, corners.as_ref()), GRID, &hints) {
            let all = found.alternatives.iter().map(|other| &other.keypoints).chain([&found.keypoints]);
            for keypoints in all {
                prop_assert!(keypoints.iter().all(|point| point.is_finite()) && in_order(keypoints));
            }
            let again = decode_column(&Skeleton::spine(), &with(&spine, &maps, corners.as_ref()), GRID, &hints);
            prop_assert_eq!(Some(found), again);
        }
    }
}
