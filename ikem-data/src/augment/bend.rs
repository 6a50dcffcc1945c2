use ikem_core::Draw;
use serde::{Deserialize, Serialize};

/// Bends the picture sideways in a wave, as scoliosis bends a spine, after all else that moves pixels; its rows stay rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bend {
    /// The farthest that a row is shifted, over the picture's width.
    pub shift: f64,
    /// How many waves there are down the picture: the least and the most, above 0.
    pub waves: [f64; 2],
    /// How often.
    pub probability: f64,
}

impl Default for Bend {
    /// Up to a twentieth of the width, half a wave to two, half of the time.
    fn default() -> Self {
        Self { shift: 0.05, waves: [0.5, 2.0], probability: 0.5 }
    }
}

impl Bend {
    pub(super) fn wave(&self, draw: &mut Draw) -> Wave {
        Wave { shift: draw.within([0.0, self.shift]), count: draw.within(self.waves), start: draw.unit() }
    }
}

/// A bend, its random numbers drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wave {
    shift: f64,
    count: f64,
    start: f64,
}

impl Wave {
    /// How far the row at `place` is shifted, over the picture's width; places are over its height.
    pub(super) fn at(&self, place: f64) -> f64 {
        self.shift * libm::sin(std::f64::consts::TAU * (self.count * place + self.start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_are_as_wide_and_as_many_as_they_say() {
        let wave = Wave { shift: 0.1, count: 2.0, start: 0.25 };
        for (place, expected) in [(0.0, 0.1), (0.125, 0.0), (0.25, -0.1), (0.5, 0.1), (1.0, 0.1)] {
            assert!((wave.at(place) - expected).abs() < 1e-12, "at {place}: {}", wave.at(place));
        }
        for seed in 0..100 {
            let Wave { shift, count, .. } = Bend::default().wave(&mut Draw::new(seed, &[]));
            assert!((0.0..=0.05).contains(&shift) && (0.5..=2.0).contains(&count));
        }
    }
}
