//! Sessions behind locks, shared by the tasks of a thread pool.
#![allow(missing_docs)]
#![allow(clippy::expect_used, reason = "tests stop where something is wrong")]

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ikem_core::{GrayImage, Hint, Point, Size};
use ikem_models::{Checkpoint, Device, ModelConfig, Network, NetworkConfig, Predictor, Session, UnetConfig};
use rayon::prelude::*;

/// Longer than the work takes on the slowest machine.
const LIMIT: Duration = Duration::from_secs(120);

fn session() -> Session {
    let network = UnetConfig { width: 8, gate_width: Some(16), ..UnetConfig::default() };
    let size = Size::new(128, 256);
    let config = ModelConfig { size, ..ModelConfig::new(NetworkConfig::Unet(network)) };
    let tensors = Network::fresh(&config, 1, &Device::Cpu).expect("a network").parameters().state_dict();
    let predictor = Predictor::builder().build(Checkpoint::new(config, tensors)).expect("a predictor");
    let film = GrayImage::new(Size::new(90, 150), vec![0.5; 90 * 150]).expect("pixels");
    predictor.session(&film).expect("a session")
}

/// Whether `work` ends in time.
fn ends(work: impl FnOnce() + Send + 'static) -> bool {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        work();
        done.send(())
    });
    wait.recv_timeout(LIMIT).is_ok()
}

fn correct(session: &Mutex<Session>, keypoint: usize) {
    let hint = Hint::new(keypoint, Point::new(45.0, 75.0));
    session.lock().expect("no panic").revise(hint).expect("a prediction");
}

/// Corrects a session in tasks of the global pool, each of which locks it.
fn correct_in_parallel(session: &Mutex<Session>) {
    (0..32_usize).into_par_iter().for_each(|task| correct(session, task));
}

#[test]
fn tasks_of_a_pool_may_lock_a_session() {
    let session = Arc::new(Mutex::new(session()));
    let shared = Arc::clone(&session);
    let ended = ends(move || {
        thread::scope(|scope| {
            // A thread outside the pool holds the lock while it predicts, and all threads of the pool wait for the lock.
            scope.spawn(|| (32..64).for_each(|keypoint| correct(&shared, keypoint)));
            correct_in_parallel(&shared);
        });
    });
    assert!(ended, "no prediction ends");
    assert_eq!(session.lock().expect("no panic").hints().len(), 64);
}
