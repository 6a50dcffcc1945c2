//! AVX2 and AVX-512 vectors.

use std::arch::x86_64::*;

use super::vector::{Kernel, Registers, Vector};

macro_rules! entry {
    ($name:ident, $t:ty, $vector:ty, $features:literal) => {
        /// Runs a kernel where the instructions of its vectors are enabled.
        #[target_feature(enable = $features)]
        pub(super) fn $name<K: Kernel<$t>>(kernel: K) -> K::Output {
            kernel.run::<$vector>()
        }
    };
}

entry!(run_f32_avx2, f32, F32x8, "avx2,fma");
entry!(run_f64_avx2, f64, F64x4, "avx2,fma");
entry!(run_f32_avx512, f32, F32x16, "avx512f,avx2,fma");
entry!(run_f64_avx512, f64, F64x8, "avx512f,avx2,fma");

/// The parts of [`Vector`] that differ by a prefix alone.
macro_rules! arithmetic {
    ($t:ty, $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $fma:ident, $max:ident) => {
        #[inline(always)]
        fn splat(x: $t) -> Self {
            // SAFETY: inside `dispatch`, the instructions are there (see `Vector`); so in all below.
            Self(unsafe { $splat(x) })
        }

        #[inline(always)]
        unsafe fn load(p: *const $t) -> Self {
            // SAFETY: the caller vouches for the memory.
            Self(unsafe { $load(p) })
        }

        #[inline(always)]
        unsafe fn store(self, p: *mut $t) {
            // SAFETY: the caller vouches for the memory.
            unsafe { $store(p, self.0) }
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: see `splat`.
            Self(unsafe { $add(self.0, other.0) })
        }

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: see `splat`.
            Self(unsafe { $sub(self.0, other.0) })
        }

        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            // SAFETY: see `splat`.
            Self(unsafe { $mul(self.0, other.0) })
        }

        #[inline(always)]
        fn mul_add(self, b: Self, c: Self) -> Self {
            // SAFETY: see `splat`.
            Self(unsafe { $fma(self.0, b.0, c.0) })
        }

        #[inline(always)]
        fn max(self, other: Self) -> Self {
            // SAFETY: see `splat`.
            Self(unsafe { $max(self.0, other.0) })
        }
    };
}

/// One 512-bit register of `f32`.
#[derive(Clone, Copy)]
pub(super) struct F32x16(__m512);

impl F32x16 {
    #[inline(always)]
    fn below(n: usize) -> __mmask16 {
        if n >= 16 { u16::MAX } else { (1 << n) - 1 }
    }

    /// Picks 16 lanes of `a b`.
    #[inline(always)]
    fn pick(a: Self, b: Self, index: &[i32; 16]) -> Self {
        // SAFETY: see `splat`; the index array is as large as a register.
        Self(unsafe { _mm512_permutex2var_ps(a.0, _mm512_loadu_si512(index.as_ptr().cast()), b.0) })
    }
}

impl Vector for F32x16 {
    type Elem = f32;
    const LANES: usize = 16;
    const REGISTERS: Registers = Registers::Eight;

    arithmetic!(
        f32,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
        _mm512_fmadd_ps,
        _mm512_max_ps
    );

    #[inline(always)]
    unsafe fn load_range(p: *const f32, lo: usize, hi: usize) -> Self {
        // SAFETY: masked lanes are not accessed, the caller vouches for the others.
        Self(unsafe { _mm512_maskz_loadu_ps(Self::below(hi) & !Self::below(lo), p) })
    }

    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize) {
        // SAFETY: masked lanes are not accessed, the caller vouches for the others.
        unsafe { _mm512_mask_storeu_ps(p, Self::below(n), self.0) }
    }

    #[inline(always)]
    fn select_positive(self, a: Self, b: Self) -> Self {
        // SAFETY: see `splat`.
        Self(unsafe {
            let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, _mm512_setzero_ps());
            _mm512_mask_blend_ps(positive, b.0, a.0)
        })
    }

    #[inline(always)]
    fn deinterleave(a: Self, b: Self) -> (Self, Self) {
        const EVEN: [i32; 16] = [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30];
        const ODD: [i32; 16] = [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31];
        (Self::pick(a, b, &EVEN), Self::pick(a, b, &ODD))
    }

    #[inline(always)]
    fn interleave(even: Self, odd: Self) -> (Self, Self) {
        const LOW: [i32; 16] = [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23];
        const HIGH: [i32; 16] = [8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31];
        (Self::pick(even, odd, &LOW), Self::pick(even, odd, &HIGH))
    }

    #[inline(always)]
    fn shift_in(self, next: Self) -> Self {
        // SAFETY: see `splat`.
        Self(unsafe {
            _mm512_castsi512_ps(_mm512_alignr_epi32::<1>(
                _mm512_castps_si512(next.0),
                _mm512_castps_si512(self.0),
            ))
        })
    }
}

