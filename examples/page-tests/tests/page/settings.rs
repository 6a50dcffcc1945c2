//! What a person sets: brightness, theme, keys; and the earlier film that is shown beside another.

use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::study::{choose, download};
use crate::{CONTROL, SHIFT};

pub(crate) async fn keeps_what_a_person_sets(browser: &Browser) {
    shows_bone_and_soft_tissue(browser).await;
    has_two_themes(browser).await;
    changes_keys(browser).await;
    exchanges_keys(browser).await;
    shows_an_earlier_film(browser).await;
    tells_that_mirroring_swaps_sides(browser).await;
}

/// Window, level and gamma.
async fn tone_of(browser: &Browser) -> [f64; 3] {
    let tone = browser.state("[state.tone.window, state.tone.level, state.tone.gamma]").await;
    [0, 1, 2].map(|part: usize| tone[part].as_f64().expect("a number"))
}

async fn shows_bone_and_soft_tissue(browser: &Browser) {
    browser.press(&[&['1']]).await;
    assert_eq!(tone_of(browser).await, [1.0, 0.5, 1.0]);
    assert_eq!(browser.state("state.preset").await, "file");
    browser.press(&[&['2']]).await;
    browser.until("state.preset === 'bone' && state.tone.window < 1").await;
    let bone = tone_of(browser).await;
    browser.picture("bone").await;
    browser.press(&[&['3']]).await;
    browser.until("state.preset === 'soft'").await;
    let soft = tone_of(browser).await;
    // What is white in the one is not in the other: the window of bone lies above that of soft tissue.
    let middle = |[_, level, _]: [f64; 3]| level;
    let white = |[window, level, _]: [f64; 3]| level + window / 2.0;
    assert!(middle(bone) > middle(soft) && white(bone) > white(soft), "{bone:?}, {soft:?}");
    browser.picture("soft-tissue").await;
    // The preset is measured on the next film, and what is changed by hand is kept as it is.
    browser.press(&[&[Key::PageDown.into()]]).await;
    browser.until_shown("film-2.png").await;
    browser.until("state.preset === 'soft'").await;
    assert_ne!(tone_of(browser).await, soft, "another film has other greys");
    browser.press(&[&['}']]).await;
    browser.until("state.preset === 'own'").await;
    let own = tone_of(browser).await;
    browser.press(&[&[Key::PageUp.into()]]).await;
    browser.until_shown("film-1.png").await;
    assert_eq!(tone_of(browser).await, own);
    browser.press(&[&['r']]).await;
    assert_eq!(tone_of(browser).await, [1.0, 0.5, 1.0]);
}

async fn has_two_themes(browser: &Browser) {
    browser.click("#tab-view").await;
    let ground = "return getComputedStyle(document.getElementById('side')).backgroundColor";
    for (theme, colour) in [("light", "rgb(251, 252, 253)"), ("dark", "rgb(19, 24, 31)")] {
        browser
            .js(&format!(
                "const list = document.getElementById('theme'); list.value = '{theme}'; list.dispatchEvent(new Event('change'))"
            ))
            .await;
        browser.until(&format!("state.theme === '{theme}'")).await;
        assert_eq!(browser.js(ground).await, colour, "{theme}");
        browser.picture(&format!("theme-{theme}")).await;
        // It is kept.
        let kept = browser.js("return JSON.parse(localStorage.getItem('ikem.liked')).theme").await;
        assert_eq!(kept, theme);
    }
    browser.js("window.ikem.store.set({ theme: 'system' })").await;
    let follows = browser.js("return matchMedia('(prefers-color-scheme: dark)').matches").await;
    let expected = if follows == true { "rgb(19, 24, 31)" } else { "rgb(251, 252, 253)" };
    assert_eq!(browser.js(ground).await, expected, "as the system has it");
    browser.click("#tab-points").await;
}

async fn open_keys(browser: &Browser) {
    browser.js("document.getElementById('film').focus()").await;
    browser.press(&[&['?']]).await;
    browser.until("document.getElementById('help').open").await;
    browser.click("#keys-change").await;
    browser.until("document.querySelectorAll('#help-keys button').length > 50").await;
}

async fn close_keys(browser: &Browser) {
    browser.press(&[&[Key::Escape.into()]]).await;
    browser.until("!document.getElementById('help').open").await;
    browser.js("document.getElementById('film').focus()").await;
}

