//! The study's table, and what a person says of a film.

use ikem_core::Skeleton;
use ikem_data::{read_coco_predictions, read_csv_predictions};
use serde_json::{Value, json};

use super::client::{get, post, send};
use super::marks::import_truth;
use super::{Site, parts};

fn named(port: u16, what: &str, body: &Value, name: &str) -> Value {
    let headers = [("Content-Type", "application/json"), ("X-Annotator", name)];
    let path = format!("/api/images/0/{what}");
    send(port, "POST", &path, &headers, body.to_string().as_bytes()).expect("an answer").good()
}

/// The rows of a table whose cells are quoted only where they must be.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            letter => cells.last_mut().expect("a cell").push(letter),
        }
    }
    cells
}

#[test]
fn the_table_has_a_row_for_each_film_and_says_what_the_page_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parts = parts(folder.path(), 4);
    parts.images[0].name = "=1+1.png".to_owned();
    parts.images[1].name = "größe.png".to_owned();
    let site = Site::start(parts, None);
    let port = site.port;
    import_truth(port, 0, 0.9);
    named(
        port,
        "say",
        &json!({ "remark": " -2 brace\n", "seen_from": "behind", "seconds": 4 }),
        "J%C3%BCrgen",
    );
    let measures = json!([
        { "distance": [[10, 10], [10, 60]] },
        { "angle": [[[5, 20], [45, 20]], [[45, 80], [5, 40]]] },
    ]);
    named(port, "say", &json!({ "measures": measures }), "Ada");
    named(port, "revise", &json!({ "keypoint": 3, "x": 20, "y": 33 }), "Ada");
    let state = import_truth(port, 0, 0.9);
    import_truth(port, 1, 0.1);
    post(port, "/api/images/2/reject", &json!({ "because": "no L5" })).good();

    let plain = get(port, "/api/export/study.csv");
    let text = String::from_utf8(plain.body).expect("text");
    let rows: Vec<Vec<String>> = text.lines().map(cells).collect();
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    // The same for any study, so that tables can be joined.
    assert_eq!(rows[0].len(), 26 + 6 * 11 + 3 * 4 + 2);
    assert!(
        text.lines().next().is_some_and(|header| header.contains(",curve_6_doubtful,challenge_largest_"))
    );
    let cell = |row: usize, column: &str| {
        let place = rows[0].iter().position(|name| name == column).unwrap_or_else(|| panic!("no {column}"));
        rows[row][place].as_str()
    };
    assert_eq!((cell(1, "file"), cell(1, "remark")), ("'=1+1.png", "'-2 brace"));
    assert_eq!((cell(1, "status"), cell(1, "annotators")), ("in_work", "Jürgen; Ada"));
    assert_eq!((cell(1, "clicks"), cell(1, "seconds"), cell(1, "seen_from")), ("1", "4", "behind"));
    assert_eq!((cell(1, "measured"), cell(2, "measured")), ("50.0 px; 45.0°", ""));
    let report = String::from_utf8(get(port, "/api/images/0/export/report.html").body).expect("text");
    assert!(report.contains("<li>50.0 px</li>\n<li>45.0°</li>"), "{report}");
    let off =
        post(port, "/api/images/0/say", &json!({ "measures": [{ "distance": [[10, 10], [10, 6000]] }] }));
    assert_eq!(
        (off.status, off.json()["error"].as_str().map(|told| told.contains("is not on the film"))),
        (422, Some(true))
    );
    has_the_angles_of(port, &state, |column| cell(1, column));
    // Doubtful: no angles, and why. Unusable: why. Untouched: nothing is known.
    assert_eq!(
        (cell(2, "file"), cell(2, "curves"), cell(2, "challenge_largest_degrees")),
        ("größe.png", "", "")
    );
    assert!(cell(2, "doubt").contains("68 of 68 points are unsure"), "{}", cell(2, "doubt"));
    assert_eq!((cell(3, "status"), cell(3, "unusable_because")), ("unusable", "no L5"));
    assert_eq!((cell(4, "status"), cell(4, "network"), cell(4, "frame_width")), ("untouched", "", ""));

    let with_bom = get(port, "/api/export/study.csv?bom=1").body;
    assert_eq!((&with_bom[..3], &with_bom[3..]), (&b"\xef\xbb\xbf"[..], text.as_bytes()));
    let json = get(port, "/api/export/study.json").good();
    assert_eq!(
        (&json[0]["file"], &json[0]["clinical"][0]["upper"]),
        (&json!("=1+1.png"), &json!(cell(1, "curve_1_upper")))
    );
    assert_eq!((&json[3]["clinical"], &json[3]["frame"]), (&json!([]), &json!(null)));

    has_no_points_of_unusable_films(port);
}

