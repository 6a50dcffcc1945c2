//! Every operation composed of candle's own, with correct gradients, on any device: for devices and types without
//! kernels, and as the reference that the kernels are tested against.
//!
//! candle's max pool, bilinear resizing, strided convolution of odd shapes and ReLU at zero have wrong or missing
//! gradients; the compositions here avoid them.

use candle_core::{D, DType, Result, Tensor};
use ikem_kernels::{Activation, Geometry};

/// Convolution. The input is padded to exactly what the windows reach: candle's backward pass of a strided
/// convolution fails where rows and columns are left over in different numbers.
pub(super) fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    geometry: Geometry,
) -> Result<Tensor> {
    let x = fit_windows(x, D::Minus2, geometry)?;
    let x = fit_windows(&x, D::Minus1, geometry)?;
    let y = x.conv2d(weight, 0, geometry.stride, geometry.dilation, 1)?;
    match bias {
        Some(bias) => y.broadcast_add(&bias.reshape((1, (), 1, 1))?),
        None => Ok(y),
    }
}

/// Pads one axis with zeros, and cuts off the elements at its end that the last window does not reach.
fn fit_windows(x: &Tensor, axis: D, geometry: Geometry) -> Result<Tensor> {
    let Geometry { kernel, stride, padding, dilation } = geometry;
    let extent = x.dim(axis)?;
    let window = dilation * (kernel - 1) + 1;
    let Some(spare) = (extent + 2 * padding).checked_sub(window) else {
        candle_core::bail!("a window of {window} does not fit into {extent} + 2 x {padding}");
    };
    let reached = window + spare / stride * stride;
    let after = reached.saturating_sub(extent + padding);
    let x = x.narrow(axis, 0, reached - padding - after)?;
    x.pad_with_zeros(axis, padding, after)
}

/// Transposed convolution of a 2 × 2 kernel with stride 2: each pixel becomes four, so that it is one matrix product
/// and a permutation.
pub(super) fn conv_transpose2x2(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (batch, channels_in, height, width) = x.dims4()?;
    let channels_out = weight.dim(1)?;
    let pixels = x.permute((0, 2, 3, 1))?.contiguous()?.reshape((batch * height * width, channels_in))?;
    let y = pixels.matmul(&weight.reshape((channels_in, channels_out * 4))?)?;
    let y =
        y.reshape((batch, height, width, channels_out, 2, 2))?.permute((0, 3, 1, 4, 2, 5))?.contiguous()?;
    y.reshape((batch, channels_out, 2 * height, 2 * width))?.broadcast_add(&bias.reshape((1, (), 1, 1))?)
}

/// 2 × 2 max pool; the gradient goes to the first of equal maxima.
pub(super) fn max_pool2x2(x: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let (h, w) = (height / 2, width / 2);
    let x = x.narrow(2, 0, 2 * h)?.narrow(3, 0, 2 * w)?.contiguous()?;
    let windows = x.reshape((batch, channels, h, 2, w, 2))?.permute((0, 1, 2, 4, 3, 5))?.contiguous()?;
    first_maximum(&windows.reshape((batch, channels, h, w, 4))?)
}

/// The maximum of every plane, (B, C, H, W) → (B, C, 1, 1); the gradient goes to the first of equal maxima.
pub(super) fn global_max(x: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    first_maximum(&x.contiguous()?.reshape((batch, channels, 1, 1, height * width))?)
}

/// The maximum over the last axis, which is removed.
fn first_maximum(x: &Tensor) -> Result<Tensor> {
    let place = x.detach().argmax_keepdim(D::Minus1)?;
    x.gather(&place, D::Minus1)?.squeeze(D::Minus1)
}

/// Bilinear resizing with aligned corners, as a product with one matrix for each axis.
pub(super) fn resize_bilinear(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (batch, channels, h, w) = x.dims4()?;
    let rows = interpolation(h, height, x)?;
    let columns = interpolation(w, width, x)?.t()?;
    let y = x.contiguous()?.reshape((batch * channels * h, w))?.matmul(&columns)?;
    let y = y.reshape((batch * channels, h, width))?;
    rows.broadcast_as((batch * channels, height, h))?.matmul(&y)?.reshape((batch, channels, height, width))
}

