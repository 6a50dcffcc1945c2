//! 3 × 3 convolution of stride 1 by Winograd's minimal filtering: 2.25 (4 for 4 × 4 outputs) times fewer
//! multiplications, for the price of transforming the weights and a little rounding.
//!
//! Tiles of the whole batch make panels of [`NR`] columns. A task transforms the input of one panel, and then, for
//! some output channels at a time, multiplies each of the 16 (36) transformed positions and transforms back, all in
//! cache. Where there are few panels, the input is transformed once for all and tasks share the output channels; each
//! transforms its own weights, a part at a time that stays in cache.

mod multiply;
mod tiles;
mod transform;
mod weights;

pub(super) use weights::Kernels;

use rayon::prelude::*;

use super::conv_forward::Finish;
use super::geometry::Segment;
use super::scratch::{Scratch, Shared};
use super::simd::{Element, MR, NR};
use multiply::{Multiply, Weights};
use tiles::{Plan, TransformInput};
use transform::side;
use weights::Transformed;

/// Panels of output channels that a step multiplies, so that a panel of input stays in L1 meanwhile.
const GROUP: usize = 4;
/// Elements between the transformed positions beyond their length: powers of two would share cache sets.
const SKEW: usize = 16;
/// Panels of tiles below which tasks share the transformed input.
const FEW_PANELS: usize = 4;
/// Transformed weights that exist at a time, in elements: for each further part the input is transformed again, so that a
/// part has some groups at the least.
const FACTORS: usize = 5 << 19;
const MIN_GROUPS: usize = 4;
/// Channels that a task transforms where the input is shared.
const CHANNELS: usize = 8;

/// A convolution by filtering. Its kernels stay as they are and are transformed in every call, which takes little more time
/// than reading their two or four times larger transforms from memory.
pub(super) struct Winograd<'a, T> {
    /// Outputs a side of a tile: 2 or 4.
    out: usize,
    kernels: Kernels<'a, T>,
}

impl<'a, T: Element> Winograd<'a, T> {
    /// Filters with tiles of `out` (2 or 4) outputs a side.
    pub fn new(out: usize, kernels: Kernels<'a, T>) -> Self {
        Self { out, kernels }
    }

    /// Convolves `[n, channels, h, w]`, padded, into `finish`, whose planes are `grid`.
    pub fn forward(
        &self,
        x: &[Segment<'_, T>],
        (n, h, w): (usize, usize, usize),
        padding: (usize, usize),
        grid: (usize, usize),
        finish: &Finish<'_, T>,
    ) {
        let tiles = (grid.0.div_ceil(self.out), grid.1.div_ceil(self.out));
        let plan = Plan { x, n, size: (h, w), padding, grid, tiles, out: self.out };
        if self.out == 2 { self.run::<2>(&plan, finish) } else { self.run::<4>(&plan, finish) }
    }

    fn run<const OUT: usize>(&self, plan: &Plan<'_, T>, finish: &Finish<'_, T>) {
        let panels = (plan.n * plan.tiles.0 * plan.tiles.1).div_ceil(NR);
        if panels < FEW_PANELS {
            return self.run_few::<OUT>(plan, panels, finish);
        }
        let shape = self.kernels.shape();
        let (step, rows) = (step(shape.1), shape.0.div_ceil(MR));
        let group = GROUP * MR * side(OUT) * side(OUT) * shape.1;
        let part = rows.min((FACTORS / group).max(MIN_GROUPS) * GROUP);
        for first in (0..rows).step_by(part) {
            let rows = (first, part.min(rows - first));
            let transformed = Transformed::new(&self.kernels, rows);
            let weights = Weights::Transformed(&transformed);
            (0..panels).into_par_iter().with_max_len(1).for_each(|panel| {
                let mut from = Scratch::<T>::new(side(OUT) * side(OUT) * step);
                let from = Shared::new(from.as_mut_ptr());
                let channels = (0, shape.1);
                T::dispatch(TransformInput::<T, OUT> { plan, panel, channels, to: from, step });
                T::dispatch(Multiply::<T, OUT> { weights, shape, plan, panel, rows, from, step, finish });
            });
        }
    }

    /// A few panels of tiles, whose input is transformed once for all. Each task transforms the kernels of its own
    /// output channels.
    fn run_few<const OUT: usize>(&self, plan: &Plan<'_, T>, panels: usize, finish: &Finish<'_, T>) {
        let shape = self.kernels.shape();
        let (rows, step) = (shape.0.div_ceil(MR), step(shape.1));
        let len = side(OUT) * side(OUT) * step;
        let mut transformed = Scratch::<T>::new(len * panels);
        let all = Shared::new(transformed.as_mut_ptr());
        let at = |panel: usize| Shared::new(all.get().wrapping_add(panel * len));
        let parts = shape.1.div_ceil(CHANNELS);
        (0..parts * panels).into_par_iter().for_each(|task| {
            let (panel, first) = (task / parts, task % parts * CHANNELS);
            let channels = (first, CHANNELS.min(shape.1 - first));
            T::dispatch(TransformInput::<T, OUT> { plan, panel, channels, to: at(panel), step });
        });
        let weights = Weights::Kernels(&self.kernels);
        (0..rows.div_ceil(GROUP) * panels).into_par_iter().with_max_len(1).for_each(|task| {
            let (panel, first) = (task % panels, task / panels * GROUP);
            let (rows, from) = ((first, GROUP.min(rows - first)), at(panel));
            T::dispatch(Multiply::<T, OUT> { weights, shape, plan, panel, rows, from, step, finish });
        });
    }
}

/// Elements from one transformed position of the input to the next.
fn step(channels: usize) -> usize {
    channels * NR + SKEW
}

#[cfg(test)]
mod tests {
    use super::super::lhs::{Matrix, PackedLhs};
    use super::super::scratch::Lifetime;
    use super::super::testing::*;
    use super::super::{Epilogue, Geometry, Output};
    use super::*;

