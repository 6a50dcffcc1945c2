use ikem_core::{Affine, Letterbox, Point};

use super::scan::Scan;
use super::shapes::{Coverage, Polygon, area, bounds, clip};
use super::{End, LocatingConfig, LocatingTarget};

impl LocatingTarget {
    /// Of a scene without any column.
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

    /// Of a scan that `map` brings to the grid, where `frame` is seen; by how many quarter turns it was turned, and
    /// whether it became a negative.
    pub(super) fn of(
        scan: &Scan,
        map: &Affine,
        frame: &Letterbox,
        config: &LocatingConfig,
        (turns, negative): (u8, bool),
    ) -> Self {
        /// A smaller part of a square may be unknown without harm.
        const KNOWN: f32 = 0.02;
        let side = config.size / config.stride;
        let seen = Seen { scan, map, frame };
        let (mut column, mut unknown) =
            (Coverage::new(side, config.stride), Coverage::new(side, config.stride));
        let (mut whole, mut visible) = (0.0, 0.0);
        for polygon in scan.column() {
            let mapped: Polygon = polygon.iter().map(|&place| map.apply(place)).collect();
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

/// A scan as a scene shows it.
struct Seen<'a> {
    scan: &'a Scan,
    map: &'a Affine,
    frame: &'a Letterbox,
}

impl Seen<'_> {
    /// What is seen of a polygon of the scan, on the grid. Beyond the scan's edges there is none of the film.
    fn part(&self, polygon: &[[f64; 2]]) -> Polygon {
        let on_film = clip(polygon, self.scan.edges());
        let mapped: Polygon = on_film.into_iter().map(|place| self.map.apply(place)).collect();
        clip(&mapped, self.frame.edges())
    }

    /// The column's ends; `uncertain` tells for each whether the scene shows where it may be.
    fn ends(&self, uncertain: [bool; 2]) -> [End; 2] {
        let Some(places) = self.scan.ends() else { return [End::Unknown; 2] };
        let [left, top, right, bottom] = self.frame.edges();
        let end = |place: [f64; 2], uncertain: bool| {
            let [x, y] = self.map.apply(place);
            let shown = (left..=right).contains(&x) && (top..=bottom).contains(&y);
            match (self.scan.is_complete(), shown, uncertain) {
                (true, true, _) => End::At(Point::new((x - 0.5) as f32, (y - 0.5) as f32)),
                (false, _, true) => End::Unknown,
                (true, false, _) | (false, _, false) => End::Outside,
            }
        };
        [end(places[0], uncertain[0]), end(places[1], uncertain[1])]
    }
}

/// The upright box around what is seen of the column, on the grid; `None` where nothing is.
pub(super) fn seen_column(scan: &Scan, map: &Affine, frame: &Letterbox) -> Option<[f64; 4]> {
    let seen = Seen { scan, map, frame };
    let places: Polygon = scan.column().iter().flat_map(|polygon| seen.part(polygon)).collect();
    (!places.is_empty()).then(|| bounds(&places))
}
