//! The blocked matrix product (GEMM) of packed weights and an im2col matrix, cut into tasks that fit a core's caches.
//!
//! The loops are those of GotoBLAS and BLIS: a task computes some panels of rows times some panels of columns of the
//! result, block by block of the depth. For each block it packs its columns of the im2col matrix into L2 and runs the
//! [`microkernel`] over all tiles. The finished tiles of a task go to a [`TileSink`], which adds the bias, applies the
//! activation and stores them.
//!
//! Every element is one chain of fused multiply-adds in ascending depth, whatever the tiles: results do not depend on
//! the number of threads.

use rayon::prelude::*;

use super::im2col::{Im2Col, PackIm2Col};
use super::microkernel::{MR, MicroPanel, NR, microkernel};
use super::packed_a::PackedA;
use crate::scratch::{Scratch, Shared};
use crate::simd::{Element, Kernel, Vector};

/// Panels of rows of a task at the most.
const MAX_ROW_PANELS: usize = 32;
/// Panels of columns of a task at the most: memory delivers long runs of pixels fastest.
const MAX_COLUMN_PANELS: usize = 32;
/// Elements of a task's packed columns and sums together; they leave half of a 1 MiB L2 cache to the weights.
const TASK_LEN: usize = 1 << 17;
/// Products are cut finer until they have this many tasks, as long as each is worth waking a thread for.
const TASKS: usize = 8;
const MIN_WORK: usize = 1 << 19;
/// Elements of an im2col matrix up to which tasks with the same columns share one packed copy.
const SHARED_COLUMNS: usize = 1 << 20;

/// A finished tile of every product of a call: rows are contiguous pixels.
pub(crate) struct OutputTile<T> {
    pub first_row: usize,
    pub rows: usize,
    pub first_pixel: usize,
    pub pixels: usize,
    /// The tile of product `i` begins at `data + i * product_step`.
    pub data: *const T,
    pub product_step: usize,
    /// Elements from one row to the next.
    pub step: usize,
}

/// The operands A · B of a product: weights, and an im2col matrix to be packed on the way.
pub(crate) struct Operands<'a, T> {
    pub a: &'a PackedA<T>,
    pub b: &'a Im2Col<'a, T>,
}

/// The destination of finished tiles.
pub(crate) trait TileSink<T: Element>: Sync {
    /// Writes a tile; every tile comes exactly once. Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// The tile's rows hold `pixels` readable elements each.
    unsafe fn write<V: Vector<Elem = T>>(&self, tile: &OutputTile<T>);
}

/// How a product is cut into tasks.
struct Plan {
    row_panels: usize,
    column_panels: usize,
    rows: usize,
    columns: usize,
}

impl Plan {
    fn new(row_panels: usize, column_panels: usize, depth: usize, block: usize) -> Self {
        let mut rows = row_panels.div_ceil(MAX_ROW_PANELS);
        let column_len = (block + row_panels.div_ceil(rows.max(1)) * MR) * NR;
        let mut columns = column_panels.div_ceil((TASK_LEN / column_len).clamp(1, MAX_COLUMN_PANELS));
        let work = (row_panels * MR).saturating_mul(column_panels * NR).saturating_mul(depth);
        let tasks = TASKS.min(work / MIN_WORK).max(1);
        while rows * columns < tasks {
            // Cutting rows reads the columns more often, cutting columns the weights.
            let rows_next = row_panels * MR > column_panels * NR && rows < row_panels;
            if rows_next {
                rows += 1;
            } else if columns < column_panels {
                columns += 1;
            } else if rows < row_panels {
                rows += 1;
            } else {
                break;
            }
        }
        let per = |n: usize, parts: usize| n.div_ceil(parts.max(1)).max(1);
        let (rows, columns) = (per(row_panels, rows), per(column_panels, columns));
        Self {
            row_panels: rows,
            column_panels: columns,
            rows: row_panels.div_ceil(rows),
            columns: column_panels.div_ceil(columns),
        }
    }
}

