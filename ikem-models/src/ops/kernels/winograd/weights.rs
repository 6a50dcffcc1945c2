//! The weights' side of Winograd's filtering.

use super::super::lhs::{Matrix, PackedLhs};
use super::super::scratch::{Scratch, Shared};
use super::super::simd::{Element, Kernel, MR, Vector};
use super::transform::{side, weights};

/// Where 3 × 3 kernels come from, in panels of [`MR`] output channels.
pub(in super::super) enum Kernels<'a, T> {
    /// Packed for the product.
    Packed(&'a PackedLhs<T>),
    /// A matrix of output channels by (input channel, tap).
    Matrix(Matrix<'a, T>),
    /// The same with the taps in the opposite order.
    Flipped(Matrix<'a, T>),
}

impl<T: Element> Kernels<'_, T> {
    /// Rows and input channels.
    pub fn shape(&self) -> (usize, usize) {
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

/// Transforms a panel of output channels, each position to `to + position * step`.
pub(super) struct TransformWeights<'a, T, const OUT: usize> {
    pub kernels: &'a Kernels<'a, T>,
    pub panel: usize,
    pub to: Shared<T>,
    pub step: usize,
    pub channels: usize,
}

/// Channels that are transformed together, so that whole cache lines go to each position.
const CHANNELS: usize = 16;

impl<T: Element, const OUT: usize> Kernel<T> for TransformWeights<'_, T, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let positions = side(OUT) * side(OUT);
        let mut taps = Scratch::<T>::new((self.channels + 1) * 9 * MR);
        let mut factors = Scratch::<T>::new(positions * CHANNELS * MR);
        let (taps, factors) = (taps.as_mut_ptr(), factors.as_mut_ptr());
        // SAFETY: `taps` holds [channel][tap][MR] once the panel is written, `factors` [position][CHANNELS][MR];
        // every position has room for [channel][MR].
        unsafe {
            self.kernels.panel::<V>(self.panel, taps);
            for first in (0..self.channels).step_by(CHANNELS) {
                let count = CHANNELS.min(self.channels - first);
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

impl<T: Element, const OUT: usize> TransformWeights<'_, T, OUT> {
    /// Transforms `count` channels' kernels, `[channel][tap][MR]`, to `[position][CHANNELS][MR]`.
    ///
    /// # Safety
    /// `count` channels can be read, `CHANNELS` written.
    #[inline(always)]
    unsafe fn transform<V: Vector<Elem = T>>(&self, taps: *const T, count: usize, to: *mut T) {
        let flip = if matches!(self.kernels, Kernels::Flipped(_)) { 8 } else { 0 };
        for at in (0..count * MR).step_by(V::LANES) {
            let mut kernel = [V::splat(T::ZERO); 9];
            for (t, v) in kernel.iter_mut().enumerate() {
                // SAFETY: by the caller's word.
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
