use ikem_core::{Hint, Hints, History, Point, Skeleton};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::Site;
use super::client::{get, post, send, upload};
use crate::server::workplace::MOST_OPEN;

const CLIENTS: u64 = 8;
const CALLS: usize = 125;
/// Images of one client each, and two of all.
const SHARED: std::ops::Range<u64> = CLIENTS..CLIENTS + 2;

/// What a client knows of the image that nobody else works on.
struct Own {
    id: u64,
    history: History<Hints>,
    clicks: u64,
}

impl Own {
    /// Does one thing that can be done, and checks what came of it.
    fn act(&mut self, port: u16, random: &mut StdRng) {
        let keypoint = random.random_range(0..68_usize);
        let address = |action: &str| format!("/api/images/{}/{action}", self.id);
        let state = match random.random_range(0..14) {
            0 => {
                self.history.undo();
                post(port, &address("undo"), &json!({}))
            }
            1 => {
                self.history.redo();
                post(port, &address("redo"), &json!({}))
            }
            2 => {
                self.history.push(Hints::new());
                post(port, &address("reset"), &json!({}))
            }
            3 => {
                let by = if random.random() { 1 } else { -1 };
                let sources = Skeleton::spine().shifted(by).expect("a spine");
                let renamed = |hint: &Hint| {
                    let keypoint = sources.iter().position(|source| *source == Some(hint.keypoint))?;
                    Some(Hint::new(keypoint, hint.point))
                };
                self.history.push(self.history.present().iter().filter_map(renamed).collect());
                post(port, &address("shift"), &json!({ "by": by }))
            }
            4 => {
                let mut hints = self.history.present().clone();
                let Some(keypoint) = hints.iter().next().map(|hint| hint.keypoint) else { return };
                hints.remove(keypoint);
                self.history.push(hints);
                post(port, &address("remove"), &json!({ "keypoint": keypoint }))
            }
            5 => {
                let accepted: bool = random.random();
                let before = get(port, &format!("/api/images/{}", self.id)).good()["status"] == "accepted";
                if accepted != before {
                    self.history.push(self.history.present().clone());
                }
                post(port, &address("accept"), &json!({ "accepted": accepted }))
            }
            6 => get(port, &format!("/api/images/{}", self.id)),
            7 => {
                self.history.push(self.history.present().clone());
                let turns = if random.random() { 1 } else { -1 };
                post(port, &address("turn"), &json!({ "turns": turns }))
            }
            8 => {
                let [past, future] = self.history.steps();
                let step = random.random_range(0..=past + future);
                (step..past).for_each(|_| assert!(self.history.undo()));
                (past..step).for_each(|_| assert!(self.history.redo()));
                post(port, &address("goto"), &json!({ "step": step }))
            }
            _ => {
                let place =
                    |extent: f32, random: &mut StdRng| (random.random_range(0.0..extent) * 8.0).round() / 8.0;
                let point = Point::new(place(70.0, random), place(250.0, random));
                let mut hints = self.history.present().clone();
                hints.set(Hint::new(keypoint, point));
                self.history.push(hints);
                self.clicks += 1;
                post(port, &address("revise"), &json!({ "keypoint": keypoint, "x": point.x, "y": point.y }))
            }
        };
        self.check(&state.good());
    }

    /// All hints are where they were put, in the order they were given.
    fn check(&self, state: &Value) {
        let number = |value: &Value| value.as_f64().expect("a number") as f32;
        let hint = |value: &Value| {
            let keypoint = value["keypoint"].as_u64().expect("an index") as usize;
            Hint::new(keypoint, Point::new(number(&value["x"]), number(&value["y"])))
        };
        let found: Vec<Hint> = state["hints"].as_array().expect("hints").iter().map(hint).collect();
        let expected: Vec<Hint> = self.history.present().iter().copied().collect();
        assert_eq!(found, expected);
        for hint in expected {
            let shown = &state["keypoints"][hint.keypoint];
            assert_eq!((number(&shown["x"]), number(&shown["y"])), (hint.point.x, hint.point.y));
            assert_eq!(shown["hinted"], true);
        }
        assert_eq!(state["clicks"], self.clicks);
        assert_eq!(state["save_error"], Value::Null);
    }
}

