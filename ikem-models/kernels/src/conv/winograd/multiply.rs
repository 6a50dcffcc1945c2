//! The products of Winograd's filtering, position by position, and the transform back to outputs.

use super::filters::{Filters, TransformFilters, TransformedFilters};
use super::input::Tiling;
use super::layout::{GROUP, SKEW};
use super::transform::{output, side};
use crate::conv::epilogue::EpilogueSink;
use crate::gemm::{MR, MicroPanel, NR, microkernel};
use crate::scratch::{Scratch, Shared};
use crate::simd::{Element, Kernel, Vector};

/// Elements of a group's filters that are transformed for one multiplication, so that they stay in L2 until then.
const BLOCK: usize = 1 << 16;

/// Where the transformed filters come from.
#[derive(Clone, Copy)]
pub(super) enum FilterSource<'a, T, const OUT: usize> {
    /// They were transformed once for all panels of tiles.
    Transformed(&'a TransformedFilters<T, OUT>),
    /// They are transformed on the way, some channels at a time.
    Untransformed(&'a Filters<'a, T>),
}

/// Multiplies a panel of transformed input with some panels of filters and transforms back.
pub(crate) struct Multiply<'a, T, const OUT: usize> {
    pub filters: FilterSource<'a, T, OUT>,
    /// Output and input channels.
    pub shape: (usize, usize),
    pub tiling: &'a Tiling<'a, T>,
    pub panel: usize,
    /// First panel of output channels, where a group begins, and their number.
    pub rows: (usize, usize),
    pub from: Shared<T>,
    pub step: usize,
    pub sink: &'a EpilogueSink<'a, T>,
}

impl<T: Element, const OUT: usize> Kernel<T> for Multiply<'_, T, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let positions = side(OUT) * side(OUT);
        let step = GROUP * MR * NR + SKEW;
        let mut sums = Scratch::<T>::new(positions * step);
        let sums = sums.as_mut_ptr();
        let block = match self.filters {
            FilterSource::Transformed(_) => self.shape.1,
            FilterSource::Untransformed(_) => (BLOCK / (positions * GROUP * MR)).min(self.shape.1),
        };
        let own = match self.filters {
            FilterSource::Transformed(_) => 0,
            FilterSource::Untransformed(_) => positions * (GROUP * block * MR + SKEW),
        };
        let mut own = Scratch::<T>::new(own);
        let own = Shared::new(own.as_mut_ptr());
        for group in (self.rows.0..self.rows.0 + self.rows.1).step_by(GROUP) {
            let panels = GROUP.min(self.rows.0 + self.rows.1 - group);
            for first in (0..self.shape.1).step_by(block) {
                let channels = block.min(self.shape.1 - first);
                // SAFETY: `own` has room for a block of a group; `sums` has a place for each position and panel.
                unsafe {
                    let filters = self.transformed::<V>((group, panels), (first, channels), &own);
                    self.multiply::<V>(filters, panels, (first, channels), sums, step);
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
    /// The transformed filters of some panels and channels, `[position][panel][channel][MR]`, and the elements from one
    /// position to the next.
    ///
    /// # Safety
    /// `own` has room for them unless all are transformed already.
    #[inline(always)]
    unsafe fn transformed<V: Vector<Elem = T>>(
        &self,
        (group, panels): (usize, usize),
        channels: (usize, usize),
        own: &Shared<T>,
    ) -> (*const T, usize) {
        let filters = match self.filters {
            FilterSource::Transformed(all) => return all.group(group),
            FilterSource::Untransformed(filters) => filters,
        };
        let step = panels * channels.1 * MR + SKEW;
        for i in 0..panels {
            let to = Shared::new(own.get().wrapping_add(i * channels.1 * MR));
            TransformFilters::<T, OUT> { filters, panel: group + i, channels, to, step }.run::<V>();
        }
        (own.get().cast_const(), step)
    }

    /// Adds the products of some channels to the sums, which begin with the first channels.
    ///
    /// # Safety
    /// The filters are those of `panels` panels; `sums` has room for the panels at each position, `step` apart.
    #[inline(always)]
    unsafe fn multiply<V: Vector<Elem = T>>(
        &self,
        (filters, filter_step): (*const T, usize),
        panels: usize,
        (first, channels): (usize, usize),
        sums: *mut T,
        step: usize,
    ) {
        for position in 0..side(OUT) * side(OUT) {
            for i in 0..panels {
                // SAFETY: operands have `channels` steps; as the caller guarantees.
                unsafe {
                    let a = filters.add(position * filter_step + i * channels * MR);
                    let b = self.from.get().add(position * self.step + first * NR).cast_const();
                    let c = sums.add(position * step + i * MR * NR);
                    let (a, b) = (MicroPanel { data: a, step: MR }, MicroPanel { data: b, step: NR });
                    microkernel::<V>(channels, a, b, c, NR, first > 0);
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
            let (runs, count) = self.tiling.runs(self.panel * NR + lane, V::LANES);
            if count == 0 {
                break;
            }
            // Positions as [column][row], so that the first pass leaves rows.
            let mut half = [[zero; 4]; 6];
            for (j, half) in half.iter_mut().enumerate().take(n) {
                let mut column = [zero; 6];
                for (i, v) in column.iter_mut().enumerate().take(n) {
                    // SAFETY: as the caller guarantees.
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
                for i in 0..OUT.min(self.tiling.grid.0 - run.y) {
                    let len = (run.len * OUT).min(self.tiling.grid.1 - run.x);
                    let q = (run.y + i) * self.tiling.grid.1 + run.x;
                    // SAFETY: the line holds OUT * LANES outputs, the run's from its lane on.
                    unsafe {
                        let from = stage.add((i * V::LANES + run.lane) * OUT);
                        self.sink.row::<V>(run.image, channel, q, from, len);
                    }
                }
            }
        }
    }
}
