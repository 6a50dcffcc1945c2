//! The transforms of Winograd's minimal filtering with 3 × 3 filters (Lavin and Gray 2016), by the Toom–Cook
//! construction: a polynomial product is evaluated at points, multiplied there and interpolated. 2 × 2 outputs at a
//! time use the points 0, ±1 and ∞, 4 × 4 outputs 0, ±[`A`], ±[`B`] and ∞. Each transform is applied to the columns and
//! then to the rows of a tile.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use crate::simd::{Element, Vector};

/// Points of the 4 × 4 transform. Its rounding error is twice that of a plain sum; with the usual points 1 and 2 it
/// would be five times as large.
const A: f64 = FRAC_1_SQRT_2;
const B: f64 = SQRT_2;

/// Inputs of a tile's side, and positions of a transformed tile's side: outputs + 2.
#[inline(always)]
pub(crate) const fn side(out: usize) -> usize {
    out + 2
}

/// A constant in every lane.
#[inline(always)]
fn c<V: Vector>(x: f64) -> V {
    V::splat(V::Elem::from_f64(x))
}

/// The values of the inputs' polynomial at the points p and -p, where q and -q are the other pair.
#[inline(always)]
fn input_pair<V: Vector>(d: &[V; 6], p: f64, q: f64) -> (V, V) {
    let even = d[2].mul_add(c::<V>(-q * q), d[4]);
    let odd = d[1].mul_add(c::<V>(-q * q), d[3]);
    (odd.mul_add(c::<V>(p), even), odd.mul_add(c::<V>(-p), even))
}

/// The values of the filter's polynomial at p and -p, divided by `norm`.
#[inline(always)]
fn weight_pair<V: Vector>(g: &[V; 3], p: f64, norm: f64) -> (V, V) {
    let even = g[0].mul(c::<V>(1.0 / norm)).add(g[2].mul(c::<V>(p * p / norm)));
    let odd = g[1].mul(c::<V>(p / norm));
    (even.add(odd), even.sub(odd))
}

/// Transforms `side(OUT)` inputs.
#[inline(always)]
pub(crate) fn input<V: Vector, const OUT: usize>(d: [V; 6]) -> [V; 6] {
    if OUT == 2 {
        return [d[2].sub(d[0]), d[1].add(d[2]), d[2].sub(d[1]), d[3].sub(d[1]), d[0], d[0]];
    }
    let (product, sum) = (c::<V>(A * A * B * B), c::<V>(-(A * A + B * B)));
    let first = d[0].mul_add(product, d[2].mul_add(sum, d[4]));
    let last = d[1].mul_add(product, d[3].mul_add(sum, d[5]));
    let ((a, minus_a), (b, minus_b)) = (input_pair(&d, A, B), input_pair(&d, B, A));
    [first, a, minus_a, b, minus_b, last]
}

/// Transforms `side(OUT)` sums of products to `OUT` outputs.
#[inline(always)]
pub(crate) fn output<V: Vector, const OUT: usize>(m: [V; 6]) -> [V; 4] {
    let (sum_a, difference_a) = (m[1].add(m[2]), m[1].sub(m[2]));
    if OUT == 2 {
        return [m[0].add(sum_a), difference_a.add(m[3]), m[0], m[0]];
    }
    let (sum_b, difference_b) = (m[3].add(m[4]), m[3].sub(m[4]));
    [
        m[0].add(sum_a).add(sum_b),
        difference_a.mul_add(c::<V>(A), difference_b.mul(c::<V>(B))),
        sum_a.mul_add(c::<V>(A * A), sum_b.mul(c::<V>(B * B))),
        difference_a.mul_add(c::<V>(A * A * A), difference_b.mul_add(c::<V>(B * B * B), m[5])),
    ]
}

/// Transforms three weights.
#[inline(always)]
fn weight<V: Vector, const OUT: usize>(g: [V; 3]) -> [V; 6] {
    if OUT == 2 {
        let (one, minus_one) = weight_pair(&g, 1.0, 2.0);
        return [g[0].mul(c::<V>(-1.0)), one, minus_one, g[2], g[2], g[2]];
    }
    let (a2, b2) = (A * A, B * B);
    let (a, minus_a) = weight_pair(&g, A, 2.0 * a2 * (a2 - b2));
    let (b, minus_b) = weight_pair(&g, B, 2.0 * b2 * (b2 - a2));
    [g[0].mul(c::<V>(1.0 / (a2 * b2))), a, minus_a, b, minus_b, g[2]]
}

/// Transforms a 3 × 3 filter to `side(OUT)²` factors, row-major.
#[inline(always)]
pub(crate) fn weights<V: Vector, const OUT: usize>(g: [V; 9]) -> [V; 36] {
    let rows = [
        weight::<V, OUT>([g[0], g[1], g[2]]),
        weight::<V, OUT>([g[3], g[4], g[5]]),
        weight::<V, OUT>([g[6], g[7], g[8]]),
    ];
    let mut all = [g[0]; 36];
    for j in 0..side(OUT) {
        let column = weight::<V, OUT>([rows[0][j], rows[1][j], rows[2][j]]);
        for i in 0..side(OUT) {
            all[i * side(OUT) + j] = column[i];
        }
    }
    all
}
