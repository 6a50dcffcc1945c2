//! The same spine counted one vertebra further up or down, and how likely each count is.

use super::chain::{Chain, Gap, chain};

/// By how much of a level end plates may be off the place that another count puts them at.
const WINDOW: f32 = 0.4;
/// Inverse temperature of the log-likelihoods: end plates err together, so that 34 of them say little more than one. Fitted on the
/// validation films, where the bundled model's probabilities then have the least log loss.
const INVERSE_TEMPERATURE: f32 = 0.035;

/// The most likely chain that counts `by` vertebrae further: each end plate is about where `found` has the one `by` vertebrae
/// further up. `None` where the midline ends before.
pub(super) fn recounted(scores: &[Vec<f32>], gaps: &[Gap], found: &Chain, by: isize) -> Option<Chain> {
    let last = found.places.len().checked_sub(1)?;
    let mean = |gaps: &[Gap]| gaps.iter().map(|gap| gap.mean).sum::<f32>();
    let level = mean(gaps) / (0.5 * last as f32);
    let center = |index: usize| {
        let place = |index: usize| found.places[index] as f32;
        let source = index as isize - 2 * by;
        // Beyond its ends the spine goes on as its last vertebra and disc do.
        match usize::try_from(source) {
            Ok(source) if source <= last => Some(place(source)),
            Ok(source) => Some(place(last) + mean(gaps.get(last - 2..source - 2)?)),
            Err(_) => Some(place(0) - mean(gaps.get(2usize.checked_sub(source.unsigned_abs())?..2)?)),
        }
    };
    let inside = scores.iter().enumerate().map(|(index, scores)| {
        let center = center(index)?;
        let kept = |(place, &score): (usize, &f32)| match (place as f32 - center).abs() <= WINDOW * level {
            true => score,
            false => f32::NEG_INFINITY,
        };
        Some(scores.iter().enumerate().map(kept).collect())
    });
    chain(&inside.collect::<Option<Vec<Vec<f32>>>>()?, gaps)
}

/// The probabilities of chains by their log-likelihoods: their softmax at a temperature.
pub(super) fn probabilities(scores: &[f32]) -> Vec<f32> {
    let best = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let odds: Vec<f32> = scores.iter().map(|score| (INVERSE_TEMPERATURE * (score - best)).exp()).collect();
    let all: f32 = odds.iter().sum();
    odds.iter().map(|odds| odds / all).collect()
}
