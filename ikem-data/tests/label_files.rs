//! Labels and predictions written by other programs, and damaged ones.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests panic on failure")]

use std::path::Path;

use ikem_core::{Point, Size, Skeleton};
use ikem_damage::{Sample, Trial};
use ikem_data::{
    LabelFile, Manifest, ManifestEntry, PredictedKeypoint, PredictionRecord, Subset, coco_predictions,
    csv_predictions,
};
use serde_json::{Value, json};

const SIZE: Size = Size::new(200, 400);

/// The labels of a file with this content and keypoints named 0 and 1.
fn labels(bytes: &[u8]) -> Result<LabelFile, String> {
    labels_of(bytes, &Skeleton::numbered(2))
}

fn labels_of(bytes: &[u8], skeleton: &Skeleton) -> Result<LabelFile, String> {
    LabelFile::from_bytes("labels", bytes, skeleton).map_err(|error| error.to_string())
}

/// The labels of a file with one completely labelled film.
fn one(bytes: &[u8]) -> ManifestEntry {
    let file = labels(bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)));
    assert_eq!((file.manifest.entries.len(), file.left_out.len()), (1, 0));
    file.manifest.entries[0].clone()
}

fn expected() -> ManifestEntry {
    let corners = vec![[0.25, 0.25], [0.75, 0.5]];
    ManifestEntry::new("a.png".to_owned(), corners, SIZE, Subset::Train, &Skeleton::numbered(2))
}

fn coco() -> Value {
    json!({
        "images": [{"id": 7, "file_name": "a.png", "width": 200, "height": 400}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "keypoints": [50, 100, 2, 100, 300, 1]}],
        "categories": [{"id": 3, "name": "spine", "keypoints": ["0", "1"]}],
    })
}

#[test]
fn coco_files_may_have_any_additional_content() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 12] = [
        ("unchanged", |_| {}),
        ("nulls", |f| {
            f["info"] = Value::Null;
            f["licenses"] = Value::Null;
            f["images"][0]["license"] = Value::Null;
            f["annotations"][0]["segmentation"] = Value::Null;
            f["annotations"][0]["bbox"] = Value::Null;
            f["annotations"][0]["score"] = Value::Null;
            f["annotations"][0]["num_keypoints"] = Value::Null;
        }),
        ("empty lists", |f| {
            f["annotations"][0]["bbox"] = json!([]);
            f["annotations"][0]["segmentation"] = json!([]);
            f["categories"][0]["skeleton"] = json!([]);
        }),
        ("booleans", |f| {
            f["annotations"][0]["iscrowd"] = json!(false);
            f["annotations"][0]["keypoints"] = json!([50, 100, true, 100, 300, true]);
        }),
        ("polygons and crowds", |f| {
            f["annotations"][0]["segmentation"] = json!({"counts": "abc", "size": [400, 200]});
            f["annotations"][0]["iscrowd"] = json!(1);
            f["annotations"][0]["attributes"] = json!({"occluded": false});
        }),
        ("categories without keypoints", |f| {
            let more = [
                json!({"id": 1, "name": "ruler"}),
                json!({"id": 2, "name": "letter", "keypoints": null, "skeleton": null}),
                json!({"id": 4, "name": "film", "keypoints": [], "supercategory": null}),
            ];
            f["categories"].as_array_mut().unwrap().extend(more);
            let boxed = json!({"id": 2, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]});
            f["annotations"].as_array_mut().unwrap().push(boxed);
        }),
        ("images without annotations", |f| {
            let image = json!({"id": 8, "file_name": "b.png", "width": null, "height": 0});
            f["images"].as_array_mut().unwrap().push(image);
        }),
        ("annotations without keypoints", |f| {
            let more = [
                json!({"id": 2, "image_id": 7, "category_id": 3, "keypoints": []}),
                json!({"id": 3, "image_id": 7, "category_id": 3, "keypoints": null}),
                json!({"id": 4, "image_id": 7, "category_id": 3}),
                json!({"id": 5, "image_id": 7, "category_id": 3, "keypoints": [0, 0, 0, 0, 0, 0]}),
            ];
            f["annotations"].as_array_mut().unwrap().extend(more);
        }),
        ("another order", |f| {
            f["categories"][0]["keypoints"] = json!(["1", "0"]);
            f["annotations"][0]["keypoints"] = json!([100, 300, 1, 50, 100, 2]);
        }),
        ("more keypoints", |f| {
            f["categories"][0]["keypoints"] = json!(["pelvis", "0", "1"]);
            f["annotations"][0]["keypoints"] = json!([0, 0, 0, 50, 100, 2, 100, 300, 1]);
        }),
        ("numbers as text and with a point", |f| {
            f["images"][0]["id"] = json!("7");
            f["images"][0]["width"] = json!(200.0);
            f["annotations"][0]["category_id"] = json!(3.0);
            f["annotations"][0]["id"] = json!("5f2a");
        }),
        ("no category", |f| {
            f["annotations"][0].as_object_mut().unwrap().remove("category_id");
        }),
    ];
    for (name, change) in cases {
        let mut file = coco();
        change(&mut file);
        assert_eq!(one(file.to_string().as_bytes()), expected(), "{name}");
        let predictions =
            PredictionRecord::from_bytes("p", file.to_string().as_bytes(), &Skeleton::numbered(2)).unwrap();
        assert_eq!(predictions.len(), 1, "{name}");
        assert_eq!((predictions[0].keypoints[1].x, predictions[0].keypoints[1].y), (100.0, 300.0), "{name}");
    }
    assert_eq!(one(format!("\u{feff}\n {}", coco()).as_bytes()), expected());
}

