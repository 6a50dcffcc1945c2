use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{get, post};
use super::{Site, parts};
use crate::server::sidecar::Sidecar;

#[test]
fn work_that_could_not_be_saved_is_saved_later_without_another_action() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parts = parts(folder.path(), 8);
    let sidecar = folder.path().join("gone/0.ikem.json");
    parts.images[0].sidecar.clone_from(&sidecar);
    let site = Site::start(parts, None);
    get(site.port, "/api/images/0").good();
    // A file stands where the sidecar's folder should.
    std::fs::write(folder.path().join("gone"), "a file").expect("a file");
    let placed = json!({ "keypoint": 3, "x": 20, "y": 33 });
    let state = post(site.port, "/api/images/0/revise", &placed).good();
    assert!(state["save_error"].is_string(), "{state}");
    let unsaved = site.workplace.save_all();
    assert!(unsaved.len() == 1 && unsaved[0].starts_with("<phantom> 0: cannot write"), "{unsaved:?}");
    // Closed, it is only in memory.
    for id in 1..8 {
        get(site.port, &format!("/api/images/{id}")).good();
    }
    assert_eq!(site.workplace.save_all().len(), 1);

    std::fs::remove_file(folder.path().join("gone")).expect("room");
    // Nobody does anything, and nobody asks.
    let begin = Instant::now();
    while !sidecar.exists() && begin.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(sidecar.exists(), "nothing is saved in the background");
    let saved = Sidecar::read(&sidecar).expect("a sidecar").expect("a sidecar");
    assert_eq!((saved.effort.clicks, saved.revision), (1, 1));
    assert_eq!(get(site.port, "/api/images/0").good()["save_error"], json!(null));
}

#[test]
fn lines_of_the_log_that_could_not_be_written_are_written_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parts = parts(&folder.path().join("films"), 1);
    parts.kept_in = folder.path().join("kept");
    std::fs::write(folder.path().join("kept"), "a file").expect("a file");
    let site = Site::start(parts, None);
    for x in [20, 21] {
        let placed = json!({ "keypoint": 3, "x": x, "y": 33 });
        let state = post(site.port, "/api/images/0/revise", &placed).good();
        assert!(
            state["save_error"].as_str().is_some_and(|error| error.contains("log of actions")),
            "{state}"
        );
    }
    assert!(site.workplace.save_all()[0].starts_with("the log of actions"));
    std::fs::remove_file(folder.path().join("kept")).expect("room");
    assert_eq!(site.workplace.save_all(), Vec::<String>::new());
    let log = std::fs::read_to_string(folder.path().join("kept/annotation-log.jsonl")).expect("a log");
    assert_eq!(log.lines().count(), 2, "{log}");
}
