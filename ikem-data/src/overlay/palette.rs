/// An RGB colour.
pub(super) type Rgb = [u8; 3];

/// The colour of group `index` (a vertebra). Neighbouring groups have distinct hues, and none is grey.
#[cfg(feature = "drawing")]
pub(super) fn group_colour(index: usize) -> Rgb {
    // Steps by the golden angle do not return to a hue nearby.
    let hue = (210.0 + 137.508 * index as f32) % 360.0;
    let lightness = if index.is_multiple_of(2) { 0.66 } else { 0.58 };
    let chroma = 0.9 * (1.0 - (2.0 * lightness - 1.0_f32).abs());
    [0.0, 8.0, 4.0].map(|offset| {
        let k = (offset + hue / 30.0) % 12.0;
        let part = (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        to_byte(lightness - 0.5 * chroma * part)
    })
}

/// The colour of a heatmap value, 0…1, from dark violet over red and orange to pale yellow.
pub(super) fn heat_colour(value: f32) -> Rgb {
    const STOPS: [[f32; 3]; 5] = [
        [40.0, 11.0, 84.0],
        [140.0, 41.0, 129.0],
        [222.0, 73.0, 104.0],
        [254.0, 159.0, 109.0],
        [252.0, 253.0, 191.0],
    ];
    let position = value.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
    let below = (position as usize).min(STOPS.len() - 2);
    let part = position - below as f32;
    [0, 1, 2].map(|channel| {
        (STOPS[below][channel] + part * (STOPS[below + 1][channel] - STOPS[below][channel])).round() as u8
    })
}

/// The opacity of a heatmap value, 0…1.
pub(super) fn heat_opacity(value: f32) -> f32 {
    // Values this small would not be visible.
    if value > 0.01 { 0.8 * value.min(1.0).sqrt() } else { 0.0 }
}

/// Quantizes a value of 0…1 to 8 bits.
pub(super) fn to_byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}
