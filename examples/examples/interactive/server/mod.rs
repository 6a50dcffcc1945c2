//! The page: a thin server in front of the sessions.

mod action;
mod angles;
mod api;
mod archive;
mod assets;
mod browser;
mod document;
mod drawing;
mod effort_log;
mod entry;
mod exports;
mod finding;
mod fingerprint;
mod framing;
mod imports;
mod keeping;
mod label_fit;
mod lost_work;
mod marks;
mod measures;
mod networks;
mod options;
mod report;
mod requests;
mod routes;
mod sidecar;
mod sources;
mod study;
#[cfg(test)]
mod tests;
mod thumbnail;
mod workplace;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use axum::Router;
use ikem_core::Skeleton;
use ikem_data::{LabelFile, Limits, Manifest, Subset, load_image};
use ikem_examples::http::{Listening, connections, failure, listen, seats, security};
use ikem_examples::{FolderLocks, KEPT_IN, ModelOptions, file_name, say, stop_on_signals};
use ikem_models::Precision;

pub(crate) use angles::angles_in_words;
pub(crate) use options::PageOptions;

use assets::Assets;
use connections::Times;
use keeping::Keeping;
use networks::{Networks, Origin};
use seats::Rules;
use security::{Access, Bodies};
use sources::Listed;
use workplace::{Matching, PATIENCE, Workplace, WorkplaceParts};

/// The largest file that is imported.
const IMPORT_LIMIT: usize = 32 << 20;
/// The interval at which signals are checked.
const SIGNAL_POLL: Duration = Duration::from_millis(100);

/// The labels to compare with.
#[derive(Debug)]
pub(crate) struct Labels<'a> {
    /// The manifest.
    pub manifest: &'a Path,
    /// The folder its paths begin in; otherwise its own.
    pub root: Option<&'a Path>,
    /// The set that is shown where no image was given.
    pub split: Subset,
}

/// Serves the page until a signal ends the program, then saves what is not saved yet.
///
/// # Errors
/// When an argument is wrong, the address is taken, another program works in one of the folders, or work could not be saved.
pub(crate) fn serve(
    options: &PageOptions,
    model: &ModelOptions,
    images: &[PathBuf],
    labels: Option<&Labels<'_>>,
) -> Result<()> {
    let parts = gather(options, model, images, labels)?;
    let _locks = FolderLocks::take(folders(&parts))?;
    let kept_in = parts.kept_in.clone();
    let new: Vec<PathBuf> = kept_in
        .ancestors()
        .take_while(|folder| !folder.exists())
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(Path::to_owned)
        .collect();
    for note in &parts.notes {
        say!("{note}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let unsaved = runtime.block_on(async {
        let PageOptions { host, port, token, .. } = options;
        let Listening { listener, port, token, address } = listen(host, *port, *token).await?;
        let access = Access::new(host, port, token, bodies);
        // Only a program that is going to serve leaves a folder behind. If this fails, saving reports it.
        let _ = std::fs::create_dir_all(&kept_in);
        let lock = FolderLocks::take(new.first().cloned().into_iter())?;
        let workplace =
            Workplace::open(parts).map_err(|failure| anyhow!("{}", failure.message().to_owned()))?;
        let router = router(&workplace, options.page.clone(), access);
        let stop = stop_on_signals()?;
        say!("{address}");
        if host.parse().is_ok_and(|host: IpAddr| host.is_unspecified()) {
            say!("From another machine, replace 127.0.0.1 by this machine's address.");
        }
        say!("Work on uploads and phantoms is saved in {}. Press Ctrl-C to quit.", kept_in.display());
        // With a token it is not opened: others on this machine could read the address off the list of programs.
        if !options.no_open && !address.contains('?') {
            browser::open(&address);
        }
        tokio::spawn(connections::serve(listener, router, Rules::default(), Times::default()));
        tokio::spawn(Arc::clone(&workplace).keep_saving(workplace::saving::PAUSE));
        while !stop.load(Ordering::SeqCst) {
            tokio::time::sleep(SIGNAL_POLL).await;
        }
        let unsaved = tokio::task::spawn_blocking(move || workplace.save_all()).await.context("saving");
        drop(lock);
        unsaved
    })?;
    // A running prediction is abandoned at exit.
    runtime.shutdown_background();
    for folder in new {
        // Where nothing was kept, it is empty.
        let _ = std::fs::remove_dir(&folder);
    }
    if unsaved.is_empty() {
        say!("All work is saved.");
        return Ok(());
    }
    bail!("NOT saved:\n  {}", unsaved.join("\n  "))
}

