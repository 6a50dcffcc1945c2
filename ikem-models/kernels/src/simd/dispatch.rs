//! Runs kernels with the widest vectors of the processor.

use super::exp::{exp_minus_abs_f32, exp_minus_abs_f64};
use super::level::Level;
use super::portable;
use super::vector::{Element, Kernel};
#[cfg(target_arch = "x86_64")]
use super::x86;

macro_rules! element {
    ($t:ty, $portable:ty, $exp:ident, $avx2:ident, $avx512:ident) => {
        impl Element for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[inline(always)]
            #[allow(clippy::cast_possible_truncation)]
            fn from_f64(x: f64) -> Self {
                x as Self
            }

            #[inline(always)]
            #[allow(clippy::useless_conversion)]
            fn from_f32(x: f32) -> Self {
                Self::from(x)
            }

            #[inline(always)]
            #[allow(clippy::useless_conversion)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn exp_minus_abs(self) -> Self {
                $exp(self)
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

element!(f32, portable::Lanes<f32, 4>, exp_minus_abs_f32, run_f32_avx2, run_f32_avx512);
element!(f64, portable::Lanes<f64, 2>, exp_minus_abs_f64, run_f64_avx2, run_f64_avx512);
