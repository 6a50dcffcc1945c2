//! The right operand of a convolution as a matrix product: im2col, packed panel by panel into cache.
//!
//! A convolution of `[n, C, h, w]` with filters `[O, C, kh, kw]` is the product of the filters as a matrix `[O,
//! C·kh·kw]` with the *im2col* matrix `[C·kh·kw, n·oh·ow]`, whose column p holds the input values under the filter when
//! it produces output pixel p (Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for
//! Document Processing", 2006). The matrix repeats most of the input `kh·kw` times, so it is never stored as a whole:
//! [`Im2Col::pack`] writes the rows and columns that one step of the blocked product reads, as *implicit* im2col in
//! cuDNN (Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014) and in rten.
//!
//! Row `c·kh·kw + t` of the matrix belongs to input channel c and filter tap t; column `(i·oh + y)·ow + x` to the
//! output pixel (y, x) of image i. Packed panels have [`NR`] columns: `[panel][row][NR]`, zeros behind the last column,
//! as the microkernel reads them. A row of a panel is filled run by run, a *run* being output pixels of one image row:
//! of the input they read a contiguous range (stride 1), every second element (stride 2) or single elements.

use super::microkernel::NR;
use crate::scratch::Shared;
use crate::segment::Segment;
use crate::simd::{Element, Kernel, Vector, prefetch};

/// The im2col matrix of a batch: a row for each (channel, filter tap), a column for each output pixel.
pub(crate) struct Im2Col<'a, T> {
    segments: &'a [Segment<'a, T>],
    taps: &'a [FilterTap],
    n: usize,
    /// Height and width of the input.
    input: (usize, usize),
    /// Height and width of the output.
    grid: (usize, usize),
    stride: usize,
    channels: usize,
}

/// One element of the filter: at output position (y, x) it reads the input at `(stride·y + dy, stride·x + dx)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterTap {
    dy: isize,
    dx: isize,
    /// The output rows and columns (first, end) at which that lies inside the input; elsewhere it reads zero padding.
    rows: (usize, usize),
    columns: (usize, usize),
}

impl FilterTap {
    /// The tap at `offset` of a filter that goes over `input` in steps of `stride` to produce `grid`.
    pub(crate) fn new(
        offset: (isize, isize),
        input: (usize, usize),
        grid: (usize, usize),
        stride: usize,
    ) -> Self {
        let inside = |d: isize, n: usize, grid: usize| {
            let step = stride as isize;
            let lo = (-d + step - 1).div_euclid(step).clamp(0, grid as isize);
            let hi = ((n as isize - d + step - 1).div_euclid(step)).clamp(lo, grid as isize);
            (lo as usize, hi as usize)
        };
        Self {
            dy: offset.0,
            dx: offset.1,
            rows: inside(offset.0, input.0, grid.0),
            columns: inside(offset.1, input.1, grid.1),
        }
    }
}

/// Output pixels of one image row that lie in one panel.
struct Run {
    /// The panel, and the column of it where the run begins.
    panel: usize,
    lane: usize,
    len: usize,
    image: usize,
    y: usize,
    x: usize,
}

