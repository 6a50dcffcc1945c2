//! The gradient of a convolution with respect to its weight: see [`super::conv_backward`].

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::conv_backward::channel_sums;
use super::geometry::{Geometry, KernelError, check};
use super::scratch::{Scratch, Shared};
use super::simd::{Element, Kernel, MR, NR, Operand, Vector, tile};
use super::transpose::{ChannelPanels, ChannelsLast};

/// Elements of a strip's transposed operands: 4 MiB of `f32`.
const STRIP: usize = 1 << 20;
/// Pixels of a block: its columns fill two thirds of a 48 KiB L1 cache.
const BLOCK: usize = 256;
/// Tiles of columns that a task takes at the most, so that the gradient's panels are read less often.
const TASK_TILES: usize = 3;
const TASKS: usize = 8;

/// The gradients of a convolution with respect to its weight and its bias (`[out_channels]`, if asked for).
///
/// # Errors
/// A slice whose size does not match, an input smaller than the kernel.
pub fn conv_backward_weight<T: Element>(
    x: &[T],
    dy: &[T],
    g: &Geometry,
    (n, h, w): (usize, usize, usize),
    dw: &mut [MaybeUninit<T>],
    db: Option<&mut [MaybeUninit<T>]>,
) -> Result<(), KernelError> {
    let (oh, ow) = g.checked_out_size(h, w)?;
    check("input", n * g.in_channels * h * w, x.len())?;
    check("gradient of the output", n * g.out_channels * oh * ow, dy.len())?;
    check("gradient of the weight", g.weights(), dw.len())?;
    if let Some(db) = db {
        check("gradient of the bias", g.out_channels, db.len())?;
        channel_sums(dy, n, g.out_channels, oh * ow, db);
    }
    let columns = Columns::new(g);
    let panels = g.out_channels.div_ceil(MR);
    if n * oh * ow <= BLOCK && n > 0 && g.in_channels.is_multiple_of(NR) && columns.taps == g.kernel.1 {
        let strip = (0..n).map(|image| Piece { image, first: 0, end: oh }).collect::<Vec<_>>();
        let nowhere = Shared::new(std::ptr::null_mut());
        let shared =
            Accumulate { g, x, dy, size: (h, w), out: (oh, ow), columns: &columns, panels, sums: nowhere };
        shared.small(&strip, dw);
        return Ok(());
    }
    let mut sums = Scratch::new(columns.tiles.len() * panels * MR * NR);
    let sums = Shared::new(sums.as_mut_ptr());
    let strips = strips(g, n, oh, ow);
    for (i, strip) in strips.iter().enumerate() {
        Accumulate { g, x, dy, size: (h, w), out: (oh, ow), columns: &columns, panels, sums }
            .strip(strip, i > 0);
    }
    if strips.is_empty() {
        dw.fill(MaybeUninit::new(T::ZERO));
    } else {
        unpack(g, &columns, panels, &sums, dw);
    }
    Ok(())
}

/// The columns of the product: rows of taps, each in tiles of [`NR`].
struct Columns {
    /// Taps whose channels lie next to each other.
    taps: usize,
    /// (tap row's vertical and horizontal tap, first column).
    tiles: Vec<(usize, usize, usize)>,
}

impl Columns {
    fn new(g: &Geometry) -> Self {
        let taps = if g.dilation.1 == 1 { g.kernel.1 } else { 1 };
        let mut tiles = Vec::new();
        for ky in 0..g.kernel.0 {
            for kx in (0..g.kernel.1).step_by(taps) {
                tiles.extend((0..taps * g.in_channels).step_by(NR).map(|j| (ky, kx, j)));
            }
        }
        Self { taps, tiles }
    }
}

/// Rows `first..end` of an image's output.
#[derive(Clone, Copy)]
struct Piece {
    image: usize,
    first: usize,
    end: usize,
}

