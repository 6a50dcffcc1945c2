//! What a person says of points and films: not visible, chosen end vertebrae, accepted, unusable; each undone by itself.

use serde_json::{Value, json};

use super::Site;
use super::client::{get, post, send};

fn act(port: u16, what: &str, body: &Value) -> Value {
    post(port, &format!("/api/images/0/{what}"), body).good()
}

/// A file with the true points of a phantom, with a confidence.
pub(super) fn truth(port: u16, id: usize, confidence: f64) -> Value {
    let state = get(port, &format!("/api/images/{id}")).good();
    let names = get(port, "/api/workplace").good()["skeleton"]["names"].clone();
    let labels = state["comparison"]["labels"].as_array().expect("labels").clone();
    let keypoints: Vec<Value> = names
        .as_array()
        .expect("names")
        .iter()
        .zip(labels)
        .map(|(name, label)| {
            json!({ "name": name, "x": label["x"], "y": label["y"], "confidence": confidence, "hinted": false })
        })
        .collect();
    json!({ "image": state["name"], "width": state["width"], "height": state["height"],
            "keypoints": keypoints, "cobb": null })
}

/// Imports them; returns the state.
pub(super) fn import_truth(port: u16, id: usize, confidence: f64) -> Value {
    post(port, &format!("/api/images/{id}/import"), &truth(port, id, confidence)).good()
}

fn ends(state: &Value) -> Vec<(u64, u64, bool)> {
    let clinical = state["angles"]["clinical"].as_array().expect("angles");
    let number = |curve: &Value, field: &str| curve[field].as_u64().expect("an index");
    clinical
        .iter()
        .map(|curve| (number(curve, "upper"), number(curve, "lower"), curve["fixed"] == true))
        .collect()
}

#[test]
fn a_vertebra_that_is_not_visible_leaves_angles_suspects_hints_and_exports() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = {
        let site = Site::of(folder.path(), 1);
        let port = site.port;
        let wrong = post(port, "/api/images/0/see", &json!({ "keypoints": [3, 68], "visible": false }));
        assert_eq!(wrong.status, 422);
        act(port, "revise", &json!({ "keypoint": 65, "x": 20, "y": 200 }));
        act(port, "revise", &json!({ "keypoint": 3, "x": 20, "y": 30 }));
        let state = act(port, "see", &json!({ "keypoints": [64, 65, 66, 67], "visible": false }));
        assert_eq!(state["absent"], json!([64, 65, 66, 67]));
        assert_eq!(state["hints"].as_array().map(Vec::len), Some(1), "what is not visible is no hint");
        assert_eq!(
            (&state["keypoints"][64]["visible"], &state["keypoints"][3]["visible"]),
            (&json!(false), &json!(true))
        );
        assert_eq!(state["comparison"]["errors"][65], json!(null), "it counts in no error");

        let exported = get(port, "/api/images/0/export/keypoints.json").good();
        assert_eq!(exported["absent"], json!(["L5-TL", "L5-TR", "L5-BL", "L5-BR"]));
        assert_eq!(exported["keypoints"].as_array().map(Vec::len), Some(64));
        let coco = get(port, "/api/images/0/export/coco.json").good();
        let annotation = &coco["annotations"][0];
        assert_eq!(annotation["keypoints"].as_array().expect("numbers")[64 * 3..], vec![json!(0.0); 12]);
        assert_eq!(annotation["num_keypoints"], 64);
        let csv = String::from_utf8(get(port, "/api/images/0/export/keypoints.csv").body).expect("text");
        assert!(csv.lines().any(|line| line.contains(",L5-BR,,,,,")), "{csv}");
        assert_eq!(get(port, "/api/images/0/export/overlay.png").status, 200);
        let report = String::from_utf8(get(port, "/api/images/0/export/report.html").body).expect("text");
        assert!(report.contains("L5-TL, L5-TR, L5-BL, L5-BR"), "{report}");

        // Each file brings it back.
        for (kind, file) in [
            ("application/json", exported.to_string()),
            ("application/json", coco.to_string()),
            ("text/csv", csv),
        ] {
            let headers = [("Content-Type", kind)];
            let back = send(port, "POST", "/api/images/0/import", &headers, file.as_bytes())
                .expect("an answer")
                .good();
            assert_eq!((&back["absent"], &back["hints"][0]["x"]), (&state["absent"], &json!(20.0)), "{kind}");
            act(port, "undo", &json!({}));
        }
        // A point that is put is visible; undo takes back both.
        let put = act(port, "revise", &json!({ "keypoint": 64, "x": 21, "y": 210 }));
        assert_eq!(put["absent"], json!([65, 66, 67]));
        assert_eq!(act(port, "undo", &json!({}))["absent"], json!([64, 65, 66, 67]));
        // Marks go with the names, and sides.
        let up = act(port, "shift", &json!({ "by": -1 }));
        assert_eq!(up["absent"], json!([60, 61, 62, 63]));
        act(port, "undo", &json!({}))
    };
    let site = Site::of(folder.path(), 1);
    let after = get(site.port, "/api/images/0").good();
    assert_eq!((&after["absent"], &after["hints"]), (&before["absent"], &before["hints"]));
    let seen = act(site.port, "see", &json!({ "keypoints": [64, 65, 66, 67], "visible": true }));
    assert_eq!(seen["absent"], json!([]));
}

