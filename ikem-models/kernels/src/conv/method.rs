//! The fastest algorithm for the shape of a convolution.

use super::geometry::{ConvShape, Geometry};
use crate::gemm::{MR, NR};

/// A way of computing a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// The product of the weights and the im2col matrix.
    Gemm,
    /// Winograd's filtering with tiles of this many outputs a side: 2 or 4.
    Winograd(usize),
}

/// Time to stream one weight from memory or to transform it, in microkernel steps of `MR * NR` multiply-adds; fitted to
/// measurements.
const WEIGHT: f64 = 0.04;
/// Time to transform a panel of one channel, in or out, for 2 × 2 and 4 × 4 outputs, in microkernel steps.
const TRANSFORM: [f64; 2] = [20.0, 60.0];

impl Method {
    /// The method for `n` images whose output planes are `grid`; it depends on shapes alone.
    pub(super) fn choose(shape: &ConvShape, n: usize, grid: (usize, usize)) -> Self {
        if !matches!(shape.geometry, Geometry { kernel: 3, stride: 1, padding: 0..=2, dilation: 1 }) {
            return Self::Gemm;
        }
        let rows = shape.out_channels.div_ceil(MR) as f64;
        let (ic, oc) = (shape.in_channels as f64, shape.out_channels as f64);
        let panels = |pixels: usize| pixels.div_ceil(NR) as f64;
        let product = rows * 9.0 * ic * panels(n * grid.0 * grid.1) + WEIGHT * 9.0 * ic * oc;
        let winograd = |out: usize| {
            let positions = ((out + 2) * (out + 2)) as f64;
            let panels = panels(n * grid.0.div_ceil(out) * grid.1.div_ceil(out));
            let transforms = TRANSFORM[out / 4] * (ic + oc) * panels;
            positions * (rows * ic * panels + WEIGHT * ic * oc) + transforms
        };
        [(product, Self::Gemm), (winograd(2), Self::Winograd(2)), (winograd(4), Self::Winograd(4))]
            .into_iter()
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(Self::Gemm, |best| best.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_planes_of_many_channels_are_multiplied_and_large_planes_filtered() {
        let shape = |in_channels, out_channels, kernel, stride| ConvShape {
            in_channels,
            out_channels,
            geometry: Geometry::same(kernel, stride),
        };
        let choose = |ic, oc, n, h, w| Method::choose(&shape(ic, oc, 3, 1), n, (h, w));
        assert_eq!(choose(64, 64, 1, 128, 64), Method::Winograd(4));
        assert_eq!(choose(256, 256, 1, 32, 16), Method::Winograd(4));
        assert_eq!(choose(512, 512, 1, 16, 8), Method::Winograd(2));
        assert_eq!(choose(1024, 1024, 1, 8, 4), Method::Gemm);
        assert_eq!(Method::choose(&shape(64, 64, 3, 2), 1, (64, 32)), Method::Gemm);
        assert_eq!(Method::choose(&shape(64, 64, 1, 1), 1, (64, 32)), Method::Gemm);
    }
}