/// The matrix (`to`, `from`) that samples an axis of `from` values at `to` places, the first on the first and the last
/// on the last; in the type of `like` and on its device.
fn interpolation(from: usize, to: usize, like: &Tensor) -> Result<Tensor> {
    // PyTorch computes the places in single precision unless the tensors are double; so do we, to round alike.
    let round = |x: f64| if like.dtype() == DType::F64 { x } else { f64::from(x as f32) };
    let last = from.saturating_sub(1);
    let scale = if to > 1 { round(last as f64 / (to - 1) as f64) } else { 0.0 };
    let mut values = vec![0.0; to * from];
    for (i, row) in values.chunks_exact_mut(from.max(1)).enumerate() {
        let place = round(i as f64 * scale);
        let before = (place as usize).min(last);
        let after = if before < last { place - before as f64 } else { 0.0 };
        row[before] = 1.0 - after;
        if after > 0.0 {
            row[before + 1] = after;
        }
    }
    Tensor::from_vec(values, (to, from), like.device())?.to_dtype(like.dtype())
}

/// Activation with PyTorch's gradients at zero: 0 for ReLU, the slope for LeakyReLU.
pub(super) fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    let below = match activation {
        Activation::Identity => return Ok(x.clone()),
        Activation::Relu => x.zeros_like()?,
        Activation::LeakyRelu(slope) => (x * f64::from(slope))?,
    };
    x.detach().gt(0_f64)?.where_cond(x, &below)
}

/// Batch normalisation by the batch's own statistics, without activation: the normalised batch, means and biased
/// variances.
pub(super) fn batch_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor, epsilon: f64) -> Result<[Tensor; 3]> {
    let channels = |t: &Tensor| t.reshape((1, (), 1, 1));
    let mean = x.mean_keepdim((0, 2, 3))?;
    let centred = x.broadcast_sub(&mean)?;
    let variance = centred.sqr()?.mean_keepdim((0, 2, 3))?;
    let scale = channels(gamma)?.div(&(&variance + epsilon)?.sqrt()?)?;
    let y = centred.broadcast_mul(&scale)?.broadcast_add(&channels(beta)?)?;
    let flat = |t: &Tensor| t.detach().flatten_all();
    Ok([y, flat(&mean)?, flat(&variance)?])
}

/// Mean binary cross-entropy on logits, in a form in which no logit overflows: max(x, 0) − x t + log(1 + e^−|x|).
pub(super) fn bce_with_logits(x: &Tensor, target: &Tensor) -> Result<Tensor> {
    let softplus = (x.abs()?.neg()?.exp()? + 1.0)?.log()?;
    ((x.relu()? - (x * target)?)? + softplus)?.mean_all()
}

/// 1 / (1 + e^−x), in a form in which neither the value nor its gradient overflows.
pub(crate) fn sigmoid(x: &Tensor) -> Result<Tensor> {
    let small = x.abs()?.neg()?.exp()?;
    let numerator = x.ge(0.0)?.where_cond(&small.ones_like()?, &small)?;
    numerator.div(&(small + 1.0)?)
}

/// The mean position under the sigmoid of the logits on a grid: (B, K, h, w) → (B, K, 2), x and y.
pub(super) fn expected_points(logits: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let heat = sigmoid(&resize_bilinear(logits, height, width)?)?;
    let (rows, columns) = (heat.sum(3)?, heat.sum(2)?);
    let mass = rows.sum(2)?;
    let mean = |sums: &Tensor, extent: usize| {
        let places = Tensor::arange(0, extent as u32, sums.device())?.to_dtype(sums.dtype())?;
        sums.broadcast_mul(&places)?.sum(2)?.div(&mass)
    };
    Tensor::stack(&[mean(&columns, width)?, mean(&rows, height)?], 2)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn corners_are_aligned() {
        let matrix = |from, to| {
            let like = Tensor::zeros(1, DType::F32, &Device::Cpu).expect("a tensor");
            interpolation(from, to, &like).and_then(|m| m.to_vec2::<f32>()).expect("a matrix")
        };
        assert_eq!(
            matrix(3, 5),
            [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]
        );
        assert_eq!(matrix(4, 1), [[1.0, 0.0, 0.0, 0.0]]);
        assert_eq!(matrix(1, 3), [[1.0]; 3]);
    }
}
