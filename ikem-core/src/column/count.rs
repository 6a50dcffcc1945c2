//! How likely the same spine is counted otherwise.

use super::chain::{Chain, Gap, chain};

/// By how much of a level end plates may be off the place that another count puts them at.
const WINDOW: f32 = 0.4;
/// How much a difference of log-likelihoods says: end plates err together, so that 34 of them say little more than one. With this,
/// the probabilities are those with which the bundled model counts wrongly on the validation films.
const INDEPENDENT: f32 = 0.035;

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
    let windows =
        (0..=last).map(|index| Some(center(index)? - WINDOW * level..center(index)? + WINDOW * level));
    let windows: Vec<std::ops::Range<f32>> = windows.collect::<Option<_>>()?;
    let inside = windows.iter().zip(scores).map(|(window, scores)| {
        let kept = |(place, &score): (usize, &f32)| match window.contains(&(place as f32)) {
            true => score,
            false => f32::NEG_INFINITY,
        };
        scores.iter().enumerate().map(kept).collect()
    });
    chain(&inside.collect::<Vec<Vec<f32>>>(), gaps)
}

/// The probabilities of chains by their log-likelihoods.
pub(super) fn probabilities(scores: &[f32]) -> Vec<f32> {
    let best = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let odds: Vec<f32> = scores.iter().map(|score| (INDEPENDENT * (score - best)).exp()).collect();
    let all: f32 = odds.iter().sum();
    odds.iter().map(|odds| odds / all).collect()
}
