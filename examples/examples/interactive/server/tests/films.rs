//! Films that take the names of others, and films that get other names.

use std::path::Path;

use ikem_data::{Phantom, PhantomConfig, write_gray_png};
use serde_json::{Value, json};

use super::client::{get, post};
use super::{Site, furniture};
use crate::server::sources::files;

/// Writes the phantom of a seed. All have the same size.
fn draw(path: &Path, seed: u64) {
    let config = PhantomConfig { height: [256, 256], aspect: [2.0, 2.0], ..PhantomConfig::default() };
    let phantom = Phantom::generate(&config, seed).expect("a phantom");
    write_gray_png(path, &phantom.image).expect("a file");
}

/// A server on all films of a folder, whose sidecars are beside them.
fn site(folder: &Path) -> Site {
    let mut furniture = furniture(&folder.join("kept"), 0);
    furniture.images = files(&[folder.to_owned()], None).expect("films").0;
    Site::start(furniture, None)
}

fn correct(port: u16, id: usize, x: u64) -> Value {
    post(port, &format!("/api/images/{id}/revise"), &json!({ "keypoint": 3, "x": x, "y": 33 })).good()
}

#[test]
fn another_film_of_the_same_name_and_size_does_not_get_the_corrections() {
    let folder = tempfile::tempdir().expect("a folder");
    let film = folder.path().join("film.png");
    draw(&film, 1);
    correct(site(folder.path()).port, 0, 20);
    let first = std::fs::read(folder.path().join("film.png.ikem.json")).expect("a sidecar");

    draw(&film, 2);
    {
        let site = site(folder.path());
        assert_eq!(get(site.port, "/api/workplace").good()["images"][0]["clicks"], 1, "not looked at yet");
        let all = get(site.port, "/api/export/coco.json");
        assert_eq!(all.good()["images"], json!([]), "a film that was not opened is not exported as another");
        assert!(all.header("X-Left-Out").is_some_and(|told| told.contains("another%20film")));
        let state = get(site.port, "/api/images/0").good();
        assert_eq!(
            (&state["hints"], &state["clicks"], &state["status"]),
            (&json!([]), &json!(0), &json!("untouched"))
        );
        let told = state["warning"].as_str().expect("a warning");
        assert!(told.contains("another film") && told.contains("film.png.replaced-1.ikem.json"), "{told}");
        let aside = folder.path().join("film.png.replaced-1.ikem.json");
        assert_eq!(std::fs::read(&aside).expect("the old sidecar"), first);
        assert!(correct(site.port, 0, 30)["warning"].is_null(), "it is told once");
    }

    // Both films come back under other names, and so does the work on them.
    draw(&folder.path().join("a.png"), 1);
    std::fs::rename(&film, folder.path().join("b.png")).expect("another name");
    let site = site(folder.path());
    for (id, x, name) in [(0, 20.0, "film.png.replaced-1.ikem.json"), (1, 30.0, "film.png.ikem.json")] {
        let state = get(site.port, &format!("/api/images/{id}")).good();
        assert_eq!((&state["hints"][0]["x"], &state["status"]), (&json!(x), &json!("in_work")));
        assert!(state["warning"].as_str().is_some_and(|told| told.contains(name)), "{}", state["warning"]);
        assert_eq!(state["save_error"], json!(null));
        assert!(folder.path().join(name).exists(), "what was taken up stays where it was");
    }
    assert!(folder.path().join("a.png.ikem.json").exists() && folder.path().join("b.png.ikem.json").exists());
}

#[test]
fn sidecars_without_a_fingerprint_still_open_and_get_one() {
    let folder = tempfile::tempdir().expect("a folder");
    draw(&folder.path().join("film.png"), 1);
    correct(site(folder.path()).port, 0, 20);
    let path = folder.path().join("film.png.ikem.json");
    let read = || -> Value { serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON") };
    let mut old = read();
    let fingerprint = old["fingerprint"].clone();
    assert!(fingerprint.as_str().is_some_and(|text| text.starts_with("sha256:") && text.len() == 39));
    for field in ["fingerprint", "revision"] {
        old.as_object_mut().expect("an object").remove(field);
    }
    std::fs::write(&path, old.to_string()).expect("an old sidecar");
    let site = site(folder.path());
    let state = get(site.port, "/api/images/0").good();
    assert_eq!((&state["hints"][0]["x"], &state["warning"]), (&json!(20.0), &json!(null)));
    assert_eq!(correct(site.port, 0, 21)["save_error"], json!(null));
    assert_eq!((&read()["fingerprint"], &read()["revision"]), (&fingerprint, &json!(1)));
}
