use ikem_core::{Draw, Vector};

use super::canvas::{Across, Canvas, Node, bump, fade};
use super::random::Texture;
use super::spine::{CERVICAL, Level, SACRUM, Spine};

/// Draws the vertebrae down to L5.
pub(super) fn draw(canvas: &mut Canvas, spine: &Spine, seed: u64) {
    let mut draw = Draw::stream(seed, 2);
    let grain = Texture::new(&mut draw);
    let density = draw.within([0.85, 1.2]);
    for (index, level) in spine.levels[..SACRUM].iter().enumerate() {
        // 0 at T1, 1 at L5.
        let depth = ((index as f64 - CERVICAL as f64) / 16.0).max(0.0);
        body(canvas, level, grain, density * (0.07 + 0.03 * depth), 0.05 + 0.02 * depth);
        disc(canvas, level, density * (0.04 + 0.01 * depth));
        pedicles(canvas, level, depth, density);
        arch(canvas, level, depth, density);
        transverse_processes(canvas, level, depth, density);
    }
}

/// A vertebral body: a cylinder of cancellous bone with a denser cortex, waisted at the sides, between two endplates
/// that project to ellipses if the vertebra is tilted in the sagittal plane.
fn body(canvas: &mut Canvas, level: &Level, grain: Texture, core: f64, plate: f64) {
    let edge = canvas.edge().max(0.35);
    let (half, opening) = (level.half_height as f32, level.plate_opening as f32);
    let widths = level.half_widths.map(|w| w as f32);
    let slopes = level.slopes.map(|s| s as f32);
    let (core, plate) = (core as f32, plate as f32);
    let widest = widths[0].max(widths[1]);
    let reach = f64::from(widest + half + opening) + 4.0;
    canvas.around(level.centre, Vector::new(reach, reach), |dx, dy| {
        let p = Vector::new(dx, dy);
        let (x, y) = (p.dot(level.right) as f32, p.dot(level.down) as f32);
        let v = (y / half).clamp(-1.0, 1.0);
        let waist = 0.10 * (1.0 - v * v);
        let side = (widths[0] + (widths[1] - widths[0]) * (v + 1.0) / 2.0) * (1.0 - waist);
        let u = (x / side).clamp(-1.0, 1.0);
        let rim = (1.0 - u * u).sqrt();
        // Endplates are slightly concave.
        let sunk = 0.07 * half * (1.0 - u * u);
        let (upper, lower) = (slopes[0] * x - half + sunk, slopes[1] * x + half - sunk);
        let open = opening * rim;
        let within_sides = fade(side - x.abs(), edge);
        if within_sides == 0.0 {
            return 0.0;
        }
        let within_plates = fade(y - upper + 0.6 * open, edge) * fade(lower + 0.6 * open - y, edge);
        let spongy =
            core * (0.6 + 0.4 * (1.0 - 0.8 * u * u).sqrt()) * (1.0 + 0.12 * grain.at(x * 1.3, y * 0.9));
        let wall = 0.055 * bump(side - x.abs(), 0.9) * within_plates;
        let front = bump(y - upper + open, 0.75) + bump(y - lower - open, 0.75);
        let back = bump(y - upper - open, 0.75) + bump(y - lower + open, 0.75);
        within_sides * (within_plates * spongy + wall + plate * (front + back) * (0.55 + 0.45 * rim))
    });
}

/// An intervertebral disc.
fn disc(canvas: &mut Canvas, level: &Level, weight: f64) {
    let width = 0.94 * level.half_widths[1] as f32;
    let (from, to) = (level.half_height as f32, (level.half_height + level.disc) as f32);
    let reach = f64::from(width + to);
    let weight = weight as f32;
    canvas.around(level.centre, Vector::new(reach, reach), |dx, dy| {
        let p = Vector::new(dx, dy);
        let (x, y) = (p.dot(level.right) as f32, p.dot(level.down) as f32);
        weight * fade(width - x.abs(), 1.5) * fade(y - from, 1.0) * fade(to - y, 1.0)
    });
}

/// The lateral shift by axial rotation of a structure `behind` mm posterior to the centre of the body.
fn aside(level: &Level, behind: f64) -> f64 {
    behind * libm::sin(level.rotation)
}

