//! Predicts the films on which nothing was done yet, in the background, so that they open faster and the list tells of doubt and
//! angles. People come first: their requests end what is being predicted here, which begins again when they have paused.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ikem_models::{Cancel, NoTurn};

use super::super::api::{AheadView, Status, StatusView};
use super::super::document::Document;
use super::super::entry::{Entry, Slot, lock};
use super::super::failure::{Kind, Result};
use super::super::networks::Network;
use super::super::sidecar::{Ahead, Sidecar};
use super::{Workplace, blocking};

/// Who takes turns at the network here, among the numbers of images.
const CLIENT: usize = usize::MAX;
/// So long after the last request of a person nothing is predicted: the next one is likely to follow.
const QUIET: Duration = Duration::from_secs(1);

/// The prediction of all films.
#[derive(Debug, Default)]
pub(super) struct Run {
    number: u64,
    /// How far it is; none where it does not run.
    view: Option<AheadView>,
    /// Ends the prediction of a film.
    cancel: Option<Cancel>,
    /// When a person asked the network last.
    asked: Option<Instant>,
}

impl Workplace {
    /// Begins to predict all films, or ends it.
    pub(crate) fn predict_ahead(self: &Arc<Self>, on: bool) -> StatusView {
        let run = {
            let mut ahead = lock(&self.ahead);
            ahead.number += 1;
            if let Some(cancel) = ahead.cancel.take() {
                cancel.cancel();
            }
            ahead.view = on.then(AheadView::default);
            ahead.number
        };
        if on {
            let workplace = Arc::clone(self);
            tokio::spawn(async move {
                workplace.predict_all(run).await;
                workplace.note(run, |ahead| ahead.view = None);
            });
        }
        self.status()
    }

    /// How far it is; none where it does not run.
    pub(super) fn predicted_ahead(&self) -> Option<AheadView> {
        lock(&self.ahead).view.clone()
    }

    /// Lets a person go first.
    pub(super) fn make_way(&self, network: &Network) {
        lock(&self.ahead).asked = Some(Instant::now());
        network.turns.supersede(&CLIENT);
    }

    async fn predict_all(self: &Arc<Self>, run: u64) {
        let entries = self.entries();
        self.count(run, |view| view.films = entries.len());
        for entry in entries {
            let predicted = loop {
                let predicted = self.predict_one(&entry, run).await;
                // A person came first: it begins again.
                if !matches!(predicted, Ok(false)) || !self.note(run, |_| {}) {
                    break predicted;
                }
            };
            let going_on = self.count(run, |view| {
                view.done += 1;
                if let Err(failure) = &predicted {
                    view.failed += 1;
                    view.failure = Some(format!("{}: {}", entry.name, failure.message()));
                }
            });
            if !going_on {
                return;
            }
        }
    }

    fn count(&self, run: u64, change: impl FnOnce(&mut AheadView)) -> bool {
        self.note(run, |ahead| {
            if let Some(view) = &mut ahead.view {
                change(view);
            }
        })
    }

    /// Changes what is known of this run; whether it goes on.
    fn note(&self, run: u64, change: impl FnOnce(&mut Run)) -> bool {
        let mut ahead = lock(&self.ahead);
        let going_on = ahead.number == run;
        if going_on {
            change(&mut ahead);
        }
        going_on
    }

    /// Predicts a film on which nothing was done, and saves that. False if a person came first, or it was ended.
    async fn predict_one(self: &Arc<Self>, entry: &Arc<Entry>, run: u64) -> Result<bool> {
        let (looking, of) = (Arc::clone(self), Arc::clone(entry));
        blocking(move || {
            looking.look(&of);
            Ok(())
        })
        .await?;
        let network = self.networks.current().await?;
        let generation = self.generation.load(Ordering::SeqCst);
        let ahead = self.ahead_of(&network);
        if !needs_prediction(entry, &ahead) {
            return Ok(true);
        }
        self.pause().await;
        // Whoever opens the film meanwhile waits, and finds it predicted.
        let opening = entry.opening.lock().await;
        if !needs_prediction(entry, &ahead) {
            return Ok(true);
        }
        let film = self.read(entry).await?;
        let turn = match network.turns.replaceable(CLIENT).await {
            Ok(turn) => turn,
            Err(NoTurn::Superseded | NoTurn::Full { .. }) => return Ok(false),
            Err(other) => return Err(other.into()),
        };
        if !self.note(run, |ahead| ahead.cancel = Some(turn.cancel().clone())) {
            return Ok(false);
        }
        let (workplace, at) = (Arc::clone(self), Arc::clone(entry));
        let predicted = blocking(move || {
            let cancel = turn.cancel();
            let opening = workplace.opening(&at, film, (None, None), (network, generation));
            match Document::open(&at, opening, cancel) {
                Ok(document) => save(&at, document.sidecar(&at).predicted_ahead(ahead)),
                Err(_) if cancel.is_cancelled() => Ok(false),
                Err(failure) => Err(failure),
            }
        });
        let predicted = predicted.await;
        drop(opening);
        predicted
    }

    /// Waits until people have paused.
    async fn pause(&self) {
        loop {
            let asked = lock(&self.ahead).asked;
            let wait = asked.map_or(Duration::ZERO, |asked| QUIET.saturating_sub(asked.elapsed()));
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// What is predicted with now.
    pub(super) fn ahead_of(&self, network: &Network) -> Ahead {
        let matching = self.matching.as_ref().filter(|matching| matching.on.load(Ordering::SeqCst));
        Ahead { network: network.name.clone(), matched_to: matching.map(|matching| matching.name.clone()) }
    }
}

fn save(entry: &Entry, sidecar: Sidecar) -> Result<bool> {
    sidecar.save(entry).map_err(|error| Kind::Failed.because(error))?;
    entry.show_ahead(sidecar.ahead);
    Ok(true)
}

/// Whether nothing was done to a film, and it was not predicted in this way. A sidecar that is there and was not predicted is left
/// alone.
fn needs_prediction(entry: &Entry, ahead: &Ahead) -> bool {
    let shown = entry.shown();
    let closed = entry.slot.try_lock().is_ok_and(|slot| matches!(*slot, Slot::Closed));
    let untouched = shown.effort.status == Status::Untouched && entry.revision() == 0;
    closed
        && untouched
        && (shown.ahead.is_some() || !entry.sidecar.exists())
        && shown.ahead.as_ref() != Some(ahead)
}
