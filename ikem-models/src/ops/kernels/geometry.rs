//! Shapes and views that the kernels take, and the checks at their door.

use std::mem::MaybeUninit;

use super::simd::{Element, Vector};

/// A buffer whose size does not match its shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {found} elements, expected {expected}")]
#[non_exhaustive]
pub struct KernelError {
    /// The argument.
    pub what: &'static str,
    /// Elements that its shape asks for.
    pub expected: usize,
    /// Elements that it has.
    pub found: usize,
}

/// `Ok` if an argument has as many elements as its shape asks for.
pub(super) fn check(what: &'static str, expected: usize, found: usize) -> Result<(), KernelError> {
    if expected == found { Ok(()) } else { Err(KernelError { what, expected, found }) }
}

/// The shape of a convolution; pairs are (vertical, horizontal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Kernel height and width, at least 1.
    pub kernel: (usize, usize),
    /// Step of the kernel, at least 1.
    pub stride: (usize, usize),
    /// Zeros around the input.
    pub padding: (usize, usize),
    /// Distance of the kernel's taps, at least 1.
    pub dilation: (usize, usize),
}

impl Geometry {
    /// A square kernel with the same stride and padding both ways, undilated.
    #[must_use]
    pub fn square(
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Self {
        Self {
            in_channels,
            out_channels,
            kernel: (kernel, kernel),
            stride: (stride, stride),
            padding: (padding, padding),
            dilation: (1, 1),
        }
    }

    /// Height and width of the output for an input of `h` × `w`; `None` where the kernel does not fit.
    #[must_use]
    pub fn out_size(&self, h: usize, w: usize) -> Option<(usize, usize)> {
        let side = |n: usize, k: usize, s: usize, p: usize, d: usize| {
            (n + 2 * p).checked_sub(d * k.checked_sub(1)? + 1)?.checked_div(s).map(|steps| steps + 1)
        };
        Some((
            side(h, self.kernel.0, self.stride.0, self.padding.0, self.dilation.0)?,
            side(w, self.kernel.1, self.stride.1, self.padding.1, self.dilation.1)?,
        ))
    }

    /// As [`Geometry::out_size`], an error where there is none.
    pub(super) fn checked_out_size(&self, h: usize, w: usize) -> Result<(usize, usize), KernelError> {
        let reach = self.dilation.0 * (self.kernel.0.max(1) - 1) + 1;
        let none = KernelError { what: "input height", expected: reach, found: h };
        self.out_size(h, w).ok_or(none)
    }

    /// Taps of the kernel.
    pub(super) fn taps(&self) -> usize {
        self.kernel.0 * self.kernel.1
    }

    /// Elements of the weight.
    pub(super) fn weights(&self) -> usize {
        self.in_channels * self.out_channels * self.taps()
    }

    /// Where each tap reads, from `stride` × the output's position: (dy, dx), row-major.
    pub(super) fn offsets(&self) -> Vec<(isize, isize)> {
        let at = |k: usize, d: usize, p: usize| (k * d) as isize - p as isize;
        (0..self.taps())
            .map(|t| (t / self.kernel.1, t % self.kernel.1))
            .map(|(y, x)| (at(y, self.dilation.0, self.padding.0), at(x, self.dilation.1, self.padding.1)))
            .collect()
    }
}

/// What follows a sum, elementwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation<T> {
    /// Nothing.
    None,
    /// max(x, 0); gradient 0 at 0.
    Relu,
    /// x where x > 0, else the slope times x; gradient the slope at 0.
    Leaky(T),
}

impl<T: Element> Activation<T> {
    /// The same with its slope in every lane.
    #[inline(always)]
    pub(super) fn in_lanes<V: Vector<Elem = T>>(self) -> Activation<V> {
        match self {
            Self::None => Activation::None,
            Self::Relu => Activation::Relu,
            Self::Leaky(slope) => Activation::Leaky(V::splat(slope)),
        }
    }
}

#[allow(private_bounds)]
impl<V: Vector> Activation<V> {
    /// The activation of every lane.
    #[inline(always)]
    pub(super) fn apply(self, v: V) -> V {
        match self {
            Self::None => v,
            Self::Relu => V::splat(V::Elem::ZERO).max(v),
            Self::Leaky(slope) => v.select_positive(v, v.mul(slope)),
        }
    }

