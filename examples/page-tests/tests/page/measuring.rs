//! Distances and angles that a person measures.

use fantoccini::key::Key;

use crate::browser::{Browser, DOWN, Place, UP, pause, to};

/// T1-TL and L5-TL.
const ENDS: [usize; 2] = [0, 64];
/// The upper end plate of T4 and the lower one of T12.
const PLATES: [[usize; 2]; 2] = [[12, 13], [46, 47]];

/// Measures the length of the spine and the angle between two end plates, and removes them again.
pub(crate) async fn measures_distances_and_angles(browser: &Browser) {
    let name = browser.state("state.image.name").await.as_str().expect("a name").to_owned();
    let hints = browser.state("state.image.hints.length").await;
    browser.click("[data-command=distanceTool]").await;
    line(browser, ENDS).await;
    browser.until("state.image.measures.length === 1 && state.measuring === null && !state.busy").await;
    let [from, to] = [point(browser, ENDS[0]).await, point(browser, ENDS[1]).await];
    let length = (from.0 - to.0).hypot(from.1 - to.1);
    let measured = browser.state("state.image.measures[0].pixels").await.as_f64().expect("a length");
    assert!((measured - length).abs() < 0.02 * length, "{measured} px, not {length}");
    browser.until_text("#measure-list", &format!("distance {measured:.1} px")).await;

    browser.click("[data-command=angleTool]").await;
    line(browser, PLATES[0]).await;
    browser.until("state.measuring?.lines.length === 1").await;
    // A line that is begun is given up by itself.
    browser.press(&[&[Key::Escape.into()]]).await;
    browser.until("state.measuring === null && state.tool === 'angle'").await;
    for plate in PLATES {
        line(browser, plate).await;
    }
    browser.until("state.image.measures.length === 2 && !state.busy").await;
    let mut tilts = [0.0; 2];
    for (tilt, plate) in tilts.iter_mut().zip(PLATES) {
        let (from, to) = (point(browser, plate[0]).await, point(browser, plate[1]).await);
        *tilt = (to.1 - from.1).atan2(to.0 - from.0).to_degrees();
    }
    let expected = (tilts[0] - tilts[1]).abs();
    let degrees = browser.state("state.image.measures[1].degrees").await.as_f64().expect("an angle");
    // Lines begin and end at whole pixels of the screen.
    assert!((degrees - expected).abs() < 3.0, "{degrees}°, not {expected}°");
    browser.picture("measured").await;
    assert_eq!(browser.state("state.image.hints.length").await, hints, "no point was moved");

    browser.press(&[&[Key::Escape.into()]]).await;
    browser.until("state.tool === 'correct'").await;
    browser.js("location.reload()").await;
    browser.until_shown(&name).await;
    for left in [1, 0] {
        browser
            .until(&format!("document.querySelectorAll('#measure-list li').length === {}", left + 1))
            .await;
        browser.click("#measure-list button").await;
        browser.until(&format!("state.image.measures.length === {left} && !state.busy")).await;
    }
    browser.until("document.getElementById('measure-list').hidden").await;
}

/// Drags a line from one point to another.
async fn line(browser: &Browser, [from, target]: [usize; 2]) {
    let (from, target) = (browser.place_of(from).await, browser.place_of(target).await);
    let between = ((from.0 + target.0) / 2.0, (from.1 + target.1) / 2.0);
    browser.mouse([to(from, 0), DOWN, to(between, 60), to(target, 60), pause(40), UP]).await;
}

/// The place of a point on the film.
async fn point(browser: &Browser, index: usize) -> Place {
    let point = browser.state(&format!("state.image.keypoints[{index}]")).await;
    (point["x"].as_f64().expect("x"), point["y"].as_f64().expect("y"))
}
