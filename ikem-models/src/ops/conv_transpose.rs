use candle_core::{DType, Result, Shape, Tensor};
use ikem_kernels::{self as kernels, PackedConvTranspose2x2, Segment};

use super::cpu::{self, CpuOp, Number};
use super::plain;

/// Transposed convolution of a 2 × 2 kernel with stride 2: `x` (B, C, H, W), `weight` (C, O, 2, 2), `bias` (O) give
/// (B, O, 2 H, 2 W).
///
/// # Errors
/// When a shape does not fit or the device fails.
pub(crate) fn conv_transpose2x2(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    if cpu::has_kernels(x) {
        cpu::apply3(ConvTranspose, x, weight, bias)
    } else {
        plain::conv_transpose2x2(x, weight, bias)
    }
}

struct ConvTranspose;

impl CpuOp<3> for ConvTranspose {
    const NAME: &'static str = "transposed convolution";

    fn forward<T: Number>(
        &self,
        [x, weight, bias]: [&[T]; 3],
        shapes: [&Shape; 3],
    ) -> Result<(Vec<T>, Shape)> {
        let (inputs, outputs) = channels(shapes[1])?;
        let packed = PackedConvTranspose2x2::new(weight, Some(bias), inputs, outputs).map_err(cpu::failed)?;
        enlarge(&packed, outputs, x, shapes[0])
    }

    fn backward(&self, [x, weight, bias]: [&Tensor; 3], dy: &Tensor) -> Result<[Option<Tensor>; 3]> {
        let input = InputGradient { size: cpu::extents(x.shape())? };
        let dx = x.track_op().then(|| cpu::apply2(input, &weight.detach(), dy)).transpose()?;
        let flat = cpu::apply2(WeightGradient { weight: weight.shape().clone() }, &x.detach(), dy)?;
        let [dw, db] = cpu::split(&flat, [weight.dims(), bias.dims()])?;
        Ok([dx, Some(dw), Some(db)])
    }
}

/// Of the weight and the output's gradient: the gradient of an input of `size` (B, C, H, W).
struct InputGradient {
    size: [usize; 4],
}

impl CpuOp<2> for InputGradient {
    const NAME: &'static str = "input gradient of a transposed convolution";

    fn forward<T: Number>(&self, [weight, dy]: [&[T]; 2], shapes: [&Shape; 2]) -> Result<(Vec<T>, Shape)> {
        let [n, _, h, w] = self.size;
        let channels = channels(shapes[0])?;
        let dx = kernels::conv_transpose2x2_backward_input(weight, dy, channels, (n, h, w));
        Ok((dx.map_err(cpu::failed)?, Shape::from(self.size.to_vec())))
    }
}

/// Of the input and the output's gradient: the gradient of the weight followed by that of the bias.
struct WeightGradient {
    weight: Shape,
}

impl CpuOp<2> for WeightGradient {
    const NAME: &'static str = "weight gradient of a transposed convolution";

    fn forward<T: Number>(&self, [x, dy]: [&[T]; 2], shapes: [&Shape; 2]) -> Result<(Vec<T>, Shape)> {
        let [n, _, h, w] = cpu::extents(shapes[0])?;
        let channels = channels(&self.weight)?;
        let flat = kernels::conv_transpose2x2_backward_weight(x, dy, channels, (n, h, w));
        let flat = flat.map_err(cpu::failed)?;
        let len = flat.len();
        Ok((flat, Shape::from(len)))
    }
}

/// Input and output channels of a weight (C, O, 2, 2).
fn channels(weight: &Shape) -> Result<(usize, usize)> {
    match cpu::extents(weight)? {
        [inputs, outputs, 2, 2] => Ok((inputs, outputs)),
        _ => candle_core::bail!("expected a weight of shape (C, O, 2, 2), found {weight:?}"),
    }
}

/// The output and its shape.
fn enlarge<T: Number>(
    packed: &PackedConvTranspose2x2<T>,
    outputs: usize,
    x: &[T],
    shape: &Shape,
) -> Result<(Vec<T>, Shape)> {
    let [n, inputs, h, w] = cpu::extents(shape)?;
    let y = packed.forward(&[Segment::new(x, inputs)], (n, h, w)).map_err(cpu::failed)?;
    Ok((y, Shape::from((n, outputs, 2 * h, 2 * w))))
}

/// A transposed convolution for inference: its weights are constant and it has no gradient.
#[derive(Debug)]
pub(crate) struct FusedConvTranspose {
    outputs: usize,
    weights: Weights,
}

enum Weights {
    Single(PackedConvTranspose2x2<f32>),
    Double(PackedConvTranspose2x2<f64>),
    Plain { weight: Tensor, bias: Tensor },
}

impl std::fmt::Debug for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Single(_) => "f32, packed",
            Self::Double(_) => "f64, packed",
            Self::Plain { .. } => "plain",
        })
    }
}

impl FusedConvTranspose {
    /// Packs `weight` (C, O, 2, 2) and `bias` (O).
    ///
    /// # Errors
    /// When a shape does not fit or the device fails.
    pub(crate) fn new(weight: &Tensor, bias: &Tensor) -> Result<Self> {
        let (weight, bias) = (weight.detach().contiguous()?, bias.detach().contiguous()?);
        let outputs = channels(weight.shape())?.1;
        let weights = match weight.dtype() {
            _ if !cpu::has_kernels(&weight) => Weights::Plain { weight, bias },
            DType::F64 => Weights::Double(pack(&weight, &bias)?),
            _ => Weights::Single(pack(&weight, &bias)?),
        };
        Ok(Self { outputs, weights })
    }

    /// As [`conv_transpose2x2`].
    ///
    /// # Errors
    /// When a shape does not fit or the device fails.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.weights {
            Weights::Single(packed) => self.run(packed, x),
            Weights::Double(packed) => self.run(packed, x),
            Weights::Plain { weight, bias } => plain::conv_transpose2x2(x, weight, bias),
        }
    }

    fn run<T: Number>(&self, packed: &PackedConvTranspose2x2<T>, x: &Tensor) -> Result<Tensor> {
        let x = x.contiguous()?;
        let (y, shape) =
            cpu::with_elements(&[&x], |slices| enlarge(packed, self.outputs, slices[0], x.shape()))?;
        Tensor::from_vec(y, shape, x.device())
    }
}

fn pack<T: Number>(weight: &Tensor, bias: &Tensor) -> Result<PackedConvTranspose2x2<T>> {
    let (inputs, outputs) = channels(weight.shape())?;
    cpu::with_elements(&[weight, bias], |slices| {
        PackedConvTranspose2x2::new(slices[0], Some(slices[1]), inputs, outputs).map_err(cpu::failed)
    })
}
