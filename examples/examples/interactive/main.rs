//! Annotates radiographs: the network predicts, you correct a point, the network moves the others.
//!
//! `cargo run --example interactive -- [IMAGE|FOLDER …]` serves a page and prints its address; `--terminal` works without
//! a browser. The state of an image is saved after each action, in `NAME.ikem.json` beside it (with `--output
//! DIR`, there), and restored at the next start. `annotation-log.jsonl`, a line for each action, and uploads are kept in
//! `ikem-annotations` in the folder of the first image (or in `DIR`); without images, so is the work on phantoms, in the working
//! directory. `--reader NAME` is a further reading of the same images: its work is saved in `ikem-annotations/readers/NAME`, and no
//! other work is shown.
//!
//! # The API
//!
//! JSON; points are x to the right, y down, in pixels of the image. Requests name images, networks and keypoints by number.
//! What an answer holds is in `server/api.rs`. An error is `{"error": "a line for the person", "kind": "not_found"}` with a
//! status of 400 or more.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /api/workplace` | | networks, skeleton, and images with their status |
//! | `GET /api/status` | | progress of loading and annotation |
//! | `POST /api/model` | `{"id": 1}` | as status; loads another network |
//! | `POST /api/matching` | `{"on": true}` | as status; gives images the reference's grey values, or not |
//! | `GET /api/images` | | the list of images; `status` is `null` until it is known what was done to one |
//! | `POST /api/ahead` | `{"on": true}` | as status; predicts the images on which nothing was done, in the background, or ends that |
//! | `POST /api/images` | a file, its name in `X-File-Name` | the new image's line in the list |
//! | `POST /api/import` | a file of keypoints of one or more films | a dry run: which images the file matches by name, and which of their marks an import would remove (`drops`) |
//! | `GET /api/images/ID` | | the image's **state**: points, hints, angles, comparison |
//! | `GET /api/images/ID/image.png`, `matched.png`, `thumbnail.png`, `heatmap/K.png` | | pictures |
//! | `GET /api/images/ID/export/FILE` | | `keypoints.json`, `coco.json`, `keypoints.csv`, `overlay.png`, `report.html` |
//! | `GET /api/export/FILE` | | of all images worked on: `coco.json`, `keypoints.csv`; of all images: `effort.csv` and the table of the study, `study.csv` (`?bom=1`: with a byte order mark) and `study.json`. `study.csv` always has the same columns: six curves, the largest if there are more; `study.json` has all; `X-Left-Out` names what is not in it |
//! | `POST /api/images/ID/preview` | `{"keypoint": 16, "x": 412.5, "y": 803}` | the points if it were put there, or `"overtaken": true` |
//! | `POST /api/images/ID/revise` | the same | state |
//! | `POST /api/images/ID/place` | `{"points": [{"keypoint": 16, "x": 412.5, "y": 803}]}` | state; puts or confirms several at once |
//! | `POST /api/images/ID/see` | `{"keypoints": [64, 65], "visible": false}` | state |
//! | `POST /api/images/ID/ends` | `{"ends": [[3, 9]]}`: the fixed pairs of end vertebrae, from 0, which do not overlap | state |
//! | `POST /api/images/ID/reject` | `{"because": "blurred"}`, or `null` | state |
//! | `POST /api/images/ID/say` | `{"remark": "…", "seen_from": "behind"}`; what is left out stays | state |
//! | `POST /api/images/ID/remove` | `{"keypoint": 16}` | state |
//! | `POST /api/images/ID/undo`, `redo`, `reset`, `predict` | `{}` | state |
//! | `POST /api/images/ID/view` | `{"frame": {"center": [400, 900], "width": 600, "height": 1400}, "negative": true}` | state |
//! | `POST /api/images/ID/find`, `whole`, `mirror`, `invert` | `{}` | state |
//! | `POST /api/images/ID/turn` | `{"turns": 1}`: right; -1: left; 2 | state |
//! | `POST /api/images/ID/shift` | `{"by": 1}`: T5 becomes T6 | state |
//! | `POST /api/images/ID/accept` | `{"accepted": true}` | state |
//! | `POST /api/images/ID/time` | `{"seconds": 5}` | state |
//! | `POST /api/images/ID/import` | an exported `keypoints.json`, `coco.json` or, as `text/csv`, `keypoints.csv` | state |
//!
//! A request that changes an image may bring `If-Match: "REVISION"`, the `revision` of the state that it was made for; when
//! the image was changed since, it is refused with 409 and the kind `stale`. It may also bring the person's name, percent-encoded,
//! in `X-Annotator`, which is kept with the image. An import whose file is of another film by name, or names none, is refused with the
//! kind `other_film` unless the address ends in `?any_film=1`.
//!
//! Each state has its own marks: the network, the points that are not visible, the fixed end vertebrae, and whether it was accepted or
//! rejected. Undo takes back one of them at a time.
//!
//! The body of any request that acts on an image may contain `"seconds"`, the active time since the last report. `Server-Timing: network`
//! tells how long the network took, waiting for its turn included. Predictions run one at a time. A preview that a newer
//! request of the same image overtakes is dropped; a correction never is.
//!
//! The network sees a *frame* of the film: a rectangle that may be turned (`"degrees"`, clockwise on the film), `"mirrored"`, and
//! reach beyond the film. Its `"center"` and the `corners` in a state's `view` are measured from the film's outer edges, half a pixel
//! more than points. Fields that a `view` request omits are unchanged; `find` looks for the spine again; `whole` is all of the film; `turn`, `mirror` and
//! `invert` change the orientation or polarity; the frame keeps covering the same part of the film. Each predicts anew with the present hints, and
//! undo takes it back. Where the points are doubtful, `view.doubt` says why, and there are no angles; where no spine was found,
//! `view.nothing_found` is true, and the points are not to be shown.
//!
//! Moving all names (`shift`) moves no point: hints go with their points, the vertebra that falls off the end is gone with
//! its hints, and the new one at the other end continues the line of its neighbours with confidence 0. Undo brings all
//! back.
#![allow(clippy::print_stdout)]

