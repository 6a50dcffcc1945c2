//! Transpositions between planes (one channel after the other) and pixels (all channels of a pixel side by side).

use super::microkernel::MR;
use crate::simd::{Element, Kernel, Vector, prefetch};

/// Transposes `LANES` rows of `LANES` elements held in vectors.
#[inline(always)]
fn transpose<V: Vector>(rows: &mut [V; 16]) {
    let half = V::LANES / 2;
    let mut stage = 1;
    while stage < V::LANES {
        let from = *rows;
        for i in 0..half {
            (rows[2 * i], rows[2 * i + 1]) = V::interleave(from[i], from[i + half]);
        }
        stage *= 2;
    }
}

/// A row of an image, padded, channels last: `to[(x + padding) * channels + c] = x[c, y, x]`, zeros outside.
pub(crate) struct ChannelsLast<'a, T> {
    /// `[channels, h, w]`.
    pub x: &'a [T],
    pub size: (usize, usize),
    pub y: isize,
    pub padding: usize,
    /// Pixels to write.
    pub width: usize,
    /// Room for `width * channels` elements.
    pub to: *mut T,
}

impl<T: Element> Kernel<T> for ChannelsLast<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let (h, w) = self.size;
        let channels = self.x.len() / (h * w).max(1);
        let zero = |from: usize, to: usize| {
            // SAFETY: pixels from..to of the row; all bits zero are 0.
            unsafe { self.to.add(from * channels).write_bytes(0, (to - from) * channels) }
        };
        if self.y < 0 || self.y >= h as isize {
            return zero(0, self.width);
        }
        let (start, end) = (self.padding.min(self.width), (self.padding + w).min(self.width));
        zero(0, start);
        zero(end, self.width);
        let row = self.y as usize * w;
        for c in (0..channels).step_by(V::LANES) {
            let lanes = V::LANES.min(channels - c);
            for x in (0..end - start).step_by(V::LANES) {
                let count = V::LANES.min(end - start - x);
                let mut block = [V::splat(T::ZERO); 16];
                // SAFETY: `lanes` channels and `count` pixels are read inside the row and written where they go.
                unsafe {
                    for (i, v) in block.iter_mut().enumerate().take(lanes) {
                        let from = self.x.as_ptr().add((c + i) * h * w + row + x);
                        // Planes are too far apart for the hardware prefetcher to find the next row.
                        prefetch(from.wrapping_add(w), count);
                        *v = V::load_range(from, 0, count);
                    }
                    transpose(&mut block);
                    for (i, v) in block.iter().enumerate().take(count) {
                        v.store_first(self.to.add((start + x + i) * channels + c), lanes);
                    }
                }
            }
        }
    }
}

/// Up to [`MR`] planes interleaved to a panel: `to[p * MR + c] = x[c * step + p]`, zeros for missing channels.
pub(crate) struct ChannelPanels<'a, T> {
    pub x: &'a [T],
    pub step: usize,
    pub channels: usize,
    pub len: usize,
    /// Room for `len * MR` elements.
    pub to: *mut T,
}

impl<T: Element> Kernel<T> for ChannelPanels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        // SAFETY: `x` has these rows, `to` the room.
        unsafe { interleave_rows::<V>(self.x.as_ptr(), self.step, self.channels, self.len, self.to) }
    }
}

/// Interleaves `count` ≤ [`MR`] rows, `step` apart, of `len` elements: `to[k * MR + i] = x[i * step + k]`, zeros for
/// missing rows.
///
/// # Safety
/// The rows can be read, `len * MR` elements written at `to`.
#[inline(always)]
pub(crate) unsafe fn interleave_rows<V: Vector>(
    x: *const V::Elem,
    step: usize,
    count: usize,
    len: usize,
    to: *mut V::Elem,
) {
    for p in (0..len).step_by(V::LANES) {
        let lanes = V::LANES.min(len - p);
        let mut rows = [V::splat(V::Elem::ZERO); MR];
        for (c, row) in rows.iter_mut().enumerate().take(count) {
            // SAFETY: `lanes` elements of a row.
            *row = unsafe { V::load_range(x.add(c * step + p), 0, lanes) };
        }
        // Three perfect shuffles of the eight rows interleave them.
        for _ in 0..MR.ilog2() {
            let from = rows;
            for i in 0..MR / 2 {
                (rows[2 * i], rows[2 * i + 1]) = V::interleave(from[i], from[i + MR / 2]);
            }
        }
        let total = lanes * MR;
        for (i, v) in rows.iter().enumerate() {
            let at = i * V::LANES;
            if at < total {
                // SAFETY: the first `total` interleaved elements, `p * MR` from the start.
                unsafe { v.store_first(to.add(p * MR + at), total - at) };
            }
        }
    }
}
