//! The broadcast operand of a product, packed once: weights, mostly.

use rayon::prelude::*;

use super::simd::{Element, MR};

/// Depth of a block: a panel of `NR` columns by this fills two thirds of a 48 KiB L1 cache.
const DEPTH: usize = 256;

/// A matrix of `rows` × `depth` in blocks of depth, each block in panels of [`MR`] rows, each panel depth by depth,
/// so that a product reads it front to back. Missing rows are zeros.
#[derive(Clone, Debug)]
pub(super) struct PackedLhs<T> {
    pub rows: usize,
    pub depth: usize,
    block: usize,
    data: Vec<T>,
}

impl<T: Element> PackedLhs<T> {
    /// Packs the matrix whose element (row, k) is `at(row, k)`.
    pub fn new(rows: usize, depth: usize, at: impl Fn(usize, usize) -> T + Sync) -> Self {
        let blocks = depth.div_ceil(DEPTH).max(1);
        let block = depth.div_ceil(blocks).max(1);
        let mut data = vec![T::ZERO; rows.div_ceil(MR) * MR * depth];
        let block_len = rows.div_ceil(MR) * MR * block;
        data.par_chunks_mut(block_len.max(1)).enumerate().for_each(|(b, chunk)| {
            let k0 = b * block;
            let len = block.min(depth - k0);
            for (p, panel) in chunk.chunks_exact_mut(MR * len).enumerate() {
                for (k, column) in panel.chunks_exact_mut(MR).enumerate() {
                    for (i, v) in column.iter_mut().enumerate() {
                        if p * MR + i < rows {
                            *v = at(p * MR + i, k0 + k);
                        }
                    }
                }
            }
        });
        Self { rows, depth, block, data }
    }

    /// Panels of rows.
    pub fn panels(&self) -> usize {
        self.rows.div_ceil(MR)
    }

    /// Elements held.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Start and length of every block of depth.
    pub fn blocks(&self) -> impl Iterator<Item = (usize, usize)> {
        let (block, depth) = (self.block, self.depth);
        (0..depth).step_by(block).map(move |k0| (k0, block.min(depth - k0)))
    }

    /// The longest block.
    pub fn longest_block(&self) -> usize {
        self.block
    }

    /// The panel of a block that starts at depth `k0` and has `len` steps.
    pub fn panel(&self, k0: usize, len: usize, panel: usize) -> &[T] {
        let start = self.panels() * MR * k0 + panel * MR * len;
        &self.data[start..start + MR * len]
    }

    /// Element (row, k), as it was given.
    pub fn at(&self, row: usize, k: usize) -> T {
        let k0 = k / self.block * self.block;
        let len = self.block.min(self.depth - k0);
        self.panel(k0, len, row / MR)[(k - k0) * MR + row % MR]
    }
}
