//! No bytes whatever make the reader panic or take more than its limits.

use std::io::Cursor;

use ikem_damage::{Sample, Trial};
use proptest::prelude::*;

use crate::PthLimits;
use crate::read::read_from;
use crate::testing::*;

const LIMITS: PthLimits =
    PthLimits { max_tensor_bytes: 1 << 16, max_pickle_bytes: 1 << 16, max_pickle_operations: 10_000 };

/// Whether `file` is accepted; then it keeps what it promises.
fn attempt(file: &[u8]) -> bool {
    let Ok(tensors) = read_from(Cursor::new(file), &LIMITS) else { return false };
    let mut bytes = 0;
    for tensor in tensors {
        let elements: usize = tensor.shape.iter().product();
        assert_eq!(tensor.data.len(), elements * tensor.dtype.size());
        bytes += tensor.data.len();
    }
    assert!(bytes as u64 <= LIMITS.max_tensor_bytes);
    true
}

#[test]
fn damaged_files() {
    let sample = |(number, bytes): (usize, Vec<u8>)| Sample::new(format!("file {number}"), bytes);
    let tried = Trial::new("pth", files().into_iter().enumerate().map(sample).collect()).run(attempt);
    assert!(tried.accepted > tried.files / 50, "{tried:?}");
}

/// A checkpoint's pickle with something of everything.
fn value() -> Vec<u8> {
    let half = tensor(storage("HalfStorage", "1", 6), 1, &[2, 2], &[1, 2]);
    let model = dict(&[("module.a", vector("0", 2)), ("module.b", half)]);
    dict(&[("epoch", long(3)), ("args", call(global("m", "N"), &[text("x")])), ("model", model)])
}

/// Files of both containers.
fn files() -> Vec<Vec<u8>> {
    let (a, b) = (floats(&[1.0, 2.0]), vec![0; 12]);
    let mut files = vec![
        zip_file(&value(), &[("0", a.clone()), ("1", b.clone())]),
        legacy_file(&value(), &[("0", 2, a), ("1", 6, b)]),
    ];
    for name in ["views", "legacy-views", "legacy-wrapped", "parameters"] {
        files.push(std::fs::read(super::fixtures::path(name)).unwrap());
    }
    files
}

#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    Insert(u8),
    Remove,
    Cut,
    /// Copies the bytes at another place, as many as the last number says.
    Copy(prop::sample::Index, usize),
}

fn change() -> impl Strategy<Value = (prop::sample::Index, Change)> {
    // Bytes that mean something in a pickle or as a number, more often than others.
    let byte = prop_oneof![
        3 => prop::sample::select(b"(.012FIJKLMNPQRSTUVXabcdeghijloprstu]})\x80\x81\x85\x86\x87\x88\x8a\x8c\x90\x93\x94".to_vec()),
        1 => prop::sample::select(vec![0, 1, 0x7f, 0x80, 0xff]),
        1 => any::<u8>(),
    ];
    let change = prop_oneof![
        6 => byte.clone().prop_map(Change::Set),
        2 => byte.prop_map(Change::Insert),
        2 => Just(Change::Remove),
        1 => Just(Change::Cut),
        3 => (any::<prop::sample::Index>(), 1_usize..40).prop_map(|(from, length)| Change::Copy(from, length)),
    ];
    (any::<prop::sample::Index>(), change)
}

fn changed(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, Change)]) -> Vec<u8> {
    for (at, change) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match change {
            Change::Set(byte) => bytes[at] = *byte,
            Change::Insert(byte) => bytes.insert(at, *byte),
            Change::Remove => drop(bytes.remove(at)),
            Change::Cut => bytes.truncate(at),
            Change::Copy(from, length) => {
                let from = from.index(bytes.len());
                let part = bytes[from..bytes.len().min(from + length)].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), start in 0_usize..4) {
        let start = [b"".to_vec(), b"PK\x03\x04".to_vec(), b"\x80\x02".to_vec(), legacy_header()][start].clone();
        attempt(&[start, bytes].concat());
    }

    #[test]
    fn changed_files(file in 0_usize..6, changes in prop::collection::vec(change(), 1..4)) {
        attempt(&changed(files()[file].clone(), &changes));
    }

    /// With intact containers, so that the changes reach the virtual machine and the tensors.
    #[test]
    fn changed_pickles(changes in prop::collection::vec(change(), 1..12)) {
        let value = changed(value(), &changes);
        let (a, b) = (floats(&[1.0, 2.0]), vec![0; 12]);
        attempt(&zip_file(&value, &[("0", a.clone()), ("1", b.clone())]));
        attempt(&legacy_file(&value, &[("0", 2, a), ("1", 6, b)]));
    }
}