mod played;
mod server;
mod terminal;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;
use ikem_data::Subset;
use ikem_examples::{ImageSource, Labelled, ModelOptions, at_most, say};
use server::{Labels, PageOptions};

/// Annotates spinal radiographs. Research software, not a medical device.
#[derive(Parser)]
struct Options {
    /// Radiographs, or folders of them [default: synthetic ones]
    #[arg(value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Work in the terminal instead of the browser
    #[arg(long)]
    terminal: bool,
    /// Compare with the labels in this file (a manifest from `preprocess`, COCO or a table); with --terminal, simulate a person
    /// who corrects the worst point again and again
    #[arg(long, value_name = "MANIFEST")]
    labels: Option<PathBuf>,
    /// The folder that the manifest's image paths are relative to [default: the manifest's folder]
    #[arg(long, value_name = "DIR", requires = "labels")]
    root: Option<PathBuf>,
    /// Without IMAGE, open all images of this set
    #[arg(long, value_name = "SET", default_value = "val", requires = "labels")]
    split: Subset,
    /// How many points the simulated person corrects
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_most::<1000>)]
    clicks: usize,
    #[command(flatten)]
    page: PageOptions,
    #[command(flatten)]
    model: ModelOptions,
}

fn main() -> ExitCode {
    ikem_examples::run(run)
}

fn run() -> Result<()> {
    let options = Options::parse();
    if !options.terminal {
        if options.model.frame.is_some() {
            bail!("--frame: only valid with --terminal; on the page, set each film's frame with B");
        }
        let labels = options.labels.as_deref().map(|manifest| Labels {
            manifest,
            root: options.root.as_deref(),
            split: options.split,
        });
        return server::serve(&options.page, &options.model, &options.images, labels.as_ref());
    }
    let Some(labels) = &options.labels else {
        let films = films(&options.images)?;
        let (frame, predictor) = options.model.predictor()?;
        return terminal::annotate(&predictor, frame, &films);
    };
    if let [_, second, ..] = options.images.as_slice() {
        bail!("{}: expected one IMAGE with --terminal and --labels", second.display());
    }
    let image = options.images.into_iter().next();
    let (frame, predictor) = options.model.predictor()?;
    let labelled = Labelled::read(labels, options.root.as_deref(), &predictor.config().skeleton)?;
    let labelled = match &image {
        Some(image) => labelled.of_image(image)?,
        None => labelled.of_set(options.split)?,
    };
    played::play(&predictor, frame, &labelled, options.clicks)
}

/// The films to show in the terminal; the bundled phantom where none is given.
fn films(paths: &[PathBuf]) -> Result<Vec<ImageSource>> {
    if paths.is_empty() {
        return Ok(vec![ImageSource::new(None)]);
    }
    let (films, left_out) = server::films(paths)?;
    if let Some(line) = left_out {
        say!("{line}");
    }
    Ok(films.into_iter().map(ImageSource::File).collect())
}
