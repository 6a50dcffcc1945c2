use ikem_core::Draw;

use super::canvas::{Canvas, fade};
use super::config::PhantomConfig;
use super::random::PhantomDraw;

/// Intervals in the table of the film response.
const STEPS: usize = 2048;
/// The largest attenuation in the table.
const MOST: f32 = 2.0;

/// Simulates the detector and the display window: converts attenuation to 8-bit grey values, dense tissue bright.
pub(super) fn expose(canvas: &mut Canvas, config: &PhantomConfig, seed: u64) -> Vec<u8> {
    let mut draw = Draw::stream(seed, 5);
    let relative = canvas.height as f64 / 2300.0;
    let blur_std = draw.within(config.blur) * relative;
    let response = Response::new(config, &mut draw);
    let noise = draw.within(config.noise) as f32;
    let tilt = draw.within([-0.04, 0.04]) as f32;
    blur(canvas, blur_std);
    let lights = Lights::new(canvas, config, &mut draw);
    let mut bytes = Vec::with_capacity(canvas.values.len());
    let mut grain = Draw::stream(seed, 6);
    let mut above = vec![0.0_f32; canvas.width];
    for (row, line) in canvas.values.chunks_exact(canvas.width).enumerate() {
        let down = row as f32 / canvas.height as f32;
        let mut left = 0.0;
        for (column, &value) in line.iter().enumerate() {
            let (grey, speckle) = response.at(value + tilt * (down - 0.5));
            // Noise of neighbouring detector pixels is correlated.
            let white = grain.grain();
            let grained = 0.8 * white + 0.45 * left + 0.4 * above[column];
            left = white;
            above[column] = white;
            let seen = lights.at(grey + noise * speckle * grained, column, row);
            bytes.push((seen.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
        }
    }
    bytes
}

/// A table of grey value and relative noise by attenuation.
struct Response(Vec<(f32, f32)>);

impl Response {
    fn new(config: &PhantomConfig, draw: &mut Draw) -> Self {
        let exposure = draw.within(config.exposure);
        let black = draw.within(config.black_level);
        let shoulder = draw.within([2.2, 4.0]);
        let table = (0..=STEPS)
            .map(|step| {
                let attenuation = f64::from(MOST) * step as f64 / STEPS as f64;
                let z = exposure * (attenuation * 1.08 - black).max(0.0) / (1.0 - 0.5 * black);
                let grey = z / libm::pow(1.0 + libm::pow(z, shoulder), 1.0 / shoulder);
                // Fewer photons arrive behind dense tissue, so noise grows with the root of the attenuation.
                let speckle = libm::sqrt(0.25 + 1.5 * attenuation) * (1.0 - 0.6 * grey * grey);
                (grey as f32, speckle as f32)
            })
            .collect();
        Self(table)
    }

    fn at(&self, attenuation: f32) -> (f32, f32) {
        let position = (attenuation / MOST).clamp(0.0, 1.0) * STEPS as f32;
        let index = (position as usize).min(STEPS - 1);
        let t = position - index as f32;
        let (a, b) = (self.0[index], self.0[index + 1]);
        (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t)
    }
}

/// Collimator edges and a side marker.
struct Lights {
    /// The bounds of the beam: first and last column, first and last row.
    beam: [f32; 4],
    /// The grey value outside the beam.
    outside: f32,
    /// Left, top and cell size of the side marker, and whether it is an `R` instead of an `L`.
    letter: Option<(f32, f32, f32, bool)>,
}

/// The letters L and R as 5 × 7 bitmaps.
const LETTERS: [[u8; 7]; 2] = [
    [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111],
    [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001],
];

impl Lights {
    fn new(canvas: &Canvas, config: &PhantomConfig, draw: &mut Draw) -> Self {
        let (width, height) = (canvas.width as f64, canvas.height as f64);
        let mut beam = [-9.0, width + 9.0, -9.0, height + 9.0];
        if draw.happens(config.collimator) {
            let reach = |draw: &mut Draw, extent: f64| draw.within([-0.02, 0.03]) * extent;
            beam[0] = reach(draw, width);
            beam[1] = width - reach(draw, width);
            beam[2] = 0.3 * reach(draw, height);
            beam[3] = height - 0.3 * reach(draw, height);
        }
        let outside = if draw.happens(0.7) { draw.within([0.0, 0.1]) } else { draw.within([0.85, 1.0]) };
        let letter = draw.happens(config.marker).then(|| {
            let cell = draw.within([0.005, 0.009]) * width.min(height);
            let left_side = draw.happens(0.5);
            let inset = draw.within([0.01, 0.04]) * width;
            let left = if left_side { inset } else { width - inset - 5.0 * cell };
            let top = draw.within([0.02, 0.25]) * height;
            // In an anteroposterior view the patient's right is on the left.
            (left as f32, top as f32, cell as f32, left_side)
        });
        Self { beam: beam.map(|value| value as f32), outside: outside as f32, letter }
    }

    fn at(&self, grey: f32, column: usize, row: usize) -> f32 {
        let (x, y) = (column as f32, row as f32);
        let [left, right, top, bottom] = self.beam;
        let lit = fade(x - left, 2.0) * fade(right - x, 2.0) * fade(y - top, 2.0) * fade(bottom - y, 2.0);
        let mut seen = self.outside + (grey - self.outside) * lit;
        if let Some((from, above, cell, is_right)) = self.letter {
            let (u, v) = ((x - from) / cell, (y - above) / cell);
            if (0.0..5.0).contains(&u) && (0.0..7.0).contains(&v) {
                let line = LETTERS[usize::from(is_right)][v as usize];
                if line >> (4 - u as usize) & 1 == 1 {
                    seen = 0.97;
                }
            }
        }
        seen
    }
}

/// A separable Gaussian blur with standard deviation `std` in pixels; edge pixels are repeated.
fn blur(canvas: &mut Canvas, std: f64) {
    let radius = (3.0 * std).ceil() as usize;
    if radius == 0 {
        return;
    }
    let bell = |offset: usize| libm::exp(-0.5 * (offset * offset) as f64 / (std * std));
    let total = bell(0) + 2.0 * (1..=radius).map(bell).sum::<f64>();
    let taps: Vec<f32> = (0..=2 * radius).map(|tap| (bell(tap.abs_diff(radius)) / total) as f32).collect();
    let (width, height) = (canvas.width, canvas.height);
    let mut across = vec![0.0_f32; canvas.values.len()];
    let mut padded = vec![0.0_f32; width + 2 * radius];
    for (row, out) in canvas.values.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        padded[..radius].fill(row[0]);
        padded[radius..radius + width].copy_from_slice(row);
        padded[radius + width..].fill(row[width - 1]);
        for (tap, weight) in taps.iter().enumerate() {
            for (sum, value) in out.iter_mut().zip(&padded[tap..]) {
                *sum += weight * value;
            }
        }
    }
    for (row, out) in canvas.values.chunks_exact_mut(width).enumerate() {
        out.fill(0.0);
        for (tap, weight) in taps.iter().enumerate() {
            let from = (row + tap).saturating_sub(radius).min(height - 1);
            for (sum, value) in out.iter_mut().zip(&across[from * width..(from + 1) * width]) {
                *sum += weight * value;
            }
        }
    }
}
