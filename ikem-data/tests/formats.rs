//! COCO and CSV: round trips, and files of other programs.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::path::PathBuf;

use ikem_core::{Size, Skeleton, Spacing};
use ikem_data::{
    Error, Manifest, ManifestEntry, PredictedKeypoint, PredictionRecord, Review, Split, Subset, Verdict,
    csv_predictions, read_coco_predictions, read_csv_predictions, write_coco_predictions,
    write_csv_predictions,
};
use proptest::prelude::*;
use serde_json::{Value, json};

struct Scratch {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn scratch() -> Scratch {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    Scratch { _folder: folder, path }
}

/// Any valid manifest of `spine`, with numbered images.
fn any_manifest() -> impl Strategy<Value = Manifest> {
    let entry = (
        prop::collection::vec(prop::array::uniform2(-0.5_f64..1.5), 68),
        prop::collection::vec(prop::array::uniform2(-0.5_f64..1.5), 17),
        prop::array::uniform2(1_u32..5000),
        prop::sample::select(vec![Subset::Train, Subset::Val, Subset::Test]),
        "[a-zA-Z0-9 ,\"ä/]{0,12}",
    );
    prop::collection::vec(entry, 0..4).prop_map(|entries| {
        let entry = |(place, (corners_yx, centers_yx, y_x_size, set, name)): (usize, _)| {
            let image_path = format!("{place}{name}");
            ManifestEntry { image_path, corners_yx, centers_yx, y_x_size, set }
        };
        Manifest { entries: entries.into_iter().enumerate().map(entry).collect() }
    })
}

/// Any review of a spine, or none.
fn any_review() -> impl Strategy<Value = Option<Review>> {
    let verdict = prop_oneof![
        Just(Verdict::Open),
        Just(Verdict::Accepted),
        prop_oneof!["=1;, \"2\"", "implants", ""].prop_map(Verdict::Unusable),
    ];
    let ends = prop::collection::vec((0_usize..8, 8_usize..17), 0..3);
    prop::option::of((verdict, ends)).prop_map(|review| {
        let (verdict, ends) = review?;
        let ends: Vec<[usize; 2]> = ends.into_iter().map(|(upper, lower)| [upper, lower]).collect();
        Some(Review::new(verdict, &ends, &Skeleton::spine()))
    })
}

/// Any valid predictions of the spine.
fn any_predictions() -> impl Strategy<Value = Vec<PredictionRecord>> {
    let keypoint = (-0.99_f32..1.99, -0.99_f32..1.99, 0_f32..1.0, any::<bool>());
    let prediction = (
        prop::collection::vec(keypoint, 68),
        (1_usize..5000, 1_usize..5000),
        prop::option::of(prop::array::uniform3(-90_f64..90.0)),
        prop::option::of((0.01_f64..2.0, 0.01_f64..2.0)),
        any_review(),
    );
    prop::collection::vec(prediction, 0..4).prop_map(|predictions| {
        let names = Skeleton::spine().names().to_vec();
        let predictions = predictions.into_iter().enumerate();
        let prediction = predictions.map(|(place, (keypoints, (width, height), cobb, spacing, review))| {
            PredictionRecord {
                image: format!("image {place}.png"),
                width,
                height,
                keypoints: names
                    .iter()
                    .zip(keypoints)
                    .map(|(name, (x, y, confidence, hinted))| PredictedKeypoint {
                        name: name.clone(),
                        x: x * width as f32,
                        y: y * height as f32,
                        confidence,
                        hinted,
                    })
                    .collect(),
                absent: Vec::new(),
                cobb,
                spacing: spacing.and_then(|(x, y)| Spacing::new(x, y)),
                seen: None,
                doubt: None,
                review,
            }
        });
        prediction.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn labels_round_trip_through_coco_and_csv(manifest in any_manifest()) {
        let (spine, file) = (Skeleton::spine(), scratch());
        manifest.write_coco(&file.path, &spine).unwrap();
        prop_assert_eq!(&Manifest::read_coco(&file.path, &spine).unwrap(), &manifest);
        manifest.write_csv(&file.path, &spine).unwrap();
        prop_assert_eq!(&Manifest::read_csv(&file.path, &spine).unwrap(), &manifest);
    }

    #[test]
    fn predictions_round_trip_through_coco_and_csv(predictions in any_predictions()) {
        let (spine, file) = (Skeleton::spine(), scratch());
        write_coco_predictions(&file.path, &predictions, &spine).unwrap();
        prop_assert_eq!(&read_coco_predictions(&file.path, &spine).unwrap(), &predictions);
        write_csv_predictions(&file.path, &predictions).unwrap();
        prop_assert_eq!(&read_csv_predictions(&file.path).unwrap(), &predictions);
    }

    #[test]
    fn damaged_files_are_errors_and_never_panic(
        manifest in any_manifest(),
        predictions in any_predictions(),
        kind in 0..6,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let (spine, file) = (Skeleton::spine(), scratch());
        match (kind, predictions.first()) {
            (0, _) => manifest.write(&file.path),
            (1, _) => manifest.write_coco(&file.path, &spine),
            (2, _) => manifest.write_csv(&file.path, &spine),
            (3, _) => write_coco_predictions(&file.path, &predictions, &spine),
            (4, Some(one)) => one.write(&file.path),
            _ => write_csv_predictions(&file.path, &predictions),
        }
        .unwrap();
        let mut bytes = std::fs::read(&file.path).unwrap();
        for (place, value) in changes {
            *place.get_mut(&mut bytes) = value;
        }
        bytes.truncate(bytes.len().min(2 * cut.index(bytes.len())));
        std::fs::write(&file.path, bytes).unwrap();
        let _ = Manifest::read(&file.path, &spine);
        let _ = Manifest::read_coco(&file.path, &spine);
        let _ = Manifest::read_csv(&file.path, &spine);
        let _ = read_coco_predictions(&file.path, &spine);
        let _ = read_csv_predictions(&file.path);
        let _ = PredictionRecord::read(&file.path);
        let _ = Split::read(&file.path);
    }
}

/// A file as another program would write it: two keypoints, no field `ikem`.
fn foreign() -> Value {
    json!({
        "info": {"year": 2024},
        "licenses": [],
        "images": [{"id": 7, "file_name": "a.png", "width": 200, "height": 400, "date_captured": "now"}],
        "annotations": [{
            "id": 1, "image_id": 7, "category_id": 3, "keypoints": [50, 100, 2, 150, 300.5, 1], "num_keypoints": 2,
            "score": 0.25, "segmentation": [],
        }],
        "categories": [
            {"id": 1, "name": "person", "keypoints": ["nose"]},
            {"id": 3, "name": "bone", "keypoints": ["0", "1"], "skeleton": [[1, 2]]},
        ],
    })
}

fn read_foreign(json: &Value) -> Result<Manifest, Error> {
    let file = scratch();
    std::fs::write(&file.path, json.to_string()).unwrap();
    Manifest::read_coco(&file.path, &Skeleton::numbered(2))
}

#[test]
fn files_of_other_programs_are_read() {
    let manifest = read_foreign(&foreign()).unwrap();
    assert_eq!(manifest.entries.len(), 1);
    let entry = &manifest.entries[0];
    assert_eq!(
        (entry.image_path.as_str(), entry.set, entry.size()),
        ("a.png", Subset::Train, Size::new(200, 400))
    );
    assert_eq!(entry.corners_yx, [[0.25, 0.25], [300.5 / 400.0, 0.75]]);
    let file = scratch();
    std::fs::write(&file.path, foreign().to_string()).unwrap();
    let predictions = read_coco_predictions(&file.path, &Skeleton::numbered(2)).unwrap();
    assert_eq!(predictions[0].keypoints[1].y, 300.5);
    assert_eq!(predictions[0].keypoints[1].confidence, 0.25);
}

#[test]
fn keypoints_edited_by_other_programs_take_precedence() {
    let (spine, file) = (Skeleton::spine(), scratch());
    let corners = vec![[0.1, 0.3]; 68];
    let entry = ManifestEntry::new("a.png".to_owned(), corners, Size::new(70, 90), Subset::Val, &spine);
    Manifest { entries: vec![entry] }.write_coco(&file.path, &spine).unwrap();
    let mut json: Value = serde_json::from_slice(&std::fs::read(&file.path).unwrap()).unwrap();
    assert_eq!(json["categories"][0]["skeleton"][0], json!([1, 2]));
    assert_eq!(json["annotations"][0]["num_keypoints"], 68);
    json["annotations"][0]["keypoints"][3] = json!(35.0);
    std::fs::write(&file.path, json.to_string()).unwrap();
    let entry = Manifest::read_coco(&file.path, &spine).unwrap().entries.remove(0);
    assert_eq!(entry.corners_yx[1], [0.1, 0.5]);
    assert_eq!(entry.set, Subset::Val);
}

#[test]
fn errors_in_coco_files_name_the_entry_and_field() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 7] = [
        ("too few", |f| f["annotations"][0]["keypoints"] = json!([1, 2, 2]), "3 numbers; expected 6"),
        ("no annotation", |f| f["annotations"] = json!([]), "1 images but no labels"),
        ("no image", |f| f["images"] = json!([]), "an annotation of image 7"),
        (
            "other names",
            |f| f["categories"][1]["keypoints"] = json!(["a", "b"]),
            "the category \"bone\" lists 2 keypoints, but not 0 exactly once",
        ),
        ("no size", |f| f["images"][0]["width"] = json!(0), "0 x 400 px"),
        ("text", |f| f["annotations"][0]["keypoints"][0] = json!("x"), "annotations[0].keypoints[0]"),
        (
            "twice",
            |f| {
                let a = f["annotations"][0].clone();
                f["annotations"].as_array_mut().unwrap().push(a);
            },
            "annotations[1] is a second one of image 7",
        ),
    ];
    for (name, change, expected) in cases {
        let mut json = foreign();
        change(&mut json);
        let message = read_foreign(&json).expect_err(name).to_string();
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn errors_in_csv_files_name_the_entry_and_field() {
    let (spine, file) = (Skeleton::spine(), scratch());
    let corners = vec![[0.1, 0.3]; 68];
    let entry = ManifestEntry::new("a.png".to_owned(), corners, Size::new(70, 90), Subset::Val, &spine);
    Manifest { entries: vec![entry] }.write_csv(&file.path, &spine).unwrap();
    let text = std::fs::read_to_string(&file.path).unwrap();
    assert!(text.starts_with("image_path,set,height,width,T1-TL y,T1-TL x,"));
    for (from, to, expected) in [
        (
            "image_path",
            "path",
            "no column \"image\" (or \"image_path\", \"file_name\", \"file\") among path, set,",
        ),
        ("T1-TL x", "T1-TL z", "no column \"T1-TL x\""),
        (",val,", ",dev,", "entry 0 (a.png), field set: \"dev\"; expected train, val or test"),
        (",0.3,", ",x,", "field T1-TL x: \"x\"; expected a relative coordinate"),
        (",0.3,", ",99,", "field T1-TL x: 99; expected a coordinate relative to"),
        (",90,", ",-90,", "field height: \"-90\"; expected pixels"),
        (",90,", ",90,7,", "field line 2: 175 fields; expected 174, as in the header"),
    ] {
        std::fs::write(&file.path, text.replacen(from, to, 1)).unwrap();
        let message = Manifest::read_csv(&file.path, &spine).expect_err(expected).to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn manifests_are_split_and_merged() {
    let spine = Skeleton::spine();
    let entry = |name: &str, set| {
        ManifestEntry::new(name.to_owned(), vec![[0.5; 2]; 68], Size::new(9, 9), set, &spine)
    };
    let whole = Manifest {
        entries: vec![entry("a", Subset::Train), entry("b", Subset::Val), entry("c", Subset::Train)],
    };
    let (mut train, val) = (whole.of_set(Subset::Train), whole.of_set(Subset::Val));
    assert_eq!((train.entries.len(), val.entries.len()), (2, 1));
    train.merge(val.clone()).unwrap();
    train.merge(val).unwrap();
    assert_eq!(train.entries.len(), 3);
    let other = Manifest { entries: vec![entry("d", Subset::Test), entry("b", Subset::Train)] };
    assert!(train.merge(other).unwrap_err().to_string().contains("b with two different labels"));
    assert_eq!(train.entries.len(), 3, "nothing was added");
}

#[test]
fn tables_of_predictions_without_spacing_are_read() {
    let file = scratch();
    let table = "image,width,height,keypoint,x,y,confidence,hinted,cobb_1,cobb_2,cobb_3\n\
                 a.png,3,4,0,1,2,0.5,false,,,\n";
    std::fs::write(&file.path, table).unwrap();
    let read = read_csv_predictions(&file.path).unwrap();
    assert_eq!((read.len(), read[0].spacing), (1, None));
    std::fs::write(&file.path, table.replacen("keypoint", "name", 1)).unwrap();
    let message = read_csv_predictions(&file.path).unwrap_err().to_string();
    assert!(message.contains("no column \"keypoint\" among image, width"), "{message}");
}

#[test]
fn consecutive_predictions_of_one_image_are_not_written() {
    let file = scratch();
    let keypoint = PredictedKeypoint { name: "0".to_owned(), x: 1.0, y: 2.0, confidence: 0.5, hinted: false };
    let one = PredictionRecord {
        image: "a".to_owned(),
        width: 3,
        height: 4,
        keypoints: vec![keypoint],
        absent: Vec::new(),
        cobb: None,
        spacing: None,
        seen: None,
        doubt: None,
        review: None,
    };
    let twice = write_csv_predictions(&file.path, &[one.clone(), one.clone()]).unwrap_err();
    assert!(twice.to_string().contains("a twice"));
    let none = PredictionRecord { keypoints: vec![], ..one.clone() };
    assert!(write_csv_predictions(&file.path, &[none]).is_err());
    assert!(write_coco_predictions(&file.path, &[one], &Skeleton::numbered(2)).is_err());
    assert!(!file.path.exists());
}

#[test]
fn keypoints_that_are_not_visible_have_no_place_in_any_format() {
    let (file, skeleton) = (scratch(), Skeleton::numbered(3));
    let keypoint = |name: &str, x| PredictedKeypoint {
        name: name.to_owned(),
        x,
        y: 2.0,
        confidence: 0.5,
        hinted: x > 1.0,
    };
    let one = PredictionRecord {
        image: "=a.png".to_owned(),
        width: 9,
        height: 4,
        keypoints: vec![keypoint("0", 1.0), keypoint("2", 5.0)],
        absent: vec!["1".to_owned()],
        cobb: None,
        spacing: None,
        seen: None,
        doubt: None,
        review: None,
    };
    write_coco_predictions(&file.path, std::slice::from_ref(&one), &skeleton).unwrap();
    let text = std::fs::read_to_string(&file.path).unwrap();
    let coco: Value = serde_json::from_str(&text).unwrap();
    let annotation = &coco["annotations"][0];
    assert_eq!(annotation["keypoints"], json!([1.0, 2.0, 2.0, 0.0, 0.0, 0.0, 5.0, 2.0, 2.0]));
    assert_eq!((&annotation["num_keypoints"], &annotation["bbox"][2]), (&2.into(), &4.0.into()));
    assert_eq!(read_coco_predictions(&file.path, &skeleton).unwrap(), std::slice::from_ref(&one));
    let csv = String::from_utf8(csv_predictions(std::slice::from_ref(&one)).unwrap()).unwrap();
    assert_eq!(csv.lines().last(), Some("'=a.png,9,4,1,,,,,,,,,,,,,"), "the name is no formula");
    std::fs::write(&file.path, csv).unwrap();
    assert_eq!(read_csv_predictions(&file.path).unwrap(), std::slice::from_ref(&one));
    one.write(&file.path).unwrap();
    assert_eq!(PredictionRecord::read(&file.path).unwrap(), one);

    let both = PredictionRecord { absent: vec!["0".to_owned()], ..one.clone() };
    assert!(both.write(&file.path).unwrap_err().to_string().contains("0 both at a place and not visible"));
    let lacking = PredictionRecord { absent: Vec::new(), ..one };
    assert!(write_coco_predictions(&file.path, &[lacking], &skeleton).is_err());
}
