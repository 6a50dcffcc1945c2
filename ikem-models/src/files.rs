//! Files that are there whole or not at all, whenever the machine stops.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// How the names of files begin that [`replace`] has not finished. They are beside the file they become, and stay only where
/// the process was killed while it wrote.
pub const UNFINISHED: &str = ".ikem-unfinished-";

/// Puts `bytes` where `path` is: into a temporary file beside it, which reaches the disk and then takes its name.
///
/// # Errors
/// When the disk fails; what stood there still does.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, |file| file.write_all(bytes))
}

fn replace_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Temporary files are private; the result is as readable as any file that a program writes.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.prefix(UNFINISHED);
    let mut file = builder.tempfile_in(folder)?;
    write(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The new name, too, has to reach the disk.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Removes what a process that was killed has left of files that it was writing into `folder`.
///
/// # Errors
/// When the folder cannot be read, or a file not be removed.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_leaves_the_old_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state");
        replace(&path, b"old").expect("written");
        let full = replace_with(&path, |file| {
            file.write_all(b"half of the new")?;
            Err(io::Error::new(io::ErrorKind::StorageFull, "no space"))
        });
        assert_eq!(full.expect_err("an error").kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read(&path).expect("read"), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);

        std::fs::write(folder.path().join(format!("{UNFINISHED}x")), b"of a killed process")
            .expect("written");
        remove_unfinished(folder.path()).expect("removed");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
