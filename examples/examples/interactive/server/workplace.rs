//! All images that are open to the page, and how they are reached: by their number alone.

mod ahead;
mod listing;
mod opening;
mod pictures;
pub(super) mod saving;
mod thumbnails;

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ikem_core::{GrayImage, Heatmaps, Hint};
use ikem_data::{Manifest, ManifestIndex};
pub(super) use ikem_examples::http::blocking;
use ikem_models::Cancel;
use tokio::sync::Semaphore;

use listing::{distinct, new_entry};
use opening::Ask;
use thumbnails::Thumbnails;

use super::action::Action;
use super::api::{ImageView, MatchingView, Preview, Progress, State, Status, StatusView, WorkplaceView};
use super::document::Document;
use super::effort_log::EffortLog;
use super::entry::{Entry, Shown, Slot, lock};
use super::failure::{Kind, Result};
use super::lost_work::LostWork;
use super::networks::Networks;
use super::routes::Caller;
use super::sidecar::{Effort, Owner, Sidecar};
use super::sources::{Listed, MOST_IMAGES, Uploads};

/// How many images are open at a time; each holds up to 65 predictions of 2 MB.
pub(super) const MOST_OPEN: usize = 4;

/// The image whose grey values all others are given.
#[derive(Debug)]
pub(super) struct Matching {
    name: String,
    reference: GrayImage,
    on: AtomicBool,
}

impl Matching {
    /// Matching to `reference`, switched on.
    pub(super) const fn new(name: String, reference: GrayImage) -> Self {
        Self { name, reference, on: AtomicBool::new(true) }
    }
}

/// All images that are open to the page, the networks, and where what is done is kept.
#[derive(Debug)]
pub(super) struct Workplace {
    /// The networks to choose from.
    pub networks: Arc<Networks>,
    entries: RwLock<Vec<Arc<Entry>>>,
    matching: Option<Matching>,
    labels: Option<Manifest>,
    labels_by_image: Option<ManifestIndex>,
    notes: Vec<String>,
    lost: LostWork,
    /// A line for each film that was renamed.
    adopted: Mutex<Vec<String>>,
    /// The longest time that a request waits for the network.
    patience: Duration,
    /// Grows when something is set that predictions depend on.
    generation: AtomicU64,
    /// The open images, the one used last at the end.
    open: Mutex<VecDeque<Arc<Entry>>>,
    kept_in: PathBuf,
    reader: Option<String>,
    uploads: Uploads,
    uploading: Semaphore,
    decoding: Semaphore,
    sketching: Semaphore,
    ahead: Mutex<ahead::Run>,
    thumbnails: Thumbnails,
    log: EffortLog,
}

/// What a workplace is made of.
#[derive(Debug)]
pub(super) struct WorkplaceParts {
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
    /// The longest time that a request waits for the network.
    pub patience: Duration,
    /// The person who reads the films, where that was given.
    pub reader: Option<String>,
    /// The quota of all uploads together, in bytes.
    pub upload_quota: u64,
}

/// The default time that a request waits for the network.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What was asked for, and the time that the network took, waiting for its turn included.
pub(super) type Answered<T> = (T, Duration);

impl Workplace {
    /// A workplace whose first network is being loaded.
    pub(super) fn open(parts: WorkplaceParts) -> Result<Arc<Self>> {
        let WorkplaceParts {
            networks,
            images,
            matching,
            labels,
            notes,
            kept_in,
            patience,
            reader,
            upload_quota,
        } = parts;
        let labels_by_image = labels.as_ref().map(ManifestIndex::new);
        let uploads = Uploads::new(&kept_in, upload_quota);
        let listed = images.into_iter().chain(uploads.earlier());
        let mut names = BTreeSet::new();
        let entry = |(id, mut listed): (usize, Listed)| {
            listed.name = distinct(listed.name, |name| !names.insert(name.to_owned()));
            Arc::new(new_entry(id, listed, labels_by_image.as_ref()))
        };
        let entries: Vec<Arc<Entry>> = listed.enumerate().map(entry).collect();
        let lost = LostWork::new(entries.iter().map(|entry| entry.sidecar.clone()).collect());
        let networks = Arc::new(networks);
        networks.choose(0)?;
        let workplace = Arc::new(Self {
            networks,
            entries: RwLock::new(entries),
            matching,
            labels,
            labels_by_image,
            notes,
            lost,
            adopted: Mutex::default(),
            patience,
            generation: AtomicU64::new(0),
            open: Mutex::default(),
            log: EffortLog::new(&kept_in),
            kept_in,
            reader,
            uploads,
            uploading: Semaphore::new(1),
            decoding: Semaphore::new(2),
            sketching: Semaphore::new(1),
            ahead: Mutex::default(),
            thumbnails: Thumbnails::default(),
        });
        let looking = Arc::clone(&workplace);
        tokio::task::spawn_blocking(move || looking.look_through());
        Ok(workplace)
    }