/// Cuts the batch's output rows so that a strip's operands stay in cache.
fn strips(g: &Geometry, n: usize, oh: usize, ow: usize) -> Vec<Vec<Piece>> {
    let input = g.stride.0 * (ow * g.stride.1 + g.kernel.1 * g.dilation.1) * g.in_channels;
    let rows = (STRIP / (input + ow * g.out_channels).max(1)).max(1);
    let mut strips = Vec::new();
    if rows >= oh {
        let images: Vec<_> = (0..n).map(|image| Piece { image, first: 0, end: oh }).collect();
        strips.extend(images.chunks((rows / oh.max(1)).max(1)).map(<[Piece]>::to_vec));
    } else {
        for image in 0..n {
            strips.extend(
                (0..oh).step_by(rows).map(|y| vec![Piece { image, first: y, end: (y + rows).min(oh) }]),
            );
        }
    }
    strips
}

/// Everything that the strips of one gradient share.
struct Accumulate<'a, T> {
    g: &'a Geometry,
    x: &'a [T],
    dy: &'a [T],
    size: (usize, usize),
    out: (usize, usize),
    columns: &'a Columns,
    panels: usize,
    sums: Shared<T>,
}

/// A strip with its operands transposed.
struct Strip<T> {
    /// `[panel][pixel][MR]`.
    gradient: Shared<T>,
    /// Channels-last rows of the padded input.
    input: Shared<T>,
    /// Each output row's first element in `input`.
    rows: Vec<usize>,
    pixels: usize,
    width: usize,
}

impl<T: Element> Accumulate<'_, T> {
    fn strip(&self, pieces: &[Piece], accumulate: bool) {
        self.transposed(pieces, |strip| {
            let tiles = self.columns.tiles.len();
            let per_task = (tiles / TASKS).clamp(1, TASK_TILES);
            (0..tiles.div_ceil(per_task)).into_par_iter().with_max_len(1).for_each(|task| {
                let tiles = (task * per_task, per_task.min(tiles - task * per_task));
                T::dispatch(Task { shared: self, strip, tiles, accumulate });
            });
        });
    }

    /// The whole gradient where all pixels make one block: no sums are kept, each tap's tile goes where it belongs.
    fn small(&self, pieces: &[Piece], dw: &mut [MaybeUninit<T>]) {
        let blocks = self.g.in_channels / NR;
        let parts = TASKS.div_ceil(blocks).min(self.panels);
        let panels = self.panels.div_ceil(parts);
        let to = Shared::new(dw.as_mut_ptr().cast());
        self.transposed(pieces, |strip| {
            (0..blocks * self.panels.div_ceil(panels)).into_par_iter().with_max_len(1).for_each(|task| {
                let first = task / blocks * panels;
                let panels = (first, panels.min(self.panels - first));
                let columns = Task { shared: self, strip, tiles: (0, 0), accumulate: false };
                T::dispatch(Small { columns, channel: task % blocks * NR, panels, to });
            });
        });
    }

    /// Transposes the operands of a strip for `f`.
    fn transposed(&self, pieces: &[Piece], f: impl FnOnce(&Strip<T>)) {
        let (g, ow) = (self.g, self.out.1);
        let width = (ow - 1) * g.stride.1 + (g.kernel.1 - 1) * g.dilation.1 + 1;
        let height = |p: &Piece| (p.end - p.first - 1) * g.stride.0 + (g.kernel.0 - 1) * g.dilation.0 + 1;
        let row_len = width * g.in_channels;
        let pixels = pieces.iter().map(|p| (p.end - p.first) * ow).sum::<usize>();
        // A tile's last columns may reach past the last pixel.
        let mut input = Scratch::new(pieces.iter().map(height).sum::<usize>() * row_len + NR);
        let mut gradient = Scratch::new(self.panels * pixels * MR);
        let (input, gradient) = (Shared::new(input.as_mut_ptr()), Shared::new(gradient.as_mut_ptr()));
        let (mut rows, mut row, mut pixel) = (Vec::new(), 0, 0);
        for p in pieces {
            self.transpose(p, height(p), width, (input, row * row_len), (gradient, pixel, pixels));
            rows.extend((0..p.end - p.first).map(|y| (row + y * g.stride.0) * row_len));
            row += height(p);
            pixel += (p.end - p.first) * ow;
        }
        // SAFETY: the end of the buffer; finite numbers keep the unused columns quiet.
        unsafe { input.get().add(row * row_len).write_bytes(0, NR) };
        let strip = Strip { gradient, input, rows, pixels, width };
        f(&strip);
    }

    fn transpose(
        &self,
        piece: &Piece,
        height: usize,
        width: usize,
        (input, input_at): (Shared<T>, usize),
        (gradient, pixel, pixels): (Shared<T>, usize, usize),
    ) {
        let (g, (h, w), plane) = (self.g, self.size, self.out.0 * self.out.1);
        (0..height + self.panels).into_par_iter().for_each(|i| {
            if i < height {
                let y = (piece.first * g.stride.0 + i) as isize - g.padding.0 as isize;
                T::dispatch(ChannelsLast {
                    x: &self.x[piece.image * g.in_channels * h * w..][..g.in_channels * h * w],
                    size: (h, w),
                    y,
                    padding: g.padding.1,
                    width,
                    to: input.get().wrapping_add(input_at + i * width * g.in_channels),
                });
            } else {
                let panel = i - height;
                let channels = MR.min(g.out_channels - panel * MR);
                let from = (piece.image * g.out_channels + panel * MR) * plane + piece.first * self.out.1;
                T::dispatch(ChannelPanels {
                    x: &self.dy[from..],
                    step: plane,
                    channels,
                    len: (piece.end - piece.first) * self.out.1,
                    to: gradient.get().wrapping_add((panel * pixels + pixel) * MR),
                });
            }
        });
    }
}

