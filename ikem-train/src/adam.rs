use candle_core::{CpuStorage, InplaceOp3, Layout, Result as CandleResult, Var, WithDType};
use ikem_models::{Parameters, training};
use rayon::prelude::*;

use crate::error::Result;
use crate::gradients::Gradients;
use crate::moving::{Power, RunningMean, TASK, cut, cut_mut};
use crate::optimiser::{Optimiser, OptimiserState, copies, restore};

/// The hyperparameters of [`Adam`] and of [`Muon`](crate::Muon).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// The learning rate.
    pub learning_rate: f64,
    /// Decay rate of the first moment.
    pub beta1: f64,
    /// Decay rate of the second moment.
    pub beta2: f64,
    /// Constant added to the square root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay (AdamW, Loshchilov and Hutter 2019): a step multiplies each parameter by
    /// 1 − learning rate × weight decay; 0 is plain Adam.
    pub weight_decay: f64,
}

impl Default for AdamConfig {
    /// PyTorch's: learning rate 1e-3, betas 0.9 and 0.999, epsilon 1e-8, no weight decay.
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

/// Adam (Kingma and Ba 2015, algorithm 1) and AdamW, as PyTorch computes them.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    steps: u32,
    parameters: Vec<Moments>,
}

/// A parameter and the moments of its gradient.
#[derive(Debug)]
struct Moments {
    name: String,
    var: Var,
    mean: Var,
    square: Var,
}

impl Adam {
    /// An optimiser of all trainable parameters.
    ///
    /// # Errors
    /// When the device fails.
    pub fn new(parameters: &Parameters, config: AdamConfig) -> Result<Self> {
        Self::of(parameters.trainable().iter(), config)
    }

    /// An optimiser of these parameters.
    pub(crate) fn of<'a>(
        parameters: impl Iterator<Item = (&'a String, &'a Var)>,
        config: AdamConfig,
    ) -> Result<Self> {
        let moments = parameters.map(|(name, var)| {
            let zeros = || Var::from_tensor(&var.as_detached_tensor().zeros_like()?);
            Ok(Moments { name: name.clone(), var: var.clone(), mean: zeros()?, square: zeros()? })
        });
        Ok(Self { config, steps: 0, parameters: moments.collect::<Result<_>>()? })
    }

    /// The hyperparameters.
    pub(crate) const fn config(&self) -> &AdamConfig {
        &self.config
    }
}

impl Optimiser for Adam {
    fn step(&mut self, gradients: &Gradients) -> Result<()> {
        self.steps += 1;
        let AdamConfig { learning_rate, beta1, beta2, epsilon, weight_decay } = self.config;
        let unbias = |beta: f64| 1.0 - beta.powf(f64::from(self.steps));
        let update = Update {
            shrink: 1.0 - learning_rate * weight_decay,
            rate: learning_rate / unbias(beta1),
            root: unbias(beta2).sqrt(),
            epsilon,
        };
        for Moments { name, var, mean, square } in &self.parameters {
            if let Some(gradient) = gradients.get(name) {
                RunningMean { keep: beta1, power: Power::One }.apply(mean, gradient)?;
                RunningMean { keep: beta2, power: Power::Two }.apply(square, gradient)?;
                update.apply(var, mean, square)?;
            }
        }
        Ok(())
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.config.learning_rate = learning_rate;
    }

    fn steps(&self) -> u32 {
        self.steps
    }

    fn state(&self) -> Result<OptimiserState> {
        Ok(OptimiserState {
            steps: self.steps,
            mean: copies(self.parameters.iter().map(|moments| (&moments.name, &moments.mean)))?,
            square: copies(self.parameters.iter().map(|moments| (&moments.name, &moments.square)))?,
        })
    }

    fn restore(&mut self, state: &OptimiserState) -> Result<()> {
        for Moments { name, mean, square, .. } in &self.parameters {
            restore(name, mean, &state.mean)?;
            restore(name, square, &state.square)?;
        }
        self.steps = state.steps;
        Ok(())
    }
}

/// `parameter ← shrink · parameter − rate · mean / (√square / root + epsilon)`.
struct Update {
    shrink: f64,
    rate: f64,
    root: f64,
    epsilon: f64,
}

impl Update {
    fn apply(&self, parameter: &Var, mean: &Var, square: &Var) -> CandleResult<()> {
        if training::has_kernels(parameter) {
            return parameter.inplace_op3(mean, square, self);
        }
        let (mean, square) = (mean.as_detached_tensor(), square.as_detached_tensor());
        let deviation = ((square.sqrt()? / self.root)? + self.epsilon)?;
        let step = (mean.div(&deviation)? * self.rate)?;
        parameter.set(&((parameter.as_detached_tensor() * self.shrink)? - step)?)
    }

    fn run<T: WithDType + Root>(&self, parameter: &mut [T], mean: &[T], square: &[T]) {
        let [shrink, rate, root, epsilon] =
            [self.shrink, self.rate, self.root, self.epsilon].map(T::from_f64);
        let moments = mean.par_chunks(TASK).zip(square.par_chunks(TASK));
        parameter.par_chunks_mut(TASK).zip(moments).for_each(|(parameter, (mean, square))| {
            for ((p, &m), &v) in parameter.iter_mut().zip(mean).zip(square) {
                *p = shrink * *p - rate * m / (v.root() / root + epsilon);
            }
        });
    }
}

impl InplaceOp3 for Update {
    fn name(&self) -> &'static str {
        "adam's update"
    }

    fn cpu_fwd(
        &self,
        s1: &mut CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> CandleResult<()> {
        match (s1, s2, s3) {
            (CpuStorage::F32(p), CpuStorage::F32(m), CpuStorage::F32(v)) => {
                self.run(cut_mut(p, l1)?, cut(m, l2)?, cut(v, l3)?);
            }
            (CpuStorage::F64(p), CpuStorage::F64(m), CpuStorage::F64(v)) => {
                self.run(cut_mut(p, l1)?, cut(m, l2)?, cut(v, l3)?);
            }
            _ => candle_core::bail!("moments of another type than their parameter"),
        }
        Ok(())
    }
}

/// Numbers that have a square root.
trait Root {
    fn root(self) -> Self;
}

impl Root for f32 {
    fn root(self) -> Self {
        self.sqrt()
    }
}

impl Root for f64 {
    fn root(self) -> Self {
        self.sqrt()
    }
}
