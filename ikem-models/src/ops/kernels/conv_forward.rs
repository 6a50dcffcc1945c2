//! Convolution with weights packed once and a fused last step.

use super::geometry::{Activation, Epilogue, Geometry, KernelError, Output, Segment, check, check_segments};
use super::lhs::{Matrix, PackedLhs};
use super::method::Method;
use super::patches::{Patches, Tap};
use super::product::{Operands, Sink, Tile, product};
use super::scratch::{Lifetime, Shared};
use super::simd::{Element, Vector};
use super::winograd::{Kernels, Winograd};

/// A convolution whose weights are packed once. It serves planes of any size and any number of images.
#[derive(Debug)]
pub struct PackedConv<T> {
    geometry: Geometry,
    bias: Option<Vec<T>>,
    weight: PackedLhs<T>,
}

impl<T: Element> PackedConv<T> {
    /// Packs `weight` `[out_channels, in_channels, kh, kw]` and `bias` `[out_channels]`.
    ///
    /// # Errors
    /// A slice whose size does not match `geometry`.
    pub fn new(weight: &[T], bias: Option<&[T]>, geometry: Geometry) -> Result<Self, KernelError> {
        check("weight", geometry.weights(), weight.len())?;
        check("bias", geometry.out_channels, bias.map_or(geometry.out_channels, <[T]>::len))?;
        let weight = PackedLhs::new(&matrix(weight, &geometry), Lifetime::Object);
        Ok(Self { geometry, bias: bias.map(<[T]>::to_vec), weight })
    }

    /// The shape of the convolution.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// `out = activation(conv(x) + bias + residual)`; the segments of `x` are concatenated channels, `[n, _, h, w]`.
    ///
    /// # Errors
    /// A slice whose size does not match, an input smaller than the kernel.
    pub fn forward(
        &self,
        x: &[Segment<'_, T>],
        (n, h, w): (usize, usize, usize),
        epilogue: &Epilogue<'_, T>,
        out: &mut Output<'_, T>,
    ) -> Result<(), KernelError> {
        let g = &self.geometry;
        let shape = Shape::checked(g, x, (n, h, w), self.bias.as_deref(), epilogue, out)?;
        let sink = Finish::new(g.out_channels, shape.plane(), self.bias.as_deref(), epilogue, out);
        // As for one image: were the batch asked, it could change what is answered to each, if only by rounding.
        match Method::choose(g, 1, shape.grid) {
            Method::Product => shape.product(&self.weight, &sink),
            Method::Winograd(outputs) => Winograd::new(outputs, Kernels::Packed(&self.weight)).forward(
                x,
                (n, h, w),
                g.padding,
                shape.grid,
                &sink,
            ),
        }
        Ok(())
    }
}

/// As [`PackedConv::forward`] with weights that serve this call alone, as in training.
///
/// # Errors
/// A slice whose size does not match, an input smaller than the kernel.
pub fn conv_forward<T: Element>(
    (weight, bias): (&[T], Option<&[T]>),
    g: &Geometry,
    x: &[Segment<'_, T>],
    (n, h, w): (usize, usize, usize),
    epilogue: &Epilogue<'_, T>,
    out: &mut Output<'_, T>,
) -> Result<(), KernelError> {
    check("weight", g.weights(), weight.len())?;
    let shape = Shape::checked(g, x, (n, h, w), bias, epilogue, out)?;
    let sink = Finish::new(g.out_channels, shape.plane(), bias, epilogue, out);
    let weight = matrix(weight, g);
    match Method::choose(g, n, shape.grid) {
        Method::Product => shape.product(&PackedLhs::new(&weight, Lifetime::Call), &sink),
        Method::Winograd(outputs) => Winograd::new(outputs, Kernels::Matrix(weight)).forward(
            x,
            (n, h, w),
            g.padding,
            shape.grid,
            &sink,
        ),
    }
    Ok(())
}

/// A convolution's weight as a matrix of output channels by (input channel, tap).
fn matrix<'a, T: Element>(weight: &'a [T], g: &Geometry) -> Matrix<'a, T> {
    Matrix::of_rows(weight, g.out_channels, g.in_channels * g.taps())
}

/// One call's arguments, checked.
struct Shape<'a, T> {
    g: &'a Geometry,
    x: &'a [Segment<'a, T>],
    size: (usize, usize, usize),
    grid: (usize, usize),
}

