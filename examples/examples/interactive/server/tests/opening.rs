use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{get, post};
use super::{Held, Site, parts};
use crate::server::sources::{Listed, Source};

#[test]
fn a_film_that_is_slow_to_open_does_not_hold_the_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parts = parts(folder.path(), 2);
    let held = Held::default();
    let sidecar = folder.path().join("slow.ikem.json");
    parts.images.push(Listed { name: "slow".to_owned(), source: Source::Slow(held.clone()), sidecar });
    let site = Site::start(parts, None);
    let port = site.port;
    let slow = std::thread::spawn(move || get(port, "/api/images/2"));
    // Let it begin.
    std::thread::sleep(Duration::from_millis(100));
    let placed = json!({ "keypoint": 3, "x": 20, "y": 33 });
    post(port, "/api/images/0/revise", &placed).good();
    get(port, "/api/images/1").good();
    assert!(!slow.is_finished(), "the slow film is still being read");
    held.release();
    assert_eq!(slow.join().expect("an answer").good()["name"], "slow");
}

#[test]
fn a_request_does_not_wait_for_the_network_for_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parts = parts(folder.path(), 1);
    parts.patience = Duration::from_millis(200);
    let site = Site::start(parts, None);
    get(site.port, "/api/images/0").good();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let network = runtime.block_on(site.workplace.networks.current()).expect("a network");
    let turn = network.turns.lasting(usize::MAX).wait(Duration::from_secs(60)).expect("a turn");
    let placed = json!({ "keypoint": 3, "x": 20, "y": 33 });
    let begin = Instant::now();
    let answer = post(site.port, "/api/images/0/revise", &placed);
    assert_eq!((answer.status, &answer.json()["kind"]), (503, &json!("busy")));
    assert!(begin.elapsed() < Duration::from_secs(20));
    drop(turn);
    assert_eq!(post(site.port, "/api/images/0/revise", &placed).good()["clicks"], 1);
}
