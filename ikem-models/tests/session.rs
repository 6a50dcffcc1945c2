//! The predictor and the session, with a tiny network of random weights.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

use candle_core::Tensor;
use ikem_core::{ErrorCovariance, Frame, GrayImage, Hint, Keypoints, Point, Reviser, Size};
use ikem_models::{
    Checkpoint, Device, HintMaps, ImageInput, Inputs, ModelConfig, Network, NetworkConfig, Predictor,
    PreviousMaps, Session, Snapshot, UnetConfig,
};
use proptest::prelude::*;

const IMAGE: Size = Size::new(90, 150);

fn predictor() -> Predictor {
    Predictor::builder().build(checkpoint()).expect("a predictor")
}

fn checkpoint() -> Checkpoint {
    let network = UnetConfig { width: 2, gate_width: Some(4), ..UnetConfig::default() };
    let size = Size::new(64, 96);
    let config = ModelConfig { size, ..ModelConfig::new(NetworkConfig::Unet(network)) };
    let mut tensors = Network::fresh(&config, 1, &Device::Cpu).expect("a network").parameters().state_dict();
    // Untrained, the network hardly listens to hints; this makes it.
    let loud = Tensor::new(&[50_f32], &Device::Cpu).expect("a tensor");
    tensors.insert("hint_fusion_layer.scale".to_owned(), loud);
    Checkpoint::new(config, tensors)
}

fn image() -> GrayImage {
    let pixels = (0..IMAGE.area()).map(|i| (i * 7919 % 1000) as f32 / 1000.0).collect();
    GrayImage::new(IMAGE, pixels).expect("pixels")
}

fn state(session: &Session) -> (Keypoints, Keypoints, Vec<Hint>) {
    (session.keypoints(), session.raw_keypoints().clone(), session.hints().iter().copied().collect())
}

#[test]
fn a_predictor_can_be_shared_and_a_session_sent() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<Predictor>();
    sent::<Session>();
}

#[test]
fn keypoints_are_in_image_space_and_a_sessions_first_prediction_is_the_predictors() {
    let predictor = predictor();
    let prediction = predictor.predict(&image()).expect("a prediction");
    assert_eq!(prediction.keypoints().len(), 68);
    assert!(prediction.keypoints().iter().all(|&point| IMAGE.contains(point)));
    assert!(prediction.confidences().iter().all(|c| (0.0..=1.0).contains(c)));
    let session = predictor.session(&image()).expect("a session");
    assert_eq!(session.keypoints(), *prediction.keypoints());
    let maps = session.heatmaps().expect("heatmaps");
    assert_eq!(maps.size(), predictor.config().size);
    let found = maps.decode(&predictor.config().decoding);
    assert!(found.iter().zip(prediction.confidences()).all(|(a, b)| a.confidence == *b));
}

#[test]
fn a_decoded_column_stays_on_the_image_and_hints_where_they_are() {
    let mut asked = checkpoint();
    asked.config.column = true;
    let asked = Predictor::builder().build(asked).expect("a predictor");
    let mut session = asked.session(&image()).expect("a session");
    for (keypoint, point) in [(20, Point::new(31.25, 88.5)), (3, Point::new(2.0, 149.0))] {
        session.revise(Hint::new(keypoint, point)).expect("an answer");
        assert!(session.keypoints().iter().all(|&point| IMAGE.contains(point)));
        assert_eq!(session.keypoints()[keypoint], point);
    }
}

#[test]
fn what_hints_tell_of_the_errors_comes_on_top_of_the_networks_answer() {
    // All keypoints' errors are the same but for a quarter of the variance.
    let square = 68 * 68;
    let value = |i: usize| if i % square / 68 == i % 68 { 1.0 } else { 0.75 };
    let errors = ErrorCovariance::new(68, (0..2 * square).map(value).collect()).expect("a covariance");
    assert_eq!(predictor().errors(), None);
    let with_errors = Checkpoint { errors: Some(errors.clone()), ..checkpoint() };
    let mut with_errors =
        Predictor::builder().build(with_errors).and_then(|p| p.session(&image())).expect("a session");
    let mut plain = predictor().session(&image()).expect("a session");
    assert_eq!(with_errors.keypoints(), plain.keypoints());
    let grid = plain.predictor().config().size;
    let mut hints = Vec::new();
    for (keypoint, point) in [(7, Point::new(40.0, 30.0)), (50, Point::new(-0.5, 150.0))] {
        let hint = Hint::new(keypoint, point);
        with_errors.revise(hint).expect("a prediction");
        plain.revise(hint).expect("a prediction");
        hints.push(Hint::new(keypoint, point.rescaled(IMAGE, grid)));
        let answer = plain.raw_keypoints().rescaled(IMAGE, grid);
        let expected = errors.moved(&answer, &hints);
        for ((a, b), before) in with_errors.raw_keypoints().iter().zip(expected.iter()).zip(answer.iter()) {
            let b = grid.nearest(*b).rescaled(grid, IMAGE);
            assert!(
                a.distance(b) < 1e-2 && a.distance(before.rescaled(grid, IMAGE)) > 0.1,
                "{a:?} is not {b:?}"
            );
        }
        assert!(with_errors.raw_keypoints().iter().all(|&point| IMAGE.contains(point)));
        assert_eq!(with_errors.keypoints()[keypoint], point);
    }
}

