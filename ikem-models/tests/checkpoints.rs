//! Checkpoints: what is written can be read again, and what is broken is told.
#![allow(missing_docs)]
// Tests stop where something is wrong.
#![allow(clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use ikem_core::{ErrorCovariance, Size};
use ikem_models::{
    Checkpoint, CheckpointFault, Error, ModelConfig, Network, NetworkConfig, Precision, Predictor, UnetConfig,
};
use proptest::prelude::*;
use tempfile::TempDir;

fn checkpoint() -> Checkpoint {
    let network = UnetConfig { width: 2, gate_width: Some(4), ..UnetConfig::default() };
    let config = ModelConfig { size: Size::new(64, 96), ..ModelConfig::new(NetworkConfig::Unet(network)) };
    let tensors = Network::fresh(&config, 1, &Device::Cpu).expect("a network").parameters().state_dict();
    Checkpoint::new(config, tensors)
}

fn bytes(checkpoint: &Checkpoint) -> Vec<u8> {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("model.safetensors");
    checkpoint.write(&path, Precision::Single).expect("written");
    std::fs::read(path).expect("read")
}

#[test]
fn metadata_of_others_is_kept_and_our_own_is_not_theirs_to_write() {
    let mut original = checkpoint();
    original.metadata.insert("trained on".to_owned(), "hands, 2026".to_owned());
    original.metadata.insert("ikem.config".to_owned(), "{}".to_owned());
    let bytes = original.to_bytes(Precision::Single).expect("bytes");
    let read = Checkpoint::from_bytes("model", &bytes).expect("read");
    assert_eq!(read.config, original.config);
    assert_eq!(
        read.metadata.into_iter().collect::<Vec<_>>(),
        [("trained on".to_owned(), "hands, 2026".to_owned())]
    );
}

#[test]
fn bytes_are_those_of_the_file() {
    assert_eq!(checkpoint().to_bytes(Precision::Single).expect("bytes"), bytes(&checkpoint()));
    let error =
        Checkpoint::from_bytes("upload.pth", b"no checkpoint").expect_err("no checkpoint").to_string();
    assert!(error.starts_with("upload.pth: "), "{error}");
    let error = Checkpoint::from_bytes("upload", b"PK no zip archive").expect_err("no archive").to_string();
    assert!(error.starts_with("upload: "), "{error}");
}

/// Loads a file of these bytes, and gives the error.
fn error_of(bytes: &[u8]) -> Error {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, bytes).expect("written");
    let error = Predictor::load(&path).map(|_| "a predictor").expect_err("a broken file");
    assert!(error.to_string().starts_with(&path.display().to_string()), "no path in: {error}");
    error
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|t| t.to_vec1()).expect("values")
}

#[test]
fn what_is_written_can_be_read_again() {
    let original = checkpoint();
    let folder = TempDir::new().expect("a folder");
    for (precision, tolerance) in [(Precision::Single, 0.0), (Precision::Half, 1e-3)] {
        let path = folder.path().join("model.safetensors");
        original.write(&path, precision).expect("written");
        let read = Checkpoint::read(&path).expect("read");
        assert_eq!(read.config, original.config);
        assert!(read.tensors.keys().eq(original.tensors.keys()));
        for (name, tensor) in &original.tensors {
            let found = &read.tensors[name];
            assert_eq!(found.dims(), tensor.dims(), "{name}");
            for (a, b) in values(found).iter().zip(values(tensor)) {
                // Below 2⁻¹⁴ the steps of 16 bits no longer shrink.
                assert!(
                    (a - b).abs() <= (tolerance * b.abs()).max(tolerance * 6.1e-5),
                    "{name}: {a} instead of {b}"
                );
            }
        }
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "temporary files are gone");
}

/// Errors that are the same in all keypoints, and a little by themselves.
fn together(keypoints: usize) -> ErrorCovariance {
    let square = keypoints * keypoints;
    let value = |i: usize| if i % square / keypoints == i % keypoints { 1.0 } else { 0.75 };
    ErrorCovariance::new(keypoints, (0..2 * square).map(value).collect()).expect("a covariance")
}