#[test]
fn unknown_fields_of_a_manifest_are_ignored() {
    let mut json = serde_json::to_value(Manifest { entries: vec![expected()] }).unwrap();
    json[0]["patient"] = json!("unknown");
    assert_eq!(one(format!("\u{feff}{json}").as_bytes()), expected());
}

#[test]
fn keypoints_that_are_not_seen_are_absent_and_impossible_ones_are_told() {
    let mut file = coco();
    for (id, keypoints) in [
        (8, json!([50, 100, 2, 0, 0, 0])),
        (9, json!([null, 100, 2, 100, 300, 2])),
        (10, json!([1e9, 100, 2, 100, 300, 2])),
        (11, json!([0, 0, 0, 0, 0, 0])),
    ] {
        let image = json!({"id": id, "file_name": format!("{id}.png"), "width": 200, "height": 400});
        file["images"].as_array_mut().unwrap().push(image);
        let annotation = json!({"image_id": id, "category_id": 3, "keypoints": keypoints});
        file["annotations"].as_array_mut().unwrap().push(annotation);
    }
    let found = labels(file.to_string().as_bytes()).unwrap();
    let points: Vec<_> = found.manifest.entries.iter().map(|entry| entry.keypoints().to_vec()).collect();
    let (one, other) = (Point::new(50.0, 100.0), Point::new(100.0, 300.0));
    assert_eq!(points, [[one, other], [one, Point::ABSENT], [Point::ABSENT, other]]);
    assert_eq!((found.unlabelled, found.has_sets), (1, false));
    let reasons: Vec<String> = found.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        reasons,
        [
            "10.png: 0 is at (1000000000, 100) on a film of 200 x 400 px; expected a point at most one film width or \
             height outside the film",
        ]
    );
    let error = found.complete("x.json").unwrap_err().to_string();
    assert!(error.starts_with("x.json: 1 of its films can't be used:\n  10.png: 0 is at"), "{error}");
}

#[test]
fn errors_in_categories_are_explained() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 3] = [
        ("no categories; expected a category that lists the 2 keypoints", |f| f["categories"] = json!([])),
        ("1 categories, none of which lists keypoints", |f| f["categories"][0]["keypoints"] = Value::Null),
        ("the category \"spine\" lists 2 keypoints, but not 0 exactly once", |f| {
            f["categories"][0]["keypoints"][1] = json!("0")
        }),
    ];
    for (expected, change) in cases {
        let mut file = coco();
        change(&mut file);
        let message = labels(file.to_string().as_bytes()).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
    let mut file = coco();
    file["annotations"] = json!([]);
    let message = labels(file.to_string().as_bytes()).unwrap_err();
    assert!(message.contains("has 1 images but no labels"), "{message}");
}

