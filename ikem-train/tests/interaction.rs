//! Simulated interaction: equal to that of a session, without side effects on the network, and reproducible from the
//! seed.
#![allow(missing_docs, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use ikem_core::{Draw, GrayImage, Heatmaps, Hint, Keypoints, Point, Size, Skeleton};
use ikem_models::{Checkpoint, Inputs, Mode, ModelConfig, Network, NetworkConfig, Predictor, UnetConfig};
use ikem_train::{HintPlan, HintStrategy, Interaction, Loss, LossConfig, Placing, PreHint};

const GRID: Size = Size::new(64, 80);
const KEYPOINTS: usize = 6;

fn network() -> Network {
    let unet = UnetConfig { width: 2, gate_width: Some(4), ..UnetConfig::default() };
    let config = ModelConfig {
        skeleton: Skeleton::numbered(KEYPOINTS),
        size: GRID,
        std: 4.0,
        ..ModelConfig::new(NetworkConfig::Unet(unet))
    };
    Network::fresh(&config, 3, &Device::Cpu).expect("a network")
}

fn image(seed: usize) -> GrayImage {
    let pixels = (0..GRID.area()).map(|i| ((i * (seed + 7)) % 251) as f32 / 250.0).collect();
    GrayImage::new(GRID, pixels).expect("an image")
}

/// Two images as network input.
fn pixels(network: &Network) -> Tensor {
    let planes = (0..2).flat_map(|i| network.config().preparation().apply(&image(i)).expect("prepared"));
    let gray =
        Tensor::from_iter(planes, &Device::Cpu).and_then(|t| t.reshape((2, 1, GRID.height, GRID.width)));
    gray.and_then(|gray| gray.repeat((1, 3, 1, 1))).expect("pixels")
}

fn targets() -> Vec<Keypoints> {
    let image =
        |i: usize| (0..KEYPOINTS).map(move |k| Point::new(5.0 + 9.0 * k as f32, (11 * k + 8 * i) as f32));
    (0..2).map(|i| image(i).collect()).collect()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|t| t.to_dtype(DType::F32)?.to_vec1()).expect("values")
}

fn state(network: &Network) -> BTreeMap<String, Vec<f32>> {
    network.parameters().state_dict().iter().map(|(name, tensor)| (name.clone(), values(tensor))).collect()
}

/// Dense hint maps of shape (2, K, H, W).
fn dense_hints(interaction: &Interaction<'_>, network: &Network) -> Tensor {
    let maps = interaction.hints().iter().flat_map(|hints| {
        let nowhere = vec![Point::new(f32::NAN, f32::NAN); KEYPOINTS];
        let points = hints.applied_to(&Keypoints::from(nowhere));
        Heatmaps::gaussian(&points, GRID, network.config().std).into_values()
    });
    Tensor::from_iter(maps, &Device::Cpu)
        .and_then(|maps| maps.reshape((2, KEYPOINTS, GRID.height, GRID.width)))
        .expect("maps")
}

#[test]
fn predictions_match_those_of_a_session() {
    let (network, targets) = (network(), targets());
    // Running statistics other than those of a fresh network.
    let mut warm = Interaction::new(&network, pixels(&network), &targets, Placing::default());
    network.forward(&warm.inputs(), Mode::Train { dropout_seed: 0 }).expect("a pass");
    let checkpoint = Checkpoint::new(network.config().clone(), network.parameters().state_dict());
    let predictor = Predictor::builder().build(checkpoint).expect("a predictor");
    let mut sessions: Vec<_> = (0..2).map(|i| predictor.session(&image(i)).expect("a session")).collect();
    let mut draw = Draw::new(1, &[]);
    for round in 0..4 {
        warm.predict().expect("a prediction");
        for (image, session) in sessions.iter().enumerate() {
            let off = warm.keypoints()[image].distances(session.prediction().keypoints()).fold(0.0, f32::max);
            assert!(off < 1e-3, "round {round}, image {image}: {off} px");
            assert_eq!(warm.hints()[image].iter().count(), session.hints().len());
        }
        let before = warm.hints().to_vec();
        warm.hint_worst(3, &mut draw);
        for (image, session) in sessions.iter_mut().enumerate() {
            let after = &warm.hints()[image];
            let newest = after.iter().find(|hint| before[image].get(hint.keypoint).is_none());
            // A repeated hint also leads to a new prediction.
            let hint: Hint = *newest.or(after.iter().next()).expect("a hint");
            assert_eq!(hint.point, targets[image][hint.keypoint]);
            session.revise(hint).expect("a revision");
            assert_eq!(warm.shown()[image][hint.keypoint], hint.point);
        }
    }
}

