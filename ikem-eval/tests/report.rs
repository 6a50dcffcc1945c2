//! Reports of synthetic images with figures computed by hand.

// `clippy.toml` exempts test functions only, not their helpers.
#![allow(clippy::expect_used)]

mod support;

use ikem_core::{Hints, Keypoints, Point, Size, Skeleton, Spacing, SpacingPlane};
use ikem_damage::{Sample, Trial};
use ikem_eval::{
    GroundTruth, Played, Protocol, Provenance, Report, Rule, Settings, Threshold, comparison_markdown,
    write_angles, write_comparison,
};
use support::{Shrinking, spine};

/// Two keypoints, displaced to the right by these pixels.
const OFF: [[f32; 2]; 5] = [[4.0, 2.0], [10.0, 30.0], [50.0, 10.0], [100.0, 60.0], [200.0, 180.0]];

fn protocol() -> Protocol {
    Protocol { clicks: 1, ..Protocol::default() }
}

fn settings() -> Settings {
    Settings { targets: vec![20.0, 90.0], sdr: vec![10.0], ..Settings::default() }
}

fn five(factor: f32, protocol: &Protocol) -> Vec<Played> {
    let labels: Keypoints = vec![Point::new(100.0, 100.0), Point::new(200.0, 200.0)].into();
    let play = |(number, off): (usize, &[f32; 2])| {
        let truth =
            GroundTruth::new(format!("{number}.png"), Size::new(512, 512), labels.clone()).expect("a truth");
        let truth = if number == 0 { truth.with_spacing(Spacing::new(0.5, 0.5)) } else { truth };
        let raw = labels.iter().zip(off).map(|(label, x)| *label + Point::new(*x, 0.0)).collect();
        let mut reviser = Shrinking { labels: labels.clone(), raw, hints: Hints::new(), factor };
        protocol.play(&mut reviser, &truth).expect("play")
    };
    OFF.iter().enumerate().map(play).collect()
}

fn report(factor: f32) -> Report {
    let provenance = Provenance { name: format!("shrinking by {factor}"), ..Provenance::default() };
    let played = five(factor, &protocol());
    Report::new(provenance, protocol(), settings(), &Skeleton::numbered(2), &played).expect("a report")
}

fn close(found: &[f64], expected: &[f64]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9)
}

#[test]
fn five_images_by_hand() {
    let figures = report(1.0).figures;
    let model = &figures.model;
    assert_eq!(figures.images, 5);
    // (3 + 20 + 30 + 80 + 190) / 5, then each without its larger error.
    assert!(close(&model.mre, &[64.6, 26.2]), "{:?}", model.mre);
    assert!(close(&model.mre_model_pixels, &[32.3, 13.1]));
    assert_eq!(model.median, [40.0, 1.0]);
    assert_eq!(model.sdr[&Threshold(10.0)], [0.4, 0.8]);
    assert_eq!(model.mre_uncorrected[0], Some(model.mre[0]));
    assert_eq!(model.mre_uncorrected[1], Some((2.0 + 10.0 + 10.0 + 60.0 + 180.0) / 5.0));
    assert_eq!(model.mre_millimetres, [Some(1.5), Some(0.5)]);
    assert_eq!(model.mre_shifted, [None, None]);
    assert_eq!((model.percentiles[0][0], model.percentiles[0][100]), (2.0, 200.0));
    // Around 64.6: 3794.56 + 1989.16 + 1197.16 + 237.16 + 15725.16 = 22943.2.
    assert!((model.mre_std[0] - (22943.2_f64 / 4.0).sqrt()).abs() < 1e-9);
    assert_eq!(figures.keypoints.first, [72.8, 56.4]);
    assert_eq!(figures.keypoints.last, [(10.0) / 5.0, (2.0 + 10.0 + 60.0 + 180.0) / 5.0]);
    assert_eq!(figures.model, figures.manual);
    assert_eq!((figures.gain, figures.gain_interval), (vec![0.0; 2], vec![Some([0.0, 0.0]); 2]));
    assert!(figures.cobb.is_none() && figures.shifts.is_empty());
}

