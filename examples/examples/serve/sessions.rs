//! The sessions of all clients, within limits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ikem_core::{Size, Spacing, fnv1a};
use ikem_data::{PredictionRecord, Radiograph, decode_radiograph};
use ikem_examples::http::failure::Result;
use ikem_examples::http::security::Token;
use ikem_examples::http::{Failure, Kind, blocking};
use ikem_examples::{FrameChoice, lock, predictions_file};
use ikem_models::{Cancel, NoTurn, Predictor, Preview, Session, Turn, TurnLimits, TurnRequest, Turns};
use serde::Serialize;
use tokio::sync::Semaphore;

/// How many steps a session can be undone.
const UNDO_STEPS: usize = 16;
/// How many images are decoded at a time.
const DECODED_AT_ONCE: usize = 2;
/// The largest image, in pixels; one needs five bytes a pixel while it is decoded, and four as long as its session is open.
const PIXELS: usize = 50_000_000;

/// Limits of [`Sessions`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The most sessions at a time.
    pub sessions: usize,
    /// The most memory of all sessions together.
    pub bytes: usize,
    /// Sessions that are not used for so long are closed.
    pub idle: Duration,
    /// How long a request waits for its turn.
    pub patience: Duration,
}

/// The sessions of all clients.
#[derive(Debug)]
pub(crate) struct Sessions {
    predictor: Predictor,
    frame: FrameChoice,
    limits: Limits,
    /// Sessions take turns, by their number.
    pub turns: Turns<u64>,
    open: Mutex<BTreeMap<String, Arc<Entry>>>,
    numbers: AtomicU64,
    decoding: Semaphore,
}

/// An open session.
#[derive(Debug)]
pub(crate) struct Entry {
    number: u64,
    name: String,
    /// Tells the image file from others.
    pub fingerprint: String,
    spacing: Option<Spacing>,
    bytes: usize,
    used: Mutex<Instant>,
    /// `None` until the first prediction is made.
    session: Mutex<Option<Session>>,
}

/// What a session shows.
#[derive(Debug, Serialize)]
pub(crate) struct State {
    session: String,
    can_undo: bool,
    can_redo: bool,
    #[serde(flatten)]
    record: PredictionRecord,
}

/// What the service is.
#[derive(Debug, Serialize)]
pub(crate) struct About {
    version: &'static str,
    keypoints: Vec<String>,
    sessions: usize,
    most_sessions: usize,
    megabytes: usize,
    most_megabytes: usize,
    idle_seconds: u64,
    waiting: usize,
}

impl Sessions {
    /// No sessions yet.
    pub(crate) fn new(predictor: Predictor, frame: FrameChoice, limits: Limits) -> Self {
        // Each session may have a request that waits, and a few more.
        let waiting = TurnLimits { waiting: 2 * limits.sessions + 16, ..TurnLimits::default() };
        Self {
            predictor,
            frame,
            limits,
            turns: Turns::new(waiting),
            open: Mutex::default(),
            numbers: AtomicU64::new(0),
            decoding: Semaphore::new(DECODED_AT_ONCE),
        }
    }

    /// What the service is.
    pub(crate) fn about(&self) -> About {
        let (sessions, bytes) = {
            let open = lock(&self.open);
            (open.len(), open.values().map(|entry| entry.bytes).sum::<usize>())
        };
        About {
            version: env!("CARGO_PKG_VERSION"),
            keypoints: self.predictor.config().skeleton.names().to_vec(),
            sessions,
            most_sessions: self.limits.sessions,
            megabytes: bytes >> 20,
            most_megabytes: self.limits.bytes >> 20,
            idle_seconds: self.limits.idle.as_secs(),
            waiting: self.turns.waiting(),
        }
    }

    /// Closes sessions that are not used, for ever.
    pub(crate) async fn close_idle(self: Arc<Self>) {
        let often = (self.limits.idle / 4).clamp(Duration::from_millis(50), Duration::from_secs(30));
        loop {
            tokio::time::sleep(often).await;
            let idle = |entry: &Entry| lock(&entry.used).elapsed() >= self.limits.idle;
            lock(&self.open).retain(|_, entry| !idle(entry));
        }
    }