/// Something that others do at the same time, or that can't be done.
fn disturb(port: u16, random: &mut StdRng) {
    let id = random.random_range(SHARED.start..SHARED.end + 3);
    let image = |what: &str| format!("/api/images/{id}/{what}");
    let odd = [json!(null), json!(-1), json!(1e40), json!("T5"), json!({}), json!([1]), json!(68), json!(3)];
    let any = |random: &mut StdRng| odd[random.random_range(0..odd.len())].clone();
    let acts = [
        "revise", "preview", "remove", "undo", "redo", "reset", "predict", "shift", "accept", "time",
        "import", "view", "find", "whole", "turn", "mirror", "invert", "place", "see", "ends", "reject",
        "say", "goto",
    ];
    let gets = [
        "image.png",
        "matched.png",
        "thumbnail.png",
        "heatmap/3.png",
        "heatmap/99.png",
        "heatmap/x",
        "export/keypoints.json",
        "export/coco.json",
        "export/keypoints.csv",
        "export/overlay.png",
        "export/report.html",
        "export/..%2f..%2fx",
    ];
    let act = |random: &mut StdRng| image(acts[random.random_range(0..acts.len())]);
    let answer = match random.random_range(0..10) {
        0 | 1 => get(port, &image(gets[random.random_range(0..gets.len())])),
        2 => get(
            port,
            ["/", "/api/workplace", "/api/status", "/api/export/effort.csv", "/page/%00"]
                [random.random_range(0..5)],
        ),
        3 => {
            let body = json!({ "keypoint": any(random), "x": any(random), "y": any(random), "seconds": any(random) });
            post(port, &act(random), &body)
        }
        4 => post(port, &act(random), &any(random)),
        5 => {
            let bytes: Vec<u8> = (0..random.random_range(0..300)).map(|_| random.random()).collect();
            let headers = [("Content-Type", "application/json")];
            send(port, "POST", &act(random), &headers, &bytes).expect("an answer")
        }
        6 => upload(port, "%ff%00..%2f", &[0x89, b'P', b'N', b'G', random.random()]),
        7 => send(port, "PUT", &image("revise"), &[], b"").expect("an answer"),
        8 => post(
            port,
            &image("preview"),
            &json!({ "keypoint": 3, "x": 20.0, "y": random.random_range(0..200) }),
        ),
        _ => post(
            port,
            &image("revise"),
            &json!({ "keypoint": random.random_range(0..70), "x": 20.5, "y": 100 }),
        ),
    };
    assert!(answer.status < 500, "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    if answer.status >= 400 {
        let error = answer.json();
        assert!(error["error"].is_string() && error["kind"].is_string(), "{error}");
    }
}

/// Memory in use, in bytes; nothing where the system does not tell.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

#[test]
fn a_thousand_calls_of_eight_clients_lose_no_hint_and_hold_no_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), SHARED.end);
    let port = site.port;
    let client = |id: u64, calls: usize, own: Option<Own>| {
        std::thread::spawn(move || {
            let mut random = StdRng::seed_from_u64(id + 100 * calls as u64);
            let mut own = own.unwrap_or(Own { id, history: History::limited(Hints::new(), 64), clicks: 0 });
            for _ in 0..calls {
                if random.random_range(0..5) < 3 {
                    own.act(port, &mut random);
                } else {
                    disturb(port, &mut random);
                }
            }
            own
        })
    };
    let all = |calls: usize, owns: Vec<Option<Own>>| -> Vec<Option<Own>> {
        let threads: Vec<_> = (0..CLIENTS).zip(owns).map(|(id, own)| client(id, calls, own)).collect();
        threads.into_iter().map(|thread| Some(thread.join().expect("a client"))).collect()
    };
    let owns = all(CALLS * 2 / 5, (0..CLIENTS).map(|_| None).collect());
    let before = resident();
    let owns = all(CALLS * 3 / 5, owns);
    let growth = resident().saturating_sub(before);
    assert!(growth < 64 << 20, "{} MB more in use than after two fifths of the calls", growth >> 20);
    assert!(site.workplace.open_images() <= MOST_OPEN, "{} images are open", site.workplace.open_images());

    // Closed, and taken up by another server.
    drop(site);
    let site = Site::of(folder.path(), SHARED.end);
    for own in owns.into_iter().flatten() {
        own.check(&get(site.port, &format!("/api/images/{}", own.id)).good());
    }
}
