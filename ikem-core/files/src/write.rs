//! Atomic file writing.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::stream::Stream;
use crate::target::Target;

/// The prefix of the temporary files of [`write()`]. They lie beside the target and remain only if the process is
/// killed while writing.
const UNFINISHED: &str = ".ikem-unfinished-";

/// Writes `bytes` to `path` atomically: into a temporary file in the same folder, which is then renamed. Missing
/// folders are created.
///
/// A symbolic link is kept and its target written, even if it does not exist yet. A device, a pipe or an open file of
/// this program (`/dev/stdout`) is appended to. An existing file keeps its permissions.
///
/// # Errors
/// When a folder or a read-only file has this path, no program reads the pipe, or the disk fails; an existing file is
/// then unchanged.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, |file| file.write_all(bytes), false)
}

/// Like [`write()`], and returns only when the data is on disk, so that it survives a power failure.
///
/// # Errors
/// Like [`write()`].
pub fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, |file| file.write_all(bytes), true)
}

/// Removes the temporary files that killed processes left in `folder`.
///
/// # Errors
/// When the folder cannot be read or a file cannot be removed.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn put(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>, sync: bool) -> io::Result<()> {
    let all = |stream: &mut dyn Write| {
        fill(stream)?;
        stream.flush()
    };
    match Target::of(path)? {
        Target::File(path, about) => replace(&path, about.as_ref(), all, sync),
        Target::StandardOutput => all(&mut io::stdout().lock()),
        Target::StandardError => all(&mut io::stderr().lock()),
        Target::Stream(path) => all(&mut Stream::open(&path)?),
    }
}

/// Replaces the file at `path`, if there is one.
fn replace(
    path: &Path,
    before: Option<&Metadata>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    sync: bool,
) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match before {
        Some(about) if about.permissions().readonly() => {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "the file is read-only"));
        }
        // Renaming over a file needs no write permission on it, so it is checked here.
        Some(_) => drop(OpenOptions::new().write(true).open(path)?),
        None => fs::create_dir_all(folder)?,
    }
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Temporary files are private by default; the result gets the usual permissions.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.prefix(UNFINISHED);
    let mut file = builder.tempfile_in(folder)?;
    if let Some(about) = before {
        file.as_file().set_permissions(about.permissions())?;
    }
    fill(file.as_file_mut())?;
    if sync {
        file.as_file().sync_all()?;
    }
    file.persist(path)?;
    // The rename must reach the disk, too.
    if sync && cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    // Tests may panic.
    #![allow(clippy::expect_used, clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        write_synced(&path, b"old").unwrap();
        let half = |file: &mut dyn Write| {
            file.write_all(b"half of the new")?;
            Err(io::Error::new(ErrorKind::StorageFull, "no space"))
        };
        assert_eq!(put(&path, half, true).unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        fs::write(folder.path().join(format!("{UNFINISHED}x")), b"of a killed process").unwrap();
        remove_unfinished(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn folders_are_created_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        write(&path, b"1").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"1");
        assert_eq!(write(&folder.path().join("a/b"), b"2").unwrap_err().kind(), ErrorKind::IsADirectory);
    }

    #[cfg(unix)]
    mod unix {
        use std::os::unix::fs::{PermissionsExt, symlink};

        use super::*;

        #[test]
        fn links_are_kept_and_their_targets_written() {
            let folder = tempfile::tempdir().unwrap();
            let [real, link, second, dangling] =
                ["real", "sub/link", "sub/second", "dangling"].map(|name| folder.path().join(name));
            fs::create_dir(folder.path().join("sub")).unwrap();
            fs::write(&real, b"old").unwrap();
            symlink("../real", &link).unwrap();
            symlink("link", &second).unwrap();
            symlink("sub/new", &dangling).unwrap();
            write(&second, b"new").unwrap();
            write(&dangling, b"there now").unwrap();
            assert_eq!(fs::read(&real).unwrap(), b"new");
            assert_eq!(fs::read(folder.path().join("sub/new")).unwrap(), b"there now");
            for path in [link, second, dangling] {
                assert!(fs::symlink_metadata(&path).unwrap().is_symlink(), "{path:?}");
            }
            let circle = folder.path().join("circle");
            symlink("circle", &circle).unwrap();
            assert!(write(&circle, b"x").unwrap_err().to_string().contains("links"));
        }

        #[test]
        fn existing_files_keep_their_permissions_and_may_be_read_only() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            fs::write(&path, b"old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            write(&path, b"private").unwrap();
            assert_eq!((fs::read(&path).unwrap(), mode()), (b"private".to_vec(), 0o600));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
            let error = write(&path, b"new").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            assert_eq!((fs::read(&path).unwrap(), mode()), (b"private".to_vec(), 0o444));
        }

        #[test]
        fn devices_and_pipes_are_appended_to() {
            let before = fs::metadata("/dev/null").unwrap().file_type();
            write(Path::new("/dev/null"), b"x").unwrap();
            assert_eq!(fs::metadata("/dev/null").unwrap().file_type(), before);
            if Path::new("/dev/full").exists() {
                let error = write(Path::new("/dev/full"), b"x").unwrap_err();
                assert_eq!(error.kind(), ErrorKind::StorageFull);
            }
            let folder = tempfile::tempdir().unwrap();
            let pipe = folder.path().join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            let reader = std::thread::spawn({
                let pipe = pipe.clone();
                move || fs::read(pipe).unwrap()
            });
            while let Err(error) = write_synced(&pipe, b"through") {
                assert_eq!(error.to_string(), "no program reads this pipe", "until it is opened");
            }
            assert_eq!(reader.join().unwrap(), b"through");
            assert!(!fs::metadata(&pipe).unwrap().is_file());
        }

        #[test]
        fn a_pipe_that_nobody_reads_is_an_error_and_a_slow_reader_gets_all() {
            let folder = tempfile::tempdir().unwrap();
            let pipe = folder.path().join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            let error = write(&pipe, b"nobody reads this").unwrap_err();
            assert_eq!(error.to_string(), "no program reads this pipe");
            let reader = std::thread::spawn({
                let pipe = pipe.clone();
                move || {
                    let mut file = File::open(pipe).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(100));
                    let mut all = Vec::new();
                    io::Read::read_to_end(&mut file, &mut all).unwrap();
                    all
                }
            });
            // More than a pipe holds.
            let bytes: Vec<u8> = (0..1_000_000_u32).map(|i| i as u8).collect();
            while let Err(error) = write(&pipe, &bytes) {
                assert_eq!(error.to_string(), "no program reads this pipe");
            }
            assert!(reader.join().unwrap() == bytes);
        }
    }
}
