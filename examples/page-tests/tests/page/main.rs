//! The page in headless Chromium, on phantoms. Skipped where there is no `chromedriver` (Debian: `chromium-driver`).
//!
//! Pictures of what was seen are kept in `target/ci/page`.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]
// Whoever runs the tests must learn what was skipped and what was measured.
#![allow(clippy::print_stderr)]

#[path = "../../../tests/built/mod.rs"]
mod built;

mod annotator;
mod axe;
mod browser;
mod framing;
mod measuring;
mod mishaps;
mod output;
mod played;
mod program;
mod reach;
mod selecting;
mod settings;
mod study;

use axe::meets_wcag;
use browser::{Browser, DOWN, Place, UP, pause, to};
use fantoccini::key::Key;
use framing::{changes_the_frame, draws_a_frame_where_nothing_was_found};
use measuring::measures_distances_and_angles;
use mishaps::{
    opens_the_next_film_where_the_first_is_broken, says_when_the_server_is_silent,
    shows_what_another_window_changed, survives_stray_clicks, two_fingers_choose_nothing,
};
use program::{Program, draw_phantoms};
use reach::everything_is_within_reach;
use selecting::moves_and_turns_several_points;
use serde_json::Value;
use settings::keeps_what_a_person_sets;
use study::says_what_a_study_needs;
use tempfile::TempDir;

const CONTROL: char = '\u{e009}';
const SHIFT: char = '\u{e008}';

/// T10-TL.
const POINT: usize = 36;

#[test]
fn a_person_corrects_spines() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let Some(browser) = Browser::start().await else {
            eprintln!("a_person_corrects_spines: skipped, there is no chromedriver");
            return;
        };
        let folder = TempDir::new().expect("a folder");
        draw_phantoms(folder.path(), 3);
        let program = Program::start(folder.path(), 0);
        browser.resize(1280, 720).await;
        browser.open(&program.address).await;

        loads(&browser).await;
        drags_a_point(&browser).await;
        undoes_and_redoes(&browser).await;
        cancels_a_drag(&browser).await;
        shows_cobb_angles(&browser).await;
        keeps_the_view_for_the_next_image(&browser).await;
        exports_and_imports(&browser).await;
        everything_is_within_reach(&browser).await;
        meets_wcag(&browser).await;
        moves_and_turns_several_points(&browser).await;
        keeps_what_a_person_sets(&browser).await;
        measures_distances_and_angles(&browser).await;
        says_what_a_study_needs(&browser).await;
        browser.press(&[&[SHIFT, 'r']]).await;
        browser.until("state.image.hints.length === 0 && !state.busy").await;
        drags_a_point(&browser).await;
        let program = survives_a_kill(&browser, program, folder.path()).await;
        survives_stray_clicks(&browser).await;
        two_fingers_choose_nothing(&browser).await;
        shows_what_another_window_changed(&browser).await;
        says_when_the_server_is_silent(&browser, &program).await;
        changes_the_frame(&browser).await;
        let program = draws_a_frame_where_nothing_was_found(&browser, program, folder.path()).await;
        works_by_keyboard_alone(&browser).await;
        tells_how_quickly_it_answers(&browser).await;
        fills_a_large_screen(&browser).await;
        opens_the_next_film_where_the_first_is_broken(&browser).await;
        browser.close().await;
        drop(program);
    });
}

async fn loads(browser: &Browser) {
    browser.until_shown("film-1.png").await;
    assert_eq!(browser.state("state.image.keypoints.length").await, 68);
    assert_eq!(browser.state("state.image.status").await, "untouched");
    browser.until_text("#progress-text", "0 of 3 accepted").await;
    browser.picture("loaded").await;
}

