//! The programs, given what nobody means well: pipes, full disks, huge numbers, two programs in one folder.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]
#![cfg(unix)]

mod built;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use built::{interactive, program, run};
use ikem_data::{Phantom, PhantomConfig, write_gray_png};
use ikem_examples::FolderLocks;

/// How long a program may take to refuse something.
const AT_ONCE: Duration = Duration::from_secs(20);

fn error(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && !text.contains("panicked"), "{text}");
    text
}

fn draw(path: &Path) {
    let config = PhantomConfig { height: [256, 256], ..PhantomConfig::default() };
    write_gray_png(path, &Phantom::generate(&config, 1).expect("a phantom").image).expect("a film");
}

#[test]
fn a_pipe_in_place_of_an_input_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(Command::new("mkfifo").arg(folder.path().join("pipe")).status().expect("mkfifo").success());
    draw(&folder.path().join("film.png"));
    interactive();
    for (name, arguments) in [
        ("detect", &["pipe"][..]),
        ("detect", &["/dev/zero"]),
        ("detect", &["film.png", "--match", "pipe"]),
        ("detect", &["film.png", "--weights", "pipe"]),
        ("interactive", &["--terminal", "pipe"]),
        ("interactive", &["--port", "0", "--no-open", "pipe"]),
        ("interactive", &["--port", "0", "--no-open", "--labels", "pipe"]),
        ("train", &["--config", "pipe", "--phantoms", "2", "--output", "runs"]),
        ("train", &["--compare", "pipe", "--output", "curves"]),
        ("evaluate", &["--data", "pipe"]),
        ("evaluate", &["--compare", "pipe"]),
        ("convert", &["pipe", "out.safetensors"]),
    ] {
        let mut command = Command::new(program(name));
        command.current_dir(folder.path()).args(arguments).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a start");
        let begin = Instant::now();
        while child.try_wait().expect("a state").is_none() {
            assert!(begin.elapsed() < AT_ONCE, "{name} {arguments:?} waits");
            std::thread::sleep(Duration::from_millis(20));
        }
        let told = error(&child.wait_with_output().expect("an end"));
        assert!(told.contains("a pipe or a device"), "{name} {arguments:?}: {told}");
    }
}

#[test]
fn numbers_without_bound_are_refused_with_their_limit() {
    let folder = tempfile::tempdir().expect("a folder");
    interactive();
    for (name, arguments, limit) in [
        ("phantom", &["--output", "out", "--count", "1000000000000"][..], "expected at most 100000"),
        (
            "train",
            &["--config", "c.toml", "--output", "o", "--phantoms", "1000000001"],
            "expected at most 1000000",
        ),
        ("train", &["--config", "c.toml", "--output", "o", "--threads", "99999"], "expected at most 1024"),
        ("evaluate", &["--data", "m.json", "--clicks", "1000000000"], "expected at most 1000"),
        ("interactive", &["--terminal", "--clicks", "1000000000"], "expected at most 1000"),
        ("profile", &["--batch", "1000000000"], "expected at most 1024"),
        ("detect", &["--threads", "1000000000"], "expected at most 1024"),
    ] {
        let told = error(&run(folder.path(), name, arguments));
        assert!(told.contains(limit) && told.contains("found "), "{name}: {told}");
    }
    assert!(!folder.path().join("out").exists());
}

#[test]
fn options_that_contradict_themselves_or_the_film_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    draw(&folder.path().join("film.png"));
    std::fs::write(folder.path().join("file"), b"no folder").expect("written");
    for (name, arguments, expected) in [
        ("detect", &["film.png", "--hint", "T5-TL:20,30", "--hint", "16:40,50"][..], "found two for T5-TL"),
        ("detect", &["film.png", "--frame", "900,0,100,200"], "is beyond the film of"),
        ("detect", &["film.png", "--frame", "0,-300,100,200,5"], "is beyond the film of"),
        ("phantom", &["--output", "file"], "--output file: "),
        (
            "phantom",
            &["--output", "out", "--validation", "9", "--test", "2"],
            "at most 10 together, found 11",
        ),
        ("phantom", &["--output", "out", "--count", "0"], "--count: expected at least 1"),
    ] {
        let error = error(&run(folder.path(), name, arguments));
        assert!(error.contains(expected), "{name} {arguments:?}: {error}");
    }
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_full_standard_output_loses_no_result() {
    let folder = tempfile::tempdir().expect("a folder");
    draw(&folder.path().join("film.png"));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let mut command = Command::new(program("detect"));
    command.current_dir(folder.path()).args(["film.png", "--output", "points.json", "--frame", "whole"]);
    let output = command.stdout(full).stderr(Stdio::piped()).output().expect("an end");
    let told = error(&output);
    assert!(told.contains("standard output: No space left"), "{told}");
    assert!(folder.path().join("points.json").is_file());
}

#[test]
fn what_is_typed_and_no_text_does_not_end_the_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(interactive())
        .current_dir(folder.path())
        .arg("--terminal")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a start");
    child.stdin.take().expect("an input").write_all(b"T5-TL \xff\xfe\nT5-TL 400,500\nquit\n").expect("said");
    let output = child.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("not text in UTF-8"), "{said}");
    assert!(said.contains("T5-TL is at 400, 500"), "{said}");
}