/// The steps of a session, from what the predictor gives.
#[test]
fn a_session_is_forward_passes_and_the_error_covariance() {
    let square = 68 * 68;
    let value = |i: usize| if i % square / 68 == i % 68 { 1.0 } else { 0.5 };
    let errors = ErrorCovariance::new(68, (0..2 * square).map(value).collect()).expect("a covariance");
    let told = Checkpoint { errors: Some(errors), ..checkpoint() };
    let predictor = Predictor::builder().build(told).expect("a predictor");
    let mut session = predictor.session(&image()).expect("a session");
    let hint = Hint::new(20, Point::new(31.0, 88.0));
    session.revise(hint).expect("a prediction");

    let (config, frame) = (predictor.config(), Frame::whole(IMAGE));
    let grid = config.size;
    let gray = config.preparation().apply(&image()).expect("pixels");
    let gray = Tensor::from_vec(gray, (1, 1, grid.height, grid.width), &Device::Cpu).expect("a tensor");
    let pixels = gray.repeat((1, 3, 1, 1)).expect("a tensor");
    let forward = |hints: Vec<Hint>, previous| {
        let hints = HintMaps::Gaussians { hints: vec![hints], std: config.std };
        let inputs = Inputs { hints, previous, image: ImageInput::Pixels(pixels.clone()) };
        predictor.forward(&inputs).expect("logits")
    };
    let on_grid = Hint::new(20, frame.to_grid(hint.point, IMAGE, grid));
    let first = forward(vec![], PreviousMaps::None);
    let second = forward(vec![on_grid], PreviousMaps::OfLogits(first.main));
    let found: Keypoints =
        second.detect(&config.decoding).expect("points").concat().iter().map(|found| found.point).collect();
    let moved = predictor.errors().expect("a covariance").moved(&found, &[on_grid]);
    assert_ne!(moved, found);
    for (a, b) in moved.iter().zip(session.prediction().keypoints().iter()) {
        let a = frame.to_image(grid.nearest(*a), IMAGE, grid);
        assert!(a.distance(*b) < 1e-2, "{a:?} {b:?}");
    }
}

#[test]
fn undo_goes_back_as_far_as_it_is_told() {
    let mut session = predictor().session(&image()).expect("a session").with_undo_limit(2);
    for keypoint in 0..4 {
        session.revise(Hint::new(keypoint, Point::new(45.0, 75.0))).expect("a prediction");
    }
    assert!(session.undo() && session.undo() && !session.undo());
    assert_eq!(session.hints().len(), 2);
}

#[test]
fn without_their_maps_the_other_states_show_the_same() {
    let mut session = predictor().session(&image()).expect("a session");
    let mut shown = vec![state(&session)];
    for keypoint in 0..3 {
        session.revise(Hint::new(keypoint, Point::new(45.0, 75.0))).expect("a prediction");
        shown.push(state(&session));
    }
    session.undo();
    session.release_maps();
    assert!(session.prediction().has_maps());
    assert!(session.redo() && !session.prediction().has_maps());
    for expected in shown.iter().rev() {
        assert_eq!(state(&session), *expected);
        session.undo();
    }
    session.revise(Hint::new(9, Point::new(45.0, 75.0))).expect("a prediction");
    assert!(session.prediction().has_maps());
}

#[test]
fn a_hint_changes_the_other_keypoints() {
    let mut session = predictor().session(&image()).expect("a session");
    let before = session.raw_keypoints().clone();
    session.revise(Hint::new(5, Point::new(30.0, 40.0))).expect("a revision");
    assert_eq!(session.keypoints()[5], Point::new(30.0, 40.0));
    assert!(session.raw_keypoints().distances(&before).any(|way| way > 1e-3));
}

#[test]
fn previews_start_from_the_committed_state_and_leave_it() {
    let mut session = predictor().session(&image()).expect("a session");
    session.revise(Hint::new(9, Point::new(10.0, 20.0))).expect("a revision");
    let before = state(&session);
    let preview =
        |session: &Session, x| session.preview(Hint::new(5, Point::new(x, 40.0))).expect("a preview");
    let _ = preview(&session, 70.0);
    let here = preview(&session, 30.0);
    assert_eq!(state(&session), before);
    session.revise(Hint::new(5, Point::new(30.0, 40.0))).expect("a revision");
    assert_eq!(session.raw_keypoints(), here.prediction().keypoints());
    assert_eq!((session.keypoints(), session.hints()), (here.keypoints(), here.hints()));
    assert_eq!(here.keypoints()[5], Point::new(30.0, 40.0));
}

