//! Synthetic pictures without a spine, as negative examples.

use std::f32::consts::TAU;

use ikem_core::{Draw, Letterbox};

use super::marks::random_text;
use super::sheet::Sheet;
use crate::phantom::Texture;

/// A kind of synthetic picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    /// Fractal noise.
    Cloud,
    /// Soft and hard shapes, as in a photograph of objects.
    Shapes,
    /// A nearly uniform grey.
    Flat,
    /// The bones of a hand.
    Hand,
    /// Ribs and lungs with a featureless band in place of the spine.
    Chest,
    /// Lines of text.
    Page,
}

impl Blank {
    pub(super) const ALL: [Self; 6] =
        [Self::Cloud, Self::Shapes, Self::Flat, Self::Hand, Self::Chest, Self::Page];

    /// Whether a negative of it can be distinguished from a positive.
    pub(super) fn has_polarity(self) -> bool {
        matches!(self, Self::Hand | Self::Chest)
    }

    /// Its frame on the grid, with a random aspect ratio in the range of real films.
    pub(super) fn frame(draw: &mut Draw, grid: usize) -> Letterbox {
        let width = libm::exp(draw.within([libm::log(0.35), libm::log(1.5)]));
        Letterbox::new(width, 1.0, grid)
    }

    pub(super) fn draw(self, sheet: &mut Sheet<'_>, draw: &mut Draw) {
        match self {
            Self::Cloud => cloud(sheet, draw),
            Self::Shapes => shapes(sheet, draw),
            Self::Flat => {
                let level = uniform(draw, 0.0, 1.0);
                let slope = uniform(draw, 0.0, 0.002);
                let mut draw = Draw::new(draw.bits(), &[]);
                sheet.shade(|x, _, value| {
                    *value = (level + slope * x + 0.02 * (draw.unit() as f32 - 0.5)).clamp(0.0, 1.0);
                });
            }
            Self::Hand => hand(sheet, draw),
            Self::Chest => chest(sheet, draw),
            Self::Page => page(sheet, draw),
        }
    }
}

fn uniform(draw: &mut Draw, low: f32, high: f32) -> f32 {
    draw.within([f64::from(low), f64::from(high)]) as f32
}

fn position(sheet: &Sheet<'_>, draw: &mut Draw) -> [f32; 2] {
    let [left, top, right, bottom] = sheet.edges();
    [uniform(draw, left, right), uniform(draw, top, bottom)]
}

fn cloud(sheet: &mut Sheet<'_>, draw: &mut Draw) {
    let texture = Texture::of(draw.bits() as u32);
    let fall = uniform(draw, 0.4, 0.9);
    let [left, top, ..] = sheet.edges();
    let size = sheet.breadth();
    let start = uniform(draw, 1.0, 5.0) / size;
    sheet.shade(|x, y, value| {
        let (mut weight, mut frequency, mut sum) = (0.35, start, 0.5);
        for _ in 0..6 {
            sum += weight * texture.at(frequency * (x - left), frequency * (y - top));
            weight *= fall;
            frequency *= 2.0;
        }
        *value = sum.clamp(0.0, 1.0);
    });
}

fn shapes(sheet: &mut Sheet<'_>, draw: &mut Draw) {
    gradient(sheet, draw);
    for _ in 0..3 + draw.below(20) {
        let [x, y] = position(sheet, draw);
        let size = sheet.breadth() * uniform(draw, 0.03, 0.5);
        let (level, alpha) = (uniform(draw, 0.0, 1.0), uniform(draw, 0.3, 1.0));
        let angle = draw.unit() as f32 * TAU;
        if draw.happens(0.5) {
            sheet.ellipse([x, y], [size, size * uniform(draw, 0.2, 1.0)], angle.to_degrees(), level, alpha);
        } else {
            let count = 3 + draw.below(4) as usize;
            let corner = |i: usize, draw: &mut Draw| {
                let (sin, cos) = sin_cos(angle + i as f32 / count as f32 * TAU);
                let far = size * uniform(draw, 0.4, 1.0);
                [x + far * cos, y + far * sin]
            };
            let corners: Vec<[f32; 2]> = (0..count).map(|i| corner(i, draw)).collect();
            sheet.polygon(&corners, level, alpha);
        }
    }
    let texture = Texture::of(draw.bits() as u32);
    let (reach, frequency) = (uniform(draw, 0.0, 0.25), uniform(draw, 0.02, 0.2));
    sheet.shade(|x, y, value| {
        *value = (*value + reach * texture.at(frequency * x, frequency * y)).clamp(0.0, 1.0);
    });
}

