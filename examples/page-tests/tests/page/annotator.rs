//! A scripted annotator, which knows where the points belong, works through films with the page alone: the worst point not
//! corrected yet is dragged to its place, until every point is near enough; then the film is accepted and the next one opened.
//! On the first film L5 is marked as not visible, and on the second the end vertebrae are fixed. In the end all is exported, read again and compared with what was seen.
//!
//! `IKEM_FILMS` sets the number of films (default: 3 phantoms). With `IKEM_LABELS`, a manifest, and `IKEM_ROOT`, its folder, they
//! are the manifest's validation films instead of phantoms; no pictures of them are kept.

use std::path::{Path, PathBuf};
use std::time::Instant;

use ikem_core::{Keypoints, Skeleton};
use ikem_data::{Manifest, Phantom, PhantomConfig, Subset, write_gray_png};
use tempfile::TempDir;

use crate::browser::{Browser, DOWN, Place, UP, to};
use crate::played::{exports_what_was_seen, fixes_the_ends, marks_l5_as_absent, seen};
use crate::program::Program;
use crate::{distance, points};

/// A point is near enough within this part of the film's height.
const NEAR: f64 = 1.0 / 60.0;
const FILMS: usize = 3;

/// A film on the page and where its points belong.
struct Film {
    name: String,
    height: f64,
    labels: Vec<Place>,
}

/// What a film cost.
#[derive(Debug, Default)]
struct Cost {
    drags: usize,
    /// Moves that were so long that the page asked.
    asked: usize,
    /// From the film before being accepted to this one being accepted.
    seconds: f64,
    /// What of that the film took to be opened.
    opening: f64,
    /// Whether every point is near enough.
    done: bool,
    farthest: f64,
}

#[test]
fn a_scripted_annotator_works_through_films() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let Some(browser) = Browser::start().await else {
            eprintln!("a_scripted_annotator_works_through_films: skipped, there is no chromedriver");
            return;
        };
        let folder = TempDir::new().expect("a folder");
        let count = std::env::var("IKEM_FILMS").ok().and_then(|count| count.parse().ok()).unwrap_or(FILMS);
        let films = films(folder.path(), count);
        let program = Program::start(folder.path(), 0);
        browser.resize(1280, 720).await;
        browser.open(&program.address).await;
        browser.until("state.image !== null && state.loading === null").await;
        browser.js("window.ikem.store.set({ asked: true, welcomed: true })").await;
        let (mut costs, mut shown) = (Vec::new(), Vec::new());
        for (number, film) in films.iter().enumerate() {
            let begin = Instant::now();
            browser.until(&format!("state.image.name === {:?} && state.opening === null", film.name)).await;
            let opening = begin.elapsed().as_secs_f64();
            let cost = annotate(&browser, film).await;
            match number {
                0 => marks_l5_as_absent(&browser).await,
                1 => fixes_the_ends(&browser).await,
                _ => {}
            }
            shown.push(seen(&browser, &film.name).await);
            accept(&browser, &film.name).await;
            costs.push(Cost { opening, seconds: begin.elapsed().as_secs_f64(), ..cost });
        }
        let accepted =
            browser.state("state.images.filter(({ status }) => status === 'accepted').length").await;
        assert_eq!(accepted, films.len());
        let line = summary(&costs);
        eprintln!("{line}");
        browser.note("annotator.txt", &line);
        for (film, cost) in films.iter().zip(&costs) {
            assert!(cost.done, "{}: {cost:?}", film.name);
        }
        exports_what_was_seen(&browser, &shown).await;
        browser.close().await;
    });
}

/// Corrects one film.
async fn annotate(browser: &Browser, film: &Film) -> Cost {
    let mut cost = Cost::default();
    let mut corrected = vec![false; film.labels.len()];
    loop {
        let shown = points(browser).await;
        let errors: Vec<f64> =
            shown.iter().zip(&film.labels).map(|(shown, label)| distance(*shown, *label)).collect();
        cost.farthest = errors.iter().copied().fold(0.0, f64::max);
        cost.done = cost.farthest <= NEAR * film.height;
        let left = (0..errors.len()).filter(|point| !corrected[*point]);
        let worst = left.max_by(|a, b| errors[*a].total_cmp(&errors[*b]));
        let Some(worst) = worst.filter(|_| !cost.done) else { break };
        corrected[worst] = true;
        drag(browser, worst, film.labels[worst], &mut cost).await;
    }
    cost
}

