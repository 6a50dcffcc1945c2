//! Vector types of three instruction-set levels behind one trait.
//!
//! Hot code is written once as a [`Kernel`], generic over its vector type, and [`Element::dispatch`] runs it with
//! the widest vectors that the processor has. `run` must be `#[inline(always)]`, as must what it calls: only then
//! is it compiled inside the function that enables the instructions. Closures cannot be forced, so none handles vectors.

mod portable;
mod tile;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(super) use tile::{MR, NR, Operand, tile};

use std::ops::{Add, Div, Mul, Sub};
use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction-set level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 128-bit vectors that the compiler makes for the target's baseline (SSE2, NEON).
    Portable,
    /// AVX2 and FMA, 256 bits.
    Avx2,
    /// AVX-512 F, 512 bits.
    Avx512,
}

/// 0: the best there is; otherwise the level + 1.
static FORCED: AtomicU8 = AtomicU8::new(0);

impl Level {
    /// The highest level of this processor.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if avx2 && is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            } else if avx2 {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// The level in use: the forced one, but never above [`Level::best`].
    #[must_use]
    pub fn current() -> Self {
        let best = Self::best();
        match FORCED.load(Ordering::Relaxed) {
            1 => Self::Portable,
            2 => best.min(Self::Avx2),
            _ => best,
        }
    }

    /// Caps the level of the whole process, for tests and benchmarks; `None` lifts the cap.
    pub fn force(level: Option<Self>) {
        FORCED.store(level.map_or(0, |l| l as u8 + 1), Ordering::Relaxed);
    }
}

/// Asks for the cache lines of `len` elements; a hint, any address is allowed.
#[inline(always)]
pub(super) fn prefetch<T>(p: *const T, len: usize) {
    #[cfg(target_arch = "x86_64")]
    for i in (0..len * size_of::<T>()).step_by(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: SSE is part of x86-64, and a prefetch never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast::<i8>().wrapping_add(i)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (p, len);
}

/// Lanes of the widest vector.
const MAX_LANES: usize = 16;

/// How large a part of a `MR` × `NR` tile fits the registers.
#[derive(Clone, Copy)]
pub(super) enum Registers {
    /// 16 accumulators: 8 rows of 2 vectors.
    Eight,
    /// 8 accumulators: 4 rows of 2 vectors.
    Four,
}

/// A vector of `LANES` elements.
///
/// A value exists only inside [`Element::dispatch`], hence where its instructions do: the arithmetic is safe.
pub(super) trait Vector: Copy {
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
pub(super) trait Kernel<T: Element> {
    type Output;
    /// Must be `#[inline(always)]`.
    fn run<V: Vector<Elem = T>>(self) -> Self::Output;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// What the kernels compute with: `f32`, and `f64` for tests of gradients.
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
    /// The same value in `f64`.
    fn to_f64(self) -> f64;
    /// `self * b + c`, in one rounding where the target's baseline can.
    fn multiply_add(self, b: Self, c: Self) -> Self;
    #[doc(hidden)]
    #[allow(private_bounds, private_interfaces)]
    fn dispatch<K: Kernel<Self>>(kernel: K) -> K::Output;
}

macro_rules! element {
    ($t:ty, $portable:ty, $avx2:ident, $avx512:ident) => {
        impl Element for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[inline(always)]
            #[allow(clippy::cast_possible_truncation)]
            fn from_f64(x: f64) -> Self {
                x as Self
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn multiply_add(self, b: Self, c: Self) -> Self {
                if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
                    self.mul_add(b, c)
                } else {
                    self * b + c
                }
            }

            #[inline]
            #[allow(private_bounds, private_interfaces)]
            fn dispatch<K: Kernel<Self>>(kernel: K) -> K::Output {
                match Level::current() {
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: `Level::current` is never above what the processor was found to have.
                    Level::Avx512 => unsafe { x86::$avx512(kernel) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: as above.
                    Level::Avx2 => unsafe { x86::$avx2(kernel) },
                    _ => kernel.run::<$portable>(),
                }
            }
        }
    };
}

element!(f32, portable::Lanes<f32, 4>, run_f32_avx2, run_f32_avx512);
element!(f64, portable::Lanes<f64, 2>, run_f64_avx2, run_f64_avx512);