#[test]
fn angles_are_those_of_the_visible_vertebrae() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let all = import_truth(site.port, 0, 0.9);
    let [upper, lower] =
        ["upper", "lower"].map(|end| all["angles"]["challenge"][0][end].as_u64().expect("an end"));
    let corners: Vec<u64> = (4 * upper..4 * upper + 4).collect();
    let without = act(site.port, "see", &json!({ "keypoints": [corners[2]], "visible": false }));
    let angles = &without["angles"];
    for curve in angles["clinical"]
        .as_array()
        .expect("curves")
        .iter()
        .chain(angles["challenge"].as_array().expect("three"))
    {
        assert!(curve["upper"] != upper && curve["lower"] != upper, "{curve}");
    }
    let unsure = import_truth(site.port, 0, 0.1);
    assert_eq!(unsure["suspects"].as_array().map(Vec::len), Some(68));
    let without = act(site.port, "see", &json!({ "keypoints": corners, "visible": false }));
    let suspects = without["suspects"].as_array().expect("suspects");
    assert!(suspects.len() == 64 && !suspects.contains(&json!(corners[0])));
    assert!(without["view"]["doubt"].as_str().is_some_and(|told| told.contains("64 of 64")));
    let first = &angles["challenge"][0];
    assert!(first["degrees"].as_f64() < all["angles"]["challenge"][0]["degrees"].as_f64());
    assert!(first["lower"] == lower || first["upper"].as_u64() > Some(0), "ends keep their names: {first}");
}

