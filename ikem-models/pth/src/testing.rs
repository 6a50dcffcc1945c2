//! Writes pickles and containers by hand, for the tests.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::PthErrorKind;
use crate::limits::PthLimits;
use crate::read::read_from;
use crate::tensor::PthTensor;

/// The operations that leave one value on the stack.
pub(crate) type Fragment = Vec<u8>;

pub(crate) fn text(text: &str) -> Fragment {
    [b"X", (text.len() as u32).to_le_bytes().as_slice(), text.as_bytes()].concat()
}

pub(crate) fn int(value: i32) -> Fragment {
    [b"J".as_slice(), &value.to_le_bytes()].concat()
}

pub(crate) fn long(value: i128) -> Fragment {
    [&[0x8a, 16], value.to_le_bytes().as_slice()].concat()
}

pub(crate) fn global(module: &str, name: &str) -> Fragment {
    format!("c{module}\n{name}\n").into_bytes()
}

pub(crate) fn tuple(items: &[Fragment]) -> Fragment {
    [b"(", items.concat().as_slice(), b"t"].concat()
}

pub(crate) fn call(callable: Fragment, args: &[Fragment]) -> Fragment {
    [callable, tuple(args), b"R".to_vec()].concat()
}

pub(crate) fn dict(entries: &[(&str, Fragment)]) -> Fragment {
    let entries = entries.iter().flat_map(|(key, value)| [text(key), value.clone()]).collect::<Vec<_>>();
    [b"}(", entries.concat().as_slice(), b"u"].concat()
}

/// A reference to a storage of `len` elements of the class `torch.CLASS`.
pub(crate) fn storage(class: &str, key: &str, len: i128) -> Fragment {
    let id = [text("storage"), global("torch", class), text(key), text("cpu"), long(len)];
    [tuple(&id), b"Q".to_vec()].concat()
}

/// A tensor as `torch.save` writes it.
pub(crate) fn tensor(storage: Fragment, offset: i128, shape: &[i128], strides: &[i128]) -> Fragment {
    let dims = |dims: &[i128]| tuple(&dims.iter().copied().map(long).collect::<Vec<_>>());
    let hooks = call(global("collections", "OrderedDict"), &[]);
    let args = [storage, long(offset), dims(shape), dims(strides), b"\x89".to_vec(), hooks];
    call(global("torch._utils", "_rebuild_tensor_v2"), &args)
}

/// A vector of `len` floats that is the whole of the storage `key`.
pub(crate) fn vector(key: &str, len: i128) -> Fragment {
    tensor(storage("FloatStorage", key, len), 0, &[len], &[1])
}

pub(crate) fn pickle(value: &[u8]) -> Vec<u8> {
    [b"\x80\x02", value, b"."].concat()
}

/// An archive of entries with these names, contents and methods.
pub(crate) fn archive(entries: &[(&str, &[u8], CompressionMethod)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, data, method) in entries {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(*method)).unwrap();
        writer.write_all(data).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A zip checkpoint of `value` and of storages by key.
pub(crate) fn zip_file(value: &[u8], storages: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pickle = pickle(value);
    let names: Vec<_> = storages.iter().map(|(key, _)| format!("archive/data/{key}")).collect();
    let mut entries = vec![("archive/data.pkl", pickle.as_slice(), CompressionMethod::Stored)];
    entries.extend(
        names
            .iter()
            .zip(storages)
            .map(|(name, (_, data))| (name.as_str(), data.as_slice(), CompressionMethod::Stored)),
    );
    archive(&entries)
}

/// The header of a legacy checkpoint.
pub(crate) fn legacy_header() -> Vec<u8> {
    let magic = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    [pickle(magic), pickle(&int(1001)), pickle(&dict(&[("little_endian", b"\x88".to_vec())]))].concat()
}

/// A legacy checkpoint of `value` and of storages by key, each with its count of elements.
pub(crate) fn legacy_file(value: &[u8], storages: &[(&str, u64, Vec<u8>)]) -> Vec<u8> {
    let keys: Vec<_> = storages.iter().map(|(key, ..)| text(key)).collect();
    let list = [b"](", keys.concat().as_slice(), b"e"].concat();
    let mut file = [legacy_header(), pickle(value), pickle(&list)].concat();
    for (_, count, data) in storages {
        file.extend(count.to_le_bytes());
        file.extend(data);
    }
    file
}

pub(crate) fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

pub(crate) fn read(file: impl AsRef<[u8]>) -> Result<Vec<PthTensor>, PthErrorKind> {
    read_from(Cursor::new(file), &PthLimits::default())
}

/// What an attempt to read `file` says.
pub(crate) fn message(file: impl AsRef<[u8]>) -> String {
    read(file).expect_err("the file must be refused").to_string()
}
