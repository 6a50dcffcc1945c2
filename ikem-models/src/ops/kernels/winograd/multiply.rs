//! The products of Winograd's filtering, and the way back.

use super::super::conv_forward::Finish;
use super::super::scratch::{Scratch, Shared};
use super::super::simd::{Element, Kernel, MR, NR, Operand, Vector, tile};
use super::tiles::Plan;
use super::transform::{output, side};
use super::weights::{Kernels, TransformWeights, Transformed};
use super::{GROUP, SKEW};

/// Elements of a group's factors that are transformed for one multiplication, so that they stay in L2 until then.
const BLOCK: usize = 1 << 16;

/// Where the factors come from.
#[derive(Clone, Copy)]
pub(super) enum Weights<'a, T, const OUT: usize> {
    /// Transformed once for all panels of tiles.
    Transformed(&'a Transformed<T, OUT>),
    /// Transformed on the way, some channels at a time.
    Kernels(&'a Kernels<'a, T>),
}

/// Multiplies a panel of transformed input with some panels of weights and transforms back.
pub(super) struct Multiply<'a, T, const OUT: usize> {
    pub weights: Weights<'a, T, OUT>,
    /// Output and input channels.
    pub shape: (usize, usize),
    pub plan: &'a Plan<'a, T>,
    pub panel: usize,
    /// First panel of output channels, where a group begins, and their number.
    pub rows: (usize, usize),
    pub from: Shared<T>,
    pub step: usize,
    pub finish: &'a Finish<'a, T>,
}

impl<T: Element, const OUT: usize> Kernel<T> for Multiply<'_, T, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let positions = side(OUT) * side(OUT);
        let step = GROUP * MR * NR + SKEW;
        let mut sums = Scratch::<T>::new(positions * step);
        let sums = sums.as_mut_ptr();
        let block = match self.weights {
            Weights::Transformed(_) => self.shape.1,
            Weights::Kernels(_) => (BLOCK / (positions * GROUP * MR)).min(self.shape.1),
        };
        let own = match self.weights {
            Weights::Transformed(_) => 0,
            Weights::Kernels(_) => positions * (GROUP * block * MR + SKEW),
        };
        let mut own = Scratch::<T>::new(own);
        let own = Shared::new(own.as_mut_ptr());
        for group in (self.rows.0..self.rows.0 + self.rows.1).step_by(GROUP) {
            let panels = GROUP.min(self.rows.0 + self.rows.1 - group);
            for first in (0..self.shape.1).step_by(block) {
                let channels = block.min(self.shape.1 - first);
                // SAFETY: `own` has room for a block of a group; `sums` has a place for each position and panel.
                unsafe {
                    let factors = self.factors::<V>((group, panels), (first, channels), &own);
                    self.multiply::<V>(factors, panels, (first, channels), sums, step);
                }
            }
            let first = group * MR;
            for row in 0..(panels * MR).min(self.shape.0 - first) {
                // SAFETY: this row's sums of every position.
                unsafe { self.back::<V>(first + row, sums.add(row * NR).cast_const(), step) };
            }
        }
    }
}

impl<T: Element, const OUT: usize> Multiply<'_, T, OUT> {
    /// The factors of some panels and channels, `[position][panel][channel][MR]`, and the elements from one position to
    /// the next.
    ///
    /// # Safety
    /// `own` has room for them unless all are transformed already.
    #[inline(always)]
    unsafe fn factors<V: Vector<Elem = T>>(
        &self,
        (group, panels): (usize, usize),
        channels: (usize, usize),
        own: &Shared<T>,
    ) -> (*const T, usize) {
        let kernels = match self.weights {
            Weights::Transformed(all) => return all.group(group),
            Weights::Kernels(kernels) => kernels,
        };
        let step = panels * channels.1 * MR + SKEW;
        for i in 0..panels {
            let to = Shared::new(own.get().wrapping_add(i * channels.1 * MR));
            TransformWeights::<T, OUT> { kernels, panel: group + i, channels, to, step }.run::<V>();
        }
        (own.get().cast_const(), step)
    }

    /// Adds the products of some channels to the sums; the first channels begin them.
    ///
    /// # Safety
    /// The factors are those of `panels` panels; `sums` has room for the panels at each position, `step` apart.
    #[inline(always)]
    unsafe fn multiply<V: Vector<Elem = T>>(
        &self,
        (factors, factor_step): (*const T, usize),
        panels: usize,
        (first, channels): (usize, usize),
        sums: *mut T,
        step: usize,
    ) {
        for position in 0..side(OUT) * side(OUT) {
            for i in 0..panels {
                // SAFETY: operands have `channels` steps; by the caller's word.
                unsafe {
                    let a = factors.add(position * factor_step + i * channels * MR);
                    let b = self.from.get().add(position * self.step + first * NR).cast_const();
                    let c = sums.add(position * step + i * MR * NR);
                    let (a, b) = (Operand { data: a, step: MR }, Operand { data: b, step: NR });
                    tile::<V>(channels, a, b, c, NR, first > 0);
                }
            }
        }
    }

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
            // Positions as [column][row], so that the first pass leaves rows.
            let mut half = [[zero; 4]; 6];
            for (j, half) in half.iter_mut().enumerate().take(n) {
                let mut column = [zero; 6];
                for (i, v) in column.iter_mut().enumerate().take(n) {
                    // SAFETY: by the caller's word.
                    *v = unsafe { V::load(sums.add((i * n + j) * step + lane)) };
                }
                *half = output::<V, OUT>(column);
            }
            let mut stage = [zero; 16];
            for i in 0..OUT {
                let mut row = [zero; 6];
                for (v, half) in row.iter_mut().zip(&half) {
                    *v = half[i];
                }
                let y = output::<V, OUT>(row);
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