#[test]
fn removing_predicts_with_the_rest_and_reset_can_be_undone() {
    let mut session = predictor().session(&image()).expect("a session");
    let first = state(&session);
    session
        .revise_all([Hint::new(1, Point::new(5.0, 6.0)), Hint::new(2, Point::new(7.0, 8.0))])
        .expect("a revision");
    assert!(!session.remove(3).expect("nothing to do"));
    assert!(session.remove(1).expect("a prediction"));
    assert_eq!(state(&session).2, [Hint::new(2, Point::new(7.0, 8.0))]);
    let before = state(&session);
    session.reset();
    assert_eq!(state(&session), first);
    assert!(session.undo());
    assert_eq!(state(&session), before);
}

#[test]
fn several_hints_are_removed_at_once_and_a_state_can_be_marked() {
    let mut session = predictor().session(&image()).expect("a session");
    let hint = |k: usize| Hint::new(k, Point::new(20.0 + k as f32, 30.0));
    session.revise_all([3, 5, 7].map(hint)).expect("a prediction");
    let before = state(&session);
    assert!(!session.remove_all([4]).expect("nothing to predict") && state(&session) == before);
    assert!(session.remove_all([3, 4, 7]).expect("a prediction"));
    assert_eq!(session.hints().iter().copied().collect::<Vec<_>>(), [hint(5)]);
    let removed = state(&session);
    session.mark();
    assert_eq!(state(&session), removed, "nothing is predicted");
    assert!(session.undo() && state(&session) == removed, "the mark is a step of its own");
    assert!(session.undo() && state(&session) == before);
}

#[test]
fn wrong_hints_are_told_and_change_nothing() {
    let mut session = predictor().session(&image()).expect("a session");
    let before = state(&session);
    for (hint, expected) in [
        (Hint::new(68, Point::new(1.0, 1.0)), "there is no keypoint 68"),
        (
            Hint::new(0, Point::new(f32::NAN, 1.0)),
            "(NaN, 1) of keypoint 0 is not inside the image of 90 x 150 px",
        ),
        (Hint::new(0, Point::new(91.0, 1.0)), "is not inside the image"),
        (Hint::new(0, Point::new(1.0, -1.0)), "is not inside the image"),
    ] {
        let good = Hint::new(3, Point::new(2.0, 2.0));
        let error = session.revise_all([good, hint]).expect_err("a wrong hint").to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(state(&session), before);
    }
}

#[test]
fn names_move_and_points_stay() {
    let mut session = predictor().session(&image()).expect("a session");
    session.revise(Hint::new(16, Point::new(30.0, 40.0))).expect("a revision");
    session.revise(Hint::new(66, Point::new(50.0, 140.0))).expect("a revision");
    let before = state(&session);
    let confidences = session.prediction().confidences().to_vec();
    let moved = session.moved(16).expect("a way");
    assert!(session.shift_names(1).expect("a shift"));
    // T5-TL is T6-TL now; L5-BL, which was hinted, has no name any more.
    assert_eq!(session.hints().iter().copied().collect::<Vec<_>>(), [Hint::new(20, Point::new(30.0, 40.0))]);
    assert_eq!(session.keypoints()[4..], before.0[..64]);
    assert_eq!(session.prediction().confidences()[4..], confidences[..64]);
    assert_eq!(session.prediction().confidences()[..4], [0.0; 4]);
    let heatmap = |session: &Session, k| session.prediction().heatmap(k).expect("a map").into_values();
    let shifted = heatmap(&session, 24);
    assert!(heatmap(&session, 0).iter().all(|&value| value < 1e-4));
    assert_eq!((session.shift(), session.moved(20)), (1, Some(moved)));
    // The new T1 goes on from T2 and T3.
    let continued = before.0[0] + (before.0[0] - before.0[4]);
    let inside = Point::new(continued.x.clamp(0.0, 89.0), continued.y.clamp(0.0, 149.0));
    assert_eq!(session.keypoints()[0], inside);
    session.revise(Hint::new(0, Point::new(20.0, 3.0))).expect("a revision");
    assert!(session.undo() && session.undo());
    assert_eq!(state(&session), before);
    assert_eq!(heatmap(&session, 20), shifted);
    for by in [0, 16, -16, isize::MIN, isize::MAX] {
        assert!(!session.shift_names(by).expect("nothing to do"), "{by}");
    }
    assert!(session.shift_names(-2).expect("a shift"));
    assert_eq!(session.keypoints()[..60], before.0[8..]);
}

