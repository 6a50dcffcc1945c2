use std::path::Path;

use serde_json::{Value, json};

use super::Site;
use super::client::{get, post};
use super::marks::{import_truth, truth};

fn act(site: &Site, action: &str, body: &Value) -> Value {
    post(site.port, &format!("/api/images/0/{action}"), body).good()
}

fn state(site: &Site) -> Value {
    get(site.port, "/api/images/0").good()
}

/// Rewrites the sidecar of image 0, whose server has ended.
fn edit(folder: &Path, change: impl FnOnce(&mut Value)) {
    let path = folder.join("0.ikem.json");
    let mut sidecar: Value = serde_json::from_slice(&std::fs::read(&path).expect("a sidecar")).expect("JSON");
    change(&mut sidecar);
    std::fs::write(&path, sidecar.to_string()).expect("a file");
}

/// A sidecar whose present state is what a locator says that found nothing.
fn find_nothing(folder: &Path) {
    {
        let site = Site::of(folder, 1);
        act(&site, "view", &json!({ "negative": true }));
    }
    edit(folder, |sidecar| sidecar["states"]["present"]["view"]["confidence"] = json!(0.1));
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
}

#[test]
fn a_frame_is_told_undone_and_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let frame = json!({ "center": [40.0, 120.0], "width": 60.0, "height": 150.0, "degrees": 10.0, "mirrored": false });
    let told = {
        let site = Site::of(folder.path(), 1);
        let first = state(&site);
        let (width, height) = (first["width"].as_f64().expect("px"), first["height"].as_f64().expect("px"));
        let view = &first["view"];
        assert_eq!(
            (&view["whole"], &view["negative"], &view["turns"]),
            (&json!(true), &json!(false), &json!(0))
        );
        assert_eq!((&view["confidence"], &view["nothing_found"]), (&Value::Null, &json!(false)));
        assert_eq!(view["frame"]["center"], json!([width / 2.0, height / 2.0]));
        assert_eq!(numbers(&view["corners"][2]), [width, height]);

        let told = act(&site, "view", &json!({ "frame": frame, "seconds": 2 }));
        assert_eq!((&told["view"]["frame"], &told["view"]["whole"]), (&frame, &json!(false)));
        assert_ne!(told["keypoints"], first["keypoints"]);
        assert_eq!(
            (&told["status"], &told["clicks"], &told["seconds"]),
            (&json!("in_work"), &json!(0), &json!(2.0))
        );

        // What is missing stays.
        let negative = act(&site, "view", &json!({ "frame": null, "negative": true }));
        assert_eq!((&negative["view"]["frame"], &negative["view"]["negative"]), (&frame, &json!(true)));
        let undone = act(&site, "undo", &json!({}));
        assert_eq!((&undone["view"], &undone["keypoints"]), (&told["view"], &told["keypoints"]));
        assert_eq!(act(&site, "undo", &json!({}))["keypoints"], first["keypoints"]);
        assert_eq!(act(&site, "redo", &json!({}))["view"], told["view"]);
        told
    };
    let site = Site::of(folder.path(), 1);
    let restored = state(&site);
    assert_eq!((&restored["view"], &restored["keypoints"]), (&told["view"], &told["keypoints"]));
    assert_eq!(act(&site, "redo", &json!({}))["view"]["negative"], true);
    let log = std::fs::read_to_string(folder.path().join("annotation-log.jsonl")).expect("the log");
    let line: Value = serde_json::from_str(log.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&line["action"], &line["view"]["frame"]["width"]), (&json!("view"), &json!(60.0)));
}

#[test]
fn a_film_is_turned_mirrored_inverted_and_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let first = state(&site);
    let (width, height) = (first["width"].clone(), first["height"].clone());
    let number = |value: &Value| value.as_f64().expect("a number");

    let right = act(&site, "turn", &json!({ "turns": 1 }));
    let view = &right["view"];
    assert_eq!((&view["turns"], &view["whole"]), (&json!(3), &json!(true)));
    assert_eq!(
        (number(&view["frame"]["width"]), number(&view["frame"]["degrees"])),
        (number(&height), -90.0)
    );
    // Turned right, the film's bottom left corner is at the top left.
    let corner = numbers(&view["corners"][0]);
    assert!(corner[0].abs() < 1e-9 && (corner[1] - number(&height)).abs() < 1e-9, "{corner:?}");
    assert_ne!(right["keypoints"], first["keypoints"]);
    assert_eq!(act(&site, "turn", &json!({ "turns": -1 }))["keypoints"], first["keypoints"]);
    assert_eq!(act(&site, "turn", &json!({ "turns": 2 }))["view"]["turns"], 2);

    let mirrored = act(&site, "mirror", &json!({}));
    assert_eq!(
        (&mirrored["view"]["frame"]["mirrored"], &mirrored["view"]["whole"]),
        (&json!(true), &json!(true))
    );
    let inverted = act(&site, "invert", &json!({}));
    assert_eq!(inverted["view"]["negative"], true);
    assert_eq!(act(&site, "invert", &json!({}))["keypoints"], mirrored["keypoints"]);

    let narrow = json!({ "center": [40, 120], "width": 30, "height": 50, "degrees": 170, "mirrored": true });
    act(&site, "view", &json!({ "frame": narrow }));
    let whole = act(&site, "whole", &json!({}));
    assert_eq!((&whole["view"]["whole"], &whole["view"]["turns"]), (&json!(true), &json!(2)));
    assert_eq!(whole["view"]["frame"]["width"], number(&width));
    assert_eq!(act(&site, "find", &json!({}))["view"], first["view"]);
    assert_eq!(act(&site, "undo", &json!({}))["view"], whole["view"]);
}

