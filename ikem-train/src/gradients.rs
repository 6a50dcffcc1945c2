use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, DType, Storage, Tensor, WithDType};
use ikem_models::{Parameters, training};
use rayon::prelude::*;

use crate::error::Result;
use crate::moving::{TASK, cut};

/// The gradient of every parameter that has one, by its name. Holds no graph.
#[derive(Debug, Clone, Default)]
pub struct Gradients(BTreeMap<String, Tensor>);

impl Gradients {
    /// The gradients of `parameters` in what a backward pass left.
    ///
    /// # Errors
    /// When the device fails.
    pub fn new(parameters: &Parameters, store: &GradStore) -> Result<Self> {
        let square_of = |(name, var): (&String, &candle_core::Var)| {
            // A gradient still holds the graph it came from, and with it all activations.
            let gradient = store.get(var)?.detach().contiguous();
            Some(gradient.map(|gradient| (name.clone(), gradient)))
        };
        Ok(Self(parameters.trainable().iter().filter_map(square_of).collect::<Result<_, _>>()?))
    }

    /// The gradient of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// All of them by their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, gradient)| (name.as_str(), gradient))
    }

    /// Adds those of another batch.
    ///
    /// # Errors
    /// When the device fails.
    pub fn add(&mut self, other: Self) -> Result<()> {
        for (name, gradient) in other.0 {
            let sum = match self.0.get(&name) {
                Some(before) => (before + gradient)?,
                None => gradient,
            };
            self.0.insert(name, sum);
        }
        Ok(())
    }

    /// Multiplies all with `factor`.
    ///
    /// # Errors
    /// When the device fails.
    pub fn scale(&mut self, factor: f64) -> Result<()> {
        for gradient in self.0.values_mut() {
            *gradient = (&*gradient * factor)?;
        }
        Ok(())
    }

    /// The norm over all of them together.
    ///
    /// # Errors
    /// When the device fails.
    pub fn norm(&self) -> Result<f64> {
        let mut sum = 0.0;
        for gradient in self.0.values() {
            sum += sum_of_squares(gradient)?;
        }
        Ok(sum.sqrt())
    }
}

/// In double precision, and the same with any number of threads.
fn sum_of_squares(tensor: &Tensor) -> Result<f64> {
    fn of<T: WithDType>(values: &[T]) -> f64 {
        let task = |values: &[T]| values.iter().map(|value| value.to_f64() * value.to_f64()).sum::<f64>();
        let sums: Vec<f64> = values.par_chunks(TASK).map(task).collect();
        sums.iter().sum()
    }
    if training::has_kernels(tensor) {
        let (storage, layout) = tensor.storage_and_layout();
        match &*storage {
            Storage::Cpu(CpuStorage::F32(values)) => return Ok(of(cut(values, layout)?)),
            Storage::Cpu(CpuStorage::F64(values)) => return Ok(of(cut(values, layout)?)),
            _ => {}
        }
    }
    Ok(f64::from(tensor.to_dtype(DType::F32)?.sqr()?.sum_all()?.to_scalar::<f32>()?))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn gradients(pairs: &[(&str, &[f32])]) -> Gradients {
        let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).expect("a tensor");
        Gradients(pairs.iter().map(|(name, values)| ((*name).to_owned(), tensor(values))).collect())
    }

    #[test]
    fn they_add_scale_and_have_a_norm() {
        let mut sum = gradients(&[("a", &[1.0, 2.0]), ("b", &[2.0])]);
        sum.add(gradients(&[("a", &[2.0, 0.0]), ("c", &[4.0])])).expect("a sum");
        sum.scale(0.5).expect("a half");
        let values = |name| sum.get(name).expect("a gradient").to_vec1::<f32>().expect("values");
        assert_eq!((values("a"), values("b"), values("c")), (vec![1.5, 1.0], vec![1.0], vec![2.0]));
        assert_eq!(sum.norm().expect("a norm"), 8.25_f64.sqrt());
        let plain = training::through_candle(|| sum.norm()).expect("a norm");
        assert!((plain - 8.25_f64.sqrt()).abs() < 1e-6);
        assert!(gradients(&[("a", &[f32::NAN])]).norm().expect("a norm").is_nan());
    }
}
