use ikem_core::{Draw, Vector};

use super::canvas::{Across, Canvas, Node, bump, fade};
use super::random::Texture;
use super::spine::{CERVICAL, Level, SACRUM, Spine};

/// Nodes of a rib's centre line.
const RIB_NODES: usize = 22;

/// Draws ribs, clavicles, pelvis, sacrum and the mandible. `breadth` is relative to an average body.
pub(super) fn draw(canvas: &mut Canvas, spine: &Spine, breadth: f64, seed: u64) {
    let mut draw = Draw::stream(seed, 3);
    let density = draw.within([0.75, 1.25]);
    for (rib, level) in spine.marked()[..12].iter().enumerate() {
        for side in [-1.0, 1.0] {
            posterior_rib(canvas, level, rib, side, breadth, density, &mut draw);
            if (1..8).contains(&rib) {
                anterior_rib(canvas, level, rib, side, breadth, density, &mut draw);
            }
        }
    }
    clavicles(canvas, spine, breadth, &mut draw);
    sacrum(canvas, spine, &mut draw);
    pelvis(canvas, spine, breadth, &mut draw);
    mandible(canvas, spine, &mut draw);
}

/// The distance from the spine to the most lateral point of a rib, in mm.
fn rib_reach(rib: usize, breadth: f64) -> f64 {
    let reach = [42.0, 66.0, 84.0, 97.0, 106.0, 112.0, 116.0, 118.0, 118.0, 114.0, 92.0, 55.0];
    breadth * reach[rib.min(11)]
}

fn posterior_rib(
    canvas: &mut Canvas,
    level: &Level,
    rib: usize,
    side: f64,
    breadth: f64,
    density: f64,
    draw: &mut Draw,
) {
    let reach = rib_reach(rib, breadth) * draw.within([0.97, 1.03]);
    let order = rib as f64;
    let drop = (18.0 + 6.5 * order) * draw.within([0.9, 1.1]) * if rib > 9 { 0.75 } else { 1.0 };
    // The upper ribs curve down at the chest wall, the lowest run nearly straight.
    let low = ((order - 5.0) / 5.0).clamp(0.0, 1.0);
    let bent = 1.0 - 0.85 * low;
    let half = (level.half_widths[0] + level.half_widths[1]) / 2.0;
    // Axial rotation spreads the ribs on one side and crowds them on the other.
    let turn = 14.0 * libm::sin(level.rotation) * side;
    let start = level.at(side * (half + 1.0), -0.75 * level.half_height);
    let path: Vec<Node> = (0..RIB_NODES)
        .map(|node| {
            let t = node as f64 / (RIB_NODES - 1) as f64;
            // Lateral to the rib angle, then down along the chest wall.
            let out = reach * (t + bent * t * (1.0 - t) * (1.0 - 0.25 * t));
            let fall = -6.0 * 4.0 * t.min(0.5) * (0.5 - t).max(0.0)
                + drop * t * (0.8 * low + (1.0 - low) * t * (0.55 + 0.6 * t * t))
                + turn * t;
            let at = start + Vector::new(side * out, fall);
            Node {
                at,
                half_width: 3.4 + 1.3 * (order / 6.0).min(1.0),
                weight: density * (0.095 - 0.02 * (order / 6.0).min(1.0)) * (1.0 - 0.3 * t),
            }
        })
        .collect();
    canvas.stroke(&path, Across::Tube);
}

fn anterior_rib(
    canvas: &mut Canvas,
    level: &Level,
    rib: usize,
    side: f64,
    breadth: f64,
    density: f64,
    draw: &mut Draw,
) {
    let reach = rib_reach(rib, breadth);
    let order = rib as f64;
    let inner = 34.0 + 5.5 * order;
    let drop = (18.0 + 6.5 * order) * 1.15;
    let length = (reach - inner).max(5.0);
    let slope = draw.within([0.45, 0.65]);
    let path: Vec<Node> = (0..RIB_NODES)
        .map(|node| {
            let t = node as f64 / (RIB_NODES - 1) as f64;
            let out = reach + 14.0 - length * t * (0.35 + 0.65 * t);
            let at = level.centre + Vector::new(side * out, drop + slope * length * t + 8.0 * t);
            // The anterior end is cartilage, which is nearly transparent.
            Node { at, half_width: 5.2, weight: density * 0.026 * (1.0 - t * t) }
        })
        .collect();
    canvas.stroke(&path, Across::Tube);
}

