use std::collections::BTreeSet;
use std::io::Read;

use ikem_core::{Point, Skeleton};
use ikem_data::{PredictionRecord, decode_image, read_coco_predictions, read_csv_predictions};
use ikem_eval::{Script, challenge_angles};
use serde_json::json;

use super::client::{Answer, get, post, send};
use super::marks::{import_truth, truth};
use super::{Site, parts};

#[test]
fn what_is_exported_can_be_read_and_imported_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(&folder.path().join("kept"), 2);
    let port = site.port;
    let mut file = truth(port, 0, 0.9);
    let placed = file["keypoints"][16]["x"].as_f64().expect("a place") as f32 + 0.25;
    (file["keypoints"][16]["x"], file["keypoints"][16]["hinted"]) = (json!(placed), json!(true));
    let state = post(port, "/api/images/0/import", &file).good();
    let export = |file: &str| {
        let answer = get(port, &format!("/api/images/0/export/{file}"));
        assert_eq!(answer.status, 200, "{file}");
        let expected = format!("attachment; filename=\"_phantom__0-{file}\"");
        assert_eq!(answer.header("Content-Disposition"), Some(expected.as_str()));
        let path = folder.path().join(file);
        std::fs::write(&path, &answer.body).expect("a file");
        (answer.body, path)
    };
    let (json_file, path) = export("keypoints.json");
    let exported = PredictionRecord::read(&path).expect("a prediction");
    assert!(exported.keypoints[16].hinted && exported.keypoints[16].x == placed);
    assert!(exported.cobb.is_some());
    let coco = read_coco_predictions(export("coco.json").1, &Skeleton::spine()).expect("COCO");
    assert_eq!(coco.as_slice(), std::slice::from_ref(&exported));
    assert_eq!(read_csv_predictions(export("keypoints.csv").1).expect("CSV"), [exported]);
    let picture =
        decode_image("overlay.png", &export("overlay.png").0, &Default::default()).expect("a picture");
    assert_eq!(picture.size().width as u64, state["width"].as_u64().expect("px"));
    assert!(picture.size().height > 256, "the caption is below the film, not on it");
    let report = String::from_utf8(export("report.html").0).expect("text");
    assert!(report.contains("&lt;phantom&gt; 0") && !report.contains("<phantom>"), "names are no HTML");
    assert!(report.contains("<th>Date</th>") && report.contains("(UTC)"), "the report has a date");
    assert!(report.contains("T5-TL") && report.contains("not a medical device"));
    assert!(
        !report.contains("http:") && !report.contains("https:") && !report.contains("<script"),
        "the report needs nothing else"
    );

    post(port, "/api/images/0/reset", &json!({})).good();
    let headers = [("Content-Type", "application/json")];
    let import = |id: usize, body: &[u8]| {
        send(port, "POST", &format!("/api/images/{id}/import"), &headers, body).expect("an answer")
    };
    let imported = import(0, &json_file).good();
    for field in ["keypoints", "angles", "suspects"] {
        assert_eq!(imported[field], state[field], "{field}");
    }
    assert_eq!(imported["hints"][0]["name"], "T5-TL");
    assert_eq!(post(port, "/api/images/0/undo", &json!({})).good()["hints"], json!([]));

    // Of an image of another size, with other names, with a point that is nowhere.
    assert_eq!(import(1, &json_file).status, 422);
    let renamed = String::from_utf8(json_file.clone()).expect("text").replace("<phantom> 0", "<phantom> 1");
    assert_eq!(import(1, renamed.as_bytes()).status, 422, "of another size");
    let text = String::from_utf8(json_file).expect("text");
    let (x, y) = (placed.to_string(), file["keypoints"][16]["y"].to_string());
    for (from, to) in [("T5-TL", "T5-XX"), (&y, "7777.5"), (&x, "9e30"), ("keypoints", "points")] {
        assert!(text.contains(from), "{from}");
        assert_eq!(import(0, text.replacen(from, to, 1).as_bytes()).status, 422, "{from} -> {to}");
    }
    let all = get(port, "/api/export/coco.json").good();
    assert_eq!(all["images"].as_array().map(Vec::len), Some(1), "only images that were worked on");
    assert_eq!(get(port, "/api/images/0/export/secret").status, 404);
}

