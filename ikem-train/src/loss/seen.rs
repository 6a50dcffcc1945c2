//! Which keypoints of a batch are seen. The others are in no term of a loss.

use candle_core::{Result, Tensor};
use ikem_core::Keypoints;

/// The indices of the keypoints that are seen among those of all images, one after the other; `None` if all are.
pub(super) fn seen(targets: &[Keypoints]) -> Option<Vec<u32>> {
    let all = || targets.iter().flat_map(|points| points.iter());
    if !all().any(|point| point.is_absent()) {
        return None;
    }
    Some((0..).zip(all()).filter(|(_, point)| !point.is_absent()).map(|(index, _)| index).collect())
}

/// The maps of the keypoints that are `seen`, of (B, K, h, w), as those of one image, and their targets.
pub(super) fn seen_maps(
    maps: &Tensor,
    targets: &[Keypoints],
    seen: &[u32],
) -> Result<(Tensor, [Keypoints; 1])> {
    let (batch, keypoints, height, width) = maps.dims4()?;
    let all = maps.reshape((1, batch * keypoints, height, width))?;
    let maps = all.index_select(&Tensor::new(seen, maps.device())?, 1)?;
    let points = targets.iter().flat_map(|points| points.iter().copied()).filter(|point| !point.is_absent());
    Ok((maps, [points.collect()]))
}
