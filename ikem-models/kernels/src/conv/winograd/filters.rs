//! The filter transform of Winograd's filtering.

use rayon::prelude::*;

use super::layout::GROUP;
use super::transform::{side, weights};
use crate::gemm::{MR, Matrix, PackedA};
use crate::scratch::{Scratch, Shared};
use crate::simd::{Element, Kernel, Vector};

/// Untransformed 3 × 3 filters, in panels of [`MR`] output channels.
#[derive(Clone, Copy)]
pub(crate) enum Filters<'a, T> {
    /// Packed as the left operand of a product.
    Packed(&'a PackedA<T>),
    /// A matrix of output channels by (input channel, tap).
    Matrix(Matrix<'a, T>),
    /// The same, rotated by 180°: the taps in the opposite order.
    Rotated(Matrix<'a, T>),
}

impl<T: Element> Filters<'_, T> {
    /// Rows and input channels.
    pub(crate) fn shape(&self) -> (usize, usize) {
        match self {
            Self::Packed(packed) => (packed.rows, packed.depth / 9),
            Self::Matrix(m) | Self::Rotated(m) => (m.rows, m.depth / 9),
        }
    }

    /// Steps `k0..k0 + len` of a panel, zeros for missing rows.
    ///
    /// # Safety
    /// `len * MR` elements can be written at `to`.
    #[inline(always)]
    unsafe fn panel<V: Vector<Elem = T>>(&self, panel: usize, k0: usize, len: usize, to: *mut T) {
        match self {
            Self::Packed(packed) => {
                for (start, steps) in packed.blocks() {
                    let (first, end) = (k0.max(start), (k0 + len).min(start + steps));
                    if first < end {
                        let from =
                            &packed.panel(start, steps, panel)[(first - start) * MR..(end - start) * MR];
                        // SAFETY: the part of the asked steps that lies in this block.
                        unsafe {
                            to.add((first - k0) * MR).copy_from_nonoverlapping(from.as_ptr(), from.len())
                        };
                    }
                }
            }
            // SAFETY: as the caller guarantees.
            Self::Matrix(m) | Self::Rotated(m) => unsafe { m.panel::<V>(panel, k0, len, to) },
        }
    }
}

/// The filters of some panels of output channels, transformed for tiles of `OUT` outputs a side.
pub(crate) struct TransformedFilters<T, const OUT: usize> {
    /// First panel, where a group begins, and their number.
    panels: (usize, usize),
    channels: usize,
    /// `[group][position][panel][channel][MR]`.
    data: Scratch<T>,
}

impl<T: Element, const OUT: usize> TransformedFilters<T, OUT> {
    /// Transforms the filters of some panels: the first, where a group begins, and their number.
    pub(super) fn new(filters: &Filters<'_, T>, panels: (usize, usize)) -> Self {
        let (_, channels) = filters.shape();
        let mut data = Scratch::<T>::new(panels.1 * MR * side(OUT) * side(OUT) * channels);
        let to = Shared::new(data.as_mut_ptr());
        (0..panels.1).into_par_iter().with_max_len(1).for_each(|i| {
            let first = i / GROUP * GROUP;
            let step = GROUP.min(panels.1 - first) * channels * MR;
            let at = first * side(OUT) * side(OUT) + i % GROUP;
            // SAFETY: the panel's first position; groups lie one behind the other.
            let to = Shared::new(unsafe { to.get().add(at * channels * MR) });
            let (panel, channels) = (panels.0 + i, (0, channels));
            T::dispatch(TransformFilters::<T, OUT> { filters, panel, channels, to, step });
        });
        Self { panels, channels, data }
    }

    /// The transformed filters of the group that begins with the panel `first`, and the elements from one position to
    /// the next.
    pub(super) fn group(&self, first: usize) -> (*const T, usize) {
        let i = first - self.panels.0;
        debug_assert!(i.is_multiple_of(GROUP) && i < self.panels.1);
        let at = i * side(OUT) * side(OUT) * self.channels * MR;
        (self.data.as_ptr().wrapping_add(at), GROUP.min(self.panels.1 - i) * self.channels * MR)
    }
}

/// Transforms a panel of output channels, each position to `to + position * step`.
pub(crate) struct TransformFilters<'a, T, const OUT: usize> {
    pub filters: &'a Filters<'a, T>,
    pub panel: usize,
    /// First input channel and their number.
    pub channels: (usize, usize),
    pub to: Shared<T>,
    pub step: usize,
}