#[test]
fn keypoints_that_are_not_seen_are_in_no_figure_and_never_corrected() {
    // A third keypoint, which is seen on no image; of the fourth, the first image alone has a label.
    let protocol = Protocol { clicks: 3, ..Protocol::default() };
    let played = |off_of_absent: f32, rule: Rule| -> Vec<Played> {
        let protocol = Protocol { rule, ..protocol };
        let play = |(number, off): (usize, &[f32; 2])| {
            let complete: Keypoints = [100.0, 200.0, 300.0, 400.0].map(|x| Point::new(x, x)).to_vec().into();
            let mut labels = complete.clone();
            labels[2] = Point::ABSENT;
            if number > 0 {
                labels[3] = Point::ABSENT;
            }
            let truth =
                GroundTruth::new(format!("{number}.png"), Size::new(512, 512), labels).expect("a truth");
            let off = [off[0], off[1], off_of_absent, if number > 0 { off_of_absent } else { 6.0 }];
            let raw = complete.iter().zip(off).map(|(label, x)| *label + Point::new(x, 0.0)).collect();
            let mut reviser = Shrinking { labels: complete, raw, hints: Hints::new(), factor: 1.0 };
            protocol.play(&mut reviser, &truth).expect("play")
        };
        OFF.iter().enumerate().map(play).collect()
    };
    let report = |played: &[Played]| {
        Report::new(Provenance::default(), protocol, settings(), &Skeleton::numbered(4), played)
            .expect("a report")
    };
    for rule in [Rule::WorstNew, Rule::Worst, Rule::Random, Rule::FirstWrong(0.5)] {
        let (near, far) = (played(1.0, rule), played(90.0, rule));
        for game in near.iter().chain(&far) {
            let corrected = game.model.iter().chain(&game.manual).filter_map(|step| step.click);
            assert!(corrected.clone().all(|hint| !game.truth.keypoints[hint.keypoint].is_absent()), "{rule}");
            assert!(corrected.count() > 0);
        }
        // What is predicted where nothing is seen changes no figure.
        let (near, far) = (report(&near).figures, report(&far).figures);
        assert_eq!(near.model, far.model, "{rule}");
        assert_eq!((near.manual, near.effort), (far.manual, far.effort), "{rule}");
    }
    let report = report(&played(90.0, Rule::WorstNew));
    let figures = &report.figures;
    // (4 + 2 + 6) / 3, and the means of two of the others: 20, 30, 80, 190.
    assert!((figures.model.mre[0] - 64.8).abs() < 1e-9, "{:?}", figures.model.mre);
    assert_eq!(figures.model.percentiles[0][100], 200.0);
    assert_eq!(figures.keypoints.first[..2], [72.8, 56.4]);
    assert!(figures.keypoints.first[2].is_nan(), "it is seen nowhere");
    assert_eq!((figures.keypoints.first[3], figures.keypoints.last[3]), (6.0, 0.0));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.json");
    report.write_json(&file).expect("written");
    let read = Report::read_json(&file).expect("read");
    assert!(read.figures.keypoints.first[2].is_nan());
    assert_eq!(read.figures.model, report.figures.model);
    // Labels need a keypoint that is seen.
    let nothing = Keypoints::from(vec![Point::ABSENT; 2]);
    assert!(GroundTruth::new("a", Size::new(9, 9), nothing).is_err());
}

#[test]
fn both_conventions_of_clicks_by_hand() {
    // At 20 px: 0, 0 (20 itself passes), 1, never, never. At 90 px: 0, 0, 0, 0, 1.
    let effort = report(1.0).figures.effort;
    let (twenty, ninety) = (Threshold(20.0), Threshold(90.0));
    assert_eq!((effort.fr[&twenty], effort.fr[&ninety]), (0.4, 0.0));
    assert_eq!((effort.noc[&twenty], effort.noc[&ninety]), (0.6, 0.2));
    assert_eq!((effort.noc_successes[&twenty], effort.noc_successes[&ninety]), (Some(1.0 / 3.0), Some(0.2)));
    let [low, high] = effort.fr_interval[&twenty].expect("an interval");
    assert!((0.0..0.4).contains(&low) && high > 0.4 && high <= 1.0);
}

