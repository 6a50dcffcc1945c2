// The kernels' outputs are vectors that they write whole.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use candle_core::{DType, Result, Shape, Tensor};

use super::cpu::{self, CpuOp, Number, written};
use super::kernels::{self, Epilogue, KernelError, Output, PackedConv, Segment};
use super::{Activation, plain};

/// The geometry of a square convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Pixels from one window to the next.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: usize,
    /// Pixels from one tap of the kernel to the next.
    pub dilation: usize,
}

impl Geometry {
    /// A convolution of an odd `kernel` that keeps the size but for the stride.
    #[must_use]
    pub const fn same(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, padding: kernel / 2, dilation: 1 }
    }

    /// The same in the kernels' terms, for a weight (O, C, kernel, kernel).
    fn of_weight(self, weight: &Shape) -> Result<kernels::Geometry> {
        let [out_channels, in_channels, rows, columns] = cpu::extents(weight)?;
        if (rows, columns) != (self.kernel, self.kernel) {
            candle_core::bail!("a kernel of {0} x {0} has a weight of shape {weight:?}", self.kernel);
        }
        Ok(kernels::Geometry {
            dilation: (self.dilation, self.dilation),
            ..kernels::Geometry::square(in_channels, out_channels, self.kernel, self.stride, self.padding)
        })
    }
}

/// Convolution with a gradient: `x` (B, C, H, W), `weight` (O, C, kernel, kernel), `bias` (O).
///
/// # Errors
/// When a shape does not fit or the device fails.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, geometry: Geometry) -> Result<Tensor> {
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
        let geometry = self.0.of_weight(shapes[1])?;
        let [n, _, h, w] = cpu::extents(shapes[0])?;
        convolved(&geometry, [n, h, w], |y| {
            let channels = geometry.out_channels;
            let out = &mut Output::whole(y, channels);
            let x = [Segment::new(x, geometry.in_channels)];
            kernels::conv_forward((weight, bias), &geometry, &x, (n, h, w), &Epilogue::none(), out)
        })
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

/// Of weight and output gradient: the gradient of an input of `size` (B, C, H, W).
struct InputGradient {
    geometry: Geometry,
    size: [usize; 4],
}

impl CpuOp<2> for InputGradient {
    const NAME: &'static str = "convolution's input gradient";

    fn forward<T: Number>(&self, [weight, dy]: [&[T]; 2], shapes: [&Shape; 2]) -> Result<(Vec<T>, Shape)> {
        let [n, _, h, w] = self.size;
        let geometry = self.geometry.of_weight(shapes[0])?;
        let len = self.size.iter().product();
        // SAFETY: the kernel writes every element of its output.
        let dx =
            unsafe { written(len, |dx| kernels::conv_backward_input(weight, &geometry, dy, (n, h, w), dx)) }?;
        Ok((dx, Shape::from(self.size.to_vec())))
    }
}

/// Of input and output gradient: the gradient of the weight and, behind it, of `bias` values.
struct WeightGradient {
    geometry: Geometry,
    weight: Shape,
    bias: usize,
}

impl CpuOp<2> for WeightGradient {
    const NAME: &'static str = "convolution's weight gradient";

    fn forward<T: Number>(&self, [x, dy]: [&[T]; 2], shapes: [&Shape; 2]) -> Result<(Vec<T>, Shape)> {
        let [n, _, h, w] = cpu::extents(shapes[0])?;
        let geometry = self.geometry.of_weight(&self.weight)?;
        let len = self.weight.elem_count() + self.bias;
        // SAFETY: the kernel writes every element of both parts.
        let flat = unsafe {
            written(len, |flat| {
                let (dw, db) = flat.split_at_mut(self.weight.elem_count());
                let db = (!db.is_empty()).then_some(db);
                kernels::conv_backward_weight(x, dy, &geometry, (n, h, w), dw, db)
            })
        }?;
        Ok((flat, Shape::from(len)))
    }
}

/// The output of a convolution of an input of `[n, h, w]`, written by `kernel`.
fn convolved<T: Number>(
    geometry: &kernels::Geometry,
    [n, h, w]: [usize; 3],
    kernel: impl FnOnce(&mut [MaybeUninit<T>]) -> std::result::Result<(), KernelError>,
) -> Result<(Vec<T>, Shape)> {
    let Some((rows, columns)) = geometry.out_size(h, w) else {
        candle_core::bail!("an input of {h} x {w} is smaller than the kernel");
    };
    let shape = Shape::from((n, geometry.out_channels, rows, columns));
    // SAFETY: the convolution kernels write every element of their output.
    let y = unsafe { written(shape.elem_count(), kernel) }?;
    Ok((y, shape))
}

/// A convolution for inference: its weights are fixed, what follows it is part of it, and it has no gradient.
#[derive(Debug)]
pub struct FusedConv {
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
            Self::Single(packed) => write!(f, "f32, {:?}", packed.geometry()),
            Self::Double(packed) => write!(f, "f64, {:?}", packed.geometry()),
            Self::Plain { weight, geometry, .. } => write!(f, "{:?}, {geometry:?}", weight.shape()),
        }
    }
}

impl FusedConv {
    /// Fixes `weight` (O, C, kernel, kernel) and `bias` (O).
    ///
    /// # Errors
    /// When a shape does not fit or the device fails.
    pub fn new(
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

    /// `activation(convolution(inputs) + bias + residual)`; the `inputs` (B, Cᵢ, H, W) stand for their concatenation.
    ///
    /// # Errors
    /// When a shape does not fit or the device fails.
    pub fn forward(&self, inputs: &[&Tensor], residual: Option<&Tensor>) -> Result<Tensor> {
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
            let epilogue =
                Epilogue { residual: rest.first().copied(), activation: self.activation.of_kernels() };
            convolved(packed.geometry(), [n, h, w], |y| {
                let channels = packed.geometry().out_channels;
                packed.forward(&segments, (n, h, w), &epilogue, &mut Output::whole(y, channels))
            })
        })?;
        Tensor::from_vec(y, shape, first.device())
    }
}

fn pack<T: Number>(weight: &Tensor, bias: Option<&Tensor>, geometry: Geometry) -> Result<PackedConv<T>> {
    let geometry = geometry.of_weight(weight.shape())?;
    let tensors: Vec<_> = [weight].into_iter().chain(bias).collect();
    cpu::with_elements(&tensors, |slices| {
        PackedConv::new(slices[0], slices.get(1).copied(), geometry).map_err(cpu::failed)
    })
}
