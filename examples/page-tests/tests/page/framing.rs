//! What a person does to the frame, the part of the film that the network sees.

use std::path::Path;

use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::browser::{Browser, DOWN, Place, UP, to};
use crate::program::Program;
use crate::study::undo;
use crate::{POINT, SHIFT, distance, points};

/// Where the middle of the right side of the frame is on the page.
const RIGHT_SIDE: &str = "(([, [ax, ay], [bx, by]]) => ({ x: (ax + bx - 1) / 2, y: (ay + by - 1) / 2 }))\
    (state.image.view.corners)";

pub(crate) async fn changes_the_frame(browser: &Browser) {
    let before = points(browser).await;
    drags_the_frame(browser).await;
    turns_the_film(browser).await;
    mirrors_and_inverts(browser).await;
    browser.press(&[&['s']]).await;
    browser.until("state.message.includes('again') && !state.busy").await;
    browser.press(&[&[SHIFT, 'f']]).await;
    browser.until("state.message.includes('whole film') && !state.busy").await;
    browser.until_text("#frame-note", "Whole film").await;
    undo(browser).await;
    undo(browser).await;
    assert_eq!(points(browser).await, before);
}

/// Waits until the server has answered and the page has drawn what it answered: a busy machine does neither at once.
async fn settled(browser: &Browser) {
    browser.until("state.loading === null && !state.busy").await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
}

async fn drags_the_frame(browser: &Browser) {
    let before = points(browser).await;
    browser.press(&[&['b']]).await;
    browser.until("state.tool === 'frame'").await;
    browser.picture("frame").await;
    settled(browser).await;
    let from = place_on_page(browser, RIGHT_SIDE).await;
    let target = (from.0 - 60.0, from.1);

    browser.mouse([to(from, 0), DOWN, to((from.0 - 20.0, from.1), 60), to(target, 60)]).await;
    browser.until("state.framing !== null").await;
    browser.picture("frame-dragged").await;
    browser.press(&[&[Key::Escape.into()]]).await;
    browser.until("state.framing === null").await;
    browser.mouse([UP]).await;
    assert_eq!(browser.state("state.image.view.whole").await, true, "nothing is asked after Escape");

    let scale = number(&browser.state("state.view.scale").await);
    browser.mouse([to(from, 0), DOWN, to((from.0 - 20.0, from.1), 60), to(target, 60), UP]).await;
    browser.until("!state.image.view.whole && state.framing === null && !state.busy").await;
    let width = number(&browser.state("state.image.width - state.image.view.frame.width").await);
    assert!((width - 60.0 / scale).abs() < 1.5 / scale, "the frame became narrower by {width} px");
    assert_ne!(points(browser).await, before, "the points do not follow the frame");
    browser.until_text("#frame-note", "set by hand").await;
    browser.picture("framed").await;
    undo(browser).await;
    assert_eq!(points(browser).await, before);
    browser.press(&[&['b']]).await;
    browser.until("state.tool === 'correct'").await;
}

async fn turns_the_film(browser: &Browser) {
    let upright = points(browser).await;
    assert!(off_by(browser).await < 20.0, "the film is not where the points are");
    browser.press(&[&['>']]).await;
    browser.until("state.image.view.turns === 3 && state.view.orientation.turns === 3 && !state.busy").await;
    browser.until_text("#frame-note", "Shown turned right by 90°").await;
    let off = off_by(browser).await;
    assert!(off < 20.0, "the film is not drawn turned: grey values are {off} off");
    browser.picture("turned").await;

    let before = points(browser).await[POINT];
    let scale = number(&browser.state("state.view.scale").await);
    let from = browser.place_of(POINT).await;
    let target = (from.0 + 10.0, from.1 + 6.0);
    browser.mouse([to(from, 0), DOWN, to((from.0 + 5.0, from.1), 60), to(target, 100), UP]).await;
    browser.until("state.image.hints.length > 0 && state.moving === null && !state.busy").await;
    let after = points(browser).await[POINT];
    // To the right on the screen is up on the film, down is to the right.
    let expected = (before.0 + 6.0 / scale, before.1 - 10.0 / scale);
    assert!(distance(after, expected) < 1.5 / scale, "{after:?} is not at {expected:?}");
    assert!(distance(browser.place_of(POINT).await, target) < 1.5, "the point is not under the pointer");
    browser.picture("turned-corrected").await;

    // Arrows move a point as it is seen.
    browser.press(&[&[Key::Right.into()], &[Key::Enter.into()]]).await;
    browser.until("state.moving === null && !state.busy").await;
    let moved = points(browser).await[POINT];
    assert!(distance(moved, (after.0, after.1 - 1.0)) < 0.01, "{after:?} became {moved:?}");
    for _ in 0..3 {
        undo(browser).await;
    }
    browser.until("state.view.orientation.turns === 0").await;
    assert_eq!(points(browser).await, upright);
}