#[test]
fn the_gain_is_the_difference_of_manual_and_model_revision() {
    let figures = report(0.5).figures;
    // The other error is halved: (1 + 5 + 5 + 30 + 90) / 5 / 2.
    assert!(close(&figures.model.mre, &[64.6, 13.1]));
    assert!(close(&figures.manual.mre, &[64.6, 26.2]));
    assert!(close(&figures.gain, &[0.0, 13.1]));
    assert_eq!((figures.effort.fr[&Threshold(20.0)], figures.manual_effort.fr[&Threshold(20.0)]), (0.2, 0.4));
    for (interval, figure) in figures.model.mre_interval.iter().zip(&figures.model.mre) {
        let [low, high] = interval.expect("an interval");
        assert!(low < *figure && *figure < high);
    }
}

#[test]
fn the_published_rule_may_correct_a_point_twice() {
    let protocol = Protocol { clicks: 2, rule: Rule::Worst, ..Protocol::default() };
    let played = five(1.0, &protocol);
    let skeleton = Skeleton::numbered(2);
    let report =
        Report::new(Provenance::default(), protocol, settings(), &skeleton, &played).expect("a report");
    assert!(close(&report.figures.model.mre, &[64.6, 26.2, 26.2]));
    assert!(close(&report.figures.manual.mre, &[64.6, 26.2, 0.0]));
    assert_eq!(report.cases[1].corrected, ["1", "1"]);
}

#[test]
fn subsets_partition_the_images() {
    let played = five(1.0, &protocol());
    let skeleton = Skeleton::numbered(2);
    let report =
        report(1.0).with_subset("leaked", &skeleton, &played, |name| name <= "1.png").expect("parts");
    let part = |name: &str| (report.subsets[name].images, report.subsets[name].model.mre[0]);
    assert_eq!(part("leaked"), (2, 11.5));
    assert_eq!(part("not leaked"), (3, 100.0));
    let all = report.clone().with_subset("any", &skeleton, &played, |_| true).expect("parts");
    assert!(all.subsets.contains_key("any") && !all.subsets.contains_key("not any"));
}

#[test]
fn reports_round_trip_and_invalid_ones_are_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.json");
    let report = report(0.5);
    report.write_json(&path).expect("written");
    let read = Report::read_json(&path).expect("read");
    assert_eq!(read.figures.model.mre_interval, report.figures.model.mre_interval);
    assert!(read == report, "what was read is another report");

    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("bytes")).expect("json");
    assert_eq!(json["model"]["mre"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["manual"]["mre"][1].as_f64().map(|mre| (mre * 10.0).round()), Some(262.0));
    assert_eq!((&json["fr"]["20"], &json["noc"]["90"]), (&0.2.into(), &0.2.into()));
    assert!(json["noc_successes"]["20"].is_number() && json["fr_interval"]["20"].is_array());
    assert!(json["conventions"]["noc"].as_str().is_some_and(|text| text.contains("failure counted")));

    for (name, text) in [("no.json", "{"), ("other.json", "{\"format\": \"coco\"}")] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        let message = Report::read_json(&path).expect_err("no report").to_string();
        assert!(message.contains(name) && message.contains("not a report"), "{message}");
    }
    let cut = std::fs::read_to_string(&path).expect("text").replace("\"clicks\": 1,", "\"clicks\": 7,");
    std::fs::write(&path, cut).expect("written");
    let message = Report::read_json(&path).expect_err("lengths").to_string();
    assert!(message.contains("`figures by click`: expected 8, found 2"), "{message}");
    assert!(report.write_json(&path.join("below-a-file.json")).is_err());
}

