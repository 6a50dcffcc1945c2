use super::MidlinePosition;
use crate::geometry::Point;

/// The number of smoothing passes over neighbouring end plates.
const SMOOTHINGS: usize = 8;
/// The length of the straight extension at each end, in levels.
const BEYOND: f32 = 1.3;
/// The number of end plates over which the direction at an end is measured.
const DIRECTION: usize = 3;
/// The maximum number of points.
const LONGEST: usize = 4096;

/// The midline of a spine, sampled at equal steps.
#[derive(Debug)]
pub(super) struct Midline {
    /// The distance between successive points, in pixels.
    step: f32,
    points: Vec<Point>,
    /// The unit vector to the right at each point.
    rights: Vec<Point>,
}

impl Midline {
    /// The curve through the midpoints of end plates, from top to bottom, with `steps` per level. `None` when they all
    /// coincide or are not finite.
    pub(super) fn new(plates: &[Point], steps: f32) -> Option<Self> {
        let mut curve = plates.to_vec();
        for _ in 0..SMOOTHINGS {
            let before = curve.clone();
            for (point, near) in curve.iter_mut().skip(1).zip(before.windows(3)) {
                *point = near[0] * 0.25 + near[1] * 0.5 + near[2] * 0.25;
            }
        }
        let length: f32 = curve.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
        let level = 2.0 * length / (plates.len().checked_sub(1)?) as f32;
        let beyond = |end: Point, inside: Point| {
            let long = end.distance(inside);
            (long > 0.0).then(|| end + (end - inside) * (BEYOND * level / long))
        };
        let above = beyond(*curve.first()?, *curve.get(DIRECTION)?)?;
        let below = beyond(*curve.last()?, *curve.iter().rev().nth(DIRECTION)?)?;
        curve.insert(0, above);
        curve.push(below);
        let step = level / steps;
        let points = resampled(&curve, step)?;
        let count = points.len();
        let right = |i: usize| {
            let along = points[(i + 1).min(count - 1)] - points[i.saturating_sub(1)];
            let long = along.x.hypot(along.y).max(f32::MIN_POSITIVE);
            Point::new(along.y / long, -along.x / long)
        };
        let rights = (0..count).map(right).collect();
        Some(Self { step, points, rights })
    }

    /// The number of points.
    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// The length of a step, in pixels.
    pub(super) const fn step(&self) -> f32 {
        self.step
    }

    /// The image point of a position relative to the midline, extrapolated straight beyond its ends.
    pub(super) fn at(&self, position: MidlinePosition) -> Point {
        let below = (position.along.max(0.0) as usize).min(self.points.len() - 2);
        let part = position.along - below as f32;
        let (a, b) = (self.points[below], self.points[below + 1]);
        let right = self.rights[(below + usize::from(part > 0.5)).min(self.points.len() - 1)];
        a + (b - a) * part + right * position.across
    }

    /// The position of an image point relative to the midline, measured from its nearest point.
    pub(super) fn project(&self, point: Point) -> MidlinePosition {
        // Squared distances suffice for the comparison.
        let far = |&other: &Point| {
            let off = point - other;
            off.x * off.x + off.y * off.y
        };
        let distances = self.points.iter().map(far).enumerate();
        let (nearest, _) = distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default();
        let right = self.rights[nearest];
        let off = point - self.points[nearest];
        // Down is a quarter turn clockwise from right.
        let along = nearest as f32 + (off.y * right.x - off.x * right.y) / self.step;
        MidlinePosition { along, across: off.x * right.x + off.y * right.y }
    }

    /// The downward unit tangent at a position.
    pub(super) fn down(&self, along: f32) -> Point {
        let right = self.rights[(along.max(0.0).round() as usize).min(self.rights.len() - 1)];
        Point::new(-right.y, right.x)
    }
}

/// Points at equal distances `step` along a polyline.
fn resampled(curve: &[Point], step: f32) -> Option<Vec<Point>> {
    let length: f32 = curve.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
    let count = length / step;
    if !(count >= 2.0 && count < LONGEST as f32) {
        return None;
    }
    let mut points = Vec::with_capacity(count as usize + 1);
    let mut done = 0.0;
    for pair in curve.windows(2) {
        let long = pair[0].distance(pair[1]);
        while points.len() as f32 * step < done + long {
            let part = (points.len() as f32 * step - done) / long;
            points.push(pair[0] + (pair[1] - pair[0]) * part);
        }
        done += long;
    }
    (points.len() >= 2).then_some(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_convert_back_to_points() {
        let plates: Vec<Point> = (0..34)
            .map(|i| Point::new(50.0 + 20.0 * (i as f32 / 8.0).sin(), 10.0 + 10.0 * i as f32))
            .collect();
        let midline = Midline::new(&plates, 22.0).expect("a midline");
        for point in [Point::new(40.0, 60.0), Point::new(75.0, 171.0), Point::new(52.0, 333.0)] {
            let back = midline.at(midline.project(point));
            assert!(back.distance(point) < 0.3, "{back:?} is not {point:?}");
        }
        let straight: Vec<Point> = (0..34).map(|i| Point::new(50.0, 10.0 + 10.0 * i as f32)).collect();
        let midline = Midline::new(&straight, 20.0).expect("a midline");
        let (a, b) = (midline.project(Point::new(43.0, 100.0)), midline.project(Point::new(61.0, 130.0)));
        assert!((b.along - a.along - 30.0).abs() < 1e-2 && (a.across + 7.0).abs() < 1e-3, "{a:?} {b:?}");
    }

    #[test]
    fn degenerate_points_give_no_midline() {
        assert!(Midline::new(&[Point::new(3.0, 4.0); 34], 22.0).is_none());
        assert!(Midline::new(&[Point::new(f32::NAN, 4.0); 34], 22.0).is_none());
        assert!(Midline::new(&[], 22.0).is_none());
    }
}