fn gradient(sheet: &mut Sheet<'_>, draw: &mut Draw) {
    let (from, to) = (uniform(draw, 0.0, 1.0), uniform(draw, 0.0, 1.0));
    let (sin, cos) = sin_cos(draw.unit() as f32 * TAU);
    let [left, top, right, bottom] = sheet.edges();
    sheet.shade(|x, y, value| {
        let (u, v) = ((x - left) / (right - left) - 0.5, (y - top) / (bottom - top) - 0.5);
        *value = from + (to - from) * (0.5 + 0.7 * (u * cos + v * sin)).clamp(0.0, 1.0);
    });
}

fn sin_cos(angle: f32) -> (f32, f32) {
    (libm::sinf(angle), libm::cosf(angle))
}

/// The coordinate system of a hand (wrist at (0, 1), fingertips at about y = −1) placed on the sheet.
struct Limb {
    at: [f32; 2],
    scale: f32,
    turn: (f32, f32),
    side: f32,
}

impl Limb {
    fn on_sheet(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (sin, cos) = self.turn;
        let (x, y) = (self.scale * self.side * x, self.scale * y);
        [self.at[0] + cos * x - sin * y, self.at[1] + sin * x + cos * y]
    }

    fn stroke(&self, sheet: &mut Sheet<'_>, points: &[[f32; 2]], width: f32, level: f32, alpha: f32) {
        let points: Vec<[f32; 2]> = points.iter().map(|&point| self.on_sheet(point)).collect();
        sheet.line(&points, self.scale * width, level, alpha);
    }
}

fn hand(sheet: &mut Sheet<'_>, draw: &mut Draw) {
    let [left, top, right, bottom] = sheet.edges();
    let ground = uniform(draw, 0.0, 0.15);
    sheet.shade(|_, _, value| *value = ground);
    let middle = [0.5 * (left + right), 0.5 * (top + bottom)];
    let away = 0.1 * sheet.breadth();
    let limb = Limb {
        at: middle.map(|axis| axis + uniform(draw, -away, away)),
        scale: sheet.breadth() * uniform(draw, 0.4, 0.75),
        turn: sin_cos(uniform(draw, 0.0, TAU)),
        side: if draw.happens(0.5) { 1.0 } else { -1.0 },
    };
    let (soft, bone) = (uniform(draw, 0.2, 0.4), uniform(draw, 0.65, 0.95));
    let spread = uniform(draw, 0.6, 1.3);
    // For each finger: its base, its angle and its length relative to the middle finger.
    let fingers = [
        ([-0.2, 0.55], -0.85, 0.75),
        ([-0.16, 0.5], -0.22, 1.0),
        ([-0.03, 0.48], -0.03, 1.08),
        ([0.1, 0.5], 0.16, 1.0),
        ([0.2, 0.55], 0.38, 0.82),
    ];
    limb.stroke(sheet, &[[0.0, 0.35], [0.0, 1.6]], 0.5, soft, 1.0);
    let chains = fingers.map(|(start, angle, length): ([f32; 2], f32, f32)| {
        let (sin, cos) = sin_cos(angle * spread);
        let ends = [0.0, 0.5, 0.85, 1.08, 1.26].map(|far| far * length);
        ends.map(|far| [start[0] + far * sin, start[1] - far * cos])
    });
    for chain in &chains {
        limb.stroke(sheet, chain, 0.2, soft, 1.0);
    }
    for chain in &chains {
        for (bone_of, pair) in chain.windows(2).enumerate() {
            let near = |part: f32| {
                [pair[0][0] + part * (pair[1][0] - pair[0][0]), pair[0][1] + part * (pair[1][1] - pair[0][1])]
            };
            let width = 0.09 - 0.012 * bone_of as f32;
            limb.stroke(sheet, &[near(0.14), near(0.86)], width, bone, 0.9);
            for end in [0.16, 0.84] {
                limb.stroke(sheet, &[near(end), near(end + 0.01)], 1.4 * width, bone, 0.9);
            }
        }
    }
    for (x, width) in [(-0.11, 0.16), (0.13, 0.12)] {
        limb.stroke(sheet, &[[x, 0.85], [x, 1.8]], width, bone, 0.9);
    }
    for _ in 0..8 {
        let knob = [uniform(draw, -0.2, 0.2), uniform(draw, 0.58, 0.76)];
        limb.stroke(sheet, &[knob, [knob[0] + 0.01, knob[1]]], 0.13, uniform(draw, 0.8, 1.0) * bone, 0.8);
    }
}

