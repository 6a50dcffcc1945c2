//! No shape makes a kernel read or write outside its slices, return memory that it did not write, or panic: each
//! function either refuses its arguments or computes what its definition says. Extents are small, zero or far beyond
//! all memory.
//!
//! Memory that a kernel does not write holds a pattern in tests (`buffer::filled`), or is found by Miri (`ci/miri`).

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::conv::*;
use crate::heatmaps::*;
use crate::testing::*;
use crate::{
    Activation, Normalization, Segment, batch_norm, batch_norm_backward, global_max, global_max_backward,
    max_pool2x2, max_pool2x2_backward, resize_bilinear, resize_bilinear_backward,
};

/// The most elements of a slice here.
const MOST: usize = 1 << 14;

fn config() -> ProptestConfig {
    let (cases, persistence) = if cfg!(miri) { (12, None) } else { (768, Some(FileFailurePersistence::Off)) };
    ProptestConfig {
        cases,
        failure_persistence: persistence.map(|off| Box::new(off) as Box<_>),
        ..ProptestConfig::default()
    }
}

/// 0 to 3, now and then up to 40, and now and then so large that products and sums overflow.
fn extent() -> impl Strategy<Value = usize> {
    let huge = [1 << 25, 1 << 48, usize::MAX / 4, 1 << 63, usize::MAX - 1, usize::MAX];
    prop_oneof![24 => 0..4_usize, 3 => 4..40_usize, 1 => prop::sample::select(huge.to_vec())]
}

fn small() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0..4_usize, 1 => 4..40_usize]
}

/// The elements of a shape; `None` where there are too many, or would be if no extent were 0.
fn count(extents: &[usize]) -> Option<usize> {
    let bound = extents.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent.max(1)))?;
    (bound <= MOST).then(|| extents.iter().product())
}

/// Numbers for a shape; some, if it has too many elements.
fn values(seed: u64, extents: &[usize]) -> Vec<f64> {
    numbers(seed, count(extents).unwrap_or(seed as usize % 5))
}

fn all_small(extents: &[usize]) -> bool {
    extents.iter().all(|&extent| extent < 1 << 20)
}

