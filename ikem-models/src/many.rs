//! Many films at the rate of the machine.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use ikem_core::GrayImage;

use crate::error::{Error, Result};
use crate::prediction::Prediction;
use crate::predictor::Predictor;
use crate::threads::{threads, with_own_pool};

/// How many results may wait for an earlier one, for each thread.
const WAITING: usize = 4;

impl Predictor {
    /// Marks several films, as many at a time as there are cores. The predictions are those of
    /// [`predict`](Self::predict), in order, with their heatmaps (2 MB each for the bundled model;
    /// [`Prediction::without_maps`] lets go of them). [`for_each_film`] takes any number of films.
    ///
    /// # Errors
    /// When the device fails.
    pub fn predict_batch(&self, films: &[GrayImage]) -> Result<Vec<Prediction>> {
        let mut predictions = Vec::with_capacity(films.len());
        for_each_film(
            films,
            |film| self.predict(film),
            |prediction| {
                predictions.push(prediction?);
                Ok::<(), Error>(())
            },
        )?;
        Ok(predictions)
    }
}

/// Processes many films in parallel, one per core, which is faster than one film at a time on all cores. `work` loads and
/// marks a film on one of several threads; `done` receives the results on the calling thread, in the order of the films.
///
/// Memory is bounded: each core has one film and a few results that wait for an earlier one. Predictions inside `work` run
/// on its core alone and equal those made one by one.
///
/// ```
/// use ikem_core::{GrayImage, Size};
/// use ikem_models::{Error, Predictor, for_each_film};
/// # use ikem_models::{ModelConfig, NetworkConfig, UnetConfig};
/// # let network = NetworkConfig::Unet(UnetConfig { width: 2, gate_width: None, ..UnetConfig::default() });
/// # let config = ModelConfig { size: Size::new(64, 128), ..ModelConfig::new(network) };
/// # let predictor = Predictor::builder().untrained(&config, 0)?; // in place of:
/// # let _ = || -> Result<_, Error> {
/// let predictor = Predictor::load("model.safetensors")?;
/// # Ok(predictor) };
///
/// let mut counts = Vec::new();
/// for_each_film(
///     [0.25, 0.75],
///     |grey| {
///         let film = GrayImage::new(Size::new(30, 60), vec![grey; 30 * 60])?; // or `ikem_data::load_image`
///         Ok(predictor.predict(&film)?.without_maps())
///     },
///     |prediction: Result<_, Error>| {
///         counts.push(prediction?.keypoints().len());
///         Ok::<(), Error>(())
///     },
/// )?;
/// assert_eq!(counts, [68, 68]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// The first error of `done`, after which no other film is begun.
pub fn for_each_film<T, R: Send, E>(
    films: impl IntoIterator<Item = T, IntoIter: Send>,
    work: impl Fn(T) -> R + Sync,
    mut done: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let films = films.into_iter();
    let cores = threads();
    let workers = films.size_hint().1.map_or(cores, |films| films.clamp(1, cores));
    let state = State { films, next: 0, end: workers * WAITING, stopped: false };
    let queue = Queue { state: Mutex::new(state), more: Condvar::new() };
    let (send, results) = channel();
    let worker = |send: &Sender<_>| with_own_pool(cores / workers, || queue.work_off(&work, send));
    thread::scope(|scope| {
        let stop = Stop(&queue);
        for _ in 0..workers {
            let (send, worker) = (send.clone(), &worker);
            scope.spawn(move || worker(&send));
        }
        drop(send);
        let (mut early, mut next) = (BTreeMap::new(), 0);
        for (index, result) in results {
            early.insert(index, result);
            while let Some(result) = early.remove(&next) {
                next += 1;
                queue.allow_one_more();
                match result {
                    Ok(result) => done(result)?,
                    Err(panic) => resume_unwind(panic),
                }
            }
        }
        drop(stop);
        Ok(())
    })
}

/// The films that were not begun yet.
struct Queue<I> {
    state: Mutex<State<I>>,
    more: Condvar,
}

struct State<I> {
    films: I,
    /// The index of the next film.
    next: usize,
    /// The index of the first film that must wait.
    end: usize,
    /// Whether no other film is wanted.
    stopped: bool,
}

/// What became of the film at an index.
type Done<R> = (usize, Result<R, Box<dyn Any + Send>>);

impl<I: Iterator> Queue<I> {
    fn state(&self) -> MutexGuard<'_, State<I>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes films until there are none.
    fn work_off<R>(&self, work: impl Fn(I::Item) -> R, done: &Sender<Done<R>>) {
        while let Some((index, film)) = self.take() {
            // The caller waits for each result in turn, and gets the panic in its place.
            let result = catch_unwind(AssertUnwindSafe(|| work(film)));
            if done.send((index, result)).is_err() {
                return;
            }
        }
    }

    fn take(&self) -> Option<(usize, I::Item)> {
        let waits = |state: &mut State<I>| state.next >= state.end && !state.stopped;
        let mut state = self.more.wait_while(self.state(), waits).unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            return None;
        }
        let (index, film) = (state.next, state.films.next()?);
        state.next += 1;
        Some((index, film))
    }

    fn allow_one_more(&self) {
        self.state().end += 1;
        self.more.notify_one();
    }
}

/// Wakes the workers that wait, when the caller is done or fails.
struct Stop<'a, I: Iterator>(&'a Queue<I>);

impl<I: Iterator> Drop for Stop<'_, I> {
    fn drop(&mut self) {
        self.0.state().stopped = true;
        self.0.more.notify_all();
    }
}
