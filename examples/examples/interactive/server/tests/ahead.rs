//! Films that are predicted before anybody opens them.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{get, post};
use super::films::draw;
use super::{Held, Site, parts};
use crate::server::keeping::Keeping;
use crate::server::sources::{Source, files};

/// Predicts all films, and waits for it.
fn predict_all(port: u16) {
    let begun = post(port, "/api/ahead", &json!({ "on": true })).good();
    assert!(begun["ahead"].is_object(), "{begun}");
    wait_until(|| get(port, "/api/status").good()["ahead"].is_null());
}

fn wait_until(done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it takes too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn sidecar(folder: &Path, id: usize) -> Option<Value> {
    let text = std::fs::read(folder.join(format!("{id}.ikem.json"))).ok()?;
    Some(serde_json::from_slice(&text).expect("JSON"))
}

#[test]
fn films_open_as_they_were_predicted_ahead() {
    let folder = tempfile::tempdir().expect("a folder");
    let expected = {
        // What they are when they are opened without it.
        let other = tempfile::tempdir().expect("a folder");
        let site = Site::of(other.path(), 5);
        [0, 1, 2, 3, 4].map(|id| get(site.port, &format!("/api/images/{id}")).good())
    };
    {
        let site = Site::of(folder.path(), 5);
        post(site.port, "/api/images/2/accept", &json!({ "accepted": true })).good();
        let before = sidecar(folder.path(), 2);
        predict_all(site.port);
        assert_eq!(sidecar(folder.path(), 2), before, "work is left alone");
        let list = get(site.port, "/api/images").good();
        for id in [0, 1, 3, 4] {
            assert_eq!((&list[id]["status"], &list[id]["clicks"]), (&json!("untouched"), &json!(0)));
            assert_eq!(list[id]["unsure"], json!(expected[id]["suspects"].as_array().expect("points").len()));
            assert_eq!(sidecar(folder.path(), id).expect("a sidecar")["ahead"]["network"], "first");
        }
        let all = get(site.port, "/api/export/coco.json").good();
        assert_eq!(all["images"].as_array().map(Vec::len), Some(1), "nothing was done to the others");
    }
    let site = Site::of(folder.path(), 5);
    let port = site.port;
    assert_eq!(get(port, "/api/status").good()["progress"]["untouched"], 4);
    for id in [0, 1, 3] {
        let state = get(port, &format!("/api/images/{id}")).good();
        for field in ["keypoints", "view", "angles", "suspects", "can_undo", "revision", "network"] {
            assert_eq!(state[field], expected[id][field], "{id}: {field}");
        }
    }
    let revised = post(port, "/api/images/1/revise", &json!({ "keypoint": 3, "x": 20, "y": 33 })).good();
    assert_eq!((&revised["save_error"], &revised["clicks"]), (&json!(null), &json!(1)));
    assert!(sidecar(folder.path(), 1).expect("a sidecar")["ahead"].is_null());
    // Another network predicts anew.
    post(port, "/api/model", &json!({ "id": 1 })).good();
    wait_until(|| get(port, "/api/status").good()["model"]["state"] == "ready");
    let state = get(port, "/api/images/3").good();
    assert_eq!((&state["network"], &state["network_differs"]), (&json!("second"), &json!(false)));
    assert_ne!(state["keypoints"], expected[3]["keypoints"]);
    predict_all(port);
    assert_eq!(sidecar(folder.path(), 4).expect("a sidecar")["ahead"]["network"], "second");
}

#[test]
fn it_can_be_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let held = Held::default();
    let mut parts = parts(folder.path(), 3);
    parts.images[1].source = Source::Slow(held.clone());
    let site = Site::start(parts, None);
    let port = site.port;
    post(port, "/api/ahead", &json!({ "on": true })).good();
    wait_until(|| get(port, "/api/status").good()["ahead"]["done"] == 1);
    assert_eq!(post(port, "/api/ahead", &json!({ "on": false })).good()["ahead"], json!(null));
    held.release();
    // The list is read to its end.
    wait_until(|| get(port, "/api/status").good()["progress"]["unread"] == 0);
    std::thread::sleep(Duration::from_millis(200));
    let found = [0, 1, 2].map(|id| sidecar(folder.path(), id).is_some());
    assert_eq!(found, [true, false, false]);
}

#[test]
fn another_film_of_the_same_name_is_not_shown_what_was_predicted() {
    let folder = tempfile::tempdir().expect("a folder");
    let film = folder.path().join("film.png");
    let start = || {
        let mut parts = parts(&folder.path().join("kept"), 0);
        parts.images = files(&[folder.path().to_owned()], &Keeping::Beside).expect("films").0;
        Site::start(parts, None)
    };
    draw(&film, 1);
    predict_all(start().port);
    draw(&film, 2);
    let site = start();
    assert_eq!(get(site.port, "/api/images").good()[0]["unsure"], json!(null));
    let state = get(site.port, "/api/images/0").good();
    assert_eq!((&state["warning"], &state["status"]), (&json!(null), &json!("untouched")));
    let revised = post(site.port, "/api/images/0/revise", &json!({ "keypoint": 3, "x": 20, "y": 33 })).good();
    assert_eq!(revised["save_error"], json!(null));
    // Nor does a renamed film count as work that was found again.
    let other = folder.path().join("other.png");
    draw(&other, 3);
    drop(site);
    predict_all(start().port);
    std::fs::rename(&other, folder.path().join("renamed.png")).expect("another name");
    let site = start();
    assert_eq!(get(site.port, "/api/workplace").good()["notes"], json!([]));
}

#[test]
fn a_film_that_cannot_be_read_does_not_end_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parts = parts(folder.path(), 3);
    parts.images[1].source = Source::File(folder.path().join("gone.png"));
    let site = Site::start(parts, None);
    predict_all(site.port);
    let found = [0, 1, 2].map(|id| sidecar(folder.path(), id).is_some());
    assert_eq!(found, [true, false, true]);
}