#[test]
fn corrections_stay_where_they_are_in_every_view() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let corrected = act(&site, "revise", &json!({ "keypoint": 20, "x": 31.5, "y": 44.25 }));
    // T6-TL is T6-TR while the film is mirrored.
    for (action, body, keypoint) in [
        ("turn", json!({ "turns": 1 }), 20),
        ("mirror", json!({}), 21),
        ("invert", json!({}), 21),
        ("whole", json!({}), 21),
        ("view", json!({ "frame": { "center": [60, 200], "width": 40, "height": 60 } }), 20),
        ("find", json!({}), 20),
    ] {
        let state = act(&site, action, &body);
        let point = &state["keypoints"][keypoint];
        let found = (&point["x"], &point["y"], &point["hinted"]);
        assert_eq!(found, (&json!(31.5), &json!(44.25), &json!(true)), "{action}");
        let hint = &state["hints"][0];
        assert_eq!((&hint["keypoint"], &hint["moved"]), (&json!(keypoint), &corrected["hints"][0]["moved"]));
        assert_eq!(state["hints"].as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn frames_that_nothing_can_be_seen_in_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let before = state(&site);
    let frame = |center: [f64; 2], width: f64, height: f64| json!({ "frame": { "center": center, "width": width, "height": height } });
    for (body, told) in [
        (frame([40.0, 100.0], 0.0, 50.0), "frame"),
        (frame([40.0, 100.0], -40.0, 50.0), "frame"),
        (frame([40.0, 100.0], 5.0, 50.0), "width is 5 px"),
        (frame([40.0, 100.0], 50.0, 90000.0), "height is 90000 px"),
        (frame([400.0, 100.0], 50.0, 50.0), "is not on the film"),
        (frame([40.0, -1.0], 50.0, 50.0), "is not on the film"),
        (json!({ "frame": { "center": [40.0], "width": 9, "height": 9 } }), "length"),
        (json!({ "frame": { "center": [40, 90], "width": 90, "height": 90, "tilt": 3 } }), "tilt"),
        (json!({ "frame": 7 }), "frame"),
        (json!({ "negative": "yes" }), "boolean"),
        (json!({ "crop": null }), "crop"),
    ] {
        let answer = post(site.port, "/api/images/0/view", &body);
        let error = answer.json()["error"].as_str().expect("a message").to_owned();
        assert!(answer.status == 422 && error.contains(told), "{body}: {} {error}", answer.status);
    }
    for turns in [json!(0), json!(3), json!(-2), json!(1.5), json!(1000)] {
        assert_eq!(post(site.port, "/api/images/0/turn", &json!({ "turns": turns })).status, 422, "{turns}");
    }
    assert_eq!(post(site.port, "/api/images/9/find", &json!({})).status, 404);
    assert_eq!(state(&site), before);
}

#[test]
fn sidecars_from_before_frames_are_the_whole_film() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = {
        let site = Site::of(folder.path(), 1);
        act(&site, "view", &json!({ "frame": { "center": [40, 120], "width": 60, "height": 150 } }));
        act(&site, "view", &json!({ "negative": true }))
    };
    edit(folder.path(), |sidecar| {
        let states = sidecar["states"].as_object_mut().expect("states");
        let all = states.values_mut().flat_map(|part| match part {
            Value::Array(states) => states.iter_mut().collect(),
            state => vec![state],
        });
        all.filter_map(Value::as_object_mut).for_each(|state| drop(state.remove("view")));
    });
    let site = Site::of(folder.path(), 1);
    let old = state(&site);
    // How far points are expected to be off depends on the frame.
    let points = |state: &Value| -> Vec<[Value; 3]> {
        let keypoints = state["keypoints"].as_array().expect("keypoints");
        keypoints.iter().map(|point| ["x", "y", "confidence"].map(|field| point[field].clone())).collect()
    };
    assert_eq!((points(&old), &old["view"]["whole"]), (points(&before), &json!(true)));
    assert_eq!(old["view"]["negative"], false);
}

