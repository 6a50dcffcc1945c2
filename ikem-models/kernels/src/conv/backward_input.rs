//! The gradient of a convolution with respect to its input, `[n, C, h, w]`, given the gradient of its output, `[n, O,
//! oh, ow]`.
//!
//! An input pixel is read by those filter taps whose distance to it is a multiple of the stride. With stride 1 these
//! are all taps: the gradient is a convolution of the output's gradient with the channels exchanged and the filter
//! rotated by 180°. With a larger stride s, the input's pixels are divided into s² *phases* (their position modulo s),
//! and for each phase the gradient is a convolution of stride 1 with the taps that meet the phase: no product with a
//! zero is computed, as there would be in a convolution of the gradient with zeros inserted (Dumoulin and Visin, "A
//! guide to convolution arithmetic for deep learning", 2016, relations 12 to 14).

use std::mem::MaybeUninit;

use super::epilogue::{Epilogue, EpilogueSink};
use super::geometry::{BatchConv, ConvShape, Geometry};
use super::method::Method;
use super::winograd::{Filters, Winograd};
use crate::buffer::filled;
use crate::error::{Result, check_len};
use crate::gemm::{FilterTap, Im2Col, Matrix, Operands, OutputTile, PackedA, TileSink, gemm};
use crate::scratch::{Lifetime, Shared};
use crate::segment::Segment;
use crate::simd::{Element, Vector};

/// The gradient of a convolution with respect to its input, `[n, in_channels, h, w]`, given the gradient `dy` of its
/// output.
///
/// # Errors
/// An extent out of range; a slice whose length does not match; a filter that does not fit into the padded input.
pub fn conv2d_backward_input<T: Element>(
    weight: &[T],
    shape: &ConvShape,
    dy: &[T],
    size: (usize, usize, usize),
) -> Result<Vec<T>> {
    let conv = shape.on(size)?;
    conv.check_weight(weight.len())?;
    check_len("gradient of the output", conv.outputs(), dy.len())?;
    let dy = [Segment::new(dy, shape.out_channels)];
    // SAFETY: stride 1 computes the input's gradient as the output of a convolution; else every row of every phase is
    // stored.
    unsafe {
        filled(conv.inputs(), |dx| {
            if shape.geometry.stride == 1 {
                let plane = conv.input.0 * conv.input.1;
                let sink = EpilogueSink::new(shape.in_channels, plane, None, &Epilogue::none(), dx);
                with_rotated_filter(&conv, weight, &dy, &sink);
            } else {
                by_phases(&conv, weight, &dy, dx);
            }
            Ok(())
        })
    }
}