#[test]
fn a_session_written_down_goes_on_as_it_was() {
    let predictor = predictor();
    let mut session = predictor.session(&image()).expect("a session");
    session.revise(Hint::new(5, Point::new(30.0, 40.0))).expect("a revision");
    session.shift_names(1).expect("a shift");
    session.revise(Hint::new(7, Point::new(31.0, 41.0))).expect("a revision");
    session.undo();
    let text = serde_json::to_string(&session.snapshots()).expect("JSON");
    let snapshots = serde_json::from_str(&text).expect("snapshots");
    let mut again = predictor.resume(&image(), &snapshots).expect("a session");
    assert_eq!(state(&again), state(&session));
    assert_eq!((again.shift(), again.moved(9)), (session.shift(), session.moved(9)));
    assert_eq!(again.snapshots(), session.snapshots());
    assert!(again.redo() && session.redo() && !again.redo());
    assert_eq!(state(&again), state(&session));
    assert!(again.undo() && again.undo() && again.undo() && !again.can_undo());
    // What the network is told of a restored prediction are Gaussians at its points, as high as they were sure.
    let size = predictor.config().size;
    let maps = again.heatmaps().expect("heatmaps");
    let found = maps.decode(&ikem_core::Decoding::Argmax);
    for (k, detection) in found.iter().enumerate() {
        let point = again.keypoints()[k].rescaled(IMAGE, size);
        assert!(point.distance(detection.point) < 0.71, "{k}: {point:?}, {detection:?}");
        assert!((detection.confidence - again.prediction().confidences()[k]).abs() < 0.01);
    }
    assert_eq!(again.prediction().heatmap(3).expect("a map").map(0), maps.map(3));
    again.revise(Hint::new(5, Point::new(30.0, 40.0))).expect("a revision");
    assert_eq!(again.keypoints()[5], Point::new(30.0, 40.0));
}

#[test]
fn what_is_no_state_of_this_image_is_not_taken() {
    let mut session = predictor().session(&image()).expect("a session");
    let before = state(&session);
    let good = session.snapshots().present().clone();
    let spoilt = |spoil: fn(&mut Snapshot)| {
        let mut snapshot = good.clone();
        spoil(&mut snapshot);
        snapshot
    };
    for (snapshot, expected) in [
        (spoilt(|s| s.keypoints = Keypoints::default()), "keypoints"),
        (spoilt(|s| s.confidences.push(0.0)), "confidences"),
        (spoilt(|s| s.keypoints[3].x = f32::NAN), "keypoint 3"),
        (spoilt(|s| s.hints = vec![Hint::new(68, Point::default())].into()), "no keypoint 68"),
        (spoilt(|s| s.hints = vec![Hint::new(2, Point::new(91.0, 0.0))].into()), "not inside the image"),
    ] {
        let error = session.adopt(&snapshot).expect_err("a wrong state").to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(state(&session), before);
    }
    session.adopt(&spoilt(|s| s.keypoints[3] = Point::new(1.0, 2.0))).expect("a state");
    assert_eq!(session.keypoints()[3], Point::new(1.0, 2.0));
    session.predict_anew().expect("a prediction");
    assert_eq!(state(&session), before);
    assert!(session.undo() && session.undo());
}

#[derive(Debug, Clone)]
enum Edit {
    Set(usize, f32, f32),
    Remove(usize),
    Reset,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (0_usize..6, 0_f32..90.0, 0_f32..150.0).prop_map(|(k, x, y)| Edit::Set(k, x, y)),
        1 => (0_usize..6).prop_map(Edit::Remove),
        1 => Just(Edit::Reset),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn hinted_points_never_move_and_undo_restores_every_state(edits in prop::collection::vec(edit(), 1..8)) {
        let mut session = predictor().session(&image()).expect("a session");
        let mut states = vec![state(&session)];
        for edit in edits {
            let changed = match edit {
                Edit::Set(k, x, y) => session.revise(Hint::new(k, Point::new(x, y))).map(|()| true),
                Edit::Remove(k) => session.remove(k),
                Edit::Reset => { session.reset(); Ok(true) }
            };
            if changed.expect("a change") {
                states.push(state(&session));
            }
            for hint in session.hints() {
                prop_assert_eq!(session.keypoints()[hint.keypoint], hint.point);
            }
        }
        for expected in states.iter().rev().skip(1) {
            prop_assert!(session.undo());
            prop_assert_eq!(&state(&session), expected);
        }
        prop_assert!(!session.undo());
        for expected in &states[1..] {
            prop_assert!(session.redo());
            prop_assert_eq!(&state(&session), expected);
        }
    }
}
