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

pub(crate) async fn everything_is_within_reach(browser: &Browser) {
    assert_eq!(browser.js(MISNAMED).await, json!([]));
    assert_eq!(browser.js(SMALL).await, json!([]));
    browser.resize(640, 360).await;
    browser.until("innerWidth === 640").await;
    browser.picture("zoomed-200").await;
    assert_eq!(browser.js(OUT_OF_REACH).await, json!([]));
    browser.resize(1280, 720).await;
    browser.until("innerWidth === 1280 && state.film.width > 600").await;
    browser.press(&[&['0']]).await;
}
