use ikem_core::{Draw, FieldError, Skeleton};

use crate::error::Error;
use crate::phantom::{Phantom, PhantomConfig};

/// The phantoms among a loader's images. They depend only on the seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Phantoms {
    /// Their configuration.
    pub config: PhantomConfig,
    /// Their number.
    pub count: usize,
    /// The seed that their seeds are drawn from.
    pub seed: u64,
}

impl Phantoms {
    /// No phantoms.
    #[must_use]
    pub fn none() -> Self {
        Self { config: PhantomConfig::default(), count: 0, seed: 0 }
    }

    /// Checks the configuration, and that `skeleton` has the keypoints of a phantom.
    pub(super) fn check(&self, skeleton: &Skeleton) -> Result<(), Error> {
        if self.count > 0 && *skeleton != Skeleton::spine() {
            let found = format!("{} of them for a skeleton of {} keypoints", self.count, skeleton.len());
            return Err(FieldError::new("phantoms", "the spine's skeleton of 68 keypoints", found).into());
        }
        Ok(self.config.check()?)
    }

    /// The seed of the phantom with index `index`.
    pub(super) fn seed_of(&self, index: usize) -> u64 {
        // Short enough for a person to type.
        Draw::new(self.seed, &[index as u64]).below(1 << 32)
    }

    pub(super) fn draw(&self, index: usize) -> Result<Phantom, Error> {
        Ok(Phantom::generate(&self.config, self.seed_of(index))?)
    }
}