#[test]
fn the_error_covariance_goes_along_and_is_none_of_the_networks_tensors() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("model.safetensors");
    let original = Checkpoint { errors: Some(together(68)), ..checkpoint() };
    for precision in [Precision::Single, Precision::Half] {
        original.write(&path, precision).expect("written");
        let read = Checkpoint::read(&path).expect("read");
        assert_eq!(read.errors, original.errors);
        assert!(read.tensors.keys().eq(original.tensors.keys()));
    }
    let found = Checkpoint { errors: Some(together(3)), ..checkpoint() };
    let error = error_of(&bytes(&found)).to_string();
    assert!(error.contains("`ikem.error_covariance` has shape [2, 3, 3]; expected [2, 68, 68]"), "{error}");
    // The first value of the last tensor, by name the covariance's own, made zero.
    let mut broken = bytes(&original);
    let header = u64::from_le_bytes(broken[..8].try_into().expect("eight bytes")) as usize;
    let text = String::from_utf8_lossy(&broken[8..8 + header]).into_owned();
    let entry = text.split("\"ikem.error_covariance\"").nth(1).expect("an entry");
    let offset = entry.split("\"data_offsets\":[").nth(1).and_then(|rest| rest.split(',').next());
    let start = 8 + header + offset.and_then(|digits| digits.parse::<usize>().ok()).expect("an offset");
    broken[start..start + 4].fill(0);
    let error = error_of(&broken).to_string();
    assert!(
        error.contains("is 0 in row 0, column 0; expected a finite value, positive on the diagonal"),
        "{error}"
    );
}

#[test]
fn additions_of_a_newer_version_are_left_out() {
    let mut newer = checkpoint();
    let addition = Tensor::new(&[1_f32, 2.0], &Device::Cpu).expect("a tensor");
    newer.tensors.insert("ikem.of_tomorrow".to_owned(), addition);
    let read = Checkpoint::from_bytes("newer", &bytes(&newer)).expect("a checkpoint");
    assert!(read.tensors.keys().eq(checkpoint().tensors.keys()));
    Predictor::builder().build(read).expect("a predictor");
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_old_one() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("model.safetensors");
    checkpoint().write(&path, Precision::Single).expect("written");
    let before = std::fs::read(&path).expect("read");
    let mut broken = checkpoint();
    let huge = Tensor::new(&[1e6_f32], &Device::Cpu).expect("a tensor");
    broken.tensors.insert("hint_fusion_layer.scale".to_owned(), huge);
    let error = broken.write(&path, Precision::Half).expect_err("beyond 16 bits").to_string();
    assert!(error.contains("hint_fusion_layer.scale"), "{error}");
    assert_eq!(std::fs::read(&path).expect("read"), before);
    assert!(checkpoint().write(path.join("below-a-file.safetensors"), Precision::Single).is_err());
}

