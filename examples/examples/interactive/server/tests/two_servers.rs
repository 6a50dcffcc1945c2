//! Two servers, which a lock would keep apart on most disks, and three tabs on one folder.

use std::path::Path;

use ikem_core::{Hint, Hints, History, Point};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::Site;
use super::client::{Answer, get, send};
use crate::server::sidecar::Sidecar;

const FILMS: usize = 3;
/// The server of each tab.
const TABS: [usize; 3] = [0, 0, 1];
const ACTIONS: usize = 1_000;

/// What a server must know of a film.
#[derive(Debug)]
struct Known {
    history: History<Hints>,
    revision: u64,
    /// The revision that this server saved last.
    saved: u64,
}

/// What must be true of all films, on both servers and on disk.
struct Model {
    servers: [Vec<Known>; 2],
    /// The revision in the sidecar of each film, and the server that wrote it.
    disk: [Option<(u64, usize)>; FILMS],
    /// The revision that each tab shows of each film.
    shown: [[u64; FILMS]; 3],
    /// How often an action was refused because the film had changed.
    refused: usize,
    /// How often a server said that it could not save.
    unsaved: usize,
}

impl Model {
    fn new() -> Self {
        let known = || Known { history: History::limited(Hints::new(), 64), revision: 0, saved: 0 };
        let films = || (0..FILMS).map(|_| known()).collect();
        let shown = [[0; FILMS]; 3];
        Self { servers: [films(), films()], disk: [None; FILMS], shown, refused: 0, unsaved: 0 }
    }

    /// A random action of a random tab, and what must come of it.
    fn act(&mut self, sites: &[Site; 2], random: &mut StdRng) {
        let (tab, film) = (random.random_range(0..TABS.len()), random.random_range(0..FILMS));
        let (server, port) = (TABS[tab], sites[TABS[tab]].port);
        if random.random_range(0..4) == 0 {
            // The tab loads the film again.
            let state = get(port, &format!("/api/images/{film}")).good();
            self.shown[tab][film] = self.check(server, film, &state);
            return;
        }
        let mut history = self.servers[server][film].history.clone();
        let (action, body) = match random.random_range(0..8) {
            0 => {
                history.undo();
                ("undo", json!({}))
            }
            1 => {
                history.redo();
                ("redo", json!({}))
            }
            2 => {
                history.push(Hints::new());
                ("reset", json!({}))
            }
            _ => {
                let (keypoint, x, y) = (random.random_range(0..68), random.random_range(1..60), 100);
                let mut hints = history.present().clone();
                hints.set(Hint::new(keypoint, Point::new(x as f32, y as f32)));
                history.push(hints);
                ("revise", json!({ "keypoint": keypoint, "x": x, "y": y }))
            }
        };
        let seen = self.shown[tab][film];
        let answer = changed(port, film, action, &body, seen);
        if seen != self.servers[server][film].revision {
            assert_eq!(
                (answer.status, &answer.json()["kind"]),
                (409, &json!("stale")),
                "tab {tab}, {action}"
            );
            self.refused += 1;
            return;
        }
        let state = answer.good();
        self.servers[server][film].history = history;
        self.save(server, film, &state);
        self.shown[tab][film] = self.check(server, film, &state);
    }

    /// Notes the new revision; where the other server has saved since, this one must say that it did not save.
    fn save(&mut self, server: usize, film: usize, state: &Value) {
        let revision = number(&state["revision"]);
        let known = &mut self.servers[server][film];
        if revision == known.revision {
            return;
        }
        known.revision = revision;
        if self.disk[film].is_none_or(|(found, _)| found == known.saved) {
            self.disk[film] = Some((revision, server));
            known.saved = revision;
        } else {
            self.unsaved += 1;
        }
    }

    /// Whether a server shows what it must; the revision.
    fn check(&self, server: usize, film: usize, state: &Value) -> u64 {
        let known = &self.servers[server][film];
        assert_eq!(hints(state), known.history.present().iter().copied().collect::<Vec<_>>());
        assert_eq!(number(&state["revision"]), known.revision);
        let told = state["save_error"].as_str();
        if known.revision == known.saved {
            assert_eq!(told, None);
        } else {
            assert!(told.is_some_and(|told| told.contains("by another program")), "{state}");
        }
        known.revision
    }

    /// The films whose work a server holds in memory, because the other one saved first.
    fn held(&self, server: usize) -> Vec<usize> {
        let held = |&film: &usize| self.servers[server][film].revision != self.servers[server][film].saved;
        (0..FILMS).filter(held).collect()
    }
}

