mod config;
mod loader;
mod scene;
mod target;

use std::sync::Arc;

use ikem_core::{Draw, Size};

use super::scan::Scan;
use super::scene::{Scene, Studio};
use super::view::View;
use super::{LocatingConfig, SceneConfig};
use crate::error::Error;
use crate::overlay::Lettering;

const SIZE: Size = Size::new(100, 200);

/// A spine of `count` slightly leaning vertebrae, from 20 pixels below the top edge to 20 above the bottom edge.
fn vertebrae(count: usize) -> Vec<[[f64; 2]; 4]> {
    let step = 160.0 / count as f64;
    let vertebra = |i: usize| {
        let (x, y) = (45.0 + 0.5 * i as f64, 20.0 + step * i as f64);
        [[x, y], [x + 12.0, y + 1.0], [x - 1.0, y + 0.8 * step], [x + 13.0, y + 0.8 * step + 1.0]]
    };
    (0..count).map(vertebra).collect()
}

/// A scan in which neighbouring pixels differ.
fn scan(count: usize) -> Scan {
    let pixel = |i: usize| ((i % 100) * 2 + (i / 100) / 4) as u8;
    Scan::new(SIZE, (0..SIZE.area()).map(pixel).collect(), vertebrae(count), count == 17)
}

/// Unchanged scenes on a grid of `size`.
fn plain(size: usize) -> LocatingConfig {
    LocatingConfig::evaluation(size, 4, 1)
}

fn with_scenes(size: usize, scenes: SceneConfig) -> LocatingConfig {
    LocatingConfig { scenes, ..plain(size) }
}

/// Calls `work` with a studio for one film, `scan`.
fn in_studio<T>(config: &LocatingConfig, scan: &Arc<Scan>, work: impl FnOnce(&Studio<'_>) -> T) -> T {
    let lettering = Lettering::new().unwrap();
    let film = |_| Ok::<_, Error>(Arc::clone(scan));
    work(&Studio { config, lettering: &lettering, films: 1, scan: &film })
}

fn scene_of(scan: Scan, view: &View, fill: &super::fill::Fill, config: &LocatingConfig) -> Scene {
    let scan = Arc::new(scan);
    in_studio(config, &scan, |studio| studio.of_film(&scan, view, fill, &mut Draw::new(1, &[])).unwrap())
}
