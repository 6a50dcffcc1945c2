/// Why training could not go on, by who must act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A saved state is not that of this network.
    #[error("the optimiser's state of `{name}` has {}; expected shape {expected:?}", found_shape(found.as_deref()))]
    State {
        /// The parameter.
        name: String,
        /// The shape in the state; `None` where it has no such parameter.
        found: Option<Vec<usize>>,
        /// The shape of the parameter.
        expected: Vec<usize>,
    },
    /// The tensor library failed: out of memory, no such device.
    #[error("the computation failed: {0}")]
    Backend(#[from] candle_core::Error),
}

fn found_shape(found: Option<&[usize]>) -> String {
    found.map_or_else(|| "no entry".to_owned(), |shape| format!("shape {shape:?}"))
}

/// What the calls of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
