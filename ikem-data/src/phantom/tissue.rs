use ikem_core::{Draw, Vector};

use super::canvas::{Across, Canvas, Node, bump, fade};
use super::random::{PhantomDraw, Texture};
use super::spine::Spine;

/// The individual anatomy of a body.
struct Body {
    breadth: f64,
    /// The heights of the diaphragm's domes, left and right on the image.
    domes: [f64; 2],
    /// Thickness of the chest and abdominal walls.
    chest: f64,
    belly: f64,
    /// The height at which the neck widens into the shoulders.
    shoulders: f64,
    /// The attenuation that lung replaces, relative to the chest.
    air: f64,
    /// The centre of the heart; it points to the right of the image, as in a frontal view.
    heart: Vector,
    heart_radii: Vector,
}

/// Draws the soft tissue: trunk, lungs, heart, trachea and bowel gas.
pub(super) fn draw(canvas: &mut Canvas, spine: &Spine, breadth: f64, seed: u64) {
    let mut draw = Draw::stream(seed, 4);
    let marked = spine.marked();
    let height = |level: f64| {
        let low = (level as usize).min(15);
        let t = level - low as f64;
        marked[low].centre.y * (1.0 - t) + marked[low + 1].centre.y * t
    };
    let dome = height(draw.within([8.6, 10.4]));
    let body = Body {
        breadth,
        domes: [dome, dome + draw.within([4.0, 16.0])],
        chest: draw.within([0.42, 0.5]),
        belly: draw.within([0.5, 0.66]),
        shoulders: draw.within([-30.0, 5.0]),
        air: draw.within([0.6, 0.82]),
        heart: Vector::new(draw.within([20.0, 30.0]), dome - draw.within([24.0, 36.0])),
        heart_radii: Vector::new(draw.within([48.0, 62.0]), draw.within([48.0, 60.0])),
    };
    trunk(canvas, spine, &body, &mut draw);
    heart(canvas, spine, &body);
    lung_vessels(canvas, spine, &body, &mut draw);
    trachea(canvas, spine, &mut draw);
    gas(canvas, spine, &body, &mut draw);
}

/// The attenuation of the trunk without the lungs' air, row by row.
fn trunk(canvas: &mut Canvas, spine: &Spine, body: &Body, draw: &mut Draw) {
    let (coarse, fine) = (Texture::new(draw), Texture::new(draw));
    for row in 0..canvas.height {
        let y = (row as f64 - canvas.origin.y) / canvas.scale;
        let section = Section::at(spine, body, y);
        let (scale, origin) = (canvas.scale, canvas.origin.x);
        let line = &mut canvas.values[row * canvas.width..(row + 1) * canvas.width];
        for (column, value) in line.iter_mut().enumerate() {
            let x = ((column as f64 - origin) / scale) as f32;
            let mottled = coarse.at(x * 0.045, y as f32 * 0.045) + 0.5 * fine.at(x * 0.16, y as f32 * 0.16);
            *value += section.through(x, y as f32) * (1.0 + 0.045 * mottled);
        }
    }
}

/// A horizontal section of the trunk.
struct Section {
    axis: f32,
    half_width: f32,
    thickness: f32,
    /// The spine's x, and half the width of the mediastinum between the lungs.
    spine: f32,
    midline: f32,
    chest: f32,
    domes: [f32; 2],
    air: f32,
    /// The half width of the psoas muscles beside the lumbar spine, and their attenuation.
    psoas: (f32, f32),
}

impl Section {
    fn at(spine: &Spine, body: &Body, y: f64) -> Self {
        let (x, half) = spine.around(y);
        let domes = (body.domes[0] + body.domes[1]) / 2.0;
        let step =
            |from: f64, to: f64| f64::from(fade((y - (from + to) / 2.0) as f32, ((to - from) / 2.0) as f32));
        let shoulders = step(body.shoulders - 40.0, body.shoulders + 40.0);
        let waist = step(domes - 60.0, domes + 70.0) - 0.6 * step(domes + 90.0, domes + 200.0);
        let half_width = body.breadth * (62.0 + 108.0 * shoulders - 22.0 * waist);
        let lower = step(domes - 10.0, domes + 120.0);
        let neck = 0.62 * body.chest;
        let thickness = neck + (body.chest - neck) * step(-20.0, 90.0) + (body.belly - body.chest) * lower;
        // The chest widens from the apices of the lungs to the lower ribs.
        let above = ((185.0 - y) / 190.0).clamp(0.0, 0.97);
        Self {
            axis: (0.4 * x) as f32,
            half_width: half_width as f32,
            thickness: thickness as f32,
            spine: x as f32,
            midline: (half + 1.0 + 7.0 * step(20.0, 110.0)) as f32,
            chest: (body.breadth * 132.0 * (1.0 - above * above).sqrt()) as f32,
            domes: body.domes.map(|dome| dome as f32),
            air: (body.air * body.chest) as f32,
            psoas: (
                (half + 34.0 * step(domes + 40.0, 420.0)) as f32,
                0.035 * step(domes + 50.0, domes + 120.0) as f32,
            ),
        }
    }

