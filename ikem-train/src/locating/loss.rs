use candle_core::{DType, Device, Result as CandleResult, Tensor};
use ikem_data::{End, LocatingTarget};
use ikem_models::{LOCATOR_MAPS, LOCATOR_STRIDE, LocatorLogits};

use super::config::LocatorWeights;
use crate::error::Result;
use crate::loss::cross_entropy;

/// Standard deviation of the target Gaussian of a spine end, in pixels of the map.
const END_STD: f32 = 1.5;
/// Additional weight of the pixel at a spine end, relative to background.
const END_WEIGHT: f32 = 40.0;

/// The locator's loss: the cross-entropies of the spine's map where it is labelled, of the ends' maps against
/// Gaussians, and of the film's classification where it is labelled.
#[derive(Debug, Clone, Copy)]
pub(super) struct LocatorLoss {
    weights: LocatorWeights,
}

/// The targets of a batch as tensors.
struct Targets {
    /// (B, 3, h, w), with the weight of each pixel.
    maps: Tensor,
    map_weights: Tensor,
    /// (B, 6); the first four are one-hot.
    answers: Tensor,
    answer_weights: Tensor,
}

impl LocatorLoss {
    /// The loss with the given weights of its terms.
    #[must_use]
    pub(super) const fn new(weights: LocatorWeights) -> Self {
        Self { weights }
    }

    /// The loss of a batch, a scalar.
    ///
    /// # Errors
    /// When the targets do not match the logits, or the device fails.
    pub(super) fn evaluate(&self, logits: &LocatorLogits, targets: &[LocatingTarget]) -> Result<Tensor> {
        let (batch, _, side, _) = logits.maps.dims4()?;
        if targets.len() != batch || targets.iter().any(|target| target.column.len() != side * side) {
            return Err(candle_core::Error::Msg(format!(
                "{} targets for maps of shape {:?}",
                targets.len(),
                logits.maps.shape()
            ))
            .into());
        }
        let LocatorWeights { column, ends, answers } = self.weights;
        let targets = Targets::new(targets, side, logits.maps.device(), logits.maps.dtype())?;
        let part = |tensor: &Tensor, first, count| tensor.narrow(1, first, count);
        let maps = |first, count| {
            weighted_mean(
                &cross_entropy(&part(&logits.maps, first, count)?, &part(&targets.maps, first, count)?)?,
                &part(&targets.map_weights, first, count)?,
            )
        };
        let turns = {
            let turns = part(&logits.answers, 0, 4)?;
            let turns = turns.broadcast_sub(&turns.max_keepdim(1)?.detach())?;
            let logarithms = turns.broadcast_sub(&turns.exp()?.sum_keepdim(1)?.log()?)?;
            let chosen = (logarithms * part(&targets.answers, 0, 4)?)?.sum_keepdim(1)?.neg()?;
            weighted_mean(&chosen, &part(&targets.answer_weights, 0, 1)?)?
        };
        let yes_or_no = |place| {
            weighted_mean(
                &cross_entropy(&part(&logits.answers, place, 1)?, &part(&targets.answers, place, 1)?)?,
                &part(&targets.answer_weights, place, 1)?,
            )
        };
        let questions = ((turns + yes_or_no(4)?)? + yes_or_no(5)?)?;
        let maps = ((maps(0, 1)? * column)? + (maps(1, LOCATOR_MAPS - 1)? * ends)?)?;
        Ok((maps + (questions * answers)?)?)
    }
}

/// The weighted mean of `values`; 0 when all weights are 0.
fn weighted_mean(values: &Tensor, weights: &Tensor) -> CandleResult<Tensor> {
    let total = (weights.sum_all()? + 1e-6)?;
    (values * weights)?.sum_all()?.div(&total)
}

impl Targets {
    fn new(targets: &[LocatingTarget], side: usize, device: &Device, dtype: DType) -> CandleResult<Self> {
        let batch = targets.len();
        let (mut maps, mut map_weights) = (Vec::new(), Vec::new());
        let (mut answers, mut answer_weights) = (Vec::new(), Vec::new());
        for target in targets {
            maps.extend_from_slice(&target.column);
            map_weights.extend_from_slice(&target.weight);
            for end in target.ends {
                let map = end_map(end, side);
                match end {
                    // It lies at none of the pixels where the spine is labelled.
                    End::Unknown => map_weights.extend_from_slice(&target.weight),
                    _ => map_weights.extend(map.iter().map(|value| 1.0 + END_WEIGHT * value)),
                }
                maps.extend(map);
            }
            let turns = target.turns.map_or([0.0; 4], |turns| {
                let mut chosen = [0.0; 4];
                chosen[usize::from(turns) % 4] = 1.0;
                chosen
            });
            answers.extend(turns);
            answers
                .extend([target.negative == Some(true), target.spine].map(|yes| if yes { 1.0 } else { 0.0 }));
            let counts = |known: bool| if known { 1.0 } else { 0.0 };
            answer_weights.extend([counts(target.turns.is_some()); 4]);
            answer_weights.extend([counts(target.negative.is_some()), 1.0]);
        }
        let tensor =
            |values: Vec<f32>, shape: &[usize]| Tensor::from_vec(values, shape, device)?.to_dtype(dtype);
        let (map_shape, answer_shape) = ([batch, LOCATOR_MAPS, side, side], [batch, 6]);
        Ok(Self {
            maps: tensor(maps, &map_shape)?,
            map_weights: tensor(map_weights, &map_shape)?,
            answers: tensor(answers, &answer_shape)?,
            answer_weights: tensor(answer_weights, &answer_shape)?,
        })
    }
}

