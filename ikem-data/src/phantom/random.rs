use ikem_core::Draw;

/// What the phantom generator draws beside uniform numbers. How many bits each takes is part of what a seed means.
///
/// Every part of the picture has a stream of its own, so that a change to one leaves the others as they were.
pub(super) trait PhantomDraw {
    /// A whole number in `low..=high`.
    fn integer(&mut self, low: usize, high: usize) -> usize;

    /// One of the two signs.
    fn sign(&mut self) -> f64;

    /// Approximately standard normal: the scaled sum of four uniform numbers of 16 bits.
    fn grain(&mut self) -> f32;
}

impl PhantomDraw for Draw {
    fn integer(&mut self, low: usize, high: usize) -> usize {
        let span = (high - low) as u64 + 1;
        low + (self.bits() % span) as usize
    }

    fn sign(&mut self) -> f64 {
        if self.happens(0.5) { 1.0 } else { -1.0 }
    }

    fn grain(&mut self) -> f32 {
        let bits = self.bits();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xffff).sum();
        // Four uniforms on 0..65536 have mean 2 * 65535 and variance 65536² / 3.
        (sum as f32 - 131_070.0) * (1.732_050_8 / 65_536.0)
    }
}

/// Smooth noise in -1..1 on a lattice of unit cells, without any state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texture(u32);

impl Texture {
    pub(super) fn new(draw: &mut Draw) -> Self {
        Self(draw.bits32())
    }

    /// The noise of a seed.
    #[cfg(feature = "drawing")]
    pub(crate) fn of(seed: u32) -> Self {
        Self(seed)
    }

    pub(crate) fn at(self, x: f32, y: f32) -> f32 {
        // Turned, so that no edge of the lattice runs along the picture's rows.
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
