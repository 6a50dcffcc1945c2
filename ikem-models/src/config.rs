use std::fmt;

use ikem_core::{Decoding, FieldError, Preparation, Resampling, Size, Skeleton};
use serde::{Deserialize, Deserializer, Serialize};

use crate::ops::Activation;

/// The largest width, height or number of channels of a config: far above any published network, and far below what
/// would exhaust a machine before an error is reported.
const LARGEST: usize = 8192;
/// The most memory that a prediction may take, in bytes; the published networks take less than 0.4 GiB.
const MOST_BYTES: usize = 8 << 30;

/// The config of a model: the network, its input and its keypoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The network and its dimensions.
    pub network: NetworkConfig,
    /// The keypoints that it marks.
    #[serde(default = "Skeleton::spine")]
    pub skeleton: Skeleton,
    /// The network's grid (model space), in pixels.
    #[serde(default = "default_size")]
    pub size: Size,
    /// Standard deviation of the Gaussians of hints and targets, in pixels of the grid.
    #[serde(default = "default_std")]
    pub std: f32,
    /// The resampling of images to the grid.
    #[serde(default)]
    pub resampling: Resampling,
    /// The decoding of heatmaps to points.
    #[serde(default)]
    pub decoding: Decoding,
    /// Whether the decoded points are then moved along the spine to where the heatmaps show vertebrae
    /// ([`decode_column`](ikem_core::decode_column)). Published networks do without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub column: bool,
}

/// A network and its dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NetworkConfig {
    /// [`Unet`](crate::Unet).
    Unet(UnetConfig),
    /// [`HrnetOcr`](crate::HrnetOcr).
    HrnetOcr(HrnetOcrConfig),
}

/// A network, without its dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetworkKind {
    /// UNet-IKEM, `unet`.
    Unet,
    /// HRNet+OCR-IKEM, `hrnet-ocr`.
    HrnetOcr,
}

impl NetworkConfig {
    /// The network.
    #[must_use]
    pub const fn kind(&self) -> NetworkKind {
        match self {
            Self::Unet(_) => NetworkKind::Unet,
            Self::HrnetOcr(_) => NetworkKind::HrnetOcr,
        }
    }

    /// Whether it sees hints and its previous heatmaps.
    #[must_use]
    pub const fn has_hints(&self) -> bool {
        match self {
            Self::Unet(unet) => unet.hints,
            Self::HrnetOcr(hrnet) => hrnet.hints,
        }
    }
}

impl fmt::Display for NetworkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unet => "unet",
            Self::HrnetOcr => "hrnet-ocr",
        })
    }
}

/// The dimensions of UNet-IKEM.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UnetConfig {
    /// Channels after the hint fusion (w); the deepest level has 16 w.
    pub width: usize,
    /// Channels of the interaction-guided gate; `None` (0 or null in files) is the plain network without a gate.
    #[serde(deserialize_with = "width_or_none")]
    pub gate_width: Option<usize>,
    /// Whether it sees hints and its previous heatmaps. Without them it is the backbone alone, from image to heatmaps,
    /// and has no gate.
    pub hints: bool,
    /// The activation of the U part.
    pub activation: Activation,
}

impl Default for UnetConfig {
    /// The published network: width 64, gate 256, LeakyReLU of slope 0.01.
    fn default() -> Self {
        Self { width: 64, gate_width: Some(256), hints: true, activation: Activation::LeakyRelu(0.01) }
    }
}

/// The dimensions of HRNet+OCR-IKEM.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HrnetOcrConfig {
    /// Channels of the stem; the first stage has four times as many outputs.
    pub stem_width: usize,
    /// Channels of the finest branch (w); the coarsest of the four has 8 w.
    pub width: usize,
    /// Channels in which OCR compares pixels with keypoints; its features have twice as many.
    pub ocr_width: usize,
    /// Channels of the interaction-guided gate; `None` (0 or null in files) is the plain network without a gate.
    #[serde(deserialize_with = "width_or_none")]
    pub gate_width: Option<usize>,
    /// Whether it sees hints and its previous heatmaps. Without them it is the backbone alone, from image to heatmaps,
    /// and has no gate.
    pub hints: bool,
    /// The share of OCR's channels that dropout zeroes in training.
    pub dropout: f32,
}

impl Default for HrnetOcrConfig {
    /// The published network: HRNet-W32 on a stem of 64 channels, OCR 128, gate 256, dropout 0.05.
    fn default() -> Self {
        Self { stem_width: 64, width: 32, ocr_width: 128, gate_width: Some(256), hints: true, dropout: 0.05 }
    }
}

/// A width; 0 and null are no width, since TOML has no null.
fn width_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    Ok(Option::deserialize(deserializer)?.filter(|&width| width > 0))
}

fn default_size() -> Size {
    Size::new(256, 512)
}

const fn default_std() -> f32 {
    7.5
}

