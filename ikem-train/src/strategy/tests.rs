use ikem_core::{Draw, Hint, Hints, Keypoints, Point, Size};

use super::choice::Choice;
use super::*;

const DRAWS: usize = 10_000;
const GRID: Size = Size::new(64, 128);

/// The histogram of a count over the plans of an epoch whose steps have independent draws, as in training.
fn histogram(strategy: &dyn HintStrategy, epoch: usize, count: fn(&HintPlan) -> usize) -> [usize; 12] {
    let mut counts = [0; 12];
    for step in 0..DRAWS {
        let mut draw = Draw::new(42, &[epoch as u64, step as u64]);
        counts[count(&strategy.plan(epoch, &mut draw)).min(11)] += 1;
    }
    counts
}

/// Fails unless every count is within four standard deviations of its expectation, and their joint χ² statistic has a
/// p-value of at least one in a thousand.
fn assert_follows(counts: &[usize; 12], chances: &[f64], chi_square: f64) {
    assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    let mut sum = 0.0;
    for (i, &count) in counts.iter().enumerate() {
        let chance = chances.get(i).copied().unwrap_or(0.0);
        let expected = chance * DRAWS as f64;
        let off = count as f64 - expected;
        assert!(off.abs() <= 4.0 * (expected * (1.0 - chance)).sqrt(), "{i}: {count}, expected {expected}");
        if expected > 0.0 {
            sum += off * off / expected;
        }
    }
    assert!(sum <= chi_square, "χ² {sum} of {counts:?}");
}

