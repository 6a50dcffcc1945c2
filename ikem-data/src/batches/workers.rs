use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::error::Error;

/// A source of batches, each determined by epoch and step.
pub(crate) trait Source: Clone + Send + 'static {
    /// The type of a batch.
    type Batch: Send + 'static;

    /// The number of batches per epoch.
    fn steps(&self) -> usize;

    /// The number of worker threads, and the number of batches to prepare ahead.
    fn ahead(&self) -> (usize, usize);

    /// Makes one batch on the calling thread.
    fn batch(&self, epoch: u64, step: usize) -> Result<Self::Batch, Error>;
}

/// The batches of one epoch, in order, prepared ahead by workers.
#[derive(Debug)]
pub(crate) struct Steps<S: Source> {
    source: S,
    epoch: u64,
    next: usize,
    workers: Option<Workers<S::Batch>>,
}

impl<S: Source> Steps<S> {
    /// The batches of `epoch` from `step` on.
    pub(crate) fn new(source: S, epoch: u64, step: usize) -> Self {
        let workers = (source.ahead().0 > 0).then(|| Workers::start(&source, epoch, step));
        Self { source, epoch, next: step, workers }
    }
}

impl<S: Source> Iterator for Steps<S> {
    type Item = Result<S::Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.next;
        if step >= self.source.steps() {
            return None;
        }
        self.next += 1;
        // If a worker stopped, its batch is made here.
        let made = self.workers.as_mut().and_then(|workers| workers.take(step));
        Some(made.unwrap_or_else(|| self.source.batch(self.epoch, step)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.source.steps().saturating_sub(self.next);
        (left, Some(left))
    }
}

/// A step with its batch; `None` if the worker panicked.
type Made<B> = (usize, Option<Result<B, Error>>);

/// Threads that prepare the batches of an epoch ahead of their use. Steps are handed out one by one, a limited number
/// ahead; batches arrive in any order and are returned in sequence.
#[derive(Debug)]
struct Workers<B> {
    steps: Option<Sender<usize>>,
    made: Option<Receiver<Made<B>>>,
    waiting: BTreeMap<usize, Option<Result<B, Error>>>,
    /// The steps not handed out yet.
    ahead: std::ops::Range<usize>,
    threads: Vec<JoinHandle<()>>,
}

impl<B: Send + 'static> Workers<B> {
    fn start(source: &impl Source<Batch = B>, epoch: u64, step: usize) -> Self {
        let (steps, queue) = channel::<usize>();
        let (done, made) = channel::<Made<B>>();
        let queue = Arc::new(Mutex::new(queue));
        let work = |_| {
            let (source, queue, done) = (source.clone(), Arc::clone(&queue), done.clone());
            let name = "batches".to_owned();
            thread::Builder::new().name(name).spawn(move || run(&source, epoch, &queue, &done)).ok()
        };
        let (count, ahead) = source.ahead();
        let threads = (0..count).filter_map(work).collect();
        let mut workers = Self {
            steps: Some(steps),
            made: Some(made),
            waiting: BTreeMap::new(),
            ahead: step..source.steps(),
            threads,
        };
        for _ in 0..ahead.max(1) {
            workers.hand_out();
        }
        workers
    }

    /// Waits for the batch of `step`; `None` if no worker will make it.
    fn take(&mut self, step: usize) -> Option<Result<B, Error>> {
        self.hand_out();
        while !self.waiting.contains_key(&step) {
            let (made, batch) = self.made.as_ref()?.recv().ok()?;
            self.waiting.insert(made, batch);
        }
        self.waiting.remove(&step).flatten()
    }

    fn hand_out(&mut self) {
        if let (Some(steps), Some(step)) = (&self.steps, self.ahead.next()) {
            // Fails only if all workers have stopped, which `take` notices.
            let _ = steps.send(step);
        }
    }
}

impl<B> Drop for Workers<B> {
    fn drop(&mut self) {
        // Workers finish their current batch and exit when the channels are closed.
        self.steps = None;
        self.made = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn run<S: Source>(source: &S, epoch: u64, queue: &Mutex<Receiver<usize>>, done: &Sender<Made<S::Batch>>) {
    loop {
        let step = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        let Ok(step) = step else { return };
        let mut promise = Promise { step, done, batch: None };
        promise.batch = Some(source.batch(epoch, step));
    }
}

/// Sends its batch when dropped, even if the worker panics, because `take` waits for it.
struct Promise<'a, B> {
    step: usize,
    done: &'a Sender<Made<B>>,
    batch: Option<Result<B, Error>>,
}

impl<B> Drop for Promise<'_, B> {
    fn drop(&mut self) {
        // Fails only if nobody waits any more.
        let _ = self.done.send((self.step, self.batch.take()));
    }
}
