use ikem_core::{Draw, Letterbox, Tones};

use super::*;
use crate::locating::blank::Blank;
use crate::locating::fill::Fill;
use crate::locating::scene::empty_part;
use crate::locating::{End, Fills};

#[test]
fn a_film_is_centred_and_fills_the_grid_with_its_longer_side() {
    let cases = [
        ((100.0, 200.0, 256), (64, 0, 128, 256)),
        ((200.0, 100.0, 256), (0, 64, 256, 128)),
        ((7.0, 7.0, 64), (0, 0, 64, 64)),
        ((661.0, 2000.0, 256), (85, 0, 85, 256)),
        ((1.0, 4000.0, 64), (31, 0, 1, 64)),
    ];
    for ((width, height, grid), (left, top, columns, rows)) in cases {
        let frame = Letterbox::new(width, height, grid);
        assert_eq!(frame, Letterbox { left, top, width: columns, height: rows });
        let map = frame.map(width, height);
        assert_eq!(map.apply([0.0, 0.0]), [left as f64, top as f64]);
        let [x, y] = map.apply([width, height]);
        assert!((x - (left + columns) as f64).abs() < 1e-9 && (y - (top + rows) as f64).abs() < 1e-9);
    }
}

#[test]
fn levels_span_the_first_to_the_99th_percentile() {
    let mut values: Vec<f32> = (0..=1000).rev().map(|i| 0.2 + i as f32 / 2000.0).collect();
    Tones::normalise(&mut values);
    for (index, expected) in
        [(1000, -1.0), (990, -1.0), (989, -0.998), (500, 0.0), (10, 1.0), (0, 1.0), (255, 0.5)]
    {
        assert!((values[index] - expected).abs() < 1e-3, "{index}: {}", values[index]);
    }
    let mut flat = vec![0.75, 0.7504];
    Tones::normalise(&mut flat);
    assert!((flat[0] - 0.5).abs() < 1e-6 && (flat[1] - 0.5008).abs() < 1e-6);
    Tones::normalise(&mut []);
}

/// The centroid of an image's brightness, measured from its outer edge.
fn spot(image: &[f32], grid: usize) -> [f64; 2] {
    let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
    for (index, &value) in image.iter().enumerate() {
        let weight = f64::from(value) + 1.0;
        sum += weight;
        x += weight * ((index % grid) as f64 + 0.5);
        y += weight * ((index / grid) as f64 + 0.5);
    }
    [x / sum, y / sum]
}

#[test]
fn a_marker_lands_where_the_map_says_in_all_orientations() {
    // 16 x 16 pixels centred at (24, 40).
    let inside = |i: usize| (16..32).contains(&(i % 100)) && (32..48).contains(&(i / 100));
    let marked = || {
        let pixels = (0..SIZE.area()).map(|i| if inside(i) { 255 } else { 0 }).collect();
        Scan::new(SIZE, pixels, vertebrae(17), true)
    };
    // The film is half as wide as the grid of 64: the scale is 0.32, and the film begins at column 16.
    let upright = |mirrored: bool| [16.0 + 0.32 * if mirrored { 76.0 } else { 24.0 }, 0.32 * 40.0];
    for turns in 0..4 {
        for mirrored in [false, true] {
            let view = View { mirrored, turns, ..View::of(marked().edges()) };
            let scene = scene_of(marked(), &view, &Fill::Level(0.0), &plain(64));
            let [x, y] = (0..turns).fold(upright(mirrored), |[x, y], _| [64.0 - y, x]);
            let [u, v] = view.map(64).apply([24.0, 40.0]);
            assert!((x - u).abs() < 1e-9 && (y - v).abs() < 1e-9, "{turns} {mirrored}: {u} {v}");
            let [u, v] = spot(&scene.image, 64);
            assert!((x - u).abs() < 0.05 && (y - v).abs() < 0.05, "{turns} {mirrored}: {x} {y}, {u} {v}");
            assert_eq!(scene.target.turns, Some(turns));
        }
    }
    let tilted = View { tilt: 10.0, ..View::of(marked().edges()) };
    let scene = scene_of(marked(), &tilted, &Fill::Level(0.0), &plain(64));
    let ([x, y], [u, v]) = (tilted.map(64).apply([24.0, 40.0]), spot(&scene.image, 64));
    assert!((x - u).abs() < 0.05 && (y - v).abs() < 0.05, "{x} {y}, {u} {v}");
    // Clockwise: what is above the centre moves right.
    assert!(x > upright(false)[0] + 1.0);
}

