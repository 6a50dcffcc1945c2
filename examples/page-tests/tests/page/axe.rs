//! WCAG 2.2 AA as axe-core checks it, in both themes. Skipped where there is no axe-core: `.ci/run` fetches it into
//! `target/ci/axe`, and `IKEM_AXE` may name its file. It is a tool of the test alone.

use std::path::{Path, PathBuf};

use fantoccini::key::Key;

use crate::browser::Browser;

const RUN: &str = "return axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
        resultTypes: ['violations'],
    }).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target, any, all, none }) =>
        `${id}: ${target.join(' ')}: ${[...any, ...all, ...none].map(({ message }) => message).join('; ')}`)))";

/// axe-core's script, if there is one.
fn axe() -> Option<String> {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/ci/axe/package/axe.min.js");
    let path = std::env::var_os("IKEM_AXE").map_or(fetched, PathBuf::from);
    std::fs::read_to_string(path).ok()
}

pub(crate) async fn meets_wcag(browser: &Browser) {
    let Some(axe) = axe() else {
        eprintln!("meets_wcag: skipped, there is no axe-core; IKEM_AXE may name its file");
        return;
    };
    browser.js(&axe).await;
    let mut found = Vec::new();
    for theme in ["light", "dark"] {
        browser.js(&format!("window.ikem.store.set({{ theme: '{theme}' }})")).await;
        for tab in ["points", "hints", "film", "view"] {
            browser.click(&format!("#tab-{tab}")).await;
            found.extend(check(browser, &format!("{theme}, {tab}")).await);
        }
        browser.click("#tab-points").await;
        browser.js("document.getElementById('film').focus()").await;
        browser.press(&[&['?']]).await;
        browser.until("document.getElementById('help').open").await;
        found.extend(check(browser, &format!("{theme}, help")).await);
        browser.click("#keys-change").await;
        found.extend(check(browser, &format!("{theme}, keys")).await);
        browser.press(&[&[Key::Escape.into()]]).await;
        browser.until("!document.getElementById('help').open").await;
        browser.click("#export-button").await;
        found.extend(check(browser, &format!("{theme}, exports")).await);
        browser.press(&[&[Key::Escape.into()]]).await;
        browser.js("window.ikem.store.set({ alert: 'Something went wrong' })").await;
        found.extend(check(browser, &format!("{theme}, alert")).await);
        browser.js("window.ikem.store.set({ alert: null })").await;
        let others = "state.images.find(({ id }) => id !== state.image.id).id";
        browser.js(&format!("const {{ state }} = window.ikem.store; window.ikem.store.set({{ selected: [0, 1, 2, 3], priorId: {others} }})")).await;
        browser.until("state.prior !== null").await;
        found.extend(check(browser, &format!("{theme}, selection and earlier film")).await);
        browser.js("window.ikem.store.set({ selected: [], priorId: null })").await;
    }
    assert!(found.is_empty(), "{found:#?}");
    browser.js("window.ikem.store.set({ theme: 'system' })").await;
    browser.js("document.getElementById('film').focus()").await;
}

/// What axe finds, each with the state of the page that it was found in.
async fn check(browser: &Browser, what: &str) -> Vec<String> {
    // Panels are drawn after the next frame.
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    let found = browser.js(RUN).await;
    let violations = found.as_array().expect("violations").iter();
    violations.map(|violation| format!("{what}: {}", violation.as_str().expect("text"))).collect()
}
