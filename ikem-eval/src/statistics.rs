//! Means, standard deviations and quantiles.

/// The mean; NaN without values.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample standard deviation (n - 1); 0 for one value or none.
pub(crate) fn std(values: &[f64]) -> f64 {
    let centre = mean(values);
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0).max(1.0)).sqrt()
}

/// The quantile of `rank` (0…1) of sorted values, with linear interpolation (Hyndman and Fan's type 7, NumPy's
/// default); NaN without values.
pub(crate) fn quantile(sorted: &[f64], rank: f64) -> f64 {
    let place = rank.clamp(0.0, 1.0) * sorted.len().saturating_sub(1) as f64;
    match (sorted.get(place.floor() as usize), sorted.get(place.ceil() as usize)) {
        (Some(low), Some(high)) => low + (high - low) * place.fract(),
        _ => f64::NAN,
    }
}

/// The values in ascending order.
pub(crate) fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The median, or the mean of the middle two; NaN without values.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    let upper = values.len() / 2;
    if values.is_empty() {
        return f64::NAN;
    }
    let even = values.len().is_multiple_of(2);
    let (below, middle, _) = values.select_nth_unstable_by(upper, f64::total_cmp);
    if even {
        let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (lower + *middle) / 2.0
    } else {
        *middle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let values = vec![4.0, 1.0, 3.0, 2.0];
        assert_eq!(mean(&values), 2.5);
        assert_eq!(std(&values), (5.0_f64 / 3.0).sqrt());
        assert_eq!(median(values.clone()), 2.5);
        assert_eq!(median(vec![9.0, 1.0, 5.0]), 5.0);
        let values = sorted(values);
        for (rank, expected) in [(0.0, 1.0), (0.5, 2.5), (1.0, 4.0), (0.1, 1.3), (2.0, 4.0)] {
            assert!((quantile(&values, rank) - expected).abs() < 1e-12, "{rank}");
        }
        assert_eq!((std(&[7.0]), median(vec![7.0]), quantile(&[7.0], 0.3)), (0.0, 7.0, 7.0));
        assert!(mean(&[]).is_nan() && median(vec![]).is_nan() && quantile(&[], 0.5).is_nan());
    }
}
