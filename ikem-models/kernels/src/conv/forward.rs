//! Convolution: the product of the weights and the im2col matrix of the input, or Winograd's filtering where that is
//! faster.
//!
//! Weights are `[O, C, k, k]`, inputs `[n, C, h, w]` in segments of channels, outputs `[n, O, oh, ow]`.

use super::epilogue::{Epilogue, EpilogueSink};
use super::geometry::{BatchConv, ConvShape};
use super::method::Method;
use super::winograd::{Filters, Winograd};
use crate::buffer::filled;
use crate::error::{Result, check_len, check_shape};
use crate::gemm::{FilterTap, Im2Col, Matrix, Operands, PackedA, gemm};
use crate::scratch::Lifetime;
use crate::segment::{Segment, check_segments};
use crate::simd::Element;

/// A convolution whose weights are packed once, for planes of any size and any number of images.
#[derive(Debug)]
pub struct PackedConv<T> {
    shape: ConvShape,
    bias: Option<Vec<T>>,
    weight: PackedA<T>,
}

impl<T: Element> PackedConv<T> {
    /// Packs `weight` `[out_channels, in_channels, k, k]` and `bias` `[out_channels]`.
    ///
    /// # Errors
    /// An extent out of range; a slice whose length does not match `shape`.
    pub fn new(weight: &[T], bias: Option<&[T]>, shape: ConvShape) -> Result<Self> {
        shape.check()?;
        check_shape("weight", &shape.weight(), weight.len())?;
        check_len("bias", shape.out_channels, bias.map_or(shape.out_channels, <[T]>::len))?;
        let weight = PackedA::new(&matrix(weight, &shape), Lifetime::Object);
        Ok(Self { shape, bias: bias.map(<[T]>::to_vec), weight })
    }

    /// The shape of the convolution.
    #[must_use]
    pub const fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// `activation(conv(x) + bias + residual)`, `[n, out_channels, oh, ow]`; the segments of `x` are concatenated
    /// channels, `[n, _, h, w]`.
    ///
    /// # Errors
    /// An extent out of range; a slice whose length does not match; a filter that does not fit into the padded input.
    pub fn forward(
        &self,
        x: &[Segment<'_, T>],
        size: (usize, usize, usize),
        epilogue: &Epilogue<'_, T>,
    ) -> Result<Vec<T>> {
        let conv = self.shape.on(size)?;
        // As for one image: a choice by the batch could change each image's result by rounding.
        let method = Method::choose(&self.shape, 1, conv.grid);
        convolve(&conv, x, self.bias.as_deref(), epilogue, |sink| match method {
            Method::Gemm => product(&conv, x, &self.weight, sink),
            Method::Winograd(outputs) => {
                Winograd::new(outputs, Filters::Packed(&self.weight)).forward(&conv, x, sink);
            }
        })
    }
}

/// As [`PackedConv::forward`], with weights that serve this call alone, as in training.
///
/// # Errors
/// An extent out of range; a slice whose length does not match; a filter that does not fit into the padded input.
pub fn conv2d<T: Element>(
    (weight, bias): (&[T], Option<&[T]>),
    shape: &ConvShape,
    x: &[Segment<'_, T>],
    size: (usize, usize, usize),
    epilogue: &Epilogue<'_, T>,
) -> Result<Vec<T>> {
    let conv = shape.on(size)?;
    conv.check_weight(weight.len())?;
    let weight = matrix(weight, shape);
    convolve(&conv, x, bias, epilogue, |sink| match Method::choose(shape, conv.n, conv.grid) {
        Method::Gemm => product(&conv, x, &PackedA::new(&weight, Lifetime::Call), sink),
        Method::Winograd(outputs) => {
            Winograd::new(outputs, Filters::Matrix(weight)).forward(&conv, x, sink);
        }
    })
}

/// A weight as a matrix of output channels by (input channel, filter tap).
fn matrix<'a, T: Element>(weight: &'a [T], shape: &ConvShape) -> Matrix<'a, T> {
    Matrix::of_rows(weight, shape.out_channels, shape.in_channels * shape.geometry.taps())
}

