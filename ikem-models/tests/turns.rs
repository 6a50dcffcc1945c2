//! Many clients and one network.
#![allow(missing_docs)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says where it stops, and its times"
)]

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use ikem_core::{GrayImage, Hint, Point, Size};
use ikem_models::{
    Error, ModelConfig, NetworkConfig, NoTurn, Predictor, Turn, TurnLimits, TurnRequest, Turns, UnetConfig,
};

/// Longer than any turn takes.
const LONG: Duration = Duration::from_secs(60);

fn turns() -> Turns<usize> {
    Turns::new(TurnLimits::default())
}

/// The turn, if it has come.
fn ready(request: &mut TurnRequest<usize>) -> Option<Result<Turn<usize>, NoTurn>> {
    match pin!(request).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(turn) => Some(turn),
        Poll::Pending => None,
    }
}

/// The clients of `requests` in the order of their turns.
fn order(mut requests: Vec<(usize, TurnRequest<usize>)>) -> Vec<usize> {
    let mut order = Vec::new();
    while !requests.is_empty() {
        let called: Vec<_> =
            (0..requests.len()).filter_map(|i| Some((i, ready(&mut requests[i].1)?))).collect();
        let [(place, Ok(_))] = &called[..] else { panic!("one turn at a time: {called:?}") };
        order.push(requests.remove(*place).0);
    }
    order
}

#[test]
fn clients_take_turns_however_much_they_ask() {
    let turns = turns();
    let held = turns.lasting(0).wait(LONG).expect("a free turn");
    let asked = [1, 1, 1, 1, 2, 3, 2, 0];
    let requests: Vec<_> = asked.map(|client| (client, turns.lasting(client))).into();
    assert_eq!((turns.waiting(), turns.running()), (8, 1));
    drop(held);
    assert_eq!(order(requests), [1, 2, 3, 0, 1, 2, 1, 1]);
    assert_eq!((turns.waiting(), turns.running()), (0, 0));
}

#[test]
fn a_newer_request_takes_the_place_of_a_replaceable_one() {
    let turns = turns();
    let held = turns.lasting(0).wait(LONG).expect("a free turn");
    let mut older = turns.replaceable(1);
    let other = turns.lasting(2);
    let mut newer = turns.replaceable(1);
    assert_eq!(ready(&mut older).map(|turn| turn.map(drop)), Some(Err(NoTurn::Superseded)));
    assert!(ready(&mut newer).is_none());
    drop(held);
    // It has the place of the older one, before the other client.
    let first = newer.wait(LONG).expect("the turn");
    assert!(!first.cancel().is_cancelled());
    let lasting = turns.lasting(1);
    assert!(first.cancel().is_cancelled(), "its turn is over");
    drop(first);
    drop(other.wait(LONG).expect("the turn"));
    let last = lasting.wait(LONG).expect("the turn");
    let mut after = turns.replaceable(1);
    assert!(!last.cancel().is_cancelled(), "it lasts");
    assert!(ready(&mut after).is_none(), "one turn of a client at a time");
    drop(last);
    assert!(matches!(ready(&mut after), Some(Ok(_))));
}

#[test]
fn two_turns_at_once_are_of_two_clients() {
    let turns = Turns::new(TurnLimits { at_once: 2, ..TurnLimits::default() });
    let [mut first, mut second, mut other] = [1, 1, 2].map(|client| turns.lasting(client));
    let (first, other) = (ready(&mut first), ready(&mut other));
    assert!(matches!((&first, &other), (Some(Ok(_)), Some(Ok(_)))));
    assert!(ready(&mut second).is_none());
    drop(other);
    assert!(ready(&mut second).is_none());
    drop(first);
    assert!(matches!(ready(&mut second), Some(Ok(_))));
}

#[test]
fn requests_are_bounded_in_all_and_for_each_client() {
    let limits = TurnLimits { waiting: 5, waiting_per_client: 2, ..TurnLimits::default() };
    let turns = Turns::new(limits);
    let held = turns.lasting(0).wait(LONG).expect("a free turn");
    let mut waiting = vec![turns.lasting(1), turns.replaceable(1)];
    // What takes an older one's place is one no more.
    waiting.push(turns.lasting(1));
    let full = |client, found| {
        let refused = ready(&mut turns.lasting(client)).map(|turn| turn.map(drop));
        assert_eq!(refused, Some(Err(NoTurn::Full { waiting: found })), "{client}");
    };
    full(1, 2);
    waiting.extend([2, 3, 4].map(|client| turns.lasting(client)));
    full(5, 5);
    assert_eq!(turns.waiting(), 5);
    // Whoever goes away leaves a place.
    waiting.pop();
    waiting.push(turns.lasting(5));
    drop(waiting);
    assert_eq!((turns.waiting(), turns.running()), (0, 1));
    drop(held);
    assert_eq!(turns.running(), 0);
}

