use std::cell::RefCell;

use crate::ops::Geometry;

/// A network layer by layer: see [`Network::summary`](crate::Network::summary).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSummary {
    /// The layers in the order in which they ran.
    pub layers: Vec<Layer>,
}

/// One layer: a convolution with the batch norm behind it, or a product of matrices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The state-dict name of its convolution, or what the product is for.
    pub name: String,
    /// What it computes.
    pub kind: LayerKind,
    /// The shape of what it is given; concatenated inputs as one.
    pub input: Vec<usize>,
    /// The shape of what it answers.
    pub output: Vec<usize>,
    /// How many numbers of it training changes.
    pub parameters: usize,
    /// Multiplications, each with its addition, of the convolution or the product; batch norms, activations and
    /// resizing are not counted.
    pub mult_adds: u64,
}

/// What a [`Layer`] computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// A convolution.
    Convolution(Geometry),
    /// A transposed convolution, 2 × 2 with stride 2.
    TransposedConvolution,
    /// A product of two matrices, of which the input is the first.
    Product,
}

impl NetworkSummary {
    /// The parameters of all layers.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.parameters).sum()
    }

    /// The mult-adds of all layers.
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
