//! The blocked product of packed weights and patches, in tasks that fit a core's caches.
//!
//! Every element is one chain of fused multiply-adds in ascending depth, whatever the tiles: results do not depend
//! on how many threads share the tasks.

use rayon::prelude::*;

use super::lhs::PackedLhs;
use super::patches::{PackPanels, Patches};
use super::scratch::{Scratch, Shared};
use super::simd::{Element, Kernel, MR, NR, Operand, Vector, tile};

/// Panels of rows of a task at the most.
const MAX_ROW_PANELS: usize = 32;
/// Panels of columns of a task at the most: long runs of pixels are what memory delivers fastest.
const MAX_COLUMN_PANELS: usize = 32;
/// Elements of a task's patches and sums together, which leave half of a 1 MiB L2 cache to the weights.
const TASK_LEN: usize = 1 << 17;
/// Products are cut finer until they have so many tasks, as long as a task stays worth waking a thread for.
const TASKS: usize = 8;
const MIN_WORK: usize = 1 << 19;
/// Elements of patches up to which row tasks share one packed copy.
const SHARED_PATCHES: usize = 1 << 20;

/// A finished tile of every operand: rows are contiguous pixels.
pub(super) struct Tile<T> {
    pub first_row: usize,
    pub rows: usize,
    pub first_pixel: usize,
    pub pixels: usize,
    /// Operand `o`'s tile begins at `data + o * operand_step`.
    pub data: *const T,
    pub operand_step: usize,
    pub step: usize,
}

/// A product's two sides.
pub(super) struct Operands<'a, T> {
    pub lhs: &'a PackedLhs<T>,
    pub patches: &'a Patches<'a, T>,
}

/// Where finished tiles go.
pub(super) trait Sink<T: Element>: Sync {
    /// Writes a tile; every tile comes exactly once. Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// The tile's rows hold `pixels` readable elements each.
    unsafe fn write<V: Vector<Elem = T>>(&self, tile: &Tile<T>);
}

/// How a product is cut.
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
        let work = row_panels * MR * column_panels * NR * depth;
        let tasks = TASKS.min(work / MIN_WORK).max(1);
        while rows * columns < tasks {
            // Cutting rows reads the patches more often, cutting columns the weights.
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

/// Products of `lhs` and `patches`, tile by tile into `sink`. All operands have the same rows and the same pixels; a
/// tile comes when it is finished for each of them.
pub(super) fn product<T: Element>(operands: &[Operands<'_, T>], sink: &impl Sink<T>) {
    let Some(Operands { lhs, patches }) = operands.first() else { return };
    let (row_panels, column_panels) = (lhs.panels(), patches.pixels().div_ceil(NR));
    if column_panels == 0 || row_panels == 0 {
        return;
    }
    debug_assert!(operands.iter().all(|o| o.lhs.depth == o.patches.depth() && o.lhs.rows == lhs.rows));
    debug_assert!(operands.iter().all(|o| o.patches.pixels() == patches.pixels()));
    let depth = operands.iter().map(|o| o.lhs.depth).sum();
    let block = operands.iter().map(|o| o.lhs.longest_block()).max().unwrap_or(0);
    let plan = Plan::new(row_panels, column_panels, depth, block);
    let packed_len = depth * column_panels * NR;
    let share = plan.rows > 1 && packed_len <= SHARED_PATCHES;
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

/// Packs all patches into blocks of depth, each in panels of columns.
fn pack_all<T: Element>(operands: &[Operands<'_, T>], panels: usize, to: &Shared<T>) {
    let mut first = 0;
    let mut blocks = Vec::new();
    for o in operands {
        blocks.extend(o.lhs.blocks().map(|block| (o.patches, block, first + block.0)));
        first += o.lhs.depth;
    }
    blocks.into_par_iter().with_max_len(1).for_each(|(patches, block, at)| {
        // SAFETY: blocks lie one behind the other in a buffer made for all of them.
        let to = Shared::new(unsafe { to.get().add(at * panels * NR) });
        T::dispatch(PackPanels { patches, block, first: 0, panels, to });
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
    /// All patches and their panels of columns, if they are shared.
    packed: Option<(Shared<T>, usize)>,
}

impl<T: Element, S: Sink<T>> Kernel<T> for Task<'_, T, S> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        let step = self.columns.1 * NR;
        let own = if self.packed.is_none() { self.block * step } else { 0 };
        let operand_step = self.rows.1 * MR * step;
        let mut own = Scratch::<T>::new(own);
        let mut sums = Scratch::<T>::new(self.operands.len() * operand_step);
        let (own, sums) = (own.as_mut_ptr(), sums.as_mut_ptr());
        let mut depth = 0;
        for (o, operands) in self.operands.iter().enumerate() {
            // SAFETY: `own` holds a block of this task's panels, `sums` a tile for each operand.
            unsafe { self.multiply::<V>(operands, depth, own, sums.add(o * operand_step)) };
            depth += operands.lhs.depth;
        }
        let Some(Operands { lhs, patches }) = self.operands.first() else { return };
        let first_pixel = self.columns.0 * NR;
        let tile = Tile {
            first_row: self.rows.0 * MR,
            rows: (self.rows.1 * MR).min(lhs.rows - self.rows.0 * MR),
            first_pixel,
            pixels: step.min(patches.pixels() - first_pixel),
            data: sums.cast_const(),
            operand_step,
            step,
        };
        // SAFETY: the tiles were computed above.
        unsafe { self.sink.write::<V>(&tile) };
    }
}

impl<T: Element, S> Task<'_, T, S> {
    /// One operand's tile into `sums`; its shared patches begin at depth `before`.
    ///
    /// # Safety
    /// `own` has room for a block of patches unless they are shared, `sums` for the tile.
    #[inline(always)]
    unsafe fn multiply<V: Vector<Elem = T>>(
        &self,
        operands: &Operands<'_, T>,
        before: usize,
        own: *mut T,
        sums: *mut T,
    ) {
        let (lhs, step) = (operands.lhs, self.columns.1 * NR);
        for (k0, depth) in lhs.blocks() {
            // SAFETY: `own` holds a block of this task's panels; shared blocks hold all panels.
            let columns = unsafe {
                match &self.packed {
                    Some((all, panels)) => {
                        all.get().add(((before + k0) * panels + self.columns.0 * depth) * NR)
                    }
                    None => {
                        operands.patches.pack::<V>(k0, depth, self.columns.0 * NR, self.columns.1, own);
                        own
                    }
                }
            };
            for j in 0..self.columns.1 {
                for i in 0..self.rows.1 {
                    let a = lhs.panel(k0, depth, self.rows.0 + i).as_ptr();
                    // SAFETY: panels have `depth` steps; `sums` has MR rows for each i, NR columns for each j.
                    unsafe {
                        let b = columns.add(j * depth * NR);
                        let c = sums.add(i * MR * step + j * NR);
                        let (a, b) =
                            (Operand { data: a, step: MR }, Operand { data: b.cast_const(), step: NR });
                        tile::<V>(depth, a, b, c, step, k0 > 0);
                    }
                }
            }
        }
    }
}
