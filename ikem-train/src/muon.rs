//! Muon (Jordan et al. 2024): steps along orthogonal matrices, so that all directions of a layer learn at the same rate.

use candle_core::{Result as CandleResult, Tensor, Var};
use ikem_models::Parameters;

use crate::adam::{Adam, AdamConfig};
use crate::error::Result;
use crate::gradients::Gradients;
use crate::moving::{Power, RunningMean};
use crate::optimiser::{Optimiser, OptimiserState, copies, restore};

/// Coefficients of the Newton–Schulz iteration, chosen for a steep slope at 0 (Jordan et al. 2024).
const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];
const ITERATIONS: usize = 5;

/// Scale of a step relative to an orthogonal matrix, so that the root mean square of an update matches Adam's (Liu et
/// al. 2025, "Muon is scalable for LLM training", equation 4).
const LENGTH: f64 = 0.2;

/// The least input and output channels of a kernel that Muon updates.
const LEAST_CHANNELS: usize = 16;

/// Muon for convolution kernels wider than one pixel with at least 16 input and output channels, AdamW for all other
/// parameters.
///
/// A kernel, as a matrix with one row per index of its first axis, moves along the orthogonal matrix nearest to its
/// Nesterov momentum, by about as much per element as under Adam. `beta2` and `epsilon` apply to AdamW alone.
#[derive(Debug)]
pub struct Muon {
    kernels: Vec<Kernel>,
    others: Adam,
}

/// A kernel and the running mean of its gradient.
#[derive(Debug)]
struct Kernel {
    name: String,
    var: Var,
    mean: Var,
}

impl Muon {
    /// An optimiser of all trainable parameters.
    ///
    /// # Errors
    /// When the device fails.
    pub fn new(parameters: &Parameters, config: AdamConfig) -> Result<Self> {
        let (kernels, others): (Vec<_>, Vec<_>) =
            parameters.trainable().iter().partition(|(_, var)| applies(var.dims()));
        let kernels = kernels.into_iter().map(|(name, var)| {
            let mean = Var::from_tensor(&var.as_detached_tensor().zeros_like()?)?;
            Ok(Kernel { name: name.clone(), var: var.clone(), mean })
        });
        let kernels = kernels.collect::<Result<_>>()?;
        Ok(Self { kernels, others: Adam::of(others.into_iter(), config)? })
    }
}

impl Optimiser for Muon {
    fn step(&mut self, gradients: &Gradients) -> Result<()> {
        let AdamConfig { learning_rate, beta1, weight_decay, .. } = *self.others.config();
        let update = Update { shrink: 1.0 - learning_rate * weight_decay, rate: learning_rate };
        for Kernel { name, var, mean } in &self.kernels {
            if let Some(gradient) = gradients.get(name) {
                RunningMean { keep: beta1, power: Power::One }.apply(mean, gradient)?;
                // Nesterov momentum: the mean one step ahead.
                let ahead = ((mean.as_detached_tensor() * beta1)? + (gradient * (1.0 - beta1))?)?;
                update.apply(var, &ahead)?;
            }
        }
        self.others.step(gradients)
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.others.set_learning_rate(learning_rate);
    }

    fn steps(&self) -> u32 {
        self.others.steps()
    }

    fn state(&self) -> Result<OptimiserState> {
        let mut state = self.others.state()?;
        state.mean.extend(copies(self.kernels.iter().map(|kernel| (&kernel.name, &kernel.mean)))?);
        Ok(state)
    }

    fn restore(&mut self, state: &OptimiserState) -> Result<()> {
        for Kernel { name, mean, .. } in &self.kernels {
            restore(name, mean, &state.mean)?;
        }
        self.others.restore(state)
    }
}

/// Whether Muon updates a parameter of these dimensions: the kernel of a convolution wider than one pixel, in neither
/// the first nor the last layer.
fn applies(dims: &[usize]) -> bool {
    matches!(*dims, [a, b, height, width] if a.min(b) >= LEAST_CHANNELS && height.min(width) > 1)
}

/// `kernel ← shrink · kernel − rate · orthogonalised(along)`, each as a matrix with one row per index of the first
/// axis.
struct Update {
    shrink: f64,
    rate: f64,
}

impl Update {
    fn apply(&self, kernel: &Var, along: &Tensor) -> CandleResult<()> {
        let along = along.flatten_from(1)?;
        let (rows, columns) = along.dims2()?;
        let rate = self.rate * LENGTH * (rows.max(columns) as f64).sqrt();
        let step = (orthogonalised(&along)?.reshape(kernel.dims())? * rate)?;
        kernel.set(&((kernel.as_detached_tensor() * self.shrink)? - step)?)
    }
}

