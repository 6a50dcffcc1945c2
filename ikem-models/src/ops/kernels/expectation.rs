//! The mean position under each heatmap of small logits, and its gradient, one map at a time: no heatmap is stored as a
//! whole batch, and on the way forward none at all.
//!
//! With s = sigmoid of the enlarged logits and M = Σ s the position is p̂ = Σ s p / M, so that ∂p̂ / ∂logit at a pixel p is
//! s (1 − s) (p − p̂) / M.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::cross_entropy::Exponential;
use super::geometry::{KernelError, check};
use super::heatmaps::{Logits, Places, Rows, heat};
use super::resize::resize_bilinear_backward;
use super::simd::{Kernel, Vector};

/// Values that the compiler handles at once.
const LANES: usize = 16;

/// The mean x and y under the sigmoid of each plane of `logits`, resized bilinearly with aligned corners to `(height,
/// width)`: `points` `[planes, 2]`, in pixels of the enlarged map.
///
/// # Errors
/// A slice whose size does not match, an empty input.
pub fn expectation<T: Exponential>(
    logits: Logits<'_, T>,
    (height, width): (usize, usize),
    points: &mut [MaybeUninit<T>],
) -> Result<(), KernelError> {
    logits.check()?;
    check("points", 2 * logits.planes, points.len())?;
    let places = Places::new(logits.size, (height, width));
    let planes = logits.data.par_chunks(logits.size.0 * logits.size.1);
    points.par_chunks_mut(2).zip(planes).for_each(|(point, plane)| {
        let logits = Logits { data: plane, planes: 1, size: logits.size };
        let mean = T::dispatch(Sum { logits, places: &places, size: (height, width), heat: None });
        for (to, value) in point.iter_mut().zip([mean.x(), mean.y()]) {
            to.write(T::from_f64(value));
        }
    });
    Ok(())
}

/// The gradient of [`expectation`] with respect to its logits, of the gradient `dy` `[planes, 2]` of the points.
///
/// # Errors
/// As [`expectation`].
pub fn expectation_backward<T: Exponential>(
    logits: Logits<'_, T>,
    (height, width): (usize, usize),
    dy: &[T],
    gradient: &mut [MaybeUninit<T>],
) -> Result<(), KernelError> {
    logits.check()?;
    check("gradient of the points", 2 * logits.planes, dy.len())?;
    check("gradient", logits.data.len(), gradient.len())?;
    let (plane, size) = (logits.size.0 * logits.size.1, (height, width));
    let places = Places::new(logits.size, size);
    let maps = logits.data.par_chunks(plane).zip(gradient.par_chunks_mut(plane)).zip(dy.par_chunks(2));
    maps.map_init(
        || vec![T::ZERO; height * width],
        |map, ((data, gradient), dy)| {
            let logits = Logits { data, planes: 1, size: logits.size };
            let mean = T::dispatch(Sum { logits, places: &places, size, heat: Some(map) });
            T::dispatch(Slope { map, width, mean, dy: [dy[0], dy[1]] });
            resize_bilinear_backward(map, 1, logits.size, size, gradient)
        },
    )
    .collect()
}

/// The sums that a mean position is made of.
#[derive(Clone, Copy, Default)]
struct Mean {
    mass: f64,
    moment_x: f64,
    moment_y: f64,
}

impl Mean {
    fn x(&self) -> f64 {
        self.moment_x / self.mass
    }

    fn y(&self) -> f64 {
        self.moment_y / self.mass
    }
}

/// Sums the heatmap of one plane; leaves it in `heat` where that is asked for.
struct Sum<'a, T> {
    logits: Logits<'a, T>,
    places: &'a Places<T>,
    size: (usize, usize),
    heat: Option<&'a mut [T]>,
}

