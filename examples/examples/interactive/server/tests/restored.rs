use serde_json::{Value, json};

use super::client::{get, post};
use super::{Site, parts};

/// A state without what another start may change.
fn lasting(mut state: Value) -> Value {
    state.as_object_mut().expect("a state").remove("revision");
    state
}

#[test]
fn another_start_goes_on_where_the_work_was_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let image = |what: &str| format!("/api/images/0{what}");
    let place = |keypoint: usize, x: f32| json!({ "keypoint": keypoint, "x": x, "y": 44.25, "seconds": 1.5 });
    let before = {
        let site = Site::of(folder.path(), 2);
        post(site.port, &image("/revise"), &place(20, 31.5)).good();
        post(site.port, &image("/shift"), &json!({ "by": 1 })).good();
        post(site.port, &image("/revise"), &place(4, 12.0)).good();
        post(site.port, &image("/reset"), &json!({})).good();
        post(site.port, &image("/undo"), &json!({})).good();
        get(site.port, &image("")).good()
    };
    assert_eq!(
        (&before["shift"], &before["clicks"], &before["seconds"]),
        (&json!(1), &json!(2), &json!(3.0))
    );
    assert_eq!(
        (&before["hints"][0]["name"], &before["hints"][1]["name"]),
        (&json!("T7-TL"), &json!("T2-TL"))
    );
    assert!(before["hints"][0]["moved"].is_number());

    let site = Site::of(folder.path(), 2);
    let list = get(site.port, "/api/workplace").good();
    assert_eq!((&list["images"][0]["status"], &list["progress"]["in_work"]), (&json!("in_work"), &json!(1)));
    assert_eq!(lasting(get(site.port, &image("")).good()), lasting(before.clone()));
    assert_eq!(post(site.port, &image("/redo"), &json!({})).good()["hints"], json!([]));
    (0..3).for_each(|_| drop(post(site.port, &image("/undo"), &json!({})).good()));
    let undone = post(site.port, &image("/undo"), &json!({})).good();
    assert_eq!(
        (&undone["can_undo"], &undone["hints"], &undone["shift"]),
        (&json!(false), &json!([]), &json!(0))
    );
    // Corrections go on from restored points.
    let again = post(site.port, &image("/revise"), &place(7, 8.0)).good();
    assert_eq!(again["keypoints"][7]["x"], 8.0);
}

#[test]
fn a_sidecar_that_cannot_be_used_is_told_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let site = Site::of(folder.path(), 1);
        post(site.port, "/api/images/0/accept", &json!({ "accepted": true })).good();
    }
    let path = folder.path().join("0.ikem.json");
    let good = std::fs::read_to_string(&path).expect("a sidecar");
    for (from, to, told) in [
        ("{", "[", "expected"),
        ("\"height\":256", "\"height\":257", "it belongs to an image of"),
        ("annotation-1", "annotation-9", "its format is"),
        ("T1-TL", "T1-XX", "its keypoints are not those of the network"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        std::fs::write(&path, &bad).expect("a file");
        let site = Site::of(folder.path(), 1);
        let answer = get(site.port, "/api/images/0");
        let error = answer.json()["error"].as_str().expect("a message").to_owned();
        assert!(answer.status == 409 && error.contains(told), "{error}");
        assert_eq!(post(site.port, "/api/images/0/reset", &json!({})).status, 409);
        assert_eq!(std::fs::read_to_string(&path).expect("the same file"), bad);
    }
}

#[test]
fn what_cannot_be_written_down_is_told_and_kept_in_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parts = parts(folder.path(), 8);
    parts.images[0].sidecar = folder.path().join("gone/0.ikem.json");
    let site = Site::start(parts, None);
    get(site.port, "/api/images/0").good();
    // A file stands where the sidecar's folder should.
    std::fs::write(folder.path().join("gone"), "a file").expect("a file");
    let placed = json!({ "keypoint": 3, "x": 20, "y": 33 });
    let state = post(site.port, "/api/images/0/revise", &placed).good();
    assert!(state["save_error"].as_str().is_some_and(|error| error.contains("0.ikem.json")), "{state}");
    for id in 1..8 {
        get(site.port, &format!("/api/images/{id}")).good();
    }
    assert_eq!(get(site.port, "/api/images/0").good()["hints"][0]["y"], 33.0);
}