#[test]
fn mirrored_vertebrae_do_not_count_as_spine() {
    // Brighter from row to row.
    let rows = (0..SIZE.area()).map(|i| (i / 100) as u8).collect();
    let film = Scan::new(SIZE, rows, vertebrae(17), true);
    // Three times the film's height: the film is the middle third.
    let view = View::of([0.0, -200.0, 100.0, 400.0]);
    let scene = scene_of(film, &view, &Fill::Mirrored, &plain(384));
    let row = |y: usize| &scene.image[y * 384 + 160..y * 384 + 224];
    for (above, inside) in [(127 - 6, 128 + 6), (127 - 40, 128 + 40), (256 + 30, 255 - 30)] {
        let far = row(above).iter().zip(row(inside)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < 0.05, "rows {above} and {inside}: {far}");
    }
    assert!(row(60)[0] > row(100)[0] + 0.3, "it is brighter the farther it is from the edge");
    for (cell, &part) in scene.target.column.iter().enumerate() {
        assert!(part == 0.0 || (32..64).contains(&(cell / 96)), "row {}", cell / 96);
    }
    assert!(scene.target.column.contains(&1.0));
    assert!(scene.target.weight.iter().all(|&weight| weight == 1.0));
}

#[test]
fn the_area_beyond_the_film_has_the_configured_content() {
    let view = View::of([-50.0, 0.0, 150.0, 200.0]);
    let film = Arc::new(scan(17));
    let none = Fills { black: 0.0, mirrored: 0.0, edge: 0.0, white: 0.0, grey: 0.0, noise: 0.0, other: 0.0 };
    let beyond = |fills: Fills| {
        let scenes = SceneConfig { fills, ..SceneConfig::plain() };
        let config = with_scenes(64, scenes);
        let fill = Fill::draw(&fills, &mut Draw::new(3, &[]), |draw| {
            let area = empty_part(&film, draw).unwrap();
            Ok::<_, Error>(Some((Arc::clone(&film), area)))
        });
        let scene = scene_of(scan(17), &view, &fill.unwrap(), &config);
        let row = scene.image[32 * 64..33 * 64].to_vec();
        let left = row[..16].to_vec();
        let spread =
            left.iter().fold(f32::MIN, |a, &b| a.max(b)) - left.iter().fold(f32::MAX, |a, &b| a.min(b));
        (left[0], spread, row[16])
    };
    assert_eq!(beyond(Fills { black: 2.0, ..none }).0, -1.0);
    assert_eq!(beyond(Fills { white: 1.0, ..none }).0, 1.0);
    let (level, spread, _) = beyond(Fills { grey: 1.0, ..none });
    assert!(level > -0.95 && level < 0.95 && spread == 0.0, "{level}, {spread}");
    let (level, spread, edge) = beyond(Fills { edge: 1.0, ..none });
    assert!((level - edge).abs() < 0.1 && spread == 0.0, "{level} {edge}, {spread}");
    assert!(beyond(Fills { noise: 1.0, ..none }).1 > 0.05);
    assert!(beyond(Fills { other: 1.0, ..none }).1 > 0.05);
    assert!(beyond(Fills { mirrored: 1.0, ..none }).1 > 0.5);
}

#[test]
fn a_negative_inverts_the_picture_and_its_surroundings_stay_black() {
    let view = View::of(scan(17).edges());
    let black = Fill::Level(0.0);
    let positive = scene_of(scan(17), &view, &black, &plain(64));
    let config = with_scenes(64, SceneConfig { negative: 1.0, ..SceneConfig::plain() });
    let negative = scene_of(scan(17), &view, &black, &config);
    assert_eq!((positive.target.negative, negative.target.negative), (Some(false), Some(true)));
    for (index, (a, b)) in positive.image.iter().zip(&negative.image).enumerate() {
        match (16..48).contains(&(index % 64)) {
            true => assert!((a + b).abs() < 1e-4, "{index}: {a} {b}"),
            false => assert_eq!((*a, *b), (-1.0, -1.0)),
        }
    }
}