async fn mirrors_and_inverts(browser: &Browser) {
    browser.press(&[&['x']]).await;
    browser.until("state.image.view.frame.mirrored && !state.busy").await;
    let off = off_by(browser).await;
    assert!(off < 20.0, "the film is not drawn mirrored: grey values are {off} off");
    browser.picture("mirrored").await;
    browser.click("[data-command=negative]").await;
    browser.until("state.image.view.negative && !state.busy").await;
    browser.until_text("#frame-note", "Shown mirrored. Shown inverted: the film is a negative.").await;
    let filter = "return document.getElementById('film-canvas').style.filter";
    assert_ne!(browser.js(filter).await, "none", "a negative is shown inverted");
    browser.picture("negative").await;
    undo(browser).await;
    undo(browser).await;
    assert_eq!(browser.js(filter).await, "none");
}

/// Film 2 as if a locator had found nothing on it.
pub(crate) async fn draws_a_frame_where_nothing_was_found(
    browser: &Browser,
    program: Program,
    folder: &Path,
) -> Program {
    browser.press(&[&[Key::PageDown.into()]]).await;
    browser.until_shown("film-2.png").await;
    browser.press(&[&['j']]).await;
    browser.until("state.image.view.negative && !state.busy").await;
    browser.press(&[&[Key::PageUp.into()]]).await;
    browser.until_shown("film-1.png").await;
    let port = program.port();
    program.kill();
    let path = folder.join("film-2.png.ikem.json");
    let mut sidecar: Value = serde_json::from_slice(&std::fs::read(&path).expect("a sidecar")).expect("JSON");
    let view = &mut sidecar["states"]["present"]["view"];
    view["negative"] = json!(false);
    view["confidence"] = json!(0.12);
    std::fs::write(&path, sidecar.to_string()).expect("the sidecar is written");
    browser.press(&[&[SHIFT, 'f']]).await;
    browser.until("state.offline").await;
    let program = Program::start(folder, port);
    browser.until("!state.offline").await;
    browser.until_shown("film-1.png").await;

    browser.press(&[&[Key::PageDown.into()]]).await;
    browser.until_shown("film-2.png").await;
    browser.until_text("#nothing-found", "No spine was found on this film").await;
    browser.until_text("#cobb-list", "no spine was found").await;
    browser.until_text("#frame-note", "confidence 12 %").await;
    browser.picture("nothing-found").await;
    settled(browser).await;
    let [from, target] = [
        place_on_page(browser, "{ x: 0.15 * state.image.width, y: 0.02 * state.image.height }").await,
        place_on_page(browser, "{ x: 0.85 * state.image.width, y: 0.98 * state.image.height }").await,
    ];
    browser.mouse([to(from, 0), DOWN, to((from.0 + 30.0, from.1 + 60.0), 60), to(target, 60)]).await;
    browser.until("state.framing !== null").await;
    browser.picture("frame-drawn").await;
    browser.mouse([UP]).await;
    browser.until("!state.image.view.nothing_found && state.framing === null && !state.busy").await;
    browser.until("document.getElementById('nothing-found').hidden").await;
    let part = number(&browser.state("state.image.view.frame.width / state.image.width").await);
    assert!((part - 0.7).abs() < 0.02, "the frame has {part} of the film's width");
    browser.picture("frame-drawn-found").await;
    undo(browser).await;
    browser.until("state.image.view.nothing_found").await;
    undo(browser).await;
    browser.until("!state.image.view.nothing_found && !state.busy").await;
    browser.press(&[&[Key::PageUp.into()]]).await;
    browser.until_shown("film-1.png").await;
    program
}

/// Where a point of the film, an expression of the page's state, is on the page.
async fn place_on_page(browser: &Browser, point: &str) -> Place {
    let script = format!(
        "const {{ state }} = window.ikem.store;
         const {{ left, top }} = document.getElementById('film').getBoundingClientRect();
         const {{ x, y }} = state.view.toScreen({point});
         return [x + left, y + top]"
    );
    let place = browser.js(&script).await;
    (number(&place[0]), number(&place[1]))
}

/// By how much the grey values on the screen differ from the film's, on average of places all over the film.
async fn off_by(browser: &Browser) -> f64 {
    let script = "const { view, film, bitmap, image } = window.ikem.store.state;
         const read = new OffscreenCanvas(image.width, image.height).getContext('2d');
         read.drawImage(bitmap, 0, 0);
         const shown = document.getElementById('film-canvas').getContext('2d');
         const mean = (context, x, y, r) => {
           const { data } = context.getImageData(Math.round(x - r), Math.round(y - r), 2 * r + 1, 2 * r + 1);
           return data.reduce((sum, value, i) => sum + (i % 4 === 0 ? value : 0), 0) / (data.length / 4);
         };
         let [sum, count] = [0, 0];
         for (let u = 0.1; u < 0.95; u += 0.1) for (let v = 0.05; v < 0.98; v += 0.03) {
           const point = { x: u * image.width, y: v * image.height };
           const { x, y } = view.toScreen(point);
           const scale = view.scale * film.ratio;
           const r = Math.ceil(2 / scale);
           sum += Math.abs(mean(read, point.x, point.y, r) - mean(shown, x * film.ratio, y * film.ratio, Math.max(1, Math.round(r * scale))));
           count += 1;
         }
         return sum / count";
    // Drawn with the next frame.
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    number(&browser.js(script).await)
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}
