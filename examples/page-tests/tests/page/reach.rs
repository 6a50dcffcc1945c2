//! Everything can be reached and is called what is seen: at 200 % on a small screen, and by who does not see it.

use serde_json::json;

use crate::browser::Browser;

/// Names of controls that do not begin with what is seen on them.
const MISNAMED: &str = "return [...document.querySelectorAll('button, select')]
    .map((control) => [control.getAttribute('aria-label'), control.matches('button') ? control.innerText.trim() : ''])
    .filter(([label, seen]) => label && seen && /\\w/.test(seen) && !label.toLowerCase().startsWith(seen.toLowerCase()))";

/// Controls that cannot be brought into the window.
const OUT_OF_REACH: &str =
    "return [...document.querySelectorAll('header button, header select, #side button, .tools button')]
    .filter((control) => control.checkVisibility())
    .filter((control) => {
        control.scrollIntoView({ block: 'center', inline: 'center' });
        const { left, right, top, bottom } = control.getBoundingClientRect();
        return left < -1 || top < -1 || right > innerWidth + 1 || bottom > innerHeight + 1;
    })
    .map((control) => control.title || control.innerText)";

/// Controls that are too small to be hit.
const SMALL: &str = "return [...document.querySelectorAll('#cobb-list .end, #cobb-list .pin, .tools button, .tabs button')]
    .filter((control) => control.checkVisibility())
    .filter((control) => { const { width, height } = control.getBoundingClientRect(); return width < 23.9 || height < 23.9; })
    .map((control) => control.outerHTML)";

/// What labels of angles hide that have to share a place with points: a crowd at the first place, and the label before.
const HIDDEN: &str = "return import('/page/draw/cobb.js').then(({ chipBox }) => {
    const context = document.createElement('canvas').getContext('2d');
    [context.canvas.width, context.canvas.height] = [800, 600];
    const places = [[300, 300], [310, 305], [700, 40]].map(([x, y]) => ({ x, y }));
    const taken = [];
    for (let turn = 0; turn < 4; turn += 1) taken.push(chipBox(context, 'T5–T11  40.0°', [{ x: 300, y: 300 }, { x: 790, y: 20 }], { places, taken }, 1));
    const over = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
    const on = ({ x, y, width, height }) => places.some((place) => place.x > x && place.x < x + width && place.y > y && place.y < y + height);
    const off = ({ x, y, width, height }) => x < 0 || y < 0 || x + width > 800 || y + height > 600;
    return [taken.filter(on).length, taken.filter(off).length, taken.filter((a, i) => taken.some((b, j) => i < j && over(a, b))).length];
})";

/// What labels of angles keep clear of: how many places that is, and how many ends of names are not left of their vertebra.
const KEPT_CLEAR: &str = "const modules = ['/page/draw/points.js', '/page/scene.js'].map((path) => import(path));
    return Promise.all(modules).then(([{ placesToSee }, { pointScene }]) => {
        const { state } = window.ikem.store;
        const scene = pointScene(state);
        const places = placesToSee({ ...scene, names: true }, state.view, 1);
        const names = places.slice(scene.points.length);
        const left = (index) => Math.min(...scene.vertebrae[Math.floor(index / 2)].corners.map((corner) => places[corner].x));
        const points = placesToSee({ ...scene, names: false }, state.view, 1);
        return [points.length, names.length, names.filter(({ x }, index) => x >= left(index)).length];
    })";

/// How far a message and its button stick out of the box around it, or this out of the window.
const STICKS_OUT: &str = "const box = document.getElementById('alert').getBoundingClientRect();
    const beyond = [-box.left, box.right - innerWidth, -box.top, box.bottom - innerHeight];
    const out = [...document.querySelectorAll('#alert > span, #alert button')].map((part) => part.getBoundingClientRect())
        .map(({ left, right, top, bottom }) => Math.max(box.left - left, right - box.right, box.top - top, bottom - box.bottom));
    const text = document.querySelector('#alert > span');
    return Math.max(...out, ...beyond, text.scrollWidth - text.clientWidth);";

pub(crate) async fn everything_is_within_reach(browser: &Browser) {
    assert_eq!(browser.js(MISNAMED).await, json!([]));
    assert_eq!(browser.js(SMALL).await, json!([]));
    assert_eq!(
        browser.js(HIDDEN).await,
        json!([0, 0, 0]),
        "labels hide points, leave the film, or hide each other"
    );
    assert_eq!(browser.js(KEPT_CLEAR).await, json!([68, 34, 0]));
    // A wheel that goes across moves the film, and does not zoom.
    let before = browser.state("[state.view.x, state.view.scale]").await;
    browser.js("document.getElementById('film').dispatchEvent(new WheelEvent('wheel', { deltaX: 30, deltaY: 2, cancelable: true, clientX: 500, clientY: 300 }))").await;
    let after = browser.state("[state.view.x, state.view.scale]").await;
    assert_eq!(after[1], before[1]);
    assert!((before[0].as_f64().expect("x") - after[0].as_f64().expect("x") - 30.0).abs() < 1e-6);
    browser.resize(640, 360).await;
    browser.until("innerWidth === 640").await;
    browser.picture("zoomed-200").await;
    assert_eq!(browser.js(OUT_OF_REACH).await, json!([]));
    browser
        .js("window.ikem.store.set({ alert: `1 left out: ${'long-name-'.repeat(120)}.png is damaged` })")
        .await;
    browser.until("state.alert !== null && document.querySelector('#alert > span').innerText !== ''").await;
    let out = browser.js(STICKS_OUT).await.as_f64().expect("a length");
    assert!(out < 1.0, "a message of one long word sticks out of its box by {out} px");
    browser.js("window.ikem.store.set({ alert: null })").await;
    browser.resize(1280, 720).await;
    browser.until("innerWidth === 1280 && state.film.width > 600").await;
    browser.press(&[&['0']]).await;
}
