use ikem_core::Draw;
use serde::{Deserialize, Serialize};

/// A change of grey values, its random numbers drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Tone {
    /// `contrast` around the middle grey, then `brightness` added.
    Linear { brightness: f32, contrast: f32 },
    /// Values to this power.
    Gamma(f64),
    /// Noise of this standard deviation, from this seed.
    Noise { deviation: f32, seed: u64 },
}

impl Tone {
    /// Changes values of 0…1, which stay there.
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

/// Near to normally distributed numbers, mean 0, standard deviation 1: each the sum of four uniform ones, which is quick
/// and the same everywhere. The bits are SplitMix64's.
fn grain(seed: u64) -> impl Iterator<Item = f32> {
    /// The standard deviation of a sum of four numbers of 0…65535, and its mean.
    const DEVIATION: f32 = 37836.9;
    const MEAN: f32 = 131_070.0;
    (1_u64..).map(move |i| {
        let z = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = z ^ (z >> 31);
        let sum = (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
        // Below 2^18: an i32 becomes f32 in one step.
        (sum as i32 as f32 - MEAN) * (1.0 / DEVIATION)
    })
}

/// Powers of 0…1 at equal steps: read off between them, they are quick and the same on every platform.
struct Table(Vec<f32>);

impl Table {
    const STEPS: usize = 1024;

    fn new(gamma: f64) -> Self {
        // One step more than is needed, so that 1 has a neighbour.
        Self((0..=Self::STEPS + 1).map(|i| libm::pow(i as f64 / Self::STEPS as f64, gamma) as f32).collect())
    }

    fn apply(&self, values: &mut [f32]) {
        for value in values {
            let place = value.clamp(0.0, 1.0) * Self::STEPS as f32;
            let below = place as i32;
            let start = below as usize;
            if let Some(&[a, b]) = self.0.get(start..start + 2) {
                *value = a + (place - below as f32) * (b - a);
            }
        }
    }
}

/// Makes the picture lighter or darker, and its contrast stronger or weaker around the middle grey.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrightnessContrast {
    /// The most that is added or taken, of 0…1.
    pub brightness: f64,
    /// The most that is added to or taken from the factor of 1; at the most 1.
    pub contrast: f64,
    /// How often.
    pub probability: f64,
}

impl Default for BrightnessContrast {
    /// A fifth each, half of the time.
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

/// Values to a power: the middle greys become darker or lighter, black and white stay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gamma {
    /// The least and the largest power, above 0.
    pub range: [f64; 2],
    /// How often.
    pub probability: f64,
}

impl Default for Gamma {
    /// 0.8…1.25, half of the time.
    fn default() -> Self {
        Self { range: [0.8, 1.25], probability: 0.5 }
    }
}

impl Gamma {
    pub(super) fn tone(&self, draw: &mut Draw) -> Tone {
        Tone::Gamma(draw.within(self.range))
    }
}

/// Grain: a random number is added to every pixel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Noise {
    /// The largest standard deviation, of values of 0…1.
    pub deviation: f64,
    /// How often.
    pub probability: f64,
}

impl Default for Noise {
    /// Up to 0.02, a quarter of the time.
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
    fn tones_do_what_they_say() {
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