#[test]
fn files_of_keypoints_are_imported_by_their_content_and_told_apart_by_their_film() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(&folder.path().join("kept"), 2);
    let port = site.port;
    post(port, "/api/images/0/revise", &json!({ "keypoint": 16, "x": 31.25, "y": 77.5 })).good();
    let text = |file: &str| {
        let body = get(port, &format!("/api/images/0/export/{file}")).body;
        String::from_utf8(body).expect("text")
    };
    let import = |kind: &str, body: &str| {
        let headers = [("Content-Type", kind)];
        send(port, "POST", "/api/images/0/import", &headers, body.as_bytes()).expect("an answer")
    };
    let (json, coco, csv) = (text("keypoints.json"), text("coco.json"), text("keypoints.csv"));
    let more = json.replacen('{', "{\"reader\": \"me\",", 1);
    let semicolons = csv.replace(',', ";").replace('.', ",");
    for (kind, body) in [
        ("application/json", json.clone()),
        ("application/json", format!("\u{feff}{json}")),
        ("application/json", more),
        ("application/json", json.replace("<phantom> 0", "/films/<PHANTOM> 0")),
        ("application/json", coco),
        ("text/csv", format!("\u{feff}{csv}")),
        ("text/csv", semicolons),
        ("text/csv", csv.lines().map(|line| format!("{line},\n")).collect()),
    ] {
        let state = import(kind, &body).good();
        assert_eq!(state["keypoints"][16]["x"], 31.25, "{kind} {body}");
        assert_eq!(state["hints"][0]["y"], 77.5);
    }
    // A file that is not of this film by name is taken only when the person is sure.
    for (name, expected) in
        [("", "does not say which film it is of"), ("b.png", "this film is \"<phantom> 0\"")]
    {
        let renamed = json.replace("<phantom> 0", name);
        let refused = import("application/json", &renamed);
        assert_eq!((refused.status, &refused.json()["kind"]), (422, &json!("other_film")));
        assert!(refused.json()["error"].as_str().is_some_and(|told| told.contains(expected)));
        let headers = [("Content-Type", "application/json")];
        let path = "/api/images/0/import?any_film=1";
        let sure = send(port, "POST", path, &headers, renamed.as_bytes()).expect("an answer").good();
        assert_eq!((&sure["hints"][0]["y"], &sure["network"]), (&json!(77.5), &json!(null)));
    }
    let before = get(port, "/api/images/0").good();
    for (kind, body, expected) in [
        (
            "application/json",
            json.replace("<phantom> 0", "b.png"),
            "it has the keypoints of \"b.png\"; this film is \"<phantom> 0\"",
        ),
        ("application/json", json.replace("31.25", "1e9"), "T5-TL at (1000000000, 77.5) on"),
        ("text/csv", csv.replacen("31.25", "31,25", 1), "field line 18: 18 fields; expected 17"),
        ("text/csv", csv.replace("<phantom> 0", "b.png"), "\"b.png\"; this film is"),
        ("application/json", String::new(), "it is empty; expected a header"),
        (
            "text/csv",
            csv.lines().filter(|line| !line.contains("T5-T")).map(|line| format!("{line}\n")).collect(),
            "2 of 68 keypoints are missing: T5-TL, T5-TR",
        ),
        ("application/json", json.replace("T5-TL", "T5-XX"), "\"T5-XX\" is none of the network's keypoints"),
    ] {
        let answer = import(kind, &body);
        assert_eq!(answer.status, 422, "{expected}");
        let told: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        let told = told["error"].as_str().unwrap_or_default();
        assert!(told.contains(expected), "{told}");
    }
    assert_eq!(get(port, "/api/images/0").good(), before, "nothing was changed");
}

