//! 3 × 3 convolution of stride 1 by Winograd's minimal filtering: 2.25 (4 for 4 × 4 outputs) times fewer
//! multiplications, for the price of more weights and a little rounding.
//!
//! Tiles of the whole batch make panels of [`NR`] columns. A task transforms the input of one panel, and then, for
//! some output channels at a time, multiplies each of the 16 (36) transformed positions and transforms back, all in
//! cache. Where there are few panels, the input is transformed once for all and tasks share the output channels.

use rayon::prelude::*;

use super::conv_forward::Finish;
use super::geometry::Segment;
use super::lhs::{Matrix, PackedLhs};
use super::scratch::{Lifetime, Scratch, Shared};
use super::simd::{Element, Kernel, MR, NR, Operand, Vector, tile};
use super::winograd_transform::{input, output, side, weights};

/// Panels of output channels that a step multiplies, so that a panel of input stays in L1 meanwhile.
const GROUP: usize = 4;
/// Elements between the transformed positions beyond their length: powers of two would share cache sets.
const SKEW: usize = 16;
/// Panels of tiles below which tasks share the transformed input.
const FEW_PANELS: usize = 4;
/// Channels that a task transforms where the input is shared.
const CHANNELS: usize = 8;

/// Transformed weights.
pub(super) struct Winograd<T> {
    /// Outputs a side of a tile: 2 or 4.
    out: usize,
    rows: usize,
    channels: usize,
    /// `[group][position][panel][channel][MR]`.
    weight: Scratch<T>,
}

/// Where 3 × 3 kernels come from, in panels of [`MR`] output channels.
pub(super) enum Kernels<'a, T> {
    /// Packed for the product.
    Packed(&'a PackedLhs<T>),
    /// A matrix of output channels by (input channel, tap).
    Matrix(Matrix<'a, T>),
    /// The same with the taps in the opposite order.
    Flipped(Matrix<'a, T>),
}

impl<T: Element> Kernels<'_, T> {
    /// Rows and input channels.
    fn shape(&self) -> (usize, usize) {
        match self {
            Self::Packed(lhs) => (lhs.rows, lhs.depth / 9),
            Self::Matrix(m) | Self::Flipped(m) => (m.rows, m.depth / 9),
        }
    }

    /// # Safety
    /// A panel's `depth * MR` elements can be written at `to`.
    #[inline(always)]
    unsafe fn panel<V: Vector<Elem = T>>(&self, panel: usize, to: *mut T) {
        // SAFETY: blocks of depth lie one behind the other.
        unsafe {
            match self {
                Self::Packed(lhs) => {
                    for (k0, len) in lhs.blocks() {
                        let from = lhs.panel(k0, len, panel);
                        to.add(k0 * MR).copy_from_nonoverlapping(from.as_ptr(), from.len());
                    }
                }
                Self::Matrix(m) | Self::Flipped(m) => m.panel::<V>(panel, 0, m.depth, to),
            }
        }
    }
}

impl<T: Element> Winograd<T> {
    /// Transforms weights for tiles of `out` (2 or 4) outputs a side.
    pub fn new(out: usize, kernels: &Kernels<'_, T>, lifetime: Lifetime) -> Self {
        let (rows, channels) = kernels.shape();
        let (panels, positions) = (rows.div_ceil(MR), side(out) * side(out));
        let mut weight = Scratch::<T>::with_lifetime(panels * MR * positions * channels, lifetime);
        let to = Shared::new(weight.as_mut_ptr());
        (0..panels).into_par_iter().with_max_len(1).for_each(|panel| {
            let group = GROUP.min(panels - panel / GROUP * GROUP);
            let at = panel / GROUP * GROUP * positions + panel % GROUP;
            let (step, at) = (group * channels * MR, at * channels * MR);
            // SAFETY: the panel's first position; groups lie one behind the other.
            let to = Shared::new(unsafe { to.get().add(at) });
            if out == 2 {
                T::dispatch(TransformWeights::<T, 2> { kernels, panel, to, step, channels });
            } else {
                T::dispatch(TransformWeights::<T, 4> { kernels, panel, to, step, channels });
            }
        });
        Self { out, rows, channels, weight }
    }

    /// The panel of weights at a position, for a panel of output channels.
    fn panel(&self, position: usize, panel: usize) -> &[T] {
        let group = panel / GROUP;
        let panels = GROUP.min(self.rows.div_ceil(MR) - group * GROUP);
        let before = group * GROUP * side(self.out) * side(self.out);
        let at = (before + position * panels + panel % GROUP) * self.channels * MR;
        debug_assert!(position < side(self.out) * side(self.out));
        // SAFETY: inside the buffer, which `new` wrote completely.
        unsafe { std::slice::from_raw_parts(self.weight.as_ptr().add(at), self.channels * MR) }
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
        let step = self.channels * NR + SKEW;
        let len = side(OUT) * side(OUT) * step;
        let rows = self.rows.div_ceil(MR);
        if panels >= FEW_PANELS {
            (0..panels).into_par_iter().with_max_len(1).for_each(|panel| {
                let mut transformed = Scratch::<T>::new(len);
                let to = Shared::new(transformed.as_mut_ptr());
                let channels = (0, self.channels);
                T::dispatch(TransformInput::<T, OUT> { plan, panel, channels, to, step });
                T::dispatch(Multiply::<T, OUT> {
                    weight: self,
                    plan,
                    panel,
                    rows: (0, rows),
                    from: to,
                    step,
                    finish,
                });
            });
            return;
        }
        let mut transformed = Scratch::<T>::new(len * panels);
        let all = Shared::new(transformed.as_mut_ptr());
        let at = |panel: usize| Shared::new(all.get().wrapping_add(panel * len));
        let parts = self.channels.div_ceil(CHANNELS);
        (0..parts * panels).into_par_iter().for_each(|task| {
            let (panel, first) = (task / parts, task % parts * CHANNELS);
            let channels = (first, CHANNELS.min(self.channels - first));
            T::dispatch(TransformInput::<T, OUT> { plan, panel, channels, to: at(panel), step });
        });
        let groups = rows.div_ceil(GROUP);
        (0..groups * panels).into_par_iter().with_max_len(1).for_each(|task| {
            let (panel, first) = (task % panels, task / panels * GROUP);
            let rows = (first, GROUP.min(rows - first));
            T::dispatch(Multiply::<T, OUT> {
                weight: self,
                plan,
                panel,
                rows,
                from: at(panel),
                step,
                finish,
            });
        });
    }
}

impl<T> std::fmt::Debug for Winograd<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Winograd({} x {}, {} outputs)", self.rows, self.channels, self.out)
    }
}

