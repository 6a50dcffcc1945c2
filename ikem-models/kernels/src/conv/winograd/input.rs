//! The input transform of Winograd's filtering: tiles are gathered and transformed, a vector of tiles at a time.

use super::transform::{input, side};
use crate::gemm::NR;
use crate::scratch::Shared;
use crate::segment::Segment;
use crate::simd::{Element, Kernel, Vector, prefetch};

/// A convolution and its output cut into tiles.
pub(crate) struct Tiling<'a, T> {
    pub x: &'a [Segment<'a, T>],
    pub n: usize,
    pub size: (usize, usize),
    pub padding: usize,
    pub grid: (usize, usize),
    pub tiles: (usize, usize),
    pub out: usize,
}

/// Neighbouring tiles of one row of tiles.
pub(crate) struct Run {
    pub lane: usize,
    pub len: usize,
    pub image: usize,
    /// The first output of the first tile.
    pub y: usize,
    pub x: usize,
}

impl<T> Tiling<'_, T> {
    /// The runs of `lanes` tiles from `first` on; fewer at the end of the batch.
    #[inline(always)]
    pub(super) fn runs(&self, first: usize, lanes: usize) -> ([Run; 16], usize) {
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
pub(crate) struct TransformInput<'a, T, const OUT: usize> {
    pub tiling: &'a Tiling<'a, T>,
    pub panel: usize,
    /// First channel and their number.
    pub channels: (usize, usize),
    pub to: Shared<T>,
    pub step: usize,
}

impl<T: Element, const OUT: usize> Kernel<T> for TransformInput<'_, T, OUT> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        for lane in (0..NR).step_by(V::LANES) {
            let (runs, count) = self.tiling.runs(self.panel * NR + lane, V::LANES);
            let runs = &runs[..count];
            let mut channel = 0;
            for segment in self.tiling.x {
                let first = self.channels.0.saturating_sub(channel).min(segment.channels);
                let end = (self.channels.0 + self.channels.1).saturating_sub(channel).min(segment.channels);
                for c in first..end {
                    // Lanes without a tile stay zero.
                    let mut stage = [V::splat(T::ZERO); 36];
                    // SAFETY: lanes `lane..` of the row of this channel; `gather` fills the stage by tiles.
                    unsafe {
                        gather::<V, OUT>(self.tiling, segment, c, runs, stage.as_mut_ptr().cast());
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
    tiling: &Tiling<'_, V::Elem>,
    segment: &Segment<'_, V::Elem>,
    channel: usize,
    runs: &[Run],
    stage: *mut V::Elem,
) {
    let (h, w) = tiling.size;
    for run in runs {
        let map = run.image * segment.channels + channel;
        let x = run.x as isize - tiling.padding as isize;
        let (lo, hi) = ((-x).max(0) as usize, (w as isize - x).max(0) as usize);
        for row in 0..side(OUT) {
            let y = (run.y + row) as isize - tiling.padding as isize;
            let (lo, hi) = if y >= 0 && y < h as isize { (lo, hi) } else { (0, 0) };
            let from = segment.data.as_ptr().wrapping_offset((map * h * w) as isize + y * w as isize + x);
            // Planes are too far apart for the hardware prefetcher to find the next channel.
            prefetch(from.wrapping_add(h * w), run.len * OUT);
            // SAFETY: only columns lo..hi of a row inside the plane are read; the lanes belong to the run.
            unsafe {
                let columns = columns::<V, OUT>(&Row { from, lo, hi });
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

/// Columns lo..hi of a row of inputs.
struct Row<T> {
    from: *const T,
    lo: usize,
    hi: usize,
}

impl<T: Element> Row<T> {
    /// Vector `i` of the row, zero outside.
    ///
    /// # Safety
    /// Columns lo..hi can be read.
    #[inline(always)]
    unsafe fn load<V: Vector<Elem = T>>(&self, i: usize) -> V {
        let at = i * V::LANES;
        let (lo, hi) = (self.lo.saturating_sub(at), self.hi.saturating_sub(at));
        // SAFETY: as the caller guarantees.
        unsafe { V::load_range(self.from.wrapping_add(at), lo, hi) }
    }
}

/// The `side(OUT)` columns of `LANES` tiles.
///
/// # Safety
/// Columns lo..hi of the row can be read.
#[inline(always)]
unsafe fn columns<V: Vector, const OUT: usize>(row: &Row<V::Elem>) -> [V; 6] {
    // SAFETY: as the caller guarantees.
    unsafe {
        if OUT == 2 {
            let next = row.load::<V>(2);
            let (even, odd) = V::deinterleave(row.load::<V>(0), row.load::<V>(1));
            return [even, odd, even.shift_in(next), odd.shift_in(next.shift_in(next)), even, even];
        }
        let next = row.load::<V>(4);
        let (e0, o0) = V::deinterleave(row.load::<V>(0), row.load::<V>(1));
        let (e1, o1) = V::deinterleave(row.load::<V>(2), row.load::<V>(3));
        let ((c0, c2), (c1, c3)) = (V::deinterleave(e0, e1), V::deinterleave(o0, o1));
        [c0, c1, c2, c3, c0.shift_in(next), c1.shift_in(next.shift_in(next))]
    }
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
        let mut column = [zero; 6];
        for (i, v) in column.iter_mut().enumerate().take(n) {
            *v = stage[i * n + j];
        }
        let column = input::<V, OUT>(column);
        for i in 0..n {
            half[i][j] = column[i];
        }
    }
    for (i, row) in half.iter().enumerate().take(n) {
        for (j, v) in input::<V, OUT>(*row).into_iter().enumerate().take(n) {
            // SAFETY: as the caller guarantees.
            unsafe { v.store(to.add((i * n + j) * step)) };
        }
    }
}