/// A film in a picture tells no spacing; what is imported for it may. It stays, goes out again, and makes the angles the
/// patient's.
#[test]
fn the_spacing_of_an_import_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("kept");
    let (expected, degrees) = {
        let site = Site::of(&kept, 1);
        let export = "/api/images/0/export/keypoints.json";
        import_truth(site.port, 0, 0.9);
        let mut exported = get(site.port, export).good();
        let plain = exported["cobb"].clone();
        assert_eq!(exported["spacing"], json!(null));
        let spacing = json!({ "x": 0.2, "y": 0.1, "plane": "detector" });
        exported["spacing"] = spacing.clone();
        exported["keypoints"][16]["hinted"] = json!(true);
        let state = post(site.port, "/api/images/0/import", &exported).good();
        assert_eq!(state["spacing"]["words"], "0.2 mm across, 0.1 mm down at the detector");
        let placed = json!({ "keypoint": 16, "x": 31.0, "y": 77.0 });
        let state = post(site.port, "/api/images/0/revise", &placed).good();
        let (pixels, millimetres) = (&state["hints"][0]["moved"], &state["hints"][0]["moved_mm"]);
        assert!(pixels.is_number() && millimetres.is_number(), "{pixels} px, {millimetres} mm");
        let comparison = &state["comparison"];
        let (mre, mm) = (comparison["mre"].as_f64().expect("px"), comparison["mre_mm"].as_f64().expect("mm"));
        assert!((0.1 * mre..0.2 * mre).contains(&mm), "{mre} px, {mm} mm");
        let report =
            String::from_utf8(get(site.port, "/api/images/0/export/report.html").body).expect("text");
        assert!(
            report.contains("mm at the detector") && report.contains("in the patient are smaller"),
            "{report}"
        );
        post(site.port, "/api/images/0/undo", &json!({})).good();
        let exported = get(site.port, export).good();
        assert_eq!(exported["spacing"], spacing);
        assert!(exported["cobb"].is_array() && exported["cobb"] != plain);
        let found: PredictionRecord = serde_json::from_value(exported.clone()).expect("a prediction");
        let wide = found.points().iter().map(|point| Point::new(2.0 * point.x, point.y)).collect();
        let angles = challenge_angles(&wide, found.size(), Script::Matlab).expect("a spine");
        let off = found.cobb.expect("angles")[0] - angles.degrees[0];
        assert!(off.abs() < 0.01, "{:?}, expected {angles:?}", found.cobb);
        (spacing, exported["cobb"].clone())
    };
    let site = Site::of(&kept, 1);
    let exported = get(site.port, "/api/images/0/export/keypoints.json").good();
    assert_eq!((&exported["spacing"], &exported["cobb"]), (&expected, &degrees));
}

/// What a person said of the points comes back with each format that has a place for it.
#[test]
fn a_films_own_export_brings_back_its_end_vertebrae_and_its_acceptance() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let port = site.port;
    let act =
        |what: &str, body: serde_json::Value| post(port, &format!("/api/images/0/{what}"), &body).good();
    let import = |file: &str, body: &[u8]| {
        let kind = if file.ends_with(".csv") { "text/csv" } else { "application/json" };
        send(port, "POST", "/api/images/0/import", &[("Content-Type", kind)], body).expect("an answer").good()
    };
    for (said, body, status) in [
        ("accept", json!({ "accepted": true }), "accepted"),
        ("reject", json!({ "because": "=blurred, \"badly\"" }), "unusable"),
    ] {
        import_truth(port, 0, 0.9);
        act("ends", json!({ "ends": [[3, 9], [9, 14]] }));
        let state = act(said, body);
        assert_eq!(state["status"], status);
        for file in ["keypoints.json", "coco.json", "keypoints.csv"] {
            let exported = get(port, &format!("/api/images/0/export/{file}")).body;
            act("reset", json!({}));
            let back = import(file, &exported);
            for field in ["status", "ends", "unusable", "keypoints", "angles"] {
                assert_eq!(back[field], state[field], "{file}: {field}");
            }
        }
    }
    // The table of an unusable film says so.
    let table = String::from_utf8(get(port, "/api/images/0/export/keypoints.csv").body).expect("text");
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows[0].ends_with(",verdict,unusable_because,fixed_ends"), "{table}");
    assert!(rows[1].ends_with(",unusable,\"'=blurred, \"\"badly\"\"\",T4-T10; T10-L3"), "{}", rows[1]);
}

