//! Several points at once: selected, moved and turned, by mouse and by keys; and the list of actions.

use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::browser::{Browser, DOWN, Place, UP, to};
use crate::study::{choose, undo};
use crate::{SHIFT, distance, points};

/// The corners of T6.
const VERTEBRA: std::ops::Range<usize> = 20..24;

pub(crate) async fn moves_and_turns_several_points(browser: &Browser) {
    browser.press(&[&['0']]).await;
    moves_what_is_selected(browser).await;
    turns_by_the_handle(browser).await;
    turns_by_keys(browser).await;
    selects_in_a_rectangle(browser).await;
    goes_back_in_the_list_of_actions(browser).await;
}

async fn selected(browser: &Browser) -> Value {
    browser.state("state.selected").await
}

/// Two points of two vertebrae, one after the other with Ctrl; then one of them is dragged.
async fn moves_what_is_selected(browser: &Browser) {
    let before = points(browser).await;
    for point in [20, 40] {
        browser.modified_click(Key::Control, browser.place_of(point).await).await;
    }
    browser.until("state.selected.length === 2").await;
    assert_eq!(selected(browser).await, json!([20, 40]));
    browser.until_text("#selection", "2 points selected").await;
    browser.picture("selected").await;
    let from = browser.place_of(40).await;
    let half = (from.0 + 4.0, from.1 - 2.0);
    browser.mouse([to(from, 0), DOWN, to(half, 60), to((from.0 + 8.0, from.1 - 5.0), 60), UP]).await;
    browser.until("state.image.keypoints[20].hinted && state.moving === null && !state.busy").await;
    let after = points(browser).await;
    let scale = browser.state("state.view.scale").await.as_f64().expect("a scale");
    for point in [20, 40] {
        let way = (after[point].0 - before[point].0, after[point].1 - before[point].1);
        assert!(distance(way, (8.0 / scale, -5.0 / scale)) < 0.01 / scale, "point {point} moved by {way:?}");
    }
    assert_eq!(
        browser.state("state.image.keypoints[21].hinted").await,
        false,
        "only what was selected moves"
    );
    assert_eq!(selected(browser).await, json!([20, 40]), "they stay selected");
    undo(browser).await;
    assert_eq!(points(browser).await, before);
    // A click beside them selects none.
    let beside = browser.js("const { left, top } = document.getElementById('film').getBoundingClientRect(); return [left + 70, top + 60]").await;
    let beside = (beside[0].as_f64().expect("x"), beside[1].as_f64().expect("y"));
    browser.mouse([to(beside, 0), DOWN, UP]).await;
    browser.until("state.selected.length === 0").await;
}

/// A vertebra, selected by a click with Shift, is turned by its handle: each corner keeps its distance from the middle.
async fn turns_by_the_handle(browser: &Browser) {
    let before = points(browser).await;
    browser.modified_click(Key::Shift, browser.place_of(VERTEBRA.start).await).await;
    browser.until("state.selected.length === 4").await;
    assert_eq!(selected(browser).await, json!([20, 21, 22, 23]));
    let handle = handle(browser).await;
    let middle = on_page(browser, middle(&before)).await;
    // A quarter turn to the right, in two steps, ends beside the middle.
    let length = distance(handle, middle);
    let target = (middle.0 + length, middle.1);
    let corner = (middle.0 + length * 0.8, middle.1 - length * 0.8);
    browser.mouse([to(handle, 0), DOWN, to(corner, 80), to(target, 80)]).await;
    browser.until("state.moving?.center && Math.abs(state.moving.degrees - 90) < 0.5").await;
    browser.picture("turning").await;
    let shown = browser.js("return import('/page/moving.js').then(({ movedPoints }) => movedPoints(window.ikem.store.state))").await;
    browser.mouse([UP]).await;
    browser.until("state.image.keypoints[20].hinted && state.moving === null && !state.busy").await;
    check_turned(browser, &before, 90.0, 0.5).await;
    for point in shown.as_array().expect("points") {
        let index = point["keypoint"].as_u64().expect("an index");
        let kept = browser.state(&format!("state.image.keypoints[{index}]")).await;
        for side in ["x", "y"] {
            let (put, kept) = (point[side].as_f64().expect("a place"), kept[side].as_f64().expect("a place"));
            assert!((put - kept).abs() < 1e-3, "{index} is at {kept}, put at {put}");
        }
    }
    undo(browser).await;
    assert_eq!(points(browser).await, before);
    browser.press(&[&[Key::Escape.into()]]).await;
    browser.until("state.selected.length === 0").await;
}

/// The vertebra of the chosen point turns by a degree a key; a mirrored film turns as it is shown.
async fn turns_by_keys(browser: &Browser) {
    let before = points(browser).await;
    choose(browser, 21).await;
    browser.press(&[&[')'], &[')'], &[')'], &[Key::Enter.into()]]).await;
    browser.until("state.image.keypoints[20].hinted && state.moving === null && !state.busy").await;
    check_turned(browser, &before, 3.0, 1e-3).await;
    undo(browser).await;
    browser.press(&[&[SHIFT, 'v']]).await;
    browser.until("state.selected.length === 4").await;
    browser.press(&[&['('], &[Key::Enter.into()]]).await;
    browser.until("state.image.keypoints[20].hinted && state.moving === null && !state.busy").await;
    check_turned(browser, &before, -1.0, 1e-3).await;
    undo(browser).await;
    // All selected points move by arrows, too.
    browser.press(&[&[Key::Down.into()], &[Key::Enter.into()]]).await;
    browser.until("state.image.keypoints[23].hinted && state.moving === null && !state.busy").await;
    let after = points(browser).await;
    let moved = |k: usize| distance(after[k], (before[k].0, before[k].1 + 1.0)) < 1e-3;
    assert!(VERTEBRA.into_iter().all(moved), "{after:?}");
    undo(browser).await;
    assert_eq!(points(browser).await, before);
    browser.press(&[&[Key::Escape.into()], &[Key::Escape.into()]]).await;
    browser.until("state.selected.length === 0 && state.chosen === null").await;
}

