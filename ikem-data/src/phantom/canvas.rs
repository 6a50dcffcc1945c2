use std::ops::Range;

use ikem_core::Vector;

/// The attenuation of each pixel's ray through the body, to which structures add. Drawing coordinates are in
/// millimetres; the abdomen attenuates by about 0.6.
pub(super) struct Canvas {
    pub width: usize,
    pub height: usize,
    /// Pixels per millimetre.
    pub scale: f64,
    /// The pixel coordinates of the body's origin.
    pub origin: Vector,
    pub values: Vec<f32>,
}

/// A node of a stroke's centre line.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub at: Vector,
    pub half_width: f64,
    /// The attenuation that the stroke adds here.
    pub weight: f64,
}

/// The profile of attenuation across a stroke.
#[derive(Clone, Copy)]
pub(super) enum Across {
    /// A solid rod, densest in the middle.
    Rod,
    /// A tube whose walls show as two lines, as those of a rib do.
    Tube,
}

impl Across {
    fn at(self, q: f32) -> f32 {
        let rod = (1.0 - q * q).max(0.0).sqrt();
        match self {
            Self::Rod => rod,
            Self::Tube => 0.62 * rod + 0.55 * bump(q - 0.82, 0.16) * fade(1.0 - q, 0.06),
        }
    }
}

/// A bell-shaped function of height 1 at 0 and 1/4 at ±`width`.
pub(super) fn bump(x: f32, width: f32) -> f32 {
    let t = x / width;
    let s = 1.0 + t * t;
    1.0 / (s * s)
}

/// A smoothstep from 0 at `-soft` to 1 at `soft`.
pub(super) fn fade(x: f32, soft: f32) -> f32 {
    let t = ((x + soft) / (2.0 * soft)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

impl Canvas {
    /// The pixel coordinates of a point in the body.
    pub(super) fn pixel(&self, at: Vector) -> Vector {
        at * self.scale + self.origin
    }

    /// The smallest edge softness that avoids aliasing, in millimetres.
    pub(super) fn edge(&self) -> f32 {
        (0.8 / self.scale) as f32
    }

    /// Adds `add(x, y)` to all pixels within `reach` of `centre`; x and y are relative to it. All in mm.
    pub(super) fn around(&mut self, centre: Vector, reach: Vector, mut add: impl FnMut(f64, f64) -> f32) {
        let middle = self.pixel(centre);
        let columns = span(middle.x, reach.x * self.scale, self.width);
        let rows = span(middle.y, reach.y * self.scale, self.height);
        for row in rows {
            let y = (row as f64 - middle.y) / self.scale;
            let line = &mut self.values[row * self.width..(row + 1) * self.width];
            for column in columns.clone() {
                line[column] += add((column as f64 - middle.x) / self.scale, y);
            }
        }
    }

    /// Adds `weight(r)` around an ellipse at `centre` with `radii` along and across `right`; r is 1 on the ellipse.
    pub(super) fn ellipse(
        &mut self,
        centre: Vector,
        right: Vector,
        radii: Vector,
        weight: impl Fn(f32) -> f32,
    ) {
        let reach = 1.5 * radii.x.max(radii.y) + 1.0;
        self.around(centre, Vector::new(reach, reach), |x, y| {
            let p = Vector::new(x, y);
            let along = p.dot(right) / radii.x;
            let across = p.dot(Vector::new(-right.y, right.x)) / radii.y;
            let square = along * along + across * across;
            if square < 2.25 { weight(square.sqrt() as f32) } else { 0.0 }
        });
    }

    /// Draws a stroke along `path`. Where it overlaps itself, it adds only once.
    pub(super) fn stroke(&mut self, path: &[Node], across: Across) {
        let margin = path.iter().fold(0.0_f64, |most, node| most.max(node.half_width)) * self.scale + 1.0;
        let dots: Vec<Vector> = path.iter().map(|node| self.pixel(node.at)).collect();
        let extent = |coordinate: fn(&Vector) -> f64, limit: usize| {
            let low = dots.iter().map(coordinate).fold(f64::MAX, f64::min);
            let high = dots.iter().map(coordinate).fold(f64::MIN, f64::max);
            span((low + high) / 2.0, (high - low) / 2.0 + margin, limit)
        };
        let (columns, rows) = (extent(|p| p.x, self.width), extent(|p| p.y, self.height));
        if columns.is_empty() || rows.is_empty() {
            return;
        }
        let mut nearest = vec![(f32::MAX, 0.0_f32); columns.len() * rows.len()];
        for (ends, nodes) in dots.windows(2).zip(path.windows(2)) {
            self.nearest_to_segment(ends, nodes, &columns, &rows, &mut nearest);
        }
        for (row, found) in rows.zip(nearest.chunks_exact(columns.len())) {
            let line = &mut self.values[row * self.width..(row + 1) * self.width];
            for (value, &(square, weight)) in line[columns.clone()].iter_mut().zip(found) {
                if square < 1.0 {
                    *value += weight * across.at(square.sqrt());
                }
            }
        }
    }

    fn nearest_to_segment(
        &self,
        ends: &[Vector],
        nodes: &[Node],
        columns: &Range<usize>,
        rows: &Range<usize>,
        nearest: &mut [(f32, f32)],
    ) {
        let (a, step) = (ends[0], ends[1] - ends[0]);
        let length = step.dot(step).max(1e-9);
        let reach = nodes[0].half_width.max(nodes[1].half_width) * self.scale + 1.0;
        let middle = a + step * 0.5;
        let own_columns = span(middle.x, (step.x / 2.0).abs() + reach, self.width);
        let own_rows = span(middle.y, (step.y / 2.0).abs() + reach, self.height);
        for row in own_rows.start.max(rows.start)..own_rows.end.min(rows.end) {
            for column in own_columns.start.max(columns.start)..own_columns.end.min(columns.end) {
                let p = Vector::new(column as f64, row as f64) - a;
                let t = (p.dot(step) / length).clamp(0.0, 1.0);
                let off = p - step * t;
                let half =
                    (nodes[0].half_width + (nodes[1].half_width - nodes[0].half_width) * t) * self.scale;
                let square = (off.dot(off) / (half * half).max(0.25)) as f32;
                let slot = &mut nearest[(row - rows.start) * columns.len() + column - columns.start];
                if square < slot.0 {
                    *slot = (square, (nodes[0].weight + (nodes[1].weight - nodes[0].weight) * t) as f32);
                }
            }
        }
    }
}

/// The pixel indices within `reach` of `middle` on an axis of `limit` pixels.
fn span(middle: f64, reach: f64, limit: usize) -> Range<usize> {
    let start = (middle - reach).ceil().clamp(0.0, limit as f64) as usize;
    let end = ((middle + reach).floor() + 1.0).clamp(0.0, limit as f64) as usize;
    start..end.max(start)
}