async fn changes_keys(browser: &Browser) {
    open_keys(browser).await;
    browser.click("[data-keys-of=names]").await;
    browser.until_text("#keys-told", "Press the new key of “Names of vertebrae”").await;
    browser.picture("keys").await;
    // One that another action has is refused, and the old one stays.
    browser.press(&[&['n']]).await;
    browser.until_text("#keys-told", "N is the key of “Next unsure point” already").await;
    browser.click("[data-keys-of=names]").await;
    browser.press(&[&[Key::Escape.into()]]).await;
    browser.until_text("#keys-told", "Nothing was changed").await;
    assert_eq!(browser.js("return document.getElementById('help').open").await, true);
    browser.click("[data-keys-of=names]").await;
    browser.press(&[&[CONTROL, SHIFT, 'n']]).await;
    browser.until_text("#keys-told", "cannot be changed: this page or the browser needs it").await;
    browser.click("[data-keys-of=names]").await;
    browser.press(&[&[CONTROL, 'b']]).await;
    browser.until_text("#keys-told", "has the key Ctrl B").await;
    close_keys(browser).await;
    browser.press(&[&['t']]).await;
    assert_eq!(browser.state("state.shown.names").await, true, "the old key does nothing");
    browser.press(&[&[CONTROL, 'b']]).await;
    browser.until("!state.shown.names").await;
    browser.press(&[&[CONTROL, 'b']]).await;
    browser.until("state.shown.names").await;
    let title = "return document.querySelector('.tools [data-command=names]').title";
    assert_eq!(browser.js(title).await, "Names of vertebrae (Ctrl B)");
    browser.press(&[&['?']]).await;
    browser.until_text("#help-keys", "Ctrl B").await;
    browser.press(&[&[Key::Escape.into()]]).await;
    browser.until("!document.getElementById('help').open").await;
}

async fn exchanges_keys(browser: &Browser) {
    open_keys(browser).await;
    browser.click("#keys-export").await;
    let file = download(browser, "ikem-keys.json").await;
    let mut keys: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    assert_eq!(keys["keys"]["names"], json!(["Ctrl+B"]));
    assert_eq!(keys["keys"]["undo"], json!(["Ctrl+Z", "U"]));
    browser.click("#keys-reset").await;
    browser.until("document.getElementById('keys-reset').disabled").await;
    let other = file.with_file_name("other-keys.json");
    // A file in which two actions have one key changes nothing.
    keys["keys"]["heatmap"] = json!(["Ctrl+B"]);
    std::fs::write(&other, keys.to_string()).expect("a file");
    browser.give_file("#keys-file", &other).await;
    browser.until_text("#keys-told", "Ctrl B is the key of").await;
    browser.until("document.getElementById('keys-reset').disabled").await;
    keys["keys"]["heatmap"] = json!(["Ctrl+H"]);
    std::fs::write(&other, keys.to_string()).expect("a file");
    browser.give_file("#keys-file", &other).await;
    browser.until_text("#keys-told", "Keys of other-keys.json are in use").await;
    close_keys(browser).await;
    browser.press(&[&[CONTROL, 'b']]).await;
    browser.until("!state.shown.names").await;
    // They are kept.
    browser.js("location.reload()").await;
    browser.until_shown("film-1.png").await;
    browser.js("document.getElementById('film').focus()").await;
    browser.press(&[&[CONTROL, 'b']]).await;
    browser.until("state.shown.names").await;
    open_keys(browser).await;
    browser.click("#keys-reset").await;
    close_keys(browser).await;
    browser.press(&[&['t'], &['t']]).await;
    browser.until("state.shown.names").await;
}

