use std::time::Duration;

use serde_json::json;

use super::Site;
use super::client::{get, post};

#[test]
fn the_newest_preview_wins_and_corrections_are_never_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::of(folder.path(), 1);
    let port = site.port;
    get(port, "/api/images/0").good();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let network = runtime.block_on(site.workplace.networks.current()).expect("a network");
    let revise = |x: f32| {
        std::thread::spawn(move || {
            post(port, "/api/images/0/revise", &json!({ "keypoint": 1, "x": x, "y": 9 }))
        })
    };
    let preview = |y: usize| {
        let body = json!({ "keypoint": 5, "x": 30, "y": y });
        let thread = std::thread::spawn(move || post(port, "/api/images/0/preview", &body).good());
        // In this order.
        std::thread::sleep(Duration::from_millis(40));
        thread
    };

    // While the network is busy, a drag goes on.
    let turn = network.turns.lasting(usize::MAX).wait(Duration::from_secs(60)).expect("a turn");
    let drag: Vec<_> = (0..4).map(preview).collect();
    drop(turn);
    let overtaken: Vec<_> = drag.into_iter().map(|thread| thread.join().expect("an answer")).collect();
    let flags: Vec<_> = overtaken.iter().map(|answer| answer["overtaken"].as_bool()).collect();
    assert_eq!(flags, [Some(true), Some(true), Some(true), Some(false)]);
    assert_eq!(overtaken[3]["keypoints"][5]["y"], 3.0);
    assert_eq!(overtaken[3]["keypoints"][5]["hinted"], true);

    // Corrections wait for their turn; the previews before them are dropped.
    let turn = network.turns.lasting(usize::MAX).wait(Duration::from_secs(60)).expect("a turn");
    let dropped = preview(7);
    let corrections: Vec<_> = [11.0, 12.0, 13.0].map(revise).into();
    std::thread::sleep(Duration::from_millis(100));
    drop(turn);
    assert_eq!(dropped.join().expect("an answer")["overtaken"], true);
    for correction in corrections {
        correction.join().expect("an answer").good();
    }
    let state = get(port, "/api/images/0").good();
    assert_eq!(state["clicks"], 3);
    assert_eq!(state["hints"].as_array().expect("hints").len(), 1);
}
