//! Sums over channels: the gradients of biases.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use crate::simd::Element;

/// The sum of every channel of `[n, channels, plane]`, in a fixed order; of the first channels if `sums` has fewer.
pub(crate) fn channel_sums<T: Element>(
    x: &[T],
    n: usize,
    channels: usize,
    plane: usize,
    sums: &mut [MaybeUninit<T>],
) {
    sums.par_iter_mut().enumerate().for_each(|(c, sum)| {
        let mut total = T::ZERO;
        for i in 0..n {
            total = total + plane_sum(&x[(i * channels + c) * plane..][..plane]);
        }
        sum.write(total);
    });
}

fn plane_sum<T: Element>(x: &[T]) -> T {
    let mut lanes = [T::ZERO; 16];
    let chunks = x.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane = *lane + v;
        }
    }
    for (lane, &v) in lanes.iter_mut().zip(rest) {
        *lane = *lane + v;
    }
    lanes.into_iter().fold(T::ZERO, |a, b| a + b)
}