    /// Padded both ways, so that the flipped form is tested on the same reference.
    fn filter<T: Element>(
        out: usize,
        kernels: &Kernels<'_, T>,
        x: &[T],
        g: &Geometry,
        (n, h, w): (usize, usize, usize),
    ) -> Vec<T> {
        let grid = g.out_size(h, w).unwrap();
        written(n * g.out_channels * grid.0 * grid.1, |y| {
            let mut y = Output::whole(y, g.out_channels);
            let finish = Finish::new(g.out_channels, grid.0 * grid.1, None, &Epilogue::none(), &mut y);
            let x = [Segment::new(x, g.in_channels)];
            Winograd::new(out, *kernels).forward(&x, (n, h, w), g.padding, grid, &finish);
        })
    }

    fn check<T: Element>(
        x: &[T],
        weight: &[T],
        expected: &[T],
        g: &Geometry,
        n: (usize, usize, usize),
        by: f64,
    ) {
        let matrix = Matrix::of_rows(weight, g.out_channels, g.in_channels * 9);
        let flipped: Vec<T> = weight.chunks(9).flat_map(|k| k.iter().rev().copied()).collect();
        let turned = Matrix::of_rows(&flipped, g.out_channels, g.in_channels * 9);
        let packed = PackedLhs::new(&matrix, Lifetime::Object);
        for out in [2, 4] {
            for (kernels, name) in [
                (Kernels::Matrix(matrix), "matrix"),
                (Kernels::Flipped(turned), "flipped"),
                (Kernels::Packed(&packed), "packed"),
            ] {
                let what = format!("{out} outputs, {name}, {g:?} {n:?} {:?}", super::super::Level::current());
                assert_close(&filter(out, &kernels, x, g, n), expected, by, &what);
            }
        }
    }

    #[test]
    fn more_channels_than_are_transformed_at_once_are_summed() {
        let (g, h, w) = (Geometry::square(150, 70, 3, 1, 1), 6, 11);
        let (x, weight) = (numbers::<f64>(1, 150 * h * w), numbers::<f64>(2, g.weights()));
        let expected = naive_conv(&x, &weight, &g, 1, h, w);
        at_each_level(|_| check(&x, &weight, &expected, &g, (1, h, w), 1e-12));
    }

    #[test]
    fn more_outputs_than_are_transformed_at_once_are_filtered_in_parts() {
        let (g, h, w) = (Geometry::square(130, 800, 3, 1, 1), 48, 48);
        let (x, weight) = (numbers::<f64>(1, 130 * h * w), numbers::<f64>(2, g.weights()));
        // Parts begin and end where the outputs' own filtering does.
        let (few, plane) = (Geometry::square(130, 16, 3, 1, 1), h * w);
        at_each_level(|_| {
            let matrix = Matrix::of_rows(&weight, 800, 130 * 9);
            let all = filter(4, &Kernels::Matrix(matrix), &x, &g, (1, h, w));
            for first in [0, 528, 544, 784] {
                let part = Matrix::of_rows(&weight[first * 130 * 9..][..16 * 130 * 9], 16, 130 * 9);
                let part = filter(4, &Kernels::Matrix(part), &x, &few, (1, h, w));
                assert!(part == all[first * plane..][..16 * plane], "outputs from {first} on");
            }
        });
    }

    #[test]
    fn equals_the_definition() {
        let shapes = [
            (1, 1, 1, 1, 1, 1),
            (3, 9, 2, 5, 7, 1),
            (5, 40, 1, 16, 64, 0),
            (4, 8, 3, 8, 4, 1),
            (30, 20, 2, 33, 70, 2),
            (60, 40, 1, 6, 11, 1),
        ];
        for (ic, oc, n, h, w, padding) in shapes {
            let g = Geometry::square(ic, oc, 3, 1, padding);
            let (x, weight) = (numbers(1, n * ic * h * w), numbers(2, g.weights()));
            let expected = naive_conv::<f64>(&x, &weight, &g, n, h, w);
            at_each_level(|_| {
                check(&x, &weight, &expected, &g, (n, h, w), 1e-12);
                check(&single(&x), &single(&weight), &single(&expected), &g, (n, h, w), 6e-5);
            });
        }
    }
}
