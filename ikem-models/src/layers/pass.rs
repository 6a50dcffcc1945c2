use candle_core::{Result, Tensor};

use super::mode::Mode;
use crate::cancel::Cancel;
use crate::summary::{Layer, LayerKind, Recorder};

/// The settings of a forward pass, which every layer receives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub mode: Mode,
    recorder: Option<&'a Recorder>,
    cancel: Option<&'a Cancel>,
}

impl<'a> Pass<'a> {
    pub(crate) const fn new(mode: Mode) -> Self {
        Self { mode, recorder: None, cancel: None }
    }

    /// An evaluation pass that ends early when `cancel` is cancelled.
    pub(crate) const fn until(cancel: Option<&'a Cancel>) -> Self {
        Self { mode: Mode::Eval, recorder: None, cancel }
    }

    /// An evaluation pass whose layers are noted by `recorder`.
    pub(crate) const fn recorded(recorder: &'a Recorder) -> Self {
        Self { mode: Mode::Eval, recorder: Some(recorder), cancel: None }
    }

    /// An error if the pass is to end; each layer asks before it runs.
    pub(crate) fn proceed(&self) -> Result<()> {
        if self.cancel.is_some_and(Cancel::looked_at) {
            candle_core::bail!("cancelled");
        }
        Ok(())
    }

    /// Notes a layer that ran, if the pass is recorded.
    pub(crate) fn note(&self, layer: impl FnOnce() -> Result<Layer>) -> Result<()> {
        match self.recorder {
            Some(recorder) => layer().map(|layer| recorder.note(layer)),
            None => Ok(()),
        }
    }

    /// The product of two batches of matrices, (B, M, N) and (B, N, P), noted under `name`.
    pub(crate) fn matmul(&self, name: &str, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        self.proceed()?;
        let product = a.matmul(b)?;
        self.note(|| {
            Ok(Layer {
                name: name.to_owned(),
                kind: LayerKind::Product,
                input: a.dims().to_vec(),
                output: product.dims().to_vec(),
                parameters: 0,
                mult_adds: (a.elem_count() * b.dim(2)?) as u64,
            })
        })?;
        Ok(product)
    }
}