/// The row whose cells are given has the angles that the page shows.
fn has_the_angles_of<'a>(port: u16, state: &Value, cell: impl Fn(&str) -> &'a str) {
    let clinical = state["angles"]["clinical"].as_array().expect("curves");
    assert_eq!(cell("curves"), clinical.len().to_string());
    let vertebrae = get(port, "/api/workplace").good()["skeleton"]["vertebrae"].clone();
    let vertebra = |place: &Value| {
        vertebrae[place.as_u64().expect("an index") as usize]["name"].as_str().expect("a name").to_owned()
    };
    for (place, curve) in clinical.iter().enumerate() {
        let own = |column: &str| cell(&format!("curve_{}_{column}", place + 1));
        let degrees: f64 = own("degrees").parse().expect("a number");
        assert!((degrees - curve["degrees"].as_f64().expect("degrees")).abs() < 0.006);
        assert_eq!(own("upper"), vertebra(&curve["upper"]));
        assert_eq!(own("lower"), vertebra(&curve["lower"]));
        assert_eq!(own("apex"), vertebra(&curve["apex"]));
        assert_eq!(
            (own("name"), own("convex_image")),
            (curve["name"].as_str().expect("a name"), curve["convex"].as_str().expect("a side"))
        );
        assert_eq!(own("convex_patient"), own("convex_image"), "seen from behind, sides are the same");
        assert_eq!(own("severity"), curve["severity"].as_str().expect("a word"));
        assert_eq!(own("major"), curve["major"].to_string());
        if curve["major"] == true {
            assert_eq!(
                (cell("major_curve_degrees"), cell("major_curve_upper")),
                (own("degrees"), own("upper"))
            );
        }
    }
    let largest: f64 = cell("challenge_largest_degrees").parse().expect("a number");
    assert!((largest - state["angles"]["challenge"][0]["degrees"].as_f64().expect("degrees")).abs() < 0.006);
}

fn has_no_points_of_unusable_films(port: u16) {
    let all = get(port, "/api/export/coco.json");
    assert_eq!(all.good()["images"].as_array().map(Vec::len), Some(2));
    assert!(all.header("X-Left-Out").is_some_and(|told| told.contains("cannot%20be%20used%3A%20no%20L5")));
    let name = get(port, "/api/images/1/export/coco.json");
    let disposition = name.header("Content-Disposition").expect("a name").to_owned();
    assert_eq!(
        disposition,
        "attachment; filename=\"gr__e-coco.json\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%2Dcoco%2Ejson"
    );
}

#[test]
fn an_angle_that_hangs_on_an_unsure_corner_is_doubtful_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let port = site.port;
    let sure = import_truth(port, 0, 0.9);
    let curve = sure["angles"]["clinical"][0].clone();
    assert_eq!(
        (&curve["doubtful"], &sure["angles"]["challenge"][0]["doubtful"]),
        (&json!(false), &json!(false))
    );
    let corner = 4 * curve["upper"].as_u64().expect("an index") as usize;
    let mut file = get(port, "/api/images/0/export/keypoints.json").good();
    file["keypoints"][corner]["confidence"] = json!(0.1);
    let state = post(port, "/api/images/0/import", &file).good();
    assert_eq!(
        (&state["view"]["doubt"], &state["angles"]["clinical"][0]["doubtful"]),
        (&json!(null), &json!(true))
    );
    let table = get(port, "/api/export/study.json").good();
    assert_eq!(table[0]["clinical"][0]["doubtful"], true);
    let report = String::from_utf8(get(port, "/api/images/0/export/report.html").body).expect("text");
    assert!(report.contains("doubtful: a corner is unsure") && report.contains("was not said"), "{report}");
    // Confirmed where it is, it is a correction, and the angle is sure.
    let place = &state["keypoints"][corner];
    let confirmed = json!({ "points": [{ "keypoint": corner, "x": place["x"], "y": place["y"] }] });
    file["keypoints"][corner]["hinted"] = json!(true);
    assert_eq!(post(port, "/api/images/0/place", &confirmed).good()["keypoints"][corner]["hinted"], true);
    let state = post(port, "/api/images/0/import", &file).good();
    assert_eq!(state["angles"]["clinical"][0]["doubtful"], false);
}

