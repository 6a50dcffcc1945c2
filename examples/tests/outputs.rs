//! Programs never write over what they read.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

mod built;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ikem_core::{Keypoints, Point, Size, Skeleton};
use ikem_data::{Manifest, ManifestEntry, Phantom, PhantomConfig, Subset, write_gray_png};
use tempfile::TempDir;

use built::{program, run, type_in};

/// All files below `folder` with what is in them.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => drop(found.insert(path.clone(), std::fs::read(path).expect("a file"))),
        }
    }
    found
}

/// The program refuses with an error that holds `expected`, and nothing in the folder changes.
#[track_caller]
fn refuses(folder: &Path, name: &str, arguments: &[&str], expected: &str) {
    let before = contents(folder);
    let output = run(folder, name, arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains(expected), "{name} {arguments:?}: {error}");
    assert!(contents(folder) == before, "{name} {arguments:?} changed the folder");
}

/// A film with its manifest, by links too; copies of it as weights and as a config.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let config = PhantomConfig { height: [256, 256], ..PhantomConfig::default() };
    let Phantom { image, keypoints, .. } = Phantom::generate(&config, 1).expect("a phantom");
    write_gray_png(at("film.png"), &image).expect("written");
    let skeleton = Skeleton::spine();
    let entry = |name: &str, size, keypoints: &Keypoints| {
        ManifestEntry::from_keypoints(name.to_owned(), keypoints, size, Subset::Val, &skeleton)
    };
    let film = entry("film.png", image.size(), &keypoints);
    Manifest { entries: vec![film.clone()] }.write(at("films.json")).expect("written");
    let other = entry("named.json", Size::new(9, 9), &(0..68).map(|_| Point::new(1.0, 1.0)).collect());
    Manifest { entries: vec![film, other] }.write(at("odd.json")).expect("written");
    std::fs::write(at("named.json"), b"an image by its place in a manifest").expect("written");
    for name in ["a.safetensors", "best.safetensors", "log.csv"] {
        std::fs::write(at(name), b"weights").expect("written");
    }
    #[cfg(unix)]
    for (name, link) in [("film.png", "link.png"), ("films.json", "link.json")] {
        std::os::unix::fs::symlink(name, at(link)).expect("a link");
        std::fs::hard_link(at(name), at(&format!("hard-{link}"))).expect("a link");
    }
    folder
}

#[test]
fn detect_leaves_the_film() {
    let folder = folder();
    let at = folder.path();
    for output in [
        "film.png",
        "./film.png",
        #[cfg(unix)]
        "link.png",
        #[cfg(unix)]
        "hard-link.png",
    ] {
        refuses(at, "detect", &["film.png", "--output", output], "would replace IMAGE film.png");
        refuses(at, "detect", &["film.png", "--overlay", output], "would replace IMAGE film.png");
        let heatmap = format!("T5-TL={output}");
        refuses(at, "detect", &["film.png", "--heatmap", &heatmap], "would replace IMAGE film.png");
        refuses(
            at,
            "detect",
            &["--match", "film.png", "--overlay", output],
            "would replace --match film.png",
        );
    }
    refuses(at, "detect", &["film.png", "--output", "new.png"], "expected a name that ends in .json");
    refuses(at, "detect", &["film.png", "--overlay", "new.jpg"], "expected a name that ends in .png");
    refuses(
        at,
        "detect",
        &["film.png", "--overlay", "a.png", "--heatmap", "0=a.png"],
        "the same file as --overlay",
    );
}