/// 0.2, 0.4, 0.2, 0.1, … for 0 … 10, normalised.
fn published() -> Vec<f64> {
    let weights: Vec<f64> =
        (0..=10).map(|i| if i == 0 { 0.2 } else { 0.4 / f64::from(1 << (i - 1)) }).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

#[test]
fn hint_counts_follow_the_published_distribution() {
    let chances = published();
    for (found, expected) in chances.iter().zip([0.200, 0.400, 0.200, 0.100, 0.050]) {
        assert!((found - expected).abs() < 4e-4);
    }
    // The critical value of χ² with 10 degrees of freedom at one in a thousand is 29.59.
    assert_follows(&histogram(&SimulatedInteraction::default(), 20, |p| p.rounds), &chances, 29.59);
    assert_follows(&histogram(&PreHint::default(), 20, |p| p.random), &chances, 29.59);
    let few = SimulatedInteraction { most: 1, ..SimulatedInteraction::default() };
    assert_follows(&histogram(&few, 99, |p| p.rounds), &[1.0 / 3.0, 2.0 / 3.0], 10.83);
    let none = SimulatedInteraction { most: 0, ..SimulatedInteraction::default() };
    assert_eq!(histogram(&none, 99, |p| p.rounds)[0], DRAWS);
}

#[test]
fn rounds_before_and_after_the_warm_up() {
    let third = [1.0 / 3.0; 3];
    for epoch in [0, 19, 20] {
        assert_follows(&histogram(&PreHint::default(), epoch, |p| p.rounds), &third, 13.82);
    }
    assert_eq!(histogram(&PreHint::default(), 19, |p| p.random)[0], DRAWS);
    assert_eq!(histogram(&SimulatedInteraction::default(), 19, |p| p.rounds)[0], DRAWS);
    let plan = |strategy: Strategy| strategy.plan(30, &mut Draw::new(1, &[]));
    assert_eq!(plan(Strategy::None), HintPlan::default());
    assert_eq!((plan(Strategy::default()).worst, plan(Strategy::default()).random < 11), (1, true));
    let simulated = plan(Strategy::Simulated(SimulatedInteraction::default()));
    assert_eq!((simulated.worst, simulated.random), (10, 0));
}

#[test]
fn clicks_follow_their_distribution() {
    let clicks = Clicks { at_once: 0.0, first: 0.4, ..Clicks::default() };
    let mut chances = vec![0.4];
    chances.extend((0..10).map(|i| 0.6 * 0.4 * 0.6_f64.powi(i)));
    // The last bin includes everything beyond it.
    chances[10] = 1.0 - chances[..10].iter().sum::<f64>();
    assert_follows(&histogram(&clicks, 0, |p| p.rounds), &chances, 29.59);
    assert_eq!(histogram(&Clicks { first: 1.0, ..clicks }, 0, |p| p.rounds)[0], DRAWS);
    assert_eq!(histogram(&Clicks { first: 0.0, most: 1, ..clicks }, 0, |p| p.rounds)[1], DRAWS);
    let many = Clicks { first: 0.1, at_once: 1.0, many: 9, ..clicks };
    assert_follows(&histogram(&many, 0, |p| p.random), &[0.1; 10], 27.88);
    assert_follows(&histogram(&many, 0, |p| p.rounds), &[0.55, 0.45], 10.83);
}

/// Twenty keypoints from top to bottom of the grid.
fn targets() -> Keypoints {
    (0..20).map(|k| Point::new(10.0 + k as f32, 6.0 * k as f32)).collect()
}

/// A prediction in which keypoint k is off by k px, except for 7, which is off by 100 px.
fn predicted() -> Keypoints {
    let off = |k: usize| if k == 7 { 100.0 } else { k as f32 };
    targets().iter().enumerate().map(|(k, point)| Point::new(point.x + off(k), point.y)).collect()
}

fn chosen(choice: &Choice<'_>, hints: &Hints, among: usize, step: u64) -> Option<usize> {
    let mut draw = Draw::new(3, &[step]);
    choice.worst(hints, &predicted(), among, &mut draw).map(|hint| hint.keypoint)
}

#[test]
fn hints_are_at_the_worst_keypoints() {
    let targets = targets();
    let choice = Choice { targets: &targets, grid: GRID, placing: Placing::default() };
    for step in 0..50 {
        assert_eq!(chosen(&choice, &Hints::new(), 1, step), Some(7));
    }
    let mut counts = [0; 20];
    for step in 0..DRAWS as u64 {
        counts[chosen(&choice, &Hints::new(), 10, step).expect("a hint")] += 1;
    }
    for (keypoint, &count) in counts.iter().enumerate() {
        let worst = keypoint == 7 || keypoint >= 11;
        let expected = if worst { 1000 } else { 0 };
        assert!(i32::abs_diff(count, expected) <= if worst { 120 } else { 0 }, "{keypoint}: {count}");
    }
    let hint = choice.worst(&Hints::new(), &predicted(), 1, &mut Draw::new(1, &[]));
    assert_eq!(hint, Some(Hint::new(7, targets[7])), "a hint is the label's point");
}

#[test]
fn hinted_keypoints_are_repeated_only_if_allowed() {
    let targets = targets();
    let hints: Hints = [Hint::new(7, targets[7]), Hint::new(19, targets[19])].into_iter().collect();
    let with = |repeats| Choice {
        targets: &targets,
        grid: GRID,
        placing: Placing { repeats, ..Placing::default() },
    };
    assert_eq!(chosen(&with(true), &hints, 1, 0), Some(7));
    assert_eq!(chosen(&with(false), &hints, 1, 0), Some(18));
    let all: Hints = (0..20).map(|k| Hint::new(k, targets[k])).collect();
    assert_eq!(chosen(&with(false), &all, 5, 0), None);
    assert_eq!(with(false).random(&all, 3, &mut Draw::new(1, &[])), []);
}

#[test]
fn random_hints_are_uniform_without_replacement() {
    let targets = targets();
    let choice = Choice { targets: &targets, grid: GRID, placing: Placing::default() };
    let mut counts = [0; 20];
    for step in 0..DRAWS as u64 {
        let hints = choice.random(&Hints::new(), 4, &mut Draw::new(5, &[step]));
        let set: Hints = hints.iter().copied().collect();
        assert_eq!((hints.len(), set.len()), (4, 4));
        for hint in hints {
            assert_eq!(hint.point, targets[hint.keypoint]);
            counts[hint.keypoint] += 1;
        }
    }
    // 2000 each, with a standard deviation of 40.
    assert!(counts.iter().all(|&count| i32::abs_diff(count, 2000) < 160), "{counts:?}");
    assert_eq!(choice.random(&Hints::new(), 99, &mut Draw::new(5, &[])).len(), 20);
}

#[test]
fn keypoints_that_are_not_seen_get_no_hints() {
    let mut targets = targets();
    targets[7] = Point::ABSENT;
    targets[12] = Point::ABSENT;
    for repeats in [false, true] {
        let placing = Placing { repeats, error: 2.0 };
        let choice = Choice { targets: &targets, grid: GRID, placing };
        for step in 0..500 {
            let worst = chosen(&choice, &Hints::new(), 20, step).expect("a hint");
            let random = choice.random(&Hints::new(), 99, &mut Draw::new(5, &[step]));
            assert_eq!(random.len(), 18);
            assert!(random.iter().map(|hint| hint.keypoint).chain([worst]).all(|k| k != 7 && k != 12));
        }
    }
}

#[test]
fn keypoints_outside_the_image_get_no_hints() {
    let mut targets = targets();
    targets[7] = Point::new(70.0, 3.0);
    targets[19] = Point::new(f32::NAN, 3.0);
    let choice = Choice { targets: &targets, grid: GRID, placing: Placing::default() };
    assert_eq!(chosen(&choice, &Hints::new(), 1, 0), Some(18));
    assert_eq!(choice.random(&Hints::new(), 99, &mut Draw::new(5, &[])).len(), 18);
}

#[test]
fn hints_have_the_configured_placement_error() {
    let targets: Keypoints = [Point::new(32.0, 60.0)].into_iter().collect();
    let placing = Placing { error: 2.0, ..Placing::default() };
    let choice = Choice { targets: &targets, grid: GRID, placing };
    let (mut sums, mut squares) = ([0.0; 2], [0.0; 2]);
    for step in 0..DRAWS as u64 {
        let hint = choice.random(&Hints::new(), 1, &mut Draw::new(5, &[step]))[0];
        for (axis, off) in [hint.point.x - 32.0, hint.point.y - 60.0].into_iter().enumerate() {
            sums[axis] += f64::from(off);
            squares[axis] += f64::from(off * off);
        }
    }
    for axis in 0..2 {
        let (mean, square) = (sums[axis] / DRAWS as f64, squares[axis] / DRAWS as f64);
        assert!(mean.abs() < 0.08 && (square - 4.0).abs() < 0.23, "{mean}, {square}");
    }
    let corner: Keypoints = [Point::new(0.0, 127.0)].into_iter().collect();
    let choice = Choice { targets: &corner, grid: GRID, placing };
    for step in 0..100 {
        let point = choice.random(&Hints::new(), 1, &mut Draw::new(5, &[step]))[0].point;
        assert!(GRID.contains(point) && point.x >= 0.0 && point.y <= 127.0);
    }
}

#[test]
fn each_field_out_of_range_is_named_and_fields_have_defaults() {
    let simulated = |simulated| HintConfig { strategy: Strategy::Simulated(simulated), ..Default::default() };
    let pre_hint = |pre_hint| HintConfig { strategy: Strategy::PreHint(pre_hint), ..Default::default() };
    let clicks = |clicks| HintConfig { strategy: Strategy::Clicks(clicks), ..Default::default() };
    let placing = |error| HintConfig { placing: Placing { error, repeats: true }, ..Default::default() };
    for (field, config) in [
        (
            "hints.strategy.simulated.most",
            simulated(SimulatedInteraction { most: 9999, ..Default::default() }),
        ),
        (
            "hints.strategy.simulated.worst",
            simulated(SimulatedInteraction { worst: 0, ..Default::default() }),
        ),
        ("hints.strategy.pre-hint.most", pre_hint(PreHint { most: usize::MAX, ..Default::default() })),
        ("hints.strategy.pre-hint.rounds", pre_hint(PreHint { rounds: 1001, ..Default::default() })),
        ("hints.strategy.pre-hint.worst", pre_hint(PreHint { worst: 0, ..Default::default() })),
        ("hints.strategy.clicks.first", clicks(Clicks { first: 1.1, ..Default::default() })),
        ("hints.strategy.clicks.most", clicks(Clicks { most: 0, ..Default::default() })),
        ("hints.strategy.clicks.at_once", clicks(Clicks { at_once: -0.1, ..Default::default() })),
        ("hints.strategy.clicks.many", clicks(Clicks { many: 0, ..Default::default() })),
        ("hints.strategy.clicks.more", clicks(Clicks { more: f64::NAN, ..Default::default() })),
        ("hints.strategy.clicks.worst", clicks(Clicks { worst: 0, ..Default::default() })),
        ("hints.placing.error", placing(-1.0)),
        ("hints.placing.error", placing(f64::NAN)),
    ] {
        assert_eq!(config.check().expect_err(field).field, field);
    }
    assert_eq!(HintConfig::default().check(), Ok(()));
    let read = serde_json::from_str::<HintConfig>;
    assert_eq!(read("{}").expect("defaults"), HintConfig::default());
    assert_eq!(read(r#"{"strategy": "none"}"#).expect("a config").strategy, Strategy::None);
    let short = read(r#"{"strategy": {"simulated": {"warm_up": 5}}}"#).expect("a config");
    assert_eq!(short, simulated(SimulatedInteraction { warm_up: 5, most: 10, worst: 10 }));
    for wrong in [r#"{"strategy": {"pre-hint": {"warmup": 5}}}"#, r#"{"placing": {"errors": 5}}"#] {
        let error = read(wrong).expect_err("an unknown field").to_string();
        assert!(error.contains("unknown field"), "{error}");
    }
}