struct Task<'a, T> {
    shared: &'a Accumulate<'a, T>,
    strip: &'a Strip<T>,
    /// First tile of columns and their number.
    tiles: (usize, usize),
    accumulate: bool,
}

impl<T: Element> Task<'_, T> {
    /// Copies the columns of a tile at `len` pixels into a panel.
    #[inline(always)]
    unsafe fn pack<V: Vector<Elem = T>>(&self, tile: usize, first: usize, len: usize, to: *mut T) {
        let (g, ow) = (self.shared.g, self.shared.out.1);
        let (ky, kx, j) = self.shared.columns.tiles[tile];
        let at = (ky * g.dilation.0 * self.strip.width + kx * g.dilation.1) * g.in_channels + j;
        let mut done = 0;
        while done < len {
            let (row, x) = ((first + done) / ow, (first + done) % ow);
            let run = (ow - x).min(len - done);
            for i in 0..run {
                // SAFETY: NR elements from the tap of every pixel lie in the padded rows or the room behind them.
                unsafe {
                    let from = self.strip.rows[row] + (x + i) * g.stride.1 * g.in_channels + at;
                    let (from, to) = (self.strip.input.get().add(from), to.add((done + i) * NR));
                    for v in (0..NR).step_by(V::LANES) {
                        V::load(from.add(v)).store(to.add(v));
                    }
                }
            }
            done += run;
        }
    }
}