#[test]
fn end_vertebrae_stay_as_they_were_chosen() {
    let folder = tempfile::tempdir().expect("a folder");
    let chosen = {
        let site = Site::of(folder.path(), 1);
        let port = site.port;
        let free = import_truth(port, 0, 0.9);
        let major = free["angles"]["clinical"]
            .as_array()
            .expect("curves")
            .iter()
            .find(|c| c["major"] == true)
            .expect("one");
        let [upper, lower] = ["upper", "lower"].map(|end| major[end].as_u64().expect("an end"));
        for wrong in [json!([[5, 5]]), json!([[7, 5]]), json!([[5, 17]]), json!([[1, 2], [1, 2]])] {
            assert_eq!(post(port, "/api/images/0/ends", &json!({ "ends": wrong })).status, 422, "{wrong}");
        }
        let overlapping = post(port, "/api/images/0/ends", &json!({ "ends": [[2, 8], [4, 11]] }));
        let told = overlapping.json()["error"].as_str().expect("a message").to_owned();
        assert!(
            overlapping.status == 422 && told.starts_with("the curves T3–T9 and T5–T12 overlap"),
            "{told}"
        );
        let fixed = act(port, "ends", &json!({ "ends": [[upper, lower - 1]] }));
        assert_eq!(fixed["keypoints"], free["keypoints"], "no point moves");
        assert!(ends(&fixed).contains(&(upper, lower - 1, true)), "{:?}", ends(&fixed));
        let overlaps = |(a, b, fixed): &(u64, u64, bool)| !fixed && *b > upper && *a < lower - 1;
        assert!(!ends(&fixed).iter().any(overlaps), "{:?}", ends(&fixed));
        // Corrections move the angle, not the choice.
        let corner = 4 * upper;
        let place = &fixed["keypoints"][corner as usize];
        let (x, y) = (place["x"].as_f64().expect("x"), place["y"].as_f64().expect("y"));
        let moved = act(
            port,
            "place",
            &json!({ "points": [
            { "keypoint": corner, "x": x, "y": y + 3.0 }, { "keypoint": corner + 1, "x": x + 12.0, "y": y - 4.0 },
        ] }),
        );
        assert_eq!((&moved["clicks"], moved["hints"].as_array().map(Vec::len)), (&json!(1), Some(2)));
        assert_eq!(moved["ends"], json!([[upper, lower - 1]]));
        act(port, "undo", &json!({}));
        let table = get(port, "/api/export/study.json").good();
        let curve = table[0]["clinical"]
            .as_array()
            .expect("curves")
            .iter()
            .find(|c| c["ends_fixed"] == true)
            .expect("one")
            .clone();
        let name = |place: u64| {
            get(port, "/api/workplace").good()["skeleton"]["vertebrae"][place as usize]["name"].clone()
        };
        assert_eq!((&curve["upper"], &curve["lower"]), (&name(upper), &name(lower - 1)));
        assert_eq!(act(port, "undo", &json!({}))["ends"], json!([]));
        act(port, "redo", &json!({}))["ends"].clone()
    };
    let site = Site::of(folder.path(), 1);
    let state = get(site.port, "/api/images/0").good();
    assert_eq!(state["ends"], chosen);
    assert!(ends(&state).iter().any(|(.., fixed)| *fixed));
}

#[test]
fn undo_takes_back_one_thing_at_a_time_and_a_state_keeps_its_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second);
    {
        let site = Site::of(folder.path(), 1);
        let port = site.port;
        let corrected = act(port, "revise", &json!({ "keypoint": 3, "x": 20, "y": 33 }));
        first = corrected["network"].clone();
        let accepted = act(port, "accept", &json!({ "accepted": true }));
        assert_eq!(accepted["status"], "accepted");
        let undone = act(port, "undo", &json!({}));
        assert_eq!((&undone["status"], &undone["hints"]), (&json!("in_work"), &corrected["hints"]));
        assert_eq!(act(port, "redo", &json!({}))["status"], "accepted");

        post(port, "/api/model", &json!({ "id": 1 })).good();
        let other = act(port, "predict", &json!({}));
        second = other["network"].clone();
        assert_eq!((&other["status"], &other["network_differs"]), (&json!("in_work"), &json!(false)));
        assert_ne!(first, second);
        let back = act(port, "undo", &json!({}));
        assert_eq!(
            (&back["network"], &back["network_differs"], &back["status"]),
            (&first, &json!(true), &json!("accepted"))
        );
    }
    let site = Site::of(folder.path(), 1);
    let state = get(site.port, "/api/images/0").good();
    assert_eq!((&state["network"], &state["status"]), (&first, &json!("accepted")));
    assert_eq!(act(site.port, "redo", &json!({}))["network"], second);
}

