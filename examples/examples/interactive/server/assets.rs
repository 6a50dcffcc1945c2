//! The page's files, embedded.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::failure::{Kind, Result};

/// The page itself.
pub(super) const INDEX: &str = "index.html";

/// Names and contents of files of the page.
macro_rules! embedded {
    ($($name:literal,)*) => {
        &[$(($name, include_bytes!(concat!("../page/", $name)).as_slice())),*]
    };
}

/// Name and content of every file.
const FILES: &[(&str, &[u8])] = embedded![
    "annotation.js",
    "api.js",
    "buttons.js",
    "commands.js",
    "distance.js",
    "draw/cobb.js",
    "draw/film.js",
    "draw/frame.js",
    "draw/heatmap.js",
    "draw/labels.js",
    "draw/magnifier.js",
    "draw/measures.js",
    "draw/points.js",
    "draw/selection.js",
    "element.js",
    "files.js",
    "frame.js",
    "framing.js",
    "heartbeat.js",
    "heat.js",
    "help.js",
    "icon.svg",
    "index.html",
    "keymap.js",
    "keys.js",
    "length.js",
    "list.js",
    "main.js",
    "measures.js",
    "moving.js",
    "orientation.js",
    "palette.js",
    "panels/cobb.js",
    "panels/compare.js",
    "panels/film.js",
    "panels/folder.js",
    "panels/frame.js",
    "panels/hints.js",
    "panels/history.js",
    "panels/measures.js",
    "panels/points.js",
    "panels/prior.js",
    "panels/status.js",
    "panels/tabs.js",
    "panels/tone.js",
    "presets.js",
    "prior.js",
    "saved.js",
    "scene.js",
    "selection.js",
    "settings.js",
    "stage.js",
    "stopwatch.js",
    "store.js",
    "style.css",
    "theme.css",
    "theme.js",
    "timings.js",
    "tone.js",
    "tools/drag.js",
    "tools/frame.js",
    "tools/measure.js",
    "tools/pan.js",
    "tools/pinch.js",
    "tools/pointer.js",
    "tools/press.js",
    "tools/select.js",
    "tools/turn.js",
    "tools/window.js",
    "view.js",
    "workplace.js",
];

/// Where the page's files come from.
#[derive(Debug, Clone)]
pub(super) struct Assets {
    /// Read there instead, each time.
    folder: Option<PathBuf>,
}

impl Assets {
    /// The embedded files, or those of `folder`.
    pub(super) const fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// The file called `name`.
    pub(super) fn get(&self, name: &str) -> Result<Response> {
        let missing = || Kind::NotFound.because(format!("the page has no file {name:?}"));
        let content: Cow<'static, [u8]> = match &self.folder {
            Some(folder) => Cow::Owned(read_below(folder, name).ok_or_else(missing)?),
            None => {
                let (_, content) = FILES.iter().find(|(held, _)| *held == name).ok_or_else(missing)?;
                Cow::Borrowed(*content)
            }
        };
        Ok(([(CONTENT_TYPE, media_type(name))], content.into_owned()).into_response())
    }
}

/// A file of a folder that whoever started the program named; never one above it.
fn read_below(folder: &Path, name: &str) -> Option<Vec<u8>> {
    let name = Path::new(name);
    let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
    (plain && name.components().count() <= 2).then(|| std::fs::read(folder.join(name)).ok())?
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_of_the_page_is_embedded() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/interactive/page");
        let mut folders = vec![page.clone()];
        let mut there = BTreeSet::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder of the page") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&page).expect("a file of the page");
                    there.insert(name.to_str().expect("a name in UTF-8").replace('\\', "/"));
                }
            }
        }
        let embedded: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(embedded, there);
    }
}
