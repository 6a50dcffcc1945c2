//! Networks as ONNX models: sound by their structure, and answering as ours do, which ONNX Runtime checks where Python
//! has it (`pip install onnx onnxruntime`).
#![allow(missing_docs, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod networks;
mod protobuf;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use candle_core::{DType, Tensor};
use ikem_models::{Checkpoint, Device, Inputs, ModelConfig, Network, Predictor};

use networks::{KEYPOINTS, SIZE, maps, networks};
use protobuf::Message;

/// What an output of ONNX Runtime may differ by.
const TOLERANCE: f32 = 1e-4;

fn checkpoint(config: &ModelConfig) -> Checkpoint {
    let fresh = Network::fresh(config, 7, &Device::Cpu).expect("a network");
    Checkpoint::new(config.clone(), fresh.parameters().state_dict())
}

/// Name and shape of inputs and outputs; the free batch is 0.
fn declared(graph: &Message, field: u64) -> BTreeMap<String, Vec<u64>> {
    let value = |value: Message| {
        let dimensions = value.message(2).message(1).message(2).messages(1);
        (value.text(1), dimensions.iter().map(|dimension| dimension.int(1).unwrap_or(0)).collect())
    };
    graph.messages(field).into_iter().map(value).collect()
}

#[test]
fn models_are_sound_graphs_with_the_documented_inputs_and_outputs() {
    for (name, config) in networks() {
        let model = Message::parse(&checkpoint(&config).to_onnx().expect("a model"));
        assert_eq!((model.int(1), model.message(8).int(2)), (Some(8), Some(17)), "{name}: versions");
        let metadata = model.message(14);
        assert_eq!(metadata.text(1), "ikem.config");
        let read: ModelConfig = serde_json::from_str(&metadata.text(2)).expect("a config");
        assert_eq!(read, config);
        let graph = model.message(7);
        let (width, height, k) = (SIZE.width as u64, SIZE.height as u64, KEYPOINTS as u64);
        let map = vec![0, k, height, width];
        let mut inputs = BTreeMap::from([("image".to_owned(), vec![0, 3, height, width])]);
        if config.network.has_hints() {
            inputs.extend(["hints", "previous"].map(|name| (name.to_owned(), map.clone())));
        }
        assert_eq!(declared(&graph, 11), inputs, "{name}");
        let quarter = vec![0, k, height / 4, width / 4];
        let mut outputs =
            BTreeMap::from([("logits".to_owned(), quarter.clone()), ("heatmaps".to_owned(), map)]);
        if name.starts_with("hrnet") {
            outputs.insert("auxiliary".to_owned(), quarter);
        }
        assert_eq!(declared(&graph, 12), outputs, "{name}");
        check_nodes(name, &graph);
    }
}

/// Every node reads what is there before it, every name is given once, and every constant has its bytes and a reader.
fn check_nodes(name: &str, graph: &Message) {
    let mut unread: Vec<String> = declared(graph, 11).into_keys().collect();
    for constant in graph.messages(5) {
        let elements: u64 = constant.ints(1).iter().product();
        let bytes = if constant.int(2) == Some(1) { 4 } else { 8 };
        assert_eq!(constant.bytes(9).len() as u64, bytes * elements, "{name}: {}", constant.text(8));
        unread.push(constant.text(8));
    }
    let mut known = unread.clone();
    for node in graph.messages(1) {
        for input in node.texts(1).iter().filter(|input| !input.is_empty()) {
            assert!(known.contains(input), "{name}: {} reads {input}", node.text(3));
            unread.retain(|name| name != input);
        }
        let output = node.text(2);
        assert!(!known.contains(&output), "{name}: {output} is given twice");
        known.push(output.clone());
        unread.push(output);
    }
    unread.sort();
    assert_eq!(unread, declared(graph, 12).into_keys().collect::<Vec<_>>(), "{name}: unread values");
}

/// Checks a model and writes its outputs for inputs of two images, all as raw f32.
const SCRIPT: &str = r"
import sys, numpy, onnx, onnxruntime
folder = sys.argv[1]
onnx.checker.check_model(folder + '/model.onnx', full_check=True)
session = onnxruntime.InferenceSession(folder + '/model.onnx', providers=['CPUExecutionProvider'])
read = lambda i: numpy.fromfile(folder + '/' + i.name, numpy.float32).reshape([2] + i.shape[1:])
inputs = {i.name: read(i) for i in session.get_inputs()}
for output, values in zip(session.get_outputs(), session.run(None, inputs)):
    assert list(values.shape) == [2] + output.shape[1:], (values.shape, output.shape)
    values.tofile(folder + '/' + output.name)
";

fn has_onnx_runtime() -> bool {
    let python = Command::new("python3").args(["-c", "import numpy, onnx, onnxruntime"]).output();
    let found = python.is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("skipped: Python has no onnx and onnxruntime");
    }
    found
}

fn write(folder: &Path, name: &str, tensor: &Tensor) {
    let values = tensor.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
    let bytes: Vec<u8> = values.into_iter().flat_map(f32::to_le_bytes).collect();
    std::fs::write(folder.join(name), bytes).expect("written");
}

fn check(name: &str, folder: &Path, output: &str, ours: &Tensor) {
    let bytes = std::fs::read(folder.join(output)).expect("an output");
    let theirs: Vec<f32> = bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect();
    let ours = ours.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("values");
    assert_eq!(theirs.len(), ours.len(), "{name}, {output}");
    let off = theirs.iter().zip(&ours).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off <= TOLERANCE, "{name}, {output}: off by {off:e}");
}

#[test]
fn onnx_runtime_answers_as_we_do() {
    if !has_onnx_runtime() {
        return;
    }
    for (name, config) in networks() {
        let checkpoint = checkpoint(&config);
        let folder = tempfile::tempdir().expect("a folder");
        checkpoint.write_onnx(folder.path().join("model.onnx")).expect("a model");
        let [hints, previous, image] = maps(DType::F32, 2);
        for (name, input) in [("hints", &hints), ("previous", &previous), ("image", &image)] {
            write(folder.path(), name, input);
        }
        let run = Command::new("python3").arg("-c").arg(SCRIPT).arg(folder.path()).output().expect("Python");
        assert!(run.status.success(), "{name}: {}", String::from_utf8_lossy(&run.stderr));
        let predictor = Predictor::builder().build(checkpoint).expect("a predictor");
        let ours = predictor.forward(&Inputs::dense(hints, previous, image)).expect("logits");
        check(name, folder.path(), "logits", &ours.main);
        let heatmaps =
            ours.upsampled().and_then(|logits| candle_nn::ops::sigmoid(&logits)).expect("heatmaps");
        check(name, folder.path(), "heatmaps", &heatmaps);
        if let Some(auxiliary) = &ours.auxiliary {
            check(name, folder.path(), "auxiliary", auxiliary);
        }
    }
}