async fn drags_a_point(browser: &Browser) {
    let before = points(browser).await;
    let from = browser.place_of(POINT).await;
    let target = (from.0 - 14.0, from.1 + 5.0);
    browser.mouse([to(from, 0), DOWN, to((from.0 + 4.0, from.1), 60), to(target, 150), pause(100)]).await;
    browser.until("state.moving?.preview").await;
    browser.picture("dragging").await;
    assert_eq!(points(browser).await, before, "nothing is committed before the button is released");

    browser.mouse([UP]).await;
    browser.until("state.image.hints.length === 1 && state.moving === null").await;
    let after = points(browser).await;
    let scale = browser.state("state.view.scale").await.as_f64().expect("a scale");
    let expected = (before[POINT].0 - 14.0 / scale, before[POINT].1 + 5.0 / scale);
    assert!(distance(after[POINT], expected) < 1.5 / scale, "{:?} is not at {expected:?}", after[POINT]);
    let followed = after.iter().zip(&before).filter(|(a, b)| distance(**a, **b) > 1.0).count();
    assert!(followed > 1, "no other point moved");
    assert_eq!(browser.state("state.image.keypoints[36].hinted").await, true);
    assert_ne!(browser.state("state.ghosts").await, Value::Null, "the old places stay in sight");
    browser.click("#tab-hints").await;
    browser.until_text("#hint-list", "T10-TL").await;
    browser.picture("corrected").await;
    browser.click("#tab-points").await;
}

async fn undoes_and_redoes(browser: &Browser) {
    let corrected = points(browser).await;
    browser.press(&[&[CONTROL, 'z']]).await;
    browser.until("state.image.hints.length === 0 && !state.busy").await;
    assert_ne!(points(browser).await, corrected);
    browser.click("[data-command=redo]").await;
    browser.until("state.image.hints.length === 1 && !state.busy").await;
    assert_eq!(points(browser).await, corrected);
}

async fn cancels_a_drag(browser: &Browser) {
    let before = points(browser).await;
    let from = browser.place_of(0).await;
    browser.mouse([to(from, 0), DOWN, to((from.0 + 30.0, from.1 + 30.0), 60)]).await;
    browser.until("state.moving !== null").await;
    browser.press(&[&[Key::Escape.into()]]).await;
    browser.until("state.moving === null").await;
    browser.mouse([UP]).await;
    browser.until("!state.busy").await;
    assert_eq!(points(browser).await, before);
    assert_eq!(browser.state("state.image.hints.length").await, 1);
}

async fn shows_cobb_angles(browser: &Browser) {
    browser.until_text("#cobb-list", "°").await;
    browser.click("[data-convention=challenge]").await;
    browser.until_text("#cobb-list", "largest").await;
    let shown = browser.text("#cobb-list").await;
    assert_eq!(shown.matches('°').count(), 3, "the challenge has three angles: {shown}");
    browser.picture("challenge").await;
    browser.click("[data-convention=clinical]").await;
}

async fn keeps_the_view_for_the_next_image(browser: &Browser) {
    browser.press(&[&['i']]).await;
    browser.until("state.tone.invert").await;
    browser.press(&[&['h']]).await;
    browser.until("state.heatmap !== null").await;
    browser.picture("inverted-heatmap").await;
    browser.press(&[&['h'], &[Key::PageDown.into()]]).await;
    browser.until_shown("film-2.png").await;
    assert_eq!(browser.state("state.tone.invert").await, true);
    browser.press(&[&['i'], &[Key::PageUp.into()]]).await;
    browser.until_shown("film-1.png").await;
    assert_eq!(browser.state("state.image.hints.length").await, 1);
}

