//! The loss and its gradient compared with PyTorch's values (`fixtures/make_losses.py`) and with central differences,
//! for the kernels and for candle's operations.
#![allow(missing_docs, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use ikem_core::{Keypoints, Point, Size, Skeleton};
use ikem_models::{Logits, ModelConfig, training};
use ikem_train::{Error, Loss, LossConfig, LossParts, LossValue, Morphology, MorphologyConfig};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    shape: [usize; 4],
    /// Height, width.
    grid: [usize; 2],
    std: f32,
    weights: BTreeMap<String, f64>,
    distances: Vec<[usize; 2]>,
    angles: Vec<[usize; 3]>,
    main: Vec<f64>,
    auxiliary: Vec<f64>,
    targets: Vec<Vec<[f32; 2]>>,
    points: Vec<Vec<[f64; 2]>>,
    terms: BTreeMap<String, f64>,
    total: f64,
    gradients: BTreeMap<String, Vec<f64>>,
}

impl Fixture {
    fn load() -> Self {
        serde_json::from_str(include_str!("fixtures/losses.json")).expect("the fixture")
    }

    fn model(&self) -> ModelConfig {
        let [height, width] = self.grid;
        ModelConfig {
            skeleton: Skeleton::numbered(self.shape[1]),
            size: Size::new(width, height),
            std: self.std,
            ..ModelConfig::default()
        }
    }

    fn targets(&self) -> Vec<Keypoints> {
        let points = |image: &Vec<[f32; 2]>| image.iter().map(|&[x, y]| Point::new(x, y)).collect();
        self.targets.iter().map(points).collect()
    }

    /// The loss with the fixture's weights for the terms named in `wanted`.
    fn loss(&self, wanted: &[&str]) -> Loss {
        let weight = |term: &str| if wanted.contains(&term) { self.weights[term] } else { 0.0 };
        let config = LossConfig {
            cross_entropy: weight("cross_entropy"),
            coordinates: weight("coordinates"),
            position: 0.0,
            auxiliary: weight("auxiliary"),
            morphology: MorphologyConfig { weight: weight("morphology"), ..MorphologyConfig::default() },
        };
        let morphology = Morphology { distances: self.distances.clone(), angles: self.angles.clone() };
        Loss::new(&config, &self.model(), Some(morphology)).expect("a loss")
    }

    fn var(&self, values: &[f64], dtype: DType) -> Var {
        let tensor = Tensor::from_slice(values, &self.shape, &Device::Cpu).and_then(|t| t.to_dtype(dtype));
        Var::from_tensor(&tensor.expect("a tensor")).expect("a variable")
    }

    fn logits(&self, main: &Tensor, auxiliary: &Tensor) -> Logits {
        Logits::new(main.clone(), Some(auxiliary.clone()), self.model().size)
    }

    fn evaluate(&self, loss: &Loss, main: &Tensor, auxiliary: &Tensor) -> LossValue {
        loss.evaluate(&self.logits(main, auxiliary), &self.targets()).expect("a value")
    }
}

const ALL: [&str; 4] = ["cross_entropy", "coordinates", "auxiliary", "morphology"];

/// Runs `check` with the kernels and with candle's operations.
fn both_ways(check: impl Fn(&str)) {
    check("our kernels");
    training::through_candle(|| check("candle's operations"));
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().and_then(|t| t.to_dtype(DType::F64)?.to_vec1()).expect("values")
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0_f64, |scale, value| scale.max(value.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (found - expected).abs();
        assert!(off <= tolerance * scale, "{what}: element {i} is {found}, expected {expected}");
    }
}

#[test]
fn every_term_and_its_gradient_match_pytorch() {
    let fixture = Fixture::load();
    for (dtype, tolerance) in [(DType::F64, 1e-7), (DType::F32, 2e-5)] {
        both_ways(|way| {
            let [main, auxiliary] = [&fixture.main, &fixture.auxiliary].map(|v| fixture.var(v, dtype));
            for (term, of_parts) in [
                ("cross_entropy", (|parts| parts.cross_entropy) as fn(LossParts) -> f64),
                ("coordinates", |parts| parts.coordinates),
                ("morphology", |parts| parts.morphology),
            ] {
                let what = format!("{term} in {dtype:?} by {way}");
                let weight = fixture.weights[term];
                let value = fixture.evaluate(&fixture.loss(&[term]), &main, &auxiliary);
                let expected = weight * fixture.terms[term];
                assert_close(&[value.parts.total], &[expected], tolerance, &what);
                assert_eq!(of_parts(value.parts), value.parts.total, "{what}");
                let gradients = value.total.backward().expect("gradients");
                let gradient = gradients.get(&main).and_then(|g| (g / weight).ok()).expect("a gradient");
                assert_close(&values(&gradient), &fixture.gradients[term], tolerance, &what);
                assert!(gradients.get(&auxiliary).is_none(), "{what}");
            }
        });
    }
}

