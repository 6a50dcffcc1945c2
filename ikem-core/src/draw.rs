use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A seeded stream of pseudo-random numbers (ChaCha8), identical on every platform.
#[derive(Debug, Clone)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// A stream that depends on `seed` and on every one of `parts`, such as an epoch and an image.
    #[must_use]
    pub fn new(seed: u64, parts: &[u64]) -> Self {
        // SplitMix64's finaliser decorrelates neighbouring parts.
        let mixed = parts.iter().fold(seed, |state, &part| {
            let z = (state ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        });
        Self(ChaCha8Rng::seed_from_u64(mixed))
    }

    /// ChaCha's own stream of this number for `seed`; stream 0 equals [`new`](Self::new) without parts.
    #[must_use]
    pub fn stream(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// 64 random bits, such as the seed of another stream.
    #[must_use]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 32 random bits.
    #[must_use]
    pub fn bits32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Uniform in [0, 1), a multiple of 2⁻⁵³.
    #[must_use]
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [`low`, `high`).
    #[must_use]
    pub fn within(&mut self, [low, high]: [f64; 2]) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number below `count`; 0 when `count` is 0.
    #[must_use]
    pub fn below(&mut self, count: u64) -> u64 {
        // The bias of a 64-bit product is less than one in 2^32 for any list that fits in memory.
        ((u128::from(self.0.next_u64()) * u128::from(count)) >> 64) as u64
    }

    /// True with this probability.
    #[must_use]
    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Shuffles `list` (Fisher and Yates).
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// Approximately standard normal and at most √12 in magnitude: the scaled sum of four uniform numbers.
    #[must_use]
    pub fn bounded_normal(&mut self) -> f64 {
        let sum: f64 = (0..4).map(|_| self.unit()).sum();
        (sum - 2.0) * 3.0_f64.sqrt()
    }

    /// Two independent standard normal numbers (Box and Muller 1958).
    #[must_use]
    pub fn normal_pair(&mut self) -> [f64; 2] {
        // Half a step above `unit`, so that the logarithm is finite.
        let mut uniform = || ((self.0.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        let radius = (-2.0 * libm::log(uniform())).sqrt();
        let angle = std::f64::consts::TAU * uniform();
        [radius * libm::cos(angle), radius * libm::sin(angle)]
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
    fn every_part_counts() {
        let first = |seed, parts: &[u64]| Draw::new(seed, parts).bits();
        assert_eq!(first(1, &[2, 3]), first(1, &[2, 3]));
        let others =
            [first(1, &[2, 3]), first(2, &[2, 3]), first(1, &[3, 2]), first(1, &[2, 4]), first(1, &[2])];
        for (i, a) in others.iter().enumerate() {
            assert!(others.iter().skip(i + 1).all(|b| a != b));
        }
        assert_eq!(Draw::stream(7, 0).bits(), Draw::new(7, &[]).bits());
        assert_ne!(Draw::stream(7, 0).bits(), Draw::stream(7, 1).bits());
    }

    #[test]
    fn both_kinds_of_normal_numbers_have_mean_0_and_variance_1() {
        let mut draw = Draw::new(5, &[]);
        let pairs: Vec<f64> = (0..10_000).flat_map(|_| draw.normal_pair()).collect();
        let sums: Vec<f64> = (0..20_000).map(|_| draw.bounded_normal()).collect();
        for values in [&pairs, &sums] {
            let mean = values.iter().sum::<f64>() / 20_000.0;
            let variance = values.iter().map(|value| value * value).sum::<f64>() / 20_000.0;
            assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean}, {variance}");
        }
        let beyond = |values: &[f64], by: f64| values.iter().filter(|value| value.abs() > by).count();
        assert!(sums.iter().all(|value| value.abs() <= 12.0_f64.sqrt()));
        // The normal distribution has 0.27 % beyond three standard deviations.
        assert!((30..80).contains(&beyond(&pairs, 3.0)), "{}", beyond(&pairs, 3.0));
    }
}
