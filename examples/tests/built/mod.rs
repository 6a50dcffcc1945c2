//! The programs as they were built.
#![allow(dead_code, reason = "each test uses some of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The folder of what is built in the test's profile.
fn profile() -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    test.ancestors().nth(2).expect("the build's folder").to_owned()
}

/// The program `name`. `cargo test` builds it; where only one test is built, it is not.
pub(crate) fn program(name: &str) -> PathBuf {
    let program = profile().join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "{}: run `cargo build --examples` first", program.display());
    program
}

/// The example `interactive`. `cargo test` builds only its own tests, so it is built here, from what is there already.
pub(crate) fn interactive() -> PathBuf {
    let profile = profile();
    let target = profile.parent().expect("the target folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--workspace", "--example", "interactive"])
        .env("CARGO_TARGET_DIR", target);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo starts").success(), "the example was not built");
    program("interactive")
}

/// What the program `name` does with these arguments, in `folder`.
pub(crate) fn run(folder: &Path, name: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program(name));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).output().expect("an end")
}

/// What `interactive --terminal` prints on these lines, in `folder`.
pub(crate) fn type_in(folder: &Path, arguments: &[&str], lines: &str) -> String {
    let mut child = Command::new(interactive())
        .current_dir(folder)
        .arg("--terminal")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a start");
    std::io::Write::write_all(&mut child.stdin.take().expect("an input"), lines.as_bytes()).expect("said");
    let output = child.wait_with_output().expect("an end");
    String::from_utf8(output.stdout).expect("text")
}
