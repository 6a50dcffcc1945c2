//! Where an output leads.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// How many links lead on from each other at the most, as on Linux.
const MOST_LINKS: usize = 40;

/// What is found where an output is to be written.
#[derive(Debug)]
pub(crate) enum Target {
    /// A regular file, or nothing yet: the path behind all links, and what stands there.
    File(PathBuf, Option<Metadata>),
    /// This program's own standard output.
    StandardOutput,
    /// This program's own standard error.
    StandardError,
    /// A device, a pipe or an open file of this program: written into, never replaced.
    Stream(PathBuf),
}

impl Target {
    /// Follows the links of `path`, also to where nothing is yet.
    ///
    /// # Errors
    /// When it is a folder or cannot be looked at, or its links lead in a circle.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let mut place = path.to_owned();
        for _ in 0..MOST_LINKS {
            if let Some(open) = open_file(&place) {
                return Ok(open);
            }
            match fs::symlink_metadata(&place) {
                Ok(about) if about.is_symlink() => {
                    let link = fs::read_link(&place)?;
                    // A relative link begins in its own folder; an absolute one replaces all before it.
                    place = place.parent().unwrap_or(Path::new("")).join(link);
                }
                Ok(about) if about.is_dir() => return Err(ErrorKind::IsADirectory.into()),
                Ok(about) if about.is_file() => return Ok(Self::File(place, Some(about))),
                Ok(_) => return Ok(Self::Stream(place)),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::File(place, None)),
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other(format!("more than {MOST_LINKS} links lead on from it")))
    }
}

/// An open file of this program by the name that the system gives it, such as `/dev/fd/1`.
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

/// Whether what is written to `path` goes into a device, a pipe or the like instead of a file.
pub(crate) fn is_stream(path: &Path) -> bool {
    !matches!(Target::of(path), Ok(Target::File(..)) | Err(_))
}

/// What tells one file from every other, through whatever links and names it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// The device and the number of a file that is there.
    #[cfg(unix)]
    Numbers(u64, u64),
    /// The path of a file that is not there yet, or that has no number, its folder behind all links.
    Place(PathBuf),
}

impl Identity {
    /// Of the file that `path` leads to; none where its folder is not there either, and of streams.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let place = match Target::of(path) {
            #[cfg(unix)]
            Ok(Target::File(_, Some(about))) => {
                use std::os::unix::fs::MetadataExt;
                return Some(Self::Numbers(about.dev(), about.ino()));
            }
            Ok(Target::File(place, _)) => place,
            _ => return None,
        };
        if let Ok(whole) = place.canonicalize() {
            return Some(Self::Place(whole));
        }
        let folder = match place.parent()? {
            empty if empty.as_os_str().is_empty() => Path::new("."),
            folder => folder,
        };
        // The folder may have to be made first.
        let folder = folder.canonicalize().or_else(|_| std::path::absolute(folder)).ok()?;
        Some(Self::Place(folder.join(place.file_name()?)))
    }
}
