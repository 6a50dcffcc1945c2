/// Whether a forward pass is one of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Running statistics, no dropout, no gradients.
    Eval,
    /// Batch statistics, which also update the running ones; dropout drawn from the seed; gradients.
    Train {
        /// The same seed drops the same channels.
        dropout_seed: u64,
    },
}
