//! Linear interpolation along one axis, the first sample on the first element and the last on the last.

use crate::simd::Element;

/// What an output position reads: `(1 - fraction) * x[low] + fraction * x[low + 1]`.
#[derive(Clone, Copy)]
pub(crate) struct Sample<T> {
    pub low: usize,
    pub fraction: T,
}

/// PyTorch's positions for `align_corners=True`: `i (n - 1) / (m - 1)`, 0 for a single output; n is at least 1.
pub(crate) fn samples<T: Element>(n: usize, m: usize) -> Vec<Sample<T>> {
    let scale =
        if m > 1 { T::from_f64(n.saturating_sub(1) as f64) / T::from_f64((m - 1) as f64) } else { T::ZERO };
    let sample = |i: usize| {
        let at = scale * T::from_f64(i as f64);
        // The element after `low` must exist; at the end the fraction is 1 instead.
        let low = (at.to_f64() as usize).min(n.saturating_sub(2));
        Sample { low, fraction: T::from_f64((at.to_f64() - low as f64).clamp(0.0, 1.0)) }
    };
    (0..m).map(sample).collect()
}

/// Samples a row at all `columns`.
#[inline(always)]
pub(crate) fn sample_row<T: Element>(x: &[T], columns: &[Sample<T>], to: &mut [T]) {
    let last = x.len() - 1;
    for (to, s) in to.iter_mut().zip(columns) {
        *to = x[s.low.min(last)] * (T::ONE - s.fraction) + x[(s.low + 1).min(last)] * s.fraction;
    }
}