impl<'a, T: Element> Shape<'a, T> {
    fn checked(
        g: &'a Geometry,
        x: &'a [Segment<'a, T>],
        size: (usize, usize, usize),
        bias: Option<&[T]>,
        epilogue: &Epilogue<'_, T>,
        out: &Output<'_, T>,
    ) -> Result<Self, KernelError> {
        let (n, h, w) = size;
        let grid = g.checked_out_size(h, w)?;
        check("bias", g.out_channels, bias.map_or(g.out_channels, <[T]>::len))?;
        check_segments(x, g.in_channels, n, h * w)?;
        out.check(g.out_channels, n, grid.0 * grid.1)?;
        let sums = n * g.out_channels * grid.0 * grid.1;
        check("residual", sums, epilogue.residual.map_or(sums, <[T]>::len))?;
        Ok(Self { g, x, size, grid })
    }

    fn plane(&self) -> usize {
        self.grid.0 * self.grid.1
    }

    fn product(&self, weight: &PackedLhs<T>, sink: &Finish<'_, T>) {
        let (n, h, w) = self.size;
        let tap = |offset| Tap::new(offset, (h, w), self.grid, self.g.stride);
        let taps: Vec<_> = self.g.offsets().into_iter().map(tap).collect();
        let patches = Patches::new(self.x, &taps, n, (h, w), self.grid, self.g.stride);
        product(&[Operands { lhs: weight, patches: &patches }], sink);
    }
}

/// Bias, residual, activation, and the way into the output.
pub(super) struct Finish<'a, T> {
    bias: Option<&'a [T]>,
    residual: Option<&'a [T]>,
    activation: Activation<T>,
    channels: usize,
    plane: usize,
    out: Shared<T>,
    image_step: usize,
}

impl<'a, T: Element> Finish<'a, T> {
    /// Sizes must have been checked.
    pub fn new(
        channels: usize,
        plane: usize,
        bias: Option<&'a [T]>,
        epilogue: &Epilogue<'a, T>,
        out: &mut Output<'_, T>,
    ) -> Self {
        let (image_step, offset) = out.layout(plane);
        let out = Shared::new(out.data.as_mut_ptr().cast::<T>().wrapping_add(offset));
        Self {
            bias,
            residual: epilogue.residual,
            activation: epilogue.activation,
            channels,
            plane,
            out,
            image_step,
        }
    }

    /// Writes `len` sums of an image's channel from pixel `q` on.
    ///
    /// # Safety
    /// `from` has `len` elements; the pixels exist and nobody else writes them.
    #[inline(always)]
    pub unsafe fn row<V: Vector<Elem = T>>(
        &self,
        image: usize,
        channel: usize,
        q: usize,
        from: *const T,
        len: usize,
    ) {
        let bias = self.bias.map_or(T::ZERO, |b| b[channel]);
        let residual =
            self.residual.map(|r| r[(image * self.channels + channel) * self.plane + q..].as_ptr());
        // SAFETY: inside the output, by the caller's word.
        unsafe {
            let to = self.out.get().add(image * self.image_step + channel * self.plane + q);
            finish::<V>(from, bias, residual, to, len, self.activation.in_lanes());
        }
    }
}

/// `to = activation(from + bias + residual)`.
///
/// # Safety
/// `len` elements can be read from `from` and `residual` and written to `to`.
#[inline(always)]
unsafe fn finish<V: Vector>(
    from: *const V::Elem,
    bias: V::Elem,
    residual: Option<*const V::Elem>,
    to: *mut V::Elem,
    len: usize,
    activation: Activation<V>,
) {
    let bias = V::splat(bias);
    for i in (0..len).step_by(V::LANES) {
        let rest = len - i;
        // SAFETY: whole vectors where they fit, else the first `rest` lanes.
        unsafe {
            if rest >= V::LANES {
                let mut v = V::load(from.add(i)).add(bias);
                if let Some(residual) = residual {
                    v = v.add(V::load(residual.add(i)));
                }
                activation.apply(v).store(to.add(i));
            } else {
                let mut v = V::load_range(from.add(i), 0, rest).add(bias);
                if let Some(residual) = residual {
                    v = v.add(V::load_range(residual.add(i), 0, rest));
                }
                activation.apply(v).store_first(to.add(i), rest);
            }
        }
    }
}