/// Accepts the film called `name`, and goes on to the next.
async fn accept(browser: &Browser, name: &str) {
    browser.press(&[&['y']]).await;
    browser
        .until(&format!(
            "state.images.find(({{ name }}) => name === {name:?}).status === 'accepted' && !state.busy"
        ))
        .await;
}

/// Drags a point to its label with the mouse.
async fn drag(browser: &Browser, point: usize, label: Place, cost: &mut Cost) {
    let revision = browser.state("state.image.revision").await;
    let from = browser.place_of(point).await;
    let target = on_page(browser, label).await;
    let half = (f64::midpoint(from.0, target.0), f64::midpoint(from.1, target.1));
    browser.mouse([to(from, 0), DOWN, to(half, 30), to(target, 30), UP]).await;
    browser.until(&format!("state.moving?.asking || (state.image.revision > {revision} && state.moving === null && !state.busy)")).await;
    if browser.state("state.moving?.asking === true").await == true {
        cost.asked += 1;
        browser.click("[data-command=moveFar]").await;
        browser
            .until(&format!("state.image.revision > {revision} && state.moving === null && !state.busy"))
            .await;
    }
    cost.drags += 1;
    let hinted = browser.state(&format!("state.image.keypoints[{point}].hinted")).await;
    assert_eq!(hinted, true, "point {point} was not the one under the pointer");
}

/// Where a place of the film is on the page, within the film's window.
async fn on_page(browser: &Browser, (x, y): Place) -> Place {
    let script = format!(
        "const {{ view, film }} = window.ikem.store.state;
         const {{ left, top }} = document.getElementById('film').getBoundingClientRect();
         const {{ x, y }} = view.toScreen({{ x: {x}, y: {y} }});
         return [Math.min(film.width - 1, Math.max(1, x)) + left, Math.min(film.height - 1, Math.max(1, y)) + top]"
    );
    let place = browser.js(&script).await;
    (place[0].as_f64().expect("x"), place[1].as_f64().expect("y"))
}

/// Puts films into `folder`; in the order of the page.
fn films(folder: &Path, count: usize) -> Vec<Film> {
    let labels = |keypoints: &Keypoints| keypoints.iter().map(|p| (f64::from(p.x), f64::from(p.y))).collect();
    if let Some(manifest) = std::env::var_os("IKEM_LABELS") {
        let root =
            PathBuf::from(std::env::var_os("IKEM_ROOT").expect("IKEM_ROOT names the manifest's folder"));
        let manifest = Manifest::read(&manifest, &Skeleton::spine()).expect("labels");
        let entries = manifest.of_set(Subset::Val).entries;
        let film = |(number, entry): (usize, &ikem_data::ManifestEntry)| {
            let ending = entry.name().rsplit('.').next().expect("an ending");
            let name = format!("film-{:03}.{ending}", number + 1);
            std::fs::copy(root.join(&entry.image_path), folder.join(&name)).expect("a copy");
            Film { name, height: entry.size().height as f64, labels: labels(&entry.keypoints()) }
        };
        return entries.iter().take(count).enumerate().map(film).collect();
    }
    let film = |number: usize| {
        let phantom = Phantom::generate(&PhantomConfig::default(), 100 + number as u64).expect("a phantom");
        let name = format!("film-{number:03}.png");
        write_gray_png(folder.join(&name), &phantom.image).expect("its picture");
        Film { name, height: phantom.image.size().height as f64, labels: labels(&phantom.keypoints) }
    };
    (1..=count).map(film).collect()
}

fn summary(costs: &[Cost]) -> String {
    let median = |value: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = costs.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let count = costs.len();
    let mean = |value: fn(&Cost) -> f64| costs.iter().map(value).sum::<f64>() / count as f64;
    let asked: usize = costs.iter().map(|cost| cost.asked).sum();
    let done = costs.iter().filter(|cost| cost.done).count();
    format!(
        "{count} films, worst-new until every point is within height/60: {:.1} drags a film (median {:.0}), and one key to accept; \
         {:.1} s a film (median {:.1} s) as the script works, of which {:.1} s (median {:.1} s) to open it; asked {asked} times; {done} films reached it",
        mean(|cost| cost.drags as f64),
        median(|cost| cost.drags as f64),
        mean(|cost| cost.seconds),
        median(|cost| cost.seconds),
        mean(|cost| cost.opening),
        median(|cost| cost.opening),
    )
}
