//! The traits that hot code is generic over: numbers ([`Element`]), vectors of them ([`Vector`]), and code to be
//! compiled for each kind of vector ([`Kernel`]).

use std::ops::{Add, Div, Mul, Sub};

/// Lanes of the widest vector.
const MAX_LANES: usize = 16;

/// How large a part of an `MR` × `NR` tile is kept in registers at a time.
#[derive(Clone, Copy)]
pub(crate) enum Registers {
    /// 16 accumulators: 8 rows of 2 vectors.
    Eight,
    /// 8 accumulators: 4 rows of 2 vectors.
    Four,
}

/// A vector of `LANES` elements.
///
/// Values are only made inside [`Element::dispatch`], where the processor has their instructions: the arithmetic is
/// safe.
pub(crate) trait Vector: Copy {
    type Elem: Element;
    const LANES: usize;
    const REGISTERS: Registers;

    fn splat(x: Self::Elem) -> Self;
    /// # Safety
    /// `LANES` elements from `p` can be read.
    unsafe fn load(p: *const Self::Elem) -> Self;
    /// # Safety
    /// `LANES` elements from `p` can be written.
    unsafe fn store(self, p: *mut Self::Elem);
    /// Lanes `lo..hi` from memory, zero elsewhere.
    /// # Safety
    /// The elements `p + lo .. p + min(hi, LANES)` can be read; the others are not touched.
    #[inline(always)]
    unsafe fn load_range(p: *const Self::Elem, lo: usize, hi: usize) -> Self {
        let mut lanes = [Self::Elem::ZERO; MAX_LANES];
        for (i, lane) in lanes.iter_mut().enumerate().take(hi.min(Self::LANES)).skip(lo) {
            // SAFETY: lo <= i < hi; the address is formed without touching the elements before.
            *lane = unsafe { *p.wrapping_add(i) };
        }
        // SAFETY: no vector has more lanes than the array.
        unsafe { Self::load(lanes.as_ptr()) }
    }
    /// Stores the first `min(n, LANES)` lanes.
    /// # Safety
    /// So many elements from `p` can be written.
    #[inline(always)]
    unsafe fn store_first(self, p: *mut Self::Elem, n: usize) {
        for (i, &lane) in self.lanes().iter().enumerate().take(n.min(Self::LANES)) {
            // SAFETY: i < n.
            unsafe { *p.add(i) = lane };
        }
    }
    /// The lanes, and zeros behind them.
    #[inline(always)]
    fn lanes(self) -> [Self::Elem; MAX_LANES] {
        let mut lanes = [Self::Elem::ZERO; MAX_LANES];
        // SAFETY: no vector has more lanes than the array.
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes
    }
    /// The vector of `f(0), f(1)` ….
    #[inline(always)]
    fn from_fn(f: impl FnMut(usize) -> Self::Elem) -> Self {
        let lanes: [Self::Elem; MAX_LANES] = std::array::from_fn(f);
        // SAFETY: no vector has more lanes than the array.
        unsafe { Self::load(lanes.as_ptr()) }
    }
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// `self * b + c`.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// The larger; `other` where one is not a number.
    fn max(self, other: Self) -> Self;
    /// `a` in the lanes where `self > 0`, elsewhere `b`.
    fn select_positive(self, a: Self, b: Self) -> Self;
    /// Elements 0, 2, 4 … and 1, 3, 5 … of the sequence `a b`.
    #[inline(always)]
    fn deinterleave(a: Self, b: Self) -> (Self, Self) {
        let (a, b, n) = (a.lanes(), b.lanes(), Self::LANES);
        let at = |i: usize| if i < n { a[i] } else { b[(i - n) % MAX_LANES] };
        (Self::from_fn(|i| at(2 * i)), Self::from_fn(|i| at(2 * i + 1)))
    }
    /// Inverse of [`Vector::deinterleave`].
    #[inline(always)]
    fn interleave(even: Self, odd: Self) -> (Self, Self) {
        let (even, odd) = (even.lanes(), odd.lanes());
        let at = |i: usize| if i.is_multiple_of(2) { even[i / 2] } else { odd[i / 2] };
        (Self::from_fn(at), Self::from_fn(|i| at((i + Self::LANES) % (2 * MAX_LANES))))
    }
    /// Lanes 1… of `self` followed by lane 0 of `next`.
    #[inline(always)]
    fn shift_in(self, next: Self) -> Self {
        let (lanes, next) = (self.lanes(), next.lanes());
        Self::from_fn(|i| if i + 1 < Self::LANES { lanes[i + 1] } else { next[0] })
    }
}

/// Code generic over the vector type.
pub(crate) trait Kernel<T: Element> {
    type Output;
    /// Must be `#[inline(always)]`.
    fn run<V: Vector<Elem = T>>(self) -> Self::Output;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// The numbers that the kernels compute with: `f32`, and `f64` for checks of gradients.
pub trait Element:
    sealed::Sealed
    + Copy
    + Default
    + PartialOrd
    + Send
    + Sync
    + std::fmt::Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The nearest value.
    fn from_f64(x: f64) -> Self;
    /// The same value.
    fn from_f32(x: f32) -> Self;
    /// The same value in `f64`.
    fn to_f64(self) -> f64;
    /// `self * b + c`, rounded once where the target's baseline has the instruction.
    fn multiply_add(self, b: Self, c: Self) -> Self;
    /// `e^-|x|`, in a form that the compiler vectorises in loops over slices.
    fn exp_minus_abs(self) -> Self;
    #[doc(hidden)]
    #[allow(private_bounds, private_interfaces)]
    fn dispatch<K: Kernel<Self>>(kernel: K) -> K::Output;
}
