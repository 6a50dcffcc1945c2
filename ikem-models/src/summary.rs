use std::cell::RefCell;

use crate::ops::Geometry;

/// The layers of a network: see [`Network::summary`](crate::Network::summary).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkSummary {
    /// The layers in the order in which they run.
    pub layers: Vec<Layer>,
}

/// A layer: a convolution with its batch norm, or a matrix product.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layer {
    /// The state-dict name of its convolution, or the purpose of the product.
    pub name: String,
    /// Its operation.
    pub kind: LayerKind,
    /// The shape of its input; of concatenated inputs, that of the concatenation.
    pub input: Vec<usize>,
    /// The shape of its output.
    pub output: Vec<usize>,
    /// Its trainable parameters.
    pub parameters: usize,
    /// Multiply-adds of the convolution or the product; batch norms, activations and resizing are not counted.
    pub mult_adds: u64,
}

/// The operation of a [`Layer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayerKind {
    /// A convolution.
    Convolution(Geometry),
    /// A transposed convolution, 2 × 2 with stride 2.
    TransposedConvolution,
    /// A matrix product; the layer's input is the first matrix.
    Product,
}

impl NetworkSummary {
    /// The parameters of all layers.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.parameters).sum()
    }

    /// The multiply-adds of all layers.
    #[must_use]
    pub fn mult_adds(&self) -> u64 {
        self.layers.iter().map(|layer| layer.mult_adds).sum()
    }
}

/// Notes the layers of a forward pass as they run.
#[derive(Debug, Default)]
pub(crate) struct Recorder(RefCell<Vec<Layer>>);

impl Recorder {
    pub(crate) fn note(&self, layer: Layer) {
        self.0.borrow_mut().push(layer);
    }

    pub(crate) fn finish(self) -> NetworkSummary {
        NetworkSummary { layers: self.0.into_inner() }
    }
}
