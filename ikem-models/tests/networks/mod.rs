//! Both networks, small, with seeded weights, and inputs for them.

use candle_core::{DType, Tensor};
use ikem_core::{Size, Skeleton};
use ikem_models::{Device, HrnetOcrConfig, ModelConfig, NetworkConfig, UnetConfig};

pub(crate) const KEYPOINTS: usize = 5;
/// No power of two divides it often: resizing and pooling have remainders.
pub(crate) const SIZE: Size = Size::new(72, 100);

/// Both networks, small, with and without what can be left out.
pub(crate) fn networks() -> Vec<(&'static str, ModelConfig)> {
    let unet = UnetConfig { width: 4, gate_width: Some(6), ..UnetConfig::default() };
    let hrnet = HrnetOcrConfig {
        stem_width: 8,
        width: 4,
        ocr_width: 6,
        gate_width: Some(6),
        ..HrnetOcrConfig::default()
    };
    let config = |network| ModelConfig {
        size: SIZE,
        std: 2.0,
        skeleton: Skeleton::numbered(KEYPOINTS),
        ..ModelConfig::new(network)
    };
    vec![
        ("unet", config(NetworkConfig::Unet(unet))),
        ("unet, plain", config(NetworkConfig::Unet(UnetConfig { gate_width: None, ..unet }))),
        (
            "unet, no hints",
            config(NetworkConfig::Unet(UnetConfig { gate_width: None, hints: false, ..unet })),
        ),
        ("hrnet-ocr", config(NetworkConfig::HrnetOcr(hrnet))),
        ("hrnet-ocr, plain", config(NetworkConfig::HrnetOcr(HrnetOcrConfig { gate_width: None, ..hrnet }))),
        (
            "hrnet-ocr, no hints",
            config(NetworkConfig::HrnetOcr(HrnetOcrConfig { gate_width: None, hints: false, ..hrnet })),
        ),
    ]
}

/// Smooth maps of a batch, no two alike.
pub(crate) fn maps(dtype: DType, batch: usize) -> [Tensor; 3] {
    let smooth = |channels: usize, phase: f64| {
        let count = batch * channels * SIZE.area();
        let wave = |i: usize| ((i as f64 * 0.37 + phase).sin() * (i as f64 * 0.011).cos()).clamp(-1.0, 1.0);
        Tensor::from_vec(
            (0..count).map(wave).collect::<Vec<_>>(),
            (batch, channels, SIZE.height, SIZE.width),
            &Device::Cpu,
        )
        .and_then(|maps| maps.to_dtype(dtype))
        .expect("maps")
    };
    let [hints, previous] = [0.0, 1.0].map(|phase| smooth(KEYPOINTS, phase).abs().expect("maps"));
    [hints, previous, smooth(3, 2.0)]
}
