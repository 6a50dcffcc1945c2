use ikem_core::{Draw, Vector};
use serde::Serialize;

use super::config::{PhantomConfig, SpineShape};
use super::random::PhantomDraw;

/// The number of vertebrae drawn above T1.
pub(super) const CERVICAL: usize = 4;
/// The index of S1 among the levels.
pub(super) const SACRUM: usize = CERVICAL + 17;
const LEVELS: usize = SACRUM + 1;

/// Widths of the vertebral bodies in mm: C4–C7, T1–T12, L1–L5, S1.
const WIDTH: [f64; LEVELS] = [
    24.0, 25.0, 26.5, 29.0, 33.0, 31.0, 29.5, 29.0, 29.0, 29.5, 30.5, 32.0, 33.5, 35.5, 37.5, 39.5, 41.5,
    43.5, 45.5, 47.5, 50.0, 52.0,
];
/// Heights of the vertebral bodies in mm.
const HEIGHT: [f64; LEVELS] = [
    11.0, 11.0, 11.5, 12.5, 14.5, 15.5, 16.5, 17.2, 18.0, 18.6, 19.2, 19.8, 20.4, 21.2, 22.2, 23.2, 24.4,
    25.2, 25.8, 25.8, 25.4, 26.0,
];
/// Heights of the intervertebral discs in mm, each below the vertebra of the same index.
const DISC: [f64; LEVELS] = [
    5.0, 5.0, 5.0, 5.2, 5.0, 4.6, 4.4, 4.3, 4.3, 4.4, 4.6, 4.9, 5.3, 5.9, 6.6, 7.4, 8.4, 9.4, 10.2, 10.6,
    9.6, 2.0,
];
/// Integration steps of the centre line per vertebra.
const STEPS: usize = 16;
const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// A coronal curve of a phantom's spine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PhantomCurve {
    /// The upper end vertebra, 0 (T1) to 16 (L5): the most tilted one above the apex.
    pub upper: usize,
    /// The lower end vertebra, 0 (T1) to 16 (L5).
    pub lower: usize,
    /// The Cobb angle, in degrees.
    pub cobb: f64,
    /// Whether the curve is convex to the right of the image.
    pub convex_right: bool,
}

/// A vertebra placed in the body: millimetres, x to the right of the image, y down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub centre: Vector,
    /// Unit vector along the spine, downwards.
    pub down: Vector,
    /// Unit vector along the endplates, to the right.
    pub right: Vector,
    /// Half the projected height of the body.
    pub half_height: f64,
    /// Half the widths at the upper and the lower endplate.
    pub half_widths: [f64; 2],
    /// The slopes of the upper and the lower endplate relative to `right`: wedging in a curved spine.
    pub slopes: [f64; 2],
    /// The minor semi-axis of the ellipse that an endplate projects to.
    pub plate_opening: f64,
    /// Axial rotation in radians; positive moves posterior structures to the right.
    pub rotation: f64,
    /// The projected height of the disc below.
    pub disc: f64,
}

impl Level {
    /// The point `x` along the endplates and `y` along the spine from the centre of the body.
    pub(super) fn at(&self, x: f64, y: f64) -> Vector {
        self.centre + self.right * x + self.down * y
    }

    /// The corners of the body: top left, top right, bottom left, bottom right.
    pub(super) fn corners(&self) -> [Vector; 4] {
        let [top, bottom] = self.half_widths;
        let upper = |x: f64| self.at(x, self.slopes[0] * x - self.half_height);
        let lower = |x: f64| self.at(x, self.slopes[1] * x + self.half_height);
        [upper(-top), upper(top), lower(-bottom), lower(bottom)]
    }
}

/// A spine in millimetres, with the centre of T1 at y = 0.
pub(super) struct Spine {
    pub levels: Vec<Level>,
    pub curves: Vec<PhantomCurve>,
}