/// One 512-bit register of `f64`.
#[derive(Clone, Copy)]
pub(super) struct F64x8(__m512d);

impl Vector for F64x8 {
    type Elem = f64;
    const LANES: usize = 8;
    const REGISTERS: Registers = Registers::Eight;

    arithmetic!(
        f64,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_mul_pd,
        _mm512_fmadd_pd,
        _mm512_max_pd
    );

    #[inline(always)]
    fn select_positive(self, a: Self, b: Self) -> Self {
        // SAFETY: see `splat`.
        Self(unsafe {
            let positive = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(self.0, _mm512_setzero_pd());
            _mm512_mask_blend_pd(positive, b.0, a.0)
        })
    }
}

/// One 256-bit register of `f32`.
#[derive(Clone, Copy)]
pub(super) struct F32x8(__m256);

impl F32x8 {
    #[inline(always)]
    fn between(lo: usize, hi: usize) -> __m256i {
        // SAFETY: see `splat`; lanes are below 8, so larger bounds change nothing when cut to 8.
        unsafe {
            let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let (lo, hi) = (lo.min(8) as i32, hi.min(8) as i32);
            _mm256_and_si256(
                _mm256_cmpgt_epi32(lane, _mm256_set1_epi32(lo - 1)),
                _mm256_cmpgt_epi32(_mm256_set1_epi32(hi), lane),
            )
        }
    }
}

impl Vector for F32x8 {
    type Elem = f32;
    const LANES: usize = 8;
    const REGISTERS: Registers = Registers::Four;

    arithmetic!(
        f32,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps,
        _mm256_fmadd_ps,
        _mm256_max_ps
    );

    #[inline(always)]
    unsafe fn load_range(p: *const f32, lo: usize, hi: usize) -> Self {
        // SAFETY: masked lanes are not accessed, the caller vouches for the others.
        Self(unsafe { _mm256_maskload_ps(p, Self::between(lo, hi)) })
    }

    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize) {
        // SAFETY: masked lanes are not accessed, the caller vouches for the others.
        unsafe { _mm256_maskstore_ps(p, Self::between(0, n), self.0) }
    }

    #[inline(always)]
    fn select_positive(self, a: Self, b: Self) -> Self {
        // SAFETY: see `splat`.
        Self(unsafe { _mm256_blendv_ps(b.0, a.0, _mm256_cmp_ps::<_CMP_GT_OQ>(self.0, _mm256_setzero_ps())) })
    }

    #[inline(always)]
    fn deinterleave(a: Self, b: Self) -> (Self, Self) {
        // SAFETY: see `splat`.
        unsafe {
            let (low, high) =
                (_mm256_permute2f128_ps::<0x20>(a.0, b.0), _mm256_permute2f128_ps::<0x31>(a.0, b.0));
            // In each half: a0 a2 | a4 a6 (low holds a0..3 b0..3, high a4..7 b4..7).
            let even = _mm256_shuffle_ps::<0b10_00_10_00>(low, high);
            let odd = _mm256_shuffle_ps::<0b11_01_11_01>(low, high);
            (Self(even), Self(odd))
        }
    }

    #[inline(always)]
    fn interleave(even: Self, odd: Self) -> (Self, Self) {
        // SAFETY: see `splat`.
        unsafe {
            let (low, high) = (_mm256_unpacklo_ps(even.0, odd.0), _mm256_unpackhi_ps(even.0, odd.0));
            (Self(_mm256_permute2f128_ps::<0x20>(low, high)), Self(_mm256_permute2f128_ps::<0x31>(low, high)))
        }
    }
}

/// One 256-bit register of `f64`.
#[derive(Clone, Copy)]
pub(super) struct F64x4(__m256d);

impl Vector for F64x4 {
    type Elem = f64;
    const LANES: usize = 4;
    const REGISTERS: Registers = Registers::Four;

    arithmetic!(
        f64,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd,
        _mm256_fmadd_pd,
        _mm256_max_pd
    );

    #[inline(always)]
    fn select_positive(self, a: Self, b: Self) -> Self {
        // SAFETY: see `splat`.
        Self(unsafe { _mm256_blendv_pd(b.0, a.0, _mm256_cmp_pd::<_CMP_GT_OQ>(self.0, _mm256_setzero_pd())) })
    }
}