    /// Opens a session with an image file that is called `name`.
    pub(crate) async fn open(
        self: &Arc<Self>,
        name: String,
        file: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<State> {
        let (Radiograph { image, spacing, .. }, fingerprint) = {
            let _turn = self.decoding.acquire().await.map_err(|error| Kind::Failed.because(error))?;
            let name = name.clone();
            let limits = ikem_data::Limits { pixels: PIXELS, ..ikem_data::Limits::default() };
            let decode = move || {
                let film = decode_radiograph(&name, file.as_ref(), &limits)?;
                Ok((film, format!("{:016x}", fnv1a(file.as_ref()))))
            };
            blocking(decode).await?
        };
        let id = Token::new().map_err(|error| Kind::Failed.because(error))?.text().to_owned();
        let entry = self.reserve(&id, (name, fingerprint), spacing, image.size())?;
        // Given up again if the client goes away, or the prediction fails.
        let reserved = Reserved { sessions: self, id: &id, kept: false };
        let turn = self.turn(self.turns.lasting(entry.number)).await?;
        let (sessions, at, named) = (Arc::clone(self), Arc::clone(&entry), id.clone());
        let state = blocking(move || {
            let session =
                sessions.frame.session(&sessions.predictor.cancelled_by(turn.cancel()), &image, None);
            let session = session.map_err(|error| Kind::Failed.because(error))?;
            let mut held = lock(&at.session);
            at.state(&named, held.insert(session.with_undo_limit(UNDO_STEPS)))
        });
        let state = state.await?;
        reserved.keep();
        Ok(state)
    }

    /// A place for a session, if there is one.
    fn reserve(
        &self,
        id: &str,
        (name, fingerprint): (String, String),
        spacing: Option<Spacing>,
        film: Size,
    ) -> Result<Arc<Entry>> {
        let bytes = self.bytes_of(film);
        let mut open = lock(&self.open);
        if open.len() >= self.limits.sessions {
            let most = self.limits.sessions;
            return Err(
                Kind::Busy.because(format!("{most} sessions are open; close one, or try again later"))
            );
        }
        let held: usize = open.values().map(|entry| entry.bytes).sum();
        if held.saturating_add(bytes) > self.limits.bytes {
            let [held, bytes, most] = [held, bytes, self.limits.bytes].map(|bytes| bytes >> 20);
            return Err(Kind::Busy.because(format!(
                "the open sessions hold {held} MiB, and this one needs {bytes} MiB more; expected at most {most} MiB"
            )));
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (used, session) = (Mutex::new(Instant::now()), Mutex::default());
        let entry = Arc::new(Entry { number, name, fingerprint, spacing, bytes, used, session });
        open.insert(id.to_owned(), Arc::clone(&entry));
        Ok(entry)
    }

    /// The memory that a session takes: its film, and three sets of maps, of the first, the present and the next prediction.
    fn bytes_of(&self, film: Size) -> usize {
        let config = self.predictor.config();
        // Maps have a quarter of the grid's resolution; the image's features take about as much.
        let maps = config.keypoints().saturating_mul(config.size.area() / 16).saturating_mul(4);
        film.area().saturating_mul(4).saturating_add(maps.saturating_mul(4))
    }

    /// Closes a session.
    pub(crate) fn close(&self, id: &str) -> Result<()> {
        let entry = self.entry(id)?;
        self.turns.supersede(&entry.number);
        lock(&self.open).remove(id);
        Ok(())
    }

    /// Does what needs no prediction.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        id: &str,
        change: impl FnOnce(&str, &Entry, &mut Session) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (entry, id) = (self.entry(id)?, id.to_owned());
        blocking(move || match &mut *lock(&entry.session) {
            Some(session) => change(&id, &entry, session),
            None => Err(not_open(&id)),
        })
        .await
    }

    /// As [`with`](Self::with), when it is the session's turn to predict. If the request is replaceable, a newer one supersedes it.
    pub(crate) async fn predict<T: Send + 'static>(
        &self,
        id: &str,
        replaceable: bool,
        change: impl FnOnce(&str, &Entry, &mut Session, &Cancel) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let number = self.entry(id)?.number;
        let request = match replaceable {
            true => self.turns.replaceable(number),
            false => self.turns.lasting(number),
        };
        let turn = self.turn(request).await?;
        self.with(id, move |id, entry, session| change(id, entry, session, turn.cancel())).await
    }

    async fn turn(&self, request: TurnRequest<u64>) -> Result<Turn<u64>> {
        let patience = self.limits.patience;
        let turn = tokio::time::timeout(patience, request).await;
        Ok(turn.unwrap_or(Err(NoTurn::TimedOut { patience }))?)
    }

    fn entry(&self, id: &str) -> Result<Arc<Entry>> {
        let entry = lock(&self.open).get(id).cloned().ok_or_else(|| not_open(id))?;
        *lock(&entry.used) = Instant::now();
        Ok(entry)
    }
}

fn not_open(id: &str) -> Failure {
    Kind::NotFound.because(format!("there is no session {id:?}; sessions that are not used are closed"))
}

impl Entry {
    /// What the session would show.
    pub(crate) fn preview(&self, session: &Session, preview: &Preview) -> Result<PredictionRecord> {
        let (names, size) = (session.predictor().config().skeleton.names(), session.image_size());
        let confidences = preview.prediction().confidences();
        let record = PredictionRecord::new(
            &self.name,
            size,
            names,
            &preview.keypoints(),
            confidences,
            preview.hints(),
        );
        Ok(record.map(|record| PredictionRecord { spacing: self.spacing, ..record })?)
    }

    /// What the session shows. The maps of earlier states, which take most of the memory, are let go.
    pub(crate) fn state(&self, id: &str, session: &mut Session) -> Result<State> {
        session.release_maps();
        *lock(&self.used) = Instant::now();
        let record = predictions_file(session, self.name.clone(), self.spacing);
        Ok(State {
            session: id.to_owned(),
            can_undo: session.can_undo(),
            can_redo: session.can_redo(),
            record: record.map_err(|error| Kind::Failed.because(error))?,
        })
    }
}

/// A place that is given up unless it is kept.
struct Reserved<'a> {
    sessions: &'a Sessions,
    id: &'a str,
    kept: bool,
}

impl Reserved<'_> {
    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if !self.kept {
            lock(&self.sessions.open).remove(self.id);
        }
    }
}
