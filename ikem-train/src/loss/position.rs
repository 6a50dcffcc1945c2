use candle_core::{D, Result, Tensor};
use ikem_core::{Keypoints, Size};

/// The cross-entropy between the softmax over each map's pixels and the target Gaussian normalised to sum 1, averaged
/// over the logits' maps (B, K, h, w). `std` is in pixels of the grid of `size`, whose corner pixels coincide with
/// those of the maps.
pub(super) fn cross_entropy(logits: &Tensor, targets: &[Keypoints], std: f32, size: Size) -> Result<Tensor> {
    let (batch, keypoints, height, width) = logits.dims4()?;
    let pixels = height * width;
    let target = places(targets, (height, width), std, size);
    let target =
        Tensor::from_vec(target, (batch, keypoints, pixels), logits.device())?.to_dtype(logits.dtype())?;
    let logits = logits.reshape((batch, keypoints, pixels))?;
    // Subtracting the maximum prevents overflow and cancels out.
    let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
    let normaliser = shifted.exp()?.sum(D::Minus1)?.log()?;
    (normaliser - (shifted * target)?.sum(D::Minus1)?)?.mean_all()
}

/// A Gaussian of sum 1 around each target, on maps whose corner pixels coincide with those of the grid.
fn places(targets: &[Keypoints], (height, width): (usize, usize), std: f32, size: Size) -> Vec<f32> {
    let maps = targets.iter().map(|points| points.len()).sum::<usize>();
    let mut values = Vec::with_capacity(maps * height * width);
    for point in targets.iter().flat_map(|points| points.iter()) {
        let rows = factors(point.y, height, size.height, std);
        let columns = factors(point.x, width, size.width, std);
        values.extend(rows.iter().flat_map(|row| columns.iter().map(move |column| row * column)));
    }
    values
}

/// One axis of the Gaussian, normalised to sum 1.
fn factors(center: f32, count: usize, extent: usize, std: f32) -> Vec<f32> {
    let step = (extent.max(2) - 1) as f32 / (count.max(2) - 1) as f32;
    let exponents: Vec<f32> = (0..count).map(|i| -0.5 * ((i as f32 * step - center) / std).powi(2)).collect();
    // A keypoint far outside puts all mass on the nearest border pixel.
    let top = exponents.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let values: Vec<f32> = exponents.iter().map(|exponent| (exponent - top).exp()).collect();
    let sum: f32 = values.iter().sum();
    values.iter().map(|value| value / sum).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};
    use ikem_core::{Draw, Point};

    use super::*;

    /// The maps' pixels are 3 pixels of the grid apart in y and 5 in x.
    const MAPS: (usize, usize) = (11, 7);
    const GRID: Size = Size { width: 31, height: 31 };
    const STD: f32 = 4.0;

    fn targets() -> Vec<Keypoints> {
        let image = |points: &[(f32, f32)]| points.iter().map(|&(x, y)| Point::new(x, y)).collect();
        vec![image(&[(15.0, 12.0), (3.5, 28.25)]), image(&[(30.0, 0.0), (-40.0, 90.0)])]
    }

    fn maps(values: Vec<f64>) -> Tensor {
        Tensor::from_vec(values, (2, 2, MAPS.0, MAPS.1), &Device::Cpu).expect("logits")
    }

    fn loss(logits: &Tensor) -> f64 {
        let loss = cross_entropy(logits, &targets(), STD, GRID).expect("a loss");
        loss.to_dtype(DType::F64).and_then(|loss| loss.to_scalar()).expect("a number")
    }

    fn random() -> Vec<f64> {
        let mut draw = Draw::new(3, &[]);
        (0..4 * MAPS.0 * MAPS.1).map(|_| 12.0 * draw.unit() - 6.0).collect()
    }

    #[test]
    fn the_loss_of_a_uniform_map_is_the_logarithm_of_its_pixels() {
        let pixels = (MAPS.0 * MAPS.1) as f64;
        for level in [0.0, -1e4, 1e4] {
            let found = loss(&maps(vec![level; 4 * MAPS.0 * MAPS.1]));
            assert!((found - pixels.ln()).abs() < 1e-6, "{level}: {found}");
        }
    }

    #[test]
    fn the_loss_is_minimal_where_the_softmax_equals_the_target() {
        let place = places(&targets(), MAPS, STD, GRID);
        let entropy: f64 =
            place.iter().map(|&p| if p > 0.0 { -f64::from(p) * f64::from(p).ln() } else { 0.0 }).sum();
        let logits = Var::from_tensor(&maps(place.iter().map(|&p| f64::from(p.max(1e-30)).ln()).collect()));
        let logits = logits.expect("logits");
        assert!((loss(&logits) - entropy / 4.0).abs() < 1e-6, "{} and {}", loss(&logits), entropy / 4.0);
        let gradients = cross_entropy(&logits, &targets(), STD, GRID).and_then(|loss| loss.backward());
        let gradients = gradients.expect("gradients");
        let slope =
            gradients.get(&logits).and_then(|g| g.abs().ok()?.max_all().ok()?.to_scalar::<f64>().ok());
        assert!(slope.is_some_and(|slope| slope < 1e-7), "{slope:?}");
    }

    #[test]
    fn the_gradient_matches_central_differences() {
        const STEP: f64 = 1e-5;
        let at = random();
        let logits = Var::from_tensor(&maps(at.clone())).expect("logits");
        let gradients = cross_entropy(&logits, &targets(), STD, GRID).and_then(|loss| loss.backward());
        let gradient = gradients.expect("gradients").get(&logits).expect("a gradient").flatten_all();
        let gradient = gradient.and_then(|g| g.to_vec1::<f64>()).expect("values");
        for (i, found) in gradient.into_iter().enumerate() {
            let moved = |by: f64| {
                let mut values = at.clone();
                values[i] += by;
                loss(&maps(values))
            };
            let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            // In single precision, the targets sum to 1 within 1e-7, which affects the differences for the highest
            // logit by as much.
            assert!((found - expected).abs() < 1e-7, "element {i}: {found}, expected {expected}");
        }
    }

    #[test]
    fn targets_sum_to_one_and_peak_at_the_keypoints() {
        let maps = places(&targets(), MAPS, STD, GRID);
        let expected = [(15.0, 12.0), (3.5, 28.25), (30.0, 0.0), (0.0, 30.0)];
        for (map, (x, y)) in maps.chunks_exact(MAPS.0 * MAPS.1).zip(expected) {
            let sum: f32 = map.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "{sum}");
            let highest = (0..map.len()).max_by(|&a, &b| map[a].total_cmp(&map[b])).expect("pixels");
            let (column, row) = (highest % MAPS.1, highest / MAPS.1);
            let (off_x, off_y) = (column as f32 * 5.0 - x, row as f32 * 3.0 - y);
            assert!(off_x.abs() <= 2.5 && off_y.abs() <= 1.5, "({x}, {y}): {column}, {row}");
        }
    }
}
