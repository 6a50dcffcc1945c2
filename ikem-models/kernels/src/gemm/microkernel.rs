//! The microkernel: an [`MR`] × [`NR`] tile of a product, accumulated in registers.
//!
//! It is the innermost loop of GotoBLAS and BLIS (Van Zee and van de Geijn, "BLIS: A Framework for Rapidly
//! Instantiating BLAS Functionality", 2015): a rank-1 update a step, the left operand broadcast, the right one in
//! vectors. Both operands are packed, so that each step reads the next `MR` and `NR` elements.

use crate::simd::{Registers, Vector, prefetch};

/// Rows of a tile: elements of the left operand that a step broadcasts (output channels, mostly).
pub(crate) const MR: usize = 8;
/// Columns of a tile: elements of the right operand that a step loads (pixels, mostly), two AVX-512 registers of `f32`.
pub(crate) const NR: usize = 32;

/// How many elements of the left operand are prefetched ahead of their use: the weights of layers with small planes
/// come from memory, each once.
const AHEAD: usize = 1024;

/// A packed micro-panel of an operand: `step` elements from one step of the depth to the next.
#[derive(Clone, Copy)]
pub(crate) struct MicroPanel<T> {
    pub data: *const T,
    pub step: usize,
}

/// `c[i][j] (+)= Σ_k a[k][i] · b[k][j]` for `MR` rows i and `NR` columns j, k ascending.
///
/// # Safety
/// `a` has `MR` and `b` has `NR` readable elements at each of `depth` steps; `c` has `MR` rows, `c_step` apart, of
/// `NR` elements that can be written, and read if `accumulate`.
#[inline(always)]
pub(crate) unsafe fn microkernel<V: Vector>(
    depth: usize,
    a: MicroPanel<V::Elem>,
    b: MicroPanel<V::Elem>,
    c: *mut V::Elem,
    c_step: usize,
    accumulate: bool,
) {
    // SAFETY: the parts below cover the tile exactly, and the caller vouches for the tile.
    unsafe {
        match V::REGISTERS {
            Registers::Eight => parts::<V, 8>(depth, a, b, c, c_step, accumulate),
            Registers::Four => parts::<V, 4>(depth, a, b, c, c_step, accumulate),
        }
    }
}

#[inline(always)]
unsafe fn parts<V: Vector, const ROWS: usize>(
    depth: usize,
    a: MicroPanel<V::Elem>,
    b: MicroPanel<V::Elem>,
    c: *mut V::Elem,
    c_step: usize,
    accumulate: bool,
) {
    for j in (0..NR).step_by(2 * V::LANES) {
        for i in (0..MR).step_by(ROWS) {
            // SAFETY: rows i..i + ROWS and columns j..j + 2 LANES lie inside the tile.
            unsafe {
                let (a, b) = (
                    MicroPanel { data: a.data.add(i), step: a.step },
                    MicroPanel { data: b.data.add(j), step: b.step },
                );
                registers::<V, ROWS, 2>(depth, a, b, c.add(i * c_step + j), c_step, accumulate);
            }
        }
    }
}

#[inline(always)]
unsafe fn registers<V: Vector, const ROWS: usize, const VECTORS: usize>(
    depth: usize,
    mut a: MicroPanel<V::Elem>,
    mut b: MicroPanel<V::Elem>,
    c: *mut V::Elem,
    c_step: usize,
    accumulate: bool,
) {
    // SAFETY: addresses stay inside what the caller of `microkernel` vouches for: the step past the last depth is only
    // formed with wrapping arithmetic, never read.
    unsafe {
        let mut sum = [[V::splat(V::Elem::default()); VECTORS]; ROWS];
        if accumulate {
            for (i, row) in sum.iter_mut().enumerate() {
                for (j, v) in row.iter_mut().enumerate() {
                    *v = V::load(c.add(i * c_step + j * V::LANES));
                }
            }
        }
        for _ in 0..depth {
            prefetch(a.data.wrapping_add(AHEAD), 1);
            let mut columns = [V::splat(V::Elem::default()); VECTORS];
            for (j, column) in columns.iter_mut().enumerate() {
                *column = V::load(b.data.add(j * V::LANES));
            }
            for (i, row) in sum.iter_mut().enumerate() {
                let factor = V::splat(*a.data.add(i));
                for (v, &column) in row.iter_mut().zip(&columns) {
                    *v = factor.mul_add(column, *v);
                }
            }
            a.data = a.data.wrapping_add(a.step);
            b.data = b.data.wrapping_add(b.step);
        }
        for (i, row) in sum.iter().enumerate() {
            for (j, v) in row.iter().enumerate() {
                v.store(c.add(i * c_step + j * V::LANES));
            }
        }
    }
}