/// One row of phases after the other: all horizontal phases of a vertical one together, so that whole rows are stored.
fn by_phases<T: Element>(conv: &BatchConv, weight: &[T], dy: &[Segment<'_, T>], dx: &mut [MaybeUninit<T>]) {
    let BatchConv { shape, n, input: (h, w), grid: out } = *conv;
    let Geometry { stride, .. } = shape.geometry;
    let to = Shared::new(dx.as_mut_ptr().cast());
    for y in 0..stride.min(h) {
        let grid = ((h - y).div_ceil(stride), w.div_ceil(stride));
        let phases: Vec<_> = (0..stride.min(w)).map(|x| phase_taps(&shape.geometry, (y, x))).collect();
        let pack = |taps: &Vec<PhaseTap>| {
            let at = |channel: usize, k: usize| {
                let tap = taps[k % taps.len()].0;
                weight[(k / taps.len() * shape.in_channels + channel) * shape.geometry.taps() + tap]
            };
            PackedA::from_fn(shape.in_channels, shape.out_channels * taps.len(), Lifetime::Call, at)
        };
        let weights: Vec<_> = phases.iter().filter(|taps| !taps.is_empty()).map(pack).collect();
        let place = |&(_, offset): &PhaseTap| FilterTap::new(offset, out, grid, 1);
        let taps: Vec<Vec<_>> = phases.iter().map(|taps| taps.iter().map(place).collect()).collect();
        let columns: Vec<_> = taps
            .iter()
            .filter(|taps| !taps.is_empty())
            .map(|taps| Im2Col::new(dy, taps, n, out, grid, 1))
            .collect();
        let operands: Vec<_> = weights.iter().zip(&columns).map(|(a, b)| Operands { a, b }).collect();
        let mut product = 0;
        let mut next = |taps: &Vec<PhaseTap>| {
            product += usize::from(!taps.is_empty());
            (!taps.is_empty()).then(|| product - 1)
        };
        let phases: Vec<_> = phases.iter().map(&mut next).collect();
        let sink = PhaseSink { channels: shape.in_channels, size: (h, w), grid, y, stride, phases, to };
        if operands.is_empty() { sink.clear(n) } else { gemm(&operands, &sink) }
    }
}

/// Stride 1 has one phase: a convolution with the channels exchanged and the filter rotated by 180°.
fn with_rotated_filter<T: Element>(
    conv: &BatchConv,
    weight: &[T],
    dy: &[Segment<'_, T>],
    sink: &EpilogueSink<'_, T>,
) {
    let BatchConv { shape, n, input, grid: out } = *conv;
    let (geometry, taps) = (shape.geometry, shape.geometry.taps());
    let matrix = Matrix {
        data: weight,
        rows: shape.in_channels,
        depth: shape.out_channels * taps,
        row_step: taps,
        run: taps,
        run_step: shape.in_channels * taps,
    };
    // Where the input is padded by more than the filter reaches, `rotated` would cut the gradient's margins off: a
    // padding that wraps around, which no method but the product takes.
    let padding = (geometry.dilation * (geometry.kernel - 1)).wrapping_sub(geometry.padding);
    let rotated = ConvShape {
        in_channels: shape.out_channels,
        out_channels: shape.in_channels,
        geometry: Geometry { padding, ..geometry },
    };
    match Method::choose(&rotated, n, input) {
        Method::Gemm => {
            let tap = |(_, offset)| FilterTap::new(offset, out, input, 1);
            let taps: Vec<_> = phase_taps(&geometry, (0, 0)).into_iter().map(tap).collect();
            let columns = Im2Col::new(dy, &taps, n, out, input, 1);
            let a = PackedA::new(&matrix, Lifetime::Call);
            gemm(&[Operands { a: &a, b: &columns }], sink);
        }
        Method::Winograd(outputs) => {
            let rotated = BatchConv { shape: rotated, n, input: out, grid: input };
            Winograd::new(outputs, Filters::Rotated(matrix)).forward(&rotated, dy, sink);
        }
    }
}

/// A filter tap's index, and where it reads the output's gradient relative to the phase's grid.
type PhaseTap = (usize, (isize, isize));

/// The taps that reach input positions `phase + stride * grid`.
fn phase_taps(geometry: &Geometry, phase: (usize, usize)) -> Vec<PhaseTap> {
    let meets = |phase: usize, offset: isize, stride: usize| {
        let distance = phase as isize - offset;
        (distance.rem_euclid(stride as isize) == 0).then(|| distance.div_euclid(stride as isize))
    };
    let place = |(tap, offset): (usize, (isize, isize))| {
        let stride = geometry.stride;
        Some((tap, (meets(phase.0, offset.0, stride)?, meets(phase.1, offset.1, stride)?)))
    };
    geometry.offsets().into_iter().enumerate().filter_map(place).collect()
}

/// Stores the grids of all horizontal phases to every stride-th row of the input's gradient.
struct PhaseSink<T> {
    channels: usize,
    size: (usize, usize),
    grid: (usize, usize),
    /// The vertical phase.
    y: usize,
    stride: usize,
    /// Each horizontal phase's product; `None` where no tap meets it.
    phases: Vec<Option<usize>>,
    to: Shared<T>,
}

impl<T: Element> PhaseSink<T> {
    /// Stores zeros, where no tap meets any phase.
    fn clear(&self, n: usize) {
        let (h, w) = self.size;
        for row in 0..n * self.channels * self.grid.0 {
            let at = (row / self.grid.0 * h + row % self.grid.0 * self.stride + self.y) * w;
            // SAFETY: a row of the gradient; all bits zero are 0.
            unsafe { self.to.get().add(at).write_bytes(0, w) };
        }
    }

    /// Interleaves `len` grid positions of all phases to `to`, which ends after `room` elements.
    ///
    /// # Safety
    /// Each product has `len` elements from `from + product * step`, `to` has `room`.
    #[inline(always)]
    unsafe fn interleave<V: Vector<Elem = T>>(
        &self,
        from: *const T,
        step: usize,
        len: usize,
        to: *mut T,
        room: usize,
    ) {
        // SAFETY: as the caller guarantees; writes are cut to `room`.
        unsafe {
            if let [Some(even), Some(odd)] = self.phases[..] {
                for i in (0..len).step_by(V::LANES) {
                    let (even, odd) = (from.add(even * step + i), from.add(odd * step + i));
                    let (even, odd) = (V::load_range(even, 0, len - i), V::load_range(odd, 0, len - i));
                    let (first, second) = V::interleave(even, odd);
                    let room = room.min(2 * len) - 2 * i;
                    first.store_first(to.add(2 * i), room);
                    if room > V::LANES {
                        second.store_first(to.add(2 * i + V::LANES), room - V::LANES);
                    }
                }
                return;
            }
            for (x, phase) in self.phases.iter().enumerate() {
                for i in 0..len {
                    let at = i * self.stride + x;
                    if at < room {
                        *to.add(at) = phase.map_or(T::ZERO, |product| *from.add(product * step + i));
                    }
                }
            }
        }
    }
}

impl<T: Element> TileSink<T> for PhaseSink<T> {
    #[inline(always)]
    unsafe fn write<V: Vector<Elem = T>>(&self, tile: &OutputTile<T>) {
        let plane = self.grid.0 * self.grid.1;
        for r in 0..tile.rows {
            let mut done = 0;
            while done < tile.pixels {
                let p = tile.first_pixel + done;
                let (image, y, x) = (p / plane, p % plane / self.grid.1, p % self.grid.1);
                let len = (self.grid.1 - x).min(tile.pixels - done);
                let map = image * self.channels + tile.first_row + r;
                let row = map * self.size.0 + y * self.stride + self.y;
                let x = x * self.stride;
                let room = (self.size.1 - x).min(len * self.stride);
                // SAFETY: grid positions lie inside the gradient's row, and tiles do not overlap.
                unsafe {
                    let to = self.to.get().add(row * self.size.1 + x);
                    let from = tile.data.add(r * tile.step + done);
                    self.interleave::<V>(from, tile.product_step, len, to, room);
                }
                done += len;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::backward_weight::conv2d_backward_weight;
    use super::*;
    use crate::testing::*;

    fn backward<T: Element>(
        x: &[T],
        weight: &[T],
        dy: &[T],
        g: &ConvShape,
        size: (usize, usize, usize),
    ) -> (Vec<T>, Vec<T>, Vec<T>) {
        let dx = conv2d_backward_input(weight, g, dy, size).unwrap();
        let mut dw = conv2d_backward_weight(x, dy, g, size, true).unwrap();
        let db = dw.split_off(weight.len());
        assert_eq!(conv2d_backward_weight(x, dy, g, size, false).unwrap(), dw);
        (dx, dw, db)
    }

    #[test]
    fn equals_the_definition() {
        let mut cases = conv_cases();
        // More than one strip; strips of several images.
        cases.push((square(40, 9, 3, 1, 1), 1, 190, 160));
        cases.push((square(3, 2, 1, 2, 0), 1, 2, 2));
        for (g, n, h, w) in cases {
            let (oh, ow) = g.geometry.out_size(h, w).unwrap();
            let (x, weight) = (numbers(1, n * g.in_channels * h * w), numbers(2, weights(&g)));
            let dy = numbers(3, n * g.out_channels * oh * ow);
            let (dx, dw) = naive_backward(&x, &weight, &dy, &g, (n, h, w));
            let plane = oh * ow;
            let db: Vec<f64> = (0..g.out_channels)
                .map(|c| {
                    (0..n).map(|i| dy[(i * g.out_channels + c) * plane..][..plane].iter().sum::<f64>()).sum()
                })
                .collect();
            at_each_level(|level| {
                let what = format!("{g:?} {n} {h} {w} {level:?}");
                let found = backward(&x, &weight, &dy, &g, (n, h, w));
                assert_close(&found.0, &dx, 1e-11, &what);
                assert_close(&found.1, &dw, 1e-10, &what);
                assert_close(&found.2, &db, 1e-10, &what);
                let found = backward(&single(&x), &single(&weight), &single(&dy), &g, (n, h, w));
                assert_close(&found.0, &single(&dx), 6e-5, &what);
                let scale = ((n * plane) as f64).sqrt();
                assert_close(&found.1, &single(&dw), 8e-6 * scale, &what);
                assert_close(&found.2, &single(&db), 8e-6 * scale, &what);
            });
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let (g, size) = (square(36, 40, 3, 2, 1), (2, 41, 33));
        let (x, weight) = (numbers::<f32>(1, 2 * 36 * 41 * 33), numbers::<f32>(2, weights(&g)));
        let dy = numbers::<f32>(3, 2 * 40 * 21 * 17);
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| backward(&x, &weight, &dy, &g, size))
        };
        at_each_level(|_| {
            let one = with(1);
            assert!(one == with(2) && one == with(5));
        });
    }

    #[test]
    fn strides_larger_than_the_image_leave_one_output() {
        let g = square(1, 1, 1, 1 << 20, 0);
        assert_eq!(conv2d_backward_input(&[2.0], &g, &[3.0], (1, 2, 2)).unwrap(), [6.0, 0.0, 0.0, 0.0]);
        assert_eq!(
            conv2d_backward_weight(&[4.0, 1.0, 1.0, 1.0], &[3.0], &g, (1, 2, 2), true).unwrap(),
            [12.0, 3.0]
        );
    }

    #[test]
    fn inputs_that_no_tap_reads_have_no_gradient() {
        let dx = conv2d_backward_input(&[2.0], &square(1, 1, 1, 3, 0), &[1.0, 3.0, 5.0, 7.0], (1, 4, 5));
        let mut expected = vec![0.0; 20];
        for (at, v) in [(0, 2.0), (3, 6.0), (15, 10.0), (18, 14.0)] {
            expected[at] = v;
        }
        assert_eq!(dx.unwrap(), expected);
    }

    #[test]
    fn refuses_wrong_sizes() {
        let g = square(2, 3, 3, 1, 1);
        let (x, weight, dy) = ([0.0; 32], [0.0; 54], [0.0; 48]);
        let size = (1, 4, 4);
        assert!(conv2d_backward_input(&weight, &g, &dy, size).is_ok());
        assert!(conv2d_backward_input(&weight, &g, &dy, (1, 4, 5)).is_err());
        assert!(conv2d_backward_input(&weight, &g, &dy[1..], size).is_err());
        assert!(conv2d_backward_input(&weight[1..], &g, &dy, size).is_err());
        assert!(conv2d_backward_weight(&x, &dy, &g, size, false).is_ok());
        assert!(conv2d_backward_weight(&x, &dy[1..], &g, size, true).is_err());
        assert!(conv2d_backward_weight(&x[1..], &dy, &g, size, false).is_err());
    }
}