    fn through(&self, x: f32, y: f32) -> f32 {
        let q = (x - self.axis) / self.half_width;
        let round = (1.0 - q * q).max(0.0).sqrt();
        let skin = fade(1.0 - q.abs(), 0.01);
        // Mediastinal organs, back muscles and great vessels.
        let core = 0.06 * bump(x - self.spine, 2.0 * self.midline)
            + self.psoas.1 * fade(self.psoas.0 - (x - self.spine).abs(), 4.0);
        skin * (self.thickness * (0.3 + 0.7 * round) + core) - self.air * self.lung(x, y)
    }

    /// The fraction of the path through the chest that is lung.
    fn lung(&self, x: f32, y: f32) -> f32 {
        let beside = (x - self.spine).abs() - self.midline;
        let r = ((x - self.axis) / self.chest).abs().min(1.0);
        let from_middle = (beside - 30.0) / 60.0;
        let steep = if from_middle < 0.0 { 14.0 } else { 26.0 };
        let top = y - 12.0 - 12.0 * from_middle * from_middle;
        let bottom = self.domes[usize::from(x > self.spine)] + steep * from_middle * from_middle - y;
        if top < -6.0 || bottom < -70.0 {
            return 0.0;
        }
        let wall = (1.0 - r * r * r).max(0.0).sqrt();
        // Lung behind the dome, thinning out below it.
        let behind = 0.16 * fade(bottom + 30.0, 30.0);
        let depth = 0.35 + 0.65 * fade(top - 30.0, 36.0);
        fade(beside, 5.0) * wall * depth * fade(top, 5.0) * (behind + 0.84 * fade(bottom, 2.2))
    }
}

fn heart(canvas: &mut Canvas, spine: &Spine, body: &Body) {
    let x = 0.4 * spine.around(body.heart.y).0;
    let tilt = 0.5;
    let length = f64::sqrt(1.0 + tilt * tilt);
    let right = Vector::new(1.0 / length, tilt / length);
    let limit = ((body.domes[0] + body.domes[1]) / 2.0 + 4.0) as f32;
    let centre = body.heart + Vector::new(x, 0.0);
    let radii = body.heart_radii;
    let reach = radii.x.max(radii.y) * 1.1;
    let chamber = |q: f32| (1.5 * (1.0 - q * q).max(0.0).sqrt()).min(1.0) * 0.7 + 0.3 * (1.0 - q).max(0.0);
    canvas.around(centre, Vector::new(reach, reach), |dx, dy| {
        let p = Vector::new(dx, dy);
        let along = p.dot(right) / radii.x;
        let across = p.dot(Vector::new(-right.y, right.x)) / (0.84 * radii.y);
        let q = (along * along + across * across).sqrt() as f32;
        let below = fade(limit - (centre.y + dy) as f32, 14.0);
        0.15 * below * chamber(q)
    });
    // The aortic arch and the great vessels above the heart.
    let level = Vector::new(1.0, 0.0);
    let knob = Vector::new(x + 20.0, 0.28 * body.domes[0] + 10.0);
    canvas.ellipse(knob, level, Vector::new(15.0, 17.0), |q| 0.05 * chamber(q));
    let trunk = Vector::new(x + 5.0, 0.58 * body.domes[0]);
    canvas.ellipse(trunk, level, Vector::new(37.0, 0.42 * body.domes[0]), |q| 0.07 * chamber(q));
}

