use std::io::Cursor;

use zip::CompressionMethod::{Deflated, Stored};

use crate::read::read_from;
use crate::testing::*;
use crate::{PthErrorKind, PthLimits};

fn good() -> (&'static str, Vec<u8>) {
    ("model", dict(&[("a", vector("0", 1))]))
}

/// A checkpoint with `value` beside the state dict.
fn beside(value: Vec<u8>) -> Vec<u8> {
    zip_file(&dict(&[("other", value), good()]), &[("0", floats(&[1.0]))])
}

#[test]
fn deep_nesting_overflows_no_stack() {
    const DEPTH: usize = 300_000;
    let lists = [b"]".repeat(DEPTH), b"a".repeat(DEPTH - 1)].concat();
    let tuples = [b")".to_vec(), b"\x85".repeat(DEPTH)].concat();
    let calls = [global("m", "f"), b")R".repeat(DEPTH)].concat();
    let dicts = [b"}N".repeat(DEPTH), b"}".to_vec(), b"s".repeat(DEPTH)].concat();
    let marks = [b"(".repeat(DEPTH), b"t".repeat(DEPTH)].concat();
    for value in [lists, tuples, calls, dicts, marks] {
        assert_eq!(read(beside(value)).unwrap().len(), 1);
    }
}

#[test]
fn cycles_end() {
    let list = b"]q\x01h\x01a".to_vec();
    assert_eq!(read(beside(list)).unwrap().len(), 1);
    let parameter = global("torch._utils", "_rebuild_parameter");
    let wrapped = (0..9).fold(vector("0", 1), |inner, _| call(parameter.clone(), &[inner]));
    let file = zip_file(&dict(&[("a", vector("0", 1)), ("b", wrapped)]), &[("0", floats(&[1.0]))]);
    assert!(message(file).starts_with(r#"state dict entry "b" is an object made by"#));
}

#[test]
fn broken_pickles_say_where() {
    let cases: [(&str, &[u8], &str); 18] = [
        ("empty", b"", "at its byte 0: the file ends here"),
        ("no stop", b"\x80\x02}", "at its byte 3: the file ends here"),
        ("cut operand", b"\x80\x02J\x01\x02", "at its byte 2: the file ends here"),
        ("cut line", b"cposix", "at its byte 0: the file ends here"),
        ("cut text", b"X\xff\xff\x00\x00abc", "at its byte 0: the file ends here"),
        ("empty stack", b"0.", "at its byte 0: an operation lacks its operand"),
        ("nothing to return", b"\x80\x02.", "at its byte 2: an operation lacks its operand"),
        ("below the mark", b"N(0N0R.", "at its byte 5: an operation lacks its operand"),
        ("no mark", b"Nt.", "at its byte 1: an operation lacks its MARK"),
        ("tuple of too few", b"N(N\x87.", "at its byte 3: an operation lacks its 3 operands"),
        ("odd dict", b"(Nd.", "at its byte 2: a dict entry has a key and no value"),
        ("entry of a list", b"]NNs.", "at its byte 3: an entry for a list, expected a dict"),
        ("item of a dict", b"}Na.", "at its byte 2: an item for an empty dict, expected a list"),
        ("unset memo", b"h\x05.", "at its byte 0: memo entry 5 is used before it is set"),
        ("memo key", b"Np-1\n.", "at its byte 1: a memo key that is no number"),
        ("number", b"Iten\n.", "at its byte 0: \"ten\" as an integer"),
        ("protocol", b"\x80\x06N.", "at its byte 0: pickle protocol 6, expected 0 to 5"),
        ("class", b"NN\x93.", "at its byte 2: a class is not named by two texts"),
    ];
    for (name, bytes, expected) in cases {
        let message = message(archive(&[("m/data.pkl", bytes, Stored)]));
        assert!(message.starts_with("broken pickle, ") && message.contains(expected), "{name}: {message}");
    }
    for opcode in [0x82, 0x97, 0xff, b'z', 0] {
        match read(archive(&[("m/data.pkl", &[b'N', opcode, b'.'], Stored)])) {
            Err(PthErrorKind::UnknownOpcode { position: 1, opcode: found }) => assert_eq!(found, opcode),
            other => panic!("{opcode}: {other:?}"),
        }
    }
}

#[test]
fn lengths_that_lie_allocate_nothing() {
    let text = |length: u64| [b"\x80\x04\x8d".as_slice(), &length.to_le_bytes(), b"x"].concat();
    assert!(message(archive(&[("m/data.pkl", &text(30 << 20), Stored)])).contains("the file ends here"));
    let message = message(archive(&[("m/data.pkl", &text(u64::MAX), Stored)]));
    assert!(message.contains("the pickle: 18446744073709551615 bytes, the limit is 33554432"), "{message}");
    // A memo entry of the highest number takes no more room than any other.
    assert_eq!(read(beside(b"Nr\xff\xff\xff\xff".to_vec())).unwrap().len(), 1);
}

#[test]
fn pickles_are_limited_in_bytes_and_operations() {
    let limits = PthLimits { max_pickle_bytes: 2000, max_pickle_operations: 100, ..PthLimits::default() };
    let limited = |file: Vec<u8>| read_from(Cursor::new(file), &limits).map_err(|error| error.to_string());
    assert_eq!(limited(beside(b"N".to_vec())).unwrap().len(), 1);
    let refused = [
        (
            beside(b"N0".repeat(100).into_iter().chain(*b"N").collect()),
            "the pickle: 101 operations, the limit is 100",
        ),
        (beside(text(&"x".repeat(2000))), "the pickle: 2"),
        (
            archive(&[("m/data.pkl", &b"N0".repeat(5000), Deflated)]),
            "the pickle: 10000 bytes, the limit is 2000",
        ),
    ];
    for (file, expected) in refused {
        let message = limited(file).unwrap_err();
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn repeated_use_of_large_values_is_counted() {
    // A list of pairs that many OrderedDicts copy, and a long text that many classes are named by.
    let pair = [b"N".to_vec(), b"N\x86".to_vec()].concat();
    let list = [b"](".to_vec(), pair.repeat(1000), b"eq\x05".to_vec()].concat();
    let copies = [global("collections", "OrderedDict"), b"h\x05\x85R".to_vec()].concat().repeat(4000);
    let many = [b"(".to_vec(), list, copies, b"t".to_vec()].concat();
    assert!(message(beside(many)).contains("operations, the limit is 2000000"));
    let long_name = [text(&"x".repeat(5000)), text("y"), b"\x93".to_vec()].concat();
    assert!(message(beside(long_name)).contains("the name of a class"));
}

#[test]
fn zip_bombs_are_refused() {
    let declared = |value: &[u8], storage: &[u8]| {
        archive(&[("m/data.pkl", &pickle(value), Deflated), ("m/data/0", storage, Deflated)])
    };
    let zeros = vec![0; 4 << 20];
    let model = dict(&[("a", vector("0", 1 << 20))]);
    let limits = PthLimits { max_tensor_bytes: 1 << 20, ..PthLimits::default() };
    let error = read_from(Cursor::new(declared(&model, &zeros)), &limits).unwrap_err();
    assert!(matches!(error, PthErrorKind::Limit { found: 4_194_304, .. }), "{error}");

    // The directory says 1 GiB, as does the pickle; the data are some kilobytes.
    let mut file = declared(&dict(&[("a", vector("0", 1 << 28))]), &zeros);
    let size = (zeros.len() as u32).to_le_bytes();
    let at = file.windows(4).rposition(|window| window == size).unwrap();
    file[at..at + 4].copy_from_slice(&(1_u32 << 30).to_le_bytes());
    let message = message(file);
    assert!(message.starts_with(r#"storage "0" holds "#), "{message}");
    assert!(message.ends_with("bytes, expected 1073741824"), "{message}");
}

#[test]
fn directories_that_announce_too_much_are_refused() {
    let file = |entries: u64, record: u64| {
        let start = zip_file(&dict(&[good()]), &[("0", floats(&[1.0]))]);
        let at = (start.len() as u64).to_le_bytes();
        let record = [
            b"PK\x06\x06".as_slice(),
            &record.to_le_bytes(),
            &[0; 12],
            &entries.to_le_bytes(),
            &entries.to_le_bytes(),
            &[0; 16],
        ]
        .concat();
        let locator = [b"PK\x06\x07".as_slice(), &[0; 4], &at, &[1, 0, 0, 0]].concat();
        let end = [b"PK\x05\x06".as_slice(), &[0xff; 16], &[0; 2]].concat();
        [start, record, locator, end].concat()
    };
    assert_eq!(
        message(file(1 << 40, 44)),
        "the zip archive's directory: 1099511627776 entries, the limit is 100000"
    );
    assert!(message(file(1, 1 << 40)).contains("a zip64 record of 1099511627776 bytes, expected 44"));
}

#[test]
fn messages_are_short_and_escaped() {
    let name = format!("\u{1b}[2J{}", "x".repeat(100_000));
    let message =
        message(zip_file(&dict(&[("a", vector("0", 1)), (&name, int(1))]), &[("0", floats(&[1.0]))]));
    assert!(
        message.len() < 250 && message.contains("\\u{1b}[2Jxxx") && !message.contains('\u{1b}'),
        "{message}"
    );
}