fn chest(sheet: &mut Sheet<'_>, draw: &mut Draw) {
    let [left, top, right, bottom] = sheet.edges();
    let (width, height) = (right - left, bottom - top);
    let flesh = uniform(draw, 0.35, 0.6);
    sheet.shade(|_, _, value| *value = flesh);
    let middle = 0.5 * (left + right) + width * uniform(draw, -0.05, 0.05);
    let lung = flesh * uniform(draw, 0.15, 0.4);
    let aside = width * uniform(draw, 0.2, 0.26);
    for side in [-1.0, 1.0] {
        let radii = [width * uniform(draw, 0.15, 0.2), height * uniform(draw, 0.3, 0.4)];
        sheet.ellipse([middle + side * aside, top + 0.5 * height], radii, side * 6.0, lung, 0.9);
    }
    let bone = uniform(draw, 0.6, 0.85);
    let count = 7 + draw.below(5);
    for rib in 0..count {
        let y = top + height * (0.12 + 0.7 * rib as f32 / count as f32);
        let (reach, drop) = (width * uniform(draw, 0.36, 0.42), height * uniform(draw, 0.08, 0.14));
        for side in [-1.0, 1.0] {
            let arc: Vec<[f32; 2]> = (0..=12)
                .map(|step| {
                    let (sin, cos) = sin_cos(step as f32 / 12.0 * 0.6 * TAU - 0.05 * TAU);
                    [middle + side * reach * (0.1 + 0.9 * sin.max(0.0)), y + drop * (1.0 - cos) - 0.3 * drop]
                })
                .collect();
            sheet.line(&arc, width * 0.018, bone, 0.35);
        }
    }
    let half = width * uniform(draw, 0.05, 0.09);
    let band = [[-half, top], [half, top], [1.2 * half, bottom], [-1.2 * half, bottom]];
    sheet.polygon(&band.map(|[x, y]| [middle + x, y]), uniform(draw, 0.7, 0.95), 0.9);
    let heart = [middle + 0.08 * width, top + 0.62 * height];
    sheet.ellipse(heart, [0.16 * width, 0.15 * height], 30.0, uniform(draw, 0.6, 0.85), 0.8);
    let belly = [[left, bottom], [left, top + 0.86 * height], [middle, top + 0.8 * height]];
    let rest = [[right, top + 0.86 * height], [right, bottom]];
    sheet.polygon(&[&belly[..], &rest[..]].concat(), uniform(draw, 0.6, 0.8), 0.8);
}

fn page(sheet: &mut Sheet<'_>, draw: &mut Draw) {
    let [left, top, right, bottom] = sheet.edges();
    let dark = draw.happens(0.3);
    let (paper, ink) = (uniform(draw, 0.85, 1.0), uniform(draw, 0.0, 0.25));
    let (paper, ink) = if dark { (ink, paper) } else { (paper, ink) };
    sheet.shade(|_, _, value| *value = paper);
    let breadth = right - left;
    let height = (0.01 * breadth * uniform(draw, 1.5, 5.0)).max(2.5);
    let margin = breadth * uniform(draw, 0.03, 0.15);
    let leading = height * uniform(draw, 1.6, 2.6);
    let mut y = top + margin + height;
    while y < bottom - margin {
        let size = if draw.happens(0.08) { 1.5 * height } else { height };
        let end = right - margin - if draw.happens(0.2) { breadth * uniform(draw, 0.1, 0.6) } else { 0.0 };
        let mut x = left + margin;
        while x < end && !draw.happens(0.02) {
            let word = random_text(draw);
            sheet.text(&word, [x, y], size, ink);
            x += sheet.text_width(&word, size) + 0.6 * size;
        }
        y += if draw.happens(0.1) { 2.5 * leading } else { leading };
    }
    if draw.happens(0.4) {
        let [x, y] = position(sheet, draw);
        let half = breadth * uniform(draw, 0.05, 0.2);
        let corners = [[-half, -half], [half, -half], [half, half], [-half, half]];
        sheet.polygon(&corners.map(|[a, b]| [x + a, y + b]), uniform(draw, 0.0, 1.0), 1.0);
    }
}
