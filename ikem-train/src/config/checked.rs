use std::ops::Deref;

/// A config of which every field has been checked: the only form that a trainer accepts.
///
/// Derefs to the config. To change a field, take the config out with [`into_inner`](Self::into_inner) and check it again.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked<C>(C);

impl<C> Checked<C> {
    /// Marks a config as checked, which the caller vouches for.
    pub(crate) const fn new(config: C) -> Self {
        Self(config)
    }

    /// The config, to be changed.
    #[must_use]
    pub fn into_inner(self) -> C {
        self.0
    }
}

impl<C> Deref for Checked<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}
