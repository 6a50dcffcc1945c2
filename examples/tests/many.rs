//! `detect` on several films at once.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

mod built;

use ikem_core::{GrayImage, Size};
use ikem_data::{Phantom, PhantomConfig, PredictionRecord, read_csv_predictions, write_gray_png};
use tempfile::TempDir;

use built::run;

/// Three phantoms, a film that ends early, and a file that is no film.
fn films() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let config = PhantomConfig { height: [256, 256], ..PhantomConfig::default() };
    for number in 0..3 {
        let Phantom { image, .. } = Phantom::generate(&config, number).expect("a phantom");
        write_gray_png(folder.path().join(format!("films/{number}.png")), &image).expect("written");
    }
    let whole = std::fs::read(folder.path().join("films/2.png")).expect("a film");
    std::fs::write(folder.path().join("films/broken.png"), &whole[..whole.len() / 2]).expect("written");
    std::fs::write(folder.path().join("films/notes.txt"), b"no film").expect("written");
    folder
}

#[test]
fn a_folder_is_marked_as_its_films_one_by_one() {
    let folder = films();
    let at = folder.path();
    let output = run(at, "detect", &["films", "--output", "out", "--overlay", "drawn"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && errors.contains("skipped: films/broken.png"), "{errors}");
    assert!(errors.contains("error: 1 of 4 films could not be marked and were skipped"), "{errors}");
    let mut names: Vec<_> = std::fs::read_dir(at.join("out"))
        .expect("a folder")
        .map(|f| f.expect("a file").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["0.json", "1.json", "2.json"]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(printed.lines().count(), 3, "{printed}");
    assert!(printed.starts_with("films/0.png: "), "{printed}");
    let alone = run(at, "detect", &["films/1.png", "--output", "1.json"]);
    assert!(alone.status.success());
    let [alone, together] =
        ["1.json", "out/1.json"].map(|name| PredictionRecord::read(at.join(name)).expect("a record"));
    assert_eq!(together, alone);
    assert!(at.join("drawn/2.png").is_file() && !at.join("drawn/broken.png").exists());
}

#[test]
fn several_films_go_into_one_table() {
    let folder = films();
    let at = folder.path();
    let output =
        run(at, "detect", &["films/2.png", "films/?.png", "--frame", "whole", "--output", "new/all.csv"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = read_csv_predictions(at.join("new/all.csv")).expect("a table");
    let images: Vec<&str> = table.iter().map(|record| record.image.as_str()).collect();
    assert_eq!(images, ["films/2.png", "films/0.png", "films/1.png"]);
    assert!(table.iter().all(|record| record.keypoints.len() == 68));
}

#[test]
fn films_without_a_row_in_the_table_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let size = Size::new(128, 256);
    let black = GrayImage::new(size, vec![0.0; size.area()]).expect("an image");
    write_gray_png(at.join("films/black.png"), &black).expect("written");
    std::fs::write(at.join("films/empty.png"), b"").expect("written");
    let output = run(at, "detect", &["films", "--output", "all.csv"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        errors.contains("all.csv: no rows for 1 films on which no spine was found: films/black.png"),
        "{errors}"
    );
    assert!(errors.contains("skipped: films/empty.png") && !output.status.success(), "{errors}");
}

#[test]
fn a_frame_beside_one_film_skips_that_film_alone() {
    let folder = films();
    let at = folder.path();
    std::fs::remove_file(at.join("films/broken.png")).expect("removed");
    let small = GrayImage::new(Size::new(20, 20), vec![0.5; 400]).expect("a film");
    write_gray_png(at.join("films/small.png"), &small).expect("written");
    let output = run(at, "detect", &["films", "--frame", "30,30,60,200", "--output", "all.csv"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && errors.contains("skipped: films/small.png: --frame: "), "{errors}");
    assert!(errors.contains("error: 1 of 4 films could not be marked and were skipped"), "{errors}");
    assert_eq!(read_csv_predictions(at.join("all.csv")).expect("a table").len(), 3);
}

#[test]
fn one_film_goes_into_a_table_too() {
    let folder = films();
    let at = folder.path();
    let output = run(at, "detect", &["films/1.png", "--frame", "whole", "--output", "one.csv"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = read_csv_predictions(at.join("one.csv")).expect("a table");
    assert_eq!((table.len(), table[0].image.as_str(), table[0].keypoints.len()), (1, "films/1.png", 68));
}

#[test]
fn overlays_among_films_are_no_films() {
    let folder = films();
    let at = folder.path();
    for (film, drawn) in [("0", "0-marked"), ("1", "heat")] {
        let picture = format!("films/{drawn}.png");
        let heatmap = format!("T5-TL={picture}");
        let option = if drawn == "heat" { ["--heatmap", heatmap.as_str()] } else { ["--overlay", &picture] };
        let film = format!("films/{film}.png");
        let output = run(at, "detect", &[&[film.as_str(), "--frame", "whole"][..], &option].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    std::fs::remove_file(at.join("films/broken.png")).expect("removed");
    for named in ["films", "films/*.png"] {
        let output = run(at, "detect", &[named, "--frame", "whole", "--output", "all.csv"]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        assert!(
            errors.contains("0-marked.png is an overlay, with keypoints drawn into it"),
            "{named}: {errors}"
        );
        let table = read_csv_predictions(at.join("all.csv")).expect("a table");
        let images: Vec<&str> = table.iter().map(|record| record.image.as_str()).collect();
        assert_eq!(images, ["films/0.png", "films/1.png", "films/2.png"], "{named}");
    }
    // Whoever names it means it.
    assert!(run(at, "detect", &["films/0-marked.png", "--frame", "whole"]).status.success());
}

#[test]
fn what_needs_one_film_is_refused_for_several() {
    let folder = films();
    let at = folder.path();
    std::fs::create_dir(at.join("other")).expect("a folder");
    std::fs::copy(at.join("films/0.png"), at.join("other/0.png")).expect("a copy");
    for (arguments, expected) in [
        (&["films", "--hint", "T5-TL:1,1"][..], "--hint: expected one IMAGE"),
        (&["films", "--heatmap", "T5-TL=a.png"], "--heatmap: expected one IMAGE"),
        (
            &["films", "--output", "films/notes.txt"],
            "this is a file; expected a folder or a table, FILE.csv,",
        ),
        (&["films", "--output", "new.json"], "this names a file; expected a folder or a table, FILE.csv,"),
        (&["films", "--overlay", "new.PNG"], "this names a file; expected a folder for several films"),
        (&["films", "--overlay", "films"], "would replace IMAGE films/0.png"),
        (&["films/0.png", "other/0.png", "--output", "out"], "is the same file as --output of films/0.png;"),
        (&["films/*.jpg"], "films/*.jpg: no film matches"),
    ] {
        let output = run(at, "detect", arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(expected), "{arguments:?}: {error}");
    }
    assert!(!at.join("out").exists());
}
