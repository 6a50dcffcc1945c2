/// The normal distribution of the distance between successive links of a chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    /// Mean and standard deviation, in steps.
    pub(super) mean: f32,
    pub(super) spread: f32,
}

/// The largest gap considered, in standard deviations above its mean, and as a multiple of its mean.
const FAR: f32 = 6.0;
const LARGEST: f32 = 3.0;

/// The positions of a chain's links, and its log-likelihood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chain {
    pub(super) positions: Vec<usize>,
    pub(super) score: f32,
}

/// The most likely chain, by the Viterbi algorithm: `scores` holds the log-likelihood of each position for each link
/// (−∞ where impossible), and `gaps` the distribution of the distance to the next link. Successive links are at least
/// one step apart. `None` when no chain fits, or a score is NaN.
pub(super) fn chain(scores: &[Vec<f32>], gaps: &[Gap]) -> Option<Chain> {
    let (first, rest) = scores.split_first()?;
    let positions = first.len();
    let mut best = first.clone();
    let mut origins: Vec<Vec<usize>> = Vec::with_capacity(rest.len());
    for (scores, gap) in rest.iter().zip(gaps) {
        let reach = (gap.mean + FAR * gap.spread).min(LARGEST * gap.mean).max(2.0) as usize;
        let costs: Vec<f32> =
            (1..=reach).map(|steps| 0.5 * ((steps as f32 - gap.mean) / gap.spread).powi(2)).collect();
        let mut next = vec![f32::NEG_INFINITY; positions];
        let mut origin = vec![0; positions];
        for (position, (next, origin)) in next.iter_mut().zip(&mut origin).enumerate() {
            if scores[position] == f32::NEG_INFINITY {
                continue;
            }
            for (steps, cost) in (1..=position).zip(&costs) {
                let score = best[position - steps] - cost;
                if score > *next {
                    (*next, *origin) = (score, position - steps);
                }
            }
            *next += scores[position];
        }
        best = next;
        origins.push(origin);
    }
    let last = (0..positions).max_by(|&a, &b| best[a].total_cmp(&best[b]))?;
    let score = best[last];
    if !score.is_finite() {
        return None;
    }
    let mut found = vec![last];
    for origin in origins.iter().rev() {
        found.push(origin[*found.last()?]);
    }
    found.reverse();
    Some(Chain { positions: found, score })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GAPS: [Gap; 2] = [Gap { mean: 3.0, spread: 1.0 }, Gap { mean: 2.0, spread: 0.7 }];

    /// The log-likelihood of a whole chain.
    fn likelihood(scores: &[Vec<f32>], chain: &[usize]) -> f32 {
        let seen: f32 = scores.iter().zip(chain).map(|(scores, &position)| scores[position]).sum();
        let gap = |(pair, gap): (&[usize], &Gap)| {
            0.5 * (((pair[1] - pair[0]) as f32 - gap.mean) / gap.spread).powi(2)
        };
        seen - chain.windows(2).zip(&GAPS).map(gap).sum::<f32>()
    }

    proptest! {
        #[test]
        fn no_other_chain_is_likelier(
            scores in prop::collection::vec(prop::collection::vec(-9.0_f32..0.0, 10), 3),
        ) {
            let Chain { positions: found, score } = chain(&scores, &GAPS).expect("a chain");
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
    fn no_chain_fits_into_too_few_positions() {
        assert_eq!(chain(&[vec![0.0; 2], vec![0.0; 2], vec![0.0; 2]], &GAPS), None);
        assert_eq!(chain(&[vec![f32::NAN; 9], vec![0.0; 9], vec![0.0; 9]], &GAPS), None);
        assert_eq!(chain(&[], &[]), None);
    }
}
