use candle_core::{DType, Result, Shape, Tensor};
use ikem_kernels::{self as kernels, Activation, ConvShape, Epilogue, Geometry, PackedConv, Segment};

use super::cpu::{self, CpuOp, Number};
use super::plain;

/// Convolution with a gradient: `x` (B, C, H, W), `weight` (O, C, kernel, kernel), `bias` (O).
///
/// # Errors
/// When a shape does not fit or the device fails.
pub(crate) fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    geometry: Geometry,
) -> Result<Tensor> {
    if !cpu::has_kernels(x) {
        return plain::conv2d(x, weight, bias, geometry);
    }
    match bias {
        Some(bias) => cpu::apply3(Conv(geometry), x, weight, bias),
        None => cpu::apply2(Conv(geometry), x, weight),
    }
}

struct Conv(Geometry);

impl Conv {
    fn run<T: Number>(
        &self,
        x: &[T],
        weight: &[T],
        bias: Option<&[T]>,
        shapes: [&Shape; 2],
    ) -> Result<(Vec<T>, Shape)> {
        let conv = conv_shape(self.0, shapes[1])?;
        let [n, _, h, w] = cpu::extents(shapes[0])?;
        let x = [Segment::new(x, conv.in_channels)];
        let y = kernels::conv2d((weight, bias), &conv, &x, (n, h, w), &Epilogue::none());
        Ok((y.map_err(cpu::failed)?, output_shape(&conv, (n, h, w))?))
    }

    /// The gradients of input, weight and bias (empty without one).
    fn gradients(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: usize,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, [Tensor; 2])> {
        let input = InputGradient { geometry: self.0, size: cpu::extents(x.shape())? };
        let dx = x.track_op().then(|| cpu::apply2(input, &weight.detach(), dy)).transpose()?;
        let flat = WeightGradient { geometry: self.0, weight: weight.shape().clone(), bias };
        let flat = cpu::apply2(flat, &x.detach(), dy)?;
        Ok((dx, cpu::split(&flat, [weight.dims(), &[bias]])?))
    }
}

impl CpuOp<2> for Conv {
    const NAME: &'static str = "convolution";

    fn forward<T: Number>(&self, [x, weight]: [&[T]; 2], shapes: [&Shape; 2]) -> Result<(Vec<T>, Shape)> {
        self.run(x, weight, None, shapes)
    }

    fn backward(&self, [x, weight]: [&Tensor; 2], dy: &Tensor) -> Result<[Option<Tensor>; 2]> {
        let (dx, [dw, _]) = self.gradients(x, weight, 0, dy)?;
        Ok([dx, Some(dw)])
    }
}

impl CpuOp<3> for Conv {
    const NAME: &'static str = "convolution with bias";

    fn forward<T: Number>(
        &self,
        [x, weight, bias]: [&[T]; 3],
        shapes: [&Shape; 3],
    ) -> Result<(Vec<T>, Shape)> {
        self.run(x, weight, Some(bias), [shapes[0], shapes[1]])
    }

    fn backward(&self, [x, weight, bias]: [&Tensor; 3], dy: &Tensor) -> Result<[Option<Tensor>; 3]> {
        let (dx, [dw, db]) = self.gradients(x, weight, bias.elem_count(), dy)?;
        Ok([dx, Some(dw), Some(db)])
    }
}

/// Of the weight and the output's gradient: the gradient of an input of `size` (B, C, H, W).
struct InputGradient {
    geometry: Geometry,
    size: [usize; 4],
}

impl CpuOp<2> for InputGradient {
    const NAME: &'static str = "input gradient of a convolution";

    fn forward<T: Number>(&self, [weight, dy]: [&[T]; 2], shapes: [&Shape; 2]) -> Result<(Vec<T>, Shape)> {
        let [n, _, h, w] = self.size;
        let conv = conv_shape(self.geometry, shapes[0])?;
        let dx = kernels::conv2d_backward_input(weight, &conv, dy, (n, h, w));
        Ok((dx.map_err(cpu::failed)?, Shape::from(self.size.to_vec())))
    }
}

/// Of the input and the output's gradient: the gradient of the weight followed by that of a bias of `bias` elements.
struct WeightGradient {
    geometry: Geometry,
    weight: Shape,
    bias: usize,
}

impl CpuOp<2> for WeightGradient {
    const NAME: &'static str = "weight gradient of a convolution";

    fn forward<T: Number>(&self, [x, dy]: [&[T]; 2], shapes: [&Shape; 2]) -> Result<(Vec<T>, Shape)> {
        let [n, _, h, w] = cpu::extents(shapes[0])?;
        let conv = conv_shape(self.geometry, &self.weight)?;
        let flat = kernels::conv2d_backward_weight(x, dy, &conv, (n, h, w), self.bias > 0);
        let flat = flat.map_err(cpu::failed)?;
        let len = flat.len();
        Ok((flat, Shape::from(len)))
    }
}

