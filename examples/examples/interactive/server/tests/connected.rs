//! Connections that are opened and not used.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::client::get;
use super::{Site, parts};
use crate::server::connections::Times;

fn open(port: u16, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.write_all(bytes).expect("a beginning");
    stream
}

#[test]
fn half_open_connections_lock_nobody_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let head = |method: &str, more: &str| {
        format!("{method} /api/images HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{more}", site.port)
    };
    // No head, half a head, half a body.
    let beginnings = [String::new(), head("GET", ""), head("POST", "Content-Length: 900\r\n\r\nx")];
    let held: Vec<TcpStream> =
        (0..300).map(|i| open(site.port, beginnings[i % beginnings.len()].as_bytes())).collect();
    let begin = Instant::now();
    for _ in 0..8 {
        assert_eq!(get(site.port, "/api/status").status, 200);
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    drop(held);
}

#[test]
fn whoever_reads_no_answer_is_let_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let times = Times { write: Duration::from_millis(300), ..Times::default() };
    let site = Site::timed(parts(folder.path(), 1), None, times);
    let request = format!("GET /api/images/0/image.png HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", site.port);
    // Far more answers than the system holds for who does not read them.
    let mut stream = open(site.port, b"");
    stream.set_write_timeout(Some(Duration::from_secs(20))).expect("a time");
    let begin = Instant::now();
    let broken = (0..100_000).any(|_| stream.write_all(request.as_bytes()).is_err());
    assert!(broken && begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
}

#[test]
fn a_head_has_to_arrive_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let times = Times { head: Duration::from_millis(200), ..Times::default() };
    let site = Site::timed(parts(folder.path(), 1), None, times);
    let mut stream = open(site.port, b"GET / HT");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
}
