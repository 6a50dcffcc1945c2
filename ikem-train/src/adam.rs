use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp3, Layout, Result as CandleResult, Tensor, Var, WithDType};
use ikem_models::{Parameters, ops};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::gradients::Gradients;
use crate::moving::{Power, RunningMean, TASK, cut, cut_mut};
use crate::muon;

/// The settings of [`Adam`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// How far a step goes.
    pub learning_rate: f64,
    /// How much of the mean gradient a step keeps.
    pub beta1: f64,
    /// How much of the mean squared gradient a step keeps.
    pub beta2: f64,
    /// What is added to the root of the mean squared gradient.
    pub epsilon: f64,
    /// The part of each parameter that a step of learning rate 1 takes away, apart from the gradient (AdamW, Loshchilov
    /// and Hutter 2019); 0 is Adam.
    pub weight_decay: f64,
    /// Whether the kernels of convolutions, where they are wider than a pixel and between 16 channels or more, are moved by
    /// Muon instead (Jordan et al. 2024): along the orthogonal matrix nearest to the mean gradient, each number about as far
    /// as by Adam. `beta2` and `epsilon` do not matter to them.
    pub muon: bool,
}

impl Default for AdamConfig {
    /// PyTorch's: learning rate 1e-3, betas 0.9 and 0.999, epsilon 1e-8, no decay; no Muon.
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, muon: false }
    }
}

/// Adam (Kingma and Ba 2015, algorithm 1) and AdamW, as PyTorch computes them, and Muon; the variables change in place.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    steps: u32,
    parameters: Vec<Moments>,
}

/// A parameter and the running means of its gradient.
#[derive(Debug)]
struct Moments {
    name: String,
    var: Var,
    mean: Var,
    /// None of a kernel that Muon moves.
    square: Option<Var>,
}

/// What [`Adam`] must remember to go on where it stopped.
#[derive(Debug, Clone)]
pub struct AdamState {
    /// The steps taken.
    pub steps: u32,
    /// The running mean of each parameter's gradient, by the parameter's name.
    pub mean: BTreeMap<String, Tensor>,
    /// The running mean of its square; not of the kernels that Muon moves.
    pub square: BTreeMap<String, Tensor>,
}

impl Adam {
    /// An optimiser of all that is trainable.
    ///
    /// # Errors
    /// When the device fails.
    pub fn new(parameters: &Parameters, config: AdamConfig) -> Result<Self> {
        let moments = parameters.trainable().iter().map(|(name, var)| {
            let zeros = || Var::from_tensor(&var.as_detached_tensor().zeros_like()?);
            let square = (!(config.muon && muon::applies(var.dims()))).then(zeros).transpose()?;
            Ok(Moments { name: name.clone(), var: var.clone(), mean: zeros()?, square })
        });
        Ok(Self { config, steps: 0, parameters: moments.collect::<Result<_>>()? })
    }

    /// An optimiser that goes on from `state`.
    ///
    /// # Errors
    /// [`Error::State`] when a parameter's state is missing or of another shape; a device that fails.
    pub fn resume(parameters: &Parameters, config: AdamConfig, state: &AdamState) -> Result<Self> {
        let mut adam = Self::new(parameters, config)?;
        adam.steps = state.steps;
        for Moments { name, mean, square, .. } in &adam.parameters {
            let moments = [(Some(mean), &state.mean), (square.as_ref(), &state.square)];
            for (var, saved) in moments.into_iter().filter_map(|(var, saved)| Some((var?, saved))) {
                match saved.get(name) {
                    Some(tensor) if tensor.dims() == var.dims() => {
                        var.set(&tensor.to_device(var.device())?.to_dtype(var.dtype())?)?;
                    }
                    other => {
                        return Err(Error::State {
                            name: name.clone(),
                            found: other.map(|tensor| tensor.dims().to_vec()),
                            expected: var.dims().to_vec(),
                        });
                    }
                }
            }
        }
        Ok(adam)
    }

    /// A copy of what must be remembered.
    ///
    /// # Errors
    /// When the device fails.
    pub fn state(&self) -> Result<AdamState> {
        let all = |pick: fn(&Moments) -> Option<&Var>| {
            let picked = self.parameters.iter().filter_map(|moments| Some((&moments.name, pick(moments)?)));
            let copies = picked.map(|(name, var)| Ok((name.clone(), var.as_detached_tensor().copy()?)));
            copies.collect::<Result<_>>()
        };
        Ok(AdamState {
            steps: self.steps,
            mean: all(|moments| Some(&moments.mean))?,
            square: all(|moments| moments.square.as_ref())?,
        })
    }

    /// The learning rate of the next step.
    #[must_use]
    pub const fn learning_rate(&self) -> f64 {
        self.config.learning_rate
    }

    /// Changes the learning rate of the steps to come.
    pub const fn set_learning_rate(&mut self, learning_rate: f64) {
        self.config.learning_rate = learning_rate;
    }

    /// The steps taken.
    #[must_use]
    pub const fn steps(&self) -> u32 {
        self.steps
    }

    /// Moves every parameter that has a gradient in what a backward pass left.
    ///
    /// # Errors
    /// When the device fails.
    pub fn step(&mut self, gradients: &GradStore) -> Result<()> {
        self.advance(|moments| {
            // A gradient still holds the graph it came from, and with it all activations.
            gradients.get(&moments.var).map(|gradient| gradient.detach().contiguous())
        })
    }

    /// Moves every parameter that has a gradient.
    ///
    /// # Errors
    /// When the device fails.
    pub fn step_along(&mut self, gradients: &Gradients) -> Result<()> {
        self.advance(|moments| gradients.get(&moments.name).cloned().map(Ok))
    }

    fn advance(&mut self, gradient: impl Fn(&Moments) -> Option<CandleResult<Tensor>>) -> Result<()> {
        self.steps += 1;
        let AdamConfig { learning_rate, beta1, beta2, epsilon, weight_decay, .. } = self.config;
        let unbias = |beta: f64| 1.0 - beta.powf(f64::from(self.steps));
        let update = Update {
            shrink: 1.0 - learning_rate * weight_decay,
            rate: learning_rate / unbias(beta1),
            root: unbias(beta2).sqrt(),
            epsilon,
        };
        for moments in &self.parameters {
            if let Some(gradient) = gradient(moments).transpose()? {
                let Moments { var, mean, square, .. } = moments;
                RunningMean { keep: beta1, power: Power::One }.apply(mean, &gradient)?;
                let Some(square) = square else {
                    // The mean as Nesterov has it, one step ahead.
                    let ahead = ((mean.as_detached_tensor() * beta1)? + (&gradient * (1.0 - beta1))?)?;
                    muon::Update { shrink: update.shrink, rate: learning_rate }.apply(var, &ahead)?;
                    continue;
                };
                RunningMean { keep: beta2, power: Power::Two }.apply(square, &gradient)?;
                update.apply(var, mean, square)?;
            }
        }
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
        if ops::has_kernels(parameter) {
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
