//! What a study needs: points that are not visible, confirmed points, chosen end vertebrae, remarks, the table, and one key to go on.

use std::path::PathBuf;
use std::time::Duration;

use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::browser::{Browser, DOWN, UP, to};
use crate::{CONTROL, SHIFT, distance, points};

/// L5-TL.
const LAST: usize = 64;

pub(crate) async fn says_what_a_study_needs(browser: &Browser) {
    browser.click("#welcomed").await;
    browser.until("state.welcomed").await;
    marks_what_is_not_visible(browser).await;
    confirms_points(browser).await;
    moves_a_vertebra(browser).await;
    chooses_end_vertebrae(browser).await;
    hides_points_while_a_key_is_held(browser).await;
    says_something_of_the_film(browser).await;
    accepts_and_undoes_only_that(browser).await;
    exports_the_table(browser).await;
    asks_before_it_imports_the_points_of_another_film(browser).await;
    imports_a_whole_folder_after_a_summary(browser).await;
    searches_filters_and_sorts_the_list(browser).await;
}

/// Takes back one action.
pub(crate) async fn undo(browser: &Browser) {
    let before = browser.state("state.image.revision").await;
    browser.press(&[&[CONTROL, 'z']]).await;
    browser.until(&format!("state.image.revision > {before} && !state.busy")).await;
}

pub(crate) async fn choose(browser: &Browser, index: usize) {
    browser
        .js(&format!("document.querySelectorAll('#point-grid [role=gridcell] button')[{index}].click()"))
        .await;
    browser.js("document.getElementById('film').focus()").await;
    browser.until(&format!("state.chosen === {index}")).await;
}

async fn marks_what_is_not_visible(browser: &Browser) {
    choose(browser, LAST).await;
    browser.press(&[&[SHIFT, 'q']]).await;
    browser.until("state.image.absent.length === 4 && !state.busy").await;
    browser.until("document.querySelectorAll('#point-grid [data-state=absent]').length === 4").await;
    assert_eq!(browser.state("state.image.angles.clinical.some(({ lower }) => lower === 16)").await, false);
    browser.picture("not-visible").await;
    browser.press(&[&[SHIFT, 'q']]).await;
    browser.until("state.image.absent.length === 0 && !state.busy").await;
    browser.press(&[&['q']]).await;
    browser.until("state.image.absent.length === 1 && !state.busy").await;
    browser.press(&[&[CONTROL, 'z']]).await;
    browser.until("state.image.absent.length === 0 && !state.busy").await;
    // The vertebra stays marked for what follows.
    browser.press(&[&[SHIFT, 'q']]).await;
    browser.until("state.image.absent.length === 4 && !state.busy").await;
}

async fn confirms_points(browser: &Browser) {
    let before = points(browser).await;
    let hints = browser.state("state.image.hints.length").await.as_u64().expect("a number");
    choose(browser, 8).await;
    browser.press(&[&[Key::Enter.into()]]).await;
    browser.until(&format!("state.image.hints.length === {} && !state.busy", hints + 1)).await;
    assert_eq!(browser.state("state.image.keypoints[8].hinted").await, true);
    let after = points(browser).await;
    assert!(distance(before[8], after[8]) < 1e-6, "{:?} became {:?}", before[8], after[8]);
    browser.press(&[&[SHIFT, Key::Enter.into()]]).await;
    browser.until(&format!("state.image.hints.length === {} && !state.busy", hints + 4)).await;
    browser.press(&[&[CONTROL, 'z']]).await;
    browser.until(&format!("state.image.hints.length === {} && !state.busy", hints + 1)).await;
    choose(browser, 12).await;
    browser.click("[data-command=confirmPoint]").await;
    browser.until(&format!("state.image.hints.length === {} && !state.busy", hints + 2)).await;
    assert_eq!(browser.js("return document.activeElement.id").await, "film", "the arrow keys move the point");
}

