/// Limits of what a file may demand. The defaults suffice for models of several hundred million parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PthLimits {
    /// Most bytes of tensor data in memory at any time, including the storage that is being read. Default 2 GiB.
    pub max_tensor_bytes: u64,
    /// Most bytes of one pickle. Default 32 MiB.
    pub max_pickle_bytes: u64,
    /// Most operations of one pickle; each takes less than 100 bytes beside the pickle's own. Default two million; a
    /// checkpoint needs about thirty for each tensor.
    pub max_pickle_operations: u64,
}

impl Default for PthLimits {
    fn default() -> Self {
        Self { max_tensor_bytes: 2 << 30, max_pickle_bytes: 32 << 20, max_pickle_operations: 2_000_000 }
    }
}
