//! Opens images: each is read before it waits for the network, and a few are kept open at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ikem_core::GrayImage;
use ikem_data::match_histogram;
use ikem_models::{Cancel, NoTurn, Turn};

use super::super::document::{Document, Opening};
use super::super::entry::{Entry, Slot, lock};
use super::super::failure::{Kind, Result};
use super::super::fingerprint::Identity;
use super::super::networks::Network;
use super::super::sidecar::Sidecar;
use super::super::sources::{Loaded, labels};
use super::{Answered, MOST_OPEN, Workplace, blocking};
use ikem_examples::say;

/// What a request wants of the network, besides that the image is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Nothing.
    Nothing,
    /// A preview, unless a newer request of the image comes first.
    Preview,
    /// A prediction that must not be lost.
    Change,
}

/// An image that was read in order to be opened.
pub(super) struct Film {
    loaded: Loaded,
    matched: Option<GrayImage>,
    file: Option<Identity>,
}

impl Workplace {
    /// Calls `use_it` with the open document of an image, on a thread that may wait. Returns also how long it waited for the
    /// image to be read and the network to be free.
    ///
    /// The image is read first, which may take its time and holds up nobody else. Whoever asks the network, or opens an image,
    /// then has a turn at the network, which images take one after the other. The document's lock is never held while waiting for
    /// the turn. The token that `use_it` receives is cancelled when a preview is superseded.
    pub(crate) async fn with_document<T: Send + 'static>(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        ask: Ask,
        use_it: impl FnOnce(&mut Document, &Cancel) -> Result<T> + Send + 'static,
    ) -> Result<Answered<T>> {
        let generation = self.generation.load(Ordering::SeqCst);
        let mut use_it = use_it;
        if ask == Ask::Nothing {
            let at = Arc::clone(entry);
            let tried = blocking(move || match &mut *lock(&at.slot) {
                Slot::Open(document) if document.generation == generation => {
                    Ok(Ok(use_it(document, &Cancel::new())?))
                }
                _ => Ok(Err(use_it)),
            });
            match tried.await? {
                Ok(answer) => return Ok((answer, Duration::ZERO)),
                Err(back) => use_it = back,
            }
        }
        let network = self.networks.current().await?;
        let begin = Instant::now();
        let answer = loop {
            // One request at a time reads the image; requests that arrive meanwhile find it open.
            let opening = match is_open(entry, generation) {
                true => None,
                false => Some(entry.opening.lock().await),
            };
            let film = match is_open(entry, generation) {
                true => None,
                false => Some(self.read(entry).await?),
            };
            let turn = self.turn(&network, entry.id, ask).await?;
            let (workplace, at, network) = (Arc::clone(self), Arc::clone(entry), Arc::clone(&network));
            let tried = blocking(move || {
                let mut slot = lock(&at.slot);
                workplace.open_in(&mut slot, &at, film, network, generation)?;
                let waited = begin.elapsed();
                match &mut *slot {
                    Slot::Open(document) if document.generation == generation => {
                        Ok(Ok((use_it(document, turn.cancel())?, waited)))
                    }
                    _ => Ok(Err(use_it)),
                }
            });
            let tried = tried.await;
            drop(opening);
            match tried {
                Ok(Ok(answer)) => break Ok(answer),
                // It was closed while the request waited.
                Ok(Err(back)) => use_it = back,
                Err(failure) => break Err(failure),
            }
        };
        self.close_the_oldest(entry);
        answer
    }

    /// Waits for the image's turn at the network; an error if that takes too long.
    async fn turn(&self, network: &Network, image: usize, ask: Ask) -> Result<Turn<usize>> {
        self.make_way(network);
        let request = match ask {
            Ask::Preview => network.turns.replaceable(image),
            Ask::Nothing | Ask::Change => network.turns.lasting(image),
        };
        let turn = tokio::time::timeout(self.patience, request).await;
        let patience = self.patience;
        Ok(turn.unwrap_or(Err(NoTurn::TimedOut { patience }))?)
    }

    /// Reads an image. Only a few are read at a time.
    pub(super) async fn read(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<Film> {
        let _turn = self.decoding.acquire().await.map_err(|error| Kind::Failed.because(error))?;
        let (workplace, entry) = (Arc::clone(self), Arc::clone(entry));
        blocking(move || {
            workplace.look(&entry);
            let loaded = entry.source.load()?;
            let file = entry.source.identify()?;
            let matching = workplace.matching.as_ref().filter(|matching| matching.on.load(Ordering::SeqCst));
            let matched = matching.map(|matching| match_histogram(&loaded.image, &matching.reference));
            Ok(Film { loaded, matched, file })
        })
        .await
    }

    /// Opens an image that was read, or reopens it if the settings changed meanwhile.
    fn open_in(
        &self,
        slot: &mut Slot,
        entry: &Entry,
        film: Option<Film>,
        network: Arc<Network>,
        generation: u64,
    ) -> Result<()> {
        let Some(film) = film else { return Ok(()) };
        let (held, kept) = match slot {
            Slot::Open(document) if document.generation == generation => return Ok(()),
            Slot::Open(document) => (true, document.is_touched().then(|| document.sidecar(entry))),
            Slot::Kept(sidecar) => (true, Some((**sidecar).clone())),
            Slot::Closed => (false, Sidecar::read(&entry.sidecar)?),
        };
        let fingerprint = film.file.as_ref().map(|file| file.fingerprint.as_str());
        let work = self.own_work(entry, kept, held, fingerprint)?;
        let opening = self.opening(entry, film, work, (network, generation));
        *slot = Slot::Open(Box::new(Document::open(entry, opening, &Cancel::new())?));
        Ok(())
    }

    /// A film that was read, with what it is opened with: the work on it and what to tell, the network and the settings.
    pub(super) fn opening(
        &self,
        entry: &Entry,
        Film { loaded, matched, file }: Film,
        (kept, warning): (Option<Sidecar>, Option<String>),
        (network, generation): (Arc<Network>, u64),
    ) -> Opening {
        let Loaded { image, labels: truth, spacing, note } = loaded;
        let label = entry.labels.and_then(|place| self.labels.as_ref()?.entries.get(place));
        let labels = truth.or_else(|| labels(label?, &image));
        let ahead = self.ahead_of(&network);
        Opening {
            image,
            matched,
            labels,
            spacing,
            note,
            warning,
            film: file,
            kept,
            ahead,
            network,
            generation,
        }
    }

    /// The work that belongs to a film, and what to tell of it: work on another film that had its name is set aside, and work on
    /// the same film under another name is taken up. `held` says whether the work is in memory.
    fn own_work(
        &self,
        entry: &Entry,
        kept: Option<Sidecar>,
        held: bool,
        fingerprint: Option<&str>,
    ) -> Result<(Option<Sidecar>, Option<String>)> {
        let mut told: Vec<String> = entry.told().into_iter().collect();
        let mut kept = match kept {
            // What was predicted ahead is of no use then.
            Some(kept) if kept.ahead.is_some() && kept.is_of_another(fingerprint) => None,
            Some(kept) if kept.is_of_another(fingerprint) => {
                let aside = self.lost.set_aside(&entry.sidecar, held.then_some(&kept))?;
                entry.start_over(kept.revision);
                told.push(format!(
                    "{} is another film than the one that was corrected under this name. Those corrections are not applied; \
                     they are kept in {}.",
                    entry.name,
                    aside.display()
                ));
                None
            }
            kept => kept,
        };
        if kept.is_none()
            && let Some(line) = fingerprint.and_then(|fingerprint| entry.adopt(&self.lost, fingerprint))
        {
            say!("{line}");
            told.push(line);
            kept = Sidecar::read(&entry.sidecar)?;
        }
        Ok((kept, (!told.is_empty()).then(|| told.join(" "))))
    }

    /// Marks an image as used, and closes the least recently used one.
    fn close_the_oldest(&self, used: &Arc<Entry>) {
        let mut open = lock(&self.open);
        open.retain(|entry| entry.id != used.id);
        open.push_back(Arc::clone(used));
        let mut left = open.len();
        while open.len() > MOST_OPEN && left > 0 {
            left -= 1;
            let Some(oldest) = open.pop_front() else { return };
            // One in use is closed later.
            let Ok(mut slot) = oldest.slot.try_lock() else {
                open.push_back(Arc::clone(&oldest));
                continue;
            };
            if let Slot::Open(document) = &*slot {
                *slot = match document.is_saved() {
                    true => Slot::Closed,
                    false => Slot::Kept(Box::new(document.sidecar(&oldest))),
                };
            }
        }
    }

    /// How many images are open.
    #[cfg(test)]
    pub(crate) fn open_images(&self) -> usize {
        let is_open = |entry: &&Arc<Entry>| matches!(&*lock(&entry.slot), Slot::Open(_));
        self.entries().iter().filter(is_open).count()
    }
}

/// Whether an image is open with the present settings. One that is in use is taken to be, so that requests get their turns in the
/// order in which they come.
fn is_open(entry: &Entry, generation: u64) -> bool {
    let Ok(slot) = entry.slot.try_lock() else { return true };
    matches!(&*slot, Slot::Open(document) if document.generation == generation)
}