impl<T: Exponential> Kernel<T> for Sum<'_, T> {
    type Output = Mean;

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) -> Mean {
        let (height, width) = self.size;
        let xs: Vec<T> = (0..width).map(|x| T::from_f64(x as f64)).collect();
        let mut rows = Rows::new(self.logits, self.places, width);
        let mut line = vec![T::ZERO; if self.heat.is_some() { 0 } else { width }];
        let mut kept = self.heat;
        let mut mean = Mean::default();
        for y in 0..height {
            let row = match &mut kept {
                Some(map) => &mut map[y * width..][..width],
                None => &mut line[..],
            };
            let (low, high, fraction) = rows.around(y);
            heat(low, high, fraction, row);
            let (mut masses, mut moments) = ([T::ZERO; LANES], [T::ZERO; LANES]);
            for (row, xs) in row.chunks(LANES).zip(xs.chunks(LANES)) {
                for (((&s, &x), mass), moment) in row.iter().zip(xs).zip(&mut masses).zip(&mut moments) {
                    *mass = *mass + s;
                    *moment = *moment + s * x;
                }
            }
            let mass: f64 = masses.iter().map(|v| v.to_f64()).sum();
            mean.mass += mass;
            mean.moment_x += moments.iter().map(|v| v.to_f64()).sum::<f64>();
            mean.moment_y += mass * y as f64;
        }
        mean
    }
}

/// Turns a heatmap into the gradient of the enlarged logits.
struct Slope<'a, T> {
    map: &'a mut [T],
    width: usize,
    mean: Mean,
    dy: [T; 2],
}

impl<T: Exponential> Kernel<T> for Slope<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Self { map, width, mean, dy: [dx, dy] } = self;
        let (dx, dy) = (dx.to_f64() / mean.mass, dy.to_f64() / mean.mass);
        let pulls: Vec<T> = (0..width).map(|x| T::from_f64(dx * (x as f64 - mean.x()))).collect();
        for (y, row) in map.chunks_exact_mut(width.max(1)).enumerate() {
            let down = T::from_f64(dy * (y as f64 - mean.y()));
            for (s, &across) in row.iter_mut().zip(&pulls) {
                *s = *s * (T::ONE - *s) * (across + down);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::geometry::as_uninit;
    use super::super::heatmaps::heatmap;
    use super::super::testing::at_each_level;
    use super::*;

    #[test]
    fn points_are_those_of_the_definition_at_every_level() {
        let (size, out) = ((3, 5), (7, 19));
        let data: Vec<f32> = (0..30).map(|i| ((i * 37 % 23) as f32 - 11.0) * 2.0).collect();
        let logits = Logits { data: &data, planes: 2, size };
        at_each_level(|level| {
            let mut points = [0.0; 4];
            expectation(logits, out, as_uninit(&mut points)).expect("sizes");
            for (plane, point) in points.chunks(2).enumerate() {
                let mut map = vec![0.0; out.0 * out.1];
                heatmap(&data[plane * 15..][..15], size, out, &mut map).expect("sizes");
                let sum = |weight: &dyn Fn(usize) -> f64| -> f64 {
                    map.iter().enumerate().map(|(i, &s)| f64::from(s) * weight(i)).sum()
                };
                let mass = sum(&|_| 1.0);
                let expected = [sum(&|i| (i % out.1) as f64) / mass, sum(&|i| (i / out.1) as f64) / mass];
                for (found, expected) in point.iter().zip(expected) {
                    assert!((f64::from(*found) - expected).abs() < 1e-5, "{level:?}: {found}, {expected}");
                }
            }
        });
    }

    #[test]
    fn sizes_that_do_not_match_are_told() {
        let data = [0.0_f32; 12];
        let logits = Logits { data: &data, planes: 2, size: (2, 3) };
        let mut points = [0.0; 3];
        assert_eq!(expectation(logits, (4, 4), as_uninit(&mut points)).expect_err("points").what, "points");
        let mut gradient = [0.0; 11];
        let error = expectation_backward(logits, (4, 4), &[0.0; 4], as_uninit(&mut gradient));
        assert_eq!(error.expect_err("gradient").what, "gradient");
    }
}
