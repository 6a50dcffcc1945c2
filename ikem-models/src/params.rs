//! Named tensors: the source of a network's weights, and the variables of networks for training.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use candle_core::{DType, Device, Tensor, Var};
use ikem_core::fnv1a;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::error::{BuildResult, CheckpointFault};

/// Tensors by their PyTorch state-dict names, on the CPU; f32 if they are from a checkpoint.
pub type StateDict = BTreeMap<String, Tensor>;

/// The variables of a network for training, by their state-dict names.
///
/// A clone shares the variables.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    trainable: BTreeMap<String, Var>,
    statistics: BTreeMap<String, Var>,
}

impl Parameters {
    /// The parameters that an optimiser changes: weights, biases, scales.
    #[must_use]
    pub const fn trainable(&self) -> &BTreeMap<String, Var> {
        &self.trainable
    }

    /// The running mean and variance of every batch norm, which the forward pass of training updates.
    #[must_use]
    pub const fn statistics(&self) -> &BTreeMap<String, Var> {
        &self.statistics
    }

    /// All tensors, sharing storage with the variables.
    #[must_use]
    pub fn state_dict(&self) -> StateDict {
        let all = self.trainable.iter().chain(&self.statistics);
        all.map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect()
    }
}

/// The purpose of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Training: weights are variables, with batch statistics and gradients.
    Training,
    /// Inference: weights are folded and packed once; nothing else is kept.
    Inference,
}

/// The source of the values.
enum Source {
    /// PyTorch's default initialisation, each tensor from the seed and its own name.
    Fresh(u64),
    /// A checkpoint, from which layers take their tensors.
    StateDict(StateDict),
}

/// The state that all builders of a network share.
struct Building {
    source: Source,
    parameters: Parameters,
    count: usize,
}

/// Gives the layers of a network their tensors by name.
#[derive(Clone)]
pub struct Builder {
    building: Rc<RefCell<Building>>,
    prefix: String,
    device: Device,
    /// The type that the network computes in; `None` is that of the given tensors.
    dtype: Option<DType>,
    purpose: Purpose,
}

impl Builder {
    /// A builder of a network with PyTorch's default initialisation.
    pub(crate) fn fresh(seed: u64, device: &Device, dtype: Option<DType>, purpose: Purpose) -> Self {
        Self::new(Source::Fresh(seed), device, dtype, purpose)
    }

    /// A builder of a network with the tensors of a checkpoint.
    pub(crate) fn from_state_dict(
        tensors: StateDict,
        device: &Device,
        dtype: Option<DType>,
        purpose: Purpose,
    ) -> Self {
        Self::new(Source::StateDict(tensors), device, dtype, purpose)
    }

    fn new(source: Source, device: &Device, dtype: Option<DType>, purpose: Purpose) -> Self {
        let building = Building { source, parameters: Parameters::default(), count: 0 };
        Self {
            building: Rc::new(RefCell::new(building)),
            prefix: String::new(),
            device: device.clone(),
            dtype,
            purpose,
        }
    }

    /// The builder of the submodule `name`.
    pub(crate) fn pp(&self, name: &str) -> Self {
        Self { prefix: self.full_name(name), ..self.clone() }
    }

    /// The state-dict name of this module.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The purpose of the network.
    pub(crate) const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// A finished weight, in the type that the network computes in.
    pub(crate) fn settled(&self, weight: &Tensor) -> candle_core::Result<Tensor> {
        weight.to_dtype(self.dtype.unwrap_or_else(|| weight.dtype()))
    }

    /// A trainable tensor.
    pub(crate) fn parameter(&self, name: &str, shape: &[usize], init: Init) -> BuildResult<Tensor> {
        let value = self.take(name, shape, init)?;
        self.building.borrow_mut().count += value.elem_count();
        if self.purpose == Purpose::Inference {
            return Ok(value);
        }
        let var = Var::from_tensor(&value)?;
        let tensor = var.as_tensor().clone();
        self.building.borrow_mut().parameters.trainable.insert(self.full_name(name), var);
        Ok(tensor)
    }

    /// A running statistic with the initial value `start`.
    pub(crate) fn statistic(&self, name: &str, len: usize, start: f32) -> BuildResult<Var> {
        let var = Var::from_tensor(&self.take(name, &[len], Init::Constant(start))?)?;
        if self.purpose == Purpose::Training {
            self.building.borrow_mut().parameters.statistics.insert(self.full_name(name), var.clone());
        }
        Ok(var)
    }

    /// Finishes the network: its variables and the number of its parameters.
    ///
    /// # Errors
    /// If the checkpoint holds tensors that no layer took.
    pub(crate) fn finish(self) -> BuildResult<(Parameters, usize)> {
        let building = self.building.borrow();
        if let Source::StateDict(rest) = &building.source
            && let Some(first) = rest.keys().next()
        {
            return Err(CheckpointFault::Extra { count: rest.len(), first: first.clone() }.into());
        }
        Ok((building.parameters.clone(), building.count))
    }

    fn full_name(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) }
    }

    fn take(&self, name: &str, shape: &[usize], init: Init) -> BuildResult<Tensor> {
        let name = self.full_name(name);
        let value = match &mut self.building.borrow_mut().source {
            Source::Fresh(seed) => init.tensor(*seed, &name, shape)?,
            Source::StateDict(tensors) => {
                let Some(found) = tensors.remove(&name) else {
                    return Err(CheckpointFault::Missing { name, expected: shape.to_vec() }.into());
                };
                if found.dims() != shape {
                    let (found, expected) = (found.dims().to_vec(), shape.to_vec());
                    return Err(CheckpointFault::Shape { name, found, expected }.into());
                }
                found
            }
        };
        Ok(value.to_device(&self.device)?)
    }
}

/// The initialisation of a tensor.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Init {
    /// The same value in every element.
    Constant(f32),
    /// Uniform in ±1/√`fan_in`: PyTorch's initialisation of the weights and biases of convolutions.
    FanIn(usize),
}

impl Init {
    /// A tensor that depends on the seed and its own name alone, not on the order in which layers are built.
    fn tensor(self, seed: u64, name: &str, shape: &[usize]) -> candle_core::Result<Tensor> {
        let count: usize = shape.iter().product();
        let values = match self {
            Self::Constant(value) => vec![value; count],
            Self::FanIn(fan_in) => {
                let bound = 1.0 / (fan_in.max(1) as f32).sqrt();
                let mut random = ChaCha8Rng::seed_from_u64(seed ^ fnv1a(name.as_bytes()));
                let unit = |bits: u32| (bits >> 8) as f32 / (1_u32 << 24) as f32;
                (0..count).map(|_| bound * (2.0 * unit(random.next_u32()) - 1.0)).collect()
            }
        };
        Tensor::from_vec(values, shape, &Device::Cpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_weights_depend_on_the_seed_and_the_name_alone() {
        let weight = |seed, name: &str| {
            let builder = Builder::fresh(seed, &Device::Cpu, None, Purpose::Inference);
            let tensor = builder.parameter(name, &[4, 3, 3, 3], Init::FanIn(27)).expect("fresh");
            tensor.flatten_all().expect("flat").to_vec1::<f32>().expect("values")
        };
        assert_eq!(weight(1, "a"), weight(1, "a"));
        assert_ne!(weight(1, "a"), weight(1, "b"));
        assert_ne!(weight(1, "a"), weight(2, "a"));
        let bound = 1.0 / 27.0_f32.sqrt();
        assert!(weight(1, "a").iter().all(|v| v.abs() <= bound));
        assert!(weight(1, "a").iter().any(|v| v.abs() > 0.8 * bound));
    }
}