/// The target Gaussian of a spine end on a map; zeros when the end is outside the scene.
fn end_map(end: End, side: usize) -> Vec<f32> {
    let End::At(point) = end else { return vec![0.0; side * side] };
    // The centre of the map's pixel i lies at stride · (i + 1/2) from the edge.
    let place = |value: f32| (value + 0.5) / LOCATOR_STRIDE as f32 - 0.5;
    let (x, y) = (place(point.x), place(point.y));
    let off = |i: usize, center: f32| {
        let off = (i as f32 - center) / END_STD;
        (-0.5 * off * off).exp()
    };
    (0..side * side).map(|i| off(i % side, x) * off(i / side, y)).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::Var;
    use ikem_core::Point;

    use super::*;

    const SIDE: usize = 4;

    fn targets() -> Vec<LocatingTarget> {
        let mut column = vec![0.0; 16];
        column[5] = 1.0;
        column[9] = 0.5;
        let mut weight = vec![1.0; 16];
        weight[13] = 0.0;
        let ends = [End::At(Point::new(5.0, 3.0)), End::Unknown];
        let seen = LocatingTarget { column, weight, ends, turns: Some(2), negative: Some(true), spine: true };
        let blank = LocatingTarget {
            column: vec![0.0; 16],
            weight: vec![1.0; 16],
            ends: [End::Outside; 2],
            turns: None,
            negative: None,
            spine: false,
        };
        vec![seen, blank]
    }

    fn logits(values: &[f64]) -> (Var, Var) {
        let (maps, answers) = values.split_at(2 * 3 * 16);
        let maps = Tensor::from_slice(maps, (2, 3, SIDE, SIDE), &Device::Cpu).expect("maps");
        let answers = Tensor::from_slice(answers, (2, 6), &Device::Cpu).expect("answers");
        (Var::from_tensor(&maps).expect("a variable"), Var::from_tensor(&answers).expect("a variable"))
    }

    fn loss(values: &[f64]) -> f64 {
        let (maps, answers) = logits(values);
        let logits = LocatorLogits { maps: maps.as_tensor().clone(), answers: answers.as_tensor().clone() };
        let loss = LocatorLoss::new(LocatorWeights::default()).evaluate(&logits, &targets());
        loss.expect("a loss").to_scalar::<f64>().expect("a number")
    }

    #[test]
    fn the_gradient_matches_central_differences() {
        const STEP: f64 = 1e-5;
        let values: Vec<f64> = (0..108).map(|i| f64::from((i * 37) % 23) / 7.0 - 1.5).collect();
        let (maps, answers) = logits(&values);
        let given = LocatorLogits { maps: maps.as_tensor().clone(), answers: answers.as_tensor().clone() };
        let loss_of =
            LocatorLoss::new(LocatorWeights::default()).evaluate(&given, &targets()).expect("a loss");
        let gradients = loss_of.backward().expect("gradients");
        let flat = |var: &Var| {
            gradients
                .get(var)
                .expect("a gradient")
                .flatten_all()
                .and_then(|g| g.to_vec1::<f64>())
                .expect("values")
        };
        let found: Vec<f64> = flat(&maps).into_iter().chain(flat(&answers)).collect();
        for (i, found) in found.into_iter().enumerate() {
            let moved = |by: f64| {
                let mut values = values.clone();
                values[i] += by;
                loss(&values)
            };
            let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            assert!((found - expected).abs() < 1e-7, "element {i}: {found}, expected {expected}");
        }
    }

    #[test]
    fn unlabelled_targets_have_no_effect() {
        let mut values = vec![0.0; 108];
        let before = loss(&values);
        values[13] = 5.0; // the column where its weight is 0
        values[2 * 16 + 13] = -4.0; // the second end of the first scene, there
        values[96 + 6] = 3.0; // turns of the blank scene
        values[96 + 10] = 3.0; // whether it is a negative
        assert!((loss(&values) - before).abs() < 1e-12);
        values[96 + 11] = 3.0; // that it shows a spine
        assert!(loss(&values) > before);
    }

    #[test]
    fn end_maps_peak_at_the_ends() {
        let map = end_map(End::At(Point::new(5.5, 9.5)), SIDE);
        let peak = (0..16).max_by(|&a, &b| map[a].total_cmp(&map[b])).expect("pixels");
        assert_eq!((peak % SIDE, peak / SIDE), (1, 2));
        assert!((map[peak] - 1.0).abs() < 1e-6);
        assert!(end_map(End::Outside, SIDE).iter().all(|value| *value == 0.0));
    }
}
