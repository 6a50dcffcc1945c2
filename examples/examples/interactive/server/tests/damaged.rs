//! Damaged sidecars and requests: a refusal, or what can be used.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use ikem_damage::{Sample, Trial};
use serde_json::json;

use super::Site;
use super::client::{get, post};
use crate::server::sidecar::Sidecar;

const PIECES: [&str; 12] =
    ["null", "-1", "1e999", "[]", "{}", "\"", ",", "\r\n", "0", "99999999999999999999", "../", "%00"];

#[test]
fn damaged_sidecars() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    for x in [20, 30] {
        post(site.port, "/api/images/0/revise", &json!({ "keypoint": 3, "x": x, "y": 33 })).good();
    }
    post(site.port, "/api/images/0/undo", &json!({})).good();
    let path = folder.path().join("0.ikem.json");
    let sample = Sample::new("sidecar", std::fs::read(&path).expect("a sidecar"));
    let damaged = folder.path().join("damaged.ikem.json");
    let trial = Trial { files: 2_000, ..Trial::new("sidecar", vec![sample]) }.with_pieces(&PIECES);
    let tried = trial.run(|bytes| {
        std::fs::write(&damaged, bytes).expect("written");
        // The list of films reads only a part, and never fails.
        let _ = Sidecar::read_summary(&damaged);
        matches!(Sidecar::read(&damaged), Ok(Some(_)))
    });
    assert!(tried.accepted > tried.files / 200, "{tried:?}");
}

#[test]
fn damaged_requests() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 2);
    let port = site.port;
    let request = |path: &str, body: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n");
        let head = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        Sample::new(path, head + body)
    };
    let samples = vec![
        request("/api/images/0/revise", r#"{"keypoint":3,"x":20.5,"y":33}"#),
        request("/api/images/0/shift", r#"{"by":1}"#),
        request("/api/images/0/time", r#"{"seconds":1.5}"#),
        request("/api/images/0/undo", "{}"),
        Sample::new(
            "image",
            format!("GET /api/images/1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"),
        ),
    ];
    let trial = Trial { files: 1_000, ..Trial::new("requests", samples) }.with_pieces(&PIECES);
    let tried = trial.run(|bytes| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit");
        let mut answer = Vec::new();
        // The server may close the connection before it has read all.
        let sent = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
        let _ = sent.and_then(|()| stream.read_to_end(&mut answer).map(drop));
        let text = String::from_utf8_lossy(&answer);
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        assert!(status < 500, "{text}");
        status == 200
    });
    // Most lose their length or their end.
    assert!(tried.accepted > 0, "{tried:?}");
    // It works as before.
    let state = post(port, "/api/images/0/revise", &json!({ "keypoint": 5, "x": 7.25, "y": 9 })).good();
    assert_eq!((&state["keypoints"][5]["x"], &state["keypoints"][5]["hinted"]), (&json!(7.25), &json!(true)));
    assert_eq!(get(port, "/api/images/1").good()["hints"], json!([]));
}
