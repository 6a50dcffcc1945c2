//! The networks to choose from, and the one that answers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::Context;
use ikem_core::Skeleton;
use ikem_examples::file_name;
use ikem_models::{Checkpoint, Device, PRETRAINED, Precision, Predictor, TurnLimits, Turns};
use tokio::sync::watch;

use super::api::{Choice, ModelState, ModelView};
use super::failure::{Kind, Result};

/// The name of the network that needs no file.
const BUNDLED: &str = "bundled UNet-IKEM";

/// Where a network comes from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// The program itself.
    Bundled,
    /// A checkpoint.
    File(PathBuf),
    /// Whoever embeds the server.
    #[cfg(test)]
    Given(&'static str, Predictor),
}

/// A network that is ready to answer.
#[derive(Debug)]
pub(super) struct Network {
    /// What it is called.
    pub name: String,
    /// The network.
    pub predictor: Predictor,
    /// One prediction at a time; images, by their number, take turns.
    pub turns: Turns<usize>,
}

/// The networks to choose from. One at a time is in memory.
#[derive(Debug)]
pub(super) struct Networks {
    choices: Vec<(String, Origin)>,
    precision: Precision,
    device: Device,
    loading: watch::Sender<Loading>,
    skeleton: OnceLock<Skeleton>,
}

/// How far the loading of the chosen network is.
#[derive(Debug, Clone)]
struct Loading {
    id: usize,
    since: Instant,
    outcome: Outcome,
}

#[derive(Debug, Clone)]
enum Outcome {
    Pending,
    Ready(Arc<Network>, f64),
    Failed(String, f64),
}

impl Networks {
    /// The choices, none of them loaded. There must be one at least; the first is loaded first.
    pub(super) fn new(origins: Vec<Origin>, precision: Precision, device: Device) -> Self {
        let choices = origins.into_iter().map(|origin| (origin.name(), origin)).collect();
        let loading = Loading { id: 0, since: Instant::now(), outcome: Outcome::Pending };
        Self { choices, precision, device, loading: watch::Sender::new(loading), skeleton: OnceLock::new() }
    }

    /// What can be chosen.
    pub(super) fn choices(&self) -> Vec<Choice> {
        let choice = |(id, (name, _)): (usize, &(String, Origin))| Choice { id, name: name.clone() };
        self.choices.iter().enumerate().map(choice).collect()
    }

    /// Loads choice `id` in the background, to answer from now on.
    pub(super) fn choose(self: &Arc<Self>, id: usize) -> Result<()> {
        let Some((name, origin)) = self.choices.get(id).cloned() else {
            let count = self.choices.len();
            return Err(
                Kind::Invalid.because(format!("there is no network {id}; expected one below {count}"))
            );
        };
        let since = Instant::now();
        self.loading.send_replace(Loading { id, since, outcome: Outcome::Pending });
        let networks = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let loaded = networks.load(&origin);
            let seconds = since.elapsed().as_secs_f64();
            let outcome = match loaded {
                Ok(predictor) => {
                    let turns = Turns::new(TurnLimits::default());
                    Outcome::Ready(Arc::new(Network { name, predictor, turns }), seconds)
                }
                Err(error) => Outcome::Failed(error, seconds),
            };
            networks.loading.send_if_modified(|loading| {
                // Another may have been chosen meanwhile.
                let current = loading.since == since && loading.id == id;
                if current {
                    loading.outcome = outcome;
                }
                current
            });
        });
        Ok(())
    }

    fn load(&self, origin: &Origin) -> Result<Predictor, String> {
        let predictor = match origin {
            Origin::Bundled => Predictor::builder().device(&self.device).pretrained(),
            Origin::File(path) => {
                Predictor::builder().device(&self.device).precision(self.precision).load(path)
            }
            #[cfg(test)]
            Origin::Given(_, predictor) => Ok(predictor.clone()),
        }
        .map_err(|error| error.to_string())?;
        let skeleton = &predictor.config().skeleton;
        if self.skeleton.get_or_init(|| skeleton.clone()) != skeleton {
            return Err("its keypoints are not those of the network before it".to_owned());
        }
        Ok(predictor)
    }

    /// The network that answers, once it is loaded.
    pub(super) async fn current(&self) -> Result<Arc<Network>> {
        let mut loading = self.loading.subscribe();
        let settled = loading.wait_for(|loading| !matches!(loading.outcome, Outcome::Pending)).await;
        match settled.map(|loading| loading.outcome.clone()) {
            Ok(Outcome::Ready(network, _)) => Ok(network),
            Ok(Outcome::Failed(error, _)) => {
                Err(Kind::Conflict.because(format!("{error}; choose another network")))
            }
            Ok(Outcome::Pending) | Err(_) => Err(Kind::Conflict.because("the network is still loading")),
        }
    }

    /// The network that answers, if it is loaded.
    pub(super) fn ready(&self) -> Option<Arc<Network>> {
        match &self.loading.borrow().outcome {
            Outcome::Ready(network, _) => Some(Arc::clone(network)),
            Outcome::Pending | Outcome::Failed(..) => None,
        }
    }

    /// How far the loading of the chosen network is.
    pub(super) fn view(&self) -> ModelView {
        let Loading { id, since, outcome } = self.loading.borrow().clone();
        let (state, seconds, error) = match outcome {
            Outcome::Pending => (ModelState::Loading, since.elapsed().as_secs_f64(), None),
            Outcome::Ready(_, seconds) => (ModelState::Ready, seconds, None),
            Outcome::Failed(error, seconds) => (ModelState::Failed, seconds, Some(error)),
        };
        let (name, bytes) = match self.choices.get(id) {
            Some((name, origin)) => (name.clone(), origin.bytes()),
            None => Default::default(),
        };
        ModelView { id, name, state, seconds, bytes, error }
    }

    /// What the keypoints are called, once a network was loaded.
    pub(super) fn skeleton(&self) -> Option<&Skeleton> {
        self.skeleton.get()
    }
}

impl Origin {
    fn name(&self) -> String {
        match self {
            Self::Bundled => BUNDLED.to_owned(),
            Self::File(path) => file_name(path),
            #[cfg(test)]
            Self::Given(name, _) => (*name).to_owned(),
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Self::Bundled => PRETRAINED.len() as u64,
            Self::File(path) => path.metadata().map_or(0, |metadata| metadata.len()),
            #[cfg(test)]
            Self::Given(..) => 0,
        }
    }
}

/// The checkpoints of a folder, by name.
pub(super) fn checkpoints(folder: &Path) -> anyhow::Result<Vec<Origin>> {
    let named = || format!("--models {}", folder.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(named)? {
        let path = entry.with_context(named)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && Checkpoint::is_one(&path) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        anyhow::bail!("{}: no checkpoint in there (.safetensors, or PyTorch's .pth)", named());
    }
    paths.sort();
    Ok(paths.into_iter().map(Origin::File).collect())
}