/// Pulmonary vessels, which leave the hilum of each lung and thin out towards the ribs.
fn lung_vessels(canvas: &mut Canvas, spine: &Spine, body: &Body, draw: &mut Draw) {
    let root = 0.5 * body.domes[0] + 6.0;
    let axis = 0.4 * spine.around(root).0;
    for side in [-1.0, 1.0] {
        for _ in 0..34 {
            let mut at =
                Vector::new(axis + side * draw.within([26.0, 40.0]), root + draw.within([-18.0, 26.0]));
            let mut angle = draw.within([-1.25, 1.35]);
            let thick = draw.within([0.7, 2.0]);
            let weight = draw.within([0.02, 0.045]);
            let pieces = draw.integer(6, 14);
            let path: Vec<Node> = (0..pieces)
                .map(|piece| {
                    let t = piece as f64 / pieces as f64;
                    let node = Node {
                        at,
                        half_width: thick * (1.1 - t),
                        weight: weight * (1.0 - t) * (0.3 + 2.8 * t),
                    };
                    angle += draw.within([-0.3, 0.3]);
                    at = at + Vector::new(side * libm::cos(angle), libm::sin(angle)) * 7.0;
                    node
                })
                .filter(|node| node.at.y < body.domes[0] + 4.0)
                .collect();
            canvas.stroke(&path, Across::Rod);
        }
    }
}

/// The trachea: a dark band down to T5, where it divides into the main bronchi.
fn trachea(canvas: &mut Canvas, spine: &Spine, draw: &mut Draw) {
    let marked = spine.marked();
    let fork = marked[4].centre.y;
    let lateral = draw.within([-3.0, 5.0]);
    let weight = -draw.within([0.07, 0.13]);
    let on_midline = |y: f64| Vector::new(0.6 * spine.around(y).0 + lateral, y);
    let tube: Vec<Node> = (0..16)
        .map(|node| {
            let t = f64::from(node) / 15.0;
            Node {
                at: on_midline(-60.0 + (fork + 60.0) * t),
                half_width: 8.5,
                weight: weight * (1.0 - 0.45 * t),
            }
        })
        .collect();
    canvas.stroke(&tube, Across::Rod);
    for side in [-1.0, 1.0] {
        let end = on_midline(fork) + Vector::new(side * 32.0, 26.0);
        let nodes = [(on_midline(fork), 6.5, 0.1), (end, 5.0, 0.45)];
        let path = nodes.map(|(at, half_width, share)| Node { at, half_width, weight: weight * share });
        canvas.stroke(&path, Across::Rod);
    }
}

/// Gas below the left dome of the diaphragm and in the bowel: dark and lobed, with a faint wall.
fn gas(canvas: &mut Canvas, spine: &Spine, body: &Body, draw: &mut Draw) {
    let (broad, fine) = (Texture::new(draw), Texture::new(draw));
    let floor = spine.marked()[16].centre.y;
    let mut pockets = Vec::new();
    if draw.happens(0.75) {
        let at = Vector::new(draw.within([50.0, 80.0]), body.domes[1] + draw.within([18.0, 30.0]));
        let radii = Vector::new(draw.within([20.0, 34.0]), draw.within([12.0, 20.0]));
        pockets.push((at, radii, draw.within([0.08, 0.2]), 0.35));
    }
    for _ in 0..draw.integer(2, 5) {
        let from = body.domes[1] + 75.0;
        let x = draw.sign() * draw.within([50.0, 100.0]);
        let at = Vector::new(x, draw.within([from, (floor + 50.0).max(from + 1.0)]));
        let radii = Vector::new(draw.within([16.0, 38.0]), draw.within([20.0, 48.0]));
        pockets.push((at, radii, draw.within([0.04, 0.13]), 1.0));
    }
    for (at, radii, depth, ragged) in pockets {
        let (depth, ragged) = (depth as f32, ragged as f32);
        canvas.around(at, radii * 1.5, |dx, dy| {
            let (x, y) = ((at.x + dx) as f32, (at.y + dy) as f32);
            let q = libm::sqrtf(((dx / radii.x) * (dx / radii.x) + (dy / radii.y) * (dy / radii.y)) as f32);
            let (x, y) =
                (x + 7.0 * fine.at(y * 0.05, x * 0.05), y + 7.0 * fine.at(x * 0.05 + 40.0, y * 0.05));
            let lobes = ragged * (0.5 * broad.at(x * 0.06, y * 0.06) + 0.28 * fine.at(y * 0.15, x * 0.15));
            let inside = 0.75 - q + lobes;
            -depth * fade(inside, 0.22) * (0.8 + 0.5 * lobes) + 0.12 * depth * bump(inside + 0.12, 0.07)
        });
    }
}