#[test]
fn tables_hold_the_figures() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cases.csv");
    report(1.0).write_csv(&path).expect("written");
    let text = std::fs::read_to_string(&path).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6);
    assert!(
        lines[0]
            .starts_with("image,width,height,model_mre_0,model_mre_1,manual_mre_0,manual_mre_1,clicks_to_20")
    );
    assert_eq!(lines[4], "3.png,512,512,80.0000,30.0000,80.0000,30.0000,,0,,,,,,,,,,");

    let page = report(1.0).to_markdown();
    assert!(page.contains("| 0 | 64.60 ["), "{page}");
    assert!(
        page.contains("| 20 | model | 40.00 [") && page.contains("| 0.60 [") && page.contains("| 0.33 [")
    );
    let comparison = comparison_markdown(&[report(1.0), report(0.5)]);
    assert!(comparison.contains("| shrinking by 0.5, model | 64.60 ["), "{comparison}");
    assert!(!comparison.contains("Not alike"));
}

#[cfg(unix)]
#[test]
fn written_files_have_the_usual_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let mode = |name: &str| std::fs::metadata(folder.path().join(name)).expect("a file").permissions().mode();
    write_comparison(&folder.path().join("new/a.md"), &[report(1.0)]).expect("written");
    std::fs::write(folder.path().join("b.md"), "").expect("written");
    assert_eq!(mode("new/a.md"), mode("b.md"));
}

#[test]
fn angles_are_written_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("angles.csv");
    write_angles(&path, [("a, b.jpg", Some([41.5, 0.0, 7.25])), ("c.jpg", None)]).expect("written");
    let text = std::fs::read_to_string(&path).expect("text");
    assert_eq!(text, "name,angle_1,angle_2,angle_3\n\"a, b.jpg\",41.5000,0.0000,7.2500\nc.jpg,,,\n");
}

#[test]
fn invalid_input_is_rejected() {
    let played = five(1.0, &protocol());
    let skeleton = Skeleton::numbered(2);
    let report = |protocol, settings, skeleton: &Skeleton, played: &[Played]| {
        Report::new(Provenance::default(), protocol, settings, skeleton, played)
            .expect_err("no report")
            .to_string()
    };
    assert!(
        report(protocol(), settings(), &skeleton, &[])
            .contains("`number of images`: expected at least 1, found 0")
    );
    assert!(
        report(protocol(), settings(), &Skeleton::numbered(3), &played).contains("2 keypoints predicted, 3")
    );
    let longer = Protocol { clicks: 4, ..protocol() };
    assert!(report(longer, settings(), &skeleton, &played).contains(
        "`number of states of a played image`: expected one more than the protocol has clicks, found 2"
    ));
    let odd = Settings { targets: vec![f64::NAN], ..settings() };
    assert!(
        report(protocol(), odd, &skeleton, &played)
            .contains("`targets`: expected a finite number of at least 0, found NaN")
    );
}

#[test]
fn cobb_angles_and_shifts_of_a_spine() {
    let bent = |largest: f64| spine(move |vertebra| if vertebra == 4 { largest } else { 0.0 });
    let truth = GroundTruth::new("drawn.png", Size::new(600, 900), bent(-30.0)).expect("a truth");
    // Five degrees short, and 2 px too far to the right.
    let raw: Keypoints = bent(-25.0).iter().map(|point| *point + Point::new(2.0, 0.0)).collect();
    let mut reviser = Shrinking { labels: truth.keypoints.clone(), raw, hints: Hints::new(), factor: 0.0 };
    let played = [protocol().play(&mut reviser, &truth).expect("play")];
    let report = Report::new(Provenance::default(), protocol(), settings(), &Skeleton::spine(), &played)
        .expect("a report");
    let cobb = report.figures.cobb.as_ref().expect("angles");
    let first = cobb.matlab.angles[0].expect("agreement");
    assert!((first[0].mae - 5.0).abs() < 0.01 && (first[0].bland_altman.bias + 5.0).abs() < 0.01);
    assert!(cobb.matlab.smape[0].expect("smape") > 5.0);
    assert_eq!((cobb.matlab.smape[1], cobb.python_port.smape[1]), (Some(0.0), Some(0.0)));
    assert_eq!(cobb.clinical.severity, [Some(1.0), Some(1.0)]);
    assert!((cobb.clinical.major[0].expect("major").mae - 5.0).abs() < 0.01);
    assert_eq!(report.figures.shifts.iter().map(|s| (s.vertebrae, s.images)).collect::<Vec<_>>(), [(0, 1)]);
    let labels = report.cases[0].label_angles.as_ref().expect("angles");
    assert!((labels.matlab[0] - 30.0).abs() < 0.01);
    assert!(report.to_markdown().contains("| challenge, MATLAB script | 1 | 0.00"));

    // The same points under other names are no spine.
    let other = Skeleton::numbered(68);
    let report =
        Report::new(Provenance::default(), protocol(), settings(), &other, &played).expect("a report");
    assert!(report.figures.cobb.is_none() && report.figures.shifts.is_empty());
    let case = &report.cases[0];
    assert!(case.label_angles.is_none() && case.first_angles.is_none() && case.shift.is_none());
    assert!(!report.conventions.keys().any(|name| name.starts_with("cobb") || name == "mre_shifted"));
    assert!(!report.to_markdown().contains("Cobb"));
}