/// A resized plane by definition, corners on corners.
fn naive_resize(x: &[f64], (h, w): (usize, usize), (oh, ow): (usize, usize)) -> Vec<f64> {
    let sample = |i: usize, n: usize, m: usize| {
        let at = if m > 1 { i as f64 * (n - 1) as f64 / (m - 1) as f64 } else { 0.0 };
        ((at.floor() as usize).min(n - 1), (at.floor() as usize + 1).min(n - 1), at.fract())
    };
    let value = |at: usize| {
        let ((y0, y1, fy), (x0, x1, fx)) = (sample(at / ow, h, oh), sample(at % ow, w, ow));
        let row = |y: usize| x[y * w + x0] * (1.0 - fx) + x[y * w + x1] * fx;
        row(y0) * (1.0 - fy) + row(y1) * fy
    };
    (0..oh * ow).map(value).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn convolutions(
        (n, h, w) in (extent(), extent(), extent()),
        parts in prop::collection::vec(extent(), 0..4),
        (out_channels, in_channels) in (extent(), prop::option::weighted(0.1, extent())),
        (kernel, stride, padding, dilation) in (extent(), extent(), extent(), extent()),
        with_bias in any::<bool>(),
    ) {
        let sum = parts.iter().try_fold(0_usize, |sum, &part| sum.checked_add(part)).unwrap_or(usize::MAX);
        let geometry = Geometry { kernel, stride, padding, dilation };
        let shape = ConvShape { in_channels: in_channels.unwrap_or(sum), out_channels, geometry };
        let weight = values(1, &[out_channels, shape.in_channels, kernel, kernel]);
        let bias = with_bias.then(|| values(2, &[out_channels]));
        let data: Vec<_> = parts.iter().map(|&part| values(3, &[n, part, h, w])).collect();
        let segments: Vec<_> = data.iter().zip(&parts).map(|(data, &part)| Segment::new(data, part)).collect();
        let size = (n, h, w);

        let y = conv2d((&weight, bias.as_deref()), &shape, &segments, size, &Epilogue::none());
        let packed = PackedConv::new(&weight, bias.as_deref(), shape);
        let again = packed.and_then(|packed| packed.forward(&segments, size, &Epilogue::none()));
        prop_assert_eq!(y.is_ok(), again.is_ok());
        let grid = geometry.out_size(h, w);
        let fits = grid.is_some() && dilation > 0 && h > 0 && w > 0 && parts.iter().all(|&part| part > 0) && out_channels > 0;
        if let Ok(y) = y {
            prop_assert!(fits);
            // The segments are concatenated image by image.
            let image = |i: usize| {
                segments.iter().flat_map(move |s| s.data[i * s.channels * h * w..][..s.channels * h * w].iter())
            };
            let x: Vec<f64> = (0..n).flat_map(image).copied().collect();
            let (oh, ow) = grid.unwrap();
            let mut expected = naive_conv(&x, &weight, &shape, n, h, w);
            for (i, v) in expected.iter_mut().enumerate() {
                *v += bias.as_ref().map_or(0.0, |bias| bias[i / (oh * ow) % out_channels]);
            }
            assert_close(&y, &expected, 1e-9, "forward");
            assert_close(&again.unwrap(), &expected, 1e-9, "packed");
        } else {
            let given = [n, h, w, sum, out_channels, kernel, stride, padding, dilation];
            let counts = [count(&[n, sum, h, w]), count(&[out_channels, sum, kernel, kernel])];
            let counts = counts.iter().all(Option::is_some) && in_channels.is_none_or(|c| c == sum);
            prop_assert!(!(fits && all_small(&given) && counts && !parts.is_empty()), "refused {shape:?} {size:?}");
        }
    }

    #[test]
    fn gradients_of_convolutions(
        (n, h, w) in (extent(), extent(), extent()),
        (in_channels, out_channels) in (extent(), extent()),
        (kernel, stride, padding, dilation) in (extent(), extent(), extent(), extent()),
    ) {
        let geometry = Geometry { kernel, stride, padding, dilation };
        let shape = ConvShape { in_channels, out_channels, geometry };
        let (oh, ow) = geometry.out_size(h, w).unwrap_or((1, 1));
        let weight = values(1, &[out_channels, in_channels, kernel, kernel]);
        let (x, dy) = (values(2, &[n, in_channels, h, w]), values(3, &[n, out_channels, oh, ow]));
        let size = (n, h, w);
        let dx = conv2d_backward_input(&weight, &shape, &dy, size);
        let dw = conv2d_backward_weight(&x, &dy, &shape, size, true);
        if count(&[n, in_channels, h, w]).is_none() || count(&[out_channels, in_channels, kernel, kernel]).is_none() {
            return Ok(());
        }
        if let Ok(dx) = dx {
            let (expected, _) = naive_backward(&x, &weight, &dy, &shape, size);
            assert_close(&dx, &expected, 1e-9, "input");
        }
        if let Ok(mut dw) = dw {
            prop_assert!(in_channels > 0 && out_channels > 0 && h > 0 && w > 0);
            let (_, expected) = naive_backward(&x, &weight, &dy, &shape, size);
            let db = dw.split_off(weight.len());
            assert_close(&dw, &expected, 1e-9, "weight");
            let sum = |o: usize| dy.chunks(oh * ow).skip(o).step_by(out_channels).flatten().sum::<f64>();
            assert_close(&db, &(0..out_channels).map(sum).collect::<Vec<_>>(), 1e-9, "bias");
        }
    }

    #[test]
    fn transposed_convolutions(
        (n, h, w) in (extent(), extent(), extent()),
        (inputs, outputs) in (extent(), extent()),
    ) {
        let (size, channels) = ((n, h, w), (inputs, outputs));
        let (weight, bias) = (values(1, &[inputs, outputs, 4]), values(2, &[outputs]));
        let (x, dy) = (values(3, &[n, inputs, h, w]), values(4, &[n, outputs, 4, h, w]));
        let packed = PackedConvTranspose2x2::new(&weight, Some(&bias), inputs, outputs);
        let y = packed.and_then(|packed| packed.forward(&[Segment::new(&x, inputs)], size));
        let dx = conv_transpose2x2_backward_input(&weight, &dy, channels, size);
        let dw = conv_transpose2x2_backward_weight(&x, &dy, channels, size);
        let zero = inputs == 0 || outputs == 0;
        prop_assert!(!zero || (y.is_err() && dw.is_err()));
        let counts = [count(&[n, inputs, h, w]), count(&[n, outputs, 4, h, w]), count(&[inputs, outputs, 4])];
        if zero || counts.iter().any(Option::is_none) {
            return Ok(());
        }
        if let Ok(y) = y {
            let mut expected = naive_conv_transpose(&x, &weight, channels, size);
            for (at, v) in expected.iter_mut().enumerate() {
                *v += bias[at / (4 * h * w) % outputs];
            }
            assert_close(&y, &expected, 1e-9, "forward");
        }
        if h * w > 0 && all_small(&[n, h, w]) {
            let adjoint = square(outputs, inputs, 2, 2, 0);
            let expected = naive_conv(&dy, &weight, &adjoint, n, 2 * h, 2 * w);
            assert_close(&dx.unwrap(), &expected, 1e-9, "input");
            let (_, expected) = naive_backward(&dy, &weight, &x, &adjoint, (n, 2 * h, 2 * w));
            assert_close(&dw.unwrap()[..weight.len()], &expected, 1e-9, "weight");
        }
    }

    #[test]
    fn pools((planes, h, w) in (extent(), extent(), extent())) {
        let x = values(1, &[planes, h, w]);
        if let Ok((y, places)) = max_pool2x2(&x, (planes, h, w)) {
            prop_assert_eq!((y.len(), places.len()), (planes * (h / 2) * (w / 2), y.len()));
            let dx = max_pool2x2_backward(&y, &places, (planes, h, w)).unwrap();
            prop_assert_eq!(dx.len(), x.len());
            let off = dx.iter().zip(&x).filter(|(dx, x)| **dx != 0.0 && dx != x).count();
            prop_assert_eq!(off, 0, "the gradient of the maxima themselves is in their places");
            prop_assert_eq!(dx.iter().filter(|dx| **dx != 0.0).count(), y.iter().filter(|y| **y != 0.0).count());
        }
        let (y, places) = (values(2, &[planes, h / 2, w / 2]), vec![3; planes.min(7)]);
        let _ = max_pool2x2_backward(&y, &places, (planes, h, w));
        let (plane, y) = (h, values(2, &[planes]));
        let x = values(1, &[planes, plane]);
        match global_max(&x, (planes, plane)) {
            Ok((y, places)) => {
                for (p, (y, place)) in y.iter().zip(&places).enumerate() {
                    let max = x[p * plane..][..plane].iter().copied().fold(f64::MIN, f64::max);
                    prop_assert_eq!((*y, x[p * plane + *place as usize]), (max, max));
                }
                prop_assert_eq!(global_max_backward(&y, &places, (planes, plane)).unwrap().len(), x.len());
            }
            Err(_) => prop_assert!(plane == 0 || count(&[planes, plane]).is_none()),
        }
        let _ = global_max_backward(&y, &vec![0; y.len()], (planes, plane));
    }

    #[test]
    fn resizing(
        (planes, h, w) in (extent(), extent(), extent()),
        (oh, ow) in (extent(), extent()),
    ) {
        let (x, dy) = (values(1, &[planes, h, w]), values(2, &[planes, oh, ow]));
        let small = count(&[planes, h, w]).is_some() && count(&[planes, oh, ow]).is_some();
        let y = resize_bilinear(&x, planes, (h, w), (oh, ow));
        let dx = resize_bilinear_backward(&dy, planes, (h, w), (oh, ow));
        if !small {
            return Ok(());
        }
        if planes * h * w * oh * ow == 0 {
            prop_assert!(y.is_err() || y.unwrap().len() == planes * oh * ow);
            prop_assert!(dx.is_err() || dx.unwrap().iter().all(|&dx| dx == 0.0));
            return Ok(());
        }
        let (y, dx) = (y.unwrap(), dx.unwrap());
        for (x, y) in x.chunks(h * w).zip(y.chunks(oh * ow)) {
            assert_close(y, &naive_resize(x, (h, w), (oh, ow)), 1e-12, "forward");
        }
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        prop_assert!((dot(&y, &dy) - dot(&x, &dx)).abs() < 1e-9, "not the adjoint");
    }

    #[test]
    fn batch_norms((n, channels, plane) in (extent(), extent(), extent())) {
        let size = (n, channels, plane);
        let (x, dy) = (values(1, &[n, channels, plane]), values(2, &[n, channels, plane]));
        let (gamma, beta) = (values(3, &[channels]), values(4, &[channels]));
        let activation = Activation::LeakyRelu(0.1);
        let norm = Normalization { gamma: &gamma, beta: &beta, epsilon: 1e-2, activation };
        let Ok((y, statistics)) = batch_norm(&x, size, &norm) else {
            prop_assert!(count(&[n, channels, plane]).is_none_or(|count| count == 0));
            return Ok(());
        };
        for c in 0..channels {
            let converted = |x: &[f64]| -> Vec<f64> {
                x.chunks(plane).skip(c).step_by(channels).flatten().copied().collect()
            };
            let (x, y) = (converted(&x), converted(&y));
            let mean = x.iter().sum::<f64>() / x.len() as f64;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
            assert_close(&[statistics.mean[c], statistics.variance[c]], &[mean, variance], 1e-9, "statistics");
            let value = |x: &f64| (x - mean) / (variance + 1e-2).sqrt() * gamma[c] + beta[c];
            let leak = |v: f64| if v > 0.0 { v } else { f64::from(0.1_f32) * v };
            assert_close(&y, &x.iter().map(|x| leak(value(x))).collect::<Vec<_>>(), 1e-9, "forward");
        }
        let gradients = batch_norm_backward(&x, &dy, size, &norm, &statistics).unwrap();
        prop_assert_eq!(gradients.len(), x.len() + 2 * channels);
        prop_assert!(gradients.iter().all(|gradient| gradient.abs() < 1e3), "elements that were not written");
        // The input's gradient is orthogonal to a constant in every channel.
        for c in 0..channels {
            let dx = gradients[..x.len()].chunks(plane).skip(c).step_by(channels);
            prop_assert!(dx.flatten().sum::<f64>().abs() < 1e-8);
        }
    }

    #[test]
    fn known_maps(
        (n, keypoints, outputs) in (small(), extent(), extent()),
        (h, w) in (extent(), extent()),
        logits_size in prop::option::of((extent(), extent())),
        channel in small(),
    ) {
        let channels = keypoints.saturating_mul(2);
        let axis = |len: usize| -> Vec<f32> { single(&values(5, &[len])) };
        let (columns, rows) = (axis(w), axis(h));
        let gaussians = vec![vec![(channel, Gaussian { columns: &columns, rows: &rows })]; n];
        let (planes, size) = (n.saturating_mul(keypoints), logits_size.unwrap_or((1, 1)));
        let data = values(6, &[planes, size.0, size.1]);
        let logits = logits_size.map(|size| Logits { data: &data, planes, size });
        let maps = KnownMaps { channels, gaussians: &gaussians, logits, size: (h, w) };
        let (weight, bias) = (values(7, &[outputs, channels]), values(8, &[outputs]));
        let dy = values(9, &[n, outputs, h, w]);
        let y = pointwise_conv(&maps, (&weight, &bias), Activation::Identity);
        let dw = pointwise_conv_backward(&maps, &dy, outputs);
        prop_assert!(y.is_err() || (keypoints > 0 && (n == 0 || channel < channels)));
        let counts = [count(&[n, channels, h, w]), count(&[outputs, channels]), count(&[n, outputs, h, w])];
        if counts.iter().any(Option::is_none) {
            return Ok(());
        }
        if y.is_err() || h * w * n * outputs == 0 {
            prop_assert!(dw.is_err() || dw.unwrap().iter().all(|&v| v == 0.0));
            return Ok(());
        }
        let (dense, conv) = (dense(&maps), square(channels, outputs, 1, 1, 0));
        let mut expected = naive_conv(&dense, &weight, &conv, n, h, w);
        for (i, v) in expected.iter_mut().enumerate() {
            *v += bias[i / (h * w) % outputs];
        }
        assert_close(&y.unwrap(), &expected, 1e-9, "forward");
        let (_, expected) = naive_backward(&dense, &weight, &dy, &conv, (n, h, w));
        assert_close(&dw.unwrap()[..weight.len()], &expected, 1e-9, "weight");
    }

    #[test]
    fn heatmaps(
        planes in extent(),
        (h, w) in (extent(), extent()),
        grid in (extent(), extent()),
    ) {
        let data = values(1, &[planes, h, w]);
        let logits = Logits { data: &data, planes, size: (h, w) };
        let small = count(&[planes, h, w]).is_some() && count(&[planes, grid.0, grid.1]).is_some();
        let complete = small && [planes, h, w, grid.0, grid.1].iter().all(|&extent| extent > 0);
        let mut map = values(2, &[grid.0, grid.1]);
        let plane = data.get(..count(&[h, w]).unwrap_or(3)).unwrap_or_default();
        let heat = heatmap_into(plane, (h, w), grid, &mut map);
        let points = expected_points(logits, grid);
        let gradient = expected_points_backward(logits, grid, &values(3, &[planes, 2]));
        let (columns, rows) = (single(&values(4, &[grid.1])), single(&values(5, &[grid.0])));
        let targets = vec![Gaussian { columns: &columns, rows: &rows }; planes.min(64)];
        let loss = heatmap_cross_entropy(logits, grid, &targets);
        if !small {
            return Ok(());
        }
        if !complete {
            let empty = |len: Option<usize>| len.is_none_or(|len| len == 0);
            prop_assert!(points.is_err() || empty(points.ok().map(|points| points.len())));
            prop_assert!(gradient.is_err() || empty(gradient.ok().map(|gradient| gradient.len())));
            prop_assert!(loss.is_err() || loss.unwrap().0 == 0.0);
            return Ok(());
        }
        let sigmoid = |x: &f64| 1.0 / (1.0 + (-x).exp());
        let resized: Vec<_> = data.chunks(h * w).map(|plane| naive_resize(plane, (h, w), grid)).collect();
        prop_assert!(heat.is_ok());
        assert_close(&map, &resized[0].iter().map(sigmoid).collect::<Vec<_>>(), 1e-9, "heatmap");
        let mean = |map: &Vec<f64>| {
            let sum = |weight: &dyn Fn(usize) -> f64| -> f64 {
                map.iter().enumerate().map(|(i, x)| sigmoid(x) * weight(i)).sum()
            };
            [sum(&|i| (i % grid.1) as f64), sum(&|i| (i / grid.1) as f64)].map(|moment| moment / sum(&|_| 1.0))
        };
        assert_close(&points.unwrap(), &resized.iter().flat_map(mean).collect::<Vec<_>>(), 1e-9, "points");
        prop_assert!(gradient.unwrap().iter().all(|gradient| gradient.abs() < 1e4));
        if planes <= 64 {
            let target = |i: usize| f64::from(rows[i / grid.1]) * f64::from(columns[i % grid.1]);
            let entropy = |(i, x): (usize, &f64)| x.max(0.0) - x * target(i) + (-x.abs()).exp().ln_1p();
            let expected: f64 = resized.iter().flat_map(|map| map.iter().enumerate().map(entropy)).sum();
            let (loss, gradient) = loss.unwrap();
            prop_assert!((loss - expected).abs() < 1e-8 * expected.abs().max(1.0), "{loss}, expected {expected}");
            prop_assert!(gradient.len() == data.len() && gradient.iter().all(|gradient| gradient.abs() < 1e4));
        }
    }
}