/// Transforms a panel of output channels, each position to `to + position * step`.
struct TransformWeights<'a, T, const OUT: usize> {
    kernels: &'a Kernels<'a, T>,
    panel: usize,
    to: Shared<T>,
    step: usize,
    channels: usize,
}

impl<T: Element, const OUT: usize> Kernel<T> for TransformWeights<'_, T, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let mut taps = Scratch::<T>::new(self.channels * 9 * MR);
        let taps = taps.as_mut_ptr();
        let flip = if matches!(self.kernels, Kernels::Flipped(_)) { 8 } else { 0 };
        // SAFETY: `taps` holds [channel][tap][MR] once the panel is written; every position has room for
        // [channel][MR]. Vectors are cut to MR lanes.
        unsafe {
            self.kernels.panel::<V>(self.panel, taps);
            for at in (0..self.channels * MR).step_by(V::LANES.min(MR)) {
                let (channel, row) = (at / MR, at % MR);
                let tap =
                    |t: usize| V::load_range(taps.add((channel * 9 + t.abs_diff(flip)) * MR + row), 0, MR);
                let factors = weights::<V, OUT>(std::array::from_fn(tap));
                for (position, v) in factors.iter().enumerate().take(side(OUT) * side(OUT)) {
                    v.store_first(self.to.get().add(position * self.step + at), MR);
                }
            }
        }
    }
}

/// The shape of one convolution.
struct Plan<'a, T> {
    x: &'a [Segment<'a, T>],
    n: usize,
    size: (usize, usize),
    padding: (usize, usize),
    grid: (usize, usize),
    tiles: (usize, usize),
    out: usize,
}

/// Tiles next to each other in a row of tiles.
struct Run {
    lane: usize,
    len: usize,
    image: usize,
    /// The first tile's first output.
    y: usize,
    x: usize,
}

impl<T> Plan<'_, T> {
    /// The runs of `lanes` tiles from `first` on; fewer at the end of the batch.
    #[inline(always)]
    fn runs(&self, first: usize, lanes: usize) -> ([Run; 16], usize) {
        let mut runs = [const { Run { lane: 0, len: 0, image: 0, y: 0, x: 0 } }; 16];
        let (plane, width) = (self.tiles.0 * self.tiles.1, self.tiles.1);
        let end = (first + lanes).min(self.n * plane);
        let (mut count, mut t) = (0, first);
        while t < end {
            let (image, y, x) = (t / plane, t % plane / width, t % width);
            let len = (width - x).min(end - t);
            runs[count] = Run { lane: t - first, len, image, y: y * self.out, x: x * self.out };
            count += 1;
            t += len;
        }
        (runs, count)
    }
}

