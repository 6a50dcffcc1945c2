//! What the networks cost, against the published parameters and hand-counted mult-adds.
#![allow(missing_docs, clippy::expect_used)]

use ikem_models::{HrnetOcrConfig, ModelConfig, NetworkConfig, Predictor, UnetConfig};

fn predictor(network: NetworkConfig) -> Predictor {
    Predictor::builder().untrained(&ModelConfig::new(network), 0).expect("a predictor")
}

#[test]
fn parameters_and_mult_adds_are_the_known_ones() {
    let unet = |gate_width| NetworkConfig::Unet(UnetConfig { gate_width, ..UnetConfig::default() });
    let hrnet =
        |gate_width| NetworkConfig::HrnetOcr(HrnetOcrConfig { gate_width, ..HrnetOcrConfig::default() });
    for (name, network, parameters, mult_adds) in [
        ("unet, gated", unet(Some(256)), 32_548_261, 9_758_053_376),
        ("unet, plain", unet(None), 31_057_749, 6_719_275_008),
        ("hrnet-ocr, gated", hrnet(Some(256)), 32_942_889, 38_539_177_472),
        ("hrnet-ocr, plain", hrnet(None), 31_002_937, 34_594_422_784),
    ] {
        let summary = predictor(network).summary().expect("a summary");
        assert_eq!((summary.parameters(), summary.mult_adds()), (parameters, mult_adds), "{name}");
        let products = summary.layers.iter().filter(|layer| layer.name.starts_with("ocr "));
        let of_products: u64 = products.map(|layer| layer.mult_adds).sum();
        assert_eq!(of_products, if name.starts_with("hrnet") { 285_212_672 } else { 0 }, "{name}");
    }
}

#[test]
fn a_layer_is_its_convolution_with_the_norm_behind_it() {
    let network = UnetConfig { width: 2, gate_width: None, ..UnetConfig::default() };
    let summary = predictor(NetworkConfig::Unet(network)).summary().expect("a summary");
    let layer = |name: &str| summary.layers.iter().find(|layer| layer.name == name).expect("the layer");
    let first = layer("hint_fusion_layer.image_encoder.0");
    assert_eq!(first.output, [1, 2, 256, 128]);
    assert_eq!((first.parameters, first.mult_adds), (2 * 3 * 9 + 2 * 2, 2 * 3 * 9 * 256 * 128));
    let up = layer("up4.up");
    assert_eq!(up.output, [1, 2, 128, 64]);
    assert_eq!((up.parameters, up.mult_adds), (4 * 2 * 4 + 2, 4 * 2 * 128 * 64));
}
