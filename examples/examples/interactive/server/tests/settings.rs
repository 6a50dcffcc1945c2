use std::time::Duration;

use serde_json::{Value, json};

use super::client::{get, post};
use super::{Site, parts, tiny};
use crate::server::networks::{Networks, Origin};
use crate::server::workplace::Matching;
use ikem_core::{GrayImage, Size};
use ikem_models::{Device, Precision};

fn state(port: u16, id: usize) -> Value {
    get(port, &format!("/api/images/{id}")).good()
}

#[test]
fn another_network_answers_for_untouched_images_and_waits_to_be_asked_for_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 2);
    let port = site.port;
    let placed = json!({ "keypoint": 3, "x": 20, "y": 33 });
    let touched = post(port, "/api/images/0/revise", &placed).good();
    let untouched = state(port, 1);
    assert_eq!(post(port, "/api/model", &json!({ "id": 7 })).status, 422);
    assert_eq!(post(port, "/api/model", &json!({ "id": 1 })).good()["model"]["id"], 1);
    assert_ne!(state(port, 1)["keypoints"], untouched["keypoints"]);
    assert_eq!(state(port, 0)["keypoints"], touched["keypoints"]);
    let asked = post(port, "/api/images/0/predict", &json!({})).good();
    assert_ne!(asked["keypoints"], touched["keypoints"]);
    assert_eq!(asked["hints"][0]["x"], 20.0);
    assert_eq!(post(port, "/api/images/0/undo", &json!({})).good()["keypoints"], touched["keypoints"]);
}

#[test]
fn a_network_that_cannot_be_loaded_is_told_and_another_can_be_chosen() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parts = parts(folder.path(), 1);
    let origins = vec![Origin::File(folder.path().join("none.safetensors")), Origin::Given("tiny", tiny(1))];
    parts.networks = Networks::new(origins, Precision::Single, Device::Cpu);
    let site = Site::start(parts, None);
    let answer = get(site.port, "/api/images/0");
    assert_eq!(answer.status, 409);
    assert!(answer.json()["error"].as_str().is_some_and(|error| error.contains("none.safetensors")));
    let model = get(site.port, "/api/status").good()["model"].clone();
    assert_eq!((&model["state"], model["error"].is_string()), (&json!("failed"), true));
    post(site.port, "/api/model", &json!({ "id": 1 })).good();
    state(site.port, 0);
    let skeleton = get(site.port, "/api/workplace").good()["skeleton"].clone();
    assert_eq!(skeleton["names"][67], "L5-BR");
}

#[test]
fn matching_changes_what_the_network_sees_and_can_be_switched_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parts = parts(folder.path(), 1);
    let dark: Vec<f32> = (0..400).map(|i| if i < 390 { 0.0 } else { 0.9 }).collect();
    let reference = GrayImage::new(Size::new(20, 20), dark).expect("an image");
    parts.matching = Some(Matching::new("dark.png".to_owned(), reference));
    let site = Site::start(parts, None);
    let matched = state(site.port, 0);
    let place = get(site.port, "/api/workplace").good();
    assert_eq!(place["matching"], json!({ "reference": "dark.png", "on": true }));
    assert_ne!(
        get(site.port, "/api/images/0/matched.png").body,
        get(site.port, "/api/images/0/image.png").body
    );
    post(site.port, "/api/matching", &json!({ "on": false })).good();
    let plain = state(site.port, 0);
    assert_ne!(plain["keypoints"], matched["keypoints"]);
    // Phantoms know where their points belong.
    let errors: Vec<f64> =
        plain["comparison"]["errors"].as_array().expect("errors").iter().filter_map(Value::as_f64).collect();
    let mre = plain["comparison"]["mre"].as_f64().expect("a mean");
    assert!((errors.iter().sum::<f64>() / 68.0 - mre).abs() < 1e-9);
    let without = Site::of(&folder.path().join("other"), 1);
    assert_eq!(post(without.port, "/api/matching", &json!({ "on": true })).status, 409);
    assert_eq!(get(without.port, "/api/images/0/matched.png").status, 404);
}

#[test]
fn time_is_summed_and_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    for seconds in [2.5, 1e9, -5.0] {
        post(site.port, "/api/images/0/time", &json!({ "seconds": seconds })).good();
    }
    let state = post(site.port, "/api/images/0/accept", &json!({ "accepted": true, "seconds": 1 })).good();
    assert_eq!((&state["seconds"], &state["status"]), (&json!(603.5), &json!("accepted")));
    std::thread::sleep(Duration::from_millis(1));
    let table = get(site.port, "/api/export/effort.csv");
    let text = String::from_utf8_lossy(&table.body).into_owned();
    assert_eq!(text.lines().nth(1), Some("<phantom> 0,accepted,0,603.5"));
}