/// The convolution of a weight (O, C, kernel, kernel).
fn conv_shape(geometry: Geometry, weight: &Shape) -> Result<ConvShape> {
    let [out_channels, in_channels, rows, columns] = cpu::extents(weight)?;
    if (rows, columns) != (geometry.kernel, geometry.kernel) {
        candle_core::bail!("a kernel of {0} x {0} has a weight of shape {weight:?}", geometry.kernel);
    }
    Ok(ConvShape { in_channels, out_channels, geometry })
}

/// The shape of the output for images of `(n, h, w)`.
fn output_shape(conv: &ConvShape, (n, h, w): (usize, usize, usize)) -> Result<Shape> {
    match conv.geometry.out_size(h, w) {
        Some((rows, columns)) => Ok(Shape::from((n, conv.out_channels, rows, columns))),
        None => candle_core::bail!("an input of {h} x {w} is smaller than the kernel"),
    }
}

/// A convolution for inference, fused with the addition and the activation that follow it. Its weights are constant and
/// it has no gradient.
#[derive(Debug)]
pub(crate) struct FusedConv {
    weights: Weights,
    activation: Activation,
}

enum Weights {
    Single(PackedConv<f32>),
    Double(PackedConv<f64>),
    Plain { weight: Tensor, bias: Option<Tensor>, geometry: Geometry },
}

impl std::fmt::Debug for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Single(packed) => write!(f, "f32, {:?}", packed.shape()),
            Self::Double(packed) => write!(f, "f64, {:?}", packed.shape()),
            Self::Plain { weight, geometry, .. } => write!(f, "{:?}, {geometry:?}", weight.shape()),
        }
    }
}

impl FusedConv {
    /// Packs `weight` (O, C, kernel, kernel) and `bias` (O).
    ///
    /// # Errors
    /// When a shape does not fit or the device fails.
    pub(crate) fn new(
        weight: &Tensor,
        bias: Option<&Tensor>,
        geometry: Geometry,
        activation: Activation,
    ) -> Result<Self> {
        let (weight, bias) = (weight.detach().contiguous()?, bias.map(Tensor::detach));
        let bias = bias.map(|bias| bias.contiguous()).transpose()?;
        let weights = match weight.dtype() {
            _ if !cpu::has_kernels(&weight) => Weights::Plain { weight, bias, geometry },
            DType::F64 => Weights::Double(pack(&weight, bias.as_ref(), geometry)?),
            _ => Weights::Single(pack(&weight, bias.as_ref(), geometry)?),
        };
        Ok(Self { weights, activation })
    }

    /// `activation(convolution(inputs) + bias + residual)`; the convolution is that of the concatenated `inputs` (B,
    /// Cᵢ, H, W).
    ///
    /// # Errors
    /// When a shape does not fit or the device fails.
    pub(crate) fn forward(&self, inputs: &[&Tensor], residual: Option<&Tensor>) -> Result<Tensor> {
        match &self.weights {
            Weights::Single(packed) => self.run(packed, inputs, residual),
            Weights::Double(packed) => self.run(packed, inputs, residual),
            Weights::Plain { weight, bias, geometry } => {
                let y = plain::conv2d(&Tensor::cat(inputs, 1)?, weight, bias.as_ref(), *geometry)?;
                let y = match residual {
                    Some(residual) => (y + residual)?,
                    None => y,
                };
                plain::activate(&y, self.activation)
            }
        }
    }

    fn run<T: Number>(
        &self,
        packed: &PackedConv<T>,
        inputs: &[&Tensor],
        residual: Option<&Tensor>,
    ) -> Result<Tensor> {
        let Some(first) = inputs.first() else { candle_core::bail!("a convolution of no inputs") };
        let (n, _, h, w) = first.dims4()?;
        let mut channels = Vec::with_capacity(inputs.len());
        for input in inputs {
            match input.dims4()? {
                (batch, c, rows, columns) if (batch, rows, columns) == (n, h, w) => channels.push(c),
                _ => candle_core::bail!("inputs of shapes {:?} and {:?}", first.shape(), input.shape()),
            }
        }
        let all =
            inputs.iter().copied().chain(residual).map(Tensor::contiguous).collect::<Result<Vec<_>>>()?;
        let (y, shape) = cpu::with_elements::<T, _>(&all.iter().collect::<Vec<_>>(), |slices| {
            let (inputs, rest) = slices.split_at(channels.len());
            let segments: Vec<_> = inputs.iter().zip(&channels).map(|(x, &c)| Segment::new(x, c)).collect();
            let epilogue = Epilogue { residual: rest.first().copied(), activation: self.activation };
            let y = packed.forward(&segments, (n, h, w), &epilogue).map_err(cpu::failed)?;
            Ok((y, output_shape(packed.shape(), (n, h, w))?))
        })?;
        Tensor::from_vec(y, shape, first.device())
    }
}

fn pack<T: Number>(weight: &Tensor, bias: Option<&Tensor>, geometry: Geometry) -> Result<PackedConv<T>> {
    let conv = conv_shape(geometry, weight.shape())?;
    let tensors: Vec<_> = [weight].into_iter().chain(bias).collect();
    cpu::with_elements(&tensors, |slices| {
        PackedConv::new(slices[0], slices.get(1).copied(), conv).map_err(cpu::failed)
    })
}
