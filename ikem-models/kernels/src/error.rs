//! Why a kernel refuses its arguments, and the checks that every public function makes before it touches memory.
//!
//! The kernels compute addresses from the extents of their shapes. Each function first checks that the extents are in
//! range and that every slice has exactly as many elements as its shape, so that no later product of extents overflows.

/// Arguments that no kernel accepts: the caller's shapes are at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// A slice whose length differs from the number of elements of its shape.
    #[error("{what}: {found} elements; expected {expected}")]
    Length {
        /// The argument.
        what: &'static str,
        /// Elements of its shape.
        expected: usize,
        /// Elements of the slice.
        found: usize,
    },
    /// An extent, count or index outside its range.
    #[error("{what}: {found}; expected {least} to {most}")]
    OutOfRange {
        /// The extent.
        what: &'static str,
        /// The smallest value allowed.
        least: usize,
        /// The largest value allowed.
        most: usize,
        /// Its value.
        found: usize,
    },
    /// A shape with more elements than can be addressed.
    #[error("{what}: a shape of {extents:?} has too many elements")]
    TooLarge {
        /// The argument.
        what: &'static str,
        /// Its extents.
        extents: Vec<usize>,
    },
    /// The result does not fit into memory.
    #[error("no memory for a result of {elements} elements")]
    OutOfMemory {
        /// Elements of the result.
        elements: usize,
    },
}

/// What the kernels return.
pub type Result<T> = std::result::Result<T, KernelError>;

/// The most elements of a shape: four bits of headroom for their size in bytes, and one for sums of two.
pub(crate) const MOST: usize = isize::MAX as usize >> 5;

/// The largest height, width, kernel, stride, padding or dilation: up to it, positions are exact in `f32`, and the
/// tables that kernels make for an axis are small.
pub(crate) const LARGEST_SIDE: usize = 1 << 24;

/// `Ok` if height and width of a grid are in range.
pub(crate) fn check_grid(what: &'static str, (height, width): (usize, usize)) -> Result<()> {
    check_range(what, height, 1, LARGEST_SIDE)?;
    check_range(what, width, 1, LARGEST_SIDE)
}

/// `Ok` if a slice has as many elements as its shape.
pub(crate) fn check_len(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(KernelError::Length { what, expected, found }) }
}

/// `Ok` if a value lies in `least..=most`.
pub(crate) fn check_range(what: &'static str, found: usize, least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(KernelError::OutOfRange { what, least, most, found })
}

/// The number of elements of a shape. No product of some of its extents exceeds [`MOST`], even where another extent is
/// 0.
pub(crate) fn elements(what: &'static str, extents: &[usize]) -> Result<usize> {
    let bound = extents.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent.max(1)));
    match bound {
        Some(bound) if bound <= MOST => Ok(extents.iter().product()),
        _ => Err(KernelError::TooLarge { what, extents: extents.to_vec() }),
    }
}

/// `Ok` if a slice has as many elements as a shape of these extents.
pub(crate) fn check_shape(what: &'static str, extents: &[usize], found: usize) -> Result<()> {
    check_len(what, elements(what, extents)?, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_that_overflow_are_refused_even_beside_a_zero() {
        assert_eq!(elements("x", &[2, 3, 4]), Ok(24));
        assert_eq!(elements("x", &[2, 0, 4]), Ok(0));
        for extents in [vec![usize::MAX, 2], vec![0, 1 << 62, 8], vec![MOST, 1, 2], vec![1 << 32, 1 << 32]] {
            assert_eq!(elements("x", &extents), Err(KernelError::TooLarge { what: "x", extents }));
        }
    }
}
