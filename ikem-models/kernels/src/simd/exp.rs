//! The exponential that sigmoids and cross-entropies need, vectorisable in single precision.

/// `e^-|x|` within 2 units in the last place: 2^n times a polynomial of the remainder, with the coefficients of Cephes
/// (`expf`). The sign is taken off the bits: of the two branches of a comparison the compiler makes two exponentials.
#[inline(always)]
pub(super) fn exp_minus_abs_f32(x: f32) -> f32 {
    // Adding this number rounds to an integer, which then stands in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Beyond this the result would be denormal.
    let x = if x.abs() < 87.0 { -x.abs() } else { -87.0 };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let rest = x - whole * LN2_HIGH - whole * LN2_LOW;
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        p = p * rest + coefficient;
    }
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    (p * rest * rest + rest + 1.0) * power
}

/// `e^-|x|`.
#[inline(always)]
pub(super) fn exp_minus_abs_f64(x: f64) -> f64 {
    (-x.abs()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_the_last_bits() {
        for i in 0..200_000 {
            let x = i as f32 * 1e-3;
            let (found, expected) = (f64::from(exp_minus_abs_f32(x)), (-f64::from(x)).exp());
            assert!(
                (found - expected).abs() <= 2e-7 * expected + 2e-38,
                "exp(-{x}) = {found}, expected {expected}"
            );
        }
        assert_eq!(exp_minus_abs_f32(0.0), 1.0);
    }
}
