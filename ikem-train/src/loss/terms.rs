use candle_core::{Result, Tensor};
use ikem_core::Keypoints;

/// The mean of |x|, with gradient 0 at 0 as in PyTorch.
pub(super) fn mean_magnitude(x: &Tensor) -> Result<Tensor> {
    (x * x.detach().sign()?)?.mean_all()
}

/// Keypoints as a tensor of shape (B, K, 2), with the type and device of `like`.
pub(super) fn tensor_of(keypoints: &[Keypoints], like: &Tensor) -> Result<Tensor> {
    let values: Vec<f32> =
        keypoints.iter().flat_map(|points| points.iter().flat_map(|point| [point.x, point.y])).collect();
    let count = keypoints.first().map_or(0, |points| points.len());
    Tensor::from_vec(values, (keypoints.len(), count, 2), like.device())?.to_dtype(like.dtype())
}