fn changed(port: u16, film: usize, action: &str, body: &Value, seen: u64) -> Answer {
    let headers = [("Content-Type", "application/json"), ("If-Match", &*seen.to_string())];
    let path = format!("/api/images/{film}/{action}");
    send(port, "POST", &path, &headers, body.to_string().as_bytes()).expect("an answer")
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

/// The hints of a state in the order in which they were given.
fn hints(state: &Value) -> Vec<Hint> {
    let coordinate = |value: &Value| value.as_f64().expect("a number") as f32;
    let hint = |value: &Value| {
        let point = Point::new(coordinate(&value["x"]), coordinate(&value["y"]));
        Hint::new(number(&value["keypoint"]) as usize, point)
    };
    state["hints"].as_array().expect("hints").iter().map(hint).collect()
}

/// The hints in a film's sidecar.
fn saved(folder: &Path, film: usize) -> Vec<Hint> {
    let path = folder.join(format!("{film}.ikem.json"));
    let sidecar = Sidecar::read(&path).expect("a sidecar").expect("a sidecar");
    sidecar.states.present().hints.iter().copied().collect()
}

/// Programs that are started in one folder and work on films of others do not meet; two on the same films do.
#[test]
fn programs_on_different_folders_do_not_keep_each_other_out() {
    use clap::Parser;

    use crate::Options;
    use crate::server::{folders, gather};

    let folder = tempfile::tempdir().expect("a folder");
    let films = ["one", "two"].map(|name| folder.path().join(name));
    for (folder, seed) in films.iter().zip([1, 2]) {
        std::fs::create_dir(folder).expect("a folder");
        super::films::draw(&folder.join("film.png"), seed);
    }
    let options = |arguments: &[&str]| Options::parse_from(std::iter::once(&"interactive").chain(arguments));
    let start = |arguments: &[&str], films: &Path| {
        let options = options(arguments);
        let images = [films.to_owned()];
        let mut parts = gather(&options.page, &options.model, &images, None).expect("parts");
        std::fs::create_dir_all(&parts.kept_in).expect("a folder");
        let locks = ikem_examples::FolderLocks::take(folders(&parts))?;
        parts.networks = super::parts(folder.path(), 0).networks;
        anyhow::Ok((Site::start(parts, None), locks))
    };
    let first = start(&[], &films[0]).expect("the first");
    let second = start(&[], &films[1]).expect("the second, on another folder");
    assert!(start(&[], &films[0]).is_err_and(|error| error.to_string().contains("another IKEM program")));
    let reader = start(&["--reader", "Bea"], &films[0]).expect("another reader of the same films");
    let hint = json!({ "keypoint": 3, "x": 20, "y": 33 });
    for (site, _) in [&first, &second] {
        let state = super::client::post(site.port, "/api/images/0/revise", &hint).good();
        assert_eq!(state["save_error"], json!(null));
    }
    for folder in &films {
        assert!(folder.join("film.png.ikem.json").exists());
        assert!(folder.join("ikem-annotations/annotation-log.jsonl").exists());
    }
    // The other reader does not see what the first did, and the other way round.
    let port = reader.0.port;
    let place = get(port, "/api/workplace").good();
    assert_eq!((&place["images"][0]["status"], &place["reader"]), (&json!("untouched"), &json!("Bea")));
    assert_eq!(get(port, "/api/images/0").good()["hints"], json!([]));
    let own = super::client::post(port, "/api/images/0/accept", &json!({ "accepted": true })).good();
    assert_eq!((&own["annotators"], &own["hints"]), (&json!(["Bea"]), &json!([])));
    let kept = films[0].join("ikem-annotations/readers/Bea");
    assert!(kept.join("film.png.ikem.json").exists() && kept.join("annotation-log.jsonl").exists());
    assert_eq!(get(first.0.port, "/api/images/0").good()["status"], "in_work");
    let (_, left_out) = crate::server::films(&[films[0].clone()]).expect("films");
    assert_eq!(left_out, None, "what the page keeps there is no film");
}

#[test]
fn a_thousand_actions_of_three_tabs_on_two_servers_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let sites = [0, 1].map(|_| Site::of(folder.path(), FILMS as u64));
    let mut model = Model::new();
    for site in &sites {
        for film in 0..FILMS {
            get(site.port, &format!("/api/images/{film}")).good();
        }
    }
    let mut random = StdRng::seed_from_u64(24);
    for _ in 0..ACTIONS {
        model.act(&sites, &mut random);
    }
    // Both kinds of collision happened often.
    assert!(model.refused > 50 && model.unsaved > 50, "{} refused, {} unsaved", model.refused, model.unsaved);
    for film in 0..FILMS {
        let (_, owner) = model.disk[film].expect("saved work");
        let present = model.servers[owner][film].history.present();
        assert_eq!(saved(folder.path(), film), present.iter().copied().collect::<Vec<_>>(), "film {film}");
    }
    // The work of the server that came second is told, and saved once the other file is out of the way.
    for (server, site) in sites.iter().enumerate() {
        let held = model.held(server);
        assert_eq!(site.workplace.save_all().len(), held.len());
        for film in held {
            let path = folder.path().join(format!("{film}.ikem.json"));
            std::fs::rename(&path, folder.path().join(format!("{film}-first.json"))).expect("moved");
            assert_eq!(
                site.workplace.save_all().iter().filter(|told| told.contains(&format!(" {film}:"))).count(),
                0
            );
            let present = model.servers[server][film].history.present();
            assert_eq!(
                saved(folder.path(), film),
                present.iter().copied().collect::<Vec<_>>(),
                "film {film}"
            );
        }
    }
}
