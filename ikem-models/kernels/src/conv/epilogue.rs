//! The last step of a convolution, fused with storing its sums: bias, residual, activation.

use std::mem::MaybeUninit;

use crate::activation::{Activation, LaneActivation};
use crate::gemm::{OutputTile, TileSink};
use crate::scratch::Shared;
use crate::simd::{Element, Vector};

/// The last step of a convolution: `activation(sum + bias + residual)`.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a, T> {
    /// Added before the activation: `[n, out_channels, oh, ow]`.
    pub residual: Option<&'a [T]>,
    /// The activation.
    pub activation: Activation,
}

impl<T> Epilogue<'_, T> {
    /// The sum and the bias alone.
    #[must_use]
    pub const fn none() -> Self {
        Self { residual: None, activation: Activation::Identity }
    }
}

/// Applies an epilogue to finished sums and stores them in `[n, channels, plane]`.
pub(crate) struct EpilogueSink<'a, T> {
    bias: Option<&'a [T]>,
    residual: Option<&'a [T]>,
    activation: Activation,
    channels: usize,
    plane: usize,
    out: Shared<T>,
}

impl<'a, T: Element> EpilogueSink<'a, T> {
    /// A sink into `out`. Sizes must have been checked.
    pub(super) fn new(
        channels: usize,
        plane: usize,
        bias: Option<&'a [T]>,
        epilogue: &Epilogue<'a, T>,
        out: &mut [MaybeUninit<T>],
    ) -> Self {
        let out = Shared::new(out.as_mut_ptr().cast());
        let Epilogue { residual, activation } = *epilogue;
        Self { bias, residual, activation, channels, plane, out }
    }

    /// Stores `len` sums of an image's channel from pixel `q` on.
    ///
    /// # Safety
    /// `from` has `len` elements; the pixels exist and no other thread writes them.
    #[inline(always)]
    pub(super) unsafe fn row<V: Vector<Elem = T>>(
        &self,
        image: usize,
        channel: usize,
        q: usize,
        from: *const T,
        len: usize,
    ) {
        let bias = self.bias.map_or(T::ZERO, |b| b[channel]);
        let at = (image * self.channels + channel) * self.plane + q;
        let residual = self.residual.map(|r| r[at..].as_ptr());
        // SAFETY: inside the output, as the caller guarantees.
        unsafe { finish::<V>(from, bias, residual, self.out.get().add(at), len, self.activation.in_lanes()) }
    }
}

/// `to = activation(from + bias + residual)`.
///
/// # Safety
/// `len` elements can be read from `from` and `residual` and written to `to`.
#[inline(always)]
unsafe fn finish<V: Vector>(
    from: *const V::Elem,
    bias: V::Elem,
    residual: Option<*const V::Elem>,
    to: *mut V::Elem,
    len: usize,
    activation: LaneActivation<V>,
) {
    let bias = V::splat(bias);
    for i in (0..len).step_by(V::LANES) {
        let rest = len - i;
        // SAFETY: whole vectors where they fit, else the first `rest` lanes.
        unsafe {
            if rest >= V::LANES {
                let mut v = V::load(from.add(i)).add(bias);
                if let Some(residual) = residual {
                    v = v.add(V::load(residual.add(i)));
                }
                activation.apply(v).store(to.add(i));
            } else {
                let mut v = V::load_range(from.add(i), 0, rest).add(bias);
                if let Some(residual) = residual {
                    v = v.add(V::load_range(residual.add(i), 0, rest));
                }
                activation.apply(v).store_first(to.add(i), rest);
            }
        }
    }
}

impl<T: Element> TileSink<T> for EpilogueSink<'_, T> {
    #[inline(always)]
    unsafe fn write<V: Vector<Elem = T>>(&self, tile: &OutputTile<T>) {
        for r in 0..tile.rows {
            let mut done = 0;
            while done < tile.pixels {
                let p = tile.first_pixel + done;
                let (image, q) = (p / self.plane, p % self.plane);
                let len = (self.plane - q).min(tile.pixels - done);
                // SAFETY: the row holds `pixels` sums; tiles do not overlap.
                unsafe {
                    let from = tile.data.add(r * tile.step + done);
                    self.row::<V>(image, tile.first_row + r, q, from, len);
                }
                done += len;
            }
        }
    }
}
