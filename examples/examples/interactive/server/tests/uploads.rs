use std::path::{Path, PathBuf};

use ikem_core::Size;
use ikem_data::{Phantom, PhantomConfig, gray_png};
use serde_json::json;

use super::Site;
use super::client::{get, post, send, upload};
use super::dicom_film::dicom_film;
use crate::server::security::UPLOAD_LIMIT;

fn film() -> Vec<u8> {
    let config = PhantomConfig { height: [256, 256], ..PhantomConfig::default() };
    gray_png(&Phantom::generate(&config, 77).expect("a phantom").image).expect("a file")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn an_upload_is_kept_under_a_name_of_our_own_and_is_there_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let film = film();
    {
        let site = Site::of(&folder.path().join("kept"), 1);
        let first = upload(site.port, "..%2F..%2Fetc%2Fmy%20film%00.png", &film);
        assert_eq!((first.status, &first.json()["name"]), (201, &json!("my film.png")));
        let again = upload(site.port, "other.png", &film);
        assert_eq!((again.status, again.json()), (200, first.json()));
        let placed = json!({ "keypoint": 3, "x": 20, "y": 33 });
        post(site.port, "/api/images/1/revise", &placed).good();
    }
    let uploads = folder.path().join("kept/uploads");
    let own = |path: &PathBuf| path.starts_with(&uploads) || path.ends_with("kept/annotation-log.jsonl");
    let all = files(folder.path());
    assert!(all.len() == 4 && all.iter().all(own), "{all:?}");
    let site = Site::of(&folder.path().join("kept"), 1);
    let list = get(site.port, "/api/workplace").good();
    assert_eq!(
        (&list["images"][1]["name"], &list["images"][1]["clicks"]),
        (&json!("my film.png"), &json!(1))
    );
    assert_eq!(get(site.port, "/api/images/1").good()["hints"][0]["y"], 33.0);
}

#[test]
fn the_spacing_of_a_dicom_film_goes_into_its_exports_now_and_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let exported =
        |site: &Site| get(site.port, "/api/images/1/export/keypoints.json").good()["spacing"].clone();
    {
        let site = Site::of(folder.path(), 1);
        let pixels: Vec<u8> = (0..64 * 128).map(|i| (i * 37 % 251) as u8).collect();
        let film = dicom_film(Size::new(64, 128), &pixels, (0x28, 0x30), b"0.2\\0.1 ");
        assert_eq!(upload(site.port, "film.dcm", &film).status, 201);
        assert_eq!(exported(&site), json!({ "x": 0.1, "y": 0.2 }));
        let placed = json!({ "keypoint": 3, "x": 20, "y": 33 });
        post(site.port, "/api/images/1/revise", &placed).good();
        assert_eq!(get(site.port, "/api/images/0/export/keypoints.json").good()["spacing"], json!(null));
    }
    assert_eq!(exported(&Site::of(folder.path(), 1)), json!({ "x": 0.1, "y": 0.2 }));
}

#[test]
fn what_is_too_large_or_no_image_is_told_and_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let kind = |answer: &super::client::Answer| answer.json()["kind"].as_str().unwrap_or_default().to_owned();
    let large = upload(site.port, "a", &vec![0; UPLOAD_LIMIT + 1]);
    assert_eq!((large.status, kind(&large)), (413, "too_large".to_owned()));
    let headers = [("Content-Type", "application/json")];
    let body = vec![b' '; 70_000];
    assert_eq!(
        send(site.port, "POST", "/api/images/0/undo", &headers, &body).expect("an answer").status,
        413
    );
    // A header that promises 20 000 x 20 000 pixels.
    let mut bomb = film();
    bomb[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
    let mut cut = film();
    cut.truncate(cut.len() / 2);
    for (name, bytes) in [("bomb", bomb), ("cut", cut), ("empty", Vec::new()), ("text", b"hello".to_vec())] {
        // An empty body has no type to be wrong.
        let answer = upload(site.port, name, &bytes);
        assert_eq!((answer.status, kind(&answer)), (422, "invalid".to_owned()), "{name}");
    }
    assert_eq!(get(site.port, "/api/workplace").good()["images"].as_array().map(Vec::len), Some(1));
    assert!(files(folder.path()).is_empty());
}

#[test]
fn what_is_no_image_is_named_and_content_decides() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let answer = upload(site.port, "film.jpg", b"\0\0\0\x24ftypheic\0\0\0\0mif1");
    let error = answer.json()["error"].as_str().unwrap_or_default().to_owned();
    assert_eq!(answer.status, 422);
    assert!(
        error.starts_with("film.jpg is a HEIC photograph, which is not supported: convert it"),
        "{error}"
    );
    let taken = upload(site.port, "IM000001", &film());
    assert_eq!((taken.status, &taken.json()["name"]), (201, &json!("IM000001")));
    let kept = files(&folder.path().join("uploads"));
    assert!(kept.iter().any(|path| path.extension().is_some_and(|ending| ending == "png")), "{kept:?}");
}

#[test]
fn uploads_stay_within_a_quota() {
    let folder = tempfile::tempdir().expect("a folder");
    let film = film();
    let mut parts = super::parts(folder.path(), 1);
    parts.upload_quota = film.len() as u64 + 1000;
    let site = Site::start(parts, None);
    assert_eq!(upload(site.port, "a.png", &film).status, 201);
    assert_eq!(upload(site.port, "again.png", &film).status, 200, "it is there already");
    let config = PhantomConfig { height: [256, 256], ..PhantomConfig::default() };
    let other = gray_png(&Phantom::generate(&config, 78).expect("a phantom").image).expect("a file");
    let answer = upload(site.port, "b.png", &other);
    let told = answer.json()["error"].as_str().unwrap_or_default().to_owned();
    assert_eq!(answer.status, 413);
    assert!(
        told.contains(&format!("this file has {}", other.len())) && told.contains("expected at most"),
        "{told}"
    );
}

#[test]
fn a_damaged_list_of_names_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    upload(site.port, "a.png", &film()).good();
    let list = folder.path().join("uploads/names.json");
    std::fs::write(&list, b"{\"1234.png\": \"b").expect("a cut list");
    upload(site.port, "a.png", &film()).good();
    let kept = std::fs::read(folder.path().join("uploads/names.json.damaged-1")).expect("the old list");
    assert_eq!(kept, b"{\"1234.png\": \"b");
    assert!(std::fs::read_to_string(&list).expect("a list").contains("a.png"));
}
