//! Plots of synthetic reports.

// `clippy.toml` exempts test functions only, not their helpers.
#![allow(clippy::expect_used)]

mod support;

use std::path::Path;

use ikem_core::{Hints, Point, Size, Skeleton};
use ikem_eval::{GroundTruth, Protocol, Provenance, Report, Settings, draw_comparison};
use support::{Shrinking, spine};

/// Spines of increasing curvature, predicted straighter and shifted.
fn report(images: usize, clicks: usize, off: f32, factor: f32) -> Report {
    let protocol = Protocol { clicks, ..Protocol::default() };
    let bent = |image: usize, part: f64| {
        spine(move |vertebra| part * (5 + 2 * image) as f64 * (vertebra as f64 / 3.0).sin())
    };
    let play = |image: usize| {
        let truth =
            GroundTruth::new(format!("{image}.png"), Size::new(600, 900), bent(image, 1.0)).expect("a truth");
        let shift = |(place, point): (usize, &Point)| {
            *point + Point::new(off * (1 + (place * 7 + image * 3) % 11) as f32, off * (place % 5) as f32)
        };
        let raw = bent(image, if off > 0.0 { 0.8 } else { 1.0 }).iter().enumerate().map(shift).collect();
        let mut reviser = Shrinking { labels: truth.keypoints.clone(), raw, hints: Hints::new(), factor };
        protocol.play(&mut reviser, &truth).expect("play")
    };
    let played: Vec<_> = (0..images).map(play).collect();
    let provenance = Provenance { name: format!("factor {factor}"), ..Provenance::default() };
    let skeleton = Skeleton::spine();
    Report::new(provenance, protocol, Settings::default(), &skeleton, &played).expect("a report")
}

fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("a drawing")
}

/// The fraction of pixels that are not white.
fn ink(path: &Path) -> f64 {
    let pixels = image::open(path).expect("an image").to_rgb8();
    pixels.pixels().filter(|pixel| pixel.0 != [255; 3]).count() as f64
        / f64::from(pixels.width() * pixels.height())
}

#[test]
fn every_plot_is_drawn_as_svg_and_png() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = report(12, 6, 3.0, 0.7).draw(folder.path()).expect("plots");
    let names =
        ["mre", "gain", "cumulative-error", "keypoint-errors", "bland-altman-first", "bland-altman-last"];
    let expected: Vec<_> = names
        .iter()
        .flat_map(|name| ["svg", "png"].map(|end| folder.path().join(format!("{name}.{end}"))))
        .collect();
    assert_eq!(files, expected);
    for name in names {
        let part = ink(&folder.path().join(format!("{name}.png")));
        assert!((0.01..0.7).contains(&part), "{name}: {part}");
    }
    let mre = text(folder.path(), "mre.svg");
    assert!(mre.contains("model revision") && mre.contains("manual revision"));
    // Two shaded intervals, seven states of each.
    assert_eq!((mre.matches("<polygon").count(), mre.matches("<circle").count()), (2, 14));
    let bones = text(folder.path(), "keypoint-errors.svg");
    assert!(["T1", "T12", "L5"].iter().all(|name| bones.contains(name)));
    // Twelve images, three angles, three in the legend.
    assert_eq!(text(folder.path(), "bland-altman-first.svg").matches("<circle").count(), 39);
    assert!(text(folder.path(), "cumulative-error.svg").contains("1 click\n"));
}

#[test]
fn several_reports_share_a_plot() {
    let folder = tempfile::tempdir().expect("a folder");
    let reports = [report(5, 4, 3.0, 0.7), report(5, 6, 3.0, 0.9)];
    draw_comparison(folder.path(), &reports).expect("plots");
    let mre = text(folder.path(), "mre.svg");
    assert!(mre.contains("factor 0.7, model revision") && mre.contains("factor 0.9, manual revision"));
    assert_eq!((mre.matches("<polygon").count(), mre.matches("<circle").count()), (4, 24));
}

#[test]
fn a_report_without_errors_can_be_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    // One image, no click, no error.
    report(1, 0, 0.0, 1.0).draw(folder.path()).expect("plots");
    assert!(ink(&folder.path().join("mre.png")) > 0.005);
    // A file is not a folder.
    assert!(report(1, 0, 0.0, 1.0).draw(&folder.path().join("mre.png")).is_err());
}