impl<T: Element> Kernel<T> for Task<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let (tiles, panels) = (self.tiles.1, self.shared.panels);
        let mut columns = Scratch::<T>::new(tiles * BLOCK * NR);
        let columns = columns.as_mut_ptr();
        for first in (0..self.strip.pixels).step_by(BLOCK) {
            let len = BLOCK.min(self.strip.pixels - first);
            for t in 0..tiles {
                // SAFETY: `columns` holds a block for each tile.
                unsafe { self.pack::<V>(self.tiles.0 + t, first, len, columns.add(t * BLOCK * NR)) };
            }
            for panel in 0..panels {
                for t in 0..tiles {
                    // SAFETY: operands hold `len` steps from here; sums have an MR × NR place for each tile and
                    // panel, and a tile belongs to one task.
                    unsafe {
                        let a = self.strip.gradient.get().add((panel * self.strip.pixels + first) * MR);
                        let b = columns.add(t * BLOCK * NR);
                        let c = self.shared.sums.get().add(((self.tiles.0 + t) * panels + panel) * MR * NR);
                        let a = Operand { data: a.cast_const(), step: MR };
                        let b = Operand { data: b.cast_const(), step: NR };
                        tile::<V>(len, a, b, c, NR, self.accumulate || first > 0);
                    }
                }
            }
        }
    }
}

/// The gradients of `NR` input channels' kernels for some panels of output channels.
struct Small<'a, T> {
    columns: Task<'a, T>,
    /// The first input channel.
    channel: usize,
    /// First panel and their number.
    panels: (usize, usize),
    to: Shared<T>,
}

impl<T: Element> Kernel<T> for Small<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let Task { shared, strip, .. } = self.columns;
        let (g, pixels) = (shared.g, strip.pixels);
        let (taps, row_tiles) = (g.taps(), g.kernel.1 * g.in_channels / NR);
        let mut columns = Scratch::<T>::new(taps * pixels * NR);
        let mut sums = Scratch::<T>::new(taps * MR * NR);
        let (columns, sums) = (columns.as_mut_ptr(), sums.as_mut_ptr());
        for t in 0..taps {
            let (ky, kx) = (t / g.kernel.1, t % g.kernel.1);
            let tile = ky * row_tiles + (kx * g.in_channels + self.channel) / NR;
            // SAFETY: `columns` holds all pixels for each tap.
            unsafe { self.columns.pack::<V>(tile, 0, pixels, columns.add(t * pixels * NR)) };
        }
        for panel in self.panels.0..self.panels.0 + self.panels.1 {
            for t in 0..taps {
                // SAFETY: operands hold `pixels` steps, `sums` a tile for each tap.
                unsafe {
                    let a = strip.gradient.get().add(panel * pixels * MR).cast_const();
                    let b = columns.add(t * pixels * NR).cast_const();
                    let (a, b) = (Operand { data: a, step: MR }, Operand { data: b, step: NR });
                    tile::<V>(pixels, a, b, sums.add(t * MR * NR), NR, false);
                }
            }
            for row in 0..MR.min(g.out_channels - panel * MR) {
                // SAFETY: NR kernels of an output channel, which belong to this task and panel.
                unsafe {
                    let to = (panel * MR + row) * g.in_channels + self.channel;
                    let to = self.to.get().add(to * taps);
                    for t in 0..taps {
                        for i in 0..NR {
                            *to.add(i * taps + t) = *sums.add((t * MR + row) * NR + i);
                        }
                    }
                }
            }
        }
    }
}

/// Brings the sums into the weight's order.
fn unpack<T: Element>(
    g: &Geometry,
    columns: &Columns,
    panels: usize,
    sums: &Shared<T>,
    dw: &mut [MaybeUninit<T>],
) {
    let taps = g.taps();
    dw.par_chunks_mut(g.in_channels * taps).enumerate().for_each(|(o, dw)| {
        for (t, &(ky, kx, j)) in columns.tiles.iter().enumerate() {
            // SAFETY: the sums of this tile and panel, all written.
            let row = unsafe {
                let at = ((t * panels + o / MR) * MR + o % MR) * NR;
                std::slice::from_raw_parts(sums.get().add(at).cast_const(), NR)
            };
            for (i, &v) in row.iter().enumerate().take(columns.taps * g.in_channels - j) {
                let (kx, channel) = (kx + (j + i) / g.in_channels, (j + i) % g.in_channels);
                dw[channel * taps + ky * g.kernel.1 + kx].write(v);
            }
        }
    });
}
