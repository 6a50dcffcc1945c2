//! `evaluate --readers`, given files of keypoints.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

mod built;

use std::path::Path;

use ikem_core::{Hints, Keypoints, Point, Size, Skeleton};
use ikem_data::{PredictionRecord, Review, Verdict, write_csv_predictions};
use serde_json::{Value, json};

use built::run;

/// A film with a straight spine, `off` pixels to the right.
fn film(name: &str, off: f32) -> PredictionRecord {
    let spine = Skeleton::spine();
    let point = |k: usize| Point::new((k % 2) as f32 * 30.0 + 100.0 + off, (k / 2) as f32 * 12.0 + 10.0);
    let points: Keypoints = (0..spine.len()).map(point).collect();
    let confidences = vec![1.0; spine.len()];
    PredictionRecord::new(name, Size::new(300, 500), spine.names(), &points, &confidences, &Hints::new())
        .expect("a record")
}

fn rejected(name: &str) -> PredictionRecord {
    let review = Review { verdict: Verdict::Unusable("blurred".to_owned()), ..Review::default() };
    PredictionRecord { review: Some(review), ..film(name, 0.0) }
}

/// The report of two readers, or what the program said instead.
fn agreement(
    folder: &Path,
    first: &[PredictionRecord],
    second: &[PredictionRecord],
) -> Result<Value, String> {
    for (name, films) in [("ann.csv", first), ("bea.csv", second)] {
        write_csv_predictions(folder.join(name), films).expect("a table");
    }
    let output = run(folder, "evaluate", &["--readers", "ann.csv", "bea.csv", "--output", "agreement.json"]);
    if !output.status.success() {
        return Err(String::from_utf8(output.stderr).expect("text"));
    }
    let report = std::fs::read(folder.join("agreement.json")).expect("a report");
    Ok(serde_json::from_slice(&report).expect("JSON"))
}

#[test]
fn films_are_matched_by_name_and_all_others_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = [film("one/A.png", 0.0), film("b.png", 0.0), rejected("c.png"), film("d.png", 0.0)];
    let second = [film("a.png", 3.0), film("c.png", 0.0), film("d.png", 5.0), film("x/d.png", 5.0)];
    let report = agreement(folder.path(), &first, &second).expect("an agreement");
    assert_eq!(report["films"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["distance"], 3.0);
    assert_eq!(
        report["left_out"],
        json!([
            "b.png: only read by ann",
            "c.png: unusable for ann: blurred",
            "d.png: bea has 2 films of this name",
        ])
    );
    let table = std::fs::read_to_string(folder.path().join("agreement.md")).expect("a table");
    assert!(table.contains("# Agreement of ann and bea"), "{table}");
}

#[test]
fn readers_without_a_common_film_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = agreement(folder.path(), &[film("a.png", 0.0)], &[film("b.png", 0.0)]);
    let said = refused.expect_err("no common film");
    assert!(
        said.contains("no film was read by both: a.png: only read by ann; b.png: only read by bea"),
        "{said}"
    );
}
