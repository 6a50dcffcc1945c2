//! Gradients of a convolution.
//!
//! *Input*: for each phase of the stride, the input's gradient is itself a convolution of the output's gradient, of
//! stride 1, with those taps of the kernel that meet the phase.
//!
//! *Weight*: a product whose depth is the pixels. Both operands are transposed once, strip by strip of the batch's
//! rows: the output's gradient into panels of channels, the input into channels-last rows, where the horizontal taps
//! of a pixel lie next to each other and make one long row of columns.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::conv_forward::Finish;
use super::geometry::{Epilogue, Geometry, KernelError, Output, Segment, check};
use super::lhs::{Matrix, PackedLhs};
use super::method::Method;
use super::patches::{Patches, Tap};
use super::product::{Operands, Sink, Tile, product};
use super::scratch::{Lifetime, Shared};
use super::simd::{Element, Vector};
use super::winograd::{Kernels, Winograd};

/// The gradient of a convolution with respect to its input, `[n, in_channels, h, w]`, from that of its output.
///
/// # Errors
/// A slice whose size does not match, an input smaller than the kernel.
pub fn conv_backward_input<T: Element>(
    weight: &[T],
    g: &Geometry,
    dy: &[T],
    (n, h, w): (usize, usize, usize),
    dx: &mut [MaybeUninit<T>],
) -> Result<(), KernelError> {
    let out = g.checked_out_size(h, w)?;
    check("weight", g.weights(), weight.len())?;
    check("gradient of the output", n * g.out_channels * out.0 * out.1, dy.len())?;
    check("gradient of the input", n * g.in_channels * h * w, dx.len())?;
    let segments = [Segment::new(dy, g.out_channels)];
    if g.stride == (1, 1) {
        let mut dx = Output::whole(dx, g.in_channels);
        let sink = Finish::new(g.in_channels, h * w, None, &Epilogue::none(), &mut dx);
        backward_undivided(weight, g, &segments, (n, h, w), out, &sink);
        return Ok(());
    }
    dx_by_phases(weight, g, &segments, (n, h, w), out, dx);
    Ok(())
}