impl Default for ModelConfig {
    /// The published UNet-IKEM: 68 corners of the spine on a grid 256 wide and 512 high.
    fn default() -> Self {
        Self::new(NetworkConfig::Unet(UnetConfig::default()))
    }
}

impl ModelConfig {
    /// The config of `network`, with the published values of all other fields.
    #[must_use]
    pub fn new(network: NetworkConfig) -> Self {
        Self {
            network,
            skeleton: Skeleton::spine(),
            size: default_size(),
            std: default_std(),
            resampling: Resampling::default(),
            decoding: Decoding::default(),
            column: false,
        }
    }

    /// The number of keypoints (K).
    #[must_use]
    pub const fn keypoints(&self) -> usize {
        self.skeleton.len()
    }

    /// The preparation of images for the network.
    #[must_use]
    pub const fn preparation(&self) -> Preparation {
        Preparation { size: self.size, resampling: self.resampling }
    }

    /// Checks every field's range.
    ///
    /// # Errors
    /// The first field that is out of range, by name.
    pub fn check(&self) -> Result<(), FieldError> {
        FieldError::check_range("skeleton", self.keypoints(), 1..=LARGEST)?;
        // Five halvings, and a plane that is left to normalise over.
        FieldError::check_range("size.width", self.size.width, 64..=LARGEST)?;
        FieldError::check_range("size.height", self.size.height, 64..=LARGEST)?;
        positive("std", self.std)?;
        if let Decoding::Local(local) = self.decoding {
            FieldError::check_range("decoding.local.window", local.window, 1..=LARGEST)?;
            positive("decoding.local.temperature", local.temperature)?;
        }
        match self.network {
            NetworkConfig::Unet(unet) => unet.check(),
            NetworkConfig::HrnetOcr(hrnet) => hrnet.check(),
        }?;
        self.check_memory()
    }

    /// Rejects a grid on which a prediction would take more memory than [`MOST_BYTES`].
    fn check_memory(&self) -> Result<(), FieldError> {
        let bytes = self.prediction_bytes();
        if bytes <= MOST_BYTES {
            return Ok(());
        }
        let gigabytes = |bytes: usize| bytes.div_ceil(1 << 30);
        let expected = format!("a grid on which a prediction takes at most {} GiB", gigabytes(MOST_BYTES));
        let found = format!("{}, which takes about {} GiB", self.size, gigabytes(bytes));
        Err(FieldError::new("size", expected, found))
    }

    /// A rough estimate of a prediction's memory in bytes: at a quarter of the grid's resolution, a few copies of the widest layers
    /// and of the keypoints' maps.
    const fn prediction_bytes(&self) -> usize {
        const AT_A_TIME: usize = 8;
        let channels = match self.network {
            NetworkConfig::Unet(unet) => unet.width + gate_channels(unet.gate_width),
            NetworkConfig::HrnetOcr(hrnet) => {
                let branches = 15 * hrnet.width;
                4 * hrnet.stem_width + branches + 3 * hrnet.ocr_width + gate_channels(hrnet.gate_width)
            }
        };
        let places = self.size.area() / 16;
        places.saturating_mul(channels + self.keypoints()).saturating_mul(AT_A_TIME * size_of::<f32>())
    }
}

const fn gate_channels(width: Option<usize>) -> usize {
    match width {
        Some(width) => width,
        None => 0,
    }
}

impl UnetConfig {
    fn check(&self) -> Result<(), FieldError> {
        FieldError::check_range("network.unet.width", self.width, 1..=LARGEST / 16)?;
        gate("network.unet.gate_width", self.gate_width, self.hints)?;
        match self.activation {
            Activation::LeakyRelu(slope) if !(0.0..1.0).contains(&slope) => {
                Err(FieldError::new("network.unet.activation", "a slope of at least 0 and below 1", slope))
            }
            _ => Ok(()),
        }
    }
}

impl HrnetOcrConfig {
    fn check(&self) -> Result<(), FieldError> {
        FieldError::check_range("network.hrnet-ocr.stem_width", self.stem_width, 1..=LARGEST / 4)?;
        FieldError::check_range("network.hrnet-ocr.width", self.width, 1..=LARGEST / 16)?;
        FieldError::check_range("network.hrnet-ocr.ocr_width", self.ocr_width, 1..=LARGEST / 2)?;
        gate("network.hrnet-ocr.gate_width", self.gate_width, self.hints)?;
        if (0.0..1.0).contains(&self.dropout) {
            return Ok(());
        }
        Err(FieldError::new("network.hrnet-ocr.dropout", "a part of at least 0 and below 1", self.dropout))
    }
}

/// Checks a gate, which needs a width, and hints as its input.
fn gate(field: &'static str, width: Option<usize>, hints: bool) -> Result<(), FieldError> {
    match width {
        Some(width) if hints => FieldError::check_range(field, width, 1..=LARGEST),
        Some(width) => Err(FieldError::new(field, "none in a network without hints", width)),
        None => Ok(()),
    }
}

