//! Sums in lanes, taken in single precision chunk by chunk and in double precision over all chunks.

use crate::simd::{Element, Vector};

/// The sum of all lanes, in double precision.
#[inline(always)]
pub(super) fn lane_sum<V: Vector>(v: [V; 4]) -> f64 {
    let mut total = 0.0;
    for lane in v[0].add(v[1]).add(v[2].add(v[3])).lanes() {
        total += lane.to_f64();
    }
    total
}

/// Elements summed in their own precision before they are added to a double.
pub(super) const CHUNK: usize = 512;
