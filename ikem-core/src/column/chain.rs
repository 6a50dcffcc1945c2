/// The distribution of the distance between successive links of a chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    /// Mean and standard deviation, in steps.
    pub(super) mean: f32,
    pub(super) spread: f32,
    pub(super) law: Law,
    /// The cost of another state beyond it, a log-likelihood ratio; infinite where the state stays.
    pub(super) change: f32,
}

/// The shape of such a distribution.
#[derive(Debug, Clone, Copy)]
pub(super) enum Law {
    Normal,
    /// `mean` is the median: half of it is as unlikely as twice. For heights of vertebrae, none of which is near 0.
    LogNormal,
}

impl Gap {
    /// The negative log-likelihood of a distance, relative to that of the mean.
    fn cost(&self, steps: f32) -> f32 {
        let deviation = match self.law {
            Law::Normal => steps - self.mean,
            Law::LogNormal => self.mean * (steps / self.mean).ln(),
        };
        0.5 * (deviation / self.spread).powi(2)
    }
}

/// The largest gap considered, in standard deviations above its mean, and as a multiple of its mean.
const FAR: f32 = 6.0;
const LARGEST: f32 = 3.0;

/// The positions and states of a chain's links, and its log-likelihood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chain {
    pub(super) positions: Vec<usize>,
    pub(super) states: Vec<usize>,
    pub(super) score: f32,
}

/// The most likely chain, by the Viterbi algorithm: `scores` holds the log-likelihood of each position for each link and
/// state (−∞ where impossible), `gaps` the distribution of the distance to the next link. Successive links are at
/// least one step apart. `None` when no chain fits, or a score is NaN.
pub(super) fn chain(scores: &[Vec<Vec<f32>>], gaps: &[Gap]) -> Option<Chain> {
    let (first, rest) = scores.split_first()?;
    let mut best = first.clone();
    let mut origins: Vec<Vec<Vec<Origin>>> = Vec::with_capacity(rest.len());
    for (scores, gap) in rest.iter().zip(gaps) {
        let next: Vec<(Vec<f32>, Vec<Origin>)> = scores
            .iter()
            .enumerate()
            .map(|(state, scores)| linked(scores, &entered(&best, state, gap.change), gap))
            .collect();
        let origin;
        (best, origin) = next.into_iter().unzip();
        origins.push(origin);
    }
    let ends = best.iter().enumerate().flat_map(|(state, best)| (0..best.len()).map(move |at| (state, at)));
    let last = ends.max_by(|a, b| best[a.0][a.1].total_cmp(&best[b.0][b.1]))?;
    let score = best[last.0][last.1];
    if !score.is_finite() {
        return None;
    }
    let mut found = vec![last];
    for origin in origins.iter().rev() {
        let (state, position) = *found.last()?;
        found.push(origin[state][position]);
    }
    found.reverse();
    let (states, positions) = found.into_iter().unzip();
    Some(Chain { positions, states, score })
}

/// The state and position of the link before.
type Origin = (usize, usize);

/// For each position, the best score of a link there whose next one is in `state`, and its own state.
fn entered(best: &[Vec<f32>], state: usize, change: f32) -> Vec<(f32, usize)> {
    let from = |position: usize| {
        let own = (best[state][position], state);
        let others = best.iter().enumerate().filter(|(other, _)| *other != state && change.is_finite());
        let others = others.map(|(other, best)| (best[position] - change, other));
        others.fold(own, |best, other| if other.0 > best.0 { other } else { best })
    };
    (0..best[state].len()).map(from).collect()
}

/// The best scores of a link at each position behind `gap`, and where they come from.
fn linked(scores: &[f32], before: &[(f32, usize)], gap: &Gap) -> (Vec<f32>, Vec<Origin>) {
    let reach = (gap.mean + FAR * gap.spread).min(LARGEST * gap.mean).max(2.0) as usize;
    let costs: Vec<f32> = (1..=reach).map(|steps| gap.cost(steps as f32)).collect();
    let link = |(position, &own): (usize, &f32)| {
        let (mut best, mut origin) = (f32::NEG_INFINITY, (0, 0));
        if own == f32::NEG_INFINITY {
            return (best, origin);
        }
        for (steps, cost) in (1..=position).zip(&costs) {
            let (score, state) = before[position - steps];
            if score - cost > best {
                (best, origin) = (score - cost, (state, position - steps));
            }
        }
        (best + own, origin)
    };
    scores.iter().enumerate().map(link).unzip()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GAPS: [Gap; 2] = [
        Gap { mean: 3.0, spread: 1.0, law: Law::LogNormal, change: f32::INFINITY },
        Gap { mean: 2.0, spread: 0.7, law: Law::Normal, change: 1.5 },
    ];

    /// One state alone.
    fn alone(scores: &[Vec<f32>]) -> Vec<Vec<Vec<f32>>> {
        scores.iter().map(|scores| vec![scores.clone()]).collect()
    }

    /// The log-likelihood of a whole chain.
    fn likelihood(scores: &[Vec<f32>], chain: &[usize]) -> f32 {
        let seen: f32 = scores.iter().zip(chain).map(|(scores, &position)| scores[position]).sum();
        let [first, second] = [1, 2].map(|link| (chain[link] - chain[link - 1]) as f32);
        seen - 0.5 * (3.0 * (first / 3.0).ln()).powi(2) - 0.5 * ((second - 2.0) / 0.7).powi(2)
    }

    proptest! {
        #[test]
        fn no_other_chain_is_likelier(
            scores in prop::collection::vec(prop::collection::vec(-9.0_f32..0.0, 10), 3),
        ) {
            let Chain { positions: found, score, .. } = chain(&alone(&scores), &GAPS).expect("a chain");
            prop_assert!(found[0] < found[1] && found[1] < found[2]);
            let best = likelihood(&scores, &found);
            prop_assert!((score - best).abs() < 1e-4);
            for a in 0..8 {
                for b in a + 1..9 {
                    for c in b + 1..10 {
                        // Larger gaps are not searched.
                        if b - a <= 9 && c - b <= 6 {
                            prop_assert!(likelihood(&scores, &[a, b, c]) <= best + 1e-4);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_state_changes_where_it_may_and_pays() {
        let at =
            |position: usize| (0..12).map(|i| if i == position { 0.0 } else { -9.0 }).collect::<Vec<f32>>();
        let nowhere = vec![-9.0; 12];
        // The first two links are seen in state 0, the third in state 1.
        let scores = vec![vec![at(2), nowhere.clone()], vec![at(5), nowhere.clone()], vec![nowhere, at(7)]];
        let found = chain(&scores, &GAPS).expect("a chain");
        assert_eq!((found.positions, found.states), (vec![2, 5, 7], vec![0, 0, 1]));
        assert!((found.score + 1.5).abs() < 1e-6, "{}", found.score);
        // Where the gap forbids it, the state stays.
        let fixed = GAPS.map(|gap| Gap { change: f32::INFINITY, ..gap });
        let found = chain(&scores, &fixed).expect("a chain");
        assert_eq!(found.states, vec![0, 0, 0]);
    }

    #[test]
    fn no_chain_fits_into_too_few_positions() {
        assert_eq!(chain(&alone(&[vec![0.0; 2], vec![0.0; 2], vec![0.0; 2]]), &GAPS), None);
        assert_eq!(chain(&alone(&[vec![f32::NAN; 9], vec![0.0; 9], vec![0.0; 9]]), &GAPS), None);
        assert_eq!(chain(&[], &[]), None);
    }
}
