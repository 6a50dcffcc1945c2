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
