//! All images that are open to the page, and how they are reached: by their number alone.

mod pictures;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ikem_core::{GrayImage, Heatmaps, Hint};
use ikem_data::{Manifest, match_histogram};
use ikem_models::UNSURE_BELOW;
use tokio::sync::Semaphore;

use super::action::Action;
use super::api::{ImageView, MatchingView, Preview, Progress, State, Status, StatusView, WorkplaceView};
use super::document::{Document, Opening};
use super::effort_log::EffortLog;
use super::entry::{Entry, Slot, lock};
use super::failure::{Kind, Result};
use super::networks::{Network, Networks};
use super::sidecar::{Effort, Sidecar};
use super::sources::{Listed, Loaded, MOST_IMAGES, Source, Uploads};

/// How many images are open at a time; each holds up to 65 predictions of 2 MB.
pub const MOST_OPEN: usize = 4;

/// The image whose grey values all others are given.
#[derive(Debug)]
pub struct Matching {
    name: String,
    reference: GrayImage,
    on: AtomicBool,
}

impl Matching {
    /// Matching to `reference`, switched on.
    pub const fn new(name: String, reference: GrayImage) -> Self {
        Self { name, reference, on: AtomicBool::new(true) }
    }
}

/// All images that are open to the page, the networks, and where what is done is kept.
#[derive(Debug)]
pub struct Workplace {
    /// The networks to choose from.
    pub networks: Arc<Networks>,
    entries: RwLock<Vec<Arc<Entry>>>,
    matching: Option<Matching>,
    labels: Option<Manifest>,
    notes: Vec<String>,
    /// Grows when something is set that predictions depend on.
    generation: AtomicU64,
    /// The open images, the one used last at the end.
    open: Mutex<VecDeque<Arc<Entry>>>,
    kept_in: PathBuf,
    uploads: Uploads,
    uploading: Semaphore,
    decoding: Semaphore,
    log: EffortLog,
}

/// What a workplace is made of.
#[derive(Debug)]
pub struct Furniture {
    /// The networks to choose from.
    pub networks: Networks,
    /// The images that were given.
    pub images: Vec<Listed>,
    /// The image whose grey values all others are given.
    pub matching: Option<Matching>,
    /// Where keypoints are known to be.
    pub labels: Option<Manifest>,
    /// What the person should know of what was given, a line each.
    pub notes: Vec<String>,
    /// The folder of uploads, the log, and what has no folder of its own.
    pub kept_in: PathBuf,
}

/// What was asked for, and the time that the network took, waiting for its turn included.
pub type Answered<T> = (T, Duration);

impl Workplace {
    /// A workplace whose first network is being loaded.
    pub fn open(furniture: Furniture) -> Result<Arc<Self>> {
        let Furniture { networks, images, matching, labels, notes, kept_in } = furniture;
        let uploads = Uploads::new(&kept_in);
        let listed = images.into_iter().chain(uploads.earlier());
        let entries = listed.enumerate().map(|(id, listed)| Arc::new(Entry::new(id, listed))).collect();
        let networks = Arc::new(networks);
        networks.choose(0)?;
        Ok(Arc::new(Self {
            networks,
            entries: RwLock::new(entries),
            matching,
            labels,
            notes,
            generation: AtomicU64::new(0),
            open: Mutex::default(),
            log: EffortLog::new(&kept_in),
            kept_in,
            uploads,
            uploading: Semaphore::new(1),
            decoding: Semaphore::new(2),
        }))
    }

    /// All there is to see.
    pub fn view(&self) -> WorkplaceView {
        let StatusView { model, progress } = self.status();
        WorkplaceView {
            version: env!("CARGO_PKG_VERSION"),
            model,
            models: self.networks.choices(),
            matching: self.matching.as_ref().map(|matching| MatchingView {
                reference: matching.name.clone(),
                on: matching.on.load(Ordering::Relaxed),
            }),
            labels: self.labels.is_some(),
            notes: self.notes.clone(),
            suspect_below: UNSURE_BELOW,
            skeleton: self.networks.skeleton().cloned(),
            images: self.entries().iter().map(|entry| self.image_view(entry)).collect(),
            progress,
            kept_in: self.kept_in.display().to_string(),
        }
    }

    /// What changes while one waits.
    pub fn status(&self) -> StatusView {
        let mut progress = Progress::default();
        for entry in self.entries() {
            progress.images += 1;
            match entry.effort().status {
                Status::Untouched => progress.untouched += 1,
                Status::InWork => progress.in_work += 1,
                Status::Accepted => progress.accepted += 1,
            }
        }
        StatusView { model: self.networks.view(), progress }
    }

