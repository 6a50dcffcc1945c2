//! Resolution of output paths.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The maximum length of a chain of symbolic links, as on Linux.
const MOST_LINKS: usize = 40;

/// The target of an output path.
#[derive(Debug)]
pub(crate) enum Target {
    /// A regular file or a new one: its path after resolving links, and the metadata of the existing file.
    File(PathBuf, Option<Metadata>),
    /// This program's own standard output.
    StandardOutput,
    /// This program's own standard error.
    StandardError,
    /// A device, a pipe or an open file of this program, which is appended to and never replaced.
    Stream(PathBuf),
}

impl Target {
    /// Resolves the links of `path`, including dangling ones.
    ///
    /// # Errors
    /// When it is a folder or inaccessible, or its links form a cycle.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let mut resolved = path.to_owned();
        for _ in 0..MOST_LINKS {
            if let Some(open) = open_file(&resolved) {
                return Ok(open);
            }
            match fs::symlink_metadata(&resolved) {
                Ok(about) if about.is_symlink() => {
                    let link = fs::read_link(&resolved)?;
                    // A relative link is relative to its own folder; an absolute one replaces the whole path.
                    resolved = resolved.parent().unwrap_or(Path::new("")).join(link);
                }
                Ok(about) if about.is_dir() => return Err(ErrorKind::IsADirectory.into()),
                Ok(about) if about.is_file() => return Ok(Self::File(resolved, Some(about))),
                Ok(_) => return Ok(Self::Stream(resolved)),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::File(resolved, None)),
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("more than {MOST_LINKS} links lead on from it")))
    }
}

/// An open file of this program by its system path, such as `/dev/fd/1`.
fn open_file(path: &Path) -> Option<Target> {
    let folder = path.parent()?;
    if !["/dev/fd", "/proc/self/fd"].iter().any(|held| folder == Path::new(held)) {
        return None;
    }
    Some(match path.file_name()?.to_str()? {
        "1" => Target::StandardOutput,
        "2" => Target::StandardError,
        _ => Target::Stream(path.to_owned()),
    })
}

/// Whether data written to `path` goes to a device, a pipe or the like.
#[must_use]
pub fn is_stream(path: &Path) -> bool {
    !matches!(Target::of(path), Ok(Target::File(..)) | Err(_))
}

/// The identity of a file, independent of links and path notation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// The device and inode numbers of an existing file.
    #[cfg(unix)]
    Numbers(u64, u64),
    /// The resolved path of a file that does not exist yet or has no inode number.
    Place(PathBuf),
}

impl Identity {
    /// The identity of the file at `path`; `None` for a stream, or when its folder cannot be resolved.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let resolved = match Target::of(path) {
            #[cfg(unix)]
            Ok(Target::File(_, Some(about))) => {
                use std::os::unix::fs::MetadataExt;
                return Some(Self::Numbers(about.dev(), about.ino()));
            }
            Ok(Target::File(resolved, _)) => resolved,
            _ => return None,
        };
        if let Ok(whole) = resolved.canonicalize() {
            return Some(Self::Place(whole));
        }
        let folder = match resolved.parent()? {
            empty if empty.as_os_str().is_empty() => Path::new("."),
            folder => folder,
        };
        // The folder may not exist yet.
        let folder = folder.canonicalize().or_else(|_| std::path::absolute(folder)).ok()?;
        Some(Self::Place(folder.join(resolved.file_name()?)))
    }
}
