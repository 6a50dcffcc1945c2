//! Binary cross-entropy of small logit maps against Gaussians on a larger grid, and its gradient, one map at a time:
//! neither the enlarged logits nor the targets are ever stored as a whole.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::geometry::{KernelError, as_uninit, check};
use super::resize::{resize_bilinear, resize_bilinear_backward};
use super::simd::{Element, Kernel, Vector};

/// Elements whose `1 + e^-|x|`, each at most 2, are multiplied before one logarithm is taken of the product.
const PRODUCT: usize = 64;

/// The two factors of a target: its value at (x, y) is `columns[x] * rows[y]`.
pub struct Target<T> {
    /// The factor of every column.
    pub columns: Vec<T>,
    /// The factor of every row.
    pub rows: Vec<T>,
}

/// The sum over all maps and pixels of the cross-entropy of `logits` `[planes, h, w]`, resized bilinearly with aligned
/// corners to `(height, width)`, against one target a map; `gradient` `[planes, h, w]` becomes the sum's.
///
/// # Errors
/// A slice whose size does not match.
pub fn cross_entropy<T: Exponential>(
    logits: &[T],
    (h, w): (usize, usize),
    (height, width): (usize, usize),
    targets: &[Target<T>],
    gradient: &mut [MaybeUninit<T>],
) -> Result<f64, KernelError> {
    check("logits", targets.len() * h * w, logits.len())?;
    check("gradient", logits.len(), gradient.len())?;
    for target in targets {
        check("target's columns", width, target.columns.len())?;
        check("target's rows", height, target.rows.len())?;
    }
    let plane = (h * w).max(1);
    let maps = logits.par_chunks(plane).zip(gradient.par_chunks_mut(plane)).zip(targets);
    let losses = maps.map_init(
        || vec![T::ZERO; height * width],
        |full, ((logits, gradient), target)| {
            resize_bilinear(logits, 1, (h, w), (height, width), as_uninit(full))?;
            let mut loss = 0.0;
            for (line, &row) in full.chunks_exact_mut(width.max(1)).zip(&target.rows) {
                loss += T::dispatch(Line { line, row, columns: &target.columns });
            }
            resize_bilinear_backward(full, 1, (h, w), (height, width), gradient)?;
            Ok(loss)
        },
    );
    // Collected first, so that the sum's order is the maps' whatever the threads do.
    Ok(losses.collect::<Result<Vec<f64>, KernelError>>()?.into_iter().sum())
}

/// One row of a map: returns the sum of its losses and leaves the gradients where the logits were.
struct Line<'a, T> {
    line: &'a mut [T],
    row: T,
    columns: &'a [T],
}

impl<T: Exponential> Kernel<T> for Line<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) -> f64 {
        let mut loss = 0.0;
        for (line, columns) in self.line.chunks_mut(PRODUCT).zip(self.columns.chunks(PRODUCT)) {
            let (mut linear, mut product) = ([T::ZERO; 16], [T::ONE; 16]);
            for (line, columns) in line.chunks_mut(16).zip(columns.chunks(16)) {
                for (((x, &column), linear), product) in
                    line.iter_mut().zip(columns).zip(&mut linear).zip(&mut product)
                {
                    let target = self.row * column;
                    let positive = if *x > T::ZERO { *x } else { T::ZERO };
                    let e = T::exp_of_minus_magnitude(*x);
                    *linear = *linear + (positive - *x * target);
                    *product = *product * (T::ONE + e);
                    let sigmoid = if *x > T::ZERO { T::ONE } else { e } / (T::ONE + e);
                    *x = sigmoid - target;
                }
            }
            loss += linear.iter().map(|v| v.to_f64()).sum::<f64>();
            loss += product.iter().map(|v| v.to_f64().ln()).sum::<f64>();
        }
        loss
    }
}

/// Numbers with an exponential that the compiler can vectorise.
pub trait Exponential: Element {
    /// e^-|x|. The magnitude is taken here, of the bits: of a comparison's two branches the compiler makes two powers.
    fn exp_of_minus_magnitude(x: Self) -> Self;
}

impl Exponential for f32 {
    /// Within 2 units in the last place: 2^n times a polynomial of the rest (the coefficients are those of Cephes).
    #[inline(always)]
    fn exp_of_minus_magnitude(x: Self) -> Self {
        // Adding this number rounds to a whole one, which then stands in the last bits.
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
        let power = Self::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
        (p * rest * rest + rest + 1.0) * power
    }
}

impl Exponential for f64 {
    #[inline(always)]
    fn exp_of_minus_magnitude(x: Self) -> Self {
        (-x.abs()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::super::simd::Level;
    use super::*;

    #[test]
    fn the_exponential_is_right_to_the_last_bits() {
        for i in 0..200_000 {
            let x = i as f32 * 1e-3;
            let (found, expected) = (f64::from(f32::exp_of_minus_magnitude(x)), (-f64::from(x)).exp());
            assert!(
                (found - expected).abs() <= 2e-7 * expected + 2e-38,
                "exp(-{x}) = {found}, expected {expected}"
            );
        }
        assert_eq!(f32::exp_of_minus_magnitude(0.0), 1.0);
    }

    #[test]
    fn loss_and_gradient_are_those_of_the_definition_at_every_level() {
        let (h, w, height, width) = (3, 5, 7, 19);
        let logits: Vec<f32> = (0..2 * h * w).map(|i| ((i * 37 % 23) as f32 - 11.0) * 3.0).collect();
        let factors =
            |n: usize, at: f32| (0..n).map(|i| (-(i as f32 - at).powi(2) / 8.0).exp()).collect::<Vec<_>>();
        let targets = [(2.5, 3.0), (11.0, 6.5)]
            .map(|(x, y)| Target { columns: factors(width, x), rows: factors(height, y) });
        let mut full = vec![0.0; 2 * height * width];
        resize_bilinear(&logits, 2, (h, w), (height, width), as_uninit(&mut full)).expect("sizes");
        let mut expected = 0.0;
        for (i, x) in full.iter_mut().enumerate() {
            let (map, y, column) = (i / (height * width), i / width % height, i % width);
            let t = f64::from(targets[map].rows[y]) * f64::from(targets[map].columns[column]);
            let wide = f64::from(*x);
            expected += wide.max(0.0) - wide * t + (-wide.abs()).exp().ln_1p();
            *x = (1.0 / (1.0 + (-wide).exp()) - t) as f32;
        }
        let mut gradient = vec![0.0; logits.len()];
        resize_bilinear_backward(&full, 2, (h, w), (height, width), as_uninit(&mut gradient)).expect("sizes");
        for level in [Level::Portable, Level::Avx2, Level::Avx512] {
            Level::force(Some(level));
            let mut found = vec![0.0; logits.len()];
            let loss = cross_entropy(&logits, (h, w), (height, width), &targets, as_uninit(&mut found))
                .expect("sizes");
            assert!((loss - expected).abs() <= 1e-6 * expected, "{level:?}: {loss}, expected {expected}");
            for (a, b) in found.iter().zip(&gradient) {
                assert!((a - b).abs() <= 1e-5, "{level:?}: {a}, expected {b}");
            }
        }
        Level::force(None);
    }
}
