//! What goes wrong while a person works: stray clicks, a second window, a server that stops.

use std::time::Duration;

use fantoccini::actions::{Actions, InputSource, PointerAction, TouchActions};
use fantoccini::key::Key;

use crate::browser::{Browser, DOWN, UP, to};
use crate::program::{Program, draw_phantoms};
use crate::{CONTROL, distance, points};

/// T6-TL, and a point far from it.
const CHOSEN: usize = 20;
const FAR: usize = 64;

pub(crate) async fn survives_stray_clicks(browser: &Browser) {
    browser.press(&[&['0']]).await;
    let from = browser.place_of(CHOSEN).await;
    let hints = browser.state("state.image.hints.length").await;
    // A correction; then a click far away, which is meant for nothing.
    browser
        .mouse([to(from, 0), DOWN, to((from.0 + 9.0, from.1), 60), to((from.0 + 9.0, from.1), 60), UP])
        .await;
    let more = hints.as_u64().expect("a number") + 1;
    browser.until(&format!("state.image.hints.length === {more} && !state.busy && !state.armed")).await;
    let corrected = points(browser).await;
    let (far, beside) = (browser.place_of(FAR).await, 60.0);
    let stray = (far.0 - beside, far.1);
    click(browser, stray).await;
    browser.until("!state.busy && state.moving === null").await;
    assert_eq!(points(browser).await, corrected, "a stray click moved a point");

    // A point that was clicked is put where the next click is, but not off the film, and not far away without being asked.
    click(browser, browser.place_of(CHOSEN).await).await;
    browser.until(&format!("state.armed && state.chosen === {CHOSEN} && state.moving === null")).await;
    let off = browser.js("const { left, top } = document.getElementById('film').getBoundingClientRect(); return [left + 80, top + 8]").await;
    click(browser, (off[0].as_f64().expect("x"), off[1].as_f64().expect("y"))).await;
    assert_eq!(browser.state("state.moving").await, serde_json::Value::Null);
    click(browser, stray).await;
    browser.until_text("#far", "more than three vertebra heights").await;
    browser.picture("far").await;
    browser.click("[data-command=stayNear]").await;
    browser.until("state.moving === null").await;
    assert_eq!(points(browser).await, corrected);

    click(browser, browser.place_of(CHOSEN).await).await;
    click(browser, stray).await;
    browser.until("state.moving?.asking").await;
    browser.click("[data-command=moveFar]").await;
    browser.until("!state.busy && state.moving === null").await;
    assert!(distance(points(browser).await[CHOSEN], corrected[CHOSEN]) > 100.0);
    browser.press(&[&[CONTROL, 'z'], &[CONTROL, 'z'], &[Key::Escape.into()]]).await;
    browser.until("!state.busy").await;
    browser.until(&format!("state.image.hints.length === {hints}")).await;
}

pub(crate) async fn two_fingers_choose_nothing(browser: &Browser) {
    browser.js("window.ikem.store.set({ chosen: null, armed: false })").await;
    let before = points(browser).await;
    let (first, second) = (browser.place_of(CHOSEN).await, browser.place_of(FAR).await);
    let finger = |name: &str, place: (f64, f64), late: u64, by: f64| {
        TouchActions::new(name.to_owned())
            .then(to(place, 0))
            .then(PointerAction::Pause { duration: Duration::from_millis(late) })
            .then(DOWN)
            .then(to((place.0, place.1 + by), 100))
            .then(UP)
    };
    let pinch = Actions::from(finger("first", first, 0, -20.0)).and(finger("second", second, 50, 20.0));
    browser.perform(pinch).await;
    browser.until("!state.busy && state.moving === null").await;
    assert_eq!(browser.state("[state.chosen, state.armed]").await, serde_json::json!([null, false]));
    assert_eq!(points(browser).await, before);
    browser.press(&[&['0']]).await;
}

pub(crate) async fn shows_what_another_window_changed(browser: &Browser) {
    let id = browser.state("state.image.id").await;
    let other = format!(
        "return fetch('/api/images/{id}/revise', {{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, \
         body: JSON.stringify({{ keypoint: 5, x: 100, y: 120 }}) }}).then(({{ status }}) => status)"
    );
    assert_eq!(browser.js(&other).await, 200);
    browser.press(&[&['a']]).await;
    browser.until("state.alert?.includes('changed in another window') && !state.busy").await;
    browser.picture("another-window").await;
    assert_eq!(
        browser.state("state.image.status").await,
        "in_work",
        "what was made for an older state is not done"
    );
    assert_eq!(browser.state("state.image.keypoints[5].x").await, 100.0);
    browser.click("[data-command=dismiss]").await;
    // The page is up to date now.
    browser.press(&[&[CONTROL, 'z']]).await;
    browser.until("!state.image.keypoints[5].hinted && !state.busy && state.alert === null").await;
}

pub(crate) async fn says_when_the_server_is_silent(browser: &Browser, program: &Program) {
    browser.until_text("#saved", "saved").await;
    program.signal("STOP");
    browser.press(&[&['a']]).await;
    browser.until_text("#saved", "saving … 1 s").await;
    browser.until_text("#saved", "no answer for").await;
    browser.until_text("#alert", "does not answer").await;
    browser.picture("silent").await;
    program.signal("CONT");
    browser.until("state.image.status === 'accepted' && state.pending === null && state.silent === 0").await;
    browser.until("document.getElementById('saved').innerText === 'saved'").await;
    browser.press(&[&['a']]).await;
    browser.until("state.image.status === 'in_work' && !state.busy").await;
}

/// The first film of a folder is broken, and another file is left out: the next film is shown, and both are told.
pub(crate) async fn opens_the_next_film_where_the_first_is_broken(browser: &Browser) {
    let folder = tempfile::TempDir::new().expect("a folder");
    draw_phantoms(folder.path(), 1);
    let whole = std::fs::read(folder.path().join("film-1.png")).expect("a film");
    std::fs::write(folder.path().join("a-broken.png"), &whole[..whole.len() / 3]).expect("half a film");
    std::fs::write(folder.path().join("notes.png"), "no picture").expect("a file");
    let program = Program::start(folder.path(), 0);
    browser.open(&program.address).await;
    browser.until_shown("film-1.png").await;
    browser.until_text("#alert", "a-broken.png").await;
    browser.until_text("#alert", "notes.png").await;
    browser.picture("first-is-broken").await;
    drop(program);
}

async fn click(browser: &Browser, place: (f64, f64)) {
    browser.mouse([to(place, 0), DOWN, UP]).await;
}