/// The films that `paths` name, folders by what is in them, and what to tell of what was left out.
///
/// # Errors
/// When a path cannot be read, or a folder has no film.
pub(crate) fn films(paths: &[PathBuf]) -> Result<(Vec<PathBuf>, Option<String>)> {
    let (listed, left_out) = sources::files(paths, &Keeping::Beside)?;
    let path = |listed: Listed| match listed.source {
        sources::Source::File(path) => Some(path),
        _ => None,
    };
    Ok((listed.into_iter().filter_map(path).collect(), left_out))
}

/// All folders in which work is saved.
fn folders(parts: &WorkplaceParts) -> impl Iterator<Item = PathBuf> {
    let beside = |image: &Listed| {
        let folder = image.sidecar.parent()?;
        Some(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() })
    };
    parts.images.iter().filter_map(beside).chain([parts.kept_in.clone()])
}

fn router(workplace: &Arc<Workplace>, page: Option<PathBuf>, access: Access) -> Router {
    routes::router(Arc::clone(workplace), Assets::new(page), access)
}

/// What bodies the addresses of the page take.
fn bodies(path: &str) -> Bodies {
    match path {
        "/api/images" => Bodies::FILE,
        path if path.ends_with("/import") => {
            Bodies { limit: IMPORT_LIMIT, types: &["application/json", "text/csv"] }
        }
        _ => Bodies::JSON,
    }
}

/// All that the page works on, as the arguments name it.
fn gather(
    options: &PageOptions,
    model: &ModelOptions,
    images: &[PathBuf],
    labels: Option<&Labels<'_>>,
) -> Result<WorkplaceParts> {
    if let Some(output) = options.output.as_deref().filter(|output| output.exists() && !output.is_dir()) {
        bail!("--output {}: this is a file; expected a folder", output.display());
    }
    let device = model.compute.start()?;
    let mut origins = match &model.weights {
        Some(path) if !path.is_file() => bail!("--weights {}: no such file", path.display()),
        Some(path) => vec![Origin::File(path.clone()), Origin::Bundled],
        None => vec![Origin::Bundled],
    };
    if let Some(folder) = &options.models {
        origins.extend(networks::checkpoints(folder)?);
    }
    let precision = if model.half { Precision::Half } else { Precision::Single };
    let keeping = options.keeping();
    let matching = options.matching.as_deref().map(|path| {
        let reference = load_image(path, &Limits::default()).context("--match")?;
        anyhow::Ok(Matching::new(file_name(path), reference))
    });
    let read = labels.map(|labels| LabelFile::read(labels.manifest, &Skeleton::spine())).transpose()?;
    let set = labels.filter(|_| images.is_empty()).map(|labels| labels.split);
    let (images, left_out) = match (images, labels, &read) {
        ([], Some(labels), Some(read)) => labelled_images(labels, read, &keeping)?,
        ([], ..) => (sources::phantoms(&keeping.common(None)), None),
        (paths, ..) => sources::files(paths, &keeping)?,
    };
    let first = images.iter().find_map(|image| image.source.path());
    let kept_in = keeping.common(first);
    let mut notes: Vec<String> = left_out.into_iter().chain(elsewhere(&kept_in)).collect();
    if let (Some(labels), Some(read)) = (labels, &read) {
        let set = set.filter(|_| read.has_sets);
        notes.extend(label_fit::notes(&file_name(labels.manifest), read, &images, set));
    }
    Ok(WorkplaceParts {
        networks: Networks::new(origins, precision, device),
        images,
        matching: matching.transpose()?,
        labels: read.map(|read| read.manifest),
        notes,
        kept_in,
        reader: options.reader.as_ref().map(|reader| reader.name().to_owned()),
        patience: PATIENCE,
        upload_quota: sources::UPLOAD_QUOTA,
    })
}

/// That films which were added on the page are in the working directory, and not among those that are open.
fn elsewhere(kept_in: &Path) -> Option<String> {
    let earlier = Path::new(KEPT_IN);
    let same = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if same(earlier) == same(kept_in) {
        return None;
    }
    let films = sources::Uploads::new(earlier, 0).earlier().len();
    let folder = earlier.display();
    (films > 0).then(|| {
        format!("{films} films added on the page earlier are in {folder}; start without IMAGE to open them")
    })
}

/// The images of a manifest's set; all of a file that names no sets.
fn labelled_images(
    labels: &Labels<'_>,
    read: &LabelFile,
    keeping: &Keeping,
) -> Result<(Vec<Listed>, Option<String>)> {
    let root = labels.root.or_else(|| labels.manifest.parent()).unwrap_or_else(|| Path::new(""));
    let Manifest { entries } = match read.has_sets {
        true => read.manifest.of_set(labels.split),
        false => read.manifest.clone(),
    };
    if entries.is_empty() {
        bail!("{}: no entry of the set {:?}", labels.manifest.display(), labels.split.name());
    }
    let paths: Vec<PathBuf> = entries.iter().map(|entry| root.join(&entry.image_path)).collect();
    sources::files(&paths, keeping)
}