async fn shows_an_earlier_film(browser: &Browser) {
    let choose_prior = |name: &str| {
        format!(
            "const list = document.getElementById('prior-choice');
             list.value = [...list.options].find(({{ text }}) => text === '{name}').value;
             list.dispatchEvent(new Event('change'))"
        )
    };
    browser.click("#tab-film").await;
    assert_eq!(
        browser
            .js("return [...document.getElementById('prior-choice').options].map(({ text }) => text)")
            .await,
        json!(["none", "film-2.png", "film-3.png"])
    );
    browser.js(&choose_prior("film-2.png")).await;
    browser
        .until("state.prior?.image.name === 'film-2.png' && !document.getElementById('prior').hidden")
        .await;
    browser.until_text("#prior", "scale not known").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    browser.picture("earlier-film").await;
    // The vertebra in the middle of the window is at the same height in both.
    let heights = "return import('/page/prior.js').then(({ priorView }) => {
        const { state } = window.ikem.store;
        const { clientWidth: width, clientHeight: height } = document.getElementById('prior-film');
        const view = priorView(state, { width, height });
        const middle = (points, view, k) => state.skeleton.vertebrae[k].corners.map((c) => view.toScreen(points[c]).y).reduce((a, b) => a + b) / 4;
        const own = state.skeleton.vertebrae.map((_, k) => middle(state.image.keypoints, state.view, k));
        const k = own.map((y) => Math.abs(y - state.film.height / 2)).reduce((best, d, k, all) => (d < all[best] ? k : best), 0);
        return [own[k], middle(state.prior.image.keypoints, view, k), view.scale];
    })";
    let placed = browser.js(heights).await;
    let number = |value: &Value| value.as_f64().expect("a number");
    assert!((number(&placed[0]) - number(&placed[1])).abs() < 12.0, "{placed}");
    // With a known spacing of both, millimetres are as long.
    browser
        .js("const { state, set } = window.ikem.store; const spacing = (mm) => ({ words: '', plane: null, pixel: [mm, mm], millimetres: true });
             window.ikem.store.set({ image: { ...state.image, spacing: spacing(0.1) }, prior: { ...state.prior, image: { ...state.prior.image, spacing: spacing(0.2) } } })")
        .await;
    browser.until_text("#prior", "same scale").await;
    let scale = number(&browser.js(heights).await[2]);
    let own = number(&browser.state("state.view.scale").await);
    assert!((scale / own - 2.0).abs() < 1e-9, "0.2 mm a pixel is twice as wide as 0.1 mm");
    let drawn = "const canvas = document.getElementById('prior-film');
        return canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value, at) => at % 4 === 0 && value > 40)";
    assert_eq!(browser.js(drawn).await, true);
    // Another film has no earlier one until one is chosen.
    browser.js("document.getElementById('film').focus()").await;
    browser.press(&[&[Key::PageDown.into()]]).await;
    browser.until_shown("film-2.png").await;
    browser.until("state.prior === null && document.getElementById('prior').hidden").await;
    browser.press(&[&[Key::PageUp.into()]]).await;
    browser.until_shown("film-1.png").await;
    browser.js(&choose_prior("film-3.png")).await;
    browser.until("state.prior?.image.name === 'film-3.png'").await;
    browser.click("[data-command=noPrior]").await;
    browser.until("state.prior === null").await;
    browser.click("#tab-points").await;
}

/// What was said of the patient's side is doubtful once the film is mirrored.
async fn tells_that_mirroring_swaps_sides(browser: &Browser) {
    browser.click("#tab-film").await;
    let say = "const field = document.getElementById('seen-from'); field.value = 'behind'; field.dispatchEvent(new Event('change'))";
    browser.js(say).await;
    browser.until("state.image.seen_from === 'behind' && !state.busy").await;
    browser.js("document.getElementById('film').focus()").await;
    browser.press(&[&['x']]).await;
    browser.until("state.image.mirrored_since && !state.busy").await;
    browser.until("state.alert?.includes('left and right have changed places')").await;
    browser.until_text("#mirrored-since", "The film was mirrored after this was said").await;
    browser.picture("mirrored-since").await;
    browser.click("[data-command=dismiss]").await;
    browser.click("#still-seen").await;
    browser.until("!state.image.mirrored_since && !state.busy").await;
    browser.until("document.getElementById('mirrored-since').hidden").await;
    browser.js("document.getElementById('film').focus()").await;
    browser.press(&[&[CONTROL, 'z']]).await;
    browser.until("state.image.mirrored_since && !state.image.view.frame.mirrored && !state.busy").await;
    let unsay = "const field = document.getElementById('seen-from'); field.value = ''; field.dispatchEvent(new Event('change'))";
    browser.js(unsay).await;
    browser.until("state.image.seen_from === null && !state.busy").await;
    browser.click("#tab-points").await;
    choose(browser, 0).await;
    browser.press(&[&[Key::Escape.into()]]).await;
}