async fn moves_a_vertebra(browser: &Browser) {
    let (from, before) = (browser.place_of(20).await, points(browser).await);
    let target = (from.0 + 12.0, from.1 + 4.0);
    browser.shift_drag(from, target).await;
    browser.until("state.image.keypoints[20].hinted && state.moving === null && !state.busy").await;
    let after = points(browser).await;
    for k in 20..24 {
        let (dx, dy) = (after[k].0 - before[k].0, after[k].1 - before[k].1);
        let (ex, ey) = (after[20].0 - before[20].0, after[20].1 - before[20].1);
        assert!(
            (dx - ex).abs() < 0.01 && (dy - ey).abs() < 0.01,
            "corner {k} moved by {dx}, {dy}, not {ex}, {ey}"
        );
        assert_eq!(browser.state(&format!("state.image.keypoints[{k}].hinted")).await, true);
    }
    browser.press(&[&[CONTROL, 'z']]).await;
    browser.until("!state.image.keypoints[20].hinted && !state.busy").await;
    assert_eq!(points(browser).await, before);
    // The same by keys.
    choose(browser, 21).await;
    browser.press(&[&[Key::Alt.into(), SHIFT, Key::Right.into()], &[Key::Enter.into()]]).await;
    browser.until("state.image.keypoints[23].hinted && state.moving === null && !state.busy").await;
    let after = points(browser).await;
    assert!((20..24).all(|k| distance(after[k], (before[k].0 + 1.0, before[k].1)) < 0.01), "{after:?}");
    browser.press(&[&[CONTROL, 'z']]).await;
    browser.until("!state.image.keypoints[23].hinted && !state.busy").await;
}

async fn chooses_end_vertebrae(browser: &Browser) {
    browser.click("[data-convention=clinical]").await;
    browser.until("document.querySelectorAll('#cobb-list .end').length > 1").await;
    let upper = browser.state("state.image.angles.clinical[0].upper").await.as_u64().expect("an index");
    let lower = browser.state("state.image.angles.clinical[0].lower").await.as_u64().expect("an index");
    let change = format!(
        "const list = document.querySelector('[data-end=\"0-lower\"]'); list.value = {}; list.dispatchEvent(new Event('change'))",
        lower - 1
    );
    browser.js(&change).await;
    browser.until("state.image.ends.length === 1 && !state.busy").await;
    assert_eq!(browser.state("state.image.ends[0]").await, json!([upper, lower - 1]));
    browser.until("document.querySelector('#cobb-list .pin[aria-pressed=true]') !== null").await;
    browser.picture("ends").await;
    let place = browser.place_of(40).await;
    browser
        .mouse([
            to(place, 0),
            DOWN,
            to((place.0 + 5.0, place.1), 60),
            to((place.0 + 6.0, place.1 + 3.0), 60),
            UP,
        ])
        .await;
    browser.until("state.image.keypoints[40].hinted && !state.busy").await;
    assert_eq!(
        browser.state("state.image.ends[0]").await,
        json!([upper, lower - 1]),
        "it survives a correction"
    );
    let shown = browser.state("state.image.angles.clinical.filter(({ fixed }) => fixed).map(({ upper, lower }) => [upper, lower])").await;
    assert_eq!(shown, json!([[upper, lower - 1]]));
}

async fn hides_points_while_a_key_is_held(browser: &Browser) {
    let drawn = "const canvas = document.getElementById('points-canvas');
        return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0)";
    browser.js("document.getElementById('film').focus()").await;
    browser.js("document.getElementById('film').dispatchEvent(new KeyboardEvent('keydown', { key: 'z', bubbles: true }))").await;
    browser.until("state.hidden").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(browser.js(drawn).await, false, "points are still drawn");
    browser.js("document.getElementById('film').dispatchEvent(new KeyboardEvent('keyup', { key: 'z', bubbles: true }))").await;
    browser.until("!state.hidden").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(browser.js(drawn).await, true);
}

async fn says_something_of_the_film(browser: &Browser) {
    browser.js("const name = document.getElementById('who-name'); name.value = 'Jürgen'; document.getElementById('who').requestSubmit()").await;
    browser.until("state.annotator === 'Jürgen' && document.getElementById('who').hidden").await;
    browser.click("#tab-film").await;
    let type_in = |field: &str, text: &str| {
        format!(
            "const field = document.getElementById('{field}'); field.value = '{text}'; field.dispatchEvent(new Event('change'))"
        )
    };
    browser.js(&type_in("remark", "=brace")).await;
    browser.until("state.image.remark === '=brace' && !state.busy").await;
    browser.js(&type_in("seen-from", "behind")).await;
    browser.until("state.image.seen_from === 'behind' && !state.busy").await;
    browser.until_text("#cobb-list", "convex to patient’s").await;
    assert_eq!(browser.state("state.image.annotators").await, json!(["Jürgen"]));
    browser.js(&type_in("unusable", "implants")).await;
    browser.until("state.image.status === 'unusable' && !state.busy").await;
    browser.until_text("#progress-text", "1 unusable").await;
    browser.until_text("#kept-in", "film-1.png.ikem.json").await;
    browser.picture("film-panel").await;
    browser.press(&[&[CONTROL, 'z']]).await;
    browser.js("document.getElementById('film').focus()").await;
    browser.press(&[&[CONTROL, 'z']]).await;
    browser.until("state.image.status === 'in_work' && !state.busy").await;
    browser.click("#tab-points").await;
}

