//! Damaged JSON of the types that other files contain: an error, or a valid value.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests panic on failure")]

use ikem_core::{Frame, Hint, Hints, History, Point, Skeleton, Spacing};
use ikem_damage::{Sample, Trial};

const PIECES: [&str; 9] = ["null", "-1", "1e999", "0", "[]", "{}", "\"\"", ",", "18446744073709551615"];

/// A skeleton, a history of hints, a frame and a spacing; `None` if the JSON is not one.
type Values = (Skeleton, History<Hints>, Frame, Option<Spacing>);

#[test]
fn damaged_values() {
    let hints: Hints = vec![Hint::new(1, Point::new(3.5, 4.25))].into();
    let mut history = History::limited(Hints::new(), 4);
    history.push(hints);
    history.undo();
    let frame = Frame::new(1.0, 2.0, 30.0, 60.0).expect("a frame").seen_turned(1);
    let values: Values = (Skeleton::numbered(2), history, frame, Spacing::new(0.5, 0.25));
    let sample = |values: &Values| Sample::new("values", serde_json::to_vec(values).unwrap());
    let spine = (Skeleton::spine(), values.1.clone(), frame, None);
    let tried =
        Trial::new("values", vec![sample(&values), sample(&spine)]).with_pieces(&PIECES).run(|bytes| {
            serde_json::from_slice(bytes).is_ok_and(|(skeleton, mut history, frame, spacing): Values| {
                assert!(skeleton.flip_pairs().iter().all(|&(a, b)| a.max(b) < skeleton.len()));
                while history.undo() {}
                while history.redo() {}
                assert!(frame.width() > 0.0 && frame.height() > 0.0 && frame.height().is_finite());
                assert!(spacing.is_none_or(|spacing| spacing.x > 0.0 && spacing.y > 0.0));
                true
            })
        });
    assert!(tried.accepted > tried.files / 200, "{tried:?}");
}