/// A path of constant weight through points in the vertebra's coordinate system.
fn path(level: &Level, points: &[(f64, f64)], half_width: f64, weight: f64) -> Vec<Node> {
    points.iter().map(|&(x, y)| Node { at: level.at(x, y), half_width, weight }).collect()
}

/// The pedicles, seen end-on as rings in the upper half of the body.
fn pedicles(canvas: &mut Canvas, level: &Level, depth: f64, density: f64) {
    let half_width = (level.half_widths[0] + level.half_widths[1]) / 2.0;
    let radii = Vector::new(2.1 + 1.9 * depth, 0.24 * level.half_height + 1.6 + 1.6 * depth);
    let wall = ((0.075 + 0.025 * depth) * density) as f32;
    for side in [-1.0, 1.0] {
        let x = side * (0.70 + 0.03 * depth) * half_width + aside(level, 16.0);
        // The pedicle that rotates away from the beam appears narrower.
        let narrow = (1.0 - 1.2 * side * libm::sin(level.rotation)).clamp(0.55, 1.2);
        let radii = Vector::new(radii.x * narrow, radii.y);
        let thickness = (0.9 / radii.x) as f32;
        canvas.ellipse(level.at(x, -0.22 * level.half_height), level.right, radii, |q| {
            wall * bump(q - 0.85, thickness) * fade(1.25 - q, 0.12) + 0.25 * wall * fade(1.0 - q, 0.1)
        });
    }
}

/// Laminae, facet joints and spinous process.
fn arch(canvas: &mut Canvas, level: &Level, depth: f64, density: f64) {
    let half_width = (level.half_widths[0] + level.half_widths[1]) / 2.0;
    let (half, disc) = (level.half_height, level.disc);
    let root = aside(level, 24.0);
    let tip = aside(level, 38.0);
    for side in [-1.0, 1.0] {
        let outer = side * 0.62 * half_width + aside(level, 20.0);
        let lamina = [(outer, -0.1 * half), (0.5 * (outer + root), 0.35 * half), (root, 0.55 * half)];
        canvas.stroke(&path(level, &lamina, 3.2 + 1.5 * depth, 0.036 * density), Across::Rod);
        let joint =
            [(outer, 0.45 * half), (outer * 1.02, half + disc), (outer * 0.98, half + disc + 0.4 * half)];
        canvas.stroke(&path(level, &joint, 2.6 + 2.2 * depth, 0.03 * density * (0.4 + depth)), Across::Rod);
    }
    // Thoracic spinous processes overlap the next vertebra, lumbar ones are short and upright.
    let low = half * (1.15 - 0.1 * depth) + disc * 0.7;
    let process = Vector::new(1.6 + 0.9 * depth, 0.35 * half + 1.5 + 2.5 * depth);
    let at = level.at(tip, low - process.y);
    let wall = ((0.055 + 0.02 * depth) * density) as f32;
    canvas.ellipse(at, level.right, process, |q| {
        wall * bump(q - 0.85, 0.3) * fade(1.3 - q, 0.15) + 0.2 * wall * fade(1.0 - q, 0.2)
    });
    let crest = [(root, 0.25 * half), (0.5 * (root + tip), 0.6 * low), (tip, low - process.y)];
    canvas.stroke(&path(level, &crest, 1.3, 0.05 * density), Across::Rod);
}

fn transverse_processes(canvas: &mut Canvas, level: &Level, depth: f64, density: f64) {
    let half_width = (level.half_widths[0] + level.half_widths[1]) / 2.0;
    let half = level.half_height;
    let (length, rise, thick) = if depth < 0.72 {
        (13.0 - 6.0 * depth, -0.25 * half - 2.0 + 4.0 * depth, 3.4)
    } else {
        (12.0 + 5.0 * depth, -0.1 * half, 2.6 + 0.6 * depth)
    };
    for side in [-1.0, 1.0] {
        let behind = aside(level, 18.0);
        let from = side * 0.8 * half_width + behind;
        let to = side * (half_width + length) + behind;
        let points = [(from, -0.15 * half), (0.5 * (from + to), 0.6 * rise), (to, rise)];
        let mut bone = path(level, &points, thick, 0.05 * density);
        // Thin at the tips in the lumbar spine, where they are faint.
        bone[2].weight *= 1.0 - 0.55 * depth;
        canvas.stroke(&bone, Across::Tube);
    }
}
