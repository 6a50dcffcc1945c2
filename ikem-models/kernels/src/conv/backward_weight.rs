//! The gradients of a convolution with respect to its weight, `[O, C, k, k]`, and its bias, `[O]`.
//!
//! The weight's gradient is a product over the pixels: of the output's gradient, `[O, n·oh·ow]`, and the transposed
//! im2col matrix of the input, `[n·oh·ow, C·k·k]`. The depth is the long side here and the result is small, so that the
//! result stays in place and the operands pass by. They are transposed *strip* by strip (some output rows of the batch,
//! as many as stay in cache): the output's gradient into panels of [`MR`] channels, the input into padded channels-last
//! rows, `[y][x][C]`. In such rows the horizontal taps of an output pixel lie side by side, so that a row of the
//! transposed im2col matrix is a contiguous range for each row of the filter, and is copied into panels of [`NR`]
//! columns without gathering.
//!
//! Where all pixels of a batch make one block (small planes of many channels), each tap's tile is finished at once and
//! stored in the weight's order ([`Small`]); else the sums are kept in tiles and brought into that order at the end
//! ([`unpack`]).

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::geometry::{BatchConv, ConvShape, Geometry};
use crate::buffer::filled;
use crate::error::{Result, check_len};
use crate::gemm::{ChannelPanels, ChannelsLast, MR, MicroPanel, NR, microkernel};
use crate::scratch::{Scratch, Shared};
use crate::simd::{Element, Kernel, Vector};
use crate::sums::channel_sums;

/// Elements of a strip's transposed operands: 4 MiB of `f32`.
const STRIP: usize = 1 << 20;
/// Pixels of a block: a panel of columns fills two thirds of a 48 KiB L1 cache.
const BLOCK: usize = 256;
/// Tiles of columns that a task takes at the most, so that the gradient's panels are read less often.
const TASK_TILES: usize = 3;
const TASKS: usize = 8;

/// The gradients of a convolution with respect to its weight, `[out_channels, in_channels, k, k]`, and behind it, if it
/// has a `bias`, with respect to that, `[out_channels]`; given the gradient `dy` of its output.
///
/// # Errors
/// An extent out of range; a slice whose length does not match; a filter that does not fit into the padded input.
pub fn conv2d_backward_weight<T: Element>(
    x: &[T],
    dy: &[T],
    shape: &ConvShape,
    size: (usize, usize, usize),
    bias: bool,
) -> Result<Vec<T>> {
    let conv = shape.on(size)?;
    check_len("input", conv.inputs(), x.len())?;
    check_len("gradient of the output", conv.outputs(), dy.len())?;
    let weights = shape.weight().iter().product::<usize>();
    let biases = if bias { shape.out_channels } else { 0 };
    // SAFETY: the gradient of the weight is stored tile by tile or filled with zeros, that of the bias channel by
    // channel.
    unsafe {
        filled(weights + biases, |gradients| {
            let (dw, db) = gradients.split_at_mut(weights);
            channel_sums(dy, conv.n, shape.out_channels, conv.plane(), db);
            weight_gradient(&conv, x, dy, dw);
            Ok(())
        })
    }
}

/// Writes the gradient of the weight; lengths must have been checked.
pub(super) fn weight_gradient<T: Element>(conv: &BatchConv, x: &[T], dy: &[T], dw: &mut [MaybeUninit<T>]) {
    let BatchConv { shape, n, grid: (oh, ow), .. } = *conv;
    let columns = Columns::new(&shape);
    let panels = shape.out_channels.div_ceil(MR);
    let one_block = n * oh * ow <= BLOCK && n > 0;
    if one_block && shape.in_channels.is_multiple_of(NR) && columns.taps == shape.geometry.kernel {
        let strip = (0..n).map(|image| Piece { image, first: 0, end: oh }).collect::<Vec<_>>();
        let nowhere = Shared::new(std::ptr::null_mut());
        Accumulate { conv, x, dy, columns: &columns, panels, sums: nowhere }.small(&strip, dw);
        return;
    }
    let mut sums = Scratch::new(columns.tiles.len() * panels * MR * NR);
    let sums = Shared::new(sums.as_mut_ptr());
    let strips = strips(conv);
    for (i, strip) in strips.iter().enumerate() {
        Accumulate { conv, x, dy, columns: &columns, panels, sums }.strip(strip, i > 0);
    }
    if strips.is_empty() {
        dw.fill(MaybeUninit::new(T::ZERO));
    } else {
        unpack(&shape, &columns, panels, &sums, dw);
    }
}

