//! Films that take the names of others, and films that get other names.

use std::path::Path;

use ikem_data::{Phantom, PhantomConfig, write_gray_png};
use serde_json::{Value, json};

use super::client::{get, post};
use super::{Site, parts};
use crate::server::keeping::Keeping;
use crate::server::sources::files;

/// Writes the phantom of a seed. All have the same size.
pub(super) fn draw(path: &Path, seed: u64) {
    let config = PhantomConfig { height: [256, 256], aspect: [2.0, 2.0], ..PhantomConfig::default() };
    let phantom = Phantom::generate(&config, seed).expect("a phantom");
    write_gray_png(path, &phantom.image).expect("a file");
}

/// A server on all films of a folder, whose sidecars are beside them.
fn site(folder: &Path) -> Site {
    let mut parts = parts(&folder.join("kept"), 0);
    parts.images = files(&[folder.to_owned()], &Keeping::Beside).expect("films").0;
    Site::start(parts, None)
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
        shows_no_work(site.port);
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

    // Both films come back under other names, and so does the work on them, before they are opened.
    draw(&folder.path().join("a.png"), 1);
    std::fs::rename(&film, folder.path().join("b.png")).expect("another name");
    let site = site(folder.path());
    let place = get(site.port, "/api/workplace").good();
    assert_eq!(place["progress"]["in_work"], 2);
    let note = place["notes"][0].as_str().expect("a note").to_owned();
    assert!(
        note.starts_with("2 films were renamed") && note.contains("a.png is the film that was called"),
        "{note}"
    );
    let all = get(site.port, "/api/export/coco.json").good();
    assert_eq!([0, 1].map(|place| all["images"][place]["file_name"].clone()), ["a.png", "b.png"]);
    for (id, x, name) in [(0, 20.0, "film.png.replaced-1.ikem.json"), (1, 30.0, "film.png.ikem.json")] {
        let state = get(site.port, &format!("/api/images/{id}")).good();
        assert_eq!((&state["hints"][0]["x"], &state["status"]), (&json!(x), &json!("in_work")));
        assert!(
            state["warning"].as_str().is_some_and(|told| told.contains("called film.png before")),
            "{state}"
        );
        assert_eq!(correct(site.port, id, 40)["save_error"], json!(null));
        assert!(!folder.path().join(name).exists(), "the work has one place");
    }
    assert!(folder.path().join("a.png.ikem.json").exists() && folder.path().join("b.png.ikem.json").exists());
}

/// The list, the study's table and the effort tell of no work on film 0.
fn shows_no_work(port: u16) {
    let place = get(port, "/api/workplace").good();
    let image = &place["images"][0];
    assert_eq!((&image["clicks"], &image["status"]), (&json!(0), &json!("untouched")));
    assert_eq!((&place["progress"]["untouched"], &place["progress"]["in_work"]), (&json!(1), &json!(0)));
    let table = get(port, "/api/export/study.json").good();
    assert_eq!((&table[0]["status"], &table[0]["network"]), (&json!("untouched"), &json!(null)));
    let effort = String::from_utf8(get(port, "/api/export/effort.csv").body).expect("text");
    assert_eq!(effort.lines().nth(1), Some("film.png,untouched,0,0.0"));
}

/// A film that is replaced by another of the same length, at the same time to the second, does not show the work on it; one that was
/// copied does, and is not read again at the next start.
#[test]
fn the_list_shows_the_work_of_the_same_film_only() {
    use std::time::{Duration, UNIX_EPOCH};

    let folder = tempfile::tempdir().expect("a folder");
    let film = folder.path().join("film.png");
    let set_time = |nanoseconds: u64| {
        let time = UNIX_EPOCH + Duration::from_nanos(nanoseconds);
        std::fs::File::options()
            .append(true)
            .open(&film)
            .expect("a film")
            .set_modified(time)
            .expect("a time");
    };
    let sidecar = || -> Value {
        let path = folder.path().join("film.png.ikem.json");
        serde_json::from_slice(&std::fs::read(path).expect("a sidecar")).expect("JSON")
    };
    draw(&film, 1);
    set_time(1_000_000_000_000_000_100);
    correct(site(folder.path()).port, 0, 20);
    let noted = sidecar();
    assert_eq!(
        (&noted["modified"], &noted["bytes"]),
        (&json!(1_000_000_000_000_000_100_u64), &json!(film.metadata().expect("a film").len()))
    );
    assert!(noted["digest"]["unsure"].is_number(), "{}", noted["digest"]);

    let first = std::fs::read(&film).expect("a film");
    let mut other = first.clone();
    // The time of the picture in its header is of no account; the fingerprint is.
    let last = other.len() - 1;
    other[last] ^= 1;
    std::fs::write(&film, &other).expect("another film");
    set_time(1_000_000_000_000_000_200);
    shows_no_work(site(folder.path()).port);
    assert_eq!(sidecar(), noted, "nothing is written for another film");

    std::fs::write(&film, &first).expect("the film");
    set_time(1_000_000_000_000_000_300);
    let list = get(site(folder.path()).port, "/api/images").good();
    assert_eq!((&list[0]["clicks"], &list[0]["status"]), (&json!(1), &json!("in_work")));
    let mut expected = noted;
    expected["modified"] = json!(1_000_000_000_000_000_300_u64);
    assert_eq!(sidecar(), expected, "the new time is noted, so that the film is not read again");
}