impl Spine {
    pub(super) fn new(config: &PhantomConfig, seed: u64) -> Self {
        let mut draw = Draw::stream(seed, 1);
        let (mut bend, curves) = bend(config, &mut draw);
        let pitch = pitch(config, &mut draw);
        let twist = draw.within(config.rotation);
        let stature = draw.within([0.93, 1.07]);
        let build = draw.within([0.92, 1.1]);
        // Standing people keep T1 nearly above L5, so the overall lean is subtracted from all angles.
        let lean = draw.within([-2.0, 2.0]);
        for _ in 0..3 {
            let line = centre_line(&bend, &pitch, stature);
            let (first, last) = (line[CERVICAL].1, line[CERVICAL + 16].1);
            let tilt = libm::atan2(last.x - first.x, last.y - first.y) / DEGREE;
            bend.shift(lean - tilt);
        }
        let line = centre_line(&bend, &pitch, stature);
        let origin = line[CERVICAL].1.y;
        let levels = line
            .iter()
            .enumerate()
            .map(|(index, &(angle, centre, disc))| {
                let place = index as f64 - CERVICAL as f64;
                let tilt = angle * DEGREE;
                let half = HEIGHT[index] * stature / 2.0;
                let lean = pitch.at(place) * DEGREE;
                // The curve bends by this much between the centre and an endplate.
                let share = 0.5 * HEIGHT[index] / (HEIGHT[index] + DISC[index]);
                let wedge = |side: f64| -libm::tan((bend.at(place + side * share) - angle) * DEGREE);
                let width = WIDTH[index] * build * draw.within([0.97, 1.03]) / 2.0;
                let slope = bend.at(place + 0.5) - bend.at(place - 0.5);
                Level {
                    centre: Vector::new(centre.x, centre.y - origin),
                    down: Vector::new(libm::sin(tilt), libm::cos(tilt)),
                    right: Vector::new(libm::cos(tilt), -libm::sin(tilt)),
                    half_height: half * libm::cos(lean),
                    half_widths: [width * draw.within([0.96, 1.0]), width * draw.within([1.0, 1.05])],
                    slopes: [wedge(-1.0), wedge(1.0)],
                    plate_opening: 0.72 * width * libm::fabs(libm::sin(lean)),
                    // The Cobb angle of a typical curve is spread over six levels; vertebrae rotate towards the convex
                    // side.
                    rotation: slope * 4.0 * twist * DEGREE,
                    disc,
                }
            })
            .collect();
        Self { levels, curves }
    }

    /// The vertebrae with landmarks: T1–L5.
    pub(super) fn marked(&self) -> &[Level] {
        &self.levels[CERVICAL..SACRUM]
    }

    /// The spine's x and half the width of its bodies at height `y`; constant beyond the ends.
    pub(super) fn around(&self, y: f64) -> (f64, f64) {
        let position_and_width =
            |level: &Level| (level.centre.x, (level.half_widths[0] + level.half_widths[1]) / 2.0);
        let below = self.levels.iter().position(|level| level.centre.y > y);
        match below {
            Some(0) => position_and_width(&self.levels[0]),
            None => position_and_width(&self.levels[LEVELS - 1]),
            Some(index) => {
                let (a, b) = (&self.levels[index - 1], &self.levels[index]);
                let t = (y - a.centre.y) / (b.centre.y - a.centre.y);
                let ((x0, w0), (x1, w1)) = (position_and_width(a), position_and_width(b));
                (x0 + (x1 - x0) * t, w0 + (w1 - w0) * t)
            }
        }
    }
}

/// A smoothstep interpolation of knots by position along the spine (0 at T1, 16 at L5), with zero slope at each knot.
struct Profile(Vec<(f64, f64)>);