/// Checks the arguments that all methods share; `run` stores every sum of the output.
fn convolve<'a, T: Element>(
    conv: &BatchConv,
    x: &[Segment<'_, T>],
    bias: Option<&'a [T]>,
    epilogue: &Epilogue<'a, T>,
    run: impl FnOnce(&EpilogueSink<'a, T>),
) -> Result<Vec<T>> {
    let (channels, (h, w)) = (conv.shape.out_channels, conv.input);
    check_len("bias", channels, bias.map_or(channels, <[T]>::len))?;
    check_segments(x, conv.shape.in_channels, (conv.n, h, w))?;
    check_len("residual", conv.outputs(), epilogue.residual.map_or(conv.outputs(), <[T]>::len))?;
    // SAFETY: either method computes every tile of the output, and the sink stores it.
    unsafe {
        filled(conv.outputs(), |y| {
            run(&EpilogueSink::new(channels, conv.plane(), bias, epilogue, y));
            Ok(())
        })
    }
}

fn product<T: Element>(
    conv: &BatchConv,
    x: &[Segment<'_, T>],
    weight: &PackedA<T>,
    sink: &EpilogueSink<'_, T>,
) {
    let geometry = conv.shape.geometry;
    let tap = |offset| FilterTap::new(offset, conv.input, conv.grid, geometry.stride);
    let taps: Vec<_> = geometry.offsets().into_iter().map(tap).collect();
    let columns = Im2Col::new(x, &taps, conv.n, conv.input, conv.grid, geometry.stride);
    gemm(&[Operands { a: weight, b: &columns }], sink);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use crate::error::KernelError;
    use crate::testing::*;

    fn convolve<T: Element>(x: &[T], weight: &[T], g: &ConvShape, n: usize, h: usize, w: usize) -> Vec<T> {
        let conv = PackedConv::new(weight, None, *g).unwrap();
        let y = conv.forward(&[Segment::new(x, g.in_channels)], (n, h, w), &Epilogue::none()).unwrap();
        let segments = [Segment::new(x, g.in_channels)];
        let fresh = conv2d((weight, None), g, &segments, (n, h, w), &Epilogue::none()).unwrap();
        assert_close(&fresh, &y, 1e-4, "weights that are packed for the call");
        y
    }

    #[test]
    fn equals_the_definition() {
        for (g, n, h, w) in conv_cases() {
            let x = numbers(1, n * g.in_channels * h * w);
            let weight = numbers(2, weights(&g));
            let expected = naive_conv::<f64>(&x, &weight, &g, n, h, w);
            at_each_level(|level| {
                let what = format!("{g:?} {n} {h} {w} {level:?}");
                assert_close(&convolve(&x, &weight, &g, n, h, w), &expected, 1e-12, &what);
                let y = convolve(&single(&x), &single(&weight), &g, n, h, w);
                assert_close(&y, &single(&expected), 6e-5, &what);
            });
        }
    }

    #[test]
    fn segments_residual_bias_and_activation() {
        let (n, h, w, g) = (2, 7, 9, square(7, 6, 3, 1, 1));
        let plane = h * w;
        let (a, b) = (numbers::<f32>(1, n * 4 * plane), numbers::<f32>(2, n * 3 * plane));
        let (weight, bias) = (numbers(3, weights(&g)), numbers::<f32>(4, 6));
        let residual = numbers::<f32>(6, n * 6 * plane);
        let mut x = Vec::new();
        for i in 0..n {
            x.extend_from_slice(&a[i * 4 * plane..][..4 * plane]);
            x.extend_from_slice(&b[i * 3 * plane..][..3 * plane]);
        }
        let plain = naive_conv(&x, &weight, &g, n, h, w);
        let conv = PackedConv::new(&weight, Some(&bias), g).unwrap();
        let segments = [Segment::new(&a, 4), Segment::new(&b, 3)];
        for activation in [Activation::Identity, Activation::Relu, Activation::LeakyRelu(0.2)] {
            at_each_level(|level| {
                let epilogue = Epilogue { residual: Some(&residual), activation };
                let y = conv.forward(&segments, (n, h, w), &epilogue).unwrap();
                let expected: Vec<f32> = (0..y.len())
                    .map(|at| {
                        let v = plain[at] + bias[at / plane % 6] + residual[at];
                        match activation {
                            Activation::Identity => v,
                            Activation::Relu => v.max(0.0),
                            Activation::LeakyRelu(s) => {
                                if v > 0.0 {
                                    v
                                } else {
                                    s * v
                                }
                            }
                        }
                    })
                    .collect();
                assert_close(&y, &expected, 2e-5, &format!("{activation:?} {level:?}"));
            });
        }
    }

    #[test]
    fn refuses_wrong_sizes() {
        let g = square(2, 3, 3, 1, 1);
        assert!(PackedConv::<f32>::new(&[0.0; 53], None, g).is_err());
        assert!(PackedConv::<f32>::new(&[0.0; 54], Some(&[0.0; 2]), g).is_err());
        let conv = PackedConv::<f32>::new(&[0.0; 54], None, g).unwrap();
        let x = [0.0; 32];
        let run = |parts: &[(&[f32], usize)], residual: Option<&[f32]>| {
            let segments: Vec<_> = parts.iter().map(|&(x, channels)| Segment::new(x, channels)).collect();
            conv.forward(&segments, (1, 4, 4), &Epilogue { residual, activation: Activation::Identity })
        };
        let length = |what, expected, found| KernelError::Length { what, expected, found };
        assert_eq!(run(&[(&x, 2)], None).unwrap().len(), 48);
        assert_eq!(run(&[(&x[1..], 2)], None), Err(length("input", 32, 31)));
        assert_eq!(run(&[(&x[16..], 1)], None), Err(length("input channels", 2, 1)));
        assert_eq!(run(&[(&x, 2)], Some(&[0.0; 47])), Err(length("residual", 48, 47)));
        for parts in [[(&x[16..], 1), (&[][..], 0), (&x[16..], 1)], [(&[][..], 0), (&x[..], 2), (&[][..], 0)]]
        {
            let none = KernelError::OutOfRange { what: "channels of an input", least: 1, most: 2, found: 0 };
            assert_eq!(run(&parts, None), Err(none), "a part without channels");
        }
        let size = |size| conv.forward(&[Segment::new(&x, 2)], size, &Epilogue::none());
        assert!(
            size((1, 0, 32)).is_err() && size((usize::MAX, 4, 4)).is_err() && size((1, 1 << 62, 4)).is_err()
        );
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let (n, h, w, g) = (2, 40, 33, square(48, 72, 3, 1, 1));
        let (x, weight) = (numbers::<f32>(1, n * 48 * h * w), numbers::<f32>(2, weights(&g)));
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| convolve(&x, &weight, &g, n, h, w))
        };
        at_each_level(|_| {
            let one = with(1);
            assert!(one == with(2) && one == with(5));
        });
    }
}
