//! Sessions that see their films in frames.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

use ikem_core::{Frame, GrayImage, Hint, Keypoints, Point, Resampling, Size};
use ikem_models::{
    Checkpoint, Device, Doubt, ModelConfig, Network, NetworkConfig, Predictor, Session, UnetConfig, View,
};
use proptest::prelude::*;

const FILM: Size = Size::new(120, 260);

fn predictor() -> Predictor {
    let network = UnetConfig { width: 2, gate_width: Some(4), ..UnetConfig::default() };
    let config = ModelConfig {
        size: Size::new(64, 96),
        resampling: Resampling::Area,
        ..ModelConfig::new(NetworkConfig::Unet(network))
    };
    let tensors = Network::fresh(&config, 1, &Device::Cpu).expect("a network").parameters().state_dict();
    Predictor::builder().build(Checkpoint::new(config, tensors)).expect("a predictor")
}

fn film() -> GrayImage {
    let pixels = (0..FILM.area()).map(|i| (i * 7919 % 1000) as f32 / 1000.0).collect();
    GrayImage::new(FILM, pixels).expect("pixels")
}

fn frame() -> Frame {
    Frame::new(10.0, 30.0, 90.0, 200.0).expect("a frame")
}

fn state(session: &Session) -> (View, Keypoints, Vec<Hint>) {
    (*session.view(), session.keypoints(), session.hints().iter().copied().collect())
}

#[test]
fn without_a_locator_the_whole_film_is_seen() {
    let session = predictor().session(&film()).expect("a session");
    assert_eq!(*session.view(), View::whole(FILM));
    let whole = predictor().session_in(&film(), Frame::whole(FILM)).expect("a session");
    assert_eq!(session.keypoints(), whole.keypoints());
}

#[test]
fn the_same_film_on_a_larger_canvas_gives_the_same_keypoints() {
    let predictor = predictor();
    let (left, top) = (37, 21);
    let canvas = Size::new(FILM.width + 90, FILM.height + 50);
    let mut pixels = vec![0.0; canvas.area()];
    for (y, row) in film().pixels().chunks_exact(FILM.width).enumerate() {
        pixels[(top + y) * canvas.width + left..][..FILM.width].copy_from_slice(row);
    }
    let larger = GrayImage::new(canvas, pixels).expect("pixels");
    let shift = Point::new(left as f32, top as f32);
    for degrees in [0.0, 180.0, 12.0] {
        let moved = Frame::new(10.0 + 37.0, 30.0 + 21.0, 90.0, 200.0).expect("a frame").turned(degrees);
        let a = predictor.predict_in(&film(), frame().turned(degrees)).expect("a prediction");
        let b = predictor.predict_in(&larger, moved).expect("a prediction");
        for (a, b) in a.keypoints().iter().zip(b.keypoints().iter()) {
            assert!((*a + shift).distance(*b) < 0.5, "{degrees}: {a:?} and {b:?}");
        }
    }
}

#[test]
fn a_film_turned_in_its_frame_gives_the_same_keypoints_turned() {
    let predictor = predictor();
    let upright = predictor.predict(&film()).expect("a prediction");
    let mut pixels = film().pixels().to_vec();
    pixels.reverse();
    let turned = GrayImage::new(FILM, pixels).expect("pixels");
    let seen = predictor.predict_in(&turned, Frame::whole(FILM).turned(180.0)).expect("a prediction");
    for (a, b) in upright.keypoints().iter().zip(seen.keypoints().iter()) {
        let back = Point::new(FILM.width as f32 - 1.0 - b.x, FILM.height as f32 - 1.0 - b.y);
        assert!(a.distance(back) < 1e-2, "{a:?} and {back:?}");
    }
}

#[test]
fn a_negative_gives_the_keypoints_of_its_positive() {
    let predictor = predictor();
    let negative: Vec<f32> = film().pixels().iter().map(|value| 1.0 - value).collect();
    let negative = GrayImage::new(FILM, negative).expect("pixels");
    let positive = predictor.predict_in(&film(), frame()).expect("a prediction");
    let view = View { negative: true, ..View::from(frame()) };
    let found = predictor.predict_in(&negative, view).expect("a prediction");
    for (a, b) in positive.keypoints().iter().zip(found.keypoints().iter()) {
        assert!(a.distance(*b) < 1e-2, "{a:?} and {b:?}");
    }
}

