use ikem_core::{Draw, Point, Size, Skeleton, Vector};
use serde::{Deserialize, Serialize};

/// Draws spinal instrumentation over the vertebrae: one or two rods with pedicle screws, as a fusion leaves them. So a
/// network learns not to take metal for edges of bone. Only for spines; the labels stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Implants {
    /// The probability of applying it.
    pub probability: f64,
}

impl Default for Implants {
    /// Probability 0.1.
    fn default() -> Self {
        Self { probability: 0.1 }
    }
}

impl Implants {
    pub(super) fn fusion(&self, draw: &mut Draw) -> Fusion {
        let from = draw.within([0.0, 0.6]);
        let both = draw.happens(0.8);
        let single = if draw.happens(0.5) { -1.0 } else { 1.0 };
        Fusion {
            from,
            to: (from + draw.within([0.2, 0.9])).min(1.0),
            sides: if both { vec![-1.0, 1.0] } else { vec![single] },
            offset: draw.within([0.3, 0.75]),
            rod: draw.within([0.05, 0.12]),
            screws: draw.within([0.2, 1.0]),
            level: draw.within([0.55, 1.0]) as f32,
            seed: draw.bits(),
        }
    }
}

/// Instrumentation with its random parameters drawn. Lengths are relative to half of a vertebra's width.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fusion {
    /// The first and the last fused vertebra, relative to their number.
    from: f64,
    to: f64,
    /// The sides with a rod: left −1, right 1.
    sides: Vec<f64>,
    /// From the middle of a vertebra to the rod.
    offset: f64,
    /// Half of the rod's width.
    rod: f64,
    /// The share of vertebrae with a screw on each side.
    screws: f64,
    /// Grey value of the metal, −1…1.
    level: f32,
    seed: u64,
}

/// A vertebra's centre, and half of its extent to the right.
struct Body {
    centre: Vector,
    right: Vector,
}

impl Body {
    fn of(corners: &[usize], keypoints: &[Point]) -> Option<Self> {
        let corner = |index: usize| {
            let point = *keypoints.get(*corners.get(index)?)?;
            point.is_finite().then_some(Vector::from(point))
        };
        let [top_left, top_right, bottom_left, bottom_right] =
            [corner(0)?, corner(1)?, corner(2)?, corner(3)?];
        let (left, right) = ((top_left + bottom_left) * 0.5, (top_right + bottom_right) * 0.5);
        Some(Self { centre: (left + right) * 0.5, right: (right - left) * 0.5 })
    }
}

impl Fusion {
    /// Draws on `values` of −1…1, H × W in row-major order; `keypoints` are in pixels of that `grid`.
    pub(super) fn apply(&self, values: &mut [f32], grid: Size, keypoints: &[Point], skeleton: &Skeleton) {
        let bodies =
            skeleton.vertebrae().iter().filter_map(|vertebra| Body::of(&vertebra.corners, keypoints));
        let bodies: Vec<Body> = bodies.collect();
        let place = |share: f64| (share * bodies.len() as f64) as usize;
        let fused = &bodies[place(self.from)..place(self.to)];
        if fused.len() < 2 {
            return;
        }
        let mut draw = Draw::new(self.seed, &[]);
        let mut metal = Metal { values, grid, level: self.level };
        for &side in &self.sides {
            let joints = self.joints(fused, side, &mut draw);
            let width = fused.iter().map(|body| body.right.length()).sum::<f64>() / fused.len() as f64;
            for ends in joints.windows(2) {
                metal.line(ends[0], ends[1], self.rod * width);
            }
            for (body, &joint) in fused.iter().zip(&joints) {
                if draw.happens(self.screws) {
                    // A screw's shaft points to the middle; its head is wider than the rod.
                    let (right, down) = (body.right, Vector::new(-body.right.y, body.right.x));
                    let shaft = right * (side * draw.within([-0.7, 0.1])) + down * draw.within([-0.25, 0.25]);
                    metal.line(joint, joint + shaft, 0.8 * self.rod * width);
                    metal.line(joint, joint, draw.within([1.2, 2.2]) * self.rod * width);
                }
            }
        }
    }

