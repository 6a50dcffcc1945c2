use std::path::Path;

use ikem_core::{Keypoints, Point, Size, Skeleton};
use serde_json::{Value, json};

use super::*;
use crate::error::Error;
use crate::manifest::ManifestEntry;

fn quads(count: usize) -> Value {
    let quad = |i: usize| {
        let y = 20 * i;
        json!([[50, y], [70, y + 1], [49, y + 15], [71, y + 16]])
    };
    (0..count).map(quad).collect()
}

fn boxes(count: usize) -> Value {
    (0..count).map(|i| json!([50, 20 * i, 70.5, 20 * i + 15])).collect()
}

fn read(file: &str, json: &Value, reader: fn(&Path) -> Result<Vec<Film>, Error>) -> Result<Vec<Film>, Error> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file), json.to_string()).unwrap();
    let films = reader(folder.path())?;
    assert!(films.iter().all(|film| film.path.starts_with(folder.path().join("images"))));
    Ok(films)
}

#[test]
fn quads_become_corners_and_a_tenth_of_the_films_is_for_validation() {
    let entry = |i: usize| {
        let count = [17, 16, 18][i % 3];
        json!({"image": format!("images/{i:06}.jpg"), "film_x": [114, 396], "quads": quads(count)})
    };
    let list: Value = (0..600).map(entry).collect();
    let films = read("quads.json", &list, read_spinal_ai).unwrap();
    assert_eq!(films.len(), 600);
    for (i, film) in films.iter().enumerate() {
        assert_eq!((film.complete, film.vertebrae.len()), (false, [17, 16, 18][i % 3]));
        assert_eq!((film.area, film.size), (Some([114.0, 396.0]), None));
        let third = [(50.0, 40.0), (70.0, 41.0), (49.0, 55.0), (71.0, 56.0)];
        assert_eq!(film.vertebrae[2], third.map(|(x, y)| Point::new(x, y)));
    }
    let held = films.iter().filter(|film| film.set == Subset::Val).count();
    assert!((40..=80).contains(&held), "{held} of 600");
    let again = read("quads.json", &list, read_spinal_ai).unwrap();
    assert!(films.iter().zip(&again).all(|(a, b)| a.set == b.set));
}

#[test]
fn boxes_become_corners() {
    let list = json!([
        {"image": "images/00.jpg", "set": "train", "boxes": boxes(17)},
        {"image": "images/01.jpg", "set": "val", "boxes": boxes(13)},
    ]);
    let films = read("boxes.json", &list, read_whole_films).unwrap();
    assert_eq!(films.iter().map(|film| film.set).collect::<Vec<_>>(), [Subset::Train, Subset::Val]);
    assert!(films.iter().all(|film| !film.complete));
    let second = [(50.0, 20.0), (70.5, 20.0), (50.0, 35.0), (70.5, 35.0)];
    assert_eq!(films[1].vertebrae[1], second.map(|(x, y)| Point::new(x, y)));
    assert_eq!(films[1].area, None);
}

#[test]
fn films_of_a_manifest_are_complete_if_in_order() {
    let keypoints = (0..68).map(|i| Point::new(10.0 + (i % 2) as f32, (i / 2) as f32)).collect();
    let spine = Skeleton::spine();
    let size = Size::new(100, 200);
    let entry = ManifestEntry::from_keypoints("a.png".to_owned(), &keypoints, size, Subset::Test, &spine);
    let manifest = Manifest { entries: vec![entry] };
    let films = films_of_manifest(&manifest, Path::new("root"), &spine);
    assert_eq!(films.len(), 1);
    let film = &films[0];
    assert_eq!((film.path.as_path(), film.set), (Path::new("root/a.png"), Subset::Test));
    assert_eq!((film.complete, film.vertebrae.len(), film.size), (true, 17, Some(size)));
    assert!(film.vertebrae[16][3].distance(Point::new(11.0, 33.0)) < 1e-3);
    let mut swapped = manifest.clone();
    swapped.entries[0].corners_yx.rotate_left(4);
    let sorted = &films_of_manifest(&swapped, Path::new("root"), &spine)[0];
    assert!(!sorted.complete);
    assert_eq!(sorted.vertebrae, film.vertebrae);
    let none = films_of_manifest(&manifest, Path::new("root"), &Skeleton::numbered(68));
    assert!(none[0].vertebrae.is_empty() && !none[0].complete);
}