/// The products of all `operands`, tile by tile into `sink`. They have the same numbers of rows and of columns; a tile
/// is passed on when it is finished for each of them.
pub(crate) fn gemm<T: Element>(operands: &[Operands<'_, T>], sink: &impl TileSink<T>) {
    let Some(Operands { a, b }) = operands.first() else { return };
    let (row_panels, column_panels) = (a.panels(), b.pixels().div_ceil(NR));
    if column_panels == 0 || row_panels == 0 {
        return;
    }
    assert!(operands.iter().all(|o| o.a.depth == o.b.depth() && o.a.rows == a.rows));
    assert!(operands.iter().all(|o| o.a.depth > 0 && o.b.pixels() == b.pixels()));
    let depth = operands.iter().map(|o| o.a.depth).sum::<usize>();
    let block = operands.iter().map(|o| o.a.longest_block()).max().unwrap_or(0);
    let plan = Plan::new(row_panels, column_panels, depth, block);
    let packed_len = depth.saturating_mul(column_panels * NR);
    let share = plan.rows > 1 && packed_len <= SHARED_COLUMNS;
    let mut packed = Scratch::new(if share { packed_len } else { 0 });
    let packed = Shared::new(packed.as_mut_ptr());
    if share {
        pack_all(operands, column_panels, &packed);
    }
    (0..plan.rows * plan.columns).into_par_iter().with_max_len(1).for_each(|task| {
        let (row, column) = (task % plan.rows * plan.row_panels, task / plan.rows * plan.column_panels);
        T::dispatch(Task {
            operands,
            sink,
            rows: (row, plan.row_panels.min(row_panels - row)),
            columns: (column, plan.column_panels.min(column_panels - column)),
            block,
            packed: share.then_some((packed, column_panels)),
        });
    });
}

/// Packs whole im2col matrices, block by block of the depth, each in panels of columns.
fn pack_all<T: Element>(operands: &[Operands<'_, T>], panels: usize, to: &Shared<T>) {
    let mut first = 0;
    let mut blocks = Vec::new();
    for o in operands {
        blocks.extend(o.a.blocks().map(|block| (o.b, block, first + block.0)));
        first += o.a.depth;
    }
    blocks.into_par_iter().with_max_len(1).for_each(|(matrix, block, at)| {
        // SAFETY: blocks lie one behind the other in a buffer made for all of them.
        let to = Shared::new(unsafe { to.get().add(at * panels * NR) });
        T::dispatch(PackIm2Col { matrix, block, first: 0, panels, to });
    });
}

struct Task<'a, T, S> {
    operands: &'a [Operands<'a, T>],
    sink: &'a S,
    /// First panel and number of panels.
    rows: (usize, usize),
    columns: (usize, usize),
    /// The longest block of depth.
    block: usize,
    /// The packed im2col matrices and their panels of columns, if they are shared.
    packed: Option<(Shared<T>, usize)>,
}

impl<T: Element, S: TileSink<T>> Kernel<T> for Task<'_, T, S> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let step = self.columns.1 * NR;
        let own = if self.packed.is_none() { self.block * step } else { 0 };
        let product_step = self.rows.1 * MR * step;
        let mut own = Scratch::<T>::new(own);
        let mut sums = Scratch::<T>::new(self.operands.len() * product_step);
        let (own, sums) = (own.as_mut_ptr(), sums.as_mut_ptr());
        let mut depth = 0;
        for (i, operands) in self.operands.iter().enumerate() {
            // SAFETY: `own` holds a block of this task's panels, `sums` a tile for each product.
            unsafe { self.multiply::<V>(operands, depth, own, sums.add(i * product_step)) };
            depth += operands.a.depth;
        }
        let Some(Operands { a, b }) = self.operands.first() else { return };
        let first_pixel = self.columns.0 * NR;
        let tile = OutputTile {
            first_row: self.rows.0 * MR,
            rows: (self.rows.1 * MR).min(a.rows - self.rows.0 * MR),
            first_pixel,
            pixels: step.min(b.pixels() - first_pixel),
            data: sums.cast_const(),
            product_step,
            step,
        };
        // SAFETY: the tiles were computed above.
        unsafe { self.sink.write::<V>(&tile) };
    }
}

impl<T: Element, S> Task<'_, T, S> {
    /// One product's tile into `sums`; its shared columns begin at depth `before`.
    ///
    /// # Safety
    /// `own` has room for a block of columns unless they are shared, `sums` for the tile.
    #[inline(always)]
    unsafe fn multiply<V: Vector<Elem = T>>(
        &self,
        operands: &Operands<'_, T>,
        before: usize,
        own: *mut T,
        sums: *mut T,
    ) {
        let (matrix, step) = (operands.a, self.columns.1 * NR);
        for (k0, depth) in matrix.blocks() {
            // SAFETY: `own` holds a block of this task's panels; shared blocks hold all panels.
            let columns = unsafe {
                match &self.packed {
                    Some((all, panels)) => {
                        all.get().add(((before + k0) * panels + self.columns.0 * depth) * NR)
                    }
                    None => {
                        operands.b.pack::<V>(k0, depth, self.columns.0 * NR, self.columns.1, own);
                        own
                    }
                }
            };
            for j in 0..self.columns.1 {
                for i in 0..self.rows.1 {
                    let a = matrix.panel(k0, depth, self.rows.0 + i).as_ptr();
                    // SAFETY: panels have `depth` steps; `sums` has MR rows for each i, NR columns for each j.
                    unsafe {
                        let b = columns.add(j * depth * NR);
                        let c = sums.add(i * MR * step + j * NR);
                        let (a, b) =
                            (MicroPanel { data: a, step: MR }, MicroPanel { data: b.cast_const(), step: NR });
                        microkernel::<V>(depth, a, b, c, step, k0 > 0);
                    }
                }
            }
        }
    }
}
