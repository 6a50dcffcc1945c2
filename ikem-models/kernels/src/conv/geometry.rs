//! Shapes of convolutions, and their checks.

use crate::error::{KernelError, LARGEST_SIDE, MOST, Result, check_grid, check_range, check_shape, elements};

/// How a square filter goes over an image; the same vertically and horizontally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Rows and columns of the filter, at least 1.
    pub kernel: usize,
    /// Pixels from one position of the filter to the next, at least 1.
    pub stride: usize,
    /// Rows and columns of zeros on each side of the input.
    pub padding: usize,
    /// Pixels from one filter tap to the next, at least 1.
    pub dilation: usize,
}

impl Geometry {
    /// An undilated filter with an odd `kernel`, padded so that the output is as large as the input, divided by the
    /// stride.
    #[must_use]
    pub const fn same(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, padding: kernel / 2, dilation: 1 }
    }

    /// Height and width of the output for an input of `h` × `w`; `None` where the filter does not fit into the padded
    /// input, or an extent is out of range.
    #[must_use]
    pub fn out_size(&self, h: usize, w: usize) -> Option<(usize, usize)> {
        let reach = self.dilation.checked_mul(self.kernel.checked_sub(1)?)?.checked_add(1)?;
        let side = |extent: usize| {
            let padded = self.padding.checked_mul(2)?.checked_add(extent)?;
            padded.checked_sub(reach)?.checked_div(self.stride)?.checked_add(1)
        };
        Some((side(h)?, side(w)?))
    }

    /// Filter taps.
    #[inline]
    pub(crate) const fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Where each tap reads, from `stride` × the output's position: (dy, dx), row-major.
    pub(crate) fn offsets(&self) -> Vec<(isize, isize)> {
        let at = |k: usize| (k * self.dilation) as isize - self.padding as isize;
        (0..self.taps()).map(|t| (at(t / self.kernel), at(t % self.kernel))).collect()
    }
}

/// A convolution, whatever the size of the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvShape {
    /// Input channels, at least 1.
    pub in_channels: usize,
    /// Output channels, at least 1.
    pub out_channels: usize,
    /// The filter.
    pub geometry: Geometry,
}

impl ConvShape {
    /// The extents of the weight: `[out_channels, in_channels, kernel, kernel]`.
    pub(crate) const fn weight(&self) -> [usize; 4] {
        [self.out_channels, self.in_channels, self.geometry.kernel, self.geometry.kernel]
    }

    /// Checks channels and filter; then no product of the weight's extents overflows.
    pub(crate) fn check(&self) -> Result<()> {
        let Geometry { kernel, stride, padding, dilation } = self.geometry;
        check_range("input channels", self.in_channels, 1, MOST)?;
        check_range("output channels", self.out_channels, 1, MOST)?;
        check_range("kernel", kernel, 1, LARGEST_SIDE)?;
        check_range("stride", stride, 1, LARGEST_SIDE)?;
        check_range("padding", padding, 0, LARGEST_SIDE)?;
        check_range("dilation", dilation, 1, LARGEST_SIDE)?;
        elements("weight", &self.weight()).map(drop)
    }

    /// The convolution of `n` images of `h` × `w` pixels.
    pub(crate) fn on(&self, (n, h, w): (usize, usize, usize)) -> Result<BatchConv> {
        self.check()?;
        let Geometry { kernel, padding, dilation, .. } = self.geometry;
        check_grid("height or width of the input", (h, w))?;
        let reach = dilation.saturating_mul(kernel - 1).saturating_add(1);
        check_range("reach of the filter", reach, 1, h.min(w) + 2 * padding)?;
        let Some(grid) = self.geometry.out_size(h, w) else {
            return Err(KernelError::TooLarge { what: "padded input", extents: vec![h, w, padding] });
        };
        // What the kernels allocate and index, or more: padded channels-last rows, im2col matrices, results.
        elements("padded input", &[n, self.in_channels, h + 2 * padding, w + 2 * padding])?;
        elements("im2col matrix", &[self.in_channels * self.geometry.taps(), n, grid.0, grid.1])?;
        elements("output", &[n, self.out_channels, grid.0, grid.1])?;
        Ok(BatchConv { shape: *self, n, input: (h, w), grid })
    }
}

/// A convolution of a batch of images, whose extents were checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchConv {
    pub shape: ConvShape,
    /// Images.
    pub n: usize,
    /// Height and width of the input.
    pub input: (usize, usize),
    /// Height and width of the output.
    pub grid: (usize, usize),
}

impl BatchConv {
    /// Elements of the input.
    #[inline]
    pub(crate) const fn inputs(&self) -> usize {
        self.n * self.shape.in_channels * self.input.0 * self.input.1
    }

    /// Elements of the output.
    #[inline]
    pub(crate) const fn outputs(&self) -> usize {
        self.n * self.shape.out_channels * self.plane()
    }

    /// Elements of an output channel.
    #[inline]
    pub(crate) const fn plane(&self) -> usize {
        self.grid.0 * self.grid.1
    }

    /// Checks a weight's elements.
    pub(crate) fn check_weight(&self, found: usize) -> Result<()> {
        check_shape("weight", &self.shape.weight(), found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conv(geometry: Geometry) -> ConvShape {
        ConvShape { in_channels: 2, out_channels: 3, geometry }
    }

    #[test]
    fn sizes_are_those_of_pytorch() {
        let out = |kernel, stride, padding, dilation, h, w| {
            Geometry { kernel, stride, padding, dilation }.out_size(h, w)
        };
        assert_eq!(out(3, 1, 1, 1, 7, 9), Some((7, 9)));
        assert_eq!(out(3, 2, 1, 1, 7, 8), Some((4, 4)));
        assert_eq!(out(3, 1, 0, 2, 7, 5), Some((3, 1)));
        assert_eq!(out(3, 1, 0, 2, 7, 4), None);
        assert_eq!(Geometry::same(5, 1), Geometry { kernel: 5, stride: 1, padding: 2, dilation: 1 });
    }

    #[test]
    fn zero_and_huge_extents_are_refused() {
        let good = Geometry::same(3, 1);
        assert!(conv(good).on((0, 4, 4)).is_ok(), "an empty batch");
        for (what, h, w) in [("height", 0, 4), ("width", 4, 0), ("height", usize::MAX, 4)] {
            assert!(conv(good).on((1, h, w)).is_err(), "{what}");
        }
        for side in [0, 1 << 62, usize::MAX - 1, usize::MAX] {
            let kernel = Geometry { kernel: side, ..good };
            let dilation = Geometry { dilation: side, ..good };
            for geometry in [kernel, dilation] {
                assert!(conv(geometry).on((1, 4, 4)).is_err(), "{geometry:?}");
            }
            let stride = Geometry { stride: side, ..good };
            assert!(conv(stride).on((1, 4, 4)).is_err(), "{stride:?}");
            let padding = Geometry { padding: side, ..good };
            assert_eq!(conv(padding).on((1, 4, 4)).is_err(), side != 0, "{padding:?}");
            for shape in [
                ConvShape { in_channels: side, ..conv(good) },
                ConvShape { out_channels: side, ..conv(good) },
            ] {
                assert!(shape.on((1, 4, 4)).is_err(), "{shape:?}");
            }
            assert_eq!(conv(good).on((side, 4, 4)).is_err(), side != 0, "{side} images");
        }
    }
}
