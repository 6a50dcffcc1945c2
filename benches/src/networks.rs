//! The benchmarked networks and the shapes of their layers.
// A benchmark that fails can only stop.
#![allow(clippy::expect_used, clippy::missing_panics_doc)]

use std::fmt;

use ikem_models::{
    Geometry, HrnetOcrConfig, Layer, LayerKind, ModelConfig, NetworkConfig, Predictor, UnetConfig,
};

/// UNet-IKEM as published.
#[must_use]
pub fn unet() -> ModelConfig {
    ModelConfig::new(NetworkConfig::Unet(UnetConfig::default()))
}

/// HRNet+OCR-IKEM as published.
#[must_use]
pub fn hrnet_ocr() -> ModelConfig {
    ModelConfig::new(NetworkConfig::HrnetOcr(HrnetOcrConfig::default()))
}

/// The configuration of the bundled network.
#[must_use]
pub fn bundled() -> ModelConfig {
    Predictor::pretrained().expect("the bundled model").config().clone()
}

/// A convolution at batch size 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Channels, rows and columns of the input.
    pub input: [usize; 3],
    /// Channels of the output.
    pub outputs: usize,
    /// Kernel, stride, padding and dilation.
    pub geometry: Geometry,
    /// The number of multiply-adds.
    pub mult_adds: u64,
}

impl fmt::Display for Convolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            input: [inputs, rows, columns], outputs, geometry: Geometry { kernel, stride, .. }, ..
        } = self;
        write!(f, "{inputs} to {outputs}, {kernel} x {kernel} / {stride}, {rows} x {columns}")
    }
}

/// A transposed convolution at batch size 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transposed {
    /// Channels, rows and columns of the input.
    pub input: [usize; 3],
    /// Channels of the output.
    pub outputs: usize,
}

impl fmt::Display for Transposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input: [inputs, rows, columns], outputs } = self;
        write!(f, "{inputs} to {outputs}, {rows} x {columns}")
    }
}

/// The convolutions of both published networks with inputs of more than one pixel, without duplicate shapes.
#[must_use]
pub fn convolutions() -> Vec<Convolution> {
    distinct(|layer, input, outputs| match layer.kind {
        LayerKind::Convolution(geometry) if input[1] * input[2] > 1 => {
            Some(Convolution { input, outputs, geometry, mult_adds: layer.mult_adds })
        }
        _ => None,
    })
}

/// The transposed convolutions of both published networks, without duplicate shapes.
#[must_use]
pub fn transposed() -> Vec<Transposed> {
    distinct(|layer, input, outputs| {
        (layer.kind == LayerKind::TransposedConvolution).then_some(Transposed { input, outputs })
    })
}

fn distinct<T: PartialEq>(shape_of: impl Fn(&Layer, [usize; 3], usize) -> Option<T>) -> Vec<T> {
    let mut shapes = Vec::new();
    for config in [unet(), hrnet_ocr()] {
        let predictor = Predictor::builder().untrained(&config, 0).expect("a predictor");
        for layer in predictor.summary().expect("a summary").layers {
            let (&[_, channels, rows, columns], &[_, outputs, ..]) =
                (layer.input.as_slice(), layer.output.as_slice())
            else {
                continue;
            };
            if let Some(shape) = shape_of(&layer, [channels, rows, columns], outputs)
                && !shapes.contains(&shape)
            {
                shapes.push(shape);
            }
        }
    }
    shapes
}
