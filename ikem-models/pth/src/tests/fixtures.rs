//! Files that PyTorch wrote: `tests/fixtures/make_pth.py`.

use std::path::PathBuf;

use crate::tensor::PthDType;
use crate::{PthErrorKind, PthLimits, PthTensor, read_pth};

const SHAPES: [(&str, &[usize]); 6] = [
    ("conv.weight", &[3, 2, 3, 3]),
    ("conv.bias", &[3]),
    ("bn.weight", &[3]),
    ("bn.bias", &[3]),
    ("bn.running_mean", &[3]),
    ("bn.running_var", &[3]),
];

pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pth").join(format!("{name}.pth"))
}

fn read(name: &str) -> Vec<PthTensor> {
    read_pth(&path(name), &PthLimits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn error(name: &str) -> PthErrorKind {
    read_pth(&path(name), &PthLimits::default()).expect_err(name).kind
}

/// The tensor number `number` of the script: i / 4 - number.
fn values(number: usize, len: usize) -> Vec<f32> {
    (0..len).map(|index| index as f32 / 4.0 - number as f32).collect()
}

#[test]
fn every_way_to_save_a_state_dict_gives_the_same_tensors() {
    let cases = [
        ("zip", PthDType::F32),
        ("zip-protocol-4", PthDType::F32),
        ("legacy", PthDType::F32),
        ("legacy-protocol-4", PthDType::F32),
        ("wrapped", PthDType::F32),
        ("legacy-wrapped", PthDType::F32),
        ("data-parallel", PthDType::F32),
        ("f64", PthDType::F64),
        ("f16", PthDType::F16),
        ("legacy-f16", PthDType::F16),
        ("bf16", PthDType::BF16),
    ];
    for (name, dtype) in cases {
        let tensors = read(name);
        let names: Vec<_> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, SHAPES.map(|(name, _)| name), "{name}");
        for (number, (tensor, (_, shape))) in tensors.iter().zip(SHAPES).enumerate() {
            assert_eq!(tensor.dtype, dtype, "{name}");
            assert_eq!(tensor.shape, shape, "{name}: {}", tensor.name);
            let expected = values(number, shape.iter().product());
            assert_eq!(tensor.to_f32().unwrap(), expected, "{name}: {}", tensor.name);
            assert_eq!(tensor.data.len(), expected.len() * dtype.size());
        }
    }
}

#[test]
fn views_become_row_major() {
    for name in ["views", "legacy-views"] {
        let tensors = read(name);
        let check = |tensor: &str, shape: &[usize], expected: Vec<f32>| {
            let tensor = tensors.iter().find(|other| other.name == tensor).unwrap();
            assert_eq!((tensor.shape.as_slice(), tensor.to_f32().unwrap()), (shape, expected), "{name}");
        };
        check("transposed", &[6, 4], (0..24).map(|i| (i % 4 * 6 + i / 4) as f32).collect());
        check("narrowed", &[2, 3], vec![8.0, 9.0, 10.0, 14.0, 15.0, 16.0]);
        check("expanded", &[3, 4], [-1.0, -0.75, -0.5].iter().flat_map(|&value| [value; 4]).collect());
        check("channels_last", &[2, 3, 2, 2], values(2, 24));
        check("tied.a", &[2, 2], values(0, 4));
        check("tied.b", &[2, 2], values(0, 4));
        check("scalar", &[], vec![2.5]);
        check("empty", &[0, 4], vec![]);
        assert_eq!(tensors.len(), 8);
    }
}

#[test]
fn parameters_and_tensors_with_attributes_are_tensors() {
    let tensors = read("parameters");
    let names: Vec<_> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names, ["plain", "marked", "buffer"]);
    for (number, (tensor, len)) in tensors.iter().zip([6, 4, 2]).enumerate() {
        assert_eq!(tensor.to_f32().unwrap(), values(number, len));
    }
}

#[test]
fn integers_keep_their_bytes_and_are_no_floats() {
    let expected: [(PthDType, &[u8]); 6] = [
        (PthDType::I64, &[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0]),
        (PthDType::I32, &[0, 0, 0, 0, 1, 0, 0, 0, 100, 0, 0, 0]),
        (PthDType::I16, &[0, 0, 1, 0, 100, 0]),
        (PthDType::I8, &[0, 1, 100]),
        (PthDType::U8, &[0, 1, 100]),
        (PthDType::Bool, &[0, 1, 1]),
    ];
    let tensors = read("integers");
    assert_eq!(tensors.len(), expected.len());
    for (tensor, (dtype, data)) in tensors.iter().zip(expected) {
        assert_eq!((tensor.dtype, tensor.data.as_slice()), (dtype, data));
        assert!(tensor.to_f32().is_none());
    }
}

#[test]
fn what_is_no_state_dict_is_named() {
    let cases = [
        ("complex", r#"tensor "weight": a storage of class "ComplexFloatStorage""#),
        ("uint16", r#"tensor "weight": elements of the class or function "torch.uint16""#),
        ("whole-module", r#"holds an object made by "torch.nn.modules.conv.Conv2d", expected a state dict"#),
        ("two-models", r#"holds several dicts of tensors ("teacher", "student")"#),
        ("with-config", r#"state dict entry "config" is a dict, expected a tensor"#),
    ];
    for (name, expected) in cases {
        let message = error(name).to_string();
        assert!(message.starts_with(expected), "{name}: {message}");
    }
}

#[test]
fn cut_files_are_refused_wherever_they_end() {
    for name in ["zip", "legacy", "legacy-views"] {
        let file = std::fs::read(path(name)).unwrap();
        for length in 0..file.len() {
            assert!(crate::testing::read(&file[..length]).is_err(), "{name} cut to {length}");
        }
    }
}
