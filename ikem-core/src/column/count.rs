//! Alternative vertebra counts of the same spine, shifted by one level, and their probabilities.

use super::chain::{Chain, Gap, chain};

/// The largest deviation of an end plate from its shifted position, in levels.
const WINDOW: f32 = 0.4;
/// Inverse temperature of the log-likelihoods. The errors of end plates are correlated, so that 34 of them carry little
/// more information than one. Fitted to minimise the log loss of the bundled model's probabilities on the validation
/// films.
const INVERSE_TEMPERATURE: f32 = 0.035;

/// The most likely chain with the count shifted by `by` vertebrae: each end plate is near the position of the one `by`
/// vertebrae above it in `found`. `None` when the midline ends before.
pub(super) fn recounted(scores: &[Vec<Vec<f32>>], gaps: &[Gap], found: &Chain, by: isize) -> Option<Chain> {
    let last = found.positions.len().checked_sub(1)?;
    let mean = |gaps: &[Gap]| gaps.iter().map(|gap| gap.mean).sum::<f32>();
    let level = mean(gaps) / (0.5 * last as f32);
    let center = |index: usize| {
        let position = |index: usize| found.positions[index] as f32;
        let source = index as isize - 2 * by;
        // Beyond its ends, the spine is extrapolated with its last vertebra and disc.
        match usize::try_from(source) {
            Ok(source) if source <= last => Some(position(source)),
            Ok(source) => Some(position(last) + mean(gaps.get(last - 2..source - 2)?)),
            Err(_) => Some(position(0) - mean(gaps.get(2usize.checked_sub(source.unsigned_abs())?..2)?)),
        }
    };
    let inside = scores.iter().enumerate().map(|(index, scores)| {
        let center = center(index)?;
        let kept =
            |(position, &score): (usize, &f32)| match (position as f32 - center).abs() <= WINDOW * level {
                true => score,
                false => f32::NEG_INFINITY,
            };
        Some(scores.iter().map(|scores| scores.iter().enumerate().map(kept).collect()).collect())
    });
    chain(&inside.collect::<Option<Vec<Vec<Vec<f32>>>>>()?, gaps)
}

/// The probabilities of chains: the softmax of their tempered log-likelihoods.
pub(super) fn probabilities(scores: &[f32]) -> Vec<f32> {
    let best = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let odds: Vec<f32> = scores.iter().map(|score| (INVERSE_TEMPERATURE * (score - best)).exp()).collect();
    let all: f32 = odds.iter().sum();
    odds.iter().map(|odds| odds / all).collect()
}
