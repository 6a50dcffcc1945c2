//! The program that trains, killed again and again.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

mod built;

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

const CONFIG: &str = r"
save_every = 1
[model]
size = { width = 64, height = 64 }
[model.network.unet]
width = 1
gate_width = 2
[data]
batch_size = 2
phantoms.settings.height = [256, 300]
[hints.strategy.pre-hint]
warm_up = 1
[optimiser]
average = 0.9
[schedule]
epochs = 16
";

/// A folder with the config of a small training.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("tiny.toml"), CONFIG).expect("written");
    folder
}

/// The training, on 12 phantoms: 6 steps an epoch.
fn program(folder: &Path, output: &str) -> Command {
    let mut command = Command::new(built::program("train"));
    command.current_dir(folder).args([
        "--config",
        "tiny.toml",
        "--phantoms",
        "12",
        "--threads",
        "1",
        "--resume",
    ]);
    command.args(["--output", output]).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn finish(child: Child) -> ExitStatus {
    let ended = child.wait_with_output().expect("an end");
    let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success() || errors.is_empty(), "{errors}");
    ended.status
}

/// Waits until a checkpoint is written, or the process ends.
fn wait_for_checkpoint(child: &mut Child, state: &Path) {
    let written =
        || std::fs::metadata(state).and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let (before, began) = (written(), Instant::now());
    while written() == before && child.try_wait().expect("a process").is_none() {
        assert!(began.elapsed() < Duration::from_secs(120), "no checkpoint in two minutes");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn ten_kills_and_a_friendly_one_change_nothing() {
    let folder = folder();
    let whole = program(folder.path(), "whole").spawn().expect("the program");
    assert!(finish(whole).success());

    let state = folder.path().join("killed").join("state.safetensors");
    let mut kills = 0;
    // Moments without order, up to 20 ms after a checkpoint: in steps, in validations and while files are written.
    for moment in (1..=11_u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 20_000) {
        let mut child = program(folder.path(), "killed").spawn().expect("the program");
        wait_for_checkpoint(&mut child, &state);
        std::thread::sleep(Duration::from_micros(moment));
        if kills < 10 {
            child.kill().expect("killed");
            kills += usize::from(finish_killed(child));
        } else {
            let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            assert!(kill.expect("kill").success());
            assert!(finish(child).success(), "a friendly kill ends the program well");
        }
    }
    assert_eq!(kills, 10, "the training ended before it was killed ten times");
    let rest = program(folder.path(), "killed").spawn().expect("the program");
    assert!(finish(rest).success());
    for name in ["state.safetensors", "newest.safetensors", "best.safetensors", "log.csv"] {
        let read = |run: &str| std::fs::read(folder.path().join(run).join(name)).expect("a file");
        assert!(read("whole") == read("killed"), "{name} differs");
    }
    let files = std::fs::read_dir(folder.path().join("killed")).expect("a folder").count();
    assert_eq!(files, 10, "nothing unfinished stays: 4 files, and 3 plots twice");
}

/// Whether the process ended because it was killed.
fn finish_killed(child: Child) -> bool {
    finish(child).code().is_none()
}

#[test]
fn bad_input_is_told_on_one_line() {
    let folder = folder();
    std::fs::write(folder.path().join("bad.toml"), "[data]\nbatch_sise = 3\n").expect("written");
    std::fs::write(folder.path().join("bad.csv"), "Epoch,Loss\n1,2\n").expect("written");
    let cases: [(&[&str], &str); 5] = [
        (&["--config", "bad.toml", "--phantoms", "4"], "bad.toml: line 2: `data.batch_sise`: unknown field"),
        (&["--config", "none.toml", "--phantoms", "4"], "none.toml: No such file"),
        (&["--config", "tiny.toml", "--phantoms", "1"], "the set `train` has 1 images; expected at least 2"),
        (&["--config", "tiny.toml", "--manifest", "none.json"], "none.json"),
        (&["--compare", "bad.csv"], "bad.csv"),
    ];
    for (arguments, expected) in cases {
        let mut command = Command::new(program(folder.path(), "x").get_program());
        let run = command.current_dir(folder.path()).args(arguments).args(["--output", "out"]).output();
        let run = run.expect("the program");
        let message = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(!run.status.success(), "{arguments:?}");
        assert!(message.starts_with("error: ") && message.contains(expected), "{arguments:?}: {message}");
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    }
}