#[cfg(unix)]
#[test]
fn detect_writes_behind_links_and_into_streams() {
    let folder = folder();
    let at = folder.path();
    std::os::unix::fs::symlink("points.json", at.join("out.json")).expect("a link");
    let output = run(at, "detect", &["film.png", "--frame", "whole", "--output", "out.json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(std::fs::symlink_metadata(at.join("out.json")).expect("a link").is_symlink());
    let points = std::fs::read_to_string(at.join("points.json")).expect("written");

    // Into a pipe, and behind what was printed where standard output is a file.
    let streamed = run(at, "detect", &["film.png", "--frame", "whole", "--output", "/dev/stdout"]);
    let text = String::from_utf8(streamed.stdout).expect("text");
    assert!(text.contains("keypoint: x, y") && text.ends_with(&points), "{text}");
    let printed = std::fs::File::create(at.join("printed.txt")).expect("a file");
    let arguments = ["film.png", "--frame", "whole", "--output", "/dev/stdout"];
    let status = Command::new(program("detect"))
        .current_dir(at)
        .args(arguments)
        .stdout(printed)
        .status()
        .expect("an end");
    assert!(status.success());
    assert_eq!(std::fs::read_to_string(at.join("printed.txt")).expect("text"), text);

    if Path::new("/dev/full").exists() {
        let full = run(at, "detect", &["film.png", "--frame", "whole", "--output", "/dev/full"]);
        let error = String::from_utf8_lossy(&full.stderr).into_owned();
        assert!(!full.status.success() && error.contains("cannot write /dev/full"), "{error}");
    }
    let mut permissions = std::fs::metadata(at.join("points.json")).expect("a file").permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(at.join("points.json"), permissions).expect("set");
    refuses(at, "detect", &["film.png", "--frame", "whole", "--output", "out.json"], "read-only");
}

#[cfg(unix)]
#[test]
fn a_pipe_that_no_program_reads_is_refused() {
    let folder = folder();
    let at = folder.path();
    assert!(Command::new("mkfifo").arg(at.join("pipe")).status().expect("mkfifo").success());
    let output = run(at, "detect", &["film.png", "--frame", "whole", "--output", "pipe"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("no program reads this pipe"), "{error}");
}

#[test]
fn a_file_is_no_folder_for_the_pages_work() {
    let folder = folder();
    let before = contents(folder.path());
    let output = Command::new(built::interactive())
        .current_dir(folder.path())
        .args(["film.png", "--no-open", "--port", "0", "--output", "log.csv"])
        .output()
        .expect("an end");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = "--output log.csv: this is a file; expected a folder";
    assert!(!output.status.success() && error.contains(expected), "{error}");
    assert!(contents(folder.path()) == before);
}

#[test]
fn evaluate_leaves_its_manifest_and_its_films() {
    let folder = folder();
    let at = folder.path();
    refuses(
        at,
        "evaluate",
        &["--data", "films.json", "--output", "films.json"],
        "would replace --data films.json",
    );
    refuses(
        at,
        "evaluate",
        &["--data", "films.json", "--output", "film.png"],
        "expected a name that ends in .json",
    );
    #[cfg(unix)]
    refuses(at, "evaluate", &["--data", "films.json", "--output", "hard-link.json"], "would replace --data");
    let arguments = ["--data", "odd.json", "--output", "named.json"];
    refuses(at, "evaluate", &arguments, "would replace the labelled image");
    let arguments = ["--data", "films.json", "--subset", "log.csv", "--output", "log.json"];
    refuses(at, "evaluate", &arguments, "would replace --subset log.csv");
    refuses(
        at,
        "evaluate",
        &["--data", "films.json", "--angles-of-labels", "film.png"],
        "would replace the labelled",
    );
    refuses(
        at,
        "evaluate",
        &["--compare", "films.json", "--output", "films.json"],
        "would replace --compare",
    );
}

#[test]
fn preprocess_leaves_the_data_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let labels = at.join("labels/training");
    std::fs::create_dir_all(&labels).expect("a folder");
    std::fs::write(labels.join("landmarks.csv"), b"").expect("written");
    std::fs::write(at.join("split.json"), b"{}").expect("written");
    let landmarks = "labels/training/landmarks.csv";
    for arguments in [
        ["--output", landmarks].as_slice(),
        &["--output", "a.json", "--csv", landmarks],
        &["--output", "a.json", "--report", landmarks],
    ] {
        let all: Vec<&str> = ["--root", "."].iter().chain(arguments).copied().collect();
        refuses(at, "preprocess", &all, "would replace --root");
    }
    let arguments = ["--root", ".", "--split", "split.json", "--output", "split.json"];
    refuses(at, "preprocess", &arguments, "would replace --split split.json");
    refuses(at, "preprocess", &["--root", ".", "--output", "a.csv"], "expected a name that ends in .json");
}

#[test]
fn convert_name_films_and_train_leave_what_they_begin_with() {
    let folder = folder();
    let at = folder.path();
    refuses(at, "convert", &["a.safetensors", "./a.safetensors", "--half"], "would replace the checkpoint");
    refuses(
        at,
        "convert",
        &["b.pth", "a.safetensors", "--locator", "a.safetensors"],
        "would replace --locator",
    );
    refuses(at, "convert", &["a.safetensors", "a.pth"], "expected a name that ends in .safetensors");
    let arguments = ["a.safetensors", "b.safetensors", "--to", "onnx"];
    refuses(at, "convert", &arguments, "expected a name that ends in .onnx");

    let with = ["--spinal-ai", "none", "--with", "films.json"];
    let name_films = |output: &str, expected: &str| {
        let all: Vec<&str> = with.iter().copied().chain(["--output", output]).collect();
        refuses(at, "name_films", &all, expected);
    };
    name_films("films.json", "would replace --with films.json");
    name_films("named.png", "expected a name that ends in .json");

    std::fs::write(at.join("plain.toml"), "").expect("written");
    std::fs::write(at.join("c.toml"), "weights = { file = \"best.safetensors\" }").expect("written");
    let train = |arguments: &[&str], expected: &str| refuses(at, "train", arguments, expected);
    train(&["--config", "c.toml", "--phantoms", "2", "--output", "."], "would replace the config's weights");
    train(
        &["--config", "plain.toml", "--manifest", "log.csv", "--output", "."],
        "would replace --manifest log.csv",
    );
}

#[test]
fn phantom_draws_anew_what_it_drew_and_nothing_else() {
    let folder = folder();
    let at = folder.path();
    let draw = ["--count", "1", "--output", "drawn"];
    for _ in 0..2 {
        assert!(run(at, "phantom", &draw).status.success());
    }
    for other in ["films.json", "log.csv"] {
        std::fs::copy(at.join(other), at.join("drawn/manifest.json")).expect("copied");
        refuses(at, "phantom", &draw, "is no manifest of phantoms and would be replaced");
    }
}

#[test]
fn the_terminal_saves_over_no_film() {
    let folder = folder();
    let film = std::fs::read(folder.path().join("film.png")).expect("a film");
    let lines = "save ./film.png\nsave points.txt\nsave points.json\n";
    let text = type_in(folder.path(), &["film.png", "--frame", "whole"], lines);
    assert!(text.contains("save ./film.png would replace the image film.png"), "{text}");
    assert!(text.contains("save points.txt: expected a name that ends in .json or .png"), "{text}");
    assert!(text.contains("wrote points.json") && folder.path().join("points.json").is_file(), "{text}");
    assert_eq!(std::fs::read(folder.path().join("film.png")).expect("a film"), film);
}

#[test]
fn the_terminal_goes_through_the_films_of_a_folder_and_shows_angles() {
    let folder = tempfile::tempdir().expect("a folder");
    let films = folder.path().join("films");
    std::fs::create_dir_all(films.join("deeper")).expect("folders");
    let config = PhantomConfig { height: [512, 512], ..PhantomConfig::default() };
    for seed in [1, 2] {
        let Phantom { image, .. } = Phantom::generate(&config, seed).expect("a phantom");
        write_gray_png(films.join(format!("film-{seed}.png")), &image).expect("written");
    }
    let text = type_in(folder.path(), &["films", "--frame", "whole"], "previous\nnext\nangles\nnext\n");
    assert!(text.contains("1 left out: deeper is a folder"), "{text}");
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part:?} in {text}"));
    assert!(at("film 1 of 2: films/film-1.png") < at("this is the first film"));
    assert!(at("this is the first film") < at("film 2 of 2: films/film-2.png"));
    assert!(text.trim_end().ends_with("that was the last film"), "{text}");
    let told = text.matches("Cobb angles").count();
    assert!(told >= 4, "both films, the first twice, and once more when asked: {text}");
}

#[test]
fn a_page_that_cannot_be_served_leaves_no_folder_behind() {
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let before = contents(folder.path());
    let output = Command::new(built::interactive())
        .current_dir(folder.path())
        .args(["film.png", "--no-open", "--port", &port])
        .output()
        .expect("an end");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains(&port), "{error}");
    assert!(!folder.path().join("ikem-annotations").exists());
    assert!(contents(folder.path()) == before);
}