    /// All there is to see.
    pub(super) fn view(&self) -> WorkplaceView {
        let StatusView { model, progress, ahead } = self.status();
        WorkplaceView {
            version: env!("CARGO_PKG_VERSION"),
            model,
            models: self.networks.choices(),
            matching: self.matching.as_ref().map(|matching| MatchingView {
                reference: matching.name.clone(),
                on: matching.on.load(Ordering::Relaxed),
            }),
            labels: self.labels.is_some(),
            notes: self.notes.iter().cloned().chain(self.renamed()).collect(),
            skeleton: self.networks.skeleton().cloned(),
            images: self.images(),
            progress,
            ahead,
            kept_in: self.kept_in.display().to_string(),
            reader: self.reader.clone(),
        }
    }

    /// What changes while one waits.
    pub(super) fn status(&self) -> StatusView {
        let mut progress = Progress::default();
        for entry in self.entries() {
            progress.images += 1;
            if !entry.is_known() {
                progress.unread += 1;
                continue;
            }
            match entry.effort().status {
                Status::Untouched => progress.untouched += 1,
                Status::InWork => progress.in_work += 1,
                Status::Accepted => progress.accepted += 1,
                Status::Unusable => progress.unusable += 1,
            }
        }
        StatusView { model: self.networks.view(), progress, ahead: self.predicted_ahead() }
    }

    fn image_view(entry: &Entry) -> ImageView {
        let Shown { effort: Effort { status, clicks, seconds }, digest, .. } = entry.shown();
        ImageView {
            id: entry.id,
            name: entry.name.clone(),
            status: entry.is_known().then_some(status),
            clicks,
            seconds,
            compared: entry.is_compared(),
            degrees: digest.and_then(|digest| digest.degrees),
            unsure: digest.map(|digest| digest.unsure),
            doubtful: digest.is_some_and(|digest| digest.doubtful),
        }
    }

    /// The list of images.
    pub(super) fn images(&self) -> Vec<ImageView> {
        self.entries().iter().map(|entry| Self::image_view(entry)).collect()
    }

