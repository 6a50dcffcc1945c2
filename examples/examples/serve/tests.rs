//! The service as other programs meet it: over TCP, with a tiny network of random weights.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../../tests/http_client/mod.rs"]
mod client;

use std::net::TcpListener as StdListener;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ikem_core::Size;
use ikem_data::{Phantom, PhantomConfig, PredictionRecord, write_gray_png};
use ikem_examples::FrameChoice;
use ikem_examples::http::connections::{self, Times};
use ikem_examples::http::seats::Rules;
use ikem_examples::http::security::Access;
use ikem_models::{ModelConfig, NetworkConfig, Predictor, UnetConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use client::{Answer, get, post, send};

use super::routes;
use super::sessions::{Limits, Sessions};

const LIMITS: Limits = Limits {
    sessions: 200,
    bytes: 1 << 30,
    idle: Duration::from_secs(600),
    patience: Duration::from_secs(60),
};

/// A running service, until the tests end.
fn serve(limits: Limits) -> (u16, Arc<Sessions>) {
    let network = UnetConfig { width: 2, gate_width: Some(4), ..UnetConfig::default() };
    let config = ModelConfig { size: Size::new(64, 96), ..ModelConfig::new(NetworkConfig::Unet(network)) };
    let predictor = Predictor::builder().untrained(&config, 1).expect("a network");
    let sessions = Arc::new(Sessions::new(predictor, FrameChoice::Whole, limits));
    let listener = StdListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let router = routes::router(Arc::clone(&sessions), Access::new("127.0.0.1", port, None, routes::bodies));
    let held = Arc::clone(&sessions);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            tokio::spawn(held.close_idle());
            let listener = TcpListener::from_std(listener).expect("a listener");
            connections::serve(listener, router, Rules::default(), Times::default()).await;
        });
    });
    (port, sessions)
}

/// The file of a small phantom.
fn film(seed: u64) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let config = PhantomConfig { height: [256, 256], ..PhantomConfig::default() };
    let Phantom { image, .. } = Phantom::generate(&config, seed).expect("a phantom");
    write_gray_png(folder.path().join("film.png"), &image).expect("written");
    std::fs::read(folder.path().join("film.png")).expect("a file")
}

fn upload(port: u16, file: &[u8]) -> Answer {
    let headers = [("Content-Type", "application/octet-stream"), ("X-File-Name", "a%20film.png")];
    send(port, "POST", "/sessions", &headers, file).expect("an answer")
}

/// Opens a session; returns its address and its state.
fn open(port: u16, file: &[u8]) -> (String, Value) {
    let state = upload(port, file).good();
    (format!("/sessions/{}", state["session"].as_str().expect("a session")), state)
}

/// The keypoints of a state, which is also a predictions file.
fn record(state: &Value) -> PredictionRecord {
    serde_json::from_value(state.clone()).expect("a record")
}

#[track_caller]
fn refused(answer: &Answer, status: u16, kind: &str) {
    let found = answer.json();
    assert_eq!((answer.status, found["kind"].as_str()), (status, Some(kind)), "{found}");
}

