//! Size-limited reads and atomic writes.

use std::io::Read;
use std::path::Path;

use ikem_core::FieldError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The largest text file (manifest, labels, predictions) that is read, in bytes.
const TEXT_LIMIT: u64 = 256 << 20;

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let (file, length) = ikem_files::open(path).map_err(failed)?;
    let too_large =
        |found: String| Error::TooLarge { path: path.to_owned(), found, limit: format!("{limit} bytes") };
    if length > limit {
        return Err(too_large(format!("{length} bytes")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    // The file may have grown meanwhile.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit { Err(too_large("more".to_owned())) } else { Ok(bytes) }
}

/// Reads the first `length` bytes of a file, or all there are.
pub(crate) fn read_start(path: &Path, length: u64) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    ikem_files::open(path).map_err(failed)?.0.take(length).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Reads a whole text file. `kind` names the expected content in errors.
pub(crate) fn read_text(path: &Path, kind: &'static str) -> Result<String, Error> {
    text(path, kind, read(path, TEXT_LIMIT)?)
}

/// Decodes text in UTF-8, or in UTF-16 with a byte order mark, as spreadsheets write it. Removes the byte order mark.
pub(crate) fn text(path: &Path, kind: &'static str, bytes: Vec<u8>) -> Result<String, Error> {
    let words = |from_bytes: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let words = pairs.iter().skip(1).map(|pair| from_bytes(*pair));
        char::decode_utf16(words).collect::<Result<String, _>>().ok().filter(|_| rest.is_empty())
    };
    let wide = match bytes.as_slice() {
        [0xff, 0xfe, ..] => words(u16::from_le_bytes),
        [0xfe, 0xff, ..] => words(u16::from_be_bytes),
        _ => None,
    };
    if let Some(text) = wide {
        return Ok(text);
    }
    let text = String::from_utf8(bytes).map_err(|error| Error::broken(path, kind, error, "text in UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Reads a JSON file. `kind` names the expected content in errors.
///
/// # Errors
/// [`Error::Read`], [`Error::TooLarge`]; [`Error::Broken`] for invalid JSON, with the path of a value that has the
/// wrong type, such as `[3].corners[67]`.
pub fn read_json<T: DeserializeOwned>(path: &Path, kind: &'static str) -> Result<T, Error> {
    parse_json(path, kind, &read_text(path, kind)?)
}

/// Parses JSON text; `path` is only used in errors.
pub(crate) fn parse_json<T: DeserializeOwned>(
    path: &Path,
    kind: &'static str,
    text: &str,
) -> Result<T, Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let broken = |found: String| Error::broken(path, kind, found, format!("the JSON of a {kind}"));
    let value =
        serde_path_to_error::deserialize(&mut json).map_err(|error| match error.path().iter().next() {
            Some(_) => broken(format!("at {}: {}", error.path(), error.inner())),
            None => broken(error.inner().to_string()),
        })?;
    json.end().map_err(|error| broken(error.to_string()))?;
    Ok(value)
}

/// Writes a file atomically and creates missing parent folders.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    ikem_files::write(path, bytes).map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// Writes `value` atomically as indented JSON.
///
/// # Errors
/// [`Error::Write`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    write(path, json_text(value)?.as_bytes())
}

/// `value` as indented JSON, with a final newline.
pub(crate) fn json_text<T: Serialize>(value: &T) -> Result<String, Error> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| FieldError::new("value", "a value that JSON can represent", error))?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_errors_name_the_file_and_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("five");
        write(&file, b"12345").unwrap();
        assert_eq!(read(&file, 5).unwrap(), b"12345");
        assert_eq!(read_start(&file, 2).unwrap(), b"12");
        for (path, limit, expected) in [
            (file, 4, "five has 5 bytes; expected at most 4 bytes"),
            (folder.path().join("none"), 9, "none: No such file"),
            (folder.path().to_owned(), 99999, "Is a directory"),
        ] {
            let message = read(&path, limit).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_or_a_device_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("film.png");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), Path::new("/dev/zero")] {
            let limits = crate::Limits::default();
            let messages = [
                crate::load_image(path, &limits).unwrap_err().to_string(),
                crate::image_size(path, &limits).unwrap_err().to_string(),
                crate::ImageKind::of_file(path).unwrap_err().to_string(),
                crate::LabelFile::read(path, &ikem_core::Skeleton::spine()).unwrap_err().to_string(),
            ];
            for message in messages {
                assert!(message.contains("a pipe or a device; expected a file"), "{message}");
            }
        }
    }

    #[test]
    fn text_is_decoded_without_its_byte_order_mark() {
        let wide = |of: fn(u16) -> [u8; 2]| "\u{feff}é;1".encode_utf16().flat_map(of).collect();
        for bytes in ["é;1".into(), "\u{feff}é;1".into(), wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
            assert_eq!(text(Path::new("a.csv"), "table", bytes).unwrap(), "é;1");
        }
        for bytes in [vec![0xff, 0xfe, 0x41], vec![0xe9, b';']] {
            let message = text(Path::new("a.csv"), "table", bytes).unwrap_err().to_string();
            assert!(message.contains("a.csv") && message.contains("text in UTF-8"), "{message}");
        }
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("folder");
        std::fs::create_dir(&taken).unwrap();
        assert!(matches!(write(&taken, b"x"), Err(Error::Write { .. })));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
