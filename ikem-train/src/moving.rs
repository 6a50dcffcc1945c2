//! Running means, updated in place.

use candle_core::{CpuStorage, InplaceOp2, Layout, Result as CandleResult, Tensor, Var, WithDType};
use ikem_models::training;
use rayon::prelude::*;

/// Elements per parallel task.
pub(crate) const TASK: usize = 1 << 16;

/// `mean ← keep · mean + (1 − keep) · value^power`.
pub(crate) struct RunningMean {
    pub keep: f64,
    pub power: Power,
}

/// The power of the averaged values.
pub(crate) enum Power {
    One,
    Two,
}

impl RunningMean {
    pub(crate) fn apply(&self, mean: &Var, value: &Tensor) -> CandleResult<()> {
        if training::has_kernels(mean) {
            return mean.inplace_op2(value, self);
        }
        let newest = match self.power {
            Power::One => value.clone(),
            Power::Two => value.sqr()?,
        };
        mean.set(&((mean.as_detached_tensor() * self.keep)? + (newest * (1.0 - self.keep))?)?)
    }

    fn run<T: WithDType>(&self, mean: &mut [T], value: &[T]) {
        let (keep, take) = (T::from_f64(self.keep), T::from_f64(1.0 - self.keep));
        let square = matches!(self.power, Power::Two);
        mean.par_chunks_mut(TASK).zip(value.par_chunks(TASK)).for_each(|(mean, value)| {
            for (mean, &v) in mean.iter_mut().zip(value) {
                *mean = keep * *mean + take * if square { v * v } else { v };
            }
        });
    }
}

impl InplaceOp2 for RunningMean {
    fn name(&self) -> &'static str {
        "running mean"
    }

    fn cpu_fwd(&self, s1: &mut CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> CandleResult<()> {
        match (s1, s2) {
            (CpuStorage::F32(mean), CpuStorage::F32(value)) => self.run(cut_mut(mean, l1)?, cut(value, l2)?),
            (CpuStorage::F64(mean), CpuStorage::F64(value)) => self.run(cut_mut(mean, l1)?, cut(value, l2)?),
            _ => candle_core::bail!("the value and its running mean have different types"),
        }
        Ok(())
    }
}

/// The elements of a contiguous tensor.
pub(crate) fn cut<'a, T>(all: &'a [T], layout: &Layout) -> CandleResult<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&all[start..end]),
        None => candle_core::bail!("expected a contiguous tensor"),
    }
}

/// Like [`cut`], mutable.
pub(crate) fn cut_mut<'a, T>(all: &'a mut [T], layout: &Layout) -> CandleResult<&'a mut [T]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&mut all[start..end]),
        None => candle_core::bail!("expected a contiguous tensor"),
    }
}