/// The same spine on pixels twice as wide as high: its angles are the same once the spacing is known.
#[test]
fn angles_do_not_depend_on_the_pixel_aspect_ratio() {
    let bent = spine(|vertebra| [0.0, -25.0, 12.0][vertebra % 3]);
    let narrow: Keypoints = bent.iter().map(|point| Point::new(0.5 * point.x, point.y)).collect();
    let angles = |keypoints: &Keypoints, width, spacing: Option<Spacing>| {
        let truth = GroundTruth::new("drawn.png", Size::new(width, 900), keypoints.clone()).expect("a truth");
        let truth = truth.with_spacing(spacing);
        let (labels, raw, hints) = (truth.keypoints.clone(), truth.keypoints.clone(), Hints::new());
        let mut reviser = Shrinking { labels, raw, hints, factor: 0.0 };
        let played = [protocol().play(&mut reviser, &truth).expect("play")];
        let report = Report::new(Provenance::default(), protocol(), settings(), &Skeleton::spine(), &played);
        let report = report.expect("a report");
        let angles = report.cases[0].label_angles.clone().expect("angles");
        let clinical: Vec<f64> = angles.curves.iter().map(|curve| curve.degrees).collect();
        (angles.matlab, angles.python_port, clinical, report)
    };
    let plain = angles(&bent, 600, None);
    let detector = Spacing::new(0.2, 0.1).map(|spacing| spacing.measured(SpacingPlane::Detector));
    for spacing in [detector, Spacing::of_ratio(2.0, 1.0)] {
        let found = angles(&narrow, 300, spacing);
        let pairs = plain
            .0
            .iter()
            .zip(&found.0)
            .chain(plain.1.iter().zip(&found.1))
            .chain(plain.2.iter().zip(&found.2));
        assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-3), "{:?}", pairs.collect::<Vec<_>>());
        assert_eq!(plain.2.len(), found.2.len());
    }
    assert!((angles(&narrow, 300, None).0[0] - plain.0[0]).abs() > 10.0);
    // Square pixels change no bit, however large they are.
    let square = angles(&bent, 600, Spacing::new(0.143, 0.143));
    assert_eq!((square.0, square.1, square.2), (plain.0, plain.1, plain.2));

    let page = angles(&narrow, 300, detector).3.to_markdown();
    assert!(page.contains("- millimetres: at the detector; those of the patient are smaller"), "{page}");
    assert!(page.contains("MRE model mm") && !plain.3.to_markdown().contains("MRE model mm"), "{page}");
}

#[test]
fn damaged_reports_give_an_error_or_a_report_that_can_be_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.json");
    report(1.0).write_json(&path).expect("written");
    let samples = vec![Sample::new("report", std::fs::read(&path).expect("read"))];
    let trial = Trial { files: 2_000, ..Trial::new("report", samples) };
    let tried =
        trial.with_pieces(&["null", "-1", "1e999", "[]", "{}", "18446744073709551615"]).run(|bytes| {
            std::fs::write(&path, bytes).expect("written");
            Report::read_json(&path).is_ok_and(|report| {
                // What was read can be compared.
                assert!(!comparison_markdown(&[report]).is_empty());
                true
            })
        });
    assert!(tried.accepted > tried.files / 50, "{tried:?}");
}
