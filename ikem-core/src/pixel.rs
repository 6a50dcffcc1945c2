/// A grey value as stored in files.
pub trait Pixel: Copy + Sync {
    /// The value in 0 (black) … 1 (white).
    fn value(self) -> f32;
}

impl Pixel for f32 {
    #[inline]
    fn value(self) -> f32 {
        self
    }
}

impl Pixel for u8 {
    #[inline]
    fn value(self) -> f32 {
        over_255(f32::from(self))
    }
}

impl Pixel for u16 {
    #[inline]
    fn value(self) -> f32 {
        /// As in [`over_255`]: the product of 8 and 16 bits is exact.
        const HIGH: f32 = 1.0 / 65536.0;
        const LOW: f32 = (1.0 / 65535.0 - 1.0 / 65536.0) as f32;
        f32::from(self) * HIGH + f32::from(self) * LOW
    }
}

/// Divides a whole `level` of 0…255 by 255, correctly rounded, with two products: the division would dominate the cost
/// when each pixel of a film is read once.
#[inline]
pub(crate) fn over_255(level: f32) -> f32 {
    /// The leading bits of 1 / 255, few enough that the product with 8 bits is exact.
    const HIGH: f32 = 1.0 / 256.0 + 1.0 / 65536.0;
    const LOW: f32 = (1.0 / 255.0 - HIGH as f64) as f32;
    level * HIGH + level * LOW
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_correctly_rounded_quotients() {
        for level in 0..=u8::MAX {
            assert_eq!(level.value().to_bits(), (f32::from(level) / 255.0).to_bits(), "{level}");
        }
        for level in 0..=u16::MAX {
            assert_eq!(level.value().to_bits(), (f32::from(level) / 65535.0).to_bits(), "{level}");
        }
    }
}