#[test]
fn the_weighted_sum_and_the_auxiliary_term_match_pytorch() {
    let fixture = Fixture::load();
    both_ways(|way| {
        let [main, aux] = [&fixture.main, &fixture.auxiliary].map(|v| fixture.var(v, DType::F64));
        let value = fixture.evaluate(&fixture.loss(&ALL), &main, &aux);
        let LossParts { total, cross_entropy, coordinates, position, morphology, auxiliary, .. } =
            value.parts;
        assert_close(&[total], &[fixture.total], 1e-7, way);
        assert_eq!(position, 0.0, "{way}: it has no weight");
        assert_close(&[cross_entropy + coordinates + morphology + auxiliary], &[total], 1e-12, way);
        let gradients = value.total.backward().expect("gradients");
        let expected: Vec<f64> = (0..fixture.main.len())
            .map(|i| {
                let weighted = |term: &&str| fixture.weights[*term] * fixture.gradients[*term][i];
                ALL.iter().filter(|term| **term != "auxiliary").map(weighted).sum()
            })
            .collect();
        assert_close(&values(gradients.get(&main).expect("a gradient")), &expected, 1e-7, way);
        let scaled: Vec<f64> =
            fixture.gradients["auxiliary"].iter().map(|g| g * fixture.weights["auxiliary"]).collect();
        assert_close(&values(gradients.get(&aux).expect("a gradient")), &scaled, 1e-7, way);
    });
}

#[test]
fn the_gradient_matches_central_differences() {
    const STEP: f64 = 1e-5;
    let fixture = Fixture::load();
    let loss = fixture.loss(&ALL);
    both_ways(|way| {
        let vars = [&fixture.main, &fixture.auxiliary].map(|v| fixture.var(v, DType::F64));
        let gradients = fixture.evaluate(&loss, &vars[0], &vars[1]).total.backward().expect("gradients");
        for (input, at) in [&fixture.main, &fixture.auxiliary].into_iter().enumerate() {
            let found = values(gradients.get(&vars[input]).expect("a gradient"));
            // Every seventh covers all rows, columns, keypoints and images.
            for i in (0..at.len()).step_by(7) {
                let moved = |by: f64| {
                    let mut values = at.clone();
                    values[i] += by;
                    let mut tensors = vars.each_ref().map(|var| var.as_detached_tensor());
                    tensors[input] = fixture.var(&values, DType::F64).as_detached_tensor();
                    fixture.evaluate(&loss, &tensors[0], &tensors[1]).parts.total
                };
                let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                let off = (found[i] - expected).abs();
                assert!(off <= 1e-8, "{way}: input {input}, element {i}: {}, {expected}", found[i]);
            }
        }
    });
}

impl Fixture {
    /// The fixture's weights, a position loss, and the labels without three keypoints, of which one is missing in both images.
    fn in_part(&self) -> (Loss, Vec<Keypoints>) {
        let config = LossConfig {
            cross_entropy: 1.0,
            coordinates: 0.02,
            position: 0.5,
            auxiliary: 0.4,
            morphology: MorphologyConfig { weight: 0.3, ..MorphologyConfig::default() },
        };
        let morphology = Morphology { distances: self.distances.clone(), angles: self.angles.clone() };
        let mut targets = self.targets();
        for (image, keypoint) in NOT_SEEN {
            targets[image][keypoint] = Point::ABSENT;
        }
        (Loss::new(&config, &self.model(), Some(morphology)).expect("a loss"), targets)
    }
}

/// Images and keypoints.
const NOT_SEEN: [(usize, usize); 3] = [(0, 1), (1, 1), (1, 4)];

