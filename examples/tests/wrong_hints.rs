//! Hints that cannot be right: the bundled model keeps the rest of the spine, and the doubt is told.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

use ikem_core::{Draw, Hint, Point, Skeleton};
use ikem_data::{Phantom, PhantomConfig};
use ikem_models::{Doubt, Predictor, Session};

/// Vertebrae without hints whose corners outline no vertebra.
fn folded(session: &Session) -> Vec<usize> {
    let skeleton = Skeleton::spine();
    let is_free = |vertebra: usize| {
        skeleton.vertebrae()[vertebra].corners.iter().all(|&corner| session.hints().get(corner).is_none())
    };
    let found = skeleton.misshapen(&session.keypoints());
    found
        .iter()
        .filter(|found| found.above.is_none() && is_free(found.vertebra))
        .map(|f| f.vertebra)
        .collect()
}

#[test]
fn hints_that_cannot_be_right_leave_the_other_vertebrae_or_are_doubted() {
    let predictor = Predictor::pretrained().expect("the bundled model");
    let mut draw = Draw::new(9, &[]);
    for seed in 1..=4 {
        let film = Phantom::generate(&PhantomConfig::default(), seed).expect("a phantom").image;
        let start = predictor.session(&film).expect("a session");
        assert_eq!(start.doubt(), None);
        let [width, height] = [film.size().width, film.size().height].map(|side| side as f32 - 1.0);
        let shown = start.keypoints();

        // At a corner of the film, and left and right swapped: the hint's own vertebra is told.
        let mut far = start.clone();
        far.revise(Hint::new(26, Point::new(width, 0.0))).expect("a prediction");
        assert_eq!((folded(&far), far.keypoints()[26]), (vec![], Point::new(width, 0.0)));
        let told = |doubt: Option<Doubt>| match doubt {
            Some(Doubt::Misshapen { vertebra, above }) => [Some(vertebra), above],
            other => panic!("{other:?}"),
        };
        let vertebrae = told(far.doubt());
        assert!(vertebrae.contains(&Some("T7".to_owned())), "{vertebrae:?}");
        assert!(far.undo());
        assert_eq!(far.doubt(), None);
        let mut swapped = start.clone();
        let hints = [Hint::new(24, shown[25]), Hint::new(25, shown[24])];
        assert_eq!(swapped.preview(hints[0]).expect("a preview").doubt().is_some(), {
            swapped.revise(hints[0]).expect("a prediction");
            swapped.doubt().is_some()
        });
        swapped.revise(hints[1]).expect("a prediction");
        assert!(folded(&swapped).is_empty());
        assert!(told(swapped.doubt()).contains(&Some("T7".to_owned())));

        // Anything anywhere, one after the other.
        let mut any = start;
        for _ in 0..5 {
            let point = Point::new(draw.unit() as f32 * width, draw.unit() as f32 * height);
            let keypoint = draw.below(68) as usize;
            any.revise(Hint::new(keypoint, point)).expect("a prediction");
            assert_eq!(any.keypoints()[keypoint], point);
            // What cannot be mended is told.
            assert!(folded(&any).is_empty() || any.doubt().is_some());
        }
        assert!(any.doubt().is_some());
    }
}