#[test]
fn tables_are_read_with_any_separator() {
    let utf16 = |text: &str| {
        let words = "\u{feff}".encode_utf16().chain(text.encode_utf16()).collect::<Vec<_>>();
        words.into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
    };
    let cases: [(&str, Vec<u8>); 12] = [
        ("commas", "image_path,height,width,0 y,0 x,1 y,1 x\na.png,400,200,0.25,0.25,0.75,0.5\n".into()),
        ("semicolons", "image_path;height;width;0 y;0 x;1 y;1 x\na.png;400;200;0,25;0,25;0,75;0,5\n".into()),
        ("tabs", "image\theight\twidth\t0 y\t0 x\t1 y\t1 x\na.png\t400\t200\t0,25\t.25\t0.75\t0,5\n".into()),
        ("quotes", "image,height,width,0 y,0 x,1 y,1 x\n\"a.png\",400,200,\"0,25\",0.25,\"0,75\",0.5".into()),
        ("a mark", "\u{feff}image,height,width,0 y,0 x,1 y,1 x\na.png,400,200,0.25,0.25,0.75,0.5\n".into()),
        ("blanks", "\n image ; height;width; 0 Y;0_x;1-y;1 X \r\n\r\na.png; 400;200 ;0,25; 0,25;0,75;0,5\r\n;;;;;;\r\n \r\n".into()),
        ("another order", "1 x,1 y,0 x,0 y,width,height,file\n.5,.75,.25,.25,200.0,4e2,a.png\n".into()),
        ("more columns", "id,image,height,width,0 y,0 x,1 y,1 x,\"a, b\"\n3,a.png,400,200,.25,.25,.75,.5,x\n".into()),
        ("an empty field more", "image,height,width,0 y,0 x,1 y,1 x\na.png,400,200,.25,.25,.75,.5,\n".into()),
        ("says how", "sep=;\nimage;height;width;0 y;0 x;1 y;1 x\na.png;400;200;0,25;0,25;0,75;0,5\n".into()),
        ("16 bits", utf16("image\theight\twidth\t0 y\t0 x\t1 y\t1 x\r\na.png\t400\t200\t0,25\t0,25\t0,75\t0,5\r\n")),
        ("a row a keypoint", "image;width;height;keypoint;x;y\na.png;200;400;1;100,0;300\na.png;200;400;0;50;100\n".into()),
    ];
    for (name, bytes) in cases {
        let file = labels(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(file.manifest.entries, [expected()], "{name}");
    }
}

#[test]
fn relative_coordinates_in_a_table_of_keypoints_are_refused() {
    let table = |scale: f64| {
        let rows: String = (0..4)
            .map(|k| format!("a.png,200,400,{k},{},{}\n", 0.2 * f64::from(k) * scale, 0.5 * scale))
            .collect();
        format!("image,width,height,keypoint,x,y\n{rows}")
    };
    let read = |text: String| labels_of(text.as_bytes(), &Skeleton::numbered(4));
    assert_eq!(read(table(100.0)).expect("labels").manifest.entries.len(), 1);
    let told = read(table(1.0)).expect_err("relative");
    assert!(told.contains("all coordinates of \"a.png\" are within 0…1; expected pixels"), "{told}");
}

#[test]
fn errors_in_rows_name_the_row_and_field() {
    for (text, expected) in [
        (
            "image,height,width,0 y,0 x,1 y,1 x\n\na.png,400,200,0,25,0.25,0.75,0.5\n",
            "entry 0 (a.png), field line 3: 8 fields; expected 7, as in the header; a field that contains ','",
        ),
        (
            "image,width,height,keypoint,x,y,note\na.png,200,400,0,50,5,100,\na.png,200,400,1,100,300,\n",
            "field line 2: 8 fields; expected 7",
        ),
        ("image,height,width,0 y,0 x,1 y,1 x\na.png,400\n", "field line 2: 2 fields; expected 7"),
        (
            "image,height,width,0 y,0 x,1 y,1 x\na.png,\"1,250\",200,.2,.2,.7,.5\n",
            "field height: \"1,250\", which is 1.250 or 1250; expected pixels",
        ),
        (
            "image;height;width;0 y;0 x;1 y;1 x\na.png;1.250,5;200;.2;.2;.7;.5\n",
            "\"1.250,5\", which has thousands separators",
        ),
        ("image,height,width,0 y,0 x,1 y\na.png,400,200,.2,.2,.7\n", "no column \"1 x\" among image,"),
        (
            "image,image,height,width,0 y,0 x,1 y,1 x\na,a,400,200,.2,.2,.7,.5\n",
            "2 columns are named \"image\"",
        ),
        (
            "image,height,width,0 y,0 x,1 y,1 x\na.png,400,200,100,50,300,100\n",
            "field 0 y: 100; expected a coordinate relative to the image's height or width",
        ),
        ("image,width,height,keypoint,x,y\na.png,200,400,0,1,2\na.png,200,400,0,1,2\n", "0 a second time"),
        ("image,width,height,keypoint,x,y\na.png,0,400,0,1,2\n", "field width: 0 x 400 px"),
        (
            "image,width,height,set,keypoint,x,y\na.png,200,400,first,0,1,2\n",
            "field set: \"first\"; expected train, val or test",
        ),
        (
            "image,width,height,keypoint,x,y\na.png,200,400,0,1,\n",
            "field x and y: 0 without one of them; expected numbers in both or in neither",
        ),
        (
            "image,width,height,keypoint,x,y\na.png,200,400,0,1,2\na.png,200,400,one,3,4\n",
            "field keypoint: \"one\", and no row for 1; expected a keypoint of the skeleton",
        ),
        ("", "it is empty; expected a header"),
    ] {
        let message = labels(text.as_bytes()).expect_err(text);
        assert!(message.contains(expected), "{text}\n{message}");
    }
    let part = "image,width,height,keypoint,x,y\na.png,200,400,0,1,2\na.png,200,400,1,,\n";
    let whole_of_part = labels(part.as_bytes()).unwrap().manifest.entries;
    assert_eq!(whole_of_part[0].keypoints().to_vec(), [Point::new(1.0, 2.0), Point::ABSENT]);
    let more = format!("{}a.png,200,400,C7,5,6\n", part);
    assert_eq!(labels(more.as_bytes()).unwrap().manifest.entries, whole_of_part, "others are passed over");
    let half = "image,height,width,0 y,0 x,1 y,1 x\na.png,400,200,.2,.2,.7,\n";
    assert!(labels(half.as_bytes()).expect_err("half a place").contains("field 1 x: \"\""), "{half}");
}

#[test]
fn tables_with_a_row_for_each_keypoint_may_name_subsets() {
    let rows = "a.png,200,400,val,0,50,100\na.png,200,400,val,1,100,300\nb.png,200,400,train,0,1,2\n";
    let file = labels(format!("image,width,height,set,keypoint,x,y\n{rows}").as_bytes()).unwrap();
    let sets: Vec<Subset> = file.manifest.entries.iter().map(|entry| entry.set).collect();
    assert_eq!((file.has_sets, sets), (true, vec![Subset::Val, Subset::Train]));
    let without = labels(b"image,width,height,keypoint,x,y\na.png,200,400,0,50,100\n").unwrap();
    assert!(!without.has_sets);
}

#[test]
fn keypoints_that_are_not_seen_come_back_from_every_format() {
    let skeleton = Skeleton::spine();
    let mut corners: Vec<[f64; 2]> =
        (0..68).map(|i| [f64::from(i) / 80.0, 0.25 + f64::from(i % 2) / 4.0]).collect();
    for keypoint in [3, 64, 65, 66, 67] {
        corners[keypoint] = [f64::INFINITY; 2];
    }
    let entry = ManifestEntry::new("a.png".to_owned(), corners, SIZE, Subset::Val, &skeleton);
    assert!(entry.keypoints()[3].is_absent() && entry.keypoints()[66].is_absent());
    // T1's centre is that of three corners; L5 has none.
    let mean: f64 = [0.0, 1.0, 2.0].iter().map(|i| i / 80.0).sum::<f64>() / 3.0;
    assert!((entry.centers_yx[0][0] - mean).abs() < 1e-12 && entry.centers_yx[16][0].is_infinite());
    let manifest = Manifest { entries: vec![entry] };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels");
    type Write = fn(&Manifest, &Path, &Skeleton) -> Result<(), ikem_data::Error>;
    let formats: [Write; 3] = [
        |manifest, path, _| manifest.write(path),
        |manifest, path, skeleton| manifest.write_coco(path, skeleton),
        |manifest, path, skeleton| manifest.write_csv(path, skeleton),
    ];
    for write in formats {
        write(&manifest, &path, &skeleton).unwrap();
        assert_eq!(Manifest::read(&path, &skeleton).unwrap(), manifest);
    }
    manifest.write(&path).unwrap();
    let json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!((&json[0]["corners"][3], &json[0]["centers"][16]), (&Value::Null, &Value::Null));
    manifest.write_coco(&path, &skeleton).unwrap();
    let mut json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(json["annotations"][0]["num_keypoints"], 63);
    assert_eq!(json["annotations"][0]["keypoints"][11], 0.0);
    // What another program marks as seen counts.
    json["annotations"][0]["keypoints"][9] = json!(100);
    json["annotations"][0]["keypoints"][10] = json!(20);
    json["annotations"][0]["keypoints"][11] = json!(2);
    let edited = labels_of(json.to_string().as_bytes(), &skeleton).unwrap().manifest.entries.remove(0);
    assert_eq!(edited.keypoints()[3], Point::new(100.0, 20.0));
    // As predictions they are named.
    manifest.write(&path).unwrap();
    let read = PredictionRecord::from_bytes("m", &std::fs::read(&path).unwrap(), &skeleton).unwrap();
    assert_eq!(read[0].absent, ["T1-BR", "L5-TL", "L5-TR", "L5-BL", "L5-BR"]);
    assert_eq!(read[0].keypoints.len(), 63);
    // An entry needs a keypoint.
    let nothing = json!([{ "image_path": "a.png", "corners": [null, null], "centers": [], "y_x_size": [9, 9], "set": "val" }]);
    let error = labels(nothing.to_string().as_bytes()).expect_err("nothing is seen");
    assert!(error.contains("no keypoint that is seen"), "{error}");
}

fn prediction() -> PredictionRecord {
    let keypoint = |(name, [x, y]): (&str, [f32; 2])| PredictedKeypoint {
        name: name.to_owned(),
        x,
        y,
        confidence: 0.5,
        hinted: true,
    };
    PredictionRecord {
        image: "a.png".to_owned(),
        width: 200,
        height: 400,
        keypoints: [("0", [50.0, 100.0]), ("1", [100.0, 300.0])].map(keypoint).into(),
        absent: Vec::new(),
        cobb: Some([1.0, 2.0, 3.0]),
        spacing: None,
        seen: None,
        doubt: None,
        review: None,
    }
}

#[test]
fn predictions_are_detected_by_content_and_may_have_more_fields() {
    let skeleton = Skeleton::numbered(2);
    let mut json = serde_json::to_value(prediction()).unwrap();
    json["reader"] = json!("me");
    json["keypoints"][0]["comment"] = Value::Null;
    let table = String::from_utf8(csv_predictions(&[prediction()]).unwrap()).unwrap();
    let more: String =
        table.lines().zip(["note", "", "x"]).map(|(line, more)| format!("{line},{more}\n")).collect();
    for text in [
        format!("\u{feff}{json}"),
        coco_predictions(&[prediction()], &skeleton).unwrap(),
        table.replace(',', ";").replace(".5", ",5"),
        more,
        table,
    ] {
        let read = PredictionRecord::from_bytes("p", text.as_bytes(), &skeleton);
        assert_eq!(read.unwrap_or_else(|error| panic!("{error}: {text}")), [prediction()], "{text}");
        assert_eq!(one(text.as_bytes()), expected(), "{text}");
    }
    for (text, expected) in [
        (json.to_string().replace("300.0", "1e9"), "1 at (100, 1000000000) on 200 x 400 px"),
        ("[1]".to_owned(), "at [0]: invalid type: integer `1`"),
        ("".to_owned(), "it is empty; expected a header"),
    ] {
        let message = PredictionRecord::from_bytes("p", text.as_bytes(), &skeleton).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn labels_of_a_manifest_are_read_as_predictions() {
    let text = serde_json::to_string(&Manifest { entries: vec![expected()] }).unwrap();
    let read = PredictionRecord::from_bytes("m", text.as_bytes(), &Skeleton::numbered(2)).unwrap();
    assert_eq!((read.len(), read[0].image.as_str(), read[0].size()), (1, "a.png", SIZE));
    assert_eq!(read[0].points(), prediction().points());
    assert_eq!((read[0].keypoints[1].confidence, read[0].keypoints[1].hinted), (1.0, false));
}

/// Valid files in each format, the basis of damaged ones.
fn seeds() -> Vec<Sample> {
    let skeleton = Skeleton::numbered(2);
    let manifest = Manifest { entries: vec![expected(), expected()] };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seed");
    let written = |path: &Path| std::fs::read(path).unwrap();
    let mut seeds = vec![coco().to_string().into_bytes()];
    manifest.write(&path).unwrap();
    seeds.push(written(&path));
    manifest.write_coco(&path, &skeleton).unwrap();
    seeds.push(written(&path));
    manifest.write_csv(&path, &skeleton).unwrap();
    seeds.push(written(&path));
    seeds.push(csv_predictions(&[prediction()]).unwrap());
    seeds.push(coco_predictions(&[prediction()], &skeleton).unwrap().into_bytes());
    seeds.push(
        b"sep=;\nimage;width;height;keypoint;x;y\na.png;200;400;1;100,0;300\na.png;200;400;0;50;1\n".to_vec(),
    );
    let sample = |(number, bytes): (usize, Vec<u8>)| Sample::new(format!("file {number}"), bytes);
    seeds.into_iter().enumerate().map(sample).collect()
}

/// Byte sequences that are meaningful in one of the formats, to insert.
const PIECES: [&str; 24] = [
    ",",
    ";",
    "\t",
    "\n",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ":",
    "null",
    "true",
    "-",
    "1e999",
    "NaN",
    "1e9",
    "0",
    "\u{feff}",
    "\\u0000",
    "[]",
    "{}",
    "keypoints",
    "ä",
    "18446744073709551616",
];

#[test]
fn damaged_files_give_plausible_points_or_an_error() {
    let skeleton = Skeleton::numbered(2);
    let near = |value: f32, side: usize| (-1.001..=2.001).contains(&(value / side as f32));
    let labels = Trial::new("labels", seeds()).with_pieces(&PIECES).run(|bytes| {
        LabelFile::from_bytes("labels", bytes, &skeleton).is_ok_and(|file| {
            for entry in &file.manifest.entries {
                assert_eq!(entry.corners_yx.len(), 2);
                let [height, width] = entry.y_x_size.map(|side| side as usize);
                let points = entry.keypoints();
                let all_near = points.iter().all(|p| p.is_absent() || near(p.x, width) && near(p.y, height));
                assert!(all_near, "{points:?} on {}", entry.size());
            }
            true
        })
    });
    let predictions = Trial::new("predictions", seeds()).with_pieces(&PIECES).run(|bytes| {
        PredictionRecord::from_bytes("p", bytes, &skeleton).is_ok_and(|found| {
            for found in found {
                let all_near =
                    found.points().iter().all(|p| near(p.x, found.width) && near(p.y, found.height));
                assert!(all_near, "{found:?}");
            }
            true
        })
    });
    for tried in [labels, predictions] {
        assert!(tried.accepted > tried.files / 40, "{tried:?}: the damage is too severe for a useful test");
    }
}
