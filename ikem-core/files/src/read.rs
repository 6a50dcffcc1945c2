//! Opening of inputs.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens a regular file for reading, and returns its size in bytes. All inputs of the workspace are opened here.
///
/// A pipe would block the program until it has a writer, and a device such as `/dev/zero` is infinite.
///
/// # Errors
/// When the file does not exist or is not readable, or is a folder, a pipe, a socket or a device.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    // Checked before opening, because opening a pipe waits for its writer.
    check(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    // The file may have been replaced in the meantime.
    let about = file.metadata()?;
    check(&about)?;
    Ok((file, about.len()))
}

fn check(about: &fs::Metadata) -> io::Result<()> {
    match about.is_file() {
        true => Ok(()),
        false if about.is_dir() => Err(io::Error::new(ErrorKind::IsADirectory, "Is a directory")),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is a pipe or a device; expected a file")),
    }
}

#[cfg(test)]
mod tests {
    // Tests may panic.
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_is_opened_with_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film");
        fs::write(&path, b"12345").unwrap();
        assert_eq!(open(&path).unwrap().1, 5);
        assert_eq!(open(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(open(&folder.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn pipes_and_devices_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let link = folder.path().join("film.png");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for path in [pipe.as_path(), &link, Path::new("/dev/zero"), Path::new("/dev/null")] {
            let error = open(path).unwrap_err().to_string();
            assert!(error.contains("a pipe or a device; expected a file"), "{error}");
        }
    }
}