    /// The gradient before the activation of `before`, from that behind it.
    #[inline(always)]
    pub(super) fn gradient(self, before: V, dy: V) -> V {
        match self {
            Self::None => dy,
            Self::Relu => before.select_positive(dy, V::splat(V::Elem::ZERO)),
            Self::Leaky(slope) => before.select_positive(dy, dy.mul(slope)),
        }
    }
}

/// The last step of a convolution: `activation(sum + bias + residual)`.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a, T> {
    /// Added before the activation: `[n, out_channels, oh, ow]`.
    pub residual: Option<&'a [T]>,
    /// The activation.
    pub activation: Activation<T>,
}

impl<T> Epilogue<'_, T> {
    /// The sum (and bias) as it is.
    #[must_use]
    pub fn none() -> Self {
        Self { residual: None, activation: Activation::None }
    }
}

/// Some of an input's channels; a list of segments is their concatenation.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a, T> {
    /// `[n, channels, h, w]`.
    pub data: &'a [T],
    /// Channels.
    pub channels: usize,
    /// Factors of the input, `[n, channels]`: a gate that costs no pass of its own.
    pub scale: Option<&'a [T]>,
}

impl<'a, T> Segment<'a, T> {
    /// An unscaled segment.
    #[must_use]
    pub fn new(data: &'a [T], channels: usize) -> Self {
        Self { data, channels, scale: None }
    }
}

pub(super) fn check_segments<T>(
    segments: &[Segment<'_, T>],
    channels: usize,
    n: usize,
    plane: usize,
) -> Result<(), KernelError> {
    check("input channels", channels, segments.iter().map(|s| s.channels).sum())?;
    for s in segments {
        check("input", n * s.channels * plane, s.data.len())?;
        check("input scale", n * s.channels, s.scale.map_or(n * s.channels, <[T]>::len))?;
    }
    Ok(())
}

/// Where a result goes: some of the channels of an `[n, channels, oh, ow]` tensor, so that a concatenation costs
/// nothing. Exactly the result's channels are written.
#[derive(Debug)]
pub struct Output<'a, T> {
    pub(super) data: &'a mut [MaybeUninit<T>],
    pub(super) channels: usize,
    pub(super) offset: usize,
}

impl<'a, T: Element> Output<'a, T> {
    /// The whole tensor, of `channels` channels.
    pub fn whole(data: &'a mut [MaybeUninit<T>], channels: usize) -> Self {
        Self { data, channels, offset: 0 }
    }

    /// The channels from `offset` on of a tensor of `channels` channels.
    #[cfg(test)]
    pub fn part(data: &'a mut [MaybeUninit<T>], channels: usize, offset: usize) -> Self {
        Self { data, channels, offset }
    }

    pub(super) fn check(&self, out_channels: usize, n: usize, plane: usize) -> Result<(), KernelError> {
        check("output", n * self.channels * plane, self.data.len())?;
        let room = self.channels.saturating_sub(self.offset);
        if out_channels > room {
            return Err(KernelError { what: "output channels", expected: out_channels, found: room });
        }
        Ok(())
    }

    /// Elements from one image to the next, and before the first channel.
    pub(super) fn layout(&self, plane: usize) -> (usize, usize) {
        (self.channels * plane, self.offset * plane)
    }
}

/// Initialised memory seen as memory to be written.
pub fn as_uninit<T: Copy>(data: &mut [T]) -> &mut [MaybeUninit<T>] {
    // SAFETY: same layout; the kernels only ever write values of `T` through it.
    unsafe { std::slice::from_raw_parts_mut(data.as_mut_ptr().cast(), data.len()) }
}

/// A vector of `len` elements that `fill` has written completely, as every kernel does that returns `Ok`.
///
/// # Errors
/// Those of `fill`.
///
/// # Safety
/// `fill` initialises the whole slice when it returns `Ok`.
pub unsafe fn filled<T: Element, E>(
    len: usize,
    fill: impl FnOnce(&mut [MaybeUninit<T>]) -> Result<(), E>,
) -> Result<Vec<T>, E> {
    let mut v = Vec::with_capacity(len);
    fill(&mut v.spare_capacity_mut()[..len])?;
    // SAFETY: the caller vouches that the first `len` elements are initialised.
    unsafe { v.set_len(len) };
    Ok(v)
}
