//! As much of an HTTP client as the tests need.
#![allow(dead_code, reason = "each test uses some of it")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let of_name =
            |line: &&str| line.split(':').next().is_some_and(|held| held.eq_ignore_ascii_case(name));
        self.head.lines().find(of_name)?.split_once(": ").map(|(_, value)| value)
    }

    /// The body of an answer that must be a good one.
    #[track_caller]
    pub(crate) fn good(&self) -> Value {
        assert!(self.status < 300, "{}: {}", self.status, String::from_utf8_lossy(&self.body));
        self.json()
    }
}

/// Sends one request; `Err` when the connection breaks.
pub(crate) fn send(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head += &format!("Host: 127.0.0.1:{port}\r\n");
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    stream.write_all(body)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let broken = || std::io::Error::other("no whole answer");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(broken)?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let body = bytes[end + 4..].to_vec();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    Ok(Answer { status, head, body })
}

/// `GET path`.
#[track_caller]
pub(crate) fn get(port: u16, path: &str) -> Answer {
    send(port, "GET", path, &[], b"").expect("an answer")
}

/// `POST path` with a body of JSON.
#[track_caller]
pub(crate) fn post(port: u16, path: &str, body: &Value) -> Answer {
    let json = [("Content-Type", "application/json")];
    send(port, "POST", path, &json, body.to_string().as_bytes()).expect("an answer")
}

/// Uploads a file.
#[track_caller]
pub(crate) fn upload(port: u16, name: &str, body: &[u8]) -> Answer {
    let headers = [("Content-Type", "application/octet-stream"), ("X-File-Name", name)];
    send(port, "POST", "/api/images", &headers, body).expect("an answer")
}
