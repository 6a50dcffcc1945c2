//! UNet-IKEM: a U-Net on the fused hints and image, its last features gated by the interaction.

use candle_core::{Result, Tensor};

use crate::config::UnetConfig;
use crate::error::BuildResult;
use crate::layers::{ConvSpec, ConvUnit, Gate, GateChannels, HintFusion};
use crate::network::{Inputs, Mode};
use crate::ops::{self, Activation, FusedConvTranspose};
use crate::params::{Builder, Init, Purpose};

/// The activation of the head, whatever the U part's is.
const HEAD_ACTIVATION: Activation = Activation::LeakyRelu(0.01);

/// UNet-IKEM: hint fusion to a quarter of the input, four levels down, four up, gate, head.
#[derive(Debug)]
pub struct Unet {
    hint_fusion: HintFusion,
    down: Vec<DoubleConv>,
    up: Vec<Up>,
    gate: Option<Gate>,
    head: [ConvUnit; 2],
}

impl Unet {
    pub(crate) fn new(builder: &Builder, config: UnetConfig, keypoints: usize) -> BuildResult<Self> {
        let UnetConfig { width, gate_width, activation } = config;
        let level = |depth: u32| width << depth;
        let down = (0..4).map(|depth| {
            let module = builder.pp(&format!("down{}", depth + 1)).pp("maxpool_conv").pp("1");
            DoubleConv::new(&module, level(depth), level(depth + 1), activation)
        });
        let up = (0..4).map(|step| {
            let module = builder.pp(&format!("up{}", step + 1));
            Up::new(&module, level(4 - step), level(3 - step), activation)
        });
        let gate = gate_width.map(|gate_width| {
            let channels = GateChannels { early: width, late: width, keypoints, width: gate_width };
            Gate::new(&builder.pp("iggnet"), channels)
        });
        let head = builder.pp("outc").pp("aux_head");
        let mix = ConvSpec::new(width, width, 1).with_bias().then(HEAD_ACTIVATION);
        Ok(Self {
            hint_fusion: HintFusion::new(&builder.pp("hint_fusion_layer"), keypoints, width)?,
            down: down.collect::<BuildResult<_>>()?,
            up: up.collect::<BuildResult<_>>()?,
            gate: gate.transpose()?,
            head: [
                ConvUnit::with_norm(&head.pp("0"), &head.pp("1"), mix)?,
                ConvUnit::new(&head.pp("3"), ConvSpec::new(width, keypoints, 1).with_bias())?,
            ],
        })
    }

    /// Logits at a quarter of the input: (B, K, H/4, W/4).
    pub(crate) fn forward(&self, inputs: &Inputs, mode: Mode) -> Result<Tensor> {
        let early = self.hint_fusion.forward(inputs, mode)?;
        let mut skips = vec![early.clone()];
        let mut x = early.clone();
        for down in &self.down {
            x = down.forward(&[&ops::max_pool2x2(&x)?], mode)?;
            skips.push(x.clone());
        }
        skips.pop();
        for up in &self.up {
            x = match skips.pop() {
                Some(skip) => up.forward(&x, &skip, mode)?,
                None => candle_core::bail!("more steps up than down"),
            };
        }
        if let Some(gate) = &self.gate {
            x = gate.forward(&inputs.hints, &early, &x, mode)?;
        }
        self.head[1].forward(&[&self.head[0].forward(&[&x], mode)?], mode)
    }
}

/// Two 3 × 3 convolutions, each with batch norm and activation.
#[derive(Debug)]
struct DoubleConv([ConvUnit; 2]);

impl DoubleConv {
    fn new(builder: &Builder, inputs: usize, outputs: usize, activation: Activation) -> BuildResult<Self> {
        let module = builder.pp("double_conv");
        let unit = |conv: &str, norm: &str, inputs| {
            let spec = ConvSpec::new(inputs, outputs, 3).then(activation);
            ConvUnit::with_norm(&module.pp(conv), &module.pp(norm), spec)
        };
        Ok(Self([unit("0", "1", inputs)?, unit("3", "4", outputs)?]))
    }

    fn forward(&self, inputs: &[&Tensor], mode: Mode) -> Result<Tensor> {
        self.0[1].forward(&[&self.0[0].forward(inputs, mode)?], mode)
    }
}

/// One level up: twice the size, beside the features that came down.
#[derive(Debug)]
struct Up {
    enlarge: Enlarge,
    conv: DoubleConv,
}

/// The transposed convolution of an [`Up`].
#[derive(Debug)]
enum Enlarge {
    Trainable { weight: Tensor, bias: Tensor },
    Fused(FusedConvTranspose),
}

impl Up {
    fn new(builder: &Builder, inputs: usize, outputs: usize, activation: Activation) -> BuildResult<Self> {
        let module = builder.pp("up");
        // PyTorch counts a transposed convolution's fan-in over its output channels.
        let init = Init::FanIn(outputs * 4);
        let weight = module.parameter("weight", &[inputs, outputs, 2, 2], init)?;
        let bias = module.parameter("bias", &[outputs], init)?;
        let enlarge = match builder.purpose() {
            Purpose::Training => Enlarge::Trainable { weight, bias },
            Purpose::Inference => Enlarge::Fused(FusedConvTranspose::new(&weight, &bias)?),
        };
        Ok(Self { enlarge, conv: DoubleConv::new(&builder.pp("conv"), inputs, outputs, activation)? })
    }

    fn forward(&self, x: &Tensor, skip: &Tensor, mode: Mode) -> Result<Tensor> {
        let x = match (&self.enlarge, mode) {
            (Enlarge::Fused(conv), _) => conv.forward(x)?,
            (Enlarge::Trainable { weight, bias }, Mode::Eval) => {
                ops::conv_transpose2x2(&x.detach(), &weight.detach(), &bias.detach())?
            }
            (Enlarge::Trainable { weight, bias }, Mode::Train { .. }) => {
                ops::conv_transpose2x2(x, weight, bias)?
            }
        };
        self.conv.forward(&[skip, &pad_to(&x, skip)?], mode)
    }
}

/// `x` with zeros around it up to the height and width of `like`; more of them below and to the right.
fn pad_to(x: &Tensor, like: &Tensor) -> Result<Tensor> {
    let mut x = x.clone();
    for axis in [2, 3] {
        let missing = like.dim(axis)?.saturating_sub(x.dim(axis)?);
        if missing > 0 {
            x = x.pad_with_zeros(axis, missing / 2, missing - missing / 2)?;
        }
    }
    Ok(x)
}
