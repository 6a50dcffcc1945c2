//! The left operand of a product, packed into panels: weights, mostly.
//!
//! As in GotoBLAS and BLIS, a matrix A of `rows` × `depth` is cut into blocks along the depth (BLAS's K), each block
//! into panels of [`MR`] rows, and each panel is stored step by step: `[block][panel][step][MR]`. The microkernel then
//! reads a panel front to back.

use rayon::prelude::*;

use super::microkernel::MR;
use super::transpose::interleave_rows;
use crate::scratch::{Lifetime, Scratch, Shared};
use crate::simd::{Element, Kernel, Vector};

/// Depth of a block: a panel of `NR` columns by this fills two thirds of a 48 KiB L1 cache.
const DEPTH: usize = 256;

/// A matrix within a weight tensor: element (row, k) lies at `row * row_step + k / run * run_step + k % run`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    pub data: &'a [T],
    pub rows: usize,
    pub depth: usize,
    pub row_step: usize,
    pub run: usize,
    pub run_step: usize,
}

impl<'a, T: Element> Matrix<'a, T> {
    /// `data` as a row-major matrix.
    pub(crate) fn of_rows(data: &'a [T], rows: usize, depth: usize) -> Self {
        Self { data, rows, depth, row_step: depth, run: depth.max(1), run_step: 0 }
    }

    /// Interleaves steps `k0..k0 + len` of a panel of [`MR`] rows, zeros for missing rows.
    ///
    /// # Safety
    /// `len * MR` elements can be written at `to`.
    #[inline(always)]
    pub(crate) unsafe fn panel<V: Vector<Elem = T>>(&self, panel: usize, k0: usize, len: usize, to: *mut T) {
        let rows = MR.min(self.rows - panel * MR);
        let mut k = k0;
        while k < k0 + len {
            let count = (self.run - k % self.run).min(k0 + len - k);
            let at = panel * MR * self.row_step + k / self.run * self.run_step + k % self.run;
            let end = at + (rows - 1) * self.row_step + count;
            assert!(end <= self.data.len());
            // SAFETY: `count` elements of each row, checked above; the interleaved steps lie in the panel.
            unsafe {
                interleave_rows::<V>(
                    self.data.as_ptr().add(at),
                    self.row_step,
                    rows,
                    count,
                    to.add((k - k0) * MR),
                );
            }
            k += count;
        }
    }
}

/// A packed matrix of `rows` × `depth`. Rows that the last panel lacks are zeros.
pub(crate) struct PackedA<T> {
    pub rows: usize,
    pub depth: usize,
    block: usize,
    data: Scratch<T>,
}

impl<T: Element> PackedA<T> {
    /// Packs a matrix.
    pub(crate) fn new(matrix: &Matrix<'_, T>, lifetime: Lifetime) -> Self {
        let (rows, depth) = (matrix.rows, matrix.depth);
        Self::fill(rows, depth, lifetime, |panel, block, to| {
            T::dispatch(PackPanel { matrix, panel, block, to })
        })
    }

    /// Packs the matrix whose element (row, k) is `at(row, k)`.
    pub(crate) fn from_fn(
        rows: usize,
        depth: usize,
        lifetime: Lifetime,
        at: impl Fn(usize, usize) -> T + Sync,
    ) -> Self {
        Self::fill(rows, depth, lifetime, |panel, (k0, len), to| {
            for i in 0..len * MR {
                let row = panel * MR + i % MR;
                let v = if row < rows { at(row, k0 + i / MR) } else { T::ZERO };
                // SAFETY: the panel has `len` steps of MR elements.
                unsafe { to.get().add(i).write(v) };
            }
        })
    }

    /// `write` fills a panel's block of (first step, steps).
    fn fill(
        rows: usize,
        depth: usize,
        lifetime: Lifetime,
        write: impl Fn(usize, (usize, usize), Shared<T>) + Sync,
    ) -> Self {
        let block = depth.div_ceil(depth.div_ceil(DEPTH).max(1)).max(1);
        let panels = rows.div_ceil(MR);
        let mut data = Scratch::<T>::with_lifetime(panels * MR * depth, lifetime);
        let to = Shared::new(data.as_mut_ptr());
        (0..panels * depth.div_ceil(block)).into_par_iter().with_min_len(4).for_each(|i| {
            let (panel, k0) = (i % panels, i / panels * block);
            let len = block.min(depth - k0);
            let at = (panels * k0 + panel * len) * MR;
            // SAFETY: panels of all blocks lie one behind the other in the buffer.
            write(panel, (k0, len), Shared::new(unsafe { to.get().add(at) }));
        });
        Self { rows, depth, block, data }
    }

    /// Panels of rows.
    pub(crate) fn panels(&self) -> usize {
        self.rows.div_ceil(MR)
    }

    /// Start and length of every block of depth.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<T> {
        let (block, depth) = (self.block, self.depth);
        (0..depth).step_by(block).map(move |k0| (k0, block.min(depth - k0)))
    }

    /// The longest block.
    pub(crate) fn longest_block(&self) -> usize {
        self.block
    }

    /// The panel of a block that starts at depth `k0` and has `len` steps.
    pub(crate) fn panel(&self, k0: usize, len: usize, panel: usize) -> &[T] {
        assert!(panel < self.panels() && k0 + len <= self.depth);
        let start = (self.panels() * k0 + panel * len) * MR;
        // SAFETY: inside the buffer, which `fill` wrote completely.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr().add(start), MR * len) }
    }
}

impl<T> std::fmt::Debug for PackedA<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PackedA({} x {})", self.rows, self.depth)
    }
}

struct PackPanel<'a, T> {
    matrix: &'a Matrix<'a, T>,
    panel: usize,
    block: (usize, usize),
    to: Shared<T>,
}

impl<T: Element> Kernel<T> for PackPanel<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Elem = T>>(self) {
        // SAFETY: the block of a panel has room for its steps.
        unsafe { self.matrix.panel::<V>(self.panel, self.block.0, self.block.1, self.to.get()) }
    }
}