/// Transforms some channels of a panel of tiles to `[position][channel][NR]`.
struct TransformInput<'a, T, const OUT: usize> {
    plan: &'a Plan<'a, T>,
    panel: usize,
    /// First channel and their number.
    channels: (usize, usize),
    to: Shared<T>,
    step: usize,
}

impl<T: Element, const OUT: usize> Kernel<T> for TransformInput<'_, T, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        for lane in (0..NR).step_by(V::LANES) {
            let (runs, count) = self.plan.runs(self.panel * NR + lane, V::LANES);
            let runs = &runs[..count];
            let mut channel = 0;
            for segment in self.plan.x {
                let first = self.channels.0.saturating_sub(channel).min(segment.channels);
                let end = (self.channels.0 + self.channels.1).saturating_sub(channel).min(segment.channels);
                for c in first..end {
                    // Lanes without a tile stay zero.
                    let mut stage = [V::splat(T::ZERO); 36];
                    // SAFETY: lanes `lane..` of the row of this channel; `gather` fills the stage by tiles.
                    unsafe {
                        gather::<V, OUT>(self.plan, segment, c, runs, stage.as_mut_ptr().cast());
                        let to = self.to.get().add((channel + c) * NR + lane);
                        transform::<V, OUT>(&stage, to, self.step);
                    }
                }
                channel += segment.channels;
            }
        }
    }
}

/// Brings the inputs of the runs' tiles into `stage[row][column][lane]`.
///
/// # Safety
/// `stage` has room for `side² * LANES` elements.
#[inline(always)]
unsafe fn gather<V: Vector, const OUT: usize>(
    plan: &Plan<'_, V::Elem>,
    segment: &Segment<'_, V::Elem>,
    channel: usize,
    runs: &[Run],
    stage: *mut V::Elem,
) {
    let (h, w) = plan.size;
    for run in runs {
        let map = run.image * segment.channels + channel;
        let scale = V::splat(segment.scale.map_or(V::Elem::ONE, |s| s[map]));
        let x = run.x as isize - plan.padding.1 as isize;
        let (lo, hi) = ((-x).max(0) as usize, (w as isize - x).max(0) as usize);
        for row in 0..side(OUT) {
            let y = (run.y + row) as isize - plan.padding.0 as isize;
            let (lo, hi) = if y >= 0 && y < h as isize { (lo, hi) } else { (0, 0) };
            let from = segment.data.as_ptr().wrapping_offset((map * h * w) as isize + y * w as isize + x);
            // SAFETY: only columns lo..hi of a row inside the plane are read; the lanes belong to the run.
            unsafe {
                let load = |i: usize| {
                    let i = i * V::LANES;
                    V::load_range(from.wrapping_add(i), lo.saturating_sub(i), hi.saturating_sub(i)).mul(scale)
                };
                let columns = columns::<V, OUT>(load);
                let to = stage.add(row * side(OUT) * V::LANES + run.lane);
                for (j, column) in columns.iter().enumerate().take(side(OUT)) {
                    if run.len == V::LANES {
                        column.store(to.add(j * V::LANES));
                    } else {
                        column.store_first(to.add(j * V::LANES), run.len);
                    }
                }
            }
        }
    }
}

/// The `side(OUT)` columns of `LANES` tiles from the row whose vectors `load` gives.
#[inline(always)]
fn columns<V: Vector, const OUT: usize>(load: impl Fn(usize) -> V) -> [V; 6] {
    if OUT == 2 {
        let next = load(2);
        let (even, odd) = V::deinterleave(load(0), load(1));
        return [even, odd, even.shift_in(next), odd.shift_in(next.shift_in(next)), even, even];
    }
    let next = load(4);
    let ((e0, o0), (e1, o1)) = (V::deinterleave(load(0), load(1)), V::deinterleave(load(2), load(3)));
    let ((c0, c2), (c1, c3)) = (V::deinterleave(e0, e1), V::deinterleave(o0, o1));
    [c0, c1, c2, c3, c0.shift_in(next), c1.shift_in(next.shift_in(next))]
}

/// Transforms the tiles of a stage, each position to `to + position * step`.
///
/// # Safety
/// `LANES` elements can be written at each.
#[inline(always)]
unsafe fn transform<V: Vector, const OUT: usize>(stage: &[V; 36], to: *mut V::Elem, step: usize) {
    let n = side(OUT);
    let zero = V::splat(V::Elem::ZERO);
    let mut half = [[zero; 6]; 6];
    for j in 0..n {
        let column = std::array::from_fn(|i| if i < n { stage[i * n + j] } else { zero });
        let column = input::<V, OUT>(column);
        for i in 0..n {
            half[i][j] = column[i];
        }
    }
    for (i, row) in half.iter().enumerate().take(n) {
        for (j, v) in input::<V, OUT>(*row).into_iter().enumerate().take(n) {
            // SAFETY: by the caller's word.
            unsafe { v.store(to.add((i * n + j) * step)) };
        }
    }
}