#[test]
fn what_is_said_of_a_film_is_kept_and_counts_as_no_correction() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let site = Site::of(folder.path(), 2);
        let said = named(site.port, "say", &json!({ "remark": "again", "seen_from": "front" }), "Ada");
        assert_eq!(
            (&said["status"], &said["can_undo"], &said["revision"]),
            (&json!("untouched"), &json!(false), &json!(1))
        );
        let all = get(site.port, "/api/export/coco.json").good();
        assert_eq!(all["images"], json!([]), "nothing was done to its points");
        let rejected = named(site.port, "reject", &json!({ "because": "blurred" }), "Ada");
        assert_eq!((&rejected["status"], &rejected["unusable"]), (&json!("unusable"), &json!("blurred")));
        assert_eq!(get(site.port, "/api/status").good()["progress"]["unusable"], 1);
        assert_eq!(post(site.port, "/api/images/0/undo", &json!({})).good()["unusable"], json!(null));
        assert_eq!(post(site.port, "/api/images/0/redo", &json!({})).good()["status"], "unusable");
    }
    let site = Site::of(folder.path(), 2);
    let state = get(site.port, "/api/images/0").good();
    assert_eq!((&state["remark"], &state["seen_from"]), (&json!("again"), &json!("front")));
    assert_eq!((&state["annotators"], &state["status"]), (&json!(["Ada"]), &json!("unusable")));
    let cleared = post(site.port, "/api/images/0/say", &json!({ "seen_from": null })).good();
    assert_eq!((&cleared["remark"], &cleared["seen_from"]), (&json!("again"), &json!(null)));
    let log = std::fs::read_to_string(folder.path().join("annotation-log.jsonl")).expect("a log");
    assert!(log.lines().next().is_some_and(|line| line.contains("\"annotator\":\"Ada\"")), "{log}");
}

/// Thirty films, each worked on in its own way; what comes out of them, after a restart, is what was shown.
#[test]
fn a_study_of_thirty_films_comes_out_as_it_was_shown() {
    const FILMS: usize = 30;
    let folder = tempfile::tempdir().expect("a folder");
    let shown: Vec<Value> = {
        let site = Site::of(folder.path(), FILMS as u64);
        let port = site.port;
        let act = |id: usize, what: &str, body: Value| {
            post(port, &format!("/api/images/{id}/{what}"), &body).good()
        };
        let work = |id: usize| {
            let state = import_truth(port, id, 0.9);
            if id.is_multiple_of(3) {
                let corners: Vec<usize> = (4 * (id % 17)..4 * (id % 17) + 4).collect();
                act(id, "see", json!({ "keypoints": corners, "visible": false }));
            }
            if id.is_multiple_of(4) {
                let curve = &state["angles"]["clinical"][0];
                act(id, "ends", json!({ "ends": [[curve["upper"], curve["lower"]]] }));
            }
            match id.is_multiple_of(5) {
                true => act(id, "reject", json!({ "because": "implants" })),
                false => act(id, "accept", json!({ "accepted": true })),
            }
        };
        (0..FILMS).map(work).collect()
    };
    let site = Site::of(folder.path(), FILMS as u64);
    let port = site.port;
    let usable: Vec<&Value> = shown.iter().filter(|state| state["unusable"].is_null()).collect();
    let file = folder.path().join("out");
    let read = |name: &str| {
        std::fs::write(&file, get(port, &format!("/api/export/{name}")).body).expect("a file");
        match name {
            "coco.json" => read_coco_predictions(&file, &Skeleton::spine()).expect("COCO"),
            _ => read_csv_predictions(&file).expect("a table"),
        }
    };
    for name in ["coco.json", "keypoints.csv"] {
        let films = read(name);
        assert_eq!(films.len(), usable.len(), "{name}");
        for (film, state) in films.iter().zip(&usable) {
            let keypoints = state["keypoints"].as_array().expect("keypoints");
            let visible = keypoints.iter().filter(|keypoint| keypoint["visible"] == true);
            let expected: Vec<[f32; 2]> =
                visible.map(|k| ["x", "y"].map(|axis| k[axis].as_f64().expect("px") as f32)).collect();
            let found: Vec<[f32; 2]> = film.keypoints.iter().map(|k| [k.x, k.y]).collect();
            assert_eq!(
                (&film.image, found),
                (&state["name"].as_str().expect("a name").to_owned(), expected),
                "{name}"
            );
            assert_eq!(film.absent.len(), state["absent"].as_array().map_or(0, Vec::len));
        }
    }
    let table = get(port, "/api/export/study.json").good();
    for (row, state) in table.as_array().expect("rows").iter().zip(&shown) {
        assert_eq!(
            (&row["file"], &row["status"], &row["unusable_because"]),
            (&state["name"], &state["status"], &state["unusable"])
        );
        for convention in ["clinical", "challenge"] {
            let curves = state["angles"][convention].as_array().expect("angles");
            let degrees: Vec<f64> = curves
                .iter()
                .map(|curve| (100.0 * curve["degrees"].as_f64().expect("degrees")).round() / 100.0)
                .collect();
            let found: Vec<f64> = row[convention]
                .as_array()
                .expect("angles")
                .iter()
                .filter_map(|curve| curve["degrees"].as_f64())
                .collect();
            assert_eq!(found, degrees, "{}", row["file"]);
        }
    }
}