    /// All images.
    pub(super) fn entries(&self) -> Vec<Arc<Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The image of a number.
    pub(super) fn entry(&self, id: usize) -> Result<Arc<Entry>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(id).cloned().ok_or_else(|| Kind::NotFound.because(format!("there is no image {id}")))
    }

    /// Takes another network for all that comes.
    pub(super) fn choose_network(&self, id: usize) -> Result<StatusView> {
        self.networks.choose(id)?;
        self.generation.fetch_add(1, Ordering::SeqCst);
        Ok(self.status())
    }

    /// Gives images the reference's grey values from now on, or not.
    pub(super) fn match_images(&self, on: bool) -> Result<StatusView> {
        let Some(matching) = &self.matching else {
            return Err(Kind::Conflict.because("there is no reference; start with --match REFERENCE"));
        };
        if matching.on.swap(on, Ordering::SeqCst) != on {
            self.generation.fetch_add(1, Ordering::SeqCst);
        }
        Ok(self.status())
    }

    /// Adds an image; whether it is new.
    pub(super) async fn upload(
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
            let mut listed = workplace.uploads.keep(&name, bytes.as_ref())?;
            let mut entries = workplace.entries.write().unwrap_or_else(PoisonError::into_inner);
            let held = entries.iter().find(|entry| entry.source == listed.source).cloned();
            let new = held.is_none();
            let entry = held.unwrap_or_else(|| {
                let taken = |name: &str| entries.iter().any(|entry| entry.name == name);
                listed.name = distinct(listed.name.clone(), taken);
                let entry = Arc::new(new_entry(entries.len(), listed, workplace.labels_by_image.as_ref()));
                entries.push(Arc::clone(&entry));
                entry
            });
            drop(entries);
            workplace.look(&entry);
            Ok((Self::image_view(&entry), new))
        })
        .await
    }

    /// The image as it stands; opens it where that is still to do.
    pub(super) async fn state(self: &Arc<Self>, id: usize) -> Result<State> {
        let entry = self.entry(id)?;
        let of = Arc::clone(&entry);
        let state = move |document: &mut Document, _: &Cancel| Ok(document.state(&of));
        Ok(self.with_document(&entry, Ask::Nothing, state).await?.0)
    }

    /// Does something to an image, for which `seconds` were taken. It is done even if nobody waits for the answer any more.
    ///
    /// If the caller says which revision they saw, only if it is the image's: they would otherwise change what they have not seen.
    pub(super) async fn act(
        self: &Arc<Self>,
        id: usize,
        action: Action,
        seconds: f64,
        Caller { seen, annotator }: Caller,
    ) -> Result<Answered<State>> {
        let entry = self.entry(id)?;
        if let Some(network) = self.networks.ready() {
            network.turns.supersede(&entry.id);
        }
        let workplace = Arc::clone(self);
        let task = tokio::spawn(async move {
            let (of, place) = (Arc::clone(&entry), Arc::clone(&workplace));
            let ask = if action.asks_the_network() { Ask::Change } else { Ask::Nothing };
            let act = move |document: &mut Document, _: &Cancel| {
                let revision = of.revision();
                if let Some(seen) = seen
                    && seen != revision
                {
                    return Err(Kind::Stale.because(format!(
                        "{} was changed elsewhere: it is at revision {revision}, and this change was made for {seen}",
                        of.name
                    )));
                }
                let person = place.reader.as_deref().or(annotator.as_deref());
                let took = document.act(&of, &place.log, &action, (seconds, person))?;
                Ok((document.state(&of), took))
            };
            let ((state, took), waited) = workplace.with_document(&entry, ask, act).await?;
            Ok((state, took + waited))
        });
        task.await.map_err(|error| Kind::Failed.because(error))?
    }

    /// What would be shown if a point were put there, unless a newer request comes first.
    pub(super) async fn preview(self: &Arc<Self>, id: usize, hint: Hint) -> Result<Answered<Preview>> {
        let entry = self.entry(id)?;
        let preview = move |document: &mut Document, cancel: &Cancel| {
            let begin = Instant::now();
            document.preview(hint, cancel).map(|preview| (preview, begin.elapsed()))
        };
        match self.with_document(&entry, Ask::Preview, preview).await {
            Ok(((preview, took), waited)) => Ok((preview, took + waited)),
            Err(failure) if failure.is(Kind::Superseded) => {
                Ok((Preview { overtaken: true, keypoints: Vec::new(), angles: None }, Duration::ZERO))
            }
            Err(failure) => Err(failure),
        }
    }

    /// The heatmap of one keypoint; empty where there is no such keypoint.
    pub(super) async fn heatmap(self: &Arc<Self>, id: usize, keypoint: usize) -> Result<Heatmaps> {
        let entry = self.entry(id)?;
        Ok(self.with_document(&entry, Ask::Nothing, move |document, _| document.heatmap(keypoint)).await?.0)
    }

    /// All that is known of an image, to be exported.
    pub(super) async fn sidecar(self: &Arc<Self>, id: usize) -> Result<Sidecar> {
        let entry = self.entry(id)?;
        let of = Arc::clone(&entry);
        let sidecar = move |document: &mut Document, _: &Cancel| Ok(document.sidecar(&of));
        Ok(self.with_document(&entry, Ask::Nothing, sidecar).await?.0)
    }

    /// What `make` takes from the work on each image, which has no sidecar where nothing was done, and a line for each sidecar that is
    /// unusable. One sidecar at a time is in memory.
    pub(super) fn survey<T>(
        &self,
        make: impl Fn(&Entry, Option<&Sidecar>) -> Result<T>,
    ) -> Result<(Vec<T>, Vec<String>)> {
        let (mut made, mut left_out) = (Vec::new(), Vec::new());
        for entry in self.entries() {
            self.look(&entry);
            let held = match &*lock(&entry.slot) {
                Slot::Open(document) => Some(document.is_touched().then(|| document.sidecar(&entry))),
                Slot::Kept(sidecar) => Some(Some((**sidecar).clone())),
                Slot::Closed => None,
            };
            let sidecar = held.map_or_else(|| closed_work(&entry), Ok).unwrap_or_else(|failure| {
                left_out.push(failure.message().to_owned());
                None
            });
            made.push(make(&entry, sidecar.as_ref())?);
        }
        Ok((made, left_out))
    }
}

/// The work on an image that is not open.
fn closed_work(entry: &Entry) -> Result<Option<Sidecar>> {
    let Some(mut sidecar) = Sidecar::read(&entry.sidecar)? else { return Ok(None) };
    if sidecar.ahead.is_some() {
        // Nobody looked at what was predicted ahead.
        return Ok(None);
    }
    if sidecar.owner(&entry.source)? == Owner::Another {
        let (name, path) = (&entry.name, entry.sidecar.display());
        return Err(Kind::Conflict.because(format!("{path} is of another film than {name} is now")));
    }
    sidecar.image.clone_from(&entry.name);
    Ok(Some(sidecar))
}
