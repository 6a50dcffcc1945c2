//! Headless Chromium, driven through WebDriver, as a person would use it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{
    Actions, InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::output::line_with;

/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// A place on the page in CSS pixels.
pub(crate) type Place = (f64, f64);

/// A browser with one page; ended when dropped.
pub(crate) struct Browser {
    driver: Child,
    client: Client,
    /// Where it keeps its profile.
    _profile: TempDir,
    /// Where it puts downloads.
    pub downloads: TempDir,
    pictures: PathBuf,
}

impl Browser {
    /// Starts it; `None` where there is no `chromedriver`.
    pub(crate) async fn start() -> Option<Self> {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let output = driver.stdout.take().expect("its output");
        let line = line_with(output, "successfully on port ").expect("chromedriver tells its port");
        let port = line.rsplit(' ').next().expect("a port").trim_end_matches('.');
        let (profile, downloads) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(profile.path(), downloads.path()))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("chromedriver opens Chromium");
        let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/ci/page");
        std::fs::create_dir_all(&pictures).expect("a folder for pictures");
        Some(Self { driver, client, _profile: profile, downloads, pictures })
    }

    /// Opens an address.
    pub(crate) async fn open(&self, address: &str) {
        self.client.goto(address).await.expect("the page opens");
    }

    /// Makes the page, not the window, so large.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        self.client.set_window_size(width, height).await.expect("a size");
        let frame = self.js("return [outerWidth - innerWidth, outerHeight - innerHeight]").await;
        let frame =
            |index: usize| frame[index].as_u64().and_then(|length| u32::try_from(length).ok()).unwrap_or(0);
        self.client.set_window_size(width + frame(0), height + frame(1)).await.expect("a size");
    }

    /// What a script answers.
    pub(crate) async fn js(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// What an expression is of the page's state, which is called `state`.
    pub(crate) async fn state(&self, expression: &str) -> Value {
        self.js(&format!("const state = window.ikem.store.state; return {expression}")).await
    }

    /// Waits until an expression of the page's state is true.
    pub(crate) async fn until(&self, expression: &str) {
        let begin = Instant::now();
        let script =
            format!("const state = window.ikem?.store?.state; return Boolean(state && ({expression}))");
        while self.client.execute(&script, vec![]).await.ok() != Some(Value::Bool(true)) {
            if begin.elapsed() > PATIENCE {
                self.picture("failed").await;
                panic!("waited in vain for {expression}; the page is at {}", self.situation().await);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// What the page says and waits for, to tell why a test fails.
    async fn situation(&self) -> Value {
        let script = "const { message, alert, busy, pending, opening, loading, offline, image } = window.ikem?.store?.state ?? {};
             return { message, alert, busy, pending, opening, loading, offline, image: image?.name, revision: image?.revision }";
        self.client.execute(script, vec![]).await.unwrap_or_else(|error| json!(error.to_string()))
    }

    /// Waits until the image called `name` is shown and nothing is going on.
    pub(crate) async fn until_shown(&self, name: &str) {
        self.until(&format!("state.image?.name === '{name}' && state.loading === null && !state.busy")).await;
    }

    /// Clicks what a CSS selector finds; once more, if the page has drawn it anew in between.
    pub(crate) async fn click(&self, selector: &str) {
        let begin = Instant::now();
        loop {
            let found = self.client.find(Locator::Css(selector)).await;
            let clicked = found.unwrap_or_else(|_| panic!("no {selector}")).click().await;
            match clicked {
                Ok(()) => return,
                Err(error) if error.is_stale_element_reference() && begin.elapsed() < PATIENCE => {}
                Err(error) => panic!("{selector}: {error}"),
            }
        }
    }

    /// The text of what a CSS selector finds.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let found =
            self.client.find(Locator::Css(selector)).await.unwrap_or_else(|_| panic!("no {selector}"));
        found.text().await.expect("its text")
    }

    /// Waits until the text of what a CSS selector finds contains `part`.
    pub(crate) async fn until_text(&self, selector: &str, part: &str) {
        self.until(&format!("document.querySelector({selector:?}).innerText.includes({part:?})")).await;
    }

    /// Gives a file to the file picker that a CSS selector finds.
    pub(crate) async fn give_file(&self, selector: &str, file: &Path) {
        let picker = self.client.find(Locator::Css(selector)).await.expect("the picker");
        picker.send_keys(file.to_str().expect("a path in UTF-8")).await.expect("the file is taken");
    }

    /// Where a point is drawn.
    pub(crate) async fn place_of(&self, point: usize) -> Place {
        let script = format!(
            "const {{ view, image }} = window.ikem.store.state;
             const {{ left, top }} = document.getElementById('film').getBoundingClientRect();
             const {{ x, y }} = view.toScreen(image.keypoints[{point}]);
             return [x + left, y + top]"
        );
        let place = self.js(&script).await;
        (place[0].as_f64().expect("x"), place[1].as_f64().expect("y"))
    }

    /// Does something with the mouse.
    pub(crate) async fn mouse(&self, actions: impl IntoIterator<Item = PointerAction>) {
        let actions = actions.into_iter().fold(MouseActions::new("mouse".to_owned()), InputSource::then);
        self.client.perform_actions(actions).await.expect("the mouse moves");
    }

    /// Drags from one place to another while Shift is held.
    pub(crate) async fn shift_drag(&self, from: Place, target: Place) {
        let half = ((from.0 + target.0) / 2.0, (from.1 + target.1) / 2.0);
        let still = || KeyAction::Pause { duration: Duration::from_millis(60) };
        let keys = KeyActions::new("keys".to_owned())
            .then(KeyAction::Down { value: '\u{e008}' })
            .then(still())
            .then(still())
            .then(still())
            .then(still())
            .then(KeyAction::Up { value: '\u{e008}' });
        let mouse = MouseActions::new("mouse".to_owned())
            .then(to(from, 0))
            .then(pause(20))
            .then(DOWN)
            .then(to(half, 60))
            .then(to(target, 60))
            .then(UP);
        self.perform(Actions::from(mouse).and(keys)).await;
    }

    /// Clicks at a place while a key is held.
    pub(crate) async fn modified_click(&self, key: Key, place: Place) {
        let value = char::from(key);
        let still = || KeyAction::Pause { duration: Duration::from_millis(40) };
        let keys = KeyActions::new("keys".to_owned())
            .then(KeyAction::Down { value })
            .then(still())
            .then(still())
            .then(still())
            .then(KeyAction::Up { value });
        let mouse =
            MouseActions::new("mouse".to_owned()).then(to(place, 0)).then(pause(20)).then(DOWN).then(UP);
        self.perform(Actions::from(mouse).and(keys)).await;
    }

    /// Does something with several fingers.
    pub(crate) async fn perform(&self, actions: Actions) {
        self.client.perform_actions(actions).await.expect("the fingers move");
    }

    /// Presses keys one after the other. Those in front of the last of each group are held.
    pub(crate) async fn press(&self, groups: &[&[char]]) {
        let mut keys = KeyActions::new("keys".to_owned());
        for group in groups {
            for &value in *group {
                keys = keys.then(KeyAction::Down { value });
            }
            for &value in group.iter().rev() {
                keys = keys.then(KeyAction::Up { value });
            }
        }
        self.client.perform_actions(keys).await.expect("the keys are pressed");
    }

    /// Keeps a picture of the page as output of the test.
    pub(crate) async fn picture(&self, name: &str) {
        let picture = self.client.screenshot().await.expect("a picture");
        std::fs::write(self.pictures.join(format!("{name}.png")), picture).expect("the picture is written");
    }

    /// Keeps a line of text as output of the test.
    pub(crate) fn note(&self, name: &str, line: &str) {
        std::fs::write(self.pictures.join(name), format!("{line}\n")).expect("the note is written");
    }

    /// Ends the session.
    pub(crate) async fn close(mut self) {
        // Whatever is left ends with the driver.
        let _ = self.client.clone().close().await;
        let _ = self.driver.kill();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Moves the mouse to a place within some milliseconds.
pub(crate) fn to((x, y): Place, milliseconds: u64) -> PointerAction {
    PointerAction::MoveTo { duration: Some(Duration::from_millis(milliseconds)), x, y }
}

pub(crate) const DOWN: PointerAction = PointerAction::Down { button: MOUSE_BUTTON_LEFT };
pub(crate) const UP: PointerAction = PointerAction::Up { button: MOUSE_BUTTON_LEFT };

/// Waits.
pub(crate) fn pause(milliseconds: u64) -> PointerAction {
    PointerAction::Pause { duration: Duration::from_millis(milliseconds) }
}

/// A new browser that asks nobody anything, and keeps downloads in a folder of ours.
fn capabilities(profile: &Path, downloads: &Path) -> fantoccini::wd::Capabilities {
    let mut arguments = vec![format!("--user-data-dir={}", profile.display())];
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ];
    arguments.extend(flags.map(str::to_owned));
    let Value::Object(capabilities) = json!({
        "goog:chromeOptions": {
            "args": arguments,
            "prefs": {"download.default_directory": downloads, "download.prompt_for_download": false},
        }
    }) else {
        unreachable!("an object");
    };
    capabilities
}