/// Row by row of phases: all horizontal phases of a vertical one together, so that whole rows are written.
fn dx_by_phases<T: Element>(
    weight: &[T],
    g: &Geometry,
    dy: &[Segment<'_, T>],
    (n, h, w): (usize, usize, usize),
    out: (usize, usize),
    dx: &mut [MaybeUninit<T>],
) {
    let to = Shared::new(dx.as_mut_ptr().cast());
    for y in 0..g.stride.0.min(h) {
        let grid = ((h - y).div_ceil(g.stride.0), w.div_ceil(g.stride.1));
        let phases: Vec<_> = (0..g.stride.1).map(|x| phase_taps(g, (y, x))).collect();
        let pack = |taps: &Vec<PhaseTap>| {
            let at = |channel: usize, k: usize| {
                let tap = taps[k % taps.len()].0;
                weight[(k / taps.len() * g.in_channels + channel) * g.taps() + tap]
            };
            PackedLhs::from_fn(g.in_channels, g.out_channels * taps.len(), Lifetime::Call, at)
        };
        let weights: Vec<_> = phases.iter().filter(|taps| !taps.is_empty()).map(pack).collect();
        let place = |&(_, offset): &PhaseTap| Tap::new(offset, out, grid, (1, 1));
        let taps: Vec<Vec<_>> = phases.iter().map(|taps| taps.iter().map(place).collect()).collect();
        let patches: Vec<_> = taps
            .iter()
            .filter(|taps| !taps.is_empty())
            .map(|taps| Patches::new(dy, taps, n, out, grid, (1, 1)))
            .collect();
        let operands: Vec<_> =
            weights.iter().zip(&patches).map(|(lhs, patches)| Operands { lhs, patches }).collect();
        let mut operand = 0;
        let mut next = |taps: &Vec<PhaseTap>| {
            operand += usize::from(!taps.is_empty());
            (!taps.is_empty()).then(|| operand - 1)
        };
        let phases: Vec<_> = phases.iter().map(&mut next).collect();
        let sink = Scatter { channels: g.in_channels, size: (h, w), grid, y, stride: g.stride, phases, to };
        if operands.is_empty() { sink.clear(n) } else { product(&operands, &sink) }
    }
}

/// Stride 1 has one phase: a convolution with the channels' roles exchanged and the kernel turned around.
fn backward_undivided<T: Element>(
    weight: &[T],
    g: &Geometry,
    dy: &[Segment<'_, T>],
    (n, h, w): (usize, usize, usize),
    out: (usize, usize),
    sink: &Finish<'_, T>,
) {
    let matrix = Matrix {
        data: weight,
        rows: g.in_channels,
        depth: g.out_channels * g.taps(),
        row_step: g.taps(),
        run: g.taps(),
        run_step: g.in_channels * g.taps(),
    };
    let reach = |k: usize, d: usize, p: usize| (d * (k - 1)).wrapping_sub(p);
    let turned = Geometry {
        in_channels: g.out_channels,
        out_channels: g.in_channels,
        padding: (reach(g.kernel.0, g.dilation.0, g.padding.0), reach(g.kernel.1, g.dilation.1, g.padding.1)),
        ..*g
    };
    match Method::choose(&turned, n, (h, w)) {
        Method::Product => {
            let tap = |(_, offset)| Tap::new(offset, out, (h, w), (1, 1));
            let taps: Vec<_> = phase_taps(g, (0, 0)).into_iter().map(tap).collect();
            let patches = Patches::new(dy, &taps, n, out, (h, w), (1, 1));
            let lhs = PackedLhs::new(&matrix, Lifetime::Call);
            product(&[Operands { lhs: &lhs, patches: &patches }], sink);
        }
        Method::Winograd(outputs) => Winograd::new(outputs, Kernels::Flipped(matrix)).forward(
            dy,
            (n, out.0, out.1),
            turned.padding,
            (h, w),
            sink,
        ),
    }
}

/// A tap's index in the kernel, and where it reads the output's gradient relative to the phase's grid.
type PhaseTap = (usize, (isize, isize));

/// The taps that reach input positions `phase + stride * grid`.
fn phase_taps(g: &Geometry, phase: (usize, usize)) -> Vec<PhaseTap> {
    let meets = |phase: usize, offset: isize, stride: usize| {
        let distance = phase as isize - offset;
        (distance.rem_euclid(stride as isize) == 0).then(|| distance.div_euclid(stride as isize))
    };
    let place = |(tap, offset): (usize, (isize, isize))| {
        Some((tap, (meets(phase.0, offset.0, g.stride.0)?, meets(phase.1, offset.1, g.stride.1)?)))
    };
    g.offsets().into_iter().enumerate().filter_map(place).collect()
}

/// Writes the grids of all horizontal phases to every stride-th row of the input's gradient.
struct Scatter<T> {
    channels: usize,
    size: (usize, usize),
    grid: (usize, usize),
    /// The vertical phase.
    y: usize,
    stride: (usize, usize),
    /// Each horizontal phase's operand; `None` where no tap meets it.
    phases: Vec<Option<usize>>,
    to: Shared<T>,
}

impl<T: Element> Scatter<T> {
    /// Zeros, where no tap meets any phase.
    fn clear(&self, n: usize) {
        let (h, w) = self.size;
        for row in 0..n * self.channels * self.grid.0 {
            let at = (row / self.grid.0 * h + row % self.grid.0 * self.stride.0 + self.y) * w;
            // SAFETY: a row of the gradient; all bits zero are 0.
            unsafe { self.to.get().add(at).write_bytes(0, w) };
        }
    }

    /// `phases` weave `len` grid positions to `to`, which ends after `room` elements.
    ///
    /// # Safety
    /// Each operand has `len` elements from `from + operand * step`, `to` has `room`.
    #[inline(always)]
    unsafe fn weave<V: Vector<Elem = T>>(
        &self,
        from: *const T,
        step: usize,
        len: usize,
        to: *mut T,
        room: usize,
    ) {
        // SAFETY: by the caller's word; writes are cut to `room`.
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
                    let at = i * self.stride.1 + x;
                    if at < room {
                        *to.add(at) = phase.map_or(T::ZERO, |operand| *from.add(operand * step + i));
                    }
                }
            }
        }
    }
}

impl<T: Element> Sink<T> for Scatter<T> {
    #[inline(always)]
    unsafe fn write<V: Vector<Elem = T>>(&self, tile: &Tile<T>) {
        let plane = self.grid.0 * self.grid.1;
        for r in 0..tile.rows {
            let mut done = 0;
            while done < tile.pixels {
                let p = tile.first_pixel + done;
                let (image, y, x) = (p / plane, p % plane / self.grid.1, p % self.grid.1);
                let len = (self.grid.1 - x).min(tile.pixels - done);
                let map = image * self.channels + tile.first_row + r;
                let row = map * self.size.0 + y * self.stride.0 + self.y;
                let x = x * self.stride.1;
                let room = (self.size.1 - x).min(len * self.stride.1);
                // SAFETY: grid positions lie inside the gradient's row, and tiles do not overlap.
                unsafe {
                    let to = self.to.get().add(row * self.size.1 + x);
                    let from = tile.data.add(r * tile.step + done);
                    self.weave::<V>(from, tile.operand_step, len, to, room);
                }
                done += len;
            }
        }
    }
}

