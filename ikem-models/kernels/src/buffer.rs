//! New vectors that a kernel fills.

use std::mem::MaybeUninit;

use crate::error::{KernelError, Result};
use crate::simd::Element;

/// A vector of `len` elements, all written by `fill`. Its memory is not zeroed first: that would cost a pass over every
/// result.
///
/// # Errors
/// Those of `fill`; [`KernelError::OutOfMemory`].
///
/// # Safety
/// `fill` initialises the whole slice when it returns `Ok`.
pub(crate) unsafe fn filled<T: Copy>(
    len: usize,
    fill: impl FnOnce(&mut [MaybeUninit<T>]) -> Result<()>,
) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| KernelError::OutOfMemory { elements: len })?;
    let slots = &mut values.spare_capacity_mut()[..len];
    // In tests, elements that a kernel forgets hold a pattern that no result equals. Miri finds them without.
    #[cfg(all(test, not(miri)))]
    // SAFETY: the bytes of the slots may be written; they stay possibly uninitialised for the compiler.
    unsafe {
        slots.as_mut_ptr().cast::<u8>().write_bytes(0xf1, len * size_of::<T>());
    }
    fill(slots)?;
    // SAFETY: the caller vouches that the first `len` elements are initialised.
    unsafe { values.set_len(len) };
    Ok(values)
}

/// A vector of `len` zeros.
pub(crate) fn zeros<T: Element>(len: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| KernelError::OutOfMemory { elements: len })?;
    values.resize(len, T::ZERO);
    Ok(values)
}

/// Initialised memory seen as memory to be written.
pub(crate) fn as_uninit<T: Copy>(data: &mut [T]) -> &mut [MaybeUninit<T>] {
    // SAFETY: same layout; the kernels only ever write values of `T` through it.
    unsafe { std::slice::from_raw_parts_mut(data.as_mut_ptr().cast(), data.len()) }
}
