//! A session answers as a network that is given every map written out.
#![allow(missing_docs, clippy::expect_used)]

use candle_core::Tensor;
use ikem_core::{Decoding, GrayImage, Heatmaps, Hint, Keypoints, LocalWindow, Point, Size, Skeleton};
use ikem_models::{
    Checkpoint, Device, HrnetOcrConfig, Inputs, ModelConfig, Network, NetworkConfig, PRETRAINED, Prediction,
    Predictor, UnetConfig, training,
};
use ndarray::{Array3, ArrayView3};
use proptest::prelude::*;

const IMAGE: Size = Size::new(90, 150);

/// A tiny network that listens to hints, with a decoding of its own; the grid is odd.
fn tiny(network: NetworkConfig, decoding: Decoding) -> Predictor {
    let skeleton = Skeleton::numbered(12);
    let config =
        ModelConfig { size: Size::new(67, 83), std: 3.0, skeleton, decoding, ..ModelConfig::new(network) };
    let mut tensors = Network::fresh(&config, 1, &Device::Cpu).expect("a network").parameters().state_dict();
    let loud = Tensor::new(&[50_f32], &Device::Cpu).expect("a tensor");
    tensors.insert("hint_fusion_layer.scale".to_owned(), loud);
    Predictor::builder().build(Checkpoint::new(config, tensors)).expect("a predictor")
}

fn unet(decoding: Decoding) -> Predictor {
    let network = UnetConfig { width: 2, gate_width: Some(4), ..UnetConfig::default() };
    tiny(NetworkConfig::Unet(network), decoding)
}

fn hrnet() -> Predictor {
    let network = HrnetOcrConfig {
        stem_width: 4,
        width: 2,
        ocr_width: 4,
        gate_width: Some(4),
        ..HrnetOcrConfig::default()
    };
    tiny(NetworkConfig::HrnetOcr(network), Decoding::Expected)
}

fn image() -> GrayImage {
    let pixels = (0..IMAGE.area()).map(|i| (i * 7919 % 1000) as f32 / 1000.0).collect();
    GrayImage::new(IMAGE, pixels).expect("pixels")
}

/// The same network, told everything in dense maps, by candle's own operations where they can.
struct DensePath<'a> {
    predictor: &'a Predictor,
    pixels: Tensor,
    previous: Tensor,
}

impl<'a> DensePath<'a> {
    fn new(predictor: &'a Predictor, image: &GrayImage) -> Self {
        let grid = predictor.config().size;
        let gray = predictor.config().preparation().apply(image).expect("an image");
        let pixels = Tensor::from_vec(gray, (1, 1, grid.height, grid.width), &Device::Cpu);
        let shape = (1, predictor.config().keypoints(), grid.height, grid.width);
        let previous = Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).expect("zeros");
        let pixels = pixels.and_then(|gray| gray.repeat((1, 3, 1, 1))).expect("pixels");
        Self { predictor, pixels, previous }
    }

    /// The heatmaps of `hints`, which become the previous ones.
    fn predict(&mut self, hints: &[Hint], image: Size) -> Heatmaps {
        let config = self.predictor.config();
        let grid = config.size;
        let mut maps = Array3::zeros((config.keypoints(), grid.height, grid.width));
        for hint in hints {
            let point: Keypoints = [hint.point.rescaled(image, grid)].into_iter().collect();
            let map = Heatmaps::gaussian(&point, grid, config.std);
            maps.index_axis_mut(ndarray::Axis(0), hint.keypoint).assign(&map.map(0).expect("one map"));
        }
        let (values, _) = maps.into_raw_vec_and_offset();
        let maps = Tensor::from_vec(values, self.previous.shape(), &Device::Cpu).expect("maps");
        let inputs = Inputs::dense(maps, self.previous.clone(), self.pixels.clone());
        let logits = self.predictor.forward(&inputs).and_then(|logits| Ok(logits.upsampled()?));
        self.previous = logits.and_then(|logits| Ok(candle_nn::ops::sigmoid(&logits)?)).expect("heatmaps");
        let values = self.previous.flatten_all().and_then(|maps| maps.to_vec1()).expect("numbers");
        let shape = (config.keypoints(), grid.height, grid.width);
        Heatmaps::from_array(Array3::from_shape_vec(shape, values).expect("maps"))
    }
}

