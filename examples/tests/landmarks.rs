//! The worked example of another anatomy, from images to corrections, and what the programs say of it.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

mod built;

use ikem_data::PredictionRecord;

use built::run;

#[test]
fn another_anatomy_is_learnt_and_has_no_angles() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), "landmarks", &["--output", "hips"]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    let error =
        printed.lines().find_map(|line| line.strip_prefix("mean error on new images: ")?.split(' ').next());
    let error: f64 = error.and_then(|text| text.parse().ok()).expect("an error");
    assert!(error < 8.0, "{printed}");

    // The bundled phantom is no pelvis, but marked as one.
    let output =
        run(folder.path(), "detect", &["--weights", "hips/best.safetensors", "--output", "hips.json"]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && printed.contains("left hip"), "{printed}");
    assert!(!printed.contains("Cobb") && !printed.contains("spine"), "{printed}");
    let record = PredictionRecord::read(folder.path().join("hips.json")).expect("a record");
    assert_eq!((record.keypoints.len(), record.cobb), (3, None));

    // A second run leaves the training alone.
    let weights = folder.path().join("hips/best.safetensors");
    let before = std::fs::read(&weights).expect("a checkpoint");
    let again = run(folder.path(), "landmarks", &["--output", "hips", "--epochs", "1"]);
    let error = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        !again.status.success() && error.contains("--output hips: there is a training already"),
        "{error}"
    );
    assert!(std::fs::read(&weights).expect("a checkpoint") == before);
    assert_eq!(record.keypoints[2].name, "top");
}