fn positive(field: &'static str, found: f32) -> Result<(), FieldError> {
    if found.is_finite() && found > 0.0 {
        return Ok(());
    }
    Err(FieldError::new(field, "a positive number", found))
}

#[cfg(test)]
mod tests {
    use ikem_core::LocalWindow;

    use super::*;

    #[test]
    fn each_field_out_of_range_is_named() {
        let unet = |change: fn(&mut UnetConfig)| {
            let mut config = UnetConfig::default();
            change(&mut config);
            ModelConfig::new(NetworkConfig::Unet(config))
        };
        let hrnet = |change: fn(&mut HrnetOcrConfig)| {
            let mut config = HrnetOcrConfig::default();
            change(&mut config);
            ModelConfig::new(NetworkConfig::HrnetOcr(config))
        };
        let with = |change: fn(&mut ModelConfig)| {
            let mut config = ModelConfig::default();
            change(&mut config);
            config
        };
        let local = |window, temperature| Decoding::Local(LocalWindow { window, temperature });
        let cases = [
            ("network.unet.width", unet(|c| c.width = 0)),
            ("network.unet.width", unet(|c| c.width = 1_000_000)),
            ("network.unet.gate_width", unet(|c| c.gate_width = Some(0))),
            ("network.unet.gate_width", unet(|c| c.hints = false)),
            ("network.unet.activation", unet(|c| c.activation = Activation::LeakyRelu(-0.1))),
            ("network.unet.activation", unet(|c| c.activation = Activation::LeakyRelu(f32::NAN))),
            ("network.hrnet-ocr.stem_width", hrnet(|c| c.stem_width = 0)),
            ("network.hrnet-ocr.width", hrnet(|c| c.width = 0)),
            ("network.hrnet-ocr.ocr_width", hrnet(|c| c.ocr_width = 100_000)),
            ("network.hrnet-ocr.gate_width", hrnet(|c| c.gate_width = Some(0))),
            ("network.hrnet-ocr.gate_width", hrnet(|c| c.hints = false)),
            ("network.hrnet-ocr.dropout", hrnet(|c| c.dropout = 1.0)),
            ("network.hrnet-ocr.dropout", hrnet(|c| c.dropout = f32::NAN)),
            ("skeleton", with(|c| c.skeleton = Skeleton::numbered(0))),
            ("size.width", with(|c| c.size.width = 0)),
            ("size.height", with(|c| c.size.height = usize::MAX)),
            ("std", with(|c| c.std = 0.0)),
            ("std", with(|c| c.std = f32::INFINITY)),
            ("decoding.local.window", ModelConfig { decoding: local(0, 1.0), ..ModelConfig::default() }),
            (
                "decoding.local.temperature",
                ModelConfig { decoding: local(3, -1.0), ..ModelConfig::default() },
            ),
        ];
        for (field, config) in cases {
            assert_eq!(config.check().expect_err(field).field, field);
        }
        assert_eq!(ModelConfig::default().check(), Ok(()));
    }

    #[test]
    fn a_grid_that_would_fill_the_memory_is_refused() {
        let config = |size: Size| ModelConfig { size, ..ModelConfig::default() };
        assert_eq!(config(Size::new(1024, 2048)).check(), Ok(()));
        let error = config(Size::new(8192, 8192)).check().expect_err("48 GiB").to_string();
        let expected = "`size`: expected a grid on which a prediction takes at most 8 GiB, found 8192 x 8192 px, which \
                    takes about 49 GiB";
        assert_eq!(error, expected);
    }

    #[test]
    fn a_config_survives_json_and_unknown_fields_do_not() {
        let config = ModelConfig::default();
        let json = serde_json::to_string(&config).expect("json");
        assert_eq!(serde_json::from_str::<ModelConfig>(&json).expect("config"), config);
        let short: ModelConfig = serde_json::from_str(r#"{"network": {"unet": {}}}"#).expect("config");
        assert_eq!(short, config);
        assert!(serde_json::from_str::<ModelConfig>(r#"{"network": {"unet": {"widht": 3}}}"#).is_err());
        for gate in ["0", "null"] {
            let json = format!(r#"{{"network": {{"unet": {{"gate_width": {gate}}}}}}}"#);
            let plain = UnetConfig { gate_width: None, ..UnetConfig::default() };
            let found: ModelConfig = serde_json::from_str(&json).expect("config");
            assert_eq!(found.network, NetworkConfig::Unet(plain));
        }
        let hrnet: ModelConfig = serde_json::from_str(r#"{"network": {"hrnet-ocr": {}}}"#).expect("config");
        assert_eq!(hrnet, ModelConfig::new(NetworkConfig::HrnetOcr(HrnetOcrConfig::default())));
    }
}