#[test]
fn where_no_spine_was_found_there_are_no_angles() {
    let folder = tempfile::tempdir().expect("a folder");
    find_nothing(folder.path());
    let site = Site::of(folder.path(), 1);
    let nothing = state(&site);
    assert_eq!((&nothing["view"]["nothing_found"], &nothing["angles"]), (&json!(true), &Value::Null));
    assert_eq!(nothing["suspects"], json!([]));
    let doubt = nothing["view"]["doubt"].as_str().expect("a sentence").to_owned();
    assert!(doubt.contains("no spine was found"), "{doubt}");
    let export = |file: &str| get(site.port, &format!("/api/images/0/export/{file}")).body;
    let keypoints: Value = serde_json::from_slice(&export("keypoints.json")).expect("JSON");
    assert_eq!((&keypoints["cobb"], &keypoints["keypoints"]), (&Value::Null, &json!([])));
    assert!(keypoints["doubt"].as_str().is_some_and(|doubt| doubt.contains("no spine was found")));
    // Formats that cannot tell the reason.
    for file in ["keypoints.csv", "coco.json"] {
        let answer = get(site.port, &format!("/api/images/0/export/{file}"));
        assert_eq!((answer.status, &answer.json()["kind"]), (409, &json!("conflict")), "{file}");
    }
    let all = get(site.port, "/api/export/keypoints.csv");
    let left_out = all.header("X-Left-Out").expect("a film is left out");
    assert!(left_out.contains("no%20spine%20was%20found"), "{left_out}");
    assert_eq!(String::from_utf8_lossy(&all.body).lines().count(), 1, "a header alone");
    let report = String::from_utf8(export("report.html")).expect("text");
    assert!(report.contains("Cobb angles") && report.contains("no spine was found") && !report.contains('°'));
    let film = get(site.port, "/api/images/0/image.png").body;
    let pixels = |png: &[u8]| ikem_data::decode_image("a.png", png, &Default::default()).expect("a picture");
    let (film, overlay) = (pixels(&film), pixels(&export("overlay.png")));
    let off = film.pixels().iter().zip(overlay.pixels()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 0.01, "something is drawn");

    // A frame that a person draws is taken as one that holds a spine; so is a point.
    let frame = json!({ "frame": { "center": [40, 120], "width": 60, "height": 150 } });
    assert_eq!(act(&site, "view", &frame)["view"]["nothing_found"], false);
    assert_eq!(act(&site, "undo", &json!({}))["view"]["nothing_found"], true);
    let placed = act(&site, "revise", &json!({ "keypoint": 16, "x": 40, "y": 60 }));
    assert_eq!(placed["view"]["nothing_found"], false);
}

#[test]
fn doubtful_points_have_no_angles_and_sure_ones_have() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let site = Site::of(folder.path(), 1);
        import_truth(site.port, 0, 0.9);
    }
    for (confidence, doubtful) in [(0.9, false), (0.1, true)] {
        edit(folder.path(), |sidecar| {
            sidecar["states"]["present"]["confidences"] = json!(vec![confidence; 68]);
        });
        let site = Site::of(folder.path(), 1);
        let state = state(&site);
        assert_eq!((state["angles"].is_null(), state["view"]["doubt"].is_string()), (doubtful, doubtful));
        assert_eq!(state["view"]["nothing_found"], false);
        let export = get(site.port, "/api/images/0/export/keypoints.json").good();
        assert_eq!(export["cobb"].is_null(), doubtful);
        let all = get(site.port, "/api/export/keypoints.csv").body;
        assert!(!all.is_empty());
    }
}

#[test]
fn points_that_form_no_spine_are_doubted_until_they_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let mut file = truth(site.port, 0, 0.9);
    let right = file["keypoints"][17]["x"].as_f64().expect("a place");
    // The upper left corner of T5 to the right of the right one.
    file["keypoints"][16]["x"] = json!(right + 9.0);
    let folded = act(&site, "import", &file);
    let told = "the points do not form a spine: the corners of T5 do not outline a vertebra";
    assert_eq!((&folded["view"]["doubt"], &folded["angles"]), (&json!(told), &Value::Null));
    assert_eq!(folded["view"]["nothing_found"], false);
    let export = get(site.port, "/api/images/0/export/keypoints.json").good();
    assert_eq!((&export["doubt"], &export["cobb"]), (&json!(told), &Value::Null));
    let report = get(site.port, "/api/images/0/export/report.html").body;
    assert!(String::from_utf8_lossy(&report).contains("the corners of T5"));
    // A corner that is not visible has no place to be doubted.
    let hidden = act(&site, "see", &json!({ "keypoints": [16], "visible": false }));
    assert_eq!(hidden["view"]["doubt"], Value::Null);
    let repaired = import_truth(site.port, 0, 0.9);
    assert!(repaired["angles"].is_object() && repaired["view"]["doubt"].is_null());
}
