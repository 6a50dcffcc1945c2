use std::fs;

use zip::CompressionMethod::{Deflated, Stored};

use crate::read::read_from;
use crate::testing::*;
use crate::{PthErrorKind, PthLimits, read_pth};

fn model() -> Vec<u8> {
    dict(&[("a", vector("0", 2)), ("b", vector("7", 3))])
}

fn storages() -> [(&'static str, Vec<u8>); 2] {
    [("0", floats(&[1.0, 2.0])), ("7", floats(&[3.0, 4.0, 5.0]))]
}

fn check(file: &[u8]) {
    let tensors = read(file).unwrap();
    assert_eq!(tensors[0].to_f32().unwrap(), [1.0, 2.0]);
    assert_eq!(tensors[1].to_f32().unwrap(), [3.0, 4.0, 5.0]);
}

#[test]
fn both_containers_hold_the_same() {
    check(&zip_file(&model(), &storages()));
    let [(_, a), (_, b)] = storages();
    check(&legacy_file(&model(), &[("7", 3, b), ("0", 2, a)]));
}

#[test]
fn archives_that_were_packed_again_are_read() {
    let (pickle, [(_, a), (_, b)]) = (pickle(&model()), storages());
    for prefix in ["", "any name/"] {
        let names = ["data/7", "version", "data.pkl", "data/0"].map(|name| format!("{prefix}{name}"));
        let data: [&[u8]; 4] = [&b, b"3\n", &pickle, &a];
        let entries: Vec<_> =
            names.iter().zip(data).map(|(name, data)| (name.as_str(), data, Deflated)).collect();
        check(&archive(&entries));
    }
}

#[test]
fn byte_order_is_respected() {
    let big: Vec<u8> = [1.0_f32, 2.0].iter().flat_map(|value| value.to_be_bytes()).collect();
    let pickle = pickle(&dict(&[("a", vector("0", 2))]));
    let file = |order: &[u8]| {
        archive(&[
            ("m/data.pkl", &pickle, Stored),
            ("m/data/0", &big, Stored),
            ("m/byteorder", order, Stored),
        ])
    };
    let tensors = read(file(b"big")).unwrap();
    assert_eq!(tensors[0].to_f32().unwrap(), [1.0, 2.0]);
    assert!(message(file(b"middle")).contains(r#"byte order "middle", expected "little" or "big""#));
}

#[test]
fn parts_of_storages_in_very_old_files_are_read() {
    let part = |start, len| {
        let part = tuple(&[text("9"), int(start), int(len)]);
        let id = [text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), int(4), part];
        [tuple(&id), b"Q".to_vec()].concat()
    };
    let file = |tensor| legacy_file(&dict(&[("a", tensor)]), &[("0", 4, floats(&[1.0, 2.0, 3.0, 4.0]))]);
    let tensors = read(file(tensor(part(1, 3), 1, &[2], &[1]))).unwrap();
    assert_eq!(tensors[0].to_f32().unwrap(), [3.0, 4.0]);
    assert!(
        message(file(tensor(part(1, 2), 1, &[2], &[1]))).contains("does not fit its storage of 3 elements")
    );
    assert!(message(file(tensor(part(3, 2), 0, &[2], &[1]))).contains("a part that leaves its storage of 4"));
}

#[test]
fn storages_must_be_there_and_as_long_as_said() {
    let [(_, a), (_, b)] = storages();
    let cases = [
        (zip_file(&model(), &[("0", a.clone())]), r#"holds no entry "archive/data/7", expected a storage"#),
        (
            zip_file(&model(), &[("0", a.clone()), ("7", a.clone())]),
            r#"storage "7" holds 8 bytes, expected 12"#,
        ),
        (
            zip_file(&model(), &[("0", b.clone()), ("7", b.clone())]),
            r#"storage "0" holds 12 bytes, expected 8"#,
        ),
        (legacy_file(&model(), &[("0", 2, a.clone())]), r#"holds no storage "7""#),
        (
            legacy_file(&model(), &[("0", 2, a.clone()), ("7", 2, a.clone())]),
            r#"storage "7" holds 8 bytes, expected 12"#,
        ),
        (
            legacy_file(&model(), &[("0", 2, a.clone()), ("7", 3, a.clone())]),
            r#"storage "7" holds 8 bytes, expected 12"#,
        ),
        (
            legacy_file(&model(), &[("0", u64::MAX, a.clone())]),
            r#"storage "0" holds 8 bytes, expected 18446744073709551615"#,
        ),
        (legacy_file(&model(), &[("5", 2, a.clone())]), r#"holds no reference to storage "5""#),
        (archive(&[("m/version", b"3", Stored)]), r#"holds no entry "NAME/data.pkl""#),
        (
            archive(&[("m/data.pkl", b"N.", Stored), ("n/data.pkl", b"N.", Stored)]),
            "is a broken zip archive: two checkpoints",
        ),
    ];
    for (file, expected) in cases {
        let message = message(file);
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn one_storage_has_one_length() {
    let views = [("a", vector("0", 2)), ("b", tensor(storage("HalfStorage", "0", 2), 0, &[2], &[1]))];
    let file = zip_file(&dict(&views), &[("0", floats(&[1.0, 2.0]))]);
    assert_eq!(message(file), r#"tensor "b": its storage is said to hold 4 bytes, and 8 elsewhere"#);
}

#[test]
fn damaged_data_is_noticed() {
    let mut file = zip_file(&model(), &storages());
    let at = file.windows(12).position(|window| window == floats(&[3.0, 4.0, 5.0])).unwrap();
    file[at] ^= 1;
    assert!(message(&file).starts_with("is a broken zip archive: Invalid checksum"), "{}", message(&file));
}

#[test]
fn other_files_are_named_for_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    let expect = |path: &std::path::Path, expected: &str| {
        let error = read_pth(path, &PthLimits::default()).unwrap_err();
        assert_eq!(error.path, path);
        assert!(error.to_string().starts_with(&format!("{}: {expected}", path.display())), "{error}");
    };
    expect(&path, "cannot be read: ");
    expect(folder.path(), "cannot be read: Is a directory");
    let cases: [(&[u8], &str); 6] = [
        (b"", "is empty, expected a PyTorch checkpoint file"),
        (b"{\"a\": 1}", r#"starts with "{\"a\": 1}", expected a PyTorch checkpoint: a zip archive"#),
        (b"\x89PNG\r\n\x1a\n", r#"starts with "\x89PNG\r\n\x1a\n", expected"#),
        (b"\x80\x02}q\x00.", r#"starts with "\x80\x02}q\x00.", expected"#),
        (
            b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20",
            r#"starts with "\x80\x02\x8a\nl\xfc\x9cF\xf9 ", expected"#,
        ),
        (b"PK\x03\x04 and no more", "is a broken zip archive: "),
    ];
    for (bytes, expected) in cases {
        fs::write(&path, bytes).unwrap();
        expect(&path, expected);
    }
}

#[test]
fn the_legacy_header_is_checked() {
    let [(_, a), (_, b)] = storages();
    let good = legacy_file(&model(), &[("0", 2, a), ("7", 3, b)]);
    let version = int(1001);
    let at = good.windows(version.len()).position(|window| window == version).unwrap();
    let mut other = good.clone();
    other[at + 1] ^= 1;
    assert!(
        message(&other).contains("the integer 1000 as the file's version, expected 1001"),
        "{}",
        message(&other)
    );
    let no_list = [legacy_header(), pickle(&model()), pickle(&int(1))].concat();
    assert!(message(&no_list).contains("the integer 1, expected the list of the storages' keys"));
}

#[test]
fn memory_is_limited() {
    let limits = PthLimits { max_tensor_bytes: 1000, ..PthLimits::default() };
    let limited = |file: Vec<u8>| read_from(std::io::Cursor::new(file), &limits);
    let file_of = |len: usize, tensors: &[(&str, Vec<u8>)]| zip_file(&dict(tensors), &[("0", vec![0; len])]);
    let part = |offset| tensor(storage("FloatStorage", "0", 200), offset, &[50], &[1]);
    let expanded = tensor(storage("FloatStorage", "0", 1), 0, &[251], &[0]);

    assert!(limited(file_of(1000, &[("a", vector("0", 250))])).is_ok());
    assert!(limited(file_of(800, &[("a", part(0))])).is_ok());
    let refused = [
        (file_of(1004, &[("a", vector("0", 251))]), "the tensors: 1004 bytes, the limit is 1000"),
        (file_of(4, &[("a", expanded)]), "the tensors: 1004 bytes, the limit is 1000"),
        (
            file_of(800, &[("a", part(0)), ("b", part(50))]),
            r#"storage "0" with the tensors so far: 1200 bytes, the limit"#,
        ),
    ];
    for (file, expected) in refused {
        let error = limited(file).unwrap_err();
        assert!(matches!(error, PthErrorKind::Limit { .. }));
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}
