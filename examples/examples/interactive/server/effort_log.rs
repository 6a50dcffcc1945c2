//! Every action of the person as a line of JSON: what the work really cost.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use ikem_models::View;
use serde::Serialize;

/// The size limit of pending lines, in bytes.
const MOST_PENDING: usize = 4 << 20;

/// The file `annotation-log.jsonl`, opened when there is something to write.
#[derive(Debug)]
pub(super) struct EffortLog {
    path: PathBuf,
    state: Mutex<LogState>,
}

#[derive(Debug, Default)]
struct LogState {
    file: Option<File>,
    /// Complete lines not written yet.
    pending: Vec<u8>,
}

/// One action.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    /// The image's name.
    pub image: &'a str,
    /// What was done.
    pub action: &'static str,
    /// Who did it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotator: Option<&'a str>,
    /// The keypoint it was done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keypoint: Option<&'a str>,
    /// Where it was put.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<[f32; 2]>,
    /// How far it moved, in pixels of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<f32>,
    /// How the network sees the film now, where that was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<&'a View>,
    /// Corrections of this image so far.
    pub clicks: u32,
    /// Active seconds on this image so far.
    pub seconds: f64,
}

impl EffortLog {
    /// The log in folder `kept_in`.
    pub(super) fn new(kept_in: &std::path::Path) -> Self {
        Self { path: kept_in.join("annotation-log.jsonl"), state: Mutex::default() }
    }

    /// Adds a line. If it cannot be written, it stays pending and is written with the next one, or by [`write_pending`](Self::write_pending).
    pub(super) fn add(&self, line: &Line<'_>) -> std::io::Result<()> {
        #[derive(Serialize)]
        struct Timed<'a> {
            /// Seconds since 1970.
            time: f64,
            #[serde(flatten)]
            line: &'a Line<'a>,
        }
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let mut text = serde_json::to_vec(&Timed { time, line })?;
        text.push(b'\n');
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.pending.len() + text.len() <= MOST_PENDING {
            state.pending.append(&mut text);
        }
        self.write(&mut state)
    }

    /// Writes the lines that could not be written before.
    pub(super) fn write_pending(&self) -> std::io::Result<()> {
        self.write(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, LogState { file, pending }: &mut LogState) -> std::io::Result<()> {
        if pending.is_empty() {
            return Ok(());
        }
        let file = match file {
            Some(file) => file,
            none => {
                if let Some(folder) = self.path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                // Opening a pipe would block until it has a reader.
                if self.path.metadata().is_ok_and(|about| !about.is_file()) {
                    return Err(std::io::Error::other("it is no regular file"));
                }
                none.insert(OpenOptions::new().append(true).create(true).open(&self.path)?)
            }
        };
        let length = file.metadata()?.len();
        file.write_all(pending).inspect_err(|_| {
            // Removes a partial line; all of it is written again later.
            let _ = file.set_len(length);
        })?;
        pending.clear();
        Ok(())
    }
}