async fn exports_and_imports(browser: &Browser) {
    let corrected = points(browser).await;
    browser.click("#export-button").await;
    browser.picture("export").await;
    browser.click("[data-export='keypoints.json']").await;
    let file = loop {
        let mut files = std::fs::read_dir(browser.downloads.path()).expect("the downloads");
        let json = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "json");
        match files.find_map(|entry| entry.ok().map(|entry| entry.path()).filter(json)) {
            Some(file) => break file,
            None => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    browser.click("[data-command=reset]").await;
    browser.until("state.image.hints.length === 0 && !state.busy").await;
    browser.give_file("#import-file", &file).await;
    browser.until("state.image.hints.length === 1 && !state.busy").await;
    let imported = points(browser).await;
    let farthest = imported.iter().zip(&corrected).map(|(a, b)| distance(*a, *b)).fold(0.0, f64::max);
    assert!(farthest < 0.01, "an imported point is {farthest} px off");
}

async fn survives_a_kill(browser: &Browser, program: Program, folder: &std::path::Path) -> Program {
    let before = points(browser).await;
    let port = program.port();
    program.kill();
    browser.press(&[&[CONTROL, 'z']]).await;
    browser.until("state.offline").await;
    browser.picture("offline").await;
    let program = Program::start(folder, port);
    browser.until("!state.offline").await;
    browser.until_shown("film-1.png").await;
    assert_eq!(points(browser).await, before, "the sidecar restores what was committed");
    assert_eq!(browser.state("state.image.hints[0].name").await, "T10-TL");
    program
}

async fn works_by_keyboard_alone(browser: &Browser) {
    browser.press(&[&[Key::PageDown.into()]]).await;
    browser.until_shown("film-2.png").await;
    browser.js("document.getElementById('film').focus()").await;
    browser.press(&[&['?']]).await;
    browser.until("document.getElementById('help').open").await;
    browser.picture("help").await;
    browser.press(&[&[Key::Escape.into()]]).await;
    browser.until("!document.getElementById('help').open").await;

    browser
        .press(&[&[Key::Tab.into()], &[Key::Tab.into()], &[Key::Tab.into()], &[SHIFT, Key::Tab.into()]])
        .await;
    assert_eq!(browser.state("state.chosen").await, 1);
    let before = points(browser).await[1];
    browser.press(&[&[Key::Right.into()], &[SHIFT, Key::Down.into()], &[Key::Enter.into()]]).await;
    browser.until("state.image.hints.length === 1 && !state.busy").await;
    let after = points(browser).await[1];
    assert!(distance(after, (before.0 + 1.0, before.1 + 10.0)) < 0.01, "{before:?} became {after:?}");
    browser.press(&[&[Key::Delete.into()]]).await;
    browser.until("state.image.hints.length === 0 && !state.busy").await;
    browser.press(&[&['a']]).await;
    browser.until("state.image.status === 'accepted'").await;
    browser.until_text("#progress-text", "1 of 3 accepted").await;
    browser.press(&[&[Key::PageDown.into()]]).await;
    browser.until_shown("film-3.png").await;
}

/// Tells the time from releasing the mouse to the new points drawn, and how much of it is not the network's: a measurement,
/// which a busy machine must not turn into a failure.
async fn tells_how_quickly_it_answers(browser: &Browser) {
    let [total, network, overhead] = measure_corrections(browser).await;
    let line = format!(
        "release to drawn, median of 20: {total:.1} ms, of which network {network:.1} ms, all else {overhead:.1} ms"
    );
    eprintln!("{line}");
    browser.note("timings.txt", &line);
    assert!(network > 0.0 && network < total, "the server does not tell how long the network took: {line}");
}

/// Corrects 20 points; the medians of the total time, the network's and all else, in milliseconds.
async fn measure_corrections(browser: &Browser) -> [f64; 3] {
    browser.js("window.ikem.timings.length = 0").await;
    for turn in 0..20 {
        let from = browser.place_of(3 * turn + 2).await;
        browser.mouse([to(from, 0), DOWN, to((from.0 + 6.0, from.1 + 2.0), 30), pause(250), UP]).await;
        browser.until(&format!("window.ikem.timings.length === {} && !state.busy", turn + 1)).await;
    }
    let timings = browser.js("return window.ikem.timings").await;
    ["total", "network", "overhead"].map(|part| {
        let timings = timings.as_array().expect("timings");
        let mut values: Vec<f64> = timings.iter().filter_map(|timing| timing[part].as_f64()).collect();
        values.sort_by(f64::total_cmp);
        (values[9] + values[10]) / 2.0
    })
}

async fn fills_a_large_screen(browser: &Browser) {
    browser.resize(3840, 2160).await;
    browser.until("state.film.width > 2500").await;
    let shown = browser.state("state.view.scale * state.image.height / state.film.height").await;
    assert!(shown.as_f64().expect("a part") > 0.9, "the film does not follow the window");
    browser.picture("large-screen").await;
}

/// The points on the image.
async fn points(browser: &Browser) -> Vec<Place> {
    let points = browser.state("state.image.keypoints.map(({ x, y }) => [x, y])").await;
    let place = |point: &Value| (point[0].as_f64().expect("x"), point[1].as_f64().expect("y"));
    points.as_array().expect("points").iter().map(place).collect()
}

fn distance(a: Place, b: Place) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}
