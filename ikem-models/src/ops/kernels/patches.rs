//! The vector operand of a convolution: the patches under the kernel ("im2col"), packed tile by tile into cache.

use super::geometry::Segment;
use super::scratch::Shared;
use super::simd::{Element, Kernel, NR, Vector, prefetch};

/// A matrix with a row for each (channel, tap) and a column for each output pixel of a batch, never stored whole.
pub(super) struct Patches<'a, T> {
    segments: &'a [Segment<'a, T>],
    taps: &'a [Tap],
    n: usize,
    input: (usize, usize),
    grid: (usize, usize),
    step: (usize, usize),
    channels: usize,
}

/// A tap of the kernel: where it reads, and the grid positions at which that lies inside the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tap {
    dy: isize,
    dx: isize,
    rows: (usize, usize),
    columns: (usize, usize),
}

impl Tap {
    /// A tap that reads at `step` × the grid position + offset.
    pub fn new(
        offset: (isize, isize),
        input: (usize, usize),
        grid: (usize, usize),
        step: (usize, usize),
    ) -> Self {
        let inside = |d: isize, n: usize, grid: usize, step: usize| {
            let step = step as isize;
            let lo = (-d + step - 1).div_euclid(step).clamp(0, grid as isize);
            let hi = ((n as isize - d + step - 1).div_euclid(step)).clamp(lo, grid as isize);
            (lo as usize, hi as usize)
        };
        Self {
            dy: offset.0,
            dx: offset.1,
            rows: inside(offset.0, input.0, grid.0, step.0),
            columns: inside(offset.1, input.1, grid.1, step.1),
        }
    }
}

/// Pixels of a tile that lie next to each other in a row of the grid.
struct Run {
    /// Where they go: panel and lane.
    panel: usize,
    lane: usize,
    len: usize,
    image: usize,
    y: usize,
    x: usize,
}

impl<'a, T: Element> Patches<'a, T> {
    /// `grid` is the output's height and width; `taps` must have been made for the same shapes.
    pub fn new(
        segments: &'a [Segment<'a, T>],
        taps: &'a [Tap],
        n: usize,
        input: (usize, usize),
        grid: (usize, usize),
        step: (usize, usize),
    ) -> Self {
        let channels = segments.iter().map(|s| s.channels).sum();
        Self { segments, taps, n, input, grid, step, channels }
    }

    /// Rows of the matrix.
    pub fn depth(&self) -> usize {
        self.channels * self.taps.len()
    }

    /// Columns of the matrix.
    pub fn pixels(&self) -> usize {
        self.n * self.grid.0 * self.grid.1
    }

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

    /// Packs rows `k0..k0 + depth` of the columns from `first` on as panels of [`NR`] columns, each row by row.
    /// Columns beyond the last pixel are zeros.
    ///
    /// # Safety
    /// `panels * depth * NR` elements can be written at `to`.
    #[inline(always)]
    pub unsafe fn pack<V: Vector<Elem = T>>(
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
        tap: &Tap,
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
        let scale = source.scale.map_or(T::ONE, |s| s[map]);
        let y = (run.y * self.step.0) as isize + tap.dy;
        let x = (run.x * self.step.1) as isize + tap.dx;
        let at = (map * h * w) as isize + y * w as isize + x;
        // Only lanes lo..hi are read, which `Tap::new` found to lie inside the plane.
        let from = source.data.as_ptr().wrapping_offset(at);
        if next {
            prefetch(from.wrapping_add(h * w), run.len * self.step.1);
        }
        // SAFETY: see above for reading; the caller vouches for writing.
        unsafe {
            match self.step.1 {
                1 => copy::<V>(from, lo, hi, scale, to, run.len),
                2 => copy_even::<V>(from, lo, hi, scale, to, run.len),
                step => {
                    for i in 0..run.len {
                        let inside = i >= lo && i < hi;
                        *to.add(i) = if inside { *from.wrapping_add(i * step) * scale } else { T::ZERO };
                    }
                }
            }
        }
    }
}

/// `to[i] = scale * from[i]` for i in lo..hi, else 0, for i < len.
///
/// # Safety
/// Those elements of `from` can be read, `len` of `to` written.
#[inline(always)]
unsafe fn copy<V: Vector>(
    from: *const V::Elem,
    lo: usize,
    hi: usize,
    scale: V::Elem,
    to: *mut V::Elem,
    len: usize,
) {
    let factor = V::splat(scale);
    if lo == 0 && hi == NR && len == NR {
        for i in (0..NR).step_by(V::LANES) {
            // SAFETY: a whole panel's row, all of which can be read.
            unsafe { V::load(from.add(i)).mul(factor).store(to.add(i)) };
        }
        return;
    }
    for i in (0..len).step_by(V::LANES) {
        // SAFETY: ranges are cut to what the caller vouches for.
        unsafe {
            let v = V::load_range(from.wrapping_add(i), lo.saturating_sub(i), hi.saturating_sub(i));
            v.mul(factor).store_first(to.add(i), len - i);
        }
    }
}

/// `to[i] = scale * from[2 i]` for i in lo..hi, else 0, for i < len.
///
/// # Safety
/// Those elements of `from` and the ones between them can be read, `len` of `to` written.
#[inline(always)]
unsafe fn copy_even<V: Vector>(
    from: *const V::Elem,
    lo: usize,
    hi: usize,
    scale: V::Elem,
    to: *mut V::Elem,
    len: usize,
) {
    let factor = V::splat(scale);
    if lo == 0 && hi == NR && len == NR {
        for i in (0..NR).step_by(V::LANES) {
            // SAFETY: a whole panel's row; of the last pair the second element is not read, as it may not exist.
            unsafe {
                let (a, b) = (from.add(2 * i), from.add(2 * i + V::LANES));
                let (even, _) = V::deinterleave(V::load(a), V::load_range(b, 0, V::LANES - 1));
                even.mul(factor).store(to.add(i));
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
            even.mul(factor).store_first(to.add(i), len - i);
        }
    }
}

/// Packs all columns of some panels over the whole depth, block by block.
pub(super) struct PackPanels<'a, T> {
    pub patches: &'a Patches<'a, T>,
    /// Start and length of the block of depth.
    pub block: (usize, usize),
    pub first: usize,
    pub panels: usize,
    pub to: Shared<T>,
}

impl<T: Element> Kernel<T> for PackPanels<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let (k0, depth) = self.block;
        // SAFETY: whoever made this gave room for these panels.
        unsafe { self.patches.pack::<V>(k0, depth, self.first, self.panels, self.to.get()) }
    }
}