async fn accepts_and_undoes_only_that(browser: &Browser) {
    let hints = browser.state("state.image.hints.length").await;
    let name = browser.state("state.image.name").await;
    let name = name.as_str().expect("a name").to_owned();
    browser.press(&[&['y']]).await;
    browser
        .until(&format!("state.image.name !== '{name}' && state.loading === null && state.opening === null"))
        .await;
    browser
        .until(&format!("state.images.find(({{ name }}) => name === '{name}').status === 'accepted'"))
        .await;
    browser.press(&[&[Key::PageUp.into()]]).await;
    browser.until_shown(&name).await;
    browser.until("state.opening === null").await;
    browser.press(&[&[CONTROL, 'z']]).await;
    browser.until("state.image.status === 'in_work' && !state.busy").await;
    assert_eq!(browser.state("state.image.hints.length").await, hints, "undo takes back the acceptance only");
    // Keys that are pressed while another film is opened are for none.
    browser.js("window.ikem.store.set({ opening: 999 })").await;
    browser.press(&[&['a'], &[CONTROL, 'z']]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(browser.state("[state.image.status, state.busy]").await, json!(["in_work", false]));
    browser.js("window.ikem.store.set({ opening: null })").await;
    // A point that keys move is committed when the page is left.
    choose(browser, 30).await;
    browser.press(&[&[Key::Right.into()]]).await;
    browser.until("state.moving?.byKeys").await;
    let moved = browser.state("state.moving.x").await.as_f64().expect("x");
    browser.js("location.reload()").await;
    browser.until_shown(&name).await;
    let kept = browser.state("state.image.keypoints[30]").await;
    assert_eq!(kept["hinted"], true);
    assert!((kept["x"].as_f64().expect("x") - moved).abs() < 1e-3, "{kept}");
}

async fn exports_the_table(browser: &Browser) {
    browser.click("#export-button").await;
    browser.picture("export-study").await;
    browser.click("[data-export-all='study.csv?bom=1']").await;
    let file = download(browser, "study.csv").await;
    let text = std::fs::read_to_string(file).expect("a table");
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    assert_ne!(text.len(), text.trim_start_matches('\u{feff}').len(), "with a BOM");
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let row: Vec<&str> = lines.next().expect("a row").split(',').collect();
    let cell = |name: &str| row[header.iter().position(|own| *own == name).expect(name)];
    assert_eq!((cell("file"), cell("annotators"), cell("remark")), ("film-1.png", "Jürgen", "'=brace"));
    let curve = browser.state("state.image.angles.clinical[0]").await;
    let names: Value = browser.state("state.skeleton.vertebrae.map(({ name }) => name)").await;
    let vertebra = |end: &str| {
        names[curve[end].as_u64().expect("an index") as usize].as_str().expect("a name").to_owned()
    };
    assert_eq!(
        (cell("curve_1_upper"), cell("curve_1_lower")),
        (vertebra("upper").as_str(), vertebra("lower").as_str())
    );
    assert_eq!((cell("curve_1_ends_fixed"), cell("not_visible")), ("true", "L5-TL L5-TR L5-BL L5-BR"));
    let degrees: f64 = cell("curve_1_degrees").parse().expect("a number");
    assert!((degrees - curve["degrees"].as_f64().expect("degrees")).abs() < 0.006);
}

async fn asks_before_it_imports_the_points_of_another_film(browser: &Browser) {
    browser.click("#export-button").await;
    browser.click("[data-export='keypoints.csv']").await;
    let file = download(browser, "film-1-keypoints.csv").await;
    let text = std::fs::read_to_string(&file).expect("a table");
    let other = file.with_file_name("other.csv");
    std::fs::write(&other, text.replace("film-1.png", "film-7.png")).expect("a table of another film");
    let hints = browser.state("state.image.hints.length").await;
    browser.press(&[&[SHIFT, 'r']]).await;
    browser.until("state.image.hints.length === 0 && !state.busy").await;
    browser.give_file("#import-file", &other).await;
    browser.until_text("#other-film", "film-7.png").await;
    browser.picture("other-film").await;
    browser.click("#other-film [data-command=noImport]").await;
    browser.until("state.otherFilm === null").await;
    assert_eq!(browser.state("state.image.hints.length").await, 0);
    browser.give_file("#import-file", &other).await;
    browser.until("state.otherFilm !== null").await;
    browser.click("[data-command=sureImport]").await;
    browser.until(&format!("state.image.hints.length === {hints} && !state.busy")).await;
    assert_eq!(browser.state("state.image.absent.length").await, 4);
}

async fn imports_a_whole_folder_after_a_summary(browser: &Browser) {
    browser.click("#export-button").await;
    browser.click("[data-export-all='coco.json']").await;
    let file = download(browser, "coco.json").await;
    let coco: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    let names = coco["images"].as_array().expect("images").iter().map(|image| image["file_name"].clone());
    let mut coco = coco.clone();
    assert_eq!(names.collect::<Vec<_>>(), ["film-1.png"]);
    // The same points for another film of the folder, and for one that is not there.
    for (id, name) in [(2, "film-2.png"), (3, "film-9.png")] {
        let mut image = coco["images"][0].clone();
        (image["id"], image["file_name"]) = (json!(id), json!(name));
        let mut annotation = coco["annotations"][0].clone();
        (annotation["id"], annotation["image_id"]) = (json!(id), json!(id));
        coco["images"].as_array_mut().expect("images").push(image);
        coco["annotations"].as_array_mut().expect("annotations").push(annotation);
    }
    std::fs::write(&file, coco.to_string()).expect("a file");
    let before = browser.state("state.image.revision").await.as_u64().expect("a number");
    browser.give_file("#import-file", &file).await;
    browser.until_text("#importing", "3 films, and 2 of them are here. 1 of them have been worked on").await;
    browser.picture("importing").await;
    browser.click("[data-command=importAll]").await;
    browser.until("state.importing === null && state.loading === null && state.message?.startsWith('Imported into')").await;
    browser.until(&format!("state.image.revision === {} && state.opening === null", before + 1)).await;
    // The second film is of another size, or gets the points; either is told.
    let told = browser.state("state.alert").await;
    assert!(told.as_str().is_some_and(|told| told.contains("film-9.png matches no image")), "{told}");
    browser.click("[data-command=dismiss]").await;
}

async fn searches_filters_and_sorts_the_list(browser: &Browser) {
    let names =
        "[...document.querySelectorAll('#thumbnails .name')].map(({ textContent }) => textContent).join()";
    let list = async |search: &str, filter: &str, order: &str| {
        let list = json!({ "search": search, "filter": filter, "order": order });
        browser.js(&format!("ikem.store.set({{ list: {list} }})")).await;
    };
    browser.until(&format!("{names} === 'film-1.png,film-2.png,film-3.png'")).await;
    list("M-2", "all", "folder").await;
    browser.until(&format!("{names} === 'film-2.png'")).await;
    list("", "accepted", "folder").await;
    let accepted =
        "state.images.filter(({ status }) => status === 'accepted').map(({ name }) => name).join()";
    browser.until(&format!("{names} === {accepted}")).await;
    list("nothing", "all", "folder").await;
    browser.until("!document.getElementById('none-listed').hidden").await;
    list("", "all", "angle").await;
    let angles = "state.images.toSorted((a, b) => (b.degrees ?? -1) - (a.degrees ?? -1)).map(({ name }) => name).join()";
    browser.until(&format!("{names} === {angles}")).await;
    list("", "all", "folder").await;
    browser.until(&format!("{names} === 'film-1.png,film-2.png,film-3.png'")).await;
    // Its pictures are there, the open one is marked, and the arrow keys go through it.
    browser.until("[...document.querySelectorAll('#thumbnails img')].every(({ naturalHeight }) => naturalHeight > 0)").await;
    browser.js("document.querySelector('#thumbnails li').focus()").await;
    browser.press(&[&[Key::Down.into()]]).await;
    browser.until("document.activeElement.title.startsWith('film-2.png')").await;
    browser.press(&[&[Key::End.into()]]).await;
    browser.until("document.activeElement.title.startsWith('film-3.png')").await;
    browser.js("document.getElementById('film').focus()").await;
    browser.picture("list").await;
}

/// A file among the downloads, once it is there and no longer grows.
pub(crate) async fn download(browser: &Browser, name: &str) -> PathBuf {
    let path = browser.downloads.path().join(name);
    let mut before = None;
    for _ in 0..500 {
        let bytes = std::fs::metadata(&path).map(|file| file.len()).ok().filter(|&bytes| bytes > 0);
        if bytes.is_some() && bytes == before {
            return path;
        }
        before = bytes;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    panic!("{name} was not downloaded");
}