/// A matrix with the singular vectors of `matrix` and singular values between about 0.6 and 1.3, except for those that
/// are negligible relative to the largest one.
fn orthogonalised(matrix: &Tensor) -> CandleResult<Tensor> {
    let (rows, columns) = matrix.dims2()?;
    if rows > columns {
        return orthogonalised(&matrix.t()?.contiguous()?)?.t()?.contiguous();
    }
    // A zero matrix stays zero.
    let norm = (matrix.sqr()?.sum_all()?.sqrt()? + f64::from(f32::MIN_POSITIVE))?;
    let x = matrix.broadcast_div(&norm)?;
    // Each iteration multiplies x from the left by a polynomial of x · xᵀ. These polynomials commute, so that the
    // products of the smaller matrices are computed first.
    let mut gram = x.matmul(&x.t()?)?;
    let identity = Tensor::eye(rows, x.dtype(), x.device())?;
    let mut factor = identity.clone();
    let [a, b, c] = COEFFICIENTS;
    for iteration in 1..=ITERATIONS {
        let polynomial = (((&identity * a)? + (&gram * b)?)? + (gram.matmul(&gram)? * c)?)?;
        factor = if iteration == 1 { polynomial.clone() } else { polynomial.matmul(&factor)? };
        if iteration < ITERATIONS {
            gram = polynomial.matmul(&gram)?.matmul(&polynomial)?;
        }
    }
    factor.matmul(&x)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use ikem_core::Draw;

    use super::*;

    fn random(rows: usize, columns: usize, dtype: DType) -> Tensor {
        let mut draw = Draw::new(7, &[rows as u64]);
        let values: Vec<f64> = (0..rows * columns).map(|_| 2.0 * draw.unit() - 1.0).collect();
        Tensor::from_vec(values, (rows, columns), &Device::Cpu)
            .and_then(|m| m.to_dtype(dtype))
            .expect("a matrix")
    }

    fn values(tensor: &Tensor) -> Vec<f64> {
        tensor.to_dtype(DType::F64).and_then(|t| t.flatten_all()?.to_vec1()).expect("values")
    }

    /// The effect of the iteration on a singular value.
    fn iterated(mut singular: f64) -> f64 {
        let [a, b, c] = COEFFICIENTS;
        for _ in 0..ITERATIONS {
            singular = a * singular + b * singular.powi(3) + c * singular.powi(5);
        }
        singular
    }

    #[test]
    fn singular_values_are_iterated_and_vectors_stay() {
        // Orthogonal rows, whose lengths are the singular values; the iteration acts on each of them separately.
        let lengths = [3.0, 1.0, 0.2, 0.0];
        let directions =
            [[0.6, 0.0, 0.0, 0.0, 0.8], [0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.6, 0.8, 0.0], [0.0; 5]];
        let norm = lengths.iter().map(|length: &f64| length * length).sum::<f64>().sqrt();
        let rows = |scaled: &dyn Fn(f64) -> f64| -> Vec<f64> {
            let rows = lengths.iter().zip(&directions);
            rows.flat_map(|(&length, row)| row.iter().map(move |part| (scaled(length), part)))
                .map(|(l, p)| l * p)
                .collect()
        };
        let expected = rows(&|length| iterated(length / norm));
        for (dtype, tolerance) in [(DType::F64, 1e-9), (DType::F32, 1e-4)] {
            let matrix = Tensor::from_vec(rows(&|length| length), (4, 5), &Device::Cpu);
            let matrix = matrix.and_then(|matrix| matrix.to_dtype(dtype)).expect("a matrix");
            let found = values(&orthogonalised(&matrix).expect("a matrix"));
            for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                assert!((found - expected).abs() < tolerance, "{dtype:?}: {i}: {found}, expected {expected}");
            }
        }
    }

    #[test]
    fn rows_are_near_orthonormal_and_their_scale_does_not_matter() {
        for (rows, columns) in [(8, 40), (40, 8)] {
            let matrix = random(rows, columns, DType::F32);
            let found = orthogonalised(&matrix).expect("a matrix");
            assert_eq!(found.dims(), matrix.dims());
            let wide = if rows < columns { found.clone() } else { found.t().expect("transposed") };
            let gram = wide.matmul(&wide.t().expect("transposed")).expect("a product");
            for (i, value) in values(&gram).into_iter().enumerate() {
                let expected = if i % 9 == 0 { 1.0 } else { 0.0 };
                assert!((value - expected).abs() < 0.6, "{rows} × {columns}: {i}: {value}");
            }
            let scaled = orthogonalised(&(&matrix * 1e-6).expect("scaled")).expect("a matrix");
            for (a, b) in values(&found).into_iter().zip(values(&scaled)) {
                assert!((a - b).abs() < 1e-4, "{a} and {b}");
            }
        }
    }

    #[test]
    fn a_gradient_of_zeros_only_lets_a_kernel_decay() {
        let kernel = Var::ones((16, 16, 3, 3), DType::F32, &Device::Cpu).expect("a kernel");
        let zeros = kernel.zeros_like().expect("zeros");
        Update { shrink: 0.5, rate: 1.0 }.apply(&kernel, &zeros).expect("a step");
        assert!(values(&kernel).into_iter().all(|value| value == 0.5));
    }

    #[test]
    fn each_number_moves_about_as_far_as_by_adam() {
        let kernel = Var::zeros((24, 32, 3, 3), DType::F32, &Device::Cpu).expect("a kernel");
        let along = random(24, 32 * 9, DType::F32).reshape((24, 32, 3, 3)).expect("a kernel");
        Update { shrink: 1.0, rate: 0.01 }.apply(&kernel, &along).expect("a step");
        let moved = values(&kernel);
        let root = (moved.iter().map(|m| m * m).sum::<f64>() / moved.len() as f64).sqrt();
        assert!((root / (0.01 * LENGTH) - 1.0).abs() < 0.3, "{root}");
        let down: f64 = moved.iter().zip(values(&along)).map(|(m, a)| m * a).sum();
        assert!(down < 0.0, "along the gradient: {down}");
    }

    #[test]
    fn only_wide_kernels_between_layers_are_moved_so() {
        for dims in [&[24, 24, 3, 3][..], &[48, 24, 2, 2]] {
            assert!(applies(dims), "{dims:?}");
        }
        for dims in [&[24][..], &[24, 24], &[24, 3, 3, 3], &[68, 24, 1, 1], &[8, 24, 3, 3]] {
            assert!(!applies(dims), "{dims:?}");
        }
    }
}