    /// The points of a rod beside each of the fused vertebrae.
    fn joints(&self, fused: &[Body], side: f64, draw: &mut Draw) -> Vec<Vector> {
        let beside =
            |body: &Body| body.centre + body.right * (side * self.offset * draw.within([0.85, 1.15]));
        fused.iter().map(beside).collect()
    }
}

/// An image that metal is drawn on.
struct Metal<'a> {
    values: &'a mut [f32],
    grid: Size,
    level: f32,
}

impl Metal<'_> {
    /// Draws a line with round ends and antialiased edges; `radius` is half of its width.
    fn line(&mut self, start: Vector, end: Vector, radius: f64) {
        let step = end - start;
        let square = step.dot(step).max(1e-9);
        let span = |a: f64, b: f64, most: usize| {
            let limit = |edge: f64| edge.clamp(0.0, most as f64) as usize;
            limit((a.min(b) - radius - 1.0).floor())..limit((a.max(b) + radius + 2.0).ceil())
        };
        for row in span(start.y, end.y, self.grid.height) {
            for column in span(start.x, end.x, self.grid.width) {
                let at = Vector::new(column as f64, row as f64) - start;
                let along = (at.dot(step) / square).clamp(0.0, 1.0);
                let cover = (radius + 0.5 - (at - step * along).length()).clamp(0.0, 1.0) as f32;
                let value = &mut self.values[row * self.grid.width + column];
                *value += (self.level - *value).max(0.0) * cover;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Size = Size { width: 64, height: 256 };

    /// A straight spine, whose vertebrae are 16 pixels wide and 10 high.
    fn spine() -> Vec<Point> {
        (0..17)
            .flat_map(|level| {
                let top = 20.0 + 13.0 * level as f32;
                [(24.0, top), (40.0, top), (24.0, top + 10.0), (40.0, top + 10.0)]
            })
            .map(|(x, y)| Point::new(x, y))
            .collect()
    }

    fn drawn(fusion: &Fusion, keypoints: &[Point]) -> Vec<f32> {
        let mut values = vec![-0.5; GRID.area()];
        fusion.apply(&mut values, GRID, keypoints, &Skeleton::spine());
        values
    }

    fn rods() -> Fusion {
        let sides = vec![-1.0, 1.0];
        Fusion { from: 0.0, to: 1.0, sides, offset: 0.5, rod: 0.1, screws: 0.0, level: 0.9, seed: 1 }
    }

    #[test]
    fn two_rods_run_along_the_spine() {
        let values = drawn(&rods(), &spine());
        let row = |y: usize| &values[y * GRID.width..(y + 1) * GRID.width];
        for y in 30..220 {
            let bright: Vec<usize> = (0..GRID.width).filter(|&x| row(y)[x] > 0.5).collect();
            assert!(bright.iter().any(|x| (26..=30).contains(x)), "row {y}: {bright:?}");
            assert!(bright.iter().any(|x| (34..=38).contains(x)), "row {y}: {bright:?}");
            assert!(bright.iter().all(|x| (26..=38).contains(x)), "row {y}: {bright:?}");
        }
        assert!(row(10).iter().chain(row(245)).all(|&value| value == -0.5));
    }

    #[test]
    fn metal_is_never_darker_than_the_image() {
        for seed in 0..200 {
            let fusion = Implants::default().fusion(&mut Draw::new(seed, &[]));
            let mut values = vec![0.7; GRID.area()];
            fusion.apply(&mut values, GRID, &spine(), &Skeleton::spine());
            assert!(values.iter().all(|&value| (0.7..=1.0).contains(&value)), "seed {seed}");
        }
    }

    #[test]
    fn unseen_and_distant_vertebrae_do_no_harm() {
        let absent = vec![Point::ABSENT; 68];
        assert!(drawn(&rods(), &absent).iter().all(|&value| value == -0.5));
        let distant: Vec<Point> = spine().iter().map(|p| Point::new(p.x * 1e6, p.y - 1e7)).collect();
        assert!(drawn(&rods(), &distant).iter().all(|&value| value == -0.5));
    }
}
