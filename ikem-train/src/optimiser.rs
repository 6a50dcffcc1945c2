use std::collections::BTreeMap;
use std::fmt;

use candle_core::{Tensor, Var};

use crate::error::{Error, Result};
use crate::gradients::Gradients;

/// An optimiser of a network's trainable parameters, which it updates in place.
pub trait Optimiser: fmt::Debug + Send + Sync {
    /// Updates every parameter that has a gradient.
    ///
    /// # Errors
    /// When the device fails.
    fn step(&mut self, gradients: &Gradients) -> Result<()>;

    /// Sets the learning rate of the following steps.
    fn set_learning_rate(&mut self, learning_rate: f64);

    /// The number of steps taken.
    fn steps(&self) -> u32;

    /// A copy of the state, from which training can resume.
    ///
    /// # Errors
    /// When the device fails.
    fn state(&self) -> Result<OptimiserState>;

    /// Restores a saved state.
    ///
    /// # Errors
    /// [`Error::OptimiserState`] when the state of a parameter is missing or has another shape; a device failure.
    fn restore(&mut self, state: &OptimiserState) -> Result<()>;
}

/// The state of an [`Optimiser`].
#[derive(Debug, Clone, Default)]
pub struct OptimiserState {
    /// The number of steps taken.
    pub steps: u32,
    /// The first moment of each parameter, by the parameter's name: the running mean of its gradient.
    pub mean: BTreeMap<String, Tensor>,
    /// The second moment of each parameter that has one: the running mean of its squared gradient.
    pub square: BTreeMap<String, Tensor>,
}

/// Copies of named variables.
pub(crate) fn copies<'a>(
    vars: impl Iterator<Item = (&'a String, &'a Var)>,
) -> Result<BTreeMap<String, Tensor>> {
    vars.map(|(name, var)| Ok((name.clone(), var.as_detached_tensor().copy()?))).collect()
}

/// Sets a variable to its saved value.
pub(crate) fn restore(name: &str, var: &Var, saved: &BTreeMap<String, Tensor>) -> Result<()> {
    match saved.get(name) {
        Some(tensor) if tensor.dims() == var.dims() => {
            Ok(var.set(&tensor.to_device(var.device())?.to_dtype(var.dtype())?)?)
        }
        other => Err(Error::OptimiserState {
            name: name.to_owned(),
            found: other.map(|tensor| tensor.dims().to_vec()),
            expected: var.dims().to_vec(),
        }),
    }
}