    fn image_view(&self, entry: &Entry) -> ImageView {
        let Effort { status, clicks, seconds } = entry.effort();
        let compared = match &entry.source {
            Source::File(path) => self.labels.as_ref().is_some_and(|labels| labels.find(path).is_some()),
            Source::Bundled | Source::Phantom(..) => true,
        };
        ImageView { id: entry.id, name: entry.name.clone(), status, clicks, seconds, compared }
    }

    /// All images.
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The image of a number.
    pub fn entry(&self, id: usize) -> Result<Arc<Entry>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(id).cloned().ok_or_else(|| Kind::NotFound.because(format!("there is no image {id}")))
    }

    /// Takes another network for all that comes.
    pub fn choose_network(&self, id: usize) -> Result<StatusView> {
        self.networks.choose(id)?;
        self.generation.fetch_add(1, Ordering::SeqCst);
        Ok(self.status())
    }

    /// Gives images the reference's grey values from now on, or not.
    pub fn match_images(&self, on: bool) -> Result<StatusView> {
        let Some(matching) = &self.matching else {
            return Err(Kind::Conflict.because("there is no reference; start with --match REFERENCE"));
        };
        if matching.on.swap(on, Ordering::SeqCst) != on {
            self.generation.fetch_add(1, Ordering::SeqCst);
        }
        Ok(self.status())
    }

    /// Adds an image; whether it is new.
    pub async fn upload(
        self: &Arc<Self>,
        name: String,
        bytes: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<(ImageView, bool)> {
        let _turn = self.uploading.acquire().await.map_err(|error| Kind::Failed.because(error))?;
        let workplace = Arc::clone(self);
        blocking(move || {
            if workplace.entries().len() >= MOST_IMAGES {
                return Err(Kind::Conflict.because(format!("there are {MOST_IMAGES} images already")));
            }
            let listed = workplace.uploads.keep(&name, bytes.as_ref())?;
            let mut entries = workplace.entries.write().unwrap_or_else(PoisonError::into_inner);
            let held = entries.iter().find(|entry| entry.source == listed.source).cloned();
            let new = held.is_none();
            let entry = held.unwrap_or_else(|| {
                let entry = Arc::new(Entry::new(entries.len(), listed));
                entries.push(Arc::clone(&entry));
                entry
            });
            drop(entries);
            Ok((workplace.image_view(&entry), new))
        })
        .await
    }

    /// The image as it stands; opens it where that is still to do.
    pub async fn state(self: &Arc<Self>, id: usize) -> Result<State> {
        let entry = self.entry(id)?;
        let of = Arc::clone(&entry);
        Ok(self.with_document(&entry, false, move |document| Ok(document.state(&of))).await?.0)
    }

    /// Does something to an image. It is done even if nobody waits for the answer any more.
    pub async fn act(self: &Arc<Self>, id: usize, action: Action, seconds: f64) -> Result<Answered<State>> {
        let entry = self.entry(id)?;
        entry.overtake();
        let workplace = Arc::clone(self);
        let task = tokio::spawn(async move {
            let (of, place) = (Arc::clone(&entry), Arc::clone(&workplace));
            let asks = action.asks_the_network();
            let act = move |document: &mut Document| {
                let took = document.act(&of, &place.log, action, seconds)?;
                Ok((document.state(&of), took))
            };
            let ((state, took), waited) = workplace.with_document(&entry, asks, act).await?;
            Ok((state, took + waited))
        });
        task.await.map_err(|error| Kind::Failed.because(error))?
    }

    /// What would be shown if a point were put there, unless a newer request comes first.
    pub async fn preview(self: &Arc<Self>, id: usize, hint: Hint) -> Result<Answered<Preview>> {
        let entry = self.entry(id)?;
        let (number, of) = (entry.overtake(), Arc::clone(&entry));
        let preview = move |document: &mut Document| {
            if of.newest.load(Ordering::SeqCst) != number {
                return Ok((
                    Preview { overtaken: true, keypoints: Vec::new(), angles: None },
                    Duration::ZERO,
                ));
            }
            let begin = Instant::now();
            document.preview(hint).map(|preview| (preview, begin.elapsed()))
        };
        let ((preview, took), waited) = self.with_document(&entry, true, preview).await?;
        Ok((preview, took + waited))
    }

    /// The heatmap of one keypoint; empty where there is no such keypoint.
    pub async fn heatmap(self: &Arc<Self>, id: usize, keypoint: usize) -> Result<Heatmaps> {
        let entry = self.entry(id)?;
        Ok(self.with_document(&entry, false, move |document| document.heatmap(keypoint)).await?.0)
    }

    /// All that is known of an image, to be exported.
    pub async fn sidecar(self: &Arc<Self>, id: usize) -> Result<Sidecar> {
        let entry = self.entry(id)?;
        let of = Arc::clone(&entry);
        Ok(self.with_document(&entry, false, move |document| Ok(document.sidecar(&of))).await?.0)
    }

    /// The sidecars of all images that work was done on.
    pub async fn sidecars(self: &Arc<Self>) -> Result<Vec<Sidecar>> {
        let workplace = Arc::clone(self);
        blocking(move || {
            let mut found = Vec::new();
            for entry in workplace.entries() {
                match &*lock(&entry.slot) {
                    Slot::Open(document) if document.is_touched() => found.push(document.sidecar(&entry)),
                    Slot::Kept(sidecar) => found.push((**sidecar).clone()),
                    Slot::Closed => found.extend(Sidecar::read(&entry.sidecar)?),
                    Slot::Open(_) => {}
                }
            }
            Ok(found)
        })
        .await
    }

    /// Calls `use_it` with the open document of an image, on a thread that may wait. Returns also how long it waited for the
    /// network to be free and the image to be opened.
    ///
    /// Whoever asks the network, or opens an image, holds the network's gate first: one prediction at a time, in the order of
    /// the requests. The document's lock is never held while waiting for the gate.
    pub async fn with_document<T: Send + 'static>(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        asks_the_network: bool,
        use_it: impl FnOnce(&mut Document) -> Result<T> + Send + 'static,
    ) -> Result<Answered<T>> {
        let generation = self.generation.load(Ordering::SeqCst);
        let mut use_it = use_it;
        if !asks_the_network {
            let at = Arc::clone(entry);
            let tried = blocking(move || match &mut *lock(&at.slot) {
                Slot::Open(document) if document.generation == generation => Ok(Ok(use_it(document)?)),
                _ => Ok(Err(use_it)),
            });
            match tried.await? {
                Ok(answer) => return Ok((answer, Duration::ZERO)),
                Err(back) => use_it = back,
            }
        }
        let network = self.networks.current().await?;
        let begin = Instant::now();
        let gate = Arc::clone(&network.gate);
        let turn = gate.acquire_owned().await.map_err(|error| Kind::Failed.because(error))?;
        let (workplace, at) = (Arc::clone(self), Arc::clone(entry));
        let answer = blocking(move || {
            let _turn = turn;
            let mut slot = lock(&at.slot);
            workplace.open_in(&mut slot, &at, network, generation)?;
            let waited = begin.elapsed();
            match &mut *slot {
                Slot::Open(document) => Ok((use_it(document)?, waited)),
                _ => Err(Kind::Failed.because("the image is not open")),
            }
        });
        let answer = answer.await;
        self.close_the_oldest(entry);
        answer
    }

    /// Opens an image, or opens it anew when something was set meanwhile.
    fn open_in(&self, slot: &mut Slot, entry: &Entry, network: Arc<Network>, generation: u64) -> Result<()> {
        let kept = match slot {
            Slot::Open(document) if document.generation == generation => return Ok(()),
            Slot::Open(document) => document.is_touched().then(|| document.sidecar(entry)),
            Slot::Kept(sidecar) => Some((**sidecar).clone()),
            Slot::Closed => Sidecar::read(&entry.sidecar)?,
        };
        let Loaded { image, labels, spacing, note } = entry.source.load()?;
        let matching = self.matching.as_ref().filter(|matching| matching.on.load(Ordering::SeqCst));
        let matched = matching.map(|matching| match_histogram(&image, &matching.reference));
        let manifest = self.labels.as_ref();
        let labels = labels.or_else(|| entry.source.labels(manifest?, &image));
        let opening = Opening { image, matched, labels, spacing, note, kept, network, generation };
        *slot = Slot::Open(Box::new(Document::open(entry, opening)?));
        Ok(())
    }

    /// Notes that an image was used, and closes the one that was not for the longest time.
    fn close_the_oldest(&self, used: &Arc<Entry>) {
        let mut open = lock(&self.open);
        open.retain(|entry| entry.id != used.id);
        open.push_back(Arc::clone(used));
        let mut left = open.len();
        while open.len() > MOST_OPEN && left > 0 {
            left -= 1;
            let Some(oldest) = open.pop_front() else { return };
            // One that is in use is closed the next time.
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
    pub fn open_images(&self) -> usize {
        let is_open = |entry: &&Arc<Entry>| matches!(&*lock(&entry.slot), Slot::Open(_));
        self.entries().iter().filter(is_open).count()
    }
}

/// Runs what takes its time, or waits, where that holds up nobody.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Kind::Failed.because(error))?
}