fn clavicles(canvas: &mut Canvas, spine: &Spine, breadth: f64, draw: &mut Draw) {
    let (x, _) = spine.around(30.0);
    let weight = draw.within([0.06, 0.10]);
    for side in [-1.0, 1.0] {
        let inner = draw.within([38.0, 62.0]);
        let rise = draw.within([10.0, 38.0]);
        let path: Vec<Node> = (0..RIB_NODES)
            .map(|node| {
                let t = node as f64 / (RIB_NODES - 1) as f64;
                let wave = 7.0 * (t - 0.5) * (4.0 * t * (1.0 - t));
                let at = Vector::new(x + side * (20.0 + 135.0 * breadth * t), inner - rise * t + wave);
                Node { at, half_width: 6.2 - 2.2 * t * (1.0 - t) * 4.0 * 0.5, weight }
            })
            .collect();
        canvas.stroke(&path, Across::Tube);
    }
}

/// The endplate and body of S1, the alae and the sacral foramina.
fn sacrum(canvas: &mut Canvas, spine: &Spine, draw: &mut Draw) {
    let level = &spine.levels[SACRUM];
    let (half, width) = (level.half_height, level.half_widths[0]);
    let weight = draw.within([0.07, 0.12]) as f32;
    let top = -half;
    canvas.around(level.centre, Vector::new(90.0, 130.0), |dx, dy| {
        let p = Vector::new(dx, dy);
        let (x, y) = (p.dot(level.right), p.dot(level.down));
        // A shield: broad alae at the level of S1, narrowing downwards.
        let outer = 54.0 - 0.33 * (y - top).max(0.0);
        let wing = top + 0.25 * (x.abs() - width).max(0.0) + 2.0;
        let inside = fade((outer - x.abs()) as f32, 9.0) * fade((y - wing) as f32, 3.0);
        let joint = bump((outer - x.abs()) as f32, 1.6) * fade((y - wing) as f32, 4.0);
        let brim = bump((y - wing) as f32, 1.0) * fade((width * 1.9 - x.abs()) as f32, 3.0);
        inside * weight * (1.0 - 0.25 * (x.abs() / outer) as f32) - 0.03 * joint + 0.03 * brim
    });
    let plate = Vector::new(width, level.plate_opening.max(2.0));
    canvas.ellipse(level.at(0.0, top), level.right, plate, |q| {
        0.06 * bump(q - 0.97, 0.09) + 0.03 * fade(1.0 - q, 0.1)
    });
    for row in 0..3 {
        for side in [-1.0, 1.0] {
            let row = f64::from(row);
            let at = level.at(side * (21.0 - 1.5 * row), 10.0 + 21.0 * row);
            canvas.ellipse(at, level.right, Vector::new(4.6, 3.8), |q| {
                0.05 * bump(q - 0.95, 0.25) - 0.05 * fade(0.9 - q, 0.25)
            });
        }
    }
}

/// The iliac wings; their crests reach the level of L4 and L5.
fn pelvis(canvas: &mut Canvas, spine: &Spine, breadth: f64, draw: &mut Draw) {
    let last = &spine.levels[SACRUM - 1];
    let crest = last.centre.y + draw.within([-22.0, 12.0]);
    let weight = draw.within([0.07, 0.13]) as f32;
    let spongy = Texture::new(draw);
    for side in [-1.0, 1.0] {
        let tilt = draw.within([-3.0, 3.0]);
        let centre = Vector::new(last.centre.x + side * 98.0 * breadth, crest + 78.0 + tilt);
        let lean = 0.28 * side;
        let length = (1.0 + lean * lean).sqrt();
        let right = Vector::new(1.0 / length, lean / length);
        let down = Vector::new(-right.y, right.x);
        let radii = Vector::new(60.0 * breadth, 82.0);
        canvas.around(centre, Vector::new(110.0, 110.0), |dx, dy| {
            let p = Vector::new(dx, dy);
            let (u, v) = (p.dot(right) / radii.x, p.dot(down) / radii.y);
            let uneven = spongy.at((dx * 0.05) as f32 + side as f32 * 9.0, (dy * 0.05) as f32);
            // A superellipse with a slightly uneven edge.
            let q = (u * u * u * u + v * v).sqrt().sqrt() as f32 * (1.0 + 0.02 * uneven);
            let crest = 0.05 * bump(q - 0.975, 0.025) * fade(1.02 - q, 0.03);
            fade(1.0 - q, 0.02) * weight * (0.6 + 0.45 * q * q + 0.15 * uneven) + crest
        });
    }
}

/// The mandible and the base of the skull, which only show if the film extends that far up.
fn mandible(canvas: &mut Canvas, spine: &Spine, draw: &mut Draw) {
    let first = &spine.levels[CERVICAL];
    let chin = first.centre.y - draw.within([14.0, 75.0]);
    let weight = draw.within([0.35, 0.6]) as f32;
    let x = spine.around(chin).0 + draw.within([-8.0, 8.0]);
    canvas.ellipse(Vector::new(x, chin - 62.0), Vector::new(1.0, 0.0), Vector::new(52.0, 62.0), |q| {
        fade(1.0 - q, 0.04) * weight * (0.8 + 0.2 * q) + 0.1 * bump(q - 0.95, 0.06)
    });
}