#[test]
fn broken_headers_are_told() {
    let good = bytes(&checkpoint());
    let exabytes = [&u64::MAX.to_le_bytes()[..], &good[8..]].concat();
    let claim =
        br#"{"a":{"dtype":"F32","shape":[1152921504606846976],"data_offsets":[0,4611686018427387904]}}"#;
    let tensor_of_exabytes = [&(claim.len() as u64).to_le_bytes()[..], claim].concat();
    for (name, bytes, expected) in [
        ("empty", &[][..], "it has 0 bytes; expected at least 8"),
        ("cut in the prefix", &good[..5], "it has 5 bytes; expected at least 8"),
        ("cut in the header", &good[..100], "it claims a header of"),
        ("cut in the data", &good[..good.len() - 4], "bytes follow the header; it promises"),
        ("too long", &[&good[..], &[0; 4]].concat(), "bytes follow the header; it promises"),
        ("a header of exabytes", &exabytes, "it claims a header of 18446744073709551615 bytes"),
        ("a tensor of exabytes", &tensor_of_exabytes, "overflow computing buffer size"),
        ("no JSON", b"\x04\0\0\0\0\0\0\0abcd", "not a whole .safetensors file"),
    ] {
        let error = error_of(bytes).to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn wrong_tensors_are_told_by_name() {
    let with = |change: &dyn Fn(&mut Checkpoint)| {
        let mut checkpoint = checkpoint();
        change(&mut checkpoint);
        match error_of(&bytes(&checkpoint)) {
            Error::Checkpoint { kind, .. } => kind,
            other => panic!("not the file's fault: {other}"),
        }
    };
    let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).expect("a tensor");
    let scale = "hint_fusion_layer.scale";
    let missing = with(&|c| drop(c.tensors.remove(scale)));
    assert!(
        matches!(missing, CheckpointFault::Missing { name, expected } if name == scale && expected == [1])
    );
    let shape = with(&|c| drop(c.tensors.insert(scale.to_owned(), tensor(&[1.0, 2.0]))));
    assert!(
        matches!(shape, CheckpointFault::Shape { name, found, expected } if name == scale && found == [2] && expected == [1])
    );
    let extra = with(&|c| drop(c.tensors.insert("spare".to_owned(), tensor(&[1.0]))));
    assert!(matches!(extra, CheckpointFault::Extra { count: 1, first } if first == "spare"));
    let infinite = with(&|c| drop(c.tensors.insert(scale.to_owned(), tensor(&[f32::INFINITY]))));
    assert!(matches!(infinite, CheckpointFault::NotFinite { name } if name == scale));
    let config = with(&|c| c.config.std = -1.0);
    assert!(matches!(config, CheckpointFault::Config(error) if error.field == "std"));
}

#[test]
fn a_file_without_config_or_with_other_types_is_told() {
    let written = |dtype, data: &[u8], metadata: Option<HashMap<String, String>>| {
        let view = safetensors::tensor::TensorView::new(dtype, vec![1], data).expect("a view");
        safetensors::serialize([("a", view)], metadata).expect("bytes")
    };
    let one = 1_f32.to_le_bytes();
    let error = error_of(&written(safetensors::Dtype::F32, &one, None)).to_string();
    assert!(error.contains("the metadata has no `ikem.config`"), "{error}");
    let config = |json: &str| Some(HashMap::from([("ikem.config".to_owned(), json.to_owned())]));
    let error = error_of(&written(safetensors::Dtype::F32, &one, config("{}"))).to_string();
    assert!(error.contains("missing field `network`"), "{error}");
    let json = serde_json::to_string(&checkpoint().config).expect("json");
    let error = error_of(&written(safetensors::Dtype::I32, &one, config(&json))).to_string();
    assert!(error.contains("tensor `a` holds I32"), "{error}");
}

#[test]
fn checkpoints_are_told_by_their_content() {
    let folder = TempDir::new().expect("a folder");
    let original = checkpoint();
    let bytes = bytes(&original);
    for name in ["model.ckpt", "model.bin", "model.pth", "model.pth.tar", "model"] {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).expect("written");
        assert!(Checkpoint::is_one(&path), "{name}");
        let read = Checkpoint::read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.config, original.config, "{name}");
    }
    let notes = folder.path().join("notes.txt");
    std::fs::write(&notes, b"a note").expect("written");
    assert!(!Checkpoint::is_one(&notes) && !Checkpoint::is_one(folder.path()));
}

#[test]
fn a_path_that_is_no_checkpoint_is_told() {
    let folder = TempDir::new().expect("a folder");
    let named = folder.path().join("folder.safetensors");
    std::fs::create_dir(&named).expect("a folder");
    let other = folder.path().join("model.onnx");
    std::fs::write(&other, b"\x08\x07onnx").expect("written");
    for (path, expected) in [
        (named.as_path(), "Is a directory"),
        (Path::new("missing.safetensors"), "No such file"),
        (Path::new("missing.pth"), "No such file"),
        (Path::new("missing.ckpt"), "No such file"),
        (
            other.as_path(),
            "it is not a checkpoint: it begins with \"\\x08\\x07onnx\"; expected a .safetensors file or",
        ),
    ] {
        let error = Predictor::load(path).map(|_| "a predictor").expect_err(expected).to_string();
        assert!(error.contains(expected) && error.contains(&path.display().to_string()), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_damage_makes_loading_panic(place in 0_usize..4000, byte in any::<u8>(), cut in 0_usize..60_000) {
        let mut damaged = GOOD.with(Clone::clone);
        damaged[place] = byte;
        damaged.truncate(cut.max(place + 1));
        // The file may still be whole by chance; it must only not panic.
        let _ = Checkpoint::from_bytes("damaged", &damaged);
    }
}

thread_local! {
    static GOOD: Vec<u8> = bytes(&checkpoint());
}
