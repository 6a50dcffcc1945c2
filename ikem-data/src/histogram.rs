//! Histogram matching.

use ikem_core::GrayImage;

/// The number of grey levels, that of 16 bits.
const LEVELS: usize = 1 << 16;

/// Histogram matching: maps each grey value of `image` to the value at the same percentile of `reference`, interpolated
/// linearly between the levels that `reference` has. This gives a film from another machine the grey values that a
/// network was trained on.
///
/// Values are quantized to 16 bits and clamped to 0…1.
#[must_use]
pub fn match_histogram(image: &GrayImage, reference: &GrayImage) -> GrayImage {
    let wanted = shares(reference);
    let mut table = vec![0.0_f32; LEVELS];
    let mut next = 0;
    for (level, share) in shares(image) {
        while wanted.get(next).is_some_and(|&(_, below)| below < share) {
            next += 1;
        }
        if let Some(entry) = table.get_mut(level) {
            *entry = between(&wanted, next, share) / (LEVELS - 1) as f32;
        }
    }
    let pixels =
        image.pixels().iter().map(|&value| table.get(place(value)).copied().unwrap_or(value)).collect();
    // The size is unchanged and all values are finite, so this cannot fail.
    GrayImage::new(image.size(), pixels).unwrap_or_else(|_| image.clone())
}

/// The level of `wanted` at the cumulative share `share`, interpolated; `next` is the first entry that reaches it.
fn between(wanted: &[(usize, f64)], next: usize, share: f64) -> f32 {
    let before = next.checked_sub(1).and_then(|index| wanted.get(index));
    match (before, wanted.get(next)) {
        (Some(&(low, below)), Some(&(high, above))) => {
            let part = (share - below) / (above - below);
            (low as f64 + part * (high - low) as f64) as f32
        }
        (None, Some(&(only, _))) | (Some(&(only, _)), None) => only as f32,
        (None, None) => 0.0,
    }
}

fn place(value: f32) -> usize {
    (value.clamp(0.0, 1.0) * (LEVELS - 1) as f32).round() as usize
}

/// The cumulative histogram: each occupied level with the share of pixels at or below it.
fn shares(image: &GrayImage) -> Vec<(usize, f64)> {
    let mut counts = vec![0_u64; LEVELS];
    for &value in image.pixels() {
        if let Some(count) = counts.get_mut(place(value)) {
            *count += 1;
        }
    }
    let mut below = 0;
    let all = image.pixels().len() as f64;
    let occupied = counts.into_iter().enumerate().filter(|(_, count)| *count > 0);
    occupied
        .map(|(level, count)| {
            below += count;
            (level, below as f64 / all)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ikem_core::Size;
    use proptest::prelude::*;

    use super::*;

    fn image(bytes: &[u8]) -> GrayImage {
        GrayImage::from_u8(Size::new(bytes.len(), 1), bytes).unwrap()
    }

    #[test]
    fn values_map_to_the_same_percentile_of_the_reference() {
        let matched = match_histogram(&image(&[10, 20, 30, 40]), &image(&[51, 102, 153, 255]));
        let expected = [0.2, 0.4, 0.6, 1.0];
        assert!(matched.pixels().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{matched:?}");
        // The lower half of the reference is 0.2, so both lower quartiles map to it.
        let coarse = match_histogram(&image(&[1, 2, 3, 4]), &image(&[51, 51, 255, 255]));
        let expected = [0.2, 0.2, 0.6, 1.0];
        assert!(coarse.pixels().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{coarse:?}");
    }

    proptest! {
        #[test]
        fn matching_is_monotone_and_keeps_an_image_matched_with_itself(
            bytes in prop::collection::vec(any::<u8>(), 1..200),
            others in prop::collection::vec(any::<u8>(), 1..200),
        ) {
            let (own, reference) = (image(&bytes), image(&others));
            let same = match_histogram(&own, &own);
            prop_assert!(same.pixels().iter().zip(own.pixels()).all(|(a, b)| (a - b).abs() < 1e-4));
            let matched = match_histogram(&own, &reference);
            let low = reference.pixels().iter().copied().fold(1.0, f32::min);
            let high = reference.pixels().iter().copied().fold(0.0, f32::max);
            prop_assert!(matched.pixels().iter().all(|v| (low - 1e-4..=high + 1e-4).contains(v)));
            for (i, a) in own.pixels().iter().enumerate() {
                for (j, b) in own.pixels().iter().enumerate() {
                    prop_assert!(a > b || matched.pixels()[i] <= matched.pixels()[j] + 1e-6);
                }
            }
        }
    }
}
