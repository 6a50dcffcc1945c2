//! Predictions that are ended early.
#![allow(missing_docs)]
#![allow(clippy::expect_used, clippy::panic, reason = "tests stop where something is wrong")]

use std::time::{Duration, Instant};

use ikem_core::{Frame, GrayImage, Hint, Point, Size};
use ikem_models::{
    Cancel, Device, Error, HrnetOcrConfig, Locator, LocatorCheckpoint, LocatorConfig, LocatorNetwork,
    ModelConfig, NetworkConfig, Predictor, Session, UnetConfig, View,
};

const IMAGE: Size = Size::new(90, 150);
const HINT: Hint = Hint { keypoint: 7, point: Point { x: 31.0, y: 40.0 } };

fn locator() -> Locator {
    let config = LocatorConfig { size: 64, width: 2 };
    let network = LocatorNetwork::fresh(config, 3, &Device::Cpu).expect("a network");
    let tensors = network.parameters().state_dict();
    Locator::from_checkpoint(LocatorCheckpoint { config, tensors }, &Device::Cpu).expect("a locator")
}

fn predictor(network: NetworkConfig) -> Predictor {
    let config = ModelConfig { size: Size::new(64, 96), ..ModelConfig::new(network) };
    Predictor::builder().locator(Some(locator())).untrained(&config, 1).expect("a predictor")
}

fn unet() -> Predictor {
    predictor(NetworkConfig::Unet(UnetConfig { width: 2, gate_width: Some(4), ..UnetConfig::default() }))
}

fn image() -> GrayImage {
    let pixels = (0..IMAGE.area()).map(|i| (i * 7919 % 1000) as f32 / 1000.0).collect();
    GrayImage::new(IMAGE, pixels).expect("pixels")
}

/// The number of looks of a whole prediction. Checks that it is cancelled after any smaller number, and not after more.
fn looks<T>(mut predict: impl FnMut(&Cancel) -> Result<T, Error>) -> usize {
    for looks in 0..10_000 {
        let cancel = Cancel::after_looks(looks);
        match predict(&cancel) {
            Ok(_) => {
                assert!(!cancel.is_cancelled());
                return looks;
            }
            Err(Error::Cancelled) => assert!(cancel.is_cancelled()),
            Err(other) => panic!("after {looks} looks: {other}"),
        }
    }
    panic!("it never ends")
}

#[test]
fn a_token_stays_cancelled_and_its_clones_are_the_same() {
    let (cancel, other) = (Cancel::new(), Cancel::new());
    assert!(!cancel.is_cancelled());
    cancel.clone().cancel();
    assert!(cancel.is_cancelled() && !other.is_cancelled());
    let predictor = unet().cancelled_by(&cancel);
    for _ in 0..2 {
        assert!(matches!(predictor.predict(&image()), Err(Error::Cancelled)));
        assert!(matches!(predictor.predict_batch(&[image()]), Err(Error::Cancelled)));
    }
    predictor.cancelled_by(&other).predict(&image()).expect("another token");
}

#[test]
fn a_prediction_looks_before_every_layer() {
    let (unet, image) = (unet(), image());
    let layers = unet.summary().expect("a summary").layers.len();
    let whole = View::whole(IMAGE);
    let one = looks(|cancel| unet.cancelled_by(cancel).predict_in(&image, whole));
    // The image's first layer is not one of the later passes; preparing and decoding are looked at, too.
    assert!((layers..layers + 5).contains(&one), "{one} looks at {layers} layers");
    let search = looks(|cancel| unet.cancelled_by(cancel).predict(&image));
    assert!(search > one + 15, "the locator's layers, too: {search}");

    let hrnet = HrnetOcrConfig { width: 4, stem_width: 4, gate_width: Some(4), ..HrnetOcrConfig::default() };
    let hrnet = predictor(NetworkConfig::HrnetOcr(hrnet)).with_locator(None);
    let layers = hrnet.summary().expect("a summary").layers.len();
    for looks in [0, 1, layers / 2, layers - 1] {
        let cancelled = hrnet.cancelled_by(&Cancel::after_looks(looks)).predict_in(&image, whole);
        assert!(matches!(cancelled, Err(Error::Cancelled)), "{looks}");
    }
}

#[test]
fn a_cancelled_session_is_as_before() {
    let image = image();
    let mut session = unet().session(&image).expect("a session");
    session.revise(Hint::new(3, Point::new(20.0, 30.0))).expect("a prediction");
    session.revise(Hint::new(4, Point::new(25.0, 35.0))).expect("a prediction");
    session.undo();
    let before = (session.snapshots(), session.prediction().clone());
    type Change = fn(&mut Session) -> Result<(), Error>;
    let changes: [(&str, Change); 6] = [
        ("revise", |session| session.revise(HINT)),
        ("preview", |session| session.preview(HINT).map(drop)),
        ("remove", |session| session.remove(3).map(drop)),
        ("predict anew", Session::predict_anew),
        ("set view", |session| session.set_view(Frame::new(5.0, 10.0, 50.0, 100.0)?)),
        ("find again", Session::find_again),
    ];
    for (name, change) in changes {
        let all = looks(|cancel| {
            let mut tried = session.clone();
            let result = change(&mut tried.cancelled_by(cancel));
            if result.is_err() {
                assert_eq!((tried.snapshots(), tried.prediction().clone()), before, "{name}");
            }
            result
        });
        assert!(all > 10, "{name}: {all} looks");
    }
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(matches!(session.cancelled_by(&cancel).revise(HINT), Err(Error::Cancelled)));
    session.revise(HINT).expect("it is bound to the token no longer");
    assert_eq!(session.keypoints()[7], HINT.point);
}

#[test]
fn sessions_are_not_bound_to_the_token_of_their_start() {
    let cancel = Cancel::new();
    let mut session = unet().cancelled_by(&cancel).session(&image()).expect("a session");
    cancel.cancel();
    session.revise(HINT).expect("a prediction");
    session.predictor().predict(&image()).expect("a prediction");
}

#[test]
fn a_running_prediction_ends_soon() {
    let network = UnetConfig { width: 32, gate_width: Some(64), ..UnetConfig::default() };
    let config = ModelConfig { size: Size::new(256, 512), ..ModelConfig::new(NetworkConfig::Unet(network)) };
    let predictor = Predictor::builder().untrained(&config, 1).expect("a predictor");
    let films = vec![image(); 200];
    let cancel = Cancel::new();
    let token = cancel.clone();
    let (begun, wait) = std::sync::mpsc::channel();
    let predicting = std::thread::spawn(move || {
        begun.send(()).expect("a receiver");
        let result = films.iter().try_for_each(|film| predictor.cancelled_by(&token).predict(film).map(drop));
        (result, Instant::now())
    });
    wait.recv().expect("it has begun");
    std::thread::sleep(Duration::from_millis(150));
    let cancelled = Instant::now();
    cancel.cancel();
    let (result, ended) = predicting.join().expect("no panic");
    assert!(matches!(result, Err(Error::Cancelled)));
    assert!(ended - cancelled < Duration::from_secs(5), "{:?}", ended - cancelled);
}
