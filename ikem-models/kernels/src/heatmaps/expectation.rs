//! The mean position under each heatmap (soft-argmax), and its gradient, one map at a time: no heatmap is stored as a
//! whole batch, and on the way forward none at all.
//!
//! With s the sigmoid of the resized logits and M = Σ s, the position is p̂ = Σ s p / M, so that ∂p̂ / ∂logit at a
//! pixel p is s (1 − s) (p − p̂) / M.

use rayon::prelude::*;

use super::rows::{GridSamples, Logits, Rows, heat};
use crate::buffer::filled;
use crate::error::{Result, check_grid, check_shape, elements};
use crate::resize::resize_backward_into;
use crate::simd::{Element, Kernel, Vector};

/// Elements that are summed side by side.
const LANES: usize = 16;

/// The mean x and y under the heatmap of each plane of `logits` on a grid `(height, width)`: `[planes, 2]`, in pixels
/// of the grid.
///
/// # Errors
/// An empty grid or plane; a slice whose length does not match.
pub fn expected_points<T: Element>(logits: Logits<'_, T>, grid: (usize, usize)) -> Result<Vec<T>> {
    check(&logits, grid)?;
    let samples = GridSamples::new(logits.size, grid);
    let planes = logits.data.par_chunks(logits.size.0 * logits.size.1);
    let mut points = vec![T::ZERO; 2 * logits.planes];
    points.par_chunks_mut(2).zip(planes).for_each(|(point, plane)| {
        let logits = Logits { data: plane, planes: 1, size: logits.size };
        let mean = T::dispatch(Sum { logits, samples: &samples, size: grid, heat: None });
        for (to, value) in point.iter_mut().zip([mean.x(), mean.y()]) {
            *to = T::from_f64(value);
        }
    });
    Ok(points)
}

/// The gradient of [`expected_points`] with respect to its logits, given the gradient `dy`, `[planes, 2]`, of the
/// points.
///
/// # Errors
/// As [`expected_points`].
pub fn expected_points_backward<T: Element>(
    logits: Logits<'_, T>,
    grid @ (height, width): (usize, usize),
    dy: &[T],
) -> Result<Vec<T>> {
    check(&logits, grid)?;
    check_shape("gradient of the points", &[logits.planes, 2], dy.len())?;
    let plane = logits.size.0 * logits.size.1;
    let samples = GridSamples::new(logits.size, grid);
    // SAFETY: the adjoint of resizing writes each plane's part of the gradient.
    unsafe {
        filled(logits.data.len(), |gradient| {
            let maps =
                logits.data.par_chunks(plane).zip(gradient.par_chunks_mut(plane)).zip(dy.par_chunks(2));
            maps.map_init(
                || vec![T::ZERO; height * width],
                |map, ((data, gradient), dy)| {
                    let logits = Logits { data, planes: 1, size: logits.size };
                    let mean = T::dispatch(Sum { logits, samples: &samples, size: grid, heat: Some(map) });
                    T::dispatch(Slope { map, width, mean, dy: [dy[0], dy[1]] });
                    resize_backward_into(map, 1, logits.size, grid, gradient)
                },
            )
            .collect()
        })
    }
}

fn check<T>(logits: &Logits<'_, T>, grid: (usize, usize)) -> Result<()> {
    logits.check()?;
    check_grid("height or width of the grid", grid)?;
    elements("grid", &[logits.planes, grid.0, grid.1]).map(drop)
}

/// The sums of which a mean position is the quotient.
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

/// Sums the heatmap of one plane, and writes it to `heat` if there is one.
struct Sum<'a, T> {
    logits: Logits<'a, T>,
    samples: &'a GridSamples<T>,
    size: (usize, usize),
    heat: Option<&'a mut [T]>,
}

impl<T: Element> Kernel<T> for Sum<'_, T> {
    type Output = Mean;

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) -> Mean {
        let (height, width) = self.size;
        let xs: Vec<T> = (0..width).map(|x| T::from_f64(x as f64)).collect();
        let mut rows = Rows::new(self.logits, self.samples, width);
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

impl<T: Element> Kernel<T> for Slope<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Self { map, width, mean, dy: [dx, dy] } = self;
        let (dx, dy) = (dx.to_f64() / mean.mass, dy.to_f64() / mean.mass);
        let pulls: Vec<T> = (0..width).map(|x| T::from_f64(dx * (x as f64 - mean.x()))).collect();
        for (y, row) in map.chunks_exact_mut(width).enumerate() {
            let down = T::from_f64(dy * (y as f64 - mean.y()));
            for (s, &across) in row.iter_mut().zip(&pulls) {
                *s = *s * (T::ONE - *s) * (across + down);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::heatmap_into;
    use super::*;
    use crate::error::KernelError;
    use crate::testing::at_each_level;

    #[test]
    fn points_are_those_of_the_definition_at_every_level() {
        let (size, out) = ((3, 5), (7, 19));
        let data: Vec<f32> = (0..30).map(|i| ((i * 37 % 23) as f32 - 11.0) * 2.0).collect();
        let logits = Logits { data: &data, planes: 2, size };
        at_each_level(|level| {
            let points = expected_points(logits, out).expect("sizes");
            for (plane, point) in points.chunks(2).enumerate() {
                let mut map = vec![0.0; out.0 * out.1];
                heatmap_into(&data[plane * 15..][..15], size, out, &mut map).expect("sizes");
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
    fn refuses_wrong_sizes() {
        let data = [0.0_f32; 12];
        let logits = Logits { data: &data, planes: 2, size: (2, 3) };
        let length = |what, expected, found| Err(KernelError::Length { what, expected, found });
        assert_eq!(expected_points(Logits { planes: 3, ..logits }, (4, 4)), length("logits", 18, 12));
        let gradient = expected_points_backward(logits, (4, 4), &[0.0; 3]);
        assert_eq!(gradient, length("gradient of the points", 4, 3));
        assert!(expected_points(logits, (4, 0)).is_err(), "an empty grid has no mean");
        assert!(expected_points::<f32>(Logits { data: &[], planes: 0, size: (0, 0) }, (4, 4)).is_err());
    }
}
