use candle_core::{Result, Tensor};
use ikem_core::{Keypoints, Point};

/// The mean of |x|, with gradient 0 at 0 as in PyTorch.
pub(super) fn mean_magnitude(x: &Tensor) -> Result<Tensor> {
    magnitude(x)?.mean_all()
}

/// |x|, with gradient 0 at 0.
pub(super) fn magnitude(x: &Tensor) -> Result<Tensor> {
    x * x.detach().sign()?
}

/// The mean of `values` (B, N) over those that `counts` marks, 1 or 0 each; 0 if there are none.
pub(super) fn mean_of(values: &Tensor, counts: Option<&Tensor>) -> Result<Tensor> {
    let Some(counts) = counts else { return values.mean_all() };
    let sum = (values * counts)?.sum_all()?;
    sum / counts.sum_all()?.maximum(1.0)?
}

/// Keypoints as a tensor of shape (B, K, 2), with the type and device of `like`; those that are not seen at 0, so that
/// nothing computed from them is infinite.
pub(super) fn tensor_of(keypoints: &[Keypoints], like: &Tensor) -> Result<Tensor> {
    let values: Vec<f32> = keypoints.iter().flat_map(|points| points.iter().flat_map(place)).collect();
    let count = keypoints.first().map_or(0, |points| points.len());
    Tensor::from_vec(values, (keypoints.len(), count, 2), like.device())?.to_dtype(like.dtype())
}

/// The binary cross-entropy of each logit in its numerically stable form: max(x, 0) − x t + log(1 + e^−|x|).
pub(crate) fn cross_entropy(x: &Tensor, target: &Tensor) -> Result<Tensor> {
    let softplus = (x.abs()?.neg()?.exp()? + 1.0)?.log()?;
    (x.relu()? - (x * target)?)? + softplus
}

fn place(point: &Point) -> [f32; 2] {
    if point.is_absent() { [0.0; 2] } else { [point.x, point.y] }
}
