use super::client::{Answer, get, send};
use super::{Site, parts};
use crate::server::bodies;
use crate::server::security::{Access, Token};

fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    send(port, method, path, headers, b"").expect("an answer")
}

/// Method, address, headers, and the status of the answer.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], u16);

#[test]
fn only_the_page_itself_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let port = site.port;
    let own = format!("http://127.0.0.1:{port}");
    let (host, undo, link) =
        ("Host", "/api/images/0/undo", [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")]);
    let here = format!("127.0.0.1:{port}");
    let cases: [Case<'_>; 20] = [
        ("GET", "/", &[], 200),
        ("GET", "/", &[(host, "localhost")], 200),
        ("GET", "/", &[(host, "[::1]:9")], 200),
        // A name of the attacker's that leads here.
        ("GET", "/", &[(host, "evil.example")], 403),
        ("GET", "/api/workplace", &[(host, "127.0.0.1.evil.example")], 403),
        ("GET", "/", &[(host, "192.168.0.7")], 403),
        ("GET", "/", &[(host, "")], 403),
        ("GET", "/", &[(host, &here), (host, "evil.example")], 400),
        // Another page posts, or embeds a picture.
        ("POST", undo, &[("Origin", &own)], 200),
        ("POST", undo, &[("Origin", "http://evil.example")], 403),
        ("POST", undo, &[("Origin", "null")], 403),
        ("POST", undo, &[("Origin", "http://127.0.0.1:1")], 403),
        ("POST", undo, &[("Sec-Fetch-Site", "cross-site")], 403),
        ("POST", undo, &[("Sec-Fetch-Site", "same-site")], 403),
        ("POST", undo, &[("Sec-Fetch-Site", "same-origin")], 200),
        ("GET", "/api/images/0/image.png", &[("Sec-Fetch-Site", "cross-site")], 403),
        ("GET", "/api/images/0/image.png", &link, 403),
        ("GET", "/", &link, 200),
        ("GET", "/", &[("Sec-Fetch-Site", "none")], 200),
        ("GET", "/page/..%2f..%2fmain.rs", &[], 404),
    ];
    for (method, path, headers, expected) in cases {
        let answer = ask(port, method, path, headers);
        assert_eq!(answer.status, expected, "{method} {path} {headers:?}");
        for (name, value) in [
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{method} {path}");
        }
        let policy = answer.header("Content-Security-Policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
}

#[test]
fn a_form_of_another_site_cannot_send_what_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    for (path, kind) in [
        ("/api/images/0/reset", "text/plain"),
        ("/api/images/0/reset", "application/x-www-form-urlencoded"),
        ("/api/images", "multipart/form-data; boundary=x"),
        ("/api/images", "application/json"),
    ] {
        let answer = send(site.port, "POST", path, &[("Content-Type", kind)], b"{}").expect("an answer");
        assert_eq!(
            (answer.status, answer.json()["kind"].as_str()),
            (415, Some("media_type")),
            "{path} {kind}"
        );
    }
}

#[test]
fn with_a_token_nothing_is_answered_without_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = Token::new().expect("random numbers");
    assert_ne!(token.text(), Token::new().expect("random numbers").text());
    assert!(token.text().len() == 32 && token.text().bytes().all(|byte| byte.is_ascii_hexdigit()));
    let site = Site::start(parts(folder.path(), 1), Some(token.clone()));
    let port = site.port;
    let (text, short, long) = (token.text(), &token.text()[..31], format!("{}0", token.text()));
    let wrong = if text.starts_with('0') { text.replacen('0', "1", 1) } else { format!("0{}", &text[1..]) };
    for path in ["/", "/page/main.js", "/api/workplace", "/api/images/0/image.png", "/nothing"] {
        assert_eq!(get(port, path).status, 401, "{path}");
    }
    for given in [short, &long, &wrong, ""] {
        assert_eq!(get(port, &format!("/?token={given}")).status, 401, "{given}");
        let bearer = format!("Bearer {given}");
        assert_eq!(ask(port, "GET", "/api/workplace", &[("Authorization", &bearer)]).status, 401);
        let cookie = format!("ikem-{port}={given}");
        assert_eq!(ask(port, "GET", "/api/workplace", &[("Cookie", &cookie)]).status, 401);
    }
    // The token is for the first address alone.
    assert_eq!(get(port, &format!("/api/workplace?token={text}")).status, 401);
    let welcome = get(port, &format!("/?token={text}"));
    let cookie = welcome.header("Set-Cookie").expect("a cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let pair = format!("other=1; {}", cookie.split(';').next().expect("a pair"));
    assert_eq!(ask(port, "GET", "/api/workplace", &[("Cookie", &pair)]).status, 200);
    assert_eq!(ask(port, "GET", "/", &[("Cookie", &pair)]).status, 200);
    let bearer = format!("Bearer {text}");
    assert_eq!(ask(port, "GET", "/api/workplace", &[("Authorization", &bearer)]).status, 200);
    // The token does not open the door to other sites.
    let evil = [("Cookie", pair.as_str()), ("Host", "evil.example")];
    assert_eq!(ask(port, "GET", "/api/workplace", &evil).status, 403);
}

#[test]
fn names_of_this_server_are_those_it_was_given() {
    let access = |host| Access::new(host, 80, None, bodies);
    for (own, asked, expected) in [
        ("127.0.0.1", "localhost:8642", true),
        ("127.0.0.1", "10.0.0.1", false),
        ("0.0.0.0", "10.0.0.1:8642", true),
        ("0.0.0.0", "[fe80::1]:8642", true),
        ("0.0.0.0", "films.clinic.example", false),
        ("films.clinic.example", "FILMS.clinic.example:8642", true),
        ("films.clinic.example", "10.0.0.1", false),
        ("10.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "10.0.0.1.evil.example", false),
    ] {
        assert_eq!(access(own).is_own(asked), expected, "{own} asked as {asked}");
    }
}

#[test]
fn a_request_that_never_ends_keeps_nobody_waiting() {
    use std::io::Write;
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let mut slow: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", site.port)).expect("a connection");
            let head = format!(
                "POST /api/images HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 900\r\n\r\nx",
                site.port
            );
            stream.write_all(head.as_bytes()).expect("a head");
            stream
        })
        .collect();
    assert_eq!(get(site.port, "/api/status").status, 200);
    slow.clear();
}
