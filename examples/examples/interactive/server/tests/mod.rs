//! The server as a browser meets it: over TCP, with a tiny network of random weights and tiny phantoms.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod ahead;
mod assets;
#[path = "../../../../tests/http_client/mod.rs"]
mod client;
mod connected;
mod damaged;
#[path = "../../../../tests/dicom_film/mod.rs"]
mod dicom_film;
mod exports;
mod films;
mod framing;
mod killed;
mod marks;
mod opening;
mod previews;
mod random_calls;
mod restored;
mod revisions;
mod security;
mod settings;
mod study;
mod two_servers;
mod unsaved;
mod uploads;

use std::net::TcpListener as StdListener;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ikem_core::Size;
use ikem_data::PhantomConfig;
use ikem_models::{Device, ModelConfig, NetworkConfig, Precision, Predictor, UnetConfig};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::connections::Times;
use super::networks::{Networks, Origin};
use super::seats::Rules;
use super::security::{Access, Token};
use super::sources::{Listed, Source, UPLOAD_QUOTA};
use super::workplace::{PATIENCE, Workplace, WorkplaceParts};
use super::{bodies, connections, router};

/// A network that answers in a millisecond.
pub(super) fn tiny(seed: u64) -> Predictor {
    let network = UnetConfig { width: 2, gate_width: Some(4), ..UnetConfig::default() };
    let config = ModelConfig { size: Size::new(64, 96), ..ModelConfig::new(NetworkConfig::Unet(network)) };
    Predictor::builder().untrained(&config, seed).expect("a network")
}

/// A workplace of `count` tiny phantoms whose annotations are kept in `folder`.
pub(super) fn parts(folder: &Path, count: u64) -> WorkplaceParts {
    let config = PhantomConfig { height: [256, 256], ..PhantomConfig::default() };
    let image = |seed: u64| Listed {
        name: format!("<phantom> {seed}"),
        source: Source::Phantom(config.clone(), seed),
        sidecar: folder.join(format!("{seed}.ikem.json")),
    };
    let origins = vec![Origin::Given("first", tiny(1)), Origin::Given("second", tiny(2))];
    WorkplaceParts {
        networks: Networks::new(origins, Precision::Single, Device::Cpu),
        images: (0..count).map(image).collect(),
        matching: None,
        labels: None,
        notes: Vec::new(),
        kept_in: folder.to_owned(),
        patience: PATIENCE,
        reader: None,
        upload_quota: UPLOAD_QUOTA,
    }
}

/// A running server; it ends with its owner.
pub(super) struct Site {
    pub port: u16,
    pub workplace: Arc<Workplace>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    pub(super) fn of(folder: &Path, count: u64) -> Self {
        Self::start(parts(folder, count), None)
    }

    pub(super) fn start(parts: WorkplaceParts, token: Option<Token>) -> Self {
        Self::timed(parts, token, Times::default())
    }

    pub(super) fn timed(parts: WorkplaceParts, token: Option<Token>, times: Times) -> Self {
        // A slow film keeps the list from being read.
        let unread = parts.images.iter().any(|image| matches!(image.source, Source::Slow(_)));
        let listener = StdListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("an address").port();
        let (end, ended) = oneshot::channel();
        let (opened, workplace) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let workplace = Workplace::open(parts).expect("a workplace");
                let router = router(&workplace, None, Access::new("127.0.0.1", port, token, bodies));
                tokio::spawn(Arc::clone(&workplace).keep_saving(Duration::from_millis(50)));
                opened.send(workplace).expect("a receiver");
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::spawn(connections::serve(listener, router, Rules::default(), times));
                let _ = ended.await;
            });
        });
        let workplace: Arc<Workplace> = workplace.recv().expect("a workplace");
        while !unread && workplace.status().progress.unread > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        Self { port, workplace, end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a test holds back, and lets go.
#[derive(Debug, Clone, Default)]
pub(super) struct Held(Arc<(Mutex<bool>, Condvar)>);

impl Held {
    /// Waits until it is let go.
    pub(super) fn wait(&self) {
        let (released, changed) = &*self.0;
        let released = released.lock().expect("a lock");
        drop(changed.wait_while(released, |released| !*released).expect("a lock"));
    }

    /// Lets it go.
    pub(super) fn release(&self) {
        *self.0.0.lock().expect("a lock") = true;
        self.0.1.notify_all();
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