/// Keypoints to 0.01 px of the grid, heatmaps to 1e-4.
fn check(prediction: &Prediction, dense: &Heatmaps, predictor: &Predictor, image: Size) {
    let config = predictor.config();
    let maps = prediction.heatmaps().expect("heatmaps");
    let off = largest_difference(maps.view(), dense.view());
    assert!(off <= 1e-4, "a heatmap is off by {off}");
    let detections = dense.decode(&config.decoding);
    for (k, (point, dense_detection)) in prediction.keypoints().iter().zip(&detections).enumerate() {
        let point = point.rescaled(image, config.size);
        // The first of two pixels that are equally high but for rounding is as good as the second.
        let twin = |at: Point| dense.view()[[k, at.y as usize, at.x as usize]];
        let as_good = config.decoding == Decoding::Argmax
            && dense_detection.confidence - twin(point + Point::new(0.5, 0.5)) < 1e-6;
        let off = point.distance(dense_detection.point);
        assert!(off <= 0.01 || as_good, "keypoint {k} is off by {off} px");
        assert!((prediction.confidences()[k] - dense_detection.confidence).abs() <= 1e-4);
    }
    let third = prediction.heatmap(3).expect("a heatmap");
    assert_eq!(third.map(0), maps.map(3));
}

fn largest_difference(a: ArrayView3<'_, f32>, b: ArrayView3<'_, f32>) -> f32 {
    assert_eq!(a.dim(), b.dim());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[derive(Debug, Clone)]
enum Edit {
    Set(usize, f32, f32),
    Remove(usize),
}

fn edits(keypoints: usize) -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        4 => (0..keypoints, 0_f32..=90.0, 0_f32..=150.0).prop_map(|(k, x, y)| Edit::Set(k, x, y)),
        1 => (0..keypoints).prop_map(Edit::Remove),
    ];
    prop::collection::vec(edit, 1..14)
}

/// Plays `edits` on both paths.
fn compare(predictor: &Predictor, edits: Vec<Edit>) {
    let image = image();
    let mut session = predictor.session(&image).expect("a session");
    let mut dense = DensePath::new(predictor, &image);
    check(session.prediction(), &dense.predict(&[], IMAGE), predictor, IMAGE);
    for edit in edits {
        let changed = match edit {
            Edit::Set(k, x, y) => session.revise(Hint::new(k, Point::new(x, y))).map(|()| true),
            Edit::Remove(k) => session.remove(k),
        };
        if changed.expect("a change") {
            let hints: Vec<_> = session.hints().iter().copied().collect();
            check(session.prediction(), &dense.predict(&hints, IMAGE), predictor, IMAGE);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn sessions_of_the_unet_answer_as_the_dense_path(edits in edits(10)) {
        for decoding in [Decoding::Expected, Decoding::Argmax, Decoding::Local(LocalWindow::default())] {
            compare(&unet(decoding), edits.clone());
        }
    }

    #[test]
    fn sessions_of_hrnet_ocr_answer_as_the_dense_path(edits in edits(10)) {
        compare(&hrnet(), edits);
    }
}

#[cfg(feature = "pretrained")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(2))]

    #[test]
    fn sessions_of_the_bundled_network_answer_as_the_dense_path(edits in edits(10)) {
        // The network's own answer, which what hints tell of errors and the decoding of the column come on top of.
        let bundled = Checkpoint::from_bytes("the bundled weights", PRETRAINED).expect("a checkpoint");
        let mut network = Checkpoint { errors: None, locator: None, refiner: None, ..bundled };
        network.config.column = false;
        compare(&Predictor::builder().build(network).expect("the bundled network"), edits);
    }
}

#[test]
fn sessions_without_kernels_answer_alike() {
    let hint = Hint::new(4, Point::new(30.0, 40.0));
    let play = || {
        let mut session = unet(Decoding::Expected).session(&image()).expect("a session");
        session.revise(hint).expect("a revision");
        session.remove(4).expect("a revision");
        session.revise(Hint::new(5, Point::new(30.0, 140.0))).expect("a revision");
        session.heatmaps().expect("heatmaps")
    };
    let off = largest_difference(play().view(), training::through_candle(play).view());
    assert!(off <= 1e-4, "a heatmap is off by {off}");
}
