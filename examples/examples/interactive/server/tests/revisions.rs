use serde_json::{Value, json};

use super::Site;
use super::client::{Answer, get, post, send};

fn revise(port: u16, x: u64, seen: &str) -> Answer {
    let headers = [("Content-Type", "application/json"), ("If-Match", seen)];
    let body = json!({ "keypoint": 3, "x": x, "y": 33 }).to_string();
    send(port, "POST", "/api/images/0/revise", &headers, body.as_bytes()).expect("an answer")
}

#[test]
fn a_change_made_for_what_is_no_longer_shown_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let port = site.port;
    // Two tabs show the same film.
    let shown = get(port, "/api/images/0").good()["revision"].to_string();
    let first = revise(port, 20, &shown).good();
    let second = revise(port, 40, &shown);
    assert_eq!((second.status, &second.json()["kind"]), (409, &json!("stale")));
    let told = second.json()["error"].as_str().expect("a line").to_owned();
    assert!(told.contains("changed elsewhere") && told.contains("revision 1"), "{told}");
    let state = get(port, "/api/images/0").good();
    assert_eq!((&state["hints"][0]["x"], &state["revision"]), (&json!(20.0), &first["revision"]));
    for (action, body) in [
        ("remove", json!({ "keypoint": 3 })),
        ("undo", json!({})),
        ("redo", json!({})),
        ("reset", json!({})),
        ("predict", json!({})),
        ("shift", json!({ "by": 1 })),
        ("accept", json!({ "accepted": true })),
        ("view", json!({ "negative": true })),
        ("turn", json!({ "turns": 1 })),
        ("find", json!({})),
        ("whole", json!({})),
        ("mirror", json!({})),
        ("invert", json!({})),
    ] {
        let headers = [("Content-Type", "application/json"), ("If-Match", "\"0\"")];
        let path = format!("/api/images/0/{action}");
        let answer = send(port, "POST", &path, &headers, body.to_string().as_bytes()).expect("an answer");
        assert_eq!(answer.status, 409, "{action}");
    }
    let exported = get(port, "/api/images/0/export/keypoints.json").body;
    let headers = [("Content-Type", "application/json"), ("If-Match", "0")];
    let import = send(port, "POST", "/api/images/0/import", &headers, &exported).expect("an answer");
    assert_eq!(import.status, 409);
    assert_eq!(revise(port, 40, "x").status, 400);
    assert_eq!(revise(port, 40, &state["revision"].to_string()).good()["hints"][0]["x"], 40.0);
    // Scripts need not say what they saw.
    post(port, "/api/images/0/undo", &json!({})).good();
}

#[test]
fn revisions_go_on_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let revision = |state: &Value| state["revision"].as_u64().expect("a number");
    let before = revision(&revise(Site::of(folder.path(), 1).port, 20, "0").good());
    let site = Site::of(folder.path(), 1);
    assert_eq!(revision(&get(site.port, "/api/images/0").good()), before);
    assert_eq!(revise(site.port, 21, "0").status, 409);
}

#[test]
fn a_sidecar_that_another_program_wrote_meanwhile_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (Site::of(folder.path(), 1), Site::of(folder.path(), 1));
    revise(one.port, 20, "0").good();
    let state = revise(other.port, 40, "0").good();
    assert!(state["save_error"].as_str().is_some_and(|told| told.contains("by another program")), "{state}");
    let path = folder.path().join("0.ikem.json");
    let saved: Value = serde_json::from_slice(&std::fs::read(&path).expect("a sidecar")).expect("JSON");
    assert_eq!(saved["states"]["present"]["hints"][0]["point"]["x"], 20.0);
    assert_eq!(other.workplace.save_all().len(), 1);
    std::fs::rename(&path, folder.path().join("mine.ikem.json")).expect("moved away");
    assert_eq!(other.workplace.save_all(), Vec::<String>::new());
}
