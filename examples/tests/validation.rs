//! The bundled model on the real validation radiographs, where `IKEM_AASCE` names the folder that holds them.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]
// Whoever runs the tests must learn which of them had nothing to run on.
#![allow(clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use ikem_core::{Frame, GrayImage, Keypoints, Point, Size};
use ikem_data::{Limits, ManifestEntry, Split, Splitting, Subset, load_image, read_aasce};
use ikem_eval::{GroundTruth, Protocol, Rule, model_errors, mre};
use ikem_models::{Checkpoint, Predictor, Session};

static PREDICTOR: LazyLock<Predictor> = LazyLock::new(|| Predictor::pretrained().expect("the bundled model"));

/// The bundled network as the reference decodes it: each heatmap by itself, and no corners refined.
static BY_ITSELF: LazyLock<Predictor> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ikem-models/weights/unet-ikem-w24.safetensors");
    let mut checkpoint = Checkpoint::read(path).expect("the bundled weights");
    assert!(checkpoint.config.column);
    checkpoint.config.column = false;
    checkpoint.refiner = None;
    Predictor::builder().build(checkpoint).expect("a predictor")
});

/// The validation entries and the folder their paths begin in; `None`, and a line that says so, without the data.
fn validation(test: &str) -> Option<(PathBuf, Vec<ManifestEntry>)> {
    let Some(folder) = std::env::var_os("IKEM_AASCE").map(PathBuf::from) else {
        eprintln!("{test}: skipped, IKEM_AASCE is not set");
        return None;
    };
    let split = Split::read(folder.join("split.json")).expect("the split");
    let root = folder.join("boostnet_labeldata");
    let mut entries = read_aasce(&root, &Splitting::Given(split)).expect("the labels").manifest.entries;
    entries.retain(|entry| entry.set == Subset::Val);
    assert_eq!(entries.len(), 64);
    Some((root, entries))
}

fn image(root: &std::path::Path, entry: &ManifestEntry) -> GrayImage {
    load_image(root.join(&entry.image_path), &Limits::default()).expect("the image")
}

/// The network sees all of a film, as PyTorch's does.
fn whole(film: &GrayImage) -> Session {
    BY_ITSELF.session_in(film, Frame::whole(film.size())).expect("a session")
}

/// The mean errors after each click of sessions that `begin` begins.
fn errors_by_click<const N: usize>(
    root: &std::path::Path,
    entries: &[ManifestEntry],
    begin: impl Fn(&GrayImage) -> Session,
) -> [f64; N] {
    let protocol = Protocol { clicks: N - 1, rule: Rule::WorstNew, ..Protocol::default() };
    let mut sums = [0.0; N];
    for entry in entries {
        let truth = GroundTruth::new(&entry.image_path, entry.size(), entry.keypoints()).expect("labels");
        let mut session = begin(&image(root, entry));
        let played = protocol.play(&mut session, &truth).expect("a game");
        for (sum, mre) in sums.iter_mut().zip(played.model_mre()) {
            *sum += mre;
        }
    }
    sums.map(|sum| sum / entries.len() as f64)
}

/// The reference: the same weights and rule by PyTorch and OpenCV.
#[test]
fn errors_by_click_are_the_references() {
    let Some((root, entries)) = validation("errors_by_click_are_the_references") else { return };
    let found: [f64; 11] = errors_by_click(&root, &entries, whole);
    for (clicks, expected) in [(0, 38.80), (1, 25.12), (2, 18.04), (5, 12.54), (10, 9.27)] {
        let found = found[clicks];
        assert!(
            (found - expected).abs() <= 0.5,
            "MRE after {clicks} clicks: {found:.2}, expected {expected}"
        );
    }
}

/// Finding the spine first, and then the corners of vertebrae, is no worse than earlier weights on the whole film, which is how
/// these films are cropped.
#[test]
fn frames_that_are_found_are_as_good_as_the_crops() {
    let Some((root, entries)) = validation("frames_that_are_found_are_as_good_as_the_crops") else { return };
    let begin = |film: &GrayImage| PREDICTOR.session(film).expect("a session");
    let found: [f64; 4] = errors_by_click(&root, &entries, begin);
    for (clicks, most) in [(0, 37.95), (1, 21.5), (3, 14.0)] {
        assert!(found[clicks] <= most, "MRE after {clicks} clicks: {:.2}, at most {most}", found[clicks]);
    }
}

