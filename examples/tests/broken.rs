//! The programs that evaluate and train, given films of which some can't be used.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

mod built;

use std::path::Path;
use std::process::Output;

use ikem_core::{Size, Skeleton};
use ikem_data::{Manifest, ManifestEntry, Phantom, PhantomConfig, Subset, write_gray_png};
use serde_json::{Value, json};
use tempfile::TempDir;

const CONFIG: &str = r"
[model]
size = { width = 64, height = 64 }
[model.network.unet]
width = 1
gate_width = 2
[data]
batch_size = 2
[hints.strategy.pre-hint]
warm_up = 1
[schedule]
epochs = 1
";

/// Seven films and their labels as another program writes them: the image of the second ends early, one keypoint of the third is not seen,
/// the fourth is of another size than its labels, and the last has no labels.
fn films() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let config = PhantomConfig { height: [256, 256], ..PhantomConfig::default() };
    let mut entries = Vec::new();
    for number in 0..7 {
        let Phantom { image, keypoints, .. } = Phantom::generate(&config, number).expect("a phantom");
        let path = folder.path().join(format!("{number}.png"));
        write_gray_png(&path, &image).expect("an image");
        let Size { width, height } = image.size();
        let size = Size::new(width + usize::from(number == 3), height);
        let name = format!("{number}.png");
        entries.push(ManifestEntry::from_keypoints(
            name,
            &keypoints,
            size,
            Subset::Train,
            &Skeleton::spine(),
        ));
        if number == 1 {
            let bytes = std::fs::read(&path).expect("the image");
            std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
        }
    }
    let path = folder.path().join("coco.json");
    Manifest { entries }.write_coco(&path, &Skeleton::spine()).expect("labels");
    let mut file: Value = serde_json::from_slice(&std::fs::read(&path).expect("labels")).expect("JSON");
    for image in file["images"].as_array_mut().expect("images") {
        image.as_object_mut().expect("an image").remove("ikem");
    }
    file["annotations"][2]["keypoints"][5] = json!(0);
    file["annotations"].as_array_mut().expect("annotations").pop();
    std::fs::write(&path, file.to_string()).expect("written");
    std::fs::write(folder.path().join("tiny.toml"), CONFIG).expect("written");
    folder
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    built::run(folder, program, &[arguments, &["--threads", "1"]].concat())
}

/// What a program that must fail says.
fn refused(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a program that must not fail prints.
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn an_evaluation_names_all_broken_films_before_it_begins_or_leaves_them_out() {
    let folder = films();
    let arguments = ["--data", "coco.json", "--clicks", "1", "--resamples", "10", "--worst", "0"];
    let told = refused(&run(folder.path(), "evaluate", &arguments));
    assert!(told.contains("coco.json: 2 of its films can't be used:"), "{told}");
    for film in ["\n  1.png: ", "\n  3.png: 3.png: the image is"] {
        assert!(told.contains(film), "{film} is not in {told}");
    }
    let skipping = [&arguments[..], &["--skip-broken", "--output", "report.json"]].concat();
    let told = printed(&run(folder.path(), "evaluate", &skipping));
    assert!(told.contains("4 images, 1 clicks each") && told.contains("left out 3.png: "), "{told}");
    assert!(told.contains("coco.json: 1 keypoints of 1 films are not seen and do not count"), "{told}");
    assert!(told.contains("coco.json names no sets: all 6 images are used"), "{told}");
    let report = std::fs::read(folder.path().join("report.json")).expect("a report");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    assert_eq!(report["images"], 4);
    assert_eq!(report["provenance"]["left_out"].as_array().map(Vec::len), Some(2));
    assert_eq!(report["provenance"]["split"], "all: the file names no sets");
    let page = std::fs::read_to_string(folder.path().join("report.md")).expect("a page");
    assert!(page.contains("- left out: 2 images"), "{page}");
}

#[test]
fn angles_of_labels_leave_out_what_is_broken_if_asked() {
    let folder = films();
    let labels = folder.path().join("coco.json");
    let mut file: Value = serde_json::from_slice(&std::fs::read(&labels).expect("labels")).expect("JSON");
    file["annotations"][4]["keypoints"][0] = json!(1e9);
    std::fs::write(&labels, file.to_string()).expect("written");
    let arguments = ["--data", "coco.json", "--angles-of-labels", "angles.csv"];
    let told = refused(&run(folder.path(), "evaluate", &arguments));
    assert!(told.contains("\n  4.png: T1-TL is at (1000000000, "), "{told}");
    assert!(!folder.path().join("angles.csv").exists());
    let told = printed(&run(folder.path(), "evaluate", &[&arguments[..], &["--skip-broken"]].concat()));
    assert!(told.contains("left out 4.png: "), "{told}");
    let angles = std::fs::read_to_string(folder.path().join("angles.csv")).expect("a table");
    assert!(angles.contains("0.png") && !angles.contains("4.png"), "{angles}");
    // A film with a keypoint that is not seen has no angles.
    assert!(angles.lines().any(|line| line == "2.png,,,"), "{angles}");
}

#[test]
fn a_training_names_all_broken_films_before_it_begins_or_leaves_them_out() {
    let folder = films();
    let arguments = ["--config", "tiny.toml", "--manifest", "coco.json", "--output", "run"];
    let told = refused(&run(folder.path(), "train", &arguments));
    assert!(told.contains("coco.json: 2 of its films can't be used:"), "{told}");
    assert!(
        told.contains("\n  1.png: ")
            && told.contains("\n  3.png: 3.png: the image is")
            && told.contains("--skip-broken"),
        "{told}"
    );
    assert!(!folder.path().join("run").exists(), "nothing was begun");
    let told = printed(&run(folder.path(), "train", &[&arguments[..], &["--skip-broken"]].concat()));
    assert!(told.contains("left out 1.png: ") && told.contains("left out 3.png: "), "{told}");
    assert!(
        told.contains("names no sets: ") && told.contains("3 training and 1 validation images"),
        "{told}"
    );
    assert!(folder.path().join("run/best.safetensors").is_file());
}
