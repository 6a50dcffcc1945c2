//! Damaged configs and logs: an error, or what can be used.
#![allow(missing_docs)]
#![allow(clippy::expect_used, reason = "tests panic on failure")]

use std::path::Path;

use ikem_damage::{Sample, Trial};
use ikem_train::{LocatorTrainConfig, PartTrainConfig, TrainConfig, read_log};

const PIECES: [&str; 14] =
    ["{", "}", "[", "]", "[[", "\"", "=", ",", "\n", "nan", "inf", "-1", "1e999", "18446744073709551615"];

#[test]
fn damaged_configs() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../configs"));
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("configs").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let sample = |path: &std::path::PathBuf| {
        Sample::new(path.display().to_string(), std::fs::read(path).expect("read"))
    };
    let samples = paths.iter().map(sample).collect();
    let tried = Trial::new("configs", samples).with_pieces(&PIECES).run(|bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let locator = LocatorTrainConfig::parse(text).is_ok();
        TrainConfig::parse(text).is_ok() || locator
    });
    assert!(tried.accepted > tried.files / 20, "{tried:?}");
}

#[test]
fn damaged_logs() {
    let log = "epoch,train_first_loss,train_second_loss,validation_first_loss,validation_second_loss,\
               validation_first_mre,validation_second_mre\n1,0.5,0.4,0.3,0.2,60.5,40.25\n2,0.5,0.4,0.3,0.2,NaN,1e3\n";
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log.csv");
    let trial = Trial { files: 2_000, ..Trial::new("log", vec![Sample::new("log", log)]) };
    let tried = trial.with_pieces(&PIECES).run(|bytes| {
        std::fs::write(&path, bytes).expect("written");
        read_log(&path).is_ok_and(|rows| {
            assert!(rows.len() <= bytes.len());
            true
        })
    });
    assert!(tried.accepted > tried.files / 50, "{tried:?}");
}