/// `sums[c] = Σ_{n, plane} x[n, c, ·]` of `[n, c, plane]`, in a fixed order.
pub(super) fn channel_sums<T: Element>(
    x: &[T],
    n: usize,
    channels: usize,
    plane: usize,
    sums: &mut [MaybeUninit<T>],
) {
    sums.par_iter_mut().enumerate().for_each(|(c, sum)| {
        let mut total = T::ZERO;
        for i in 0..n {
            total = total + plane_sum(&x[(i * channels + c) * plane..][..plane]);
        }
        sum.write(total);
    });
}

fn plane_sum<T: Element>(x: &[T]) -> T {
    let mut lanes = [T::ZERO; 16];
    let chunks = x.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane = *lane + v;
        }
    }
    for (lane, &v) in lanes.iter_mut().zip(rest) {
        *lane = *lane + v;
    }
    lanes.into_iter().fold(T::ZERO, |a, b| a + b)
}

#[cfg(test)]
mod tests {
    use super::super::conv_backward_weight;
    use super::super::testing::*;
    use super::*;

    fn backward<T: Element>(
        x: &[T],
        weight: &[T],
        dy: &[T],
        g: &Geometry,
        size: (usize, usize, usize),
    ) -> (Vec<T>, Vec<T>, Vec<T>) {
        let dx = written(x.len(), |dx| conv_backward_input(weight, g, dy, size, dx).unwrap());
        let mut dw = Vec::new();
        let db = written(g.out_channels, |db| {
            dw = written(weight.len(), |dw| conv_backward_weight(x, dy, g, size, dw, Some(db)).unwrap());
        });
        (dx, dw, db)
    }

    #[test]
    fn equals_the_definition() {
        let mut cases = conv_cases();
        // More than one strip; strips of several images.
        cases.push((Geometry::square(40, 9, 3, 1, 1), 1, 190, 160));
        cases.push((Geometry::square(3, 2, 1, 2, 0), 1, 2, 2));
        for (g, n, h, w) in cases {
            let (oh, ow) = g.out_size(h, w).unwrap();
            let (x, weight) = (numbers(1, n * g.in_channels * h * w), numbers(2, g.weights()));
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
        let (g, size) = (Geometry::square(36, 40, 3, 2, 1), (2, 41, 33));
        let (x, weight) = (numbers::<f32>(1, 2 * 36 * 41 * 33), numbers::<f32>(2, g.weights()));
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
    fn inputs_that_no_tap_reads_have_no_gradient() {
        let g = Geometry { stride: (3, 2), ..Geometry::square(1, 1, 1, 1, 0) };
        let dx = written(20, |dx| {
            conv_backward_input(&[2.0], &g, &[1.0, 3.0, 4.0, 5.0, 7.0, 9.0], (1, 4, 5), dx).unwrap();
        });
        let mut expected = vec![0.0; 20];
        for (at, v) in [(0, 2.0), (2, 6.0), (4, 8.0), (15, 10.0), (17, 14.0), (19, 18.0)] {
            expected[at] = v;
        }
        assert_eq!(dx, expected);
    }

    #[test]
    fn refuses_wrong_sizes() {
        let g = Geometry::square(2, 3, 3, 1, 1);
        let (x, weight, dy) = ([0.0; 32], [0.0; 54], [0.0; 48]);
        let mut to = [MaybeUninit::<f64>::uninit(); 60];
        let size = (1, 4, 4);
        assert!(conv_backward_input(&weight, &g, &dy, size, &mut to[..32]).is_ok());
        assert!(conv_backward_input(&weight, &g, &dy, size, &mut to[..31]).is_err());
        assert!(conv_backward_input(&weight, &g, &dy[1..], size, &mut to[..32]).is_err());
        assert!(conv_backward_input(&weight[1..], &g, &dy, size, &mut to[..32]).is_err());
        assert!(conv_backward_weight(&x, &dy, &g, size, &mut to[..54], None).is_ok());
        assert!(conv_backward_weight(&x, &dy, &g, size, &mut to[..53], None).is_err());
        assert!(conv_backward_weight(&x[1..], &dy, &g, size, &mut to[..54], None).is_err());
        let mut db = [MaybeUninit::uninit(); 2];
        assert!(conv_backward_weight(&x, &dy, &g, size, &mut to[..54], Some(&mut db)).is_err());
    }
}
