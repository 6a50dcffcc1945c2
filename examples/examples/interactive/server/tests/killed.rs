use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::Site;
use super::client::{get, post, send};
use crate::server::sidecar::Sidecar;

const FOLDER: &str = "IKEM_TEST_FOLDER";
const KILLS: usize = 12;

/// What the next test starts and kills: a server that tells its port.
#[test]
#[ignore = "a part of the next test, which starts it as a process of its own"]
fn a_server_to_be_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let site = Site::of(Path::new(&folder), 1);
    println!("\nport={}", site.port);
    std::thread::sleep(Duration::from_secs(60));
}

fn start(folder: &Path) -> (Child, u16) {
    let program = std::env::current_exe().expect("this program");
    let arguments = ["--exact", "server::tests::killed::a_server_to_be_killed", "--ignored", "--nocapture"];
    let mut command = Command::new(program);
    command.args(arguments).env(FOLDER, folder).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("a server");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let port = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("port=")?.parse().ok());
    (child, port.expect("a port"))
}

#[test]
fn killed_while_saving_the_sidecar_is_the_old_or_the_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let sidecar = folder.path().join("0.ikem.json");
    let mut random = StdRng::seed_from_u64(5);
    let mut clicks = 0_u64;
    for round in 0..KILLS {
        let (mut child, port) = start(folder.path());
        let state = get(port, "/api/images/0").good();
        assert_eq!(state["clicks"], clicks, "round {round}");
        // Corrections one after the other, until the server is no more.
        let begun = std::sync::mpsc::channel();
        let client = std::thread::spawn(move || {
            let (mut answered, mut sent) = (clicks, clicks);
            loop {
                let body = json!({ "keypoint": sent % 68, "x": 20 + sent % 50, "y": 30 }).to_string();
                let headers = [("Content-Type", "application/json")];
                sent += 1;
                match send(port, "POST", "/api/images/0/revise", &headers, body.as_bytes()) {
                    Ok(answer) if answer.status == 200 => answered = sent,
                    _ => return (answered, sent),
                }
                if sent == clicks + 2 {
                    let _ = begun.0.send(());
                }
            }
        });
        begun.1.recv().expect("a correction");
        std::thread::sleep(Duration::from_micros(random.random_range(0..20_000)));
        child.kill().expect("a kill");
        child.wait().expect("an end");
        let (answered, sent) = client.join().expect("a client");
        let found = Sidecar::read(&sidecar).expect("a whole sidecar").expect("a sidecar");
        clicks = found.effort.clicks.into();
        assert!((answered..=sent).contains(&clicks), "{answered} answered, {sent} sent, {clicks} saved");
        let last = (clicks - 1) % 68;
        assert!(found.states.present().hints.get(last as usize).is_some());
    }
    // One file that was being written may be left, no more.
    let files: Vec<_> = std::fs::read_dir(folder.path())
        .expect("the folder")
        .map(|f| f.expect("a file").file_name())
        .collect();
    assert!(files.len() <= 3, "{files:?}");
    let (mut child, port) = start(folder.path());
    assert_eq!(post(port, "/api/images/0/undo", &json!({})).good()["clicks"], clicks);
    child.kill().expect("a kill");
    child.wait().expect("an end");
}