#[test]
fn a_film_is_marked_corrected_and_restored() {
    let (port, _) = serve(LIMITS);
    let film = film(1);
    let answer = upload(port, &film);
    assert_eq!(answer.status, 201);
    let first = answer.json();
    let at = format!("/sessions/{}", first["session"].as_str().expect("a session"));
    let marked = record(&first);
    assert_eq!((marked.keypoints.len(), marked.image.as_str()), (68, "a film.png"));
    assert_eq!(get(port, &at).good(), first);

    let points =
        json!({ "points": [{ "keypoint": "T5-TL", "x": 20.5, "y": 33 }, { "keypoint": 3, "x": 9, "y": 8 }] });
    let corrected = post(port, &format!("{at}/correct"), &points).good();
    let point = |state: &Value, k: usize| {
        let keypoint = &record(state).keypoints[k];
        (keypoint.x, keypoint.y, keypoint.hinted)
    };
    assert_eq!((point(&corrected, 16), point(&corrected, 3)), ((20.5, 33.0, true), (9.0, 8.0, true)));
    assert_eq!((&corrected["can_undo"], &corrected["can_redo"]), (&json!(true), &json!(false)));

    let tried = json!({ "keypoint": "L5-BR", "x": 40, "y": 200 });
    let preview = post(port, &format!("{at}/preview"), &tried).good();
    assert_eq!((point(&preview, 67), point(&preview, 16)), ((40.0, 200.0, true), (20.5, 33.0, true)));
    assert_eq!(get(port, &at).good(), corrected, "a preview changes nothing");

    // Undo and redo restore what was shown.
    let undone = post(port, &format!("{at}/undo"), &json!({})).good();
    assert_eq!(record(&undone), marked);
    assert_eq!(post(port, &format!("{at}/redo"), &json!({})).good(), corrected);

    // A snapshot makes another session of the film the same.
    let snapshot = get(port, &format!("{at}/snapshot")).good();
    let (other, _) = open(port, &film);
    let json_type = [("Content-Type", "application/json")];
    let adopted =
        send(port, "PUT", &format!("{other}/snapshot"), &json_type, snapshot.to_string().as_bytes());
    assert_eq!(record(&adopted.expect("an answer").good()), record(&corrected));
    assert_eq!(record(&post(port, &format!("{other}/undo"), &json!({})).good()), marked);

    let removed = post(port, &format!("{at}/remove"), &json!({ "keypoint": "T5-TL" })).good();
    assert!(!point(&removed, 16).2 && point(&removed, 3).2);
    assert_eq!(record(&post(port, &format!("{at}/reset"), &json!({})).good()), marked);
    assert_eq!(get(port, "/").good()["sessions"], 2);
    send(port, "DELETE", &at, &[], b"").expect("an answer").good();
    refused(&get(port, &at), 404, "not_found");
    assert_eq!(get(port, "/").good()["sessions"], 1);
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let (port, _) = serve(LIMITS);
    let (at, first) = open(port, &film(1));
    refused(&upload(port, b"no image"), 422, "invalid");
    refused(&get(port, "/sessions/123"), 404, "not_found");
    refused(&get(port, "/elsewhere"), 404, "not_found");
    refused(&get(port, &format!("{at}/undo")), 405, "method");
    let correct = |body: Value| post(port, &format!("{at}/correct"), &body);
    let placed = |keypoint: Value, x: f64| json!({ "points": [{ "keypoint": keypoint, "x": x, "y": 5 }] });
    refused(&correct(placed(json!("T99-TL"), 5.0)), 422, "invalid");
    refused(&correct(placed(json!(68), 5.0)), 422, "invalid");
    let odd = correct(placed(json!(2.5), 5.0));
    refused(&odd, 422, "invalid");
    let told = odd.json()["error"].as_str().expect("an error").to_owned();
    assert!(told.starts_with("keypoint: found 2.5; expected a name or an index from 0"), "{told}");
    refused(&correct(placed(json!(0), 5000.0)), 422, "invalid");
    refused(&correct(json!({ "points": [] })), 422, "invalid");
    refused(&correct(json!({ "points": [], "more": 1 })), 422, "invalid");
    refused(&post(port, &format!("{at}/remove"), &json!({ "keypoint": 0 })), 422, "invalid");
    let sent = |headers: &[(&str, &str)], body: &[u8]| {
        send(port, "POST", &format!("{at}/correct"), headers, body).expect("an answer")
    };
    let json_type = ("Content-Type", "application/json");
    refused(&sent(&[json_type], b"{"), 400, "bad_request");
    refused(&sent(&[("Content-Type", "text/plain")], b"{}"), 415, "media_type");
    refused(&sent(&[json_type], &vec![b' '; 70_000]), 413, "too_large");
    refused(&sent(&[json_type, ("Origin", "http://example.org")], b"{}"), 403, "forbidden");
    refused(&sent(&[json_type, ("Host", "example.org")], b"{}"), 403, "forbidden");
    let (other, _) = open(port, &film(1));
    let mut snapshot = get(port, &format!("{other}/snapshot")).good();
    let put = |session: &str, snapshot: &Value| {
        let body = snapshot.to_string();
        send(port, "PUT", &format!("{session}/snapshot"), &[json_type], body.as_bytes()).expect("an answer")
    };
    let (elsewhere, _) = open(port, &film(2));
    refused(&put(&elsewhere, &snapshot), 422, "other_film");
    let mut far = snapshot.clone();
    far["snapshot"]["keypoints"][0]["x"] = json!(1e30);
    refused(&put(&at, &far), 422, "invalid");
    snapshot["snapshot"]["keypoints"].as_array_mut().expect("points").pop();
    refused(&put(&at, &snapshot), 422, "invalid");
    assert_eq!(get(port, &at).good(), first);
}

