use ikem_core::Draw;
use serde::{Deserialize, Serialize};

/// A change of grey values with its random parameters drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Tone {
    /// `contrast` around 0.5, then `brightness` added.
    Linear { brightness: f32, contrast: f32 },
    /// Gamma correction: values to this power.
    Gamma(f64),
    /// Additive noise with this standard deviation and seed.
    Noise { deviation: f32, seed: u64 },
}

impl Tone {
    /// Changes values of 0…1 and clamps them to that range.
    pub(crate) fn apply(&self, values: &mut [f32]) {
        match *self {
            Self::Linear { brightness, contrast } => {
                for value in values {
                    *value = ((*value - 0.5) * contrast + 0.5 + brightness).clamp(0.0, 1.0);
                }
            }
            Self::Gamma(gamma) => Table::new(gamma).apply(values),
            Self::Noise { deviation, seed } => {
                for (value, grain) in values.iter_mut().zip(grain(seed)) {
                    *value = (*value + deviation * grain).clamp(0.0, 1.0);
                }
            }
        }
    }
}

/// Approximately normal numbers with mean 0 and standard deviation 1, each the scaled sum of four uniform 16-bit
/// numbers. Fast, and equal on every platform. The bits are SplitMix64's.
fn grain(seed: u64) -> impl Iterator<Item = f32> {
    /// Standard deviation and mean of the sum of four numbers of 0…65535.
    const DEVIATION: f32 = 37836.9;
    const MEAN: f32 = 131_070.0;
    (1_u64..).map(move |i| {
        let z = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = z ^ (z >> 31);
        let sum = (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
        // Below 2¹⁸, so it fits an i32, which converts to f32 in one instruction.
        (sum as i32 as f32 - MEAN) * (1.0 / DEVIATION)
    })
}

/// A table of x^gamma on 0…1 for linear interpolation: fast, and equal on every platform.
struct Table(Vec<f32>);

impl Table {
    const STEPS: usize = 1024;

    fn new(gamma: f64) -> Self {
        // One extra step, so that 1 has a right neighbour.
        Self((0..=Self::STEPS + 1).map(|i| libm::pow(i as f64 / Self::STEPS as f64, gamma) as f32).collect())
    }

    fn apply(&self, values: &mut [f32]) {
        for value in values {
            let position = value.clamp(0.0, 1.0) * Self::STEPS as f32;
            let below = position as i32;
            let start = below as usize;
            if let Some(&[a, b]) = self.0.get(start..start + 2) {
                *value = a + (position - below as f32) * (b - a);
            }
        }
    }
}

/// Changes brightness and contrast, the latter around the middle grey.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrightnessContrast {
    /// The largest change of brightness, relative to 0…1.
    pub brightness: f64,
    /// The largest change of the contrast factor from 1; at most 1.
    pub contrast: f64,
    /// The probability of applying it.
    pub probability: f64,
}

impl Default for BrightnessContrast {
    /// Up to ±0.2 each, probability 0.5.
    fn default() -> Self {
        Self { brightness: 0.2, contrast: 0.2, probability: 0.5 }
    }
}

impl BrightnessContrast {
    pub(super) fn tone(&self, draw: &mut Draw) -> Tone {
        let brightness = draw.within([-self.brightness, self.brightness]) as f32;
        let contrast = 1.0 + draw.within([-self.contrast, self.contrast]) as f32;
        Tone::Linear { brightness, contrast }
    }
}

/// Gamma correction: changes middle greys, keeps black and white.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gamma {
    /// The smallest and the largest exponent; above 0.
    pub range: [f64; 2],
    /// The probability of applying it.
    pub probability: f64,
}

impl Default for Gamma {
    /// 0.8…1.25, probability 0.5.
    fn default() -> Self {
        Self { range: [0.8, 1.25], probability: 0.5 }
    }
}

impl Gamma {
    pub(super) fn tone(&self, draw: &mut Draw) -> Tone {
        Tone::Gamma(draw.within(self.range))
    }
}

/// Adds independent noise to each pixel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Noise {
    /// The largest standard deviation, relative to 0…1.
    pub deviation: f64,
    /// The probability of applying it.
    pub probability: f64,
}

impl Default for Noise {
    /// Up to 0.02, probability 0.25.
    fn default() -> Self {
        Self { deviation: 0.02, probability: 0.25 }
    }
}

impl Noise {
    pub(super) fn tone(&self, draw: &mut Draw) -> Tone {
        Tone::Noise { deviation: draw.within([0.0, self.deviation]) as f32, seed: draw.bits() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(tone: Tone, values: &[f32]) -> Vec<f32> {
        let mut values = values.to_vec();
        tone.apply(&mut values);
        values
    }

    #[test]
    fn tones_match_their_formulas() {
        let linear = Tone::Linear { brightness: 0.1, contrast: 2.0 };
        for (value, expected) in changed(linear, &[0.0, 0.4, 0.5, 0.9]).iter().zip([0.0, 0.4, 0.6, 1.0]) {
            assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
        }
        for gamma in [0.5, 0.8, 1.25, 2.0] {
            let values: Vec<f32> = (0..=100).map(|i| i as f32 / 100.0).collect();
            for (&before, after) in values.iter().zip(changed(Tone::Gamma(gamma), &values)) {
                assert!((after - before.powf(gamma as f32)).abs() < 1e-4, "{before} to the power {gamma}");
            }
        }
        let flat = vec![0.5; 10_000];
        let noisy = changed(Tone::Noise { deviation: 0.02, seed: 3 }, &flat);
        let variance = noisy.iter().map(|v| (v - 0.5) * (v - 0.5)).sum::<f32>() / 10_000.0;
        assert!((variance.sqrt() - 0.02).abs() < 1e-3, "{variance}");
        assert_eq!(noisy, changed(Tone::Noise { deviation: 0.02, seed: 3 }, &flat));
    }
}
