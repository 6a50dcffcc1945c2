//! 3 × 3 convolution of stride 1 by Winograd's minimal filtering.
//!
//! F(m × m, 3 × 3) computes m × m outputs from (m + 2)² multiplications instead of 9 m²: 2.25 times fewer for m = 2, 4
//! times fewer for m = 4, at the price of transforming inputs, filters and outputs and of a little rounding (Lavin and
//! Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016; the points are in
//! [`transform`](super::transform)).
//!
//! The output is cut into m × m *tiles*; the tiles of the whole batch make panels of [`NR`] columns. A transformed tile
//! has (m + 2)² positions. For each of them, the sum over input channels is a matrix product of the transformed filters,
//! `[O, C]`, and the transformed inputs, `[C, tiles]`. A task transforms the input of one panel, and then, for some
//! output channels at a time, multiplies all positions and transforms back, all in cache. Where there are few panels,
//! the input is transformed once for all, and tasks divide the output channels; each transforms its own filters, a part
//! at a time that stays in cache.

use rayon::prelude::*;

use super::filters::{Filters, TransformedFilters};
use super::input::{Tiling, TransformInput};
use super::layout::{GROUP, SKEW};
use super::multiply::{FilterSource, Multiply};
use super::transform::side;
use crate::conv::epilogue::EpilogueSink;
use crate::conv::geometry::BatchConv;
use crate::gemm::{MR, NR};
use crate::scratch::{Scratch, Shared};
use crate::segment::Segment;
use crate::simd::Element;

/// Panels of tiles below which tasks share the transformed input.
const FEW_PANELS: usize = 4;
/// Elements of transformed filters held at a time. For each further part of the output channels the input is
/// transformed again, so that a part has at least [`MIN_GROUPS`] groups.
const FILTER_LEN: usize = 5 << 19;
const MIN_GROUPS: usize = 4;
/// Input channels that a task transforms where the input is shared.
const CHANNELS: usize = 8;

/// A convolution by Winograd's filtering. The filters are kept untransformed and transformed in every call, which takes
/// little more time than reading their two to four times larger transforms from memory.
pub(crate) struct Winograd<'a, T> {
    /// Outputs a side of a tile: 2 or 4.
    out: usize,
    filters: Filters<'a, T>,
}

impl<'a, T: Element> Winograd<'a, T> {
    /// Filters with tiles of `out` (2 or 4) outputs a side.
    pub(crate) fn new(out: usize, filters: Filters<'a, T>) -> Self {
        Self { out, filters }
    }