#[test]
fn a_hint_outside_the_frame_extends_it_and_stays_where_it_was_put() {
    let mut session = predictor().session_in(&film(), frame()).expect("a session");
    let before = state(&session);
    let inside = Hint::new(3, Point::new(50.0, 90.0));
    session.revise(inside).expect("a revision");
    assert_eq!(session.view().frame, frame());
    let outside = Hint::new(66, Point::new(115.0, 255.0));
    let preview = session.preview(outside).expect("a preview");
    assert!(preview.view().frame.contains(outside.point));
    assert_eq!(session.view().frame, frame(), "a preview changes nothing");
    session.revise(outside).expect("a revision");
    assert!(session.view().frame.contains(outside.point));
    assert_eq!((session.keypoints()[3], session.keypoints()[66]), (inside.point, outside.point));
    assert!(session.undo() && session.undo());
    assert_eq!(state(&session), before);
}

#[test]
fn a_view_is_a_state_of_its_own() {
    let mut session = predictor().session_in(&film(), frame()).expect("a session");
    let hint = Hint::new(20, Point::new(60.0, 110.0));
    session.revise(hint).expect("a revision");
    let before = state(&session);
    session.set_view(View { negative: true, ..View::from(frame().turned(90.0)) }).expect("a view");
    assert!(session.view().negative);
    assert_eq!(session.keypoints()[20], hint.point);
    assert_ne!(state(&session).1, before.1);
    session.undo();
    assert_eq!(state(&session), before);
    let nothing = View { confidence: Some(0.2), ..View::whole(FILM) };
    let found = predictor().session_in(&film(), nothing).expect("a session");
    assert_eq!(found.doubt(), Some(Doubt::NothingFound { confidence: 0.2 }));
}

#[derive(Debug, Clone)]
enum Step {
    Revise(usize, f32, f32),
    View(f64, f64, f64, bool),
    Remove(usize),
    Shift(isize),
    Undo,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0_usize..68, 0_f32..119.0, 0_f32..259.0).prop_map(|(k, x, y)| Step::Revise(k, x, y)),
        (-20_f64..40.0, 60_f64..150.0, -180_f64..180.0, any::<bool>())
            .prop_map(|(x, width, degrees, negative)| Step::View(x, width, degrees, negative)),
        (0_usize..68).prop_map(Step::Remove),
        (-2_isize..3).prop_map(Step::Shift),
        Just(Step::Undo),
    ];
    prop::collection::vec(step, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn undo_restores_any_mix_of_frames_and_hints_also_from_a_file(steps in steps()) {
        let predictor = predictor();
        let mut session = predictor.session_in(&film(), frame()).expect("a session");
        let mut states = vec![state(&session)];
        for step in steps {
            match step {
                Step::Revise(keypoint, x, y) => session.revise(Hint::new(keypoint, Point::new(x, y))).expect("a revision"),
                Step::View(x, width, degrees, negative) => {
                    let frame = Frame::new(x, x, width, 2.0 * width).expect("a frame").turned(degrees);
                    session.set_view(View { negative, ..View::from(frame) }).expect("a view");
                }
                Step::Remove(keypoint) => if !session.remove(keypoint).expect("a removal") { continue },
                Step::Shift(by) => if !session.shift_names(by).expect("a shift") { continue },
                Step::Undo => {
                    if session.undo() {
                        states.pop();
                    }
                    prop_assert_eq!(&state(&session), states.last().expect("a state"));
                    continue;
                }
            }
            states.push(state(&session));
        }
        let json = serde_json::to_string(&session.snapshots()).expect("json");
        let snapshots = serde_json::from_str(&json).expect("snapshots");
        let mut resumed = predictor.resume(&film(), &snapshots).expect("a session");
        for expected in states.iter().rev() {
            prop_assert_eq!(&state(&session), expected);
            prop_assert_eq!(&state(&resumed), expected);
            session.undo();
            resumed.undo();
        }
    }
}
