//! Instruction-set levels, found at run time.

use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction-set level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
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
    #[inline]
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