    /// Convolves the segments of `x` and passes the sums to `sink`.
    pub(crate) fn forward(&self, conv: &BatchConv, x: &[Segment<'_, T>], sink: &EpilogueSink<'_, T>) {
        let BatchConv { shape, n, input, grid } = *conv;
        let tiles = (grid.0.div_ceil(self.out), grid.1.div_ceil(self.out));
        let padding = shape.geometry.padding;
        let tiling = Tiling { x, n, size: input, padding, grid, tiles, out: self.out };
        if self.out == 2 { self.run::<2>(&tiling, sink) } else { self.run::<4>(&tiling, sink) }
    }

    fn run<const OUT: usize>(&self, tiling: &Tiling<'_, T>, sink: &EpilogueSink<'_, T>) {
        let panels = (tiling.n * tiling.tiles.0 * tiling.tiles.1).div_ceil(NR);
        if panels < FEW_PANELS {
            return self.run_few::<OUT>(tiling, panels, sink);
        }
        let shape = self.filters.shape();
        let (step, rows) = (step(shape.1), shape.0.div_ceil(MR));
        let group = GROUP * MR * side(OUT) * side(OUT) * shape.1;
        let part = rows.min((FILTER_LEN / group).max(MIN_GROUPS) * GROUP);
        for first in (0..rows).step_by(part) {
            let rows = (first, part.min(rows - first));
            let transformed = TransformedFilters::new(&self.filters, rows);
            let filters = FilterSource::Transformed(&transformed);
            (0..panels).into_par_iter().with_max_len(1).for_each(|panel| {
                let mut from = Scratch::<T>::new(side(OUT) * side(OUT) * step);
                let from = Shared::new(from.as_mut_ptr());
                let channels = (0, shape.1);
                T::dispatch(TransformInput::<T, OUT> { tiling, panel, channels, to: from, step });
                T::dispatch(Multiply::<T, OUT> { filters, shape, tiling, panel, rows, from, step, sink });
            });
        }
    }

    /// Few panels of tiles: their input is transformed once for all, and each task transforms the filters of its own
    /// output channels.
    fn run_few<const OUT: usize>(&self, tiling: &Tiling<'_, T>, panels: usize, sink: &EpilogueSink<'_, T>) {
        let shape = self.filters.shape();
        let (rows, step) = (shape.0.div_ceil(MR), step(shape.1));
        let len = side(OUT) * side(OUT) * step;
        let mut transformed = Scratch::<T>::new(len * panels);
        let all = Shared::new(transformed.as_mut_ptr());
        let at = |panel: usize| Shared::new(all.get().wrapping_add(panel * len));
        let parts = shape.1.div_ceil(CHANNELS);
        (0..parts * panels).into_par_iter().for_each(|task| {
            let (panel, first) = (task / parts, task % parts * CHANNELS);
            let channels = (first, CHANNELS.min(shape.1 - first));
            T::dispatch(TransformInput::<T, OUT> { tiling, panel, channels, to: at(panel), step });
        });
        let filters = FilterSource::Untransformed(&self.filters);
        (0..rows.div_ceil(GROUP) * panels).into_par_iter().with_max_len(1).for_each(|task| {
            let (panel, first) = (task % panels, task / panels * GROUP);
            let (rows, from) = ((first, GROUP.min(rows - first)), at(panel));
            T::dispatch(Multiply::<T, OUT> { filters, shape, tiling, panel, rows, from, step, sink });
        });
    }
}

/// Elements from one transformed position of the input to the next.
fn step(channels: usize) -> usize {
    channels * NR + SKEW
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::filled;
    use crate::conv::{ConvShape, Epilogue};
    use crate::gemm::{Matrix, PackedA};
    use crate::scratch::Lifetime;
    use crate::simd::Level;
    use crate::testing::*;

    /// Padded both ways, so that the rotated form is tested on the same reference.
    fn filter<T: Element>(
        out: usize,
        filters: &Filters<'_, T>,
        x: &[T],
        g: &ConvShape,
        size: (usize, usize, usize),
    ) -> Vec<T> {
        let conv = g.on(size).unwrap();
        // SAFETY: the filtering stores the whole output, as the comparisons below find.
        let y = unsafe {
            filled(conv.outputs(), |y| {
                let sink = EpilogueSink::new(g.out_channels, conv.plane(), None, &Epilogue::none(), y);
                let x = [Segment::new(x, g.in_channels)];
                Winograd::new(out, *filters).forward(&conv, &x, &sink);
                Ok(())
            })
        };
        y.unwrap()
    }

    fn check<T: Element>(
        x: &[T],
        weight: &[T],
        expected: &[T],
        g: &ConvShape,
        n: (usize, usize, usize),
        by: f64,
    ) {
        let matrix = Matrix::of_rows(weight, g.out_channels, g.in_channels * 9);
        let flipped: Vec<T> = weight.chunks(9).flat_map(|k| k.iter().rev().copied()).collect();
        let turned = Matrix::of_rows(&flipped, g.out_channels, g.in_channels * 9);
        let packed = PackedA::new(&matrix, Lifetime::Object);
        for out in [2, 4] {
            for (filters, name) in [
                (Filters::Matrix(matrix), "matrix"),
                (Filters::Rotated(turned), "rotated"),
                (Filters::Packed(&packed), "packed"),
            ] {
                let what = format!("{out} outputs, {name}, {g:?} {n:?} {:?}", Level::current());
                assert_close(&filter(out, &filters, x, g, n), expected, by, &what);
            }
        }
    }

    #[test]
    fn more_channels_than_are_transformed_at_once_are_summed() {
        let (g, h, w) = (square(150, 70, 3, 1, 1), 6, 11);
        let (x, weight) = (numbers::<f64>(1, 150 * h * w), numbers::<f64>(2, weights(&g)));
        let expected = naive_conv(&x, &weight, &g, 1, h, w);
        at_each_level(|_| check(&x, &weight, &expected, &g, (1, h, w), 1e-12));
    }

    #[test]
    fn more_outputs_than_are_transformed_at_once_are_filtered_in_parts() {
        let (g, h, w) = (square(130, 800, 3, 1, 1), 48, 48);
        let (x, weight) = (numbers::<f64>(1, 130 * h * w), numbers::<f64>(2, weights(&g)));
        // Parts begin and end where the outputs' own filtering does.
        let (few, plane) = (square(130, 16, 3, 1, 1), h * w);
        at_each_level(|_| {
            let matrix = Matrix::of_rows(&weight, 800, 130 * 9);
            let all = filter(4, &Filters::Matrix(matrix), &x, &g, (1, h, w));
            for first in [0, 528, 544, 784] {
                let part = Matrix::of_rows(&weight[first * 130 * 9..][..16 * 130 * 9], 16, 130 * 9);
                let part = filter(4, &Filters::Matrix(part), &x, &few, (1, h, w));
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
            let g = square(ic, oc, 3, 1, padding);
            let (x, weight) = (numbers(1, n * ic * h * w), numbers(2, weights(&g)));
            let expected = naive_conv::<f64>(&x, &weight, &g, n, h, w);
            at_each_level(|_| {
                check(&x, &weight, &expected, &g, (n, h, w), 1e-12);
                check(&single(&x), &single(&weight), &single(&expected), &g, (n, h, w), 6e-5);
            });
        }
    }
}
