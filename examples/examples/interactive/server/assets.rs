//! The page's files, embedded.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::failure::{Kind, Result};

/// The page itself.
pub const INDEX: &str = "index.html";

/// Name and content of every file.
const FILES: &[(&str, &[u8])] = &[(INDEX, include_bytes!("../page/index.html"))];

/// Where the page's files come from.
#[derive(Debug, Clone)]
pub struct Assets {
    /// Read there instead, each time.
    folder: Option<PathBuf>,
}

impl Assets {
    /// The embedded files, or those of `folder`.
    pub const fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// The file called `name`.
    pub fn get(&self, name: &str) -> Result<Response> {
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