#[test]
fn a_request_waits_as_long_as_it_is_willing_to() {
    let turns = turns();
    let held = turns.lasting(0).wait(LONG).expect("a free turn");
    let patience = Duration::from_millis(80);
    let begin = Instant::now();
    let late = turns.lasting(1).wait(patience).map(drop);
    assert_eq!(late, Err(NoTurn::TimedOut { patience }));
    assert!((patience..LONG).contains(&begin.elapsed()));
    assert_eq!(turns.waiting(), 0, "it has given up its place");
    // A turn that has come and was not taken goes to the next.
    let (unused, mut next) = (turns.lasting(1), turns.lasting(2));
    drop(held);
    assert!(ready(&mut next).is_none());
    drop(unused);
    assert!(matches!(ready(&mut next), Some(Ok(_))));
}

/// A network that answers in a few milliseconds.
fn predictor() -> Predictor {
    let network = UnetConfig { width: 4, gate_width: Some(8), ..UnetConfig::default() };
    let config = ModelConfig { size: Size::new(64, 128), ..ModelConfig::new(NetworkConfig::Unet(network)) };
    Predictor::builder().untrained(&config, 1).expect("a predictor")
}

#[test]
fn a_hundred_sessions_that_click_at_once_are_all_answered_in_fair_order() {
    const SESSIONS: usize = 100;
    const CLICKS: usize = 5;
    let (predictor, turns) = (predictor(), turns());
    let film = GrayImage::new(Size::new(90, 150), vec![0.5; 90 * 150]).expect("pixels");
    let held = turns.lasting(SESSIONS).wait(LONG).expect("a free turn");
    let (clicks, waits) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for client in 0..SESSIONS {
            let mut session = predictor.session(&film).expect("a session");
            let (turns, clicks, waits) = (&turns, &clicks, &waits);
            scope.spawn(move || {
                for click in 0..CLICKS {
                    let begin = Instant::now();
                    let turn = turns.lasting(client).wait(LONG).expect("a turn");
                    clicks.lock().expect("no panic").push(client);
                    let point = Point::new(10.0 + click as f32, client as f32);
                    session.revise(Hint::new(click, point)).expect("a prediction");
                    drop(turn);
                    waits.lock().expect("no panic").push(begin.elapsed());
                    assert_eq!(session.keypoints()[click], point);
                }
                assert_eq!(session.hints().len(), CLICKS);
            });
        }
        while turns.waiting() < SESSIONS {
            thread::sleep(Duration::from_millis(1));
        }
        drop(held);
    });
    let clicks = clicks.into_inner().expect("no panic");
    assert_eq!(clicks.len(), SESSIONS * CLICKS);
    // Nobody is served for the third time while another waits for the first time.
    let mut served = [0; SESSIONS];
    for client in clicks {
        served[client] += 1;
        let least = served.iter().min().expect("clients");
        assert!(served[client] <= least + 2, "{client} was served {} times, another {least}", served[client]);
    }
    let mut waits = waits.into_inner().expect("no panic");
    waits.sort();
    println!("{SESSIONS} sessions, {CLICKS} clicks each: median wait {:?}", waits[waits.len() / 2]);
}

#[test]
fn a_drag_ends_its_older_previews_and_answers_the_newest() {
    let (predictor, turns) = (predictor(), turns());
    let film = GrayImage::new(Size::new(90, 150), vec![0.5; 90 * 150]).expect("pixels");
    let session = Arc::new(Mutex::new(predictor.session(&film).expect("a session")));
    let held = turns.lasting(1).wait(LONG).expect("a free turn");
    let drag: Vec<_> = (0..20)
        .map(|step| {
            let (request, session) = (turns.replaceable(1), Arc::clone(&session));
            thread::spawn(move || {
                let turn = request.wait(LONG)?;
                let hint = Hint::new(3, Point::new(20.0, 30.0 + step as f32));
                let mut session = session.lock().expect("no panic");
                let preview = session.cancelled_by(turn.cancel()).preview(hint);
                Ok::<_, NoTurn>(preview.map(|preview| preview.keypoints()[3]))
            })
        })
        .collect();
    drop(held);
    let answers: Vec<_> = drag.into_iter().map(|step| step.join().expect("no panic")).collect();
    let (last, older) = answers.split_last().expect("answers");
    assert!(matches!(last, Ok(Ok(point)) if *point == Point::new(20.0, 49.0)), "{last:?}");
    assert!(older.iter().all(|answer| matches!(answer, Err(NoTurn::Superseded) | Ok(Err(Error::Cancelled)))));
}
