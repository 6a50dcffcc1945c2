use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::{Batch, Loader};
use crate::Error;

/// A batch with its step; `None` where the worker stopped over it.
type Made = (usize, Option<Result<Batch, Error>>);

/// Threads that make the batches of an epoch ahead of their use. Steps are handed out one by one, only so many ahead,
/// and the batches, which come in any order, are given out in theirs.
#[derive(Debug)]
pub(super) struct Workers {
    steps: Option<Sender<usize>>,
    made: Option<Receiver<Made>>,
    waiting: BTreeMap<usize, Option<Result<Batch, Error>>>,
    /// The next step to hand out, and the first that is none.
    ahead: std::ops::Range<usize>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    pub(super) fn start(loader: &Loader, epoch: u64, step: usize) -> Self {
        let (steps, queue) = channel::<usize>();
        let (done, made) = channel::<Made>();
        let queue = Arc::new(Mutex::new(queue));
        let work = |_| {
            let (loader, queue, done) = (loader.clone(), Arc::clone(&queue), done.clone());
            let name = "batches".to_owned();
            thread::Builder::new().name(name).spawn(move || run(&loader, epoch, &queue, &done)).ok()
        };
        let threads = (0..loader.config().workers).filter_map(work).collect();
        let mut workers = Self {
            steps: Some(steps),
            made: Some(made),
            waiting: BTreeMap::new(),
            ahead: step..loader.steps(),
            threads,
        };
        for _ in 0..loader.config().prefetch.max(1) {
            workers.hand_out();
        }
        workers
    }

    /// The batch of `step`; `None` when no worker has made it or will.
    pub(super) fn take(&mut self, step: usize) -> Option<Result<Batch, Error>> {
        self.hand_out();
        while !self.waiting.contains_key(&step) {
            let (made, batch) = self.made.as_ref()?.recv().ok()?;
            self.waiting.insert(made, batch);
        }
        self.waiting.remove(&step).flatten()
    }

    fn hand_out(&mut self) {
        if let (Some(steps), Some(step)) = (&self.steps, self.ahead.next()) {
            // It fails only when all workers have stopped, which `take` then sees.
            let _ = steps.send(step);
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // With nobody to hand steps out or take batches the workers end after what they are making.
        self.steps = None;
        self.made = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn run(loader: &Loader, epoch: u64, queue: &Mutex<Receiver<usize>>, done: &Sender<Made>) {
    loop {
        let step = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        let Ok(step) = step else { return };
        let mut promise = Promise { step, done, batch: None };
        promise.batch = Some(loader.batch(epoch, step));
    }
}

/// A batch that somebody waits for: it is sent when this is dropped, be it because the worker panicked.
struct Promise<'a> {
    step: usize,
    done: &'a Sender<Made>,
    batch: Option<Result<Batch, Error>>,
}

impl Drop for Promise<'_> {
    fn drop(&mut self) {
        // It fails only when nobody waits any more.
        let _ = self.done.send((self.step, self.batch.take()));
    }
}
