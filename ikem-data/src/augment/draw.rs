use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A seeded random number generator with the same output on every platform.
#[derive(Debug, Clone)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// A generator for `seed` and `parts`, such as an epoch and an image index; different parts give independent
    /// numbers.
    #[must_use]
    pub fn new(seed: u64, parts: &[u64]) -> Self {
        // SplitMix64's finalizer decorrelates neighbouring parts.
        let mixed = parts.iter().fold(seed, |state, &part| {
            let z = (state ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        });
        Self(ChaCha8Rng::seed_from_u64(mixed))
    }

    /// A uniform number in `[low, high)`.
    pub(crate) fn within(&mut self, [low, high]: [f64; 2]) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A seed for another generator.
    pub(crate) fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// An approximately normal number with mean 0 and standard deviation 1: the scaled sum of four uniform numbers.
    pub(crate) fn normal(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.unit()).sum();
        (sum - 2.0) * 3.0_f64.sqrt()
    }

    /// Shuffles `list` (Fisher–Yates).
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// A uniform integer below `count`.
    #[must_use]
    pub fn below(&mut self, count: u64) -> u64 {
        // The bias of the 64-bit product is below 2⁻³² for any list that fits in memory.
        ((u128::from(self.0.next_u64()) * u128::from(count)) >> 64) as u64
    }

    /// A uniform number in `[0, 1)`.
    #[must_use]
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_range_and_mean() {
        let mut draw = Draw::new(1, &[2, 3]);
        let mut sum = 0.0;
        for _ in 0..20_000 {
            let value = draw.within([-3.0, 7.0]);
            assert!((-3.0..7.0).contains(&value));
            sum += value;
            assert!(draw.below(5) < 5);
        }
        assert!((sum / 20_000.0 - 2.0).abs() < 0.1, "{sum}");
        assert!(!draw.happens(0.0) && draw.happens(1.0));
    }

    #[test]
    fn every_part_affects_the_numbers() {
        let first = |seed, parts: &[u64]| Draw::new(seed, parts).seed();
        assert_eq!(first(1, &[2, 3]), first(1, &[2, 3]));
        let others =
            [first(1, &[2, 3]), first(2, &[2, 3]), first(1, &[3, 2]), first(1, &[2, 4]), first(1, &[2])];
        for (i, a) in others.iter().enumerate() {
            assert!(others.iter().skip(i + 1).all(|b| a != b));
        }
    }
}