/// Channels that are transformed together, so that whole cache lines go to each position.
const CHANNELS: usize = 16;

impl<T: Element, const OUT: usize> Kernel<T> for TransformFilters<'_, T, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let positions = side(OUT) * side(OUT);
        let (start, channels) = self.channels;
        let mut taps = Scratch::<T>::new((channels + 1) * 9 * MR);
        let mut factors = Scratch::<T>::new(positions * CHANNELS * MR);
        let (taps, factors) = (taps.as_mut_ptr(), factors.as_mut_ptr());
        // SAFETY: `taps` holds [channel][tap][MR] once the panel is written, `factors` [position][CHANNELS][MR];
        // every position has room for [channel][MR].
        unsafe {
            self.filters.panel::<V>(self.panel, start * 9, channels * 9, taps);
            for first in (0..channels).step_by(CHANNELS) {
                let count = CHANNELS.min(channels - first);
                self.transform::<V>(taps.add(first * 9 * MR), count, factors);
                for position in 0..positions {
                    let from = factors.add(position * CHANNELS * MR);
                    let to = self.to.get().add(position * self.step + first * MR);
                    for at in (0..count * MR).step_by(V::LANES) {
                        V::load_range(from.add(at), 0, count * MR - at)
                            .store_first(to.add(at), count * MR - at);
                    }
                }
            }
        }
    }
}

impl<T: Element, const OUT: usize> TransformFilters<'_, T, OUT> {
    /// Transforms `count` channels' filters, `[channel][tap][MR]`, to `[position][CHANNELS][MR]`.
    ///
    /// # Safety
    /// `count` channels can be read, `CHANNELS` written.
    #[inline(always)]
    unsafe fn transform<V: Vector<Elem = T>>(&self, taps: *const T, count: usize, to: *mut T) {
        let flip = if matches!(self.filters, Filters::Rotated(_)) { 8 } else { 0 };
        for at in (0..count * MR).step_by(V::LANES) {
            let mut kernel = [V::splat(T::ZERO); 9];
            for (t, v) in kernel.iter_mut().enumerate() {
                // SAFETY: as the caller guarantees.
                *v = unsafe { tap::<V>(taps, count, t.abs_diff(flip), at) };
            }
            let factors = weights::<V, OUT>(kernel);
            for (position, v) in factors.iter().enumerate().take(side(OUT) * side(OUT)) {
                // SAFETY: whole vectors, as CHANNELS * MR is a multiple of any.
                unsafe { v.store(to.add(position * CHANNELS * MR + at)) };
            }
        }
    }
}

/// Lanes `at..` of `[channel][MR]`, which may span channels, of a tap in `[channel][tap][MR]`.
///
/// # Safety
/// `count` channels can be read.
#[inline(always)]
unsafe fn tap<V: Vector>(taps: *const V::Elem, count: usize, tap: usize, at: usize) -> V {
    let mut v = V::splat(V::Elem::ZERO);
    for lane in (0..V::LANES).step_by(MR.min(V::LANES)) {
        let (channel, row) = ((at + lane) / MR, (at + lane) % MR);
        if channel < count {
            let from = taps.wrapping_add((channel * 9 + tap) * MR + row);
            // SAFETY: up to MR rows of a tap, which is all that the range reads.
            v = v.add(unsafe { V::load_range(from.wrapping_sub(lane), lane, lane + MR) });
        }
    }
    v
}
