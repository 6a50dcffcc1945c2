//! Films whose pixels are not square: angles of the patient, and millimetres in what is saved.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

mod built;
mod dicom_film;

use std::path::Path;

use ikem_core::{Keypoints, Point, Resampling, Size, Skeleton, Spacing, SpacingPlane, resample};
use ikem_data::{Manifest, ManifestEntry, Phantom, PhantomConfig, PredictionRecord, Subset};
use ikem_eval::{Script, challenge_angles};

use built::{run, type_in};
use dicom_film::dicom_film;

/// Half as many columns as rows for the same length, on the detector.
fn spacing() -> Spacing {
    Spacing::new(0.2, 0.1).expect("lengths").measured(SpacingPlane::Detector)
}

/// A phantom of half the columns as `film.dcm`, with its manifest `films.json`; and its labels with all columns.
fn narrow_film(folder: &Path) -> (Keypoints, Size) {
    let config = PhantomConfig { height: [800, 800], ..PhantomConfig::default() };
    let Phantom { image, keypoints, .. } = Phantom::generate(&config, 5).expect("a phantom");
    let size = Size::new(image.size().width / 2 / 2 * 2, image.size().height);
    let narrow = resample(&image, size, Resampling::Area).expect("a picture");
    let pixels: Vec<u8> = narrow.pixels().iter().map(|value| (value * 255.0).round() as u8).collect();
    std::fs::write(folder.join("film.dcm"), dicom_film(size, &pixels, (0x18, 0x1164), b"0.1\\0.2 "))
        .expect("written");
    let wide = Size::new(2 * size.width, size.height);
    let labels: Keypoints = keypoints.iter().map(|point| Point::new(0.5 * point.x, point.y)).collect();
    let entry =
        ManifestEntry::from_keypoints("film.dcm".into(), &labels, size, Subset::Val, &Skeleton::spine());
    Manifest { entries: vec![entry] }.write(folder.join("films.json")).expect("written");
    (keypoints, wide)
}

fn close(found: [f64; 3], expected: [f64; 3]) {
    let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(off < 0.1, "{found:?}, expected {expected:?}");
}

#[test]
fn detect_and_the_terminal_measure_the_patient_and_keep_the_millimetres() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    narrow_film(at);
    let output = run(at, "detect", &["film.dcm", "--frame", "whole", "--output", "detected.json"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told =
        "Pixel spacing: 0.2 mm across, 0.1 mm down at the detector; lengths in the patient are smaller";
    assert!(text.contains(told), "{text}");
    let text = type_in(at, &["film.dcm", "--frame", "whole"], "T5-TL 90,200\nsave saved.json\n");
    assert!(text.contains(" mm  "), "moves in millimetres, too: {text}");
    for name in ["detected.json", "saved.json"] {
        let found = PredictionRecord::read(at.join(name)).expect("a prediction");
        assert_eq!(found.spacing, Some(spacing()), "{name}");
        let wide: Keypoints = found.points().iter().map(|point| Point::new(2.0 * point.x, point.y)).collect();
        let size = Size::new(2 * found.width, found.height);
        let expected = challenge_angles(&wide, size, Script::Matlab).expect("a spine").degrees;
        if found.doubt.is_none() {
            close(found.cobb.expect("angles"), expected);
        }
    }
}

#[test]
fn evaluate_measures_the_patient() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let (labels, size) = narrow_film(at);
    let expected = challenge_angles(&labels, size, Script::Matlab).expect("a spine").degrees;
    let told = ["--data", "films.json", "--angles-of-labels", "angles.csv"];
    for arguments in [told.to_vec(), [told.as_slice(), &["--spacing", "2,1"]].concat()] {
        let output = run(at, "evaluate", &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let table = std::fs::read_to_string(at.join("angles.csv")).expect("a table");
        let row = table.lines().find(|line| line.starts_with("film.dcm")).expect("a row");
        let angles: Vec<f64> = row.split(',').skip(1).map(|cell| cell.parse().expect("a number")).collect();
        close(angles.try_into().expect("three"), expected);
    }
    let arguments = ["--data", "films.json", "--clicks", "1", "--resamples", "10", "--output", "report.json"];
    let output = run(at, "evaluate", &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("in mm at the detector, where known"));
    let text = std::fs::read_to_string(at.join("report.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let case = &report["cases"][0];
    assert_eq!(case["spacing"], serde_json::json!({ "x": 0.2, "y": 0.1, "plane": "detector" }));
    let angles = [0, 1, 2].map(|angle| case["label_angles"]["matlab"][angle].as_f64().expect("an angle"));
    close(angles, expected);
    assert!(report["model"]["mre_millimetres"][0].is_number());
    let bad = run(at, "evaluate", &["--data", "films.json", "--spacing", "0,1"]);
    assert!(String::from_utf8_lossy(&bad.stderr).contains("millimetres above zero"));
}
