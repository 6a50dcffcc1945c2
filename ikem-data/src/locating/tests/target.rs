use ikem_core::Draw;

use super::*;
use crate::locating::fill::Fill;
use crate::locating::shapes::{Coverage, area, clip};
use crate::locating::{End, LocatingTarget};

fn target_of(scan: Scan, view: &View, config: &LocatingConfig) -> LocatingTarget {
    scene_of(scan, view, &Fill::Level(0.0), config).target
}

#[test]
fn polygons_are_clipped_to_a_box_and_cover_their_area() {
    let square = [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]];
    let diamond = [[2.0, -2.0], [6.0, 2.0], [2.0, 6.0], [-2.0, 2.0]];
    assert_eq!(area(&square), 16.0);
    assert_eq!(area(&diamond), 32.0);
    assert_eq!(area(&clip(&diamond, [0.0, 0.0, 4.0, 4.0])), 16.0);
    assert_eq!(area(&clip(&diamond, [2.0, -9.0, 9.0, 9.0])), 16.0);
    assert!(clip(&square, [5.0, 0.0, 9.0, 4.0]).is_empty());
    let mut coverage = Coverage::new(3, 4);
    coverage.fill(&[[2.0, 4.0], [8.0, 4.0], [8.0, 9.0], [2.0, 9.0]]);
    assert_eq!(coverage.parts(), [0.0, 0.0, 0.0, 0.5, 1.0, 0.0, 0.125, 0.25, 0.0]);
}

#[test]
fn the_column_covers_the_vertebrae_and_the_gaps() {
    for (tilt, turns) in [(0.0, 0), (12.0, 0), (-7.0, 1), (20.0, 2)] {
        let film = scan(17);
        let view = View { tilt, turns, mirrored: turns == 1, area: [-20.0, -20.0, 120.0, 220.0] };
        let map = view.map(256);
        let expected: f64 = film
            .column()
            .iter()
            .map(|polygon| area(&polygon.iter().map(|&point| map.apply(point)).collect::<Vec<_>>()))
            .sum();
        let middles: Vec<[f64; 2]> = vertebrae(17)
            .iter()
            .map(|corners| {
                map.apply([0, 1].map(|axis| corners.iter().map(|corner| corner[axis]).sum::<f64>() / 4.0))
            })
            .collect();
        let target = target_of(film, &view, &plain(256));
        let covered: f64 = target.column.iter().map(|&part| 16.0 * f64::from(part)).sum();
        assert!((covered / expected - 1.0).abs() < 0.01, "{covered} of {expected}");
        for [x, y] in middles {
            assert!(target.column[y as usize / 4 * 64 + x as usize / 4] > 0.9, "at {x}, {y}");
        }
        assert_eq!((target.spine, target.turns), (true, Some(turns)));
    }
}

#[test]
fn the_ends_are_midpoints_of_the_outer_endplates() {
    let (first, last) = (vertebrae(17)[0], vertebrae(17)[16]);
    for turns in 0..4 {
        for (mirrored, tilt) in [(false, 0.0), (true, 0.0), (true, 8.0)] {
            let view = View { mirrored, tilt, turns, ..View::of(SCENE) };
            let map = view.map(128);
            let target = target_of(scan(17), &view, &plain(128));
            for (end, [a, b]) in target.ends.iter().zip([[first[0], first[1]], [last[2], last[3]]]) {
                let (a, b) = (map.apply(a), map.apply(b));
                let End::At(point) = end else { panic!("{end:?}") };
                let (x, y) = ((a[0] + b[0]) / 2.0 - 0.5, (a[1] + b[1]) / 2.0 - 0.5);
                assert!((f64::from(point.x) - x).abs() < 1e-4 && (f64::from(point.y) - y).abs() < 1e-4);
            }
        }
    }
}

const SCENE: [f64; 4] = [0.0, 0.0, 100.0, 200.0];

#[test]
fn ends_cut_off_are_outside_and_half_a_spine_counts_as_one() {
    let view = |top, bottom| View::of([0.0, top, 100.0, bottom]);
    let target = |view| target_of(scan(17), &view, &plain(128));
    let upper = target(view(0.0, 110.0));
    assert!(matches!(upper.ends, [End::At(_), End::Outside]) && upper.spine);
    let lower = target(view(110.0, 200.0));
    assert!(matches!(lower.ends, [End::Outside, End::At(_)]) && !lower.spine);
    let neither = target(view(30.0, 150.0));
    assert_eq!((neither.ends, neither.spine), ([End::Outside; 2], true));
    let beside = target(View::of([70.0, 0.0, 100.0, 200.0]));
    assert_eq!((beside.ends, beside.spine), ([End::Outside; 2], false));
    assert!(beside.column.iter().all(|&part| part == 0.0));
}

