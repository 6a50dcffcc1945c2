use candle_core::{DType, Device, Result, Tensor};

use super::plain;

/// Bilinear resizing with aligned corners, (B, C, H, W) → (B, C, `height`, `width`), as PyTorch's
/// `interpolate(mode="bilinear", align_corners=True)`.
///
/// # Errors
/// When the device fails.
pub fn resize_bilinear(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    if x.dims4()? == (x.dim(0)?, x.dim(1)?, height, width) {
        return Ok(x.clone());
    }
    plain::resize_bilinear(x, height, width)
}

/// Where each of `to` samples lies among `from` ones, the first on the first and the last on the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Interpolation {
    from: usize,
    /// The sample before, and the weight of the one after it.
    taps: Vec<(usize, f32)>,
}

impl Interpolation {
    /// The samples of `to` places on an axis of `from` values.
    #[must_use]
    pub fn new(from: usize, to: usize) -> Self {
        // PyTorch computes the scale and the places in f32; so do we, to round alike.
        let scale = if to > 1 { from.saturating_sub(1) as f32 / (to - 1) as f32 } else { 0.0 };
        let tap = |i: usize| {
            let place = i as f32 * scale;
            let before = (place as usize).min(from.saturating_sub(1));
            (before, if before + 1 < from { place - before as f32 } else { 0.0 })
        };
        Self { from, taps: (0..to).map(tap).collect() }
    }

    /// The sample before each place, and the weight of the one after it.
    #[must_use]
    pub fn taps(&self) -> &[(usize, f32)] {
        &self.taps
    }

    /// The interpolation as a matrix, shape (to, from).
    pub(super) fn matrix(&self, dtype: DType, device: &Device) -> Result<Tensor> {
        let mut values = vec![0.0_f32; self.taps.len() * self.from];
        for (row, &(before, after)) in values.chunks_exact_mut(self.from.max(1)).zip(&self.taps) {
            row[before] = 1.0 - after;
            if after > 0.0 {
                row[before + 1] = after;
            }
        }
        Tensor::from_vec(values, (self.taps.len(), self.from), device)?.to_dtype(dtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_aligned() {
        assert_eq!(Interpolation::new(3, 5).taps(), [(0, 0.0), (0, 0.5), (1, 0.0), (1, 0.5), (2, 0.0)]);
        assert_eq!(Interpolation::new(4, 1).taps(), [(0, 0.0)]);
        assert_eq!(Interpolation::new(1, 3).taps(), [(0, 0.0); 3]);
    }
}
