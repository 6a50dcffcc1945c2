use ikem_core::{Affine, Letterbox, Point};

use super::scan::Scan;
use super::shapes::{Coverage, Polygon, area, bounds, clip};
use super::{End, LocatingConfig, LocatingTarget};

impl LocatingTarget {
    /// The target of a scene without a spine.
    pub(super) fn blank(config: &LocatingConfig, negative: Option<bool>) -> Self {
        let side = config.size / config.stride;
        Self {
            column: vec![0.0; side * side],
            weight: vec![1.0; side * side],
            ends: [End::Outside; 2],
            turns: None,
            negative,
            spine: false,
        }
    }

    /// The target of a scan that `map` takes to the grid, seen within `frame`, with the number of quarter turns applied
    /// and whether it became a negative.
    pub(super) fn of(
        scan: &Scan,
        map: &Affine,
        frame: &Letterbox,
        config: &LocatingConfig,
        (turns, negative): (u8, bool),
    ) -> Self {
        /// The largest uncertain fraction of a cell that still counts as known.
        const KNOWN: f32 = 0.02;
        let side = config.size / config.stride;
        let seen = Seen { scan, map, frame };
        let (mut column, mut unknown) =
            (Coverage::new(side, config.stride), Coverage::new(side, config.stride));
        let (mut whole, mut visible) = (0.0, 0.0);
        for polygon in scan.column() {
            let mapped: Polygon = polygon.iter().map(|&point| map.apply(point)).collect();
            let part = seen.part(&polygon);
            whole += area(&mapped);
            visible += area(&part);
            column.fill(&part);
        }
        let uncertain = scan.uncertain().map(|polygons| {
            let parts: Vec<Polygon> = polygons.iter().map(|polygon| seen.part(polygon)).collect();
            parts.iter().for_each(|part| unknown.fill(part));
            parts.iter().any(|part| area(part) > 0.0)
        });
        let known = |part: f32| if part > KNOWN { 0.0 } else { 1.0 };
        Self {
            column: column.parts(),
            weight: unknown.parts().into_iter().map(known).collect(),
            ends: seen.ends(uncertain),
            turns: Some(turns),
            negative: Some(negative),
            spine: visible >= 0.5 * whole,
        }
    }
}

/// A scan as visible in a scene.
struct Seen<'a> {
    scan: &'a Scan,
    map: &'a Affine,
    frame: &'a Letterbox,
}

impl Seen<'_> {
    /// The visible part of a scan polygon, in grid pixels; nothing beyond the scan's edges counts.
    fn part(&self, polygon: &[[f64; 2]]) -> Polygon {
        let on_film = clip(polygon, self.scan.edges());
        let mapped: Polygon = on_film.into_iter().map(|point| self.map.apply(point)).collect();
        clip(&mapped, self.frame.edges())
    }

    /// The ends of the spine; `uncertain` says for each whether the scene shows a region where it may be.
    fn ends(&self, uncertain: [bool; 2]) -> [End; 2] {
        let Some(ends) = self.scan.ends() else { return [End::Unknown; 2] };
        let [left, top, right, bottom] = self.frame.edges();
        let end = |point: [f64; 2], uncertain: bool| {
            let [x, y] = self.map.apply(point);
            let shown = (left..=right).contains(&x) && (top..=bottom).contains(&y);
            match (self.scan.is_complete(), shown, uncertain) {
                (true, true, _) => End::At(Point::new((x - 0.5) as f32, (y - 0.5) as f32)),
                (false, _, true) => End::Unknown,
                (true, false, _) | (false, _, false) => End::Outside,
            }
        };
        [end(ends[0], uncertain[0]), end(ends[1], uncertain[1])]
    }
}

/// The bounding box of the visible spine, in grid pixels; `None` if nothing is visible.
pub(super) fn seen_column(scan: &Scan, map: &Affine, frame: &Letterbox) -> Option<[f64; 4]> {
    let seen = Seen { scan, map, frame };
    let visible: Polygon = scan.column().iter().flat_map(|polygon| seen.part(polygon)).collect();
    (!visible.is_empty()).then(|| bounds(&visible))
}
