//! Opening the files that a program reads.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens a regular file to be read, and tells its size in bytes. Every input of the workspace is opened here.
///
/// A pipe would keep the program waiting for whoever writes into it, and a device such as `/dev/zero` has no end.
///
/// # Errors
/// When there is no such file, it may not be read, or it is a folder, a pipe, a socket or a device.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    // Looked at before it is opened, since opening a pipe waits for its writer.
    check(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    // Something else may have taken its place meanwhile.
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
    // Tests stop where something is wrong.
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