#[test]
fn the_gradient_without_keypoints_that_are_not_seen_matches_central_differences() {
    const STEP: f64 = 1e-5;
    let fixture = Fixture::load();
    let (loss, targets) = fixture.in_part();
    let evaluate = |main: &Tensor, auxiliary: &Tensor| {
        loss.evaluate(&fixture.logits(main, auxiliary), &targets).expect("a value")
    };
    let [_, keypoints, height, width] = fixture.shape;
    let pixels = height * width;
    both_ways(|way| {
        let vars = [&fixture.main, &fixture.auxiliary].map(|v| fixture.var(v, DType::F64));
        let gradients = evaluate(&vars[0], &vars[1]).total.backward().expect("gradients");
        for (input, at) in [&fixture.main, &fixture.auxiliary].into_iter().enumerate() {
            let found = values(gradients.get(&vars[input]).expect("a gradient"));
            for i in (0..at.len()).step_by(7) {
                let map = i / pixels;
                let is_seen = !NOT_SEEN.contains(&(map / keypoints, map % keypoints));
                let moved = |by: f64| {
                    let mut values = at.clone();
                    values[i] += by;
                    let mut tensors = vars.each_ref().map(|var| var.as_detached_tensor());
                    tensors[input] = fixture.var(&values, DType::F64).as_detached_tensor();
                    evaluate(&tensors[0], &tensors[1]).parts.total
                };
                let expected = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                let off = (found[i] - expected).abs();
                assert!(off <= 1e-7, "{way}: input {input}, element {i}: {}, {expected}", found[i]);
                // What the network answers for a keypoint that is not seen changes nothing.
                assert!(is_seen || (found[i] == 0.0 && moved(9.0) == moved(0.0)), "{way}: element {i}");
            }
        }
    });
}

#[test]
fn the_loss_is_that_of_the_keypoints_that_are_seen() {
    let fixture = Fixture::load();
    let (loss, targets) = fixture.in_part();
    let [batch, keypoints, height, width] = fixture.shape;
    let main = fixture.var(&fixture.main, DType::F64);
    let parts = loss.evaluate(&fixture.logits(&main, &main), &targets).expect("a value").parts;
    // The maps that are seen as those of one image.
    let seen: Vec<usize> = (0..batch * keypoints)
        .filter(|map| !NOT_SEEN.contains(&(map / keypoints, map % keypoints)))
        .collect();
    let pixels = height * width;
    let maps: Vec<f64> =
        seen.iter().flat_map(|map| fixture.main[map * pixels..][..pixels].to_vec()).collect();
    let maps = Tensor::from_vec(maps, (1, seen.len(), height, width), &Device::Cpu).expect("maps");
    let points: Keypoints = seen.iter().map(|map| targets[map / keypoints][map % keypoints]).collect();
    let model = ModelConfig { skeleton: Skeleton::numbered(seen.len()), ..fixture.model() };
    let config = LossConfig {
        cross_entropy: 1.0,
        coordinates: 0.02,
        position: 0.5,
        auxiliary: 0.4,
        morphology: MorphologyConfig::default(),
    };
    let alone = Loss::new(&config, &model, None).expect("a loss");
    let logits = Logits::new(maps.clone(), Some(maps), model.size);
    let expected = alone.evaluate(&logits, &[points]).expect("a value").parts;
    for (found, expected) in [
        (parts.cross_entropy, expected.cross_entropy),
        (parts.coordinates, expected.coordinates),
        (parts.position, expected.position),
        (parts.auxiliary, expected.auxiliary),
    ] {
        assert_close(&[found], &[expected], 1e-12, "a term");
    }
    // Relations that contain keypoint 1, which neither image has, do not count.
    let mut targets = fixture.targets();
    let without =
        |lists: &[Vec<usize>]| lists.iter().filter(|list| !list.contains(&1)).cloned().collect::<Vec<_>>();
    let pairs = without(&fixture.distances.iter().map(|pair| pair.to_vec()).collect::<Vec<_>>());
    let triples = without(&fixture.angles.iter().map(|triple| triple.to_vec()).collect::<Vec<_>>());
    assert!(!pairs.is_empty() && pairs.len() < fixture.distances.len());
    let morphology = Morphology {
        distances: pairs.into_iter().map(|pair| pair.try_into().expect("two")).collect(),
        angles: triples.into_iter().map(|triple| triple.try_into().expect("three")).collect(),
    };
    let config = LossConfig {
        cross_entropy: 0.0,
        coordinates: 0.0,
        morphology: MorphologyConfig { weight: 1.0, ..MorphologyConfig::default() },
        ..LossConfig::default()
    };
    let fewer = Loss::new(&config, &fixture.model(), Some(morphology)).expect("a loss");
    let logits = Logits::new(main.as_tensor().clone(), None, fixture.model().size);
    let expected = fewer.evaluate(&logits, &targets).expect("a value").parts.morphology;
    let all = Morphology { distances: fixture.distances.clone(), angles: fixture.angles.clone() };
    let all = Loss::new(&config, &fixture.model(), Some(all)).expect("a loss");
    targets.iter_mut().for_each(|points| points[1] = Point::ABSENT);
    let found = all.evaluate(&logits, &targets).expect("a value").parts.morphology;
    assert_close(&[found], &[expected], 1e-12, "morphology");
    // Where nothing is seen, there is nothing to learn.
    let nothing = vec![Keypoints::from(vec![Point::ABSENT; keypoints]); batch];
    let value = loss.evaluate(&fixture.logits(&main, &main), &nothing).expect("a value");
    assert_eq!(value.parts, LossParts::default());
}