async fn selects_in_a_rectangle(browser: &Browser) {
    let before = points(browser).await;
    let corners: Vec<Place> = {
        let mut places = Vec::new();
        for k in VERTEBRA {
            places.push(browser.place_of(k).await);
        }
        places
    };
    let least = |at: fn(&Place) -> f64| corners.iter().map(at).fold(f64::INFINITY, f64::min);
    let most = |at: fn(&Place) -> f64| corners.iter().map(at).fold(f64::NEG_INFINITY, f64::max);
    let (from, target) =
        ((least(|p| p.0) - 40.0, least(|p| p.1) - 2.0), (most(|p| p.0) + 40.0, most(|p| p.1) + 2.0));
    browser.click("[data-command=selectTool]").await;
    browser.until("state.tool === 'select'").await;
    browser.mouse([to(from, 0), DOWN, to((from.0 + 30.0, from.1 + 5.0), 60), to(target, 60)]).await;
    browser.until("state.marquee !== null").await;
    browser.picture("selecting").await;
    browser.mouse([UP]).await;
    browser.until("state.marquee === null && state.selected.length >= 4").await;
    let inside = selected(browser).await;
    for k in VERTEBRA {
        assert!(inside.as_array().expect("points").contains(&json!(k)), "{k} is not in {inside}");
    }
    browser.press(&[&[Key::Escape.into()]]).await;
    browser.until("state.selected.length === 0").await;
    browser.press(&[&['v']]).await;
    browser.until("state.tool === 'correct'").await;
    assert_eq!(points(browser).await, before, "selecting moves nothing");
}

async fn goes_back_in_the_list_of_actions(browser: &Browser) {
    let (step, before) =
        (browser.state("state.image.step").await.as_u64().expect("a step"), points(browser).await);
    for point in [4, 8] {
        choose(browser, point).await;
        browser.press(&[&[SHIFT, Key::Right.into()], &[Key::Enter.into()]]).await;
        browser
            .until(&format!("state.image.keypoints[{point}].hinted && state.moving === null && !state.busy"))
            .await;
    }
    let after = points(browser).await;
    browser.click("#tab-hints").await;
    browser.until_text("#step-list", "T3-TL corrected").await;
    browser.picture("actions").await;
    let button = |step: u64| format!("#step-list li:nth-child({}) button", step + 1);
    browser.click(&button(step)).await;
    browser.until(&format!("state.image.step === {step} && !state.busy")).await;
    assert_eq!(points(browser).await, before);
    browser.until("document.querySelectorAll('#step-list [data-undone]').length === 2").await;
    browser.click(&button(step + 2)).await;
    browser.until(&format!("state.image.step === {} && !state.busy", step + 2)).await;
    assert_eq!(points(browser).await, after);
    browser.click(&button(step)).await;
    browser.until(&format!("state.image.step === {step} && !state.busy")).await;
    browser.click("#tab-points").await;
    browser.js("document.getElementById('film').focus()").await;
    browser.press(&[&[Key::Escape.into()]]).await;
}

/// Each corner of the vertebra is where it is after a turn about their middle.
async fn check_turned(browser: &Browser, before: &[Place], degrees: f64, tolerance: f64) {
    let (after, center) = (points(browser).await, middle(before));
    for k in VERTEBRA {
        let [was, is] = [before[k], after[k]].map(|place| (place.0 - center.0, place.1 - center.1));
        let turned = (is.1.atan2(is.0) - was.1.atan2(was.0)).to_degrees();
        let off = (turned - degrees + 180.0).rem_euclid(360.0) - 180.0;
        assert!(off.abs() < tolerance.max(0.01), "corner {k} is turned by {turned}°, not {degrees}°");
        assert!(
            (distance(is, (0.0, 0.0)) - distance(was, (0.0, 0.0))).abs() < 0.01,
            "corner {k} is nearer or farther"
        );
        assert_eq!(browser.state(&format!("state.image.keypoints[{k}].hinted")).await, true);
    }
}

fn middle(points: &[Place]) -> Place {
    let sum = points[VERTEBRA].iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    (sum.0 / 4.0, sum.1 / 4.0)
}

/// Where the handle that turns the selected points is on the page.
async fn handle(browser: &Browser) -> Place {
    let place = browser
        .js("return import('/page/selection.js').then(({ turnHandle }) => {
            const { left, top } = document.getElementById('film').getBoundingClientRect();
            const unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 14;
            const { x, y } = turnHandle(window.ikem.store.state, unit).place;
            return [x + left, y + top];
        })")
        .await;
    (place[0].as_f64().expect("x"), place[1].as_f64().expect("y"))
}

/// Where a place of the film is on the page.
async fn on_page(browser: &Browser, (x, y): Place) -> Place {
    let place = browser
        .js(&format!(
            "const {{ left, top }} = document.getElementById('film').getBoundingClientRect();
             const {{ x, y }} = window.ikem.store.state.view.toScreen({{ x: {x}, y: {y} }});
             return [x + left, y + top]"
        ))
        .await;
    (place[0].as_f64().expect("x"), place[1].as_f64().expect("y"))
}