#[test]
fn sessions_are_bounded_in_number_and_memory_and_closed_when_idle() {
    let film = film(1);
    let (port, _) = serve(Limits { sessions: 2, ..LIMITS });
    let (first, _) = open(port, &film);
    open(port, &film);
    refused(&upload(port, &film), 503, "busy");
    send(port, "DELETE", &first, &[], b"").expect("an answer").good();
    open(port, &film);

    let (port, _) = serve(Limits { bytes: 1 << 20, ..LIMITS });
    let opened = (0..100).take_while(|_| upload(port, &film).status == 201).count();
    assert!((1..10).contains(&opened), "{opened}");
    refused(&upload(port, &film), 503, "busy");

    let (port, _) = serve(Limits { idle: Duration::from_millis(400), ..LIMITS });
    let (used, _) = open(port, &film);
    let (unused, _) = open(port, &film);
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(80));
        get(port, &used).good();
    }
    refused(&get(port, &unused), 404, "not_found");
    assert_eq!(get(port, "/").good()["sessions"], 1);
}

#[test]
fn a_newer_request_supersedes_previews_and_corrections_wait() {
    let (port, sessions) = serve(Limits { patience: Duration::from_secs(2), ..LIMITS });
    let (at, _) = open(port, &film(1));
    let held = sessions.turns.lasting(u64::MAX).wait(Duration::from_secs(9)).expect("a turn");
    let point = |y: usize| json!({ "keypoint": 5, "x": 30, "y": y });
    let ask = |path: String, body: Value| {
        let waiting = sessions.turns.waiting();
        let (answered, answer) = mpsc::channel();
        thread::spawn(move || answered.send(post(port, &path, &body)));
        let begin = Instant::now();
        // Until it waits, or has taken another's place.
        while sessions.turns.waiting() == waiting && begin.elapsed() < Duration::from_millis(150) {
            thread::sleep(Duration::from_millis(5));
        }
        answer
    };
    let older = ask(format!("{at}/preview"), point(3));
    let newer = ask(format!("{at}/preview"), point(4));
    refused(&older.recv().expect("an answer"), 409, "superseded");
    let corrections: Vec<_> =
        [5, 6].map(|y| ask(format!("{at}/correct"), json!({ "points": [point(y)] }))).into();
    refused(&newer.recv().expect("an answer"), 409, "superseded");
    drop(held);
    for correction in corrections {
        correction.recv().expect("an answer").good();
    }
    let state = record(&get(port, &at).good());
    assert_eq!(state.keypoints[5].y, 6.0);

    // Whoever gets no turn is told so.
    let _held = sessions.turns.lasting(u64::MAX).wait(Duration::from_secs(9)).expect("a turn");
    refused(&post(port, &format!("{at}/preview"), &point(3)), 503, "busy");
}

#[test]
fn a_hundred_sessions_click_at_once() {
    const SESSIONS: usize = 100;
    let (port, sessions) = serve(LIMITS);
    let film = film(1);
    let places: Vec<String> = (0..SESSIONS).map(|_| open(port, &film).0).collect();
    let held = sessions.turns.lasting(u64::MAX).wait(Duration::from_secs(9)).expect("a turn");
    let clicks: Vec<_> = places
        .into_iter()
        .enumerate()
        .map(|(y, at)| {
            thread::spawn(move || {
                let points = json!({ "points": [{ "keypoint": 7, "x": 30, "y": y }] });
                let begin = Instant::now();
                let state = post(port, &format!("{at}/correct"), &points).good();
                (record(&state).keypoints[7].y, begin.elapsed())
            })
        })
        .collect();
    while sessions.turns.waiting() < SESSIONS {
        thread::sleep(Duration::from_millis(5));
    }
    drop(held);
    let answers: Vec<_> = clicks.into_iter().map(|click| click.join().expect("an answer")).collect();
    assert!(answers.iter().enumerate().all(|(y, answer)| answer.0 == y as f32));
    let mut waits: Vec<Duration> = answers.iter().map(|answer| answer.1).collect();
    waits.sort();
    println!("{SESSIONS} sessions, one click each at once: median wait {:?}", waits[SESSIONS / 2]);
}