/// The columns of the product: ranges of filter taps and their channels, each in tiles of [`NR`].
struct Columns {
    /// Taps of a range: those whose channels lie side by side in a channels-last row.
    taps: usize,
    /// (vertical tap, first horizontal tap of the range, first column of the tile).
    tiles: Vec<(usize, usize, usize)>,
}

impl Columns {
    fn new(shape: &ConvShape) -> Self {
        let Geometry { kernel, dilation, .. } = shape.geometry;
        let taps = if dilation == 1 { kernel } else { 1 };
        let mut tiles = Vec::new();
        for ky in 0..kernel {
            for kx in (0..kernel).step_by(taps) {
                tiles.extend((0..taps * shape.in_channels).step_by(NR).map(|j| (ky, kx, j)));
            }
        }
        Self { taps, tiles }
    }
}

/// Output rows `first..end` of an image.
#[derive(Clone, Copy)]
struct Piece {
    image: usize,
    first: usize,
    end: usize,
}

/// Cuts the batch's output rows so that a strip's operands stay in cache.
fn strips(conv: &BatchConv) -> Vec<Vec<Piece>> {
    let BatchConv { shape, n, grid: (oh, ow), .. } = *conv;
    let Geometry { kernel, stride, dilation, .. } = shape.geometry;
    let width = ow.saturating_mul(stride).saturating_add(kernel * dilation);
    let input = width.saturating_mul(stride).saturating_mul(shape.in_channels);
    let rows = (STRIP / input.saturating_add(ow * shape.out_channels).max(1)).max(1);
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
    conv: &'a BatchConv,
    x: &'a [T],
    dy: &'a [T],
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

    /// The whole gradient where all pixels make one block: no sums are kept, each tap's tile is stored in the weight's
    /// order.
    fn small(&self, pieces: &[Piece], dw: &mut [MaybeUninit<T>]) {
        let blocks = self.conv.shape.in_channels / NR;
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
        let (shape, ow) = (self.conv.shape, self.conv.grid.1);
        let Geometry { kernel, stride, dilation, .. } = shape.geometry;
        let side = |outputs: usize| (outputs - 1) * stride + (kernel - 1) * dilation + 1;
        let (width, height) = (side(ow), |p: &Piece| side(p.end - p.first));
        let row_len = width * shape.in_channels;
        let pixels = pieces.iter().map(|p| (p.end - p.first) * ow).sum::<usize>();
        // A tile's last columns may reach past the last pixel.
        let mut input = Scratch::new(pieces.iter().map(height).sum::<usize>() * row_len + NR);
        let mut gradient = Scratch::new(self.panels * pixels * MR);
        let (input, gradient) = (Shared::new(input.as_mut_ptr()), Shared::new(gradient.as_mut_ptr()));
        let (mut rows, mut row, mut pixel) = (Vec::new(), 0, 0);
        for p in pieces {
            self.transpose(p, height(p), width, (input, row * row_len), (gradient, pixel, pixels));
            rows.extend((0..p.end - p.first).map(|y| (row + y * stride) * row_len));
            row += height(p);
            pixel += (p.end - p.first) * ow;
        }
        // SAFETY: the end of the buffer, which holds NR more elements; all bits zero are 0.
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
        let (shape, (h, w), plane) = (self.conv.shape, self.conv.input, self.conv.plane());
        let Geometry { stride, padding, .. } = shape.geometry;
        (0..height + self.panels).into_par_iter().for_each(|i| {
            if i < height {
                let y = (piece.first * stride + i) as isize - padding as isize;
                T::dispatch(ChannelsLast {
                    x: &self.x[piece.image * shape.in_channels * h * w..][..shape.in_channels * h * w],
                    size: (h, w),
                    y,
                    padding,
                    width,
                    to: input.get().wrapping_add(input_at + i * width * shape.in_channels),
                });
            } else {
                let panel = i - height;
                let channels = MR.min(shape.out_channels - panel * MR);
                let first = piece.first * self.conv.grid.1;
                let from = (piece.image * shape.out_channels + panel * MR) * plane + first;
                T::dispatch(ChannelPanels {
                    x: &self.dy[from..],
                    step: plane,
                    channels,
                    len: (piece.end - piece.first) * self.conv.grid.1,
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
        let BatchConv { shape, grid: (_, ow), .. } = *self.shared.conv;
        let Geometry { stride, dilation, .. } = shape.geometry;
        let (ky, kx, j) = self.shared.columns.tiles[tile];
        let at = (ky * self.strip.width + kx) * dilation * shape.in_channels + j;
        let mut done = 0;
        while done < len {
            let (row, x) = ((first + done) / ow, (first + done) % ow);
            let run = (ow - x).min(len - done);
            for i in 0..run {
                // SAFETY: NR elements from the tap of every pixel lie in the padded rows or the room behind them.
                unsafe {
                    let from = self.strip.rows[row] + (x + i) * stride * shape.in_channels + at;
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
                        let a = MicroPanel { data: a.cast_const(), step: MR };
                        let b = MicroPanel { data: b.cast_const(), step: NR };
                        microkernel::<V>(len, a, b, c, NR, self.accumulate || first > 0);
                    }
                }
            }
        }
    }
}

/// The gradients of the filters of [`NR`] input channels for some panels of output channels.
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
        let (shape, pixels) = (shared.conv.shape, strip.pixels);
        let kernel = shape.geometry.kernel;
        let (taps, row_tiles) = (shape.geometry.taps(), kernel * shape.in_channels / NR);
        let mut columns = Scratch::<T>::new(taps * pixels * NR);
        let mut sums = Scratch::<T>::new(taps * MR * NR);
        let (columns, sums) = (columns.as_mut_ptr(), sums.as_mut_ptr());
        for t in 0..taps {
            let (ky, kx) = (t / kernel, t % kernel);
            let tile = ky * row_tiles + (kx * shape.in_channels + self.channel) / NR;
            // SAFETY: `columns` holds all pixels for each tap.
            unsafe { self.columns.pack::<V>(tile, 0, pixels, columns.add(t * pixels * NR)) };
        }
        for panel in self.panels.0..self.panels.0 + self.panels.1 {
            for t in 0..taps {
                // SAFETY: operands hold `pixels` steps, `sums` a tile for each tap.
                unsafe {
                    let a = strip.gradient.get().add(panel * pixels * MR).cast_const();
                    let b = columns.add(t * pixels * NR).cast_const();
                    let (a, b) = (MicroPanel { data: a, step: MR }, MicroPanel { data: b, step: NR });
                    microkernel::<V>(pixels, a, b, sums.add(t * MR * NR), NR, false);
                }
            }
            for row in 0..MR.min(shape.out_channels - panel * MR) {
                // SAFETY: NR filters of an output channel, which belong to this task and panel.
                unsafe {
                    let to = (panel * MR + row) * shape.in_channels + self.channel;
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
    shape: &ConvShape,
    columns: &Columns,
    panels: usize,
    sums: &Shared<T>,
    dw: &mut [MaybeUninit<T>],
) {
    let (kernel, taps) = (shape.geometry.kernel, shape.geometry.taps());
    dw.par_chunks_mut(shape.in_channels * taps).enumerate().for_each(|(o, dw)| {
        for (t, &(ky, kx, j)) in columns.tiles.iter().enumerate() {
            // SAFETY: the sums of this tile and panel, all written.
            let row = unsafe {
                let at = ((t * panels + o / MR) * MR + o % MR) * NR;
                std::slice::from_raw_parts(sums.get().add(at).cast_const(), NR)
            };
            for (i, &v) in row.iter().enumerate().take(columns.taps * shape.in_channels - j) {
                let (kx, channel) = (kx + (j + i) / shape.in_channels, (j + i) % shape.in_channels);
                dw[channel * taps + ky * kernel + kx].write(v);
            }
        }
    });
}
