use ikem_core::Skeleton;

use crate::augment::Draw;
use crate::error::Error;
use crate::phantom::{Phantom, PhantomConfig, PhantomError};

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
            let expected = "the spine's skeleton of 68 keypoints".to_owned();
            return Err(Error::Argument { argument: "phantoms", found, expected });
        }
        self.config.check().map_err(wrong_setting)
    }

    /// The seed of the phantom with index `place`.
    pub(super) fn seed_of(&self, place: usize) -> u64 {
        // Short enough for a person to type.
        Draw::new(self.seed, &[place as u64]).below(1 << 32)
    }

    pub(super) fn draw(&self, place: usize) -> Result<Phantom, Error> {
        Phantom::generate(&self.config, self.seed_of(place)).map_err(wrong_setting)
    }
}

fn wrong_setting(error: PhantomError) -> Error {
    let PhantomError { name, found, expected } = error;
    Error::Argument { argument: name, found, expected }
}