/// A file without a place for what a person said: that is told before the import.
#[test]
fn what_an_import_removes_is_told_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 3);
    let port = site.port;
    for id in 0..3 {
        import_truth(port, id, 0.9);
    }
    post(port, "/api/images/0/ends", &json!({ "ends": [[3, 9]] })).good();
    post(port, "/api/images/0/accept", &json!({ "accepted": true })).good();
    post(port, "/api/images/1/accept", &json!({ "accepted": true })).good();
    let own = get(port, "/api/export/coco.json").good();
    let summary = |file: &serde_json::Value| {
        let headers = [("Content-Type", "application/json")];
        send(port, "POST", "/api/import", &headers, file.to_string().as_bytes()).expect("an answer").good()
    };
    assert_eq!(summary(&own)["drops"], json!([]));
    let mut foreign = own;
    for annotation in foreign["annotations"].as_array_mut().expect("films") {
        annotation.as_object_mut().expect("an annotation").remove("ikem");
    }
    assert_eq!(
        summary(&foreign)["drops"],
        json!([
            "<phantom> 0: that it is accepted and the chosen end vertebrae",
            "<phantom> 1: that it is accepted"
        ])
    );
    assert_eq!(get(port, "/api/status").good()["progress"]["accepted"], 2, "nothing is changed yet");
}

#[test]
fn end_vertebrae_of_a_file_are_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    import_truth(site.port, 0, 0.9);
    let mut file = get(site.port, "/api/images/0/export/keypoints.json").good();
    for (ends, told) in [
        (json!([["T3", "X9"]]), "\"X9\" is none of the network's vertebrae"),
        (json!([["T3", "T9"], ["T5", "T12"]]), "the curves T3–T9 and T5–T12 overlap"),
    ] {
        file["review"]["ends"] = ends;
        let answer = post(site.port, "/api/images/0/import", &file);
        let error = answer.json()["error"].as_str().expect("a message").to_owned();
        assert!(answer.status == 422 && error.contains(told), "{error}");
    }
}

#[test]
fn a_table_without_names_is_told_by_the_column_it_lacks() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let headers = [("Content-Type", "text/csv")];
    let table = b"film,width,height,keypoint,x,y\na.png,9,9,T1-TL,1,1\n";
    let answer = send(site.port, "POST", "/api/images/0/import", &headers, table).expect("an answer");
    let error = answer.json()["error"].as_str().expect("a message").to_owned();
    assert!(error.contains("no column \"image\" (or \"image_path\""), "{error}");
}

#[test]
fn a_broken_sidecar_does_not_fail_the_export_of_all_others() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let site = Site::of(folder.path(), 3);
        for id in 0..3 {
            post(site.port, &format!("/api/images/{id}/accept"), &json!({ "accepted": true })).good();
        }
    }
    std::fs::write(folder.path().join("1.ikem.json"), "{").expect("a broken sidecar");
    let site = Site::of(folder.path(), 3);
    for file in ["coco.json", "keypoints.csv"] {
        let answer = get(site.port, &format!("/api/export/{file}"));
        assert_eq!(answer.status, 200);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(
            text.contains("<phantom> 0") && text.contains("<phantom> 2") && !text.contains("<phantom> 1")
        );
        let told = answer.header("X-Left-Out").expect("what is left out");
        assert!(told.starts_with("1%20left%20out") && told.contains("1%2Eikem%2Ejson"), "{told}");
    }
}