/// What the terminal says to these commands, on the two films of `folder`.
fn said_to(folder: &Path, commands: &str) -> String {
    let mut child = Command::new(interactive())
        .current_dir(folder)
        .args(["--terminal", "--frame", "whole", "a.png", "b.png"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a start");
    child.stdin.take().expect("an input").write_all(commands.as_bytes()).expect("said");
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_terminal_asks_before_work_is_lost_and_keeps_all_films() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for name in ["a.png", "b.png"] {
        std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/phantom.png"), at(name)).expect("a film");
    }
    let film = std::fs::read(at("b.png")).expect("a film");
    let said =
        said_to(folder.path(), "previous\nT5-TL 400,500\nsave b.png\nsave drawn.png\nnext\nquit\nquit\n");
    assert_eq!(
        std::fs::read(at("b.png")).expect("a film"),
        film,
        "a film that is shown later is no place to save to"
    );
    assert!(said.contains("this is the first film") && said.contains("would replace"), "{said}");
    // A picture keeps no points, and each way out is asked for by itself.
    assert_eq!(said.matches("are not saved: save FILE.json, or").count(), 2, "{said}");
    assert!(
        said.contains("or next again") && said.contains("or quit again") && !said.contains("film 2 of 2"),
        "{said}"
    );
    let said = said_to(folder.path(), "T5-TL 400,500\nsave points.json\nnext\nT5-TL 400,500\n");
    assert!(
        said.contains("film 2 of 2") && said.contains("the corrections of b.png are not saved"),
        "{said}"
    );
    assert!(!said.contains("save FILE.json, or"), "{said}");
}

/// A page that is served, on the films of `folder`.
struct Page {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    port: u16,
}

impl Page {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(interactive())
            .current_dir(folder)
            .args([".", "--no-open", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a start");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = lines.by_ref().map_while(Result::ok).find(|line| line.contains("http://"));
        let port = address.and_then(|line| line.trim_end_matches('/').rsplit(':').next()?.parse().ok());
        Self { child, lines, port: port.expect("a port") }
    }

    /// Accepts film 0; what the server answers.
    fn accept(&self) -> String {
        let body = "{\"accepted\": true}";
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        let request = format!(
            "POST /api/images/0/accept HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// Ends it by a signal: `TERM`, as `kill` and service managers send it, or `INT`, as Ctrl-C does. Returns whether that was a success, its last lines, and its errors.
    fn end(mut self, signal: &str) -> (bool, String, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([format!("-{signal}"), id]).status().expect("kill").success());
        let said: Vec<String> = self.lines.by_ref().map_while(Result::ok).collect();
        let mut errors = String::new();
        self.child.stderr.take().expect("its errors").read_to_string(&mut errors).expect("text");
        (self.child.wait().expect("an end").success(), said.join("\n"), errors)
    }
}

#[test]
fn at_its_end_the_page_says_what_is_saved_and_what_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    draw(&folder.path().join("film.png"));
    let page = Page::start(folder.path());
    assert!(page.accept().contains("\"save_error\":null"));
    let (success, said, errors) = page.end("TERM");
    assert!(success && said.contains("All work is saved."), "{said} {errors}");

    // A folder stands where the temporary file is written.
    let way = folder.path().join("film.png.ikem.json.part");
    std::fs::remove_file(folder.path().join("film.png.ikem.json")).expect("removed");
    std::fs::create_dir(&way).expect("a folder");
    let page = Page::start(folder.path());
    assert!(page.accept().contains("\"save_error\":\"cannot write"));
    let (success, said, errors) = page.end("INT");
    assert!(!success && !said.contains("All work is saved"), "{said}");
    assert!(errors.contains("NOT saved:\n  film.png: cannot write"), "{errors}");

    // Once there is room, it is saved without another action.
    let page = Page::start(folder.path());
    assert!(page.accept().contains("\"save_error\":\"cannot write"));
    std::fs::remove_dir(&way).expect("room");
    let (success, said, errors) = page.end("TERM");
    assert!(success && said.contains("All work is saved."), "{said} {errors}");
    let saved = std::fs::read_to_string(folder.path().join("film.png.ikem.json")).expect("a sidecar");
    assert!(saved.contains("\"status\":\"accepted\""));
}

#[test]
fn a_second_program_in_one_folder_refuses_to_start() {
    let folder = tempfile::tempdir().expect("a folder");
    draw(&folder.path().join("film.png"));
    let page = Page::start(folder.path());
    let told = error(&run(folder.path(), "interactive", &["film.png", "--no-open", "--port", "0"]));
    assert!(told.contains("another IKEM program") && told.contains("--output DIR"), "{told}");
    // A crash leaves no lock behind.
    let mut crashed = page.child;
    crashed.kill().expect("killed");
    crashed.wait().expect("an end");
    let (success, ..) = Page::start(folder.path()).end("INT");
    assert!(success);
}

#[test]
fn a_second_training_in_one_folder_refuses_to_start() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tiny.toml"), "[data]\nbatch_size = 2\n[schedule]\nepochs = 1\n")
        .expect("a config");
    let _first = FolderLocks::take([folder.path().to_owned()].into_iter()).expect("a free folder");
    let arguments = ["--config", "tiny.toml", "--phantoms", "8", "--output", "."];
    let told = error(&run(folder.path(), "train", &arguments));
    assert!(told.contains("another IKEM program is writing into this folder"), "{told}");
}