impl Profile {
    fn at(&self, place: f64) -> f64 {
        let Some(next) = self.0.iter().position(|&(knot, _)| knot > place) else {
            return self.0.last().map_or(0.0, |&(_, value)| value);
        };
        if next == 0 {
            return self.0[0].1;
        }
        let ((a, from), (b, to)) = (self.0[next - 1], self.0[next]);
        let t = (place - a) / (b - a);
        from + (to - from) * t * t * (3.0 - 2.0 * t)
    }

    fn shift(&mut self, by: f64) {
        self.0.iter_mut().for_each(|(_, value)| *value += by);
    }
}

/// The coronal tilt in degrees, positive where the spine runs down to the right, and the resulting curves.
fn bend(config: &PhantomConfig, draw: &mut Draw) -> (Profile, Vec<PhantomCurve>) {
    let double = match config.shape {
        SpineShape::C => false,
        SpineShape::S => true,
        SpineShape::Any => draw.happens(0.5),
    };
    let cobb = draw.within(config.cobb);
    let side = draw.sign();
    let (ends, tilts, near) = if double {
        let ends = vec![draw.integer(3, 4), draw.integer(9, 10), draw.integer(14, 15)];
        let minor = cobb * draw.within([0.6, 0.95]);
        let (upper, lower) = if draw.happens(0.6) { (cobb, minor) } else { (minor, cobb) };
        let middle = 0.5 * (upper + lower) * draw.within([0.5, 0.56]);
        (ends, vec![upper - middle, -middle, lower - middle], [0.35, 0.5])
    } else {
        let upper = draw.integer(2, 7);
        let ends = vec![upper, upper + draw.integer(6, 7)];
        (ends, vec![0.5 * cobb, -0.5 * cobb], [0.3, 0.35])
    };
    let curves = ends
        .windows(2)
        .zip(tilts.windows(2))
        .map(|(ends, tilts)| PhantomCurve {
            upper: ends[0],
            lower: ends[1],
            cobb: (tilts[0] - tilts[1]).abs(),
            convex_right: (tilts[0] - tilts[1]) * side > 0.0,
        })
        .collect();
    let mut knots: Vec<_> = ends.iter().zip(&tilts).map(|(&end, &tilt)| (end as f64, tilt * side)).collect();
    let (first, last) = (knots[0], knots[knots.len() - 1]);
    knots.insert(0, (-2.0, first.1 * near[0]));
    knots.push((17.5, last.1 * near[1]));
    (Profile(knots), curves)
}

/// The sagittal tilt of the vertebrae in degrees, positive forwards.
fn pitch(config: &PhantomConfig, draw: &mut Draw) -> Profile {
    let (kyphosis, lordosis) = (draw.within(config.kyphosis), draw.within(config.lordosis));
    Profile(vec![
        (-4.0, 0.2 * kyphosis),
        (0.0, 0.55 * kyphosis),
        (6.0, 0.0),
        (11.0, -0.45 * kyphosis),
        (14.0, 0.0),
        (17.5, 0.7 * lordosis),
    ])
}

/// The tilt in degrees, the centre and the projected disc height of each level.
fn centre_line(bend: &Profile, pitch: &Profile, stature: f64) -> Vec<(f64, Vector, f64)> {
    let mut at = Vector::new(0.0, 0.0);
    (0..LEVELS)
        .map(|index| {
            let place = index as f64 - CERVICAL as f64;
            let centre = at;
            let next = (index + 1).min(LEVELS - 1);
            let length = stature * (HEIGHT[index] / 2.0 + DISC[index] + HEIGHT[next] / 2.0);
            for step in 0..STEPS {
                let here = place + (step as f64 + 0.5) / STEPS as f64;
                let (tilt, lean) = (bend.at(here) * DEGREE, pitch.at(here) * DEGREE);
                let seen = length / STEPS as f64 * libm::cos(lean);
                at = at + Vector::new(libm::sin(tilt), libm::cos(tilt)) * seen;
            }
            (bend.at(place), centre, stature * DISC[index] * libm::cos(pitch.at(place + 0.5) * DEGREE))
        })
        .collect()
}
