use ikem_core::{Draw, FieldError, Skeleton};

use crate::Error;
use crate::phantom::{Phantom, PhantomConfig};

/// Phantoms as a part of a loader's images: which there are depends on the seed alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Phantoms {
    /// What they look like.
    pub config: PhantomConfig,
    /// How many there are.
    pub count: usize,
    /// What they are drawn from.
    pub seed: u64,
}

impl Phantoms {
    /// No phantoms.
    #[must_use]
    pub fn none() -> Self {
        Self { config: PhantomConfig::default(), count: 0, seed: 0 }
    }

    /// Whether they can be drawn, with the keypoints of `skeleton`.
    pub(super) fn check(&self, skeleton: &Skeleton) -> Result<(), Error> {
        if self.count > 0 && *skeleton != Skeleton::spine() {
            let found = format!("{} of them for a skeleton of {} keypoints", self.count, skeleton.len());
            return Err(FieldError::new("phantoms", "the spine's skeleton of 68 keypoints", found).into());
        }
        Ok(self.config.check()?)
    }

    /// The seed of the phantom at a place.
    pub(super) fn seed_of(&self, place: usize) -> u64 {
        // Seeds that a person can type.
        Draw::new(self.seed, &[place as u64]).below(1 << 32)
    }

    pub(super) fn draw(&self, place: usize) -> Result<Phantom, Error> {
        Ok(Phantom::generate(&self.config, self.seed_of(place))?)
    }
}