#[test]
fn predictions_have_no_side_effects_on_the_network() {
    let (network, targets) = (network(), targets());
    let before = state(&network);
    let mut interaction = Interaction::new(&network, pixels(&network), &targets, Placing::default());
    let plan = HintPlan { random: 1, rounds: 3, worst: 2 };
    interaction.follow(&plan, &mut Draw::new(1, &[])).expect("predictions");
    assert_eq!(state(&network), before, "weights and running statistics are as before");
    for logits in [interaction.first(), interaction.last()] {
        assert!(!logits.expect("logits").main.track_op(), "a prediction keeps no graph");
    }
    network.forward(&interaction.inputs(), Mode::Train { dropout_seed: 0 }).expect("a pass");
    let after = state(&network);
    assert!(before.keys().any(|name| name.contains("running_mean") && before[name] != after[name]));
}

#[test]
fn gradients_come_from_the_last_pass_alone() {
    let (network, targets) = (network(), targets());
    let loss = Loss::new(&LossConfig::default(), network.config(), None).expect("a loss");
    let mut interaction = Interaction::new(&network, pixels(&network), &targets, Placing::default());
    interaction
        .follow(&HintPlan { random: 2, rounds: 2, worst: 1 }, &mut Draw::new(9, &[]))
        .expect("predictions");
    let gradients = |inputs: &Inputs| {
        let logits = network.forward(inputs, Mode::Train { dropout_seed: 0 }).expect("logits");
        let value = loss.evaluate(&logits, &targets).expect("a loss");
        let gradients = value.total.backward().expect("gradients");
        let gradient_of = |var| gradients.get(var).map(values);
        let all = network.parameters().trainable().iter();
        let all: BTreeMap<_, _> = all.map(|(name, var)| (name.clone(), gradient_of(var))).collect();
        (value.parts.total, all)
    };
    // The same inputs with dense maps, detached from their graph.
    let maps = interaction.last().expect("logits").upsampled().expect("logits").detach();
    let previous = maps.neg().and_then(|x| x.exp()? + 1.0).and_then(|x| x.recip()).expect("maps");
    let dense = Inputs::dense(dense_hints(&interaction, &network), previous, pixels(&network));
    let ((total, found), (expected_total, expected)) = (gradients(&interaction.inputs()), gradients(&dense));
    assert!((total - expected_total).abs() < 1e-5 * expected_total, "{total}, {expected_total}");
    for (name, found) in &found {
        let found = found.as_ref().unwrap_or_else(|| panic!("{name} has no gradient"));
        let expected = expected[name].as_ref().expect("a gradient");
        let scale = expected.iter().fold(1e-4_f32, |scale, g| scale.max(g.abs()));
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-3 * scale, "{name}: {a}, {b}");
        }
    }
}

#[test]
fn a_step_is_a_function_of_its_seed() {
    let (network, targets) = (network(), targets());
    let run = |seed: u64| {
        let mut draw = Draw::new(seed, &[25, 3]);
        let placing = Placing { error: 1.5, repeats: false };
        let mut interaction = Interaction::new(&network, pixels(&network), &targets, placing);
        let plan = PreHint { rounds: 3, worst: 4, ..PreHint::default() }.plan(25, &mut draw);
        interaction.follow(&plan, &mut draw).expect("predictions");
        interaction.hint_randomly(1, &mut draw);
        (interaction.hints().to_vec(), interaction.last().map(|logits| values(&logits.main)))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
}

#[test]
fn a_plan_gives_its_number_of_hints() {
    let (network, targets) = (network(), targets());
    let follow = |plan: HintPlan| {
        let placing = Placing { repeats: false, ..Placing::default() };
        let mut interaction = Interaction::new(&network, pixels(&network), &targets, placing);
        interaction.follow(&plan, &mut Draw::new(4, &[])).expect("predictions");
        let counts: Vec<usize> = interaction.hints().iter().map(|hints| hints.len()).collect();
        (counts, interaction.last().is_some())
    };
    assert_eq!(follow(HintPlan::default()), (vec![0, 0], false));
    assert_eq!(follow(HintPlan { random: 2, rounds: 0, worst: 1 }), (vec![2, 2], false));
    assert_eq!(follow(HintPlan { random: 1, rounds: 2, worst: 3 }), (vec![3, 3], true));
    assert_eq!(follow(HintPlan { random: 4, rounds: 5, worst: 1 }), (vec![6, 6], true));
    let interaction = Interaction::new(&network, pixels(&network), &targets, Placing::default());
    assert!(interaction.keypoints().is_empty() && interaction.shown().is_empty());
}
