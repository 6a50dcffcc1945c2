//! A service for programs in other languages: images in, keypoints and a session out, then corrections.
//!
//! `cargo run --example serve` prints its address, which only this machine can reach. Nothing is written to disk.
//!
//! # The API
//!
//! JSON; points are x to the right, y down, in pixels of the image. A keypoint is a name, `"T5-TL"`, or an index from 0. An error
//! is `{"error": "a line for the person", "kind": "not_found"}` with a status of 400 or more.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /` | | names of the keypoints, limits, how many sessions are open and requests wait |
//! | `POST /sessions` | an image file, as `application/octet-stream`; its name in `X-File-Name`, percent-encoded | 201, the new session's **state** |
//! | `GET /sessions/ID` | | state: `session`, `keypoints`, `doubt`, Cobb angles, `can_undo`, `can_redo` |
//! | `POST /sessions/ID/correct` | `{"points": [{"keypoint": "T5-TL", "x": 412.5, "y": 803}]}` | state |
//! | `POST /sessions/ID/preview` | `{"keypoint": "T5-TL", "x": 412.5, "y": 803}` | the keypoints as if that were corrected; nothing is changed |
//! | `POST /sessions/ID/remove` | `{"keypoint": "T5-TL"}`: its correction | state |
//! | `POST /sessions/ID/undo`, `redo`, `reset` | `{}` | state |
//! | `GET /sessions/ID/snapshot` | | a snapshot, to be kept |
//! | `PUT /sessions/ID/snapshot` | such a snapshot, of the same image file | state; undo takes it back |
//! | `DELETE /sessions/ID` | | `{}` |
//!
//! Where no spine was found, `keypoints` is empty and `doubt` says why; a session with corrections has all keypoints.
//!
//! Predictions run one at a time, and sessions take turns. A preview that a newer request of its session supersedes ends with 409
//! and the kind `superseded`; a correction never does. A request that gets no turn in time ends with 503 and the kind `busy`.
//! A session that is not used for a while is closed; undo goes back a few steps, and starts the next prediction from the points alone.
#![allow(clippy::print_stdout)]

mod routes;
mod sessions;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Parser;
use ikem_examples::http::connections::{self, Times};
use ikem_examples::http::seats::Rules;
use ikem_examples::http::security::Access;
use ikem_examples::http::{Listening, listen};
use ikem_examples::{FrameChoice, ModelOptions, at_most, say, stop_on_signals};

use sessions::{Limits, Sessions};

/// The address that is listened on.
const HOST: &str = "127.0.0.1";
/// The interval at which signals are checked.
const SIGNAL_POLL: Duration = Duration::from_millis(100);

/// Marks radiographs for other programs on this machine, over HTTP. Research software, not a medical device.
#[derive(Parser)]
struct Options {
    /// The port to listen on; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 8643)]
    port: u16,
    /// Require a token (Authorization: Bearer TOKEN), on a machine that others use
    #[arg(long)]
    token: bool,
    /// The most sessions at a time
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = at_most::<10_000>)]
    sessions: usize,
    /// Close sessions that are not used for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, value_parser = at_most::<1_000_000>)]
    idle: usize,
    /// The most memory of all sessions together, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = at_most::<1_000_000>)]
    memory: usize,
    /// How long a request waits for its turn, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = at_most::<3600>)]
    patience: usize,
    #[command(flatten)]
    model: ModelOptions,
}

fn main() -> ExitCode {
    ikem_examples::run(run)
}

fn run() -> Result<()> {
    let options = Options::parse();
    if options.sessions == 0 {
        bail!("--sessions 0: expected at least 1");
    }
    let (frame, predictor) = options.model.predictor()?;
    if frame == FrameChoice::Labels {
        bail!("--frame labels: there are no labels here");
    }
    let seconds = |seconds: usize| Duration::from_secs(seconds as u64);
    let limits = Limits {
        sessions: options.sessions,
        bytes: options.memory << 20,
        idle: seconds(options.idle),
        patience: seconds(options.patience),
    };
    let sessions = Arc::new(Sessions::new(predictor, frame, limits));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let Listening { listener, port, token, address } = listen(HOST, options.port, options.token).await?;
        let access = Access::new(HOST, port, token, routes::bodies);
        let router = routes::router(Arc::clone(&sessions), access);
        let stop = stop_on_signals()?;
        say!("{address}");
        say!("Press Ctrl-C to quit; sessions are then lost.");
        tokio::spawn(connections::serve(listener, router, Rules::default(), Times::default()));
        tokio::spawn(sessions.close_idle());
        while !stop.load(Ordering::SeqCst) {
            tokio::time::sleep(SIGNAL_POLL).await;
        }
        anyhow::Ok(())
    })?;
    // A running prediction is abandoned at exit.
    runtime.shutdown_background();
    Ok(())
}
