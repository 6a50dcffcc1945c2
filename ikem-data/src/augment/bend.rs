use ikem_core::Draw;
use serde::{Deserialize, Serialize};

/// Bends the picture sideways in a sine wave, as scoliosis bends a spine. Shifts whole rows, after all other geometric
/// steps. A [`Loader`](crate::Loader) of another skeleton than a spine leaves it out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bend {
    /// The largest amplitude, relative to the picture width.
    pub shift: f64,
    /// The smallest and the largest number of periods over the picture height; above 0.
    pub waves: [f64; 2],
    /// The probability of applying it.
    pub probability: f64,
}

impl Default for Bend {
    /// Amplitude up to 0.05, 0.5 to 2 periods, probability 0.5.
    fn default() -> Self {
        Self { shift: 0.05, waves: [0.5, 2.0], probability: 0.5 }
    }
}

impl Bend {
    pub(super) fn wave(&self, draw: &mut Draw) -> Wave {
        Wave { shift: draw.within([0.0, self.shift]), count: draw.within(self.waves), start: draw.unit() }
    }
}

/// A bend with its random parameters drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wave {
    shift: f64,
    count: f64,
    start: f64,
}

impl Wave {
    /// The shift of the row at `height` (relative to the picture height), relative to the picture width.
    pub(super) fn at(&self, height: f64) -> f64 {
        self.shift * libm::sin(std::f64::consts::TAU * (self.count * height + self.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_have_their_amplitude_and_period() {
        let wave = Wave { shift: 0.1, count: 2.0, start: 0.25 };
        for (height, expected) in [(0.0, 0.1), (0.125, 0.0), (0.25, -0.1), (0.5, 0.1), (1.0, 0.1)] {
            assert!((wave.at(height) - expected).abs() < 1e-12, "at {height}: {}", wave.at(height));
        }
        for seed in 0..100 {
            let Wave { shift, count, .. } = Bend::default().wave(&mut Draw::new(seed, &[]));
            assert!((0.0..=0.05).contains(&shift) && (0.5..=2.0).contains(&count));
        }
    }
}