#[test]
fn sidecars_without_marks_tell_their_network_and_acceptance() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let site = Site::of(folder.path(), 1);
        act(site.port, "revise", &json!({ "keypoint": 3, "x": 20, "y": 33 }));
        act(site.port, "accept", &json!({ "accepted": true }));
    }
    let path = folder.path().join("0.ikem.json");
    let mut old: Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    for field in ["marks", "about"] {
        old.as_object_mut().expect("an object").remove(field);
    }
    old["network"] = json!("an old one");
    std::fs::write(&path, old.to_string()).expect("a sidecar");
    {
        let site = Site::of(folder.path(), 1);
        let state = get(site.port, "/api/images/0").good();
        assert_eq!((&state["network"], &state["status"]), (&json!("an old one"), &json!("accepted")));
        assert_eq!(act(site.port, "undo", &json!({}))["status"], "in_work");
    }
    let mut bad: Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    bad["marks"]["past"] = json!([]);
    std::fs::write(&path, bad.to_string()).expect("a sidecar");
    let site = Site::of(folder.path(), 1);
    let answer = get(site.port, "/api/images/0");
    assert!(
        answer.status == 409
            && answer.json()["error"].as_str().is_some_and(|told| told.contains("its marks"))
    );
}

#[test]
fn the_list_of_actions_leads_to_each_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, last) = {
        let site = Site::of(folder.path(), 1);
        let port = site.port;
        let first = get(port, "/api/images/0").good();
        assert_eq!((&first["steps"], &first["step"]), (&json!([null]), &json!(0)));
        act(port, "revise", &json!({ "keypoint": 4, "x": 30, "y": 40 }));
        let corners: Vec<Value> = (8..12).map(|k| json!({ "keypoint": k, "x": 30 + k, "y": 60 })).collect();
        act(port, "place", &json!({ "points": corners }));
        act(port, "see", &json!({ "keypoints": [64, 65], "visible": false }));
        act(port, "mirror", &json!({}));
        let last = act(port, "accept", &json!({ "accepted": true }));
        let steps = json!([
            null,
            "T2-TL corrected",
            "T3 placed",
            "2 points not visible",
            "Film mirrored",
            "Accepted"
        ]);
        assert_eq!((&last["steps"], &last["step"]), (&steps, &json!(5)));

        let back = act(port, "goto", &json!({ "step": 1 }));
        assert_eq!((&back["steps"], &back["step"], &back["status"]), (&steps, &json!(1), &json!("in_work")));
        assert_eq!(back["hints"].as_array().map(Vec::len), Some(1));
        assert_eq!(back["absent"], json!([]));
        assert_eq!(act(port, "goto", &json!({ "step": 0 }))["keypoints"], first["keypoints"]);
        assert_eq!(post(port, "/api/images/0/goto", &json!({ "step": 6 })).status, 422);
        (first, last)
    };
    // After a restart, too.
    let site = Site::of(folder.path(), 1);
    let forth = act(site.port, "goto", &json!({ "step": 5 }));
    assert_eq!((&forth["steps"], &forth["status"]), (&last["steps"], &json!("accepted")));
    assert_eq!(forth["keypoints"], last["keypoints"]);
    assert_eq!(act(site.port, "goto", &json!({ "step": 0 }))["keypoints"], first["keypoints"]);
}

#[test]
fn mirroring_tells_that_the_patients_sides_change_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let port = site.port;
    // All placed by a person, so that the network moves none in the mirror image.
    let mut file = truth(port, 0, 0.9);
    for keypoint in file["keypoints"].as_array_mut().expect("keypoints") {
        keypoint["hinted"] = json!(true);
    }
    post(port, "/api/images/0/import", &file).good();
    assert_eq!(act(port, "mirror", &json!({}))["mirrored_since"], false, "nothing was said");
    let said = act(port, "say", &json!({ "seen_from": "front" }));
    assert_eq!(said["mirrored_since"], false);
    let mirrored = act(port, "mirror", &json!({}));
    assert_eq!((&mirrored["mirrored_since"], &mirrored["seen_from"]), (&json!(true), &json!("front")));
    let report = get(port, "/api/images/0/export/report.html").body;
    assert!(String::from_utf8_lossy(&report).contains("said before the film was mirrored"));
    assert_eq!(act(port, "undo", &json!({}))["mirrored_since"], false);
    assert_eq!(act(port, "redo", &json!({}))["mirrored_since"], true);
    // Saying it again is saying it of the film as it is shown now.
    assert_eq!(act(port, "say", &json!({ "seen_from": "front" }))["mirrored_since"], false);
}