#[test]
fn only_one_copy_of_a_film_takes_up_its_work_and_none_while_the_film_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    draw(&path("film.png"), 1);
    correct(site(folder.path()).port, 0, 20);
    std::fs::copy(path("film.png"), path("copy.png")).expect("a copy");
    {
        // Alone, as if the film were not there.
        let mut parts = parts(&path("kept"), 0);
        parts.images = files(&[path("copy.png")], &Keeping::Beside).expect("a film").0;
        let site = Site::start(parts, None);
        let state = get(site.port, "/api/images/0").good();
        assert_eq!((&state["hints"], &state["warning"]), (&json!([]), &json!(null)));
    }
    std::fs::rename(path("film.png"), path("other.png")).expect("another name");
    let site = site(folder.path());
    let states = [0, 1].map(|id| get(site.port, &format!("/api/images/{id}")).good());
    assert_eq!(states[0]["name"], "copy.png");
    assert_eq!(states.each_ref().map(|state| state["hints"].as_array().map_or(0, Vec::len)), [1, 0]);
    assert!(states[0]["warning"].is_string() && states[1]["warning"].is_null());
    assert_eq!(correct(site.port, 1, 30)["save_error"], json!(null));
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

#[test]
fn with_an_output_folder_work_stays_with_its_film_until_that_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let start = |films: &[&str]| {
        let mut parts = parts(&path("kept"), 0);
        let films: Vec<_> = films.iter().map(|film| path(film)).collect();
        parts.images = files(&films, &Keeping::In(path("work"))).expect("films").0;
        Site::start(parts, None)
    };
    for name in ["one", "two"] {
        std::fs::create_dir(path(name)).expect("a folder");
    }
    draw(&path("one/film.png"), 1);
    correct(start(&["one"]).port, 0, 20);
    std::fs::copy(path("one/film.png"), path("two/copy.png")).expect("a copy");
    let hints = |site: &Site| get(site.port, "/api/images/0").good()["hints"].as_array().map_or(0, Vec::len);
    assert_eq!(hints(&start(&["two"])), 0, "the film is still there");
    std::fs::remove_file(path("one/film.png")).expect("gone");
    assert_eq!(hints(&start(&["two"])), 1);
}

#[test]
fn films_of_one_name_in_two_folders_are_exported_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let folders = ["one", "two"].map(|name| folder.path().join(name));
    for (folder, seed) in folders.iter().zip([1, 2]) {
        std::fs::create_dir(folder).expect("a folder");
        draw(&folder.join("film.png"), seed);
    }
    let mut parts = parts(&folder.path().join("kept"), 0);
    parts.images = files(&folders, &Keeping::Beside).expect("films").0;
    let site = Site::start(parts, None);
    (0..2).for_each(|id| drop(correct(site.port, id, 20)));
    let table = get(site.port, "/api/export/keypoints.csv");
    assert_eq!(table.status, 200);
    let text = String::from_utf8(table.body).expect("text");
    for name in ["one/film.png", "two/film.png"] {
        assert_eq!(text.lines().filter(|line| line.starts_with(name)).count(), 68, "{name}");
    }
    // The file of both brings each its own.
    let coco = get(site.port, "/api/export/coco.json").good();
    let back = post(site.port, "/api/images/1/import", &coco).good();
    assert_eq!((&back["name"], &back["hints"][0]["x"]), (&json!("two/film.png"), &json!(20.0)));
}
