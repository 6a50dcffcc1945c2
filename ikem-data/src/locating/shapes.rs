//! Geometry of polygons with vertices `[x, y]`.

/// The vertices in order.
pub(super) type Polygon = Vec<[f64; 2]>;

pub(super) fn middle(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])]
}

/// The bounding box of points: left, top, right, bottom.
pub(super) fn bounds(points: &[[f64; 2]]) -> [f64; 4] {
    let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    points.iter().fold(start, |[left, top, right, bottom], &[x, y]| {
        [left.min(x), top.min(y), right.max(x), bottom.max(y)]
    })
}

pub(super) fn area(polygon: &[[f64; 2]]) -> f64 {
    let next = polygon.iter().cycle().skip(1);
    let double: f64 = polygon.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum();
    0.5 * double.abs()
}

/// Clips a convex polygon to a box (left, top, right, bottom) with the Sutherland–Hodgman algorithm.
pub(super) fn clip(polygon: &[[f64; 2]], [left, top, right, bottom]: [f64; 4]) -> Polygon {
    let mut kept = polygon.to_vec();
    for (axis, limit, sign) in [(0, left, 1.0), (1, top, 1.0), (0, right, -1.0), (1, bottom, -1.0)] {
        let inside = |point: &[f64; 2]| sign * (point[axis] - limit);
        let mut next = Vec::with_capacity(kept.len() + 1);
        for (a, b) in kept.iter().zip(kept.iter().cycle().skip(1)) {
            let (here, there) = (inside(a), inside(b));
            if here >= 0.0 {
                next.push(*a);
            }
            if (here < 0.0) != (there < 0.0) {
                let part = here / (here - there);
                next.push([a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1])]);
            }
        }
        kept = next;
    }
    kept
}

/// The fraction of each cell of a map that polygons cover, counted at 4 × 4 sample points per cell.
pub(super) struct Coverage {
    /// Cells per side.
    side: usize,
    /// Sample points per pixel.
    scale: f64,
    marked: Vec<bool>,
}

impl Coverage {
    const SAMPLES: usize = 4;

    /// A map of `side` × `side` cells with sides of `stride` pixels.
    pub(super) fn new(side: usize, stride: usize) -> Self {
        let samples = side * Self::SAMPLES;
        Self { side, scale: Self::SAMPLES as f64 / stride as f64, marked: vec![false; samples * samples] }
    }

    /// Marks the sample points in a convex polygon, in pixels from the outer edge.
    pub(super) fn fill(&mut self, polygon: &[[f64; 2]]) {
        let samples = self.side * Self::SAMPLES;
        let [_, top, _, bottom] = bounds(polygon).map(|edge| edge * self.scale);
        let sample = |edge: f64| (edge - 0.5).ceil().clamp(0.0, samples as f64) as usize;
        for row in sample(top)..sample(bottom) {
            let y = (row as f64 + 0.5) / self.scale;
            let (mut left, mut right) = (f64::INFINITY, f64::NEG_INFINITY);
            for (a, b) in polygon.iter().zip(polygon.iter().cycle().skip(1)) {
                if (a[1] <= y) != (b[1] <= y) {
                    let x = a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
                    (left, right) = (left.min(x), right.max(x));
                }
            }
            if left < right {
                let (from, to) = (sample(left * self.scale), sample(right * self.scale));
                self.marked[row * samples + from..row * samples + to.max(from)].fill(true);
            }
        }
    }

    /// The covered fraction of each cell, 0…1, in row-major order.
    pub(super) fn parts(&self) -> Vec<f32> {
        let samples = self.side * Self::SAMPLES;
        let mut parts = vec![0.0; self.side * self.side];
        for (row, line) in self.marked.chunks_exact(samples.max(1)).enumerate() {
            let start = row / Self::SAMPLES * self.side;
            for (part, square) in parts[start..].iter_mut().zip(line.chunks_exact(Self::SAMPLES)) {
                let marked = square.iter().filter(|&&marked| marked).count();
                *part += marked as f32 / (Self::SAMPLES * Self::SAMPLES) as f32;
            }
        }
        parts
    }
}