#[test]
fn a_file_of_many_films_tells_first_which_images_it_is_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 4);
    let port = site.port;
    for id in 0..3 {
        post(port, &format!("/api/images/{id}/revise"), &json!({ "keypoint": 16, "x": 30 + id, "y": 77 }))
            .good();
    }
    let all = String::from_utf8(get(port, "/api/export/coco.json").body).expect("text");
    for id in 0..2 {
        post(port, &format!("/api/images/{id}/reset"), &json!({})).good();
    }
    let file = all.replace("<phantom> 1", "elsewhere/<PHANTOM> 1").replace("<phantom> 2", "b.png");
    let before = get(port, "/api/workplace").good();
    let headers = [("Content-Type", "application/json")];
    let told = send(port, "POST", "/api/import", &headers, file.as_bytes()).expect("an answer").good();
    assert_eq!(told["films"], 3);
    assert_eq!(told["left_out"], json!(["b.png matches no image, or several"]));
    let matched =
        |place: usize| [&told["matched"][place]["id"], &told["matched"][place]["status"]].map(Clone::clone);
    assert_eq!([matched(0), matched(1)], [[json!(0), json!("in_work")], [json!(1), json!("in_work")]]);
    assert_eq!(get(port, "/api/workplace").good(), before, "nothing is changed yet");
    for id in 0..2 {
        let path = format!("/api/images/{id}/import");
        let state = send(port, "POST", &path, &headers, file.as_bytes()).expect("an answer").good();
        assert_eq!(state["hints"][0]["x"], f64::from(30 + id));
    }
    let twice = all.replace("<phantom> 2", "other/<phantom> 1");
    let told = send(port, "POST", "/api/import", &headers, twice.as_bytes()).expect("an answer").good();
    assert_eq!(told["left_out"], json!(["<phantom> 1 is in the file 2 times"]));
    assert_eq!(send(port, "POST", "/api/import", &headers, b"{").expect("an answer").status, 422);
}

/// All that is exported of all films is in one file, a folder a film, and equals what is exported one by one.
#[test]
fn everything_is_exported_in_one_archive() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parts = parts(&folder.path().join("kept"), 3);
    // Two films whose folders would have the same name.
    parts.images[1].name = "[phantom] 0".to_owned();
    let site = Site::start(parts, None);
    let port = site.port;
    for id in [0, 1] {
        post(port, &format!("/api/images/{id}/revise"), &json!({ "keypoint": 16, "x": 31.25, "y": 77.5 }))
            .good();
    }
    post(port, "/api/images/1/reject", &json!({ "because": "implants" })).good();
    post(port, "/api/images/2/say", &json!({ "remark": "a rib too many" })).good();
    let answer = get(port, "/api/export/all.zip");
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/zip")));
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(unchunked(&answer))).expect("an archive");
    let names: BTreeSet<String> =
        archive.file_names().map(|name| name.expect("a name").into_owned()).collect();
    let tables = ["study.csv", "study.json", "keypoints.csv", "coco.json", "effort.csv", "LEFT-OUT.txt"];
    let first = ["overlay.png", "report.html", "keypoints.json", "keypoints.csv", "coco.json"];
    let expected = tables
        .iter()
        .map(|name| (*name).to_owned())
        .chain(first.iter().map(|name| format!("_phantom__0/{name}")))
        .chain(["overlay.png", "report.html"].iter().map(|name| format!("_phantom__0 (2)/{name}")));
    assert_eq!(names, expected.collect());
    let mut content = |name: &str| {
        let mut bytes = Vec::new();
        archive.by_name(name).expect(name).read_to_end(&mut bytes).expect(name);
        bytes
    };
    for file in ["study.csv", "study.json", "keypoints.csv", "coco.json", "effort.csv"] {
        assert_eq!(content(file), get(port, &format!("/api/export/{file}")).body, "{file}");
    }
    for file in ["overlay.png", "keypoints.json", "keypoints.csv", "coco.json"] {
        let one = get(port, &format!("/api/images/0/export/{file}")).body;
        assert_eq!(content(&format!("_phantom__0/{file}")), one, "{file}");
    }
    let left_out = String::from_utf8(content("LEFT-OUT.txt")).expect("text");
    let untouched = "has remarks or measurements, but nobody corrected or accepted its points";
    assert_eq!(left_out, format!("[phantom] 0 cannot be used: implants\n<phantom> 2 {untouched}\n"));
}

/// A body that came in pieces, since its length was not known.
fn unchunked(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.header("Transfer-Encoding"), Some("chunked"));
    let (mut rest, mut body) = (answer.body.as_slice(), Vec::new());
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").expect("a length");
        let length = std::str::from_utf8(&rest[..end]).expect("digits");
        let length = usize::from_str_radix(length, 16).expect("a length");
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
}
