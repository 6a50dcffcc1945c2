use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A random number generator for one part of the picture. Each part has its own stream, so that changing one does not
/// affect the others.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// Uniform in `low`..`high`, from 53 bits of a single draw, so that the value is the same on every platform.
    pub(super) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let unit = (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        low + (high - low) * unit
    }

    /// Uniform in `[lowest, highest]`.
    pub(super) fn within(&mut self, [low, high]: [f64; 2]) -> f64 {
        self.uniform(low, high)
    }

    /// A uniform integer in `low..=high`.
    pub(super) fn integer(&mut self, low: usize, high: usize) -> usize {
        let span = (high - low) as u64 + 1;
        low + (self.0.next_u64() % span) as usize
    }

    /// True with the given probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.uniform(0.0, 1.0) < probability
    }

    /// −1 or 1 with equal probability.
    pub(super) fn sign(&mut self) -> f64 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// Approximately normal with mean 0 and standard deviation 1: the scaled sum of four uniform numbers.
    pub(super) fn normal(&mut self) -> f32 {
        let bits = self.0.next_u64();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xffff).sum();
        // Four uniform numbers of 0..65536 sum to a mean of 2 · 65535 and a variance of 65536² / 3.
        (sum as f32 - 131_070.0) * (1.732_050_8 / 65_536.0)
    }
}

/// Value noise in −1…1: smooth interpolation of hashed lattice values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texture(u32);

impl Texture {
    pub(super) fn new(draw: &mut Draw) -> Self {
        Self(draw.0.next_u32())
    }

    /// The noise of a seed.
    pub(crate) fn of(seed: u32) -> Self {
        Self(seed)
    }

    pub(crate) fn at(self, x: f32, y: f32) -> f32 {
        // Rotated, so that lattice lines do not align with the picture's rows.
        let (x, y) = (0.8 * x - 0.6 * y, 0.6 * x + 0.8 * y);
        let (left, top) = (x.floor(), y.floor());
        let (u, v) = (ease(x - left), ease(y - top));
        let (i, j) = (left as i32, top as i32);
        let upper = self.node(i, j) * (1.0 - u) + self.node(i + 1, j) * u;
        let lower = self.node(i, j + 1) * (1.0 - u) + self.node(i + 1, j + 1) * u;
        upper * (1.0 - v) + lower * v
    }

    fn node(self, i: i32, j: i32) -> f32 {
        let mut hash = (i as u32).wrapping_mul(0x9e37_79b1) ^ (j as u32).wrapping_mul(0x85eb_ca77) ^ self.0;
        hash = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
        hash = (hash ^ (hash >> 12)).wrapping_mul(0x297a_2d39);
        hash ^= hash >> 15;
        (hash >> 8) as f32 / 8_388_608.0 - 1.0
    }
}

fn ease(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}