#[test]
fn errors_name_the_entry_and_its_field() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 7] = [
        ("no image", |e| e["image"] = "".into(), "entry 1 (), field image: an empty string"),
        ("bars", |e| e["film_x"] = json!([9, 3]), "entry 1 (images/a.jpg), field film_x: [9, 3]"),
        ("none", |e| e["quads"] = json!([]), "field quads: 0 vertebrae; expected at least 2"),
        ("far", |e| e["quads"][3][2][0] = json!(1e9), "field quads[3]: "),
        (
            "order",
            |e| e["quads"][3] = e["quads"][2].clone(),
            "field quads[3]: not below the previous vertebra",
        ),
        ("corner", |e| e["quads"][3] = json!([[1, 2], [3, 4]]), "[1].quads[3]"),
        ("text", |e| e["quads"][3][1][0] = "x".into(), "[1].quads[3][1][0]"),
    ];
    // A field of a newer list is ignored.
    let entry = json!({"image": "images/a.jpg", "film_x": [0, 100], "quads": quads(17), "names": []});
    assert_eq!(read("quads.json", &json!([entry]), read_spinal_ai).unwrap().len(), 1);
    for (name, change, expected) in cases {
        let mut list = json!([entry, entry]);
        change(&mut list[1]);
        let message = read("quads.json", &list, read_spinal_ai).expect_err(name).to_string();
        assert!(message.contains(expected), "{name}: {message}");
    }
    let mut list = json!([{"image": "images/a.jpg", "set": "train", "boxes": boxes(17)}]);
    list[0]["boxes"][4] = json!([70, 80, 50, 95]);
    let message = read("boxes.json", &list, read_whole_films).unwrap_err().to_string();
    assert!(message.contains("field boxes[4]: [70.0, 80.0, 50.0, 95.0]; expected [x0, y0"), "{message}");
    list[0]["set"] = "dev".into();
    let message = read("boxes.json", &list, read_whole_films).unwrap_err().to_string();
    assert!(message.contains("[0].set") && message.contains("unknown variant `dev`"), "{message}");
}

/// A film with `count` vertebrae, 20 pixels apart, starting at `top`.
fn marked(count: usize, top: f32) -> Film {
    let vertebra = |i: usize| {
        let y = top + 20.0 * i as f32;
        [(50.0, 0.0), (70.0, 0.0), (50.0, 14.0), (70.0, 14.0)].map(|(x, down)| Point::new(x, y + down))
    };
    let vertebrae = (0..count).map(vertebra).collect();
    let (path, size, set) = ("film.png".into(), None, Subset::Train);
    Film { path, size, set, vertebrae, complete: false, area: None }
}

fn predicted(top: f32) -> Keypoints {
    marked(COLUMN, top).vertebrae.concat().into()
}

#[test]
fn vertebrae_are_named_if_exactly_one_count_agrees() {
    // C7 to S1, so T1 is the second mark.
    let film = marked(19, 80.0);
    let named = film.named(&predicted(102.0)).expect("names");
    assert_eq!(*named, film.vertebrae[1..18].concat());
    // Half a level off, two counts fit equally well.
    assert_eq!(film.named(&predicted(110.0)), None);
    // T1 is not marked.
    assert_eq!(film.named(&predicted(60.0)), None);
    // L5 is not marked.
    assert_eq!(marked(16, 80.0).named(&predicted(80.0)), None);
    // They may be missing at the ends, T2 to L4 here, but no more than three.
    let seen = predicted(80.0);
    let in_part = marked(15, 102.0).named_in_part(&seen).expect("names");
    assert_eq!(in_part[..4], seen[..4]);
    assert_eq!(in_part[4..64], *marked(15, 102.0).vertebrae.concat());
    assert_eq!(in_part[64..], seen[64..]);
    assert_eq!(film.named_in_part(&predicted(102.0)), film.named(&predicted(102.0)));
    assert_eq!(marked(13, 102.0).named_in_part(&seen), None);
    // Another skeleton.
    assert_eq!(film.named(&vec![Point::default(); 12].into()), None);
}

#[test]
fn training_films_take_the_names_of_the_same_image() {
    let mut films = vec![marked(19, 80.0), Film { path: "other.png".into(), ..marked(17, 80.0) }];
    films.push(Film { set: Subset::Val, ..films[0].clone() });
    let size = Some(Size::new(100, 500));
    let named = Film { complete: true, size, ..marked(COLUMN, 100.0) };
    let unsorted = Film { path: "other.png".into(), ..named.clone() };
    assert_eq!(take_names(&mut films, &[named.clone(), Film { complete: false, ..unsorted }]), 1);
    assert_eq!(films[0], named);
    assert_eq!((films[1].complete, films[2].complete), (false, false));
    assert_eq!(films[2].vertebrae.len(), 19);
}
