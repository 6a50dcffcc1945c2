//! The predictor and the session, with a tiny network of random weights.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

use candle_core::Tensor;
use ikem_core::{GrayImage, Hint, Keypoints, Point, Reviser, Size};
use ikem_models::{Checkpoint, Device, ModelConfig, Network, NetworkConfig, Predictor, Session, UnetConfig};
use proptest::prelude::*;

const IMAGE: Size = Size::new(90, 150);

fn predictor() -> Predictor {
    let network = UnetConfig { width: 2, gate_width: Some(4), ..UnetConfig::default() };
    let size = Size::new(64, 96);
    let config = ModelConfig { size, ..ModelConfig::new(NetworkConfig::Unet(network)) };
    let mut tensors = Network::fresh(&config, 1, &Device::Cpu).expect("a network").parameters().state_dict();
    // Untrained, the network hardly listens to hints; this makes it.
    let loud = Tensor::new(&[50_f32], &Device::Cpu).expect("a tensor");
    tensors.insert("hint_fusion_layer.scale".to_owned(), loud);
    Predictor::from_checkpoint(Checkpoint { config, tensors }, &Device::Cpu).expect("a predictor")
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
    assert_eq!(session.raw_keypoints(), here.keypoints());
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
fn wrong_hints_are_told_and_change_nothing() {
    let mut session = predictor().session(&image()).expect("a session");
    let before = state(&session);
    for (hint, told) in [
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
        assert!(error.contains(told), "{error}");
        assert_eq!(state(&session), before);
    }
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
