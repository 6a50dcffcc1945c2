//! Binary cross-entropy of heatmaps' logits against Gaussians, and its gradient, one map at a time: neither the resized
//! logits nor the targets are ever stored as a whole.
//!
//! The loss of a logit x and a target t is `max(x, 0) − x·t + ln(1 + e^−|x|)`, in which no logit overflows. Its
//! gradient is `sigmoid(x) − t`, taken back to the logits' own size by the adjoint of resizing.

use rayon::prelude::*;

use super::gaussian::Gaussian;
use super::rows::Logits;
use crate::buffer::{as_uninit, filled};
use crate::error::{Result, check_grid, check_len, elements};
use crate::resize::{resize_backward_into, resize_into};
use crate::simd::{Element, Kernel, Vector};

/// Elements whose `1 + e^-|x|`, each at most 2, are multiplied before one logarithm is taken of the product.
const PRODUCT: usize = 64;

/// The sum over all maps and pixels of the cross-entropy of `logits`, resized bilinearly with aligned corners to
/// `(height, width)`, against one Gaussian for each map; and its gradient with respect to the logits, `[planes, h, w]`.
///
/// # Errors
/// An empty grid or plane; a slice whose length does not match.
pub fn heatmap_cross_entropy<T: Element>(
    logits: Logits<'_, T>,
    (height, width): (usize, usize),
    targets: &[Gaussian<'_>],
) -> Result<(f64, Vec<T>)> {
    logits.check()?;
    check_len("targets", logits.planes, targets.len())?;
    check_grid("height or width of the grid", (height, width))?;
    elements("grid", &[height, width])?;
    for target in targets {
        target.check((height, width))?;
    }
    let mut loss = 0.0;
    let plane = logits.size.0 * logits.size.1;
    // SAFETY: the adjoint of resizing writes each map's part of the gradient.
    let gradient = unsafe {
        filled(logits.data.len(), |gradient| {
            let maps = logits.data.par_chunks(plane).zip(gradient.par_chunks_mut(plane)).zip(targets);
            let losses = maps.map_init(
                || vec![T::ZERO; height * width],
                |full, ((map, gradient), target)| {
                    resize_into(map, 1, logits.size, (height, width), as_uninit(full))?;
                    let columns: Vec<T> = target.columns.iter().map(|&column| T::from_f32(column)).collect();
                    let mut loss = 0.0;
                    for (line, &row) in full.chunks_exact_mut(width).zip(target.rows) {
                        loss += T::dispatch(Line { line, row: T::from_f32(row), columns: &columns });
                    }
                    resize_backward_into(full, 1, logits.size, (height, width), gradient)?;
                    Ok(loss)
                },
            );
            // Collected first, so that the order of the sum does not depend on the threads.
            loss = losses.collect::<Result<Vec<f64>>>()?.into_iter().sum();
            Ok(())
        })
    }?;
    Ok((loss, gradient))
}

/// One row of a map: returns the sum of its losses, and replaces the logits by their gradients.
struct Line<'a, T> {
    line: &'a mut [T],
    row: T,
    columns: &'a [T],
}

impl<T: Element> Kernel<T> for Line<'_, T> {
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
                    let e = x.exp_minus_abs();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resize::{resize_bilinear, resize_bilinear_backward};
    use crate::testing::at_each_level;

    #[test]
    fn loss_and_gradient_are_those_of_the_definition_at_every_level() {
        let (h, w, height, width) = (3, 5, 7, 19);
        let logits: Vec<f32> = (0..2 * h * w).map(|i| ((i * 37 % 23) as f32 - 11.0) * 3.0).collect();
        let factors =
            |n: usize, at: f32| (0..n).map(|i| (-(i as f32 - at).powi(2) / 8.0).exp()).collect::<Vec<_>>();
        let factors = [(2.5, 3.0), (11.0, 6.5)].map(|(x, y)| (factors(width, x), factors(height, y)));
        let targets = factors.each_ref().map(|(columns, rows)| Gaussian { columns, rows });
        let mut full = resize_bilinear(&logits, 2, (h, w), (height, width)).expect("sizes");
        let mut expected = 0.0;
        for (i, x) in full.iter_mut().enumerate() {
            let (map, y, column) = (i / (height * width), i / width % height, i % width);
            let t = f64::from(targets[map].rows[y]) * f64::from(targets[map].columns[column]);
            let wide = f64::from(*x);
            expected += wide.max(0.0) - wide * t + (-wide.abs()).exp().ln_1p();
            *x = (1.0 / (1.0 + (-wide).exp()) - t) as f32;
        }
        let gradient = resize_bilinear_backward(&full, 2, (h, w), (height, width)).expect("sizes");
        let logits = Logits { data: &logits, planes: 2, size: (h, w) };
        at_each_level(|level| {
            let (loss, found) = heatmap_cross_entropy(logits, (height, width), &targets).expect("sizes");
            assert!((loss - expected).abs() <= 1e-6 * expected, "{level:?}: {loss}, expected {expected}");
            for (a, b) in found.iter().zip(&gradient) {
                assert!((a - b).abs() <= 1e-5, "{level:?}: {a}, expected {b}");
            }
        });
        assert!(heatmap_cross_entropy(logits, (height, width), &targets[..1]).is_err());
        assert!(heatmap_cross_entropy(logits, (height + 1, width), &targets).is_err());
        assert!(heatmap_cross_entropy(logits, (0, width), &targets).is_err());
    }
}
