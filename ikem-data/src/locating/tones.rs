use std::f32::consts::TAU;

use ikem_core::Draw;

use super::SceneConfig;
use crate::augment::Tone;

/// Changes the grey values (0…1, rows of `width`) of a scene as exposure, processing and copying do. Returns whether it
/// became a negative.
pub(super) fn develop(values: &mut [f32], width: usize, config: &SceneConfig, draw: &mut Draw) -> bool {
    if draw.happens(config.gamma) {
        let [low, high] = config.powers.map(libm::log);
        Tone::Gamma(libm::exp(draw.within([low, high]))).apply(values);
    }
    if draw.happens(config.squeeze) {
        squeeze(values, draw);
    }
    if draw.happens(config.illumination) {
        illuminate(values, width, draw);
    }
    if draw.happens(config.blur) {
        for _ in 0..1 + draw.below(3) {
            blur(values, width);
        }
    }
    if draw.happens(config.noise) {
        let deviation = draw.within([0.0, config.deviation]) as f32;
        Tone::Noise { deviation, seed: draw.bits() }.apply(values);
    }
    let negative = draw.happens(config.negative);
    if negative {
        values.iter_mut().for_each(|value| *value = 1.0 - *value);
    }
    negative
}

/// Compresses values into a part of the range, quantized to 8 bits.
fn squeeze(values: &mut [f32], draw: &mut Draw) {
    let range = draw.within([0.2, 1.0]);
    let low = draw.within([0.0, 1.0 - range]) as f32;
    for value in values {
        *value = ((low + range as f32 * *value) * 255.0).round() / 255.0;
    }
}

/// Darkens towards one side or towards the border.
fn illuminate(values: &mut [f32], width: usize, draw: &mut Draw) {
    let width = width.max(1);
    let height = values.len() / width;
    let angle = draw.unit() as f32 * TAU;
    let (across, down) = (libm::cosf(angle), libm::sinf(angle));
    let fall = draw.within([0.1, 0.7]) as f32;
    let border = draw.happens(0.5);
    for (row, line) in values.chunks_exact_mut(width).enumerate() {
        let v = (row as f32 + 0.5) / height as f32 - 0.5;
        for (column, value) in line.iter_mut().enumerate() {
            let u = (column as f32 + 0.5) / width as f32 - 0.5;
            let dark = if border { 2.0 * (u * u + v * v) } else { 0.5 + 0.7 * (u * across + v * down) };
            *value *= 1.0 - fall * dark.clamp(0.0, 1.0);
        }
    }
}

/// A 3 × 3 box blur that repeats the edge pixels.
fn blur(values: &mut [f32], width: usize) {
    let width = width.max(1);
    for line in values.chunks_exact_mut(width) {
        let mut before = line.first().copied().unwrap_or_default();
        for column in 0..width {
            let here = line[column];
            let after = line.get(column + 1).copied().unwrap_or(here);
            line[column] = (before + here + after) / 3.0;
            before = here;
        }
    }
    let height = values.len() / width;
    let mut above = values.get(..width).unwrap_or_default().to_vec();
    for row in 0..height {
        for (column, above) in above.iter_mut().enumerate() {
            let index = row * width + column;
            let here = values[index];
            let below = values.get(index + width).copied().unwrap_or(here);
            values[index] = (*above + here + below) / 3.0;
            *above = here;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> SceneConfig {
        SceneConfig::plain()
    }

    #[test]
    fn a_negative_inverts_the_picture() {
        let values: Vec<f32> = (0..12).map(|i| i as f32 / 11.0).collect();
        let mut same = values.clone();
        assert!(!develop(&mut same, 4, &plain(), &mut Draw::new(1, &[])));
        assert_eq!(same, values);
        let config = SceneConfig { negative: 1.0, ..plain() };
        let mut other = values.clone();
        assert!(develop(&mut other, 4, &config, &mut Draw::new(1, &[])));
        assert!(values.iter().zip(&other).all(|(a, b)| (a + b - 1.0).abs() < 1e-6));
    }

    #[test]
    fn a_blurred_dot_is_a_box_and_edges_are_repeated() {
        let mut values = vec![0.0; 35];
        values[2 * 7 + 3] = 9.0;
        blur(&mut values, 7);
        for (index, &value) in values.iter().enumerate() {
            let near = (index / 7).abs_diff(2) <= 1 && (index % 7).abs_diff(3) <= 1;
            assert!((value - if near { 1.0 } else { 0.0 }).abs() < 1e-5, "{index}: {value}");
        }
        let mut flat = vec![0.7; 35];
        blur(&mut flat, 5);
        assert!(flat.iter().all(|value| (value - 0.7).abs() < 1e-6));
    }

    #[test]
    fn tones_stay_in_their_ranges() {
        let values: Vec<f32> = (0..64 * 64).map(|i| (i % 64) as f32 / 63.0).collect();
        let squeezed = SceneConfig { squeeze: 1.0, ..plain() };
        let gamma = SceneConfig { gamma: 1.0, powers: [2.0, 2.0], ..plain() };
        let lit = SceneConfig { illumination: 1.0, ..plain() };
        for seed in 0..20 {
            let mut out = values.clone();
            develop(&mut out, 64, &squeezed, &mut Draw::new(seed, &[]));
            let range = out[63] - out[0];
            assert!((0.19..=1.0).contains(&range) && out[0] >= 0.0 && out[63] <= 1.0, "{range}");
            let mut out = values.clone();
            develop(&mut out, 64, &gamma, &mut Draw::new(seed, &[]));
            assert!(out.iter().zip(&values).all(|(a, b)| (a - b * b).abs() < 1e-3));
            let mut out = values.clone();
            develop(&mut out, 64, &lit, &mut Draw::new(seed, &[]));
            assert!(out.iter().zip(&values).all(|(a, b)| *a <= *b && *a >= 0.25 * b));
            assert!(out.iter().zip(&values).any(|(a, b)| *a < 0.95 * b));
        }
    }
}
