//! Known maps for the tests of their convolution.

use super::gaussian::Gaussian;
use super::known_maps::KnownMaps;
use super::rows::{Logits, heatmap_into};

/// Images, keypoints, outputs, size, size of the logits.
pub(super) type Case = (usize, usize, usize, (usize, usize), (usize, usize));

pub(super) const CASES: [Case; 4] = [
    (1, 1, 1, (1, 1), (1, 1)),
    (2, 3, 5, (13, 9), (4, 3)),
    (3, 7, 16, (70, 33), (18, 9)),
    (1, 2, 17, (33, 64), (9, 16)),
];

/// A channel, and the factors of a Gaussian: columns and rows.
pub(super) type Factors = (usize, [Vec<f32>; 2]);

/// The factors of some Gaussians of each image.
pub(super) fn factors(n: usize, channels: usize, (h, w): (usize, usize)) -> Vec<Vec<Factors>> {
    let axis = |len: usize, centre: f32| -> Vec<f32> {
        let value = |i: usize| (-0.1 * (i as f32 - centre).powi(2)).exp();
        (0..len).map(|i| if value(i) < 1e-3 { 0.0 } else { value(i) }).collect()
    };
    let one = |b: usize, c: usize| (c, [axis(w, 1.3 * (b + c) as f32), axis(h, h as f32 - 2.7 * c as f32)]);
    (0..n).map(|b| (0..channels.min(b + 2)).map(|c| one(b, c)).collect()).collect()
}

/// The Gaussians of these factors.
pub(super) fn gaussians(all: &[Vec<Factors>]) -> Vec<Vec<(usize, Gaussian<'_>)>> {
    fn one((channel, [columns, rows]): &Factors) -> (usize, Gaussian<'_>) {
        (*channel, Gaussian { columns, rows })
    }
    all.iter().map(|list| list.iter().map(one).collect()).collect()
}

/// The maps written out.
pub(crate) fn dense(maps: &KnownMaps<'_, f64>) -> Vec<f64> {
    let (n, (h, w)) = (maps.images(), maps.size);
    let mut all = vec![0.0; n * maps.channels * h * w];
    for (b, image) in all.chunks_exact_mut(maps.channels * h * w).enumerate() {
        let Logits { data, planes, size } = maps.logits_of(b);
        let first = maps.channels - planes;
        for k in 0..planes {
            let plane = &data[k * size.0 * size.1..][..size.0 * size.1];
            heatmap_into(plane, size, (h, w), &mut image[(first + k) * h * w..][..h * w]).unwrap();
        }
        for (channel, g) in &maps.gaussians[b] {
            for i in 0..h * w {
                image[channel * h * w + i] += f64::from(g.rows[i / w]) * f64::from(g.columns[i % w]);
            }
        }
    }
    all
}