impl<'a, T: Element> Im2Col<'a, T> {
    /// The matrix of the concatenated `segments`; `taps` must have been made for the same shapes, and there is at least
    /// one.
    pub(crate) fn new(
        segments: &'a [Segment<'a, T>],
        taps: &'a [FilterTap],
        n: usize,
        input: (usize, usize),
        grid: (usize, usize),
        stride: usize,
    ) -> Self {
        let channels = segments.iter().map(|s| s.channels).sum();
        Self { segments, taps, n, input, grid, stride, channels }
    }

    /// Rows of the matrix.
    pub(crate) fn depth(&self) -> usize {
        self.channels * self.taps.len()
    }

    /// Columns of the matrix.
    pub(crate) fn pixels(&self) -> usize {
        self.n * self.grid.0 * self.grid.1
    }

    /// The runs of the columns of `panels` panels, from `first` on.
    fn runs(&self, first: usize, panels: usize) -> Vec<Run> {
        let (plane, width) = (self.grid.0 * self.grid.1, self.grid.1);
        let end = (first + panels * NR).min(self.pixels());
        let mut runs = Vec::new();
        let mut p = first;
        while p < end {
            let (image, q) = (p / plane, p % plane);
            let (y, x) = (q / width, q % width);
            let lane = (p - first) % NR;
            let len = (width - x).min(NR - lane).min(end - p);
            runs.push(Run { panel: (p - first) / NR, lane, len, image, y, x });
            p += len;
        }
        runs
    }

    /// Packs rows `k0..k0 + depth` of `panels` panels of columns, beginning with column `first`, to `[panel][row][NR]`.
    /// Columns beyond the last pixel are zeros.
    ///
    /// # Safety
    /// `panels * depth * NR` elements can be written at `to`.
    #[inline(always)]
    pub(crate) unsafe fn pack<V: Vector<Elem = T>>(
        &self,
        k0: usize,
        depth: usize,
        first: usize,
        panels: usize,
        to: *mut T,
    ) {
        let runs = self.runs(first, panels);
        let missing = (first + panels * NR).saturating_sub(self.pixels());
        let (mut segment, mut channel) = (0, k0 / self.taps.len());
        while channel >= self.segments[segment].channels {
            channel -= self.segments[segment].channels;
            segment += 1;
        }
        let mut tap = k0 % self.taps.len();
        for k in 0..depth {
            let source = &self.segments[segment];
            for run in &runs {
                // SAFETY: the run's lanes lie in row k of its panel.
                unsafe {
                    let to = to.add((run.panel * depth + k) * NR + run.lane);
                    self.pack_run::<V>(source, channel, &self.taps[tap], run, to, tap == 0);
                }
            }
            for lane in NR - missing.min(NR)..NR {
                // SAFETY: the lanes beyond the last pixel, in row k of the last panel.
                unsafe { *to.add(((panels - 1) * depth + k) * NR + lane) = T::ZERO };
            }
            tap += 1;
            if tap == self.taps.len() {
                tap = 0;
                channel += 1;
                if channel == source.channels {
                    channel = 0;
                    segment += 1;
                }
            }
        }
    }

    /// # Safety
    /// `run.len` elements can be written at `to`.
    #[inline(always)]
    unsafe fn pack_run<V: Vector<Elem = T>>(
        &self,
        source: &Segment<'_, T>,
        channel: usize,
        tap: &FilterTap,
        run: &Run,
        to: *mut T,
        next: bool,
    ) {
        let (h, w) = self.input;
        let map = run.image * source.channels + channel;
        let inside = run.y >= tap.rows.0 && run.y < tap.rows.1;
        let (lo, hi) = if inside {
            let lane = |x: usize| x.saturating_sub(run.x).min(run.len);
            (lane(tap.columns.0), lane(tap.columns.1))
        } else {
            (0, 0)
        };
        let y = (run.y * self.stride) as isize + tap.dy;
        let x = (run.x * self.stride) as isize + tap.dx;
        let at = (map * h * w) as isize + y * w as isize + x;
        // Only lanes lo..hi are read; `FilterTap::new` found that they lie inside the plane.
        let from = source.data.as_ptr().wrapping_offset(at);
        if next {
            prefetch(from.wrapping_add(h * w), (run.len * self.stride).min(w));
        }
        // SAFETY: see above for reading; the caller vouches for writing.
        unsafe {
            match self.stride {
                1 => copy::<V>(from, lo, hi, to, run.len),
                2 => copy_even::<V>(from, lo, hi, to, run.len),
                step => {
                    for i in 0..run.len {
                        let inside = i >= lo && i < hi;
                        *to.add(i) = if inside { *from.wrapping_add(i * step) } else { T::ZERO };
                    }
                }
            }
        }
    }
}

/// `to[i] = from[i]` for i in lo..hi, else 0, for i < len.
///
/// # Safety
/// Those elements of `from` can be read, `len` of `to` written.
#[inline(always)]
unsafe fn copy<V: Vector>(from: *const V::Elem, lo: usize, hi: usize, to: *mut V::Elem, len: usize) {
    if lo == 0 && hi == NR && len == NR {
        for i in (0..NR).step_by(V::LANES) {
            // SAFETY: a whole panel's row, all of which can be read.
            unsafe { V::load(from.add(i)).store(to.add(i)) };
        }
        return;
    }
    for i in (0..len).step_by(V::LANES) {
        // SAFETY: ranges are cut to what the caller vouches for.
        unsafe {
            let v = V::load_range(from.wrapping_add(i), lo.saturating_sub(i), hi.saturating_sub(i));
            v.store_first(to.add(i), len - i);
        }
    }
}

/// `to[i] = from[2 i]` for i in lo..hi, else 0, for i < len.
///
/// # Safety
/// Those elements of `from` and the ones between them can be read, `len` of `to` written.
#[inline(always)]
unsafe fn copy_even<V: Vector>(from: *const V::Elem, lo: usize, hi: usize, to: *mut V::Elem, len: usize) {
    if lo == 0 && hi == NR && len == NR {
        for i in (0..NR).step_by(V::LANES) {
            // SAFETY: a whole panel's row; of the last pair the second element is not read, as it may not exist.
            unsafe {
                let (a, b) = (from.add(2 * i), from.add(2 * i + V::LANES));
                let (even, _) = V::deinterleave(V::load(a), V::load_range(b, 0, V::LANES - 1));
                even.store(to.add(i));
            }
        }
        return;
    }
    let (first, end) = (2 * lo, (2 * hi).saturating_sub(1).max(2 * lo));
    for i in (0..len).step_by(V::LANES) {
        let j = 2 * i + V::LANES;
        // SAFETY: ranges are cut to what the caller vouches for.
        unsafe {
            let a = V::load_range(
                from.wrapping_add(2 * i),
                first.saturating_sub(2 * i),
                end.saturating_sub(2 * i),
            );
            let b = V::load_range(from.wrapping_add(j), first.saturating_sub(j), end.saturating_sub(j));
            let (even, _) = V::deinterleave(a, b);
            even.store_first(to.add(i), len - i);
        }
    }
}

/// [`Im2Col::pack`] as a kernel of its own.
pub(crate) struct PackIm2Col<'a, T> {
    pub matrix: &'a Im2Col<'a, T>,
    /// First row and number of rows.
    pub block: (usize, usize),
    /// First column.
    pub first: usize,
    pub panels: usize,
    pub to: Shared<T>,
}

impl<T: Element> Kernel<T> for PackIm2Col<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let (k0, depth) = self.block;
        // SAFETY: `to` has room for these panels, by the word of the code that made this.
        unsafe { self.matrix.pack::<V>(k0, depth, self.first, self.panels, self.to.get()) }
    }
}