#[test]
fn blank_scenes_have_empty_targets() {
    let scenes = SceneConfig { blank: 1.0, ..SceneConfig::default() };
    let config = with_scenes(64, scenes);
    let film = Arc::new(scan(17));
    in_studio(&config, &film, |studio| {
        for seed in 0..60 {
            let scene = studio.scene(0, &mut Draw::new(seed, &[])).unwrap();
            let target = scene.target;
            assert!(target.column.iter().all(|&part| part == 0.0));
            assert!(target.weight.iter().all(|&weight| weight == 1.0));
            assert_eq!((target.ends, target.turns, target.spine), ([End::Outside; 2], None, false));
            assert!(scene.image.iter().all(|value| (-1.0..=1.0).contains(value)));
        }
    });
}

#[test]
fn every_kind_of_blank_is_different() {
    let film = Arc::new(scan(17));
    let config = plain(96);
    let drawn = in_studio(&config, &film, |studio| {
        Blank::ALL.map(|kind| studio.drawn(kind, &mut Draw::new(4, &[])).unwrap())
    });
    for (kind, scene) in Blank::ALL.iter().zip(&drawn) {
        let bright = scene.image.iter().filter(|&&value| value > 0.0).count();
        assert!((96..96 * 96).contains(&bright), "{kind:?}: {bright}");
        assert_eq!(scene.target.negative, kind.has_polarity().then_some(false), "{kind:?}");
        assert_eq!(drawn.iter().filter(|other| other.image == scene.image).count(), 1, "{kind:?}");
    }
}

#[test]
fn empty_parts_show_nothing_of_the_spine() {
    let film = scan(16);
    let polygons: Vec<_> = film.column().into_iter().chain(film.uncertain().into_iter().flatten()).collect();
    for seed in 0..200 {
        let Some([left, top, right, bottom]) = empty_part(&film, &mut Draw::new(seed, &[])) else { continue };
        assert!(right - left >= 15.0 && bottom - top >= 30.0);
        let inside = |&[x, y]: &[f64; 2]| (left..=right).contains(&x) && (top..=bottom).contains(&y);
        assert!(!polygons.iter().flatten().any(inside));
    }
    let wide = vertebrae(17)
        .into_iter()
        .map(|[a, b, c, d]| [[0.0, a[1]], [100.0, b[1]], [0.0, c[1]], [100.0, d[1]]]);
    let full = Scan::new(SIZE, vec![0; SIZE.area()], wide.collect(), true);
    assert_eq!(empty_part(&full, &mut Draw::new(1, &[])), None);
}

#[test]
fn marks_are_drawn_within_the_film() {
    type Mark = fn(&mut SceneConfig);
    let marks: [(&str, Mark); 6] = [
        ("collimator", |s| s.collimator = 1.0),
        ("letters", |s| s.letters = 1.0),
        ("ruler", |s| s.ruler = 1.0),
        ("lines", |s| s.lines = 1.0),
        ("implants", |s| s.implants = 1.0),
        ("screen", |s| s.screen = 1.0),
    ];
    let view = View::of(scan(17).edges());
    let plainly = scene_of(scan(17), &view, &Fill::Level(0.0), &plain(128));
    for (name, mark) in marks {
        let mut scenes = SceneConfig::plain();
        mark(&mut scenes);
        let config = with_scenes(128, scenes);
        let film = Arc::new(scan(17));
        let mut changed = 0;
        for seed in 0..8 {
            let scene = in_studio(&config, &film, |studio| {
                studio.of_film(&film, &view, &Fill::Level(0.0), &mut Draw::new(seed, &[])).unwrap()
            });
            assert_eq!(scene.target, plainly.target, "{name}");
            for (index, (a, b)) in scene.image.iter().zip(&plainly.image).enumerate() {
                changed += usize::from((a - b).abs() > 0.2);
                assert!((32..96).contains(&(index % 128)) || *a == -1.0, "{name}: {index}");
            }
        }
        assert!(changed > 100, "{name}: {changed}");
    }
}