/// Where thighs follow below L5, the spine is counted down from T1. Here the films go on below as their mirror image; the frames of
/// highest confidence alone, without the count, have 54.8 px on these films.
#[test]
fn films_that_go_on_below_are_counted_from_the_top() {
    let Some((root, entries)) = validation("films_that_go_on_below_are_counted_from_the_top") else { return };
    let errors = entries.iter().step_by(2).map(|entry| {
        let film = image(&root, entry);
        let Size { width, height } = film.size();
        let more = height * 3 / 10;
        let rows = (0..height).chain((height - 1 - more..height - 1).rev());
        let pixels = rows.flat_map(|row| film.pixels()[row * width..(row + 1) * width].to_vec());
        let longer = GrayImage::new(Size::new(width, height + more), pixels.collect()).expect("an image");
        mre(PREDICTOR.predict(&longer).expect("a prediction").keypoints(), &entry.keypoints())
    });
    let errors: Vec<f64> = errors.collect();
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    assert!(mean < 46.0, "{mean:.1} px");
}

/// A film that hangs upside down is marked as an upright one, or both are reported as films without a spine.
#[test]
fn upside_down_films_are_marked_as_upright_ones() {
    let Some((root, entries)) = validation("upside_down_films_are_marked_as_upright_ones") else { return };
    let (mut upright, mut turned) = (0.0, 0.0);
    for entry in &entries {
        let film = image(&root, entry);
        let pixels = film.pixels().iter().rev().copied().collect();
        let upside_down = GrayImage::new(film.size(), pixels).expect("an image");
        let [first, second] = [&film, &upside_down].map(|film| PREDICTOR.session(film).expect("a session"));
        assert_eq!(first.view().has_spine(), second.view().has_spine(), "{}", entry.image_path);
        if first.view().has_spine() {
            let Size { width, height } = film.size();
            let labels = entry.keypoints();
            let turn =
                |point: &Point| Point::new(width as f32 - 1.0 - point.x, height as f32 - 1.0 - point.y);
            let turned_labels: Keypoints = labels.iter().map(turn).collect();
            upright += mre(&first.keypoints(), &labels);
            turned += mre(&second.keypoints(), &turned_labels);
        }
    }
    assert!(turned <= 1.25 * upright, "{turned} px, {upright} px upright");
}

#[test]
fn points_are_the_references() {
    let Some((root, entries)) = validation("points_are_the_references") else { return };
    let json = include_str!("predictions.json");
    let reference: BTreeMap<String, Vec<[f32; 2]>> =
        serde_json::from_str(json).expect("the reference's points");
    assert_eq!(reference.len(), 6);
    for (path, points) in reference {
        let entry = entries.iter().find(|entry| entry.image_path == path).expect("a validation image");
        let expected: Keypoints = points.iter().map(|&[x, y]| Point::new(x, y)).collect();
        let session = whole(&image(&root, entry));
        let prediction = session.prediction();
        let mut distances: Vec<f32> = prediction.keypoints().distances(&expected).collect();
        distances.sort_by(f32::total_cmp);
        let median = (distances[33] + distances[34]) / 2.0;
        assert!(median < 0.5, "{path}: the median distance is {median} px");
    }
}

/// The first correct hint lowers the error of the *other* keypoints; the same prediction again, with a hint map of
/// zeros, does not.
#[test]
fn the_hint_matters() {
    let Some((root, entries)) = validation("the_hint_matters") else { return };
    let (mut before, mut with_hint, mut without) = (0.0, 0.0, 0.0);
    for entry in &entries {
        let size = entry.size();
        let labels = entry.keypoints();
        let mut session = whole(&image(&root, entry));
        let errors = model_errors(session.prediction().keypoints(), &labels, size, PREDICTOR.config().size);
        let worst = (0..errors.len()).max_by(|&a, &b| errors[a].total_cmp(&errors[b])).expect("keypoints");
        let hint = ikem_core::Hint::new(worst, labels[worst]);
        let others = |session: &Session| {
            let distances = session.prediction().keypoints().distances(&labels).enumerate();
            distances.filter(|(k, _)| *k != worst).map(|(_, d)| f64::from(d)).sum::<f64>() / 67.0
        };
        before += others(&session);
        let mut zeroed = session.clone();
        zeroed.revise_all([]).expect("a prediction");
        without += others(&zeroed);
        if hint.checked(68, size).is_ok() {
            session.revise(hint).expect("a revision");
        }
        with_hint += others(&session);
    }
    let n = entries.len() as f64;
    let [before, with_hint, without] = [before / n, with_hint / n, without / n];
    assert!(with_hint < 0.8 * before, "{before:.2} px before the hint, {with_hint:.2} after");
    assert!(without > 0.95 * before, "{before:.2} px before, {without:.2} with a hint map of zeros");
}