/// Multiplies a panel of transformed input with some panels of weights and transforms back.
struct Multiply<'a, T, const OUT: usize> {
    weight: &'a Winograd<T>,
    plan: &'a Plan<'a, T>,
    panel: usize,
    /// First panel of output channels and their number.
    rows: (usize, usize),
    from: Shared<T>,
    step: usize,
    finish: &'a Finish<'a, T>,
}

impl<T: Element, const OUT: usize> Kernel<T> for Multiply<'_, T, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let positions = side(OUT) * side(OUT);
        let step = GROUP * MR * NR + SKEW;
        let mut sums = Scratch::<T>::new(positions * step);
        let sums = sums.as_mut_ptr();
        for group in (0..self.rows.1).step_by(GROUP) {
            let panels = GROUP.min(self.rows.1 - group);
            for position in 0..positions {
                for i in 0..panels {
                    let a = self.weight.panel(position, self.rows.0 + group + i).as_ptr();
                    // SAFETY: operands have `channels` steps; `sums` has a place for each position and panel.
                    unsafe {
                        let b = self.from.get().add(position * self.step).cast_const();
                        let c = sums.add(position * step + i * MR * NR);
                        let (a, b) = (Operand { data: a, step: MR }, Operand { data: b, step: NR });
                        tile::<V>(self.weight.channels, a, b, c, NR, false);
                    }
                }
            }
            let first = (self.rows.0 + group) * MR;
            for row in 0..(panels * MR).min(self.weight.rows - first) {
                // SAFETY: this row's sums of every position.
                unsafe { self.back::<V>(first + row, sums.add(row * NR).cast_const(), step) };
            }
        }
    }
}

impl<T: Element, const OUT: usize> Multiply<'_, T, OUT> {
    /// Transforms a channel's panel of tiles to outputs.
    ///
    /// # Safety
    /// `sums` has `NR` elements at each position, `step` apart.
    #[inline(always)]
    unsafe fn back<V: Vector<Elem = T>>(&self, channel: usize, sums: *const T, step: usize) {
        let (n, zero) = (side(OUT), V::splat(T::ZERO));
        for lane in (0..NR).step_by(V::LANES) {
            let (runs, count) = self.plan.runs(self.panel * NR + lane, V::LANES);
            if count == 0 {
                break;
            }
            let mut half = [[zero; 6]; 4];
            for j in 0..n {
                // SAFETY: by the caller's word.
                let column = std::array::from_fn(|i| {
                    if i < n { unsafe { V::load(sums.add((i * n + j) * step + lane)) } } else { zero }
                });
                let column = output::<V, OUT>(column);
                for i in 0..OUT {
                    half[i][j] = column[i];
                }
            }
            let mut stage = [zero; 16];
            for (i, row) in half.iter().enumerate().take(OUT) {
                let y = output::<V, OUT>(*row);
                let line = &mut stage[i * OUT..][..OUT];
                if OUT == 2 {
                    (line[0], line[1]) = V::interleave(y[0], y[1]);
                } else {
                    let ((a0, a1), (b0, b1)) = (V::interleave(y[0], y[2]), V::interleave(y[1], y[3]));
                    (line[0], line[1]) = V::interleave(a0, b0);
                    (line[2], line[3]) = V::interleave(a1, b1);
                }
            }
            let stage = stage.as_ptr().cast::<T>();
            for run in &runs[..count] {
                for i in 0..OUT.min(self.plan.grid.0 - run.y) {
                    let len = (run.len * OUT).min(self.plan.grid.1 - run.x);
                    let q = (run.y + i) * self.plan.grid.1 + run.x;
                    // SAFETY: the line holds OUT * LANES outputs, the run's from its lane on.
                    unsafe {
                        let from = stage.add((i * V::LANES + run.lane) * OUT);
                        self.finish.row::<V>(run.image, channel, q, from, len);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
            Winograd::new(out, kernels, Lifetime::Call).forward(&x, (n, h, w), g.padding, grid, &finish);
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
    fn equals_the_definition() {
        let shapes = [
            (1, 1, 1, 1, 1, 1),
            (3, 9, 2, 5, 7, 1),
            (5, 40, 1, 16, 64, 0),
            (4, 8, 3, 8, 4, 1),
            (30, 20, 2, 33, 70, 2),
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