#[test]
fn ends_without_names_and_the_column_around_them_are_unknown() {
    let weight_at = |target: &LocatingTarget, x: f64, y: f64| {
        let cell = |axis: f64| (axis * 0.64) as usize / 4;
        target.weight[cell(y) * 32 + cell(x) + 8]
    };
    for count in [16, 18] {
        let step = 160.0 / count as f64;
        let target = target_of(scan(count), &View::of(SCENE), &plain(128));
        assert_eq!((target.ends, target.spine), ([End::Unknown; 2], true));
        // In and beyond the outermost vertebrae.
        for y in [20.0 - 0.5 * step, 20.0 + 0.5 * step, 180.0 - 0.5 * step, 180.0 + 0.5 * step] {
            let x = if y < 100.0 { 51.0 } else { 59.0 };
            assert_eq!(weight_at(&target, x, y), 0.0, "{count} vertebrae, {y}");
        }
        for y in [4.0, 20.0 + 1.7 * step, 100.0, 180.0 - 1.8 * step, 197.0] {
            assert_eq!(weight_at(&target, 53.0, y), 1.0, "{count} vertebrae, {y}");
        }
        assert_eq!((weight_at(&target, 20.0, 15.0), weight_at(&target, 90.0, 100.0)), (1.0, 1.0));
    }
    // Where no uncertain region is visible, the ends are known to be outside.
    let inner = target_of(scan(16), &View::of([0.0, 50.0, 100.0, 150.0]), &plain(128));
    assert_eq!(inner.ends, [End::Outside; 2]);
    assert!(inner.weight.iter().all(|&weight| weight == 1.0));
    let whole = target_of(scan(17), &View::of(SCENE), &plain(128));
    assert!(whole.weight.iter().all(|&weight| weight == 1.0));
}

#[test]
fn views_stay_within_the_configured_ranges() {
    let film = scan(17);
    let ([left, top, right, bottom], length) = film.spine();
    let drawn = |config: SceneConfig, seed| View::draw(&film, &config, &mut Draw::new(seed, &[]));
    let plain = SceneConfig::plain();
    assert_eq!(drawn(plain, 1), View::of(film.edges()));
    for seed in 0..200 {
        let around = drawn(SceneConfig { whole: 0.0, ..plain }, seed).area;
        let far = [left - around[0], top - around[1], around[2] - right, around[3] - bottom];
        let least = [0.1, 0.02, 0.1, 0.02];
        for (far, least) in far.into_iter().zip(least) {
            assert!((least * length..=0.9 * length).contains(&far), "{far}");
        }
        let tight = drawn(SceneConfig { whole: 0.0, tight: 1.0, ..plain }, seed).area;
        assert!((0.02 * length..=0.08 * length).contains(&(top - tight[1])));
        assert!((0.04 * length..=0.15 * length).contains(&(tight[3] - bottom)));
        let cut = drawn(SceneConfig { cut: 1.0, ..plain }, seed).area;
        let lost = (cut[1] - top).max(bottom - cut[3]) / (bottom - top);
        assert!((0.05..=0.35).contains(&lost) && (cut[1] < top || cut[3] > bottom), "{cut:?}");
        let tilted = drawn(SceneConfig { wide_tilt: 1.0, widest_tilt: 9.0, ..plain }, seed);
        assert!(tilted.tilt.abs() <= 9.0 && tilted.tilt != 0.0);
        let turned = drawn(SceneConfig { turned: 1.0, mirror: 1.0, ..plain }, seed);
        assert!((1..4).contains(&turned.turns) && turned.mirrored);
    }
}

#[test]
fn no_view_shows_a_second_spine_beside_the_first() {
    let film = scan(17);
    let ([left, _, right, _], _) = film.spine();
    let wide = View { tilt: 3.0, ..View::of([-500.0, -90.0, 600.0, 300.0]) };
    let narrow = View { area: [-left, -90.0, 200.0 - right, 300.0], ..wide };
    assert_eq!(wide.without_second_spine(&film), narrow);
    let inner = View::of([10.0, 20.0, 80.0, 120.0]);
    assert_eq!(inner.without_second_spine(&film), inner);
}