#[test]
fn expected_points_match_the_decoding() {
    let fixture = Fixture::load();
    let [main, auxiliary] = [&fixture.main, &fixture.auxiliary].map(|v| fixture.var(v, DType::F32));
    let points = training::expected_points(&main, fixture.model().size).expect("points");
    let expected: Vec<f64> = fixture.points.iter().flatten().flatten().copied().collect();
    assert_close(&values(&points), &expected, 1e-6, "PyTorch");
    let detections = fixture.logits(&main, &auxiliary).detect(&fixture.model().decoding).expect("detections");
    assert_eq!(detections.len(), 2);
    let detected: Vec<f64> = detections
        .iter()
        .flatten()
        .flat_map(|detection| [detection.point.x, detection.point.y].map(f64::from))
        .collect();
    assert_close(&detected, &expected, 1e-6, "decoding");
}

#[test]
fn a_perfect_prediction_has_zero_distance_and_finite_gradients() {
    let fixture = Fixture::load();
    // Maps without contrast put every keypoint at the centre: all distances are 0, and all angles are undefined.
    let flat = fixture.var(&vec![0.0; fixture.main.len()], DType::F64);
    let [height, width] = fixture.grid;
    let middle = Point::new((width - 1) as f32 / 2.0, (height - 1) as f32 / 2.0);
    let targets = vec![Keypoints::from(vec![middle; fixture.shape[1]]); fixture.shape[0]];
    let loss = fixture.loss(&["coordinates", "morphology"]);
    both_ways(|way| {
        let value = loss.evaluate(&fixture.logits(&flat, &flat), &targets).expect("a value");
        assert!(value.parts.coordinates < 1e-12, "{way}: {:?}", value.parts);
        let gradients = value.total.backward().expect("gradients");
        let gradient = values(gradients.get(&flat).expect("a gradient"));
        assert!(gradient.iter().all(|g| g.is_finite() && g.abs() < 1.0), "{way}: {gradient:?}");
    });
}

#[test]
fn mismatches_are_rejected() {
    let fixture = Fixture::load();
    let new = |config: &LossConfig, morphology| Loss::new(config, &fixture.model(), morphology);
    let config = LossConfig { coordinates: -1.0, ..LossConfig::default() };
    let message = new(&config, None).expect_err("a negative weight").to_string();
    assert_eq!(message, "`loss.coordinates`: expected a finite number of at least 0, found -1");
    for (distances, angles, found) in
        [(vec![[0, 5]], vec![], "[0, 5]"), (vec![[0, 1]], vec![[2, 3, 2]], "[2, 3, 2]")]
    {
        let error = new(&LossConfig::default(), Some(Morphology { distances, angles }));
        let Err(Error::Field(error)) = error else { panic!("expected an error") };
        assert_eq!((error.expected.as_str(), error.found.as_str()), ("different keypoints below 5", found));
    }
    let main = fixture.var(&fixture.main, DType::F32);
    let logits = Logits::new(main.as_tensor().clone(), None, fixture.model().size);
    let loss = new(&LossConfig::default(), None).expect("a loss");
    assert!(loss.evaluate(&logits, &fixture.targets()[..1]).is_err());
    assert_eq!(loss.evaluate(&logits, &fixture.targets()).expect("a value").parts.auxiliary, 0.0);
}
