//! The products of Winograd's filtering, and the way back.

use super::super::conv_forward::Finish;
use super::super::scratch::{Scratch, Shared};
use super::super::simd::{Element, Kernel, MR, NR, Operand, Vector, tile};
use super::tiles::Plan;
use super::transform::{output, side};
use super::{GROUP, SKEW, Winograd};

/// Multiplies a panel of transformed input with some panels of weights and transforms back.
pub(super) struct Multiply<'a, T, const OUT: usize> {
    pub weight: &'a Winograd<T>,
    pub plan: &'a Plan<'a, T>,
    pub panel: usize,
    /// First panel of output channels and their number.
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
