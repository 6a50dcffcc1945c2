use candle_core::{Result, Tensor};

use crate::network::Mode;
use crate::summary::{Layer, Recorder};

/// What every layer is told of the forward pass that it is part of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub mode: Mode,
    recorder: Option<&'a Recorder>,
}

impl<'a> Pass<'a> {
    pub(crate) const fn new(mode: Mode) -> Self {
        Self { mode, recorder: None }
    }

    /// A pass in evaluation whose layers `recorder` notes.
    pub(crate) const fn recorded(recorder: &'a Recorder) -> Self {
        Self { mode: Mode::Eval, recorder: Some(recorder) }
    }

    /// Notes a layer that answered `output`, where someone takes notes.
    pub(crate) fn note(&self, name: &str, output: &Tensor, parameters: usize, mult_adds: usize) {
        if let Some(recorder) = self.recorder {
            let (name, output) = (name.to_owned(), output.dims().to_vec());
            recorder.note(Layer { name, output, parameters, mult_adds: mult_adds as u64 });
        }
    }

    /// The product of two batches of matrices, (B, M, N) and (B, N, P), noted as `name`.
    pub(crate) fn matmul(&self, name: &str, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        let product = a.matmul(b)?;
        self.note(name, &product, 0, a.elem_count() * b.dim(2)?);
        Ok(product)
    }
}