impl<T: Element> Sink<T> for Finish<'_, T> {
    #[inline(always)]
    unsafe fn write<V: Vector<Elem = T>>(&self, tile: &Tile<T>) {
        for r in 0..tile.rows {
            let mut done = 0;
            while done < tile.pixels {
                let p = tile.first_pixel + done;
                let (image, q) = (p / self.plane, p % self.plane);
                let len = (self.plane - q).min(tile.pixels - done);
                // SAFETY: the row holds `pixels` sums; tiles do not overlap.
                unsafe {
                    let from = tile.data.add(r * tile.step + done);
                    self.row::<V>(image, tile.first_row + r, q, from, len);
                }
                done += len;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::as_uninit;
    use super::super::testing::*;
    use super::*;

    fn convolve<T: Element>(x: &[T], weight: &[T], g: &Geometry, n: usize, h: usize, w: usize) -> Vec<T> {
        let conv = PackedConv::new(weight, None, *g).unwrap();
        let (oh, ow) = g.out_size(h, w).unwrap();
        written(n * g.out_channels * oh * ow, |y| {
            let mut out = Output::whole(y, g.out_channels);
            conv.forward(&[Segment::new(x, g.in_channels)], (n, h, w), &Epilogue::none(), &mut out).unwrap();
        })
    }

    #[test]
    fn equals_the_definition() {
        for (g, n, h, w) in conv_cases() {
            let x = numbers(1, n * g.in_channels * h * w);
            let weight = numbers(2, g.weights());
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
    fn segments_scale_residual_bias_activation_and_offset() {
        let (n, h, w, g) = (2, 7, 9, Geometry::square(7, 6, 3, 1, 1));
        let plane = h * w;
        let (a, b) = (numbers::<f32>(1, n * 4 * plane), numbers::<f32>(2, n * 3 * plane));
        let (weight, bias, scale) = (numbers(3, g.weights()), numbers::<f32>(4, 6), numbers::<f32>(5, n * 3));
        let residual = numbers::<f32>(6, n * 6 * plane);
        let mut x = Vec::new();
        for i in 0..n {
            x.extend_from_slice(&a[i * 4 * plane..][..4 * plane]);
            x.extend(
                b[i * 3 * plane..][..3 * plane].iter().enumerate().map(|(j, v)| v * scale[i * 3 + j / plane]),
            );
        }
        let plain = naive_conv(&x, &weight, &g, n, h, w);
        let conv = PackedConv::new(&weight, Some(&bias), g).unwrap();
        let segments = [Segment::new(&a, 4), Segment { data: &b, channels: 3, scale: Some(&scale) }];
        for activation in [Activation::None, Activation::Relu, Activation::Leaky(0.2)] {
            at_each_level(|level| {
                let epilogue = Epilogue { residual: Some(&residual), activation };
                let mut y = vec![7.0; n * 9 * plane];
                let mut out = Output::part(as_uninit(&mut y), 9, 2);
                conv.forward(&segments, (n, h, w), &epilogue, &mut out).unwrap();
                let expected: Vec<f32> = (0..y.len())
                    .map(|at| {
                        let (q, c, i) = (at % plane, at / plane % 9, at / plane / 9);
                        if !(2..8).contains(&c) {
                            return 7.0;
                        }
                        let v = (i * 6 + c - 2) * plane + q;
                        let v = plain[v] + bias[c - 2] + residual[v];
                        match activation {
                            Activation::None => v,
                            Activation::Relu => v.max(0.0),
                            Activation::Leaky(s) => {
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
        let g = Geometry::square(2, 3, 3, 1, 1);
        assert!(PackedConv::<f32>::new(&[0.0; 53], None, g).is_err());
        assert!(PackedConv::<f32>::new(&[0.0; 54], Some(&[0.0; 2]), g).is_err());
        let conv = PackedConv::<f32>::new(&[0.0; 54], None, g).unwrap();
        let x = [0.0; 32];
        let run = |x: &[f32], channels: usize, len: usize, part: usize| {
            let mut y = vec![0.0; len];
            let mut out = Output::part(as_uninit(&mut y), 3, part);
            conv.forward(&[Segment::new(x, channels)], (1, 4, 4), &Epilogue::none(), &mut out)
        };
        assert!(run(&x, 2, 48, 0).is_ok());
        assert_eq!(run(&x[1..], 2, 48, 0).unwrap_err().expected, 32);
        assert_eq!(run(&x, 1, 48, 0).unwrap_err().found, 1);
        assert_eq!(run(&x, 2, 47, 0).unwrap_err().found, 47);
        assert_eq!(run(&x, 2, 48, 1).unwrap_err().found, 2);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let (n, h, w, g) = (2, 40, 33, Geometry::square(48, 72, 3, 1, 1));
        let (x, weight) = (numbers::<f32>(1, n * 48 * h * w), numbers::<f32>(2, g.weights()));
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
