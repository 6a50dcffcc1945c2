//! What identifies a film's file: a digest of its bytes, and the length and time by which a change of them is noticed.

use std::fs::Metadata;
use std::io::Read;
use std::path::Path;
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::failure::{Kind, Result};

/// The read buffer, in bytes.
const PIECE: usize = 1 << 16;

/// The length and time of a file. While both stay, its bytes are taken to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// The length in bytes.
    pub bytes: u64,
    /// When it was changed last, in nanoseconds since 1970; unknown on some file systems.
    pub modified: Option<u64>,
}

impl Stamp {
    /// The stamp of a file.
    pub(super) fn of(about: &Metadata) -> Self {
        let since = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self { bytes: about.len(), modified: since.and_then(|since| since.as_nanos().try_into().ok()) }
    }
}

/// A film's file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// The first 128 bits of the digest, such as `sha256:5c9a…`.
    pub fingerprint: String,
    /// Its length and time.
    pub stamp: Stamp,
}

/// Reads all of a film's file.
pub(super) fn of_file(path: &Path) -> Result<Identity> {
    let failed =
        |error: std::io::Error| Kind::NotFound.because(format!("cannot read {}: {error}", path.display()));
    let (mut file, _) = ikem_files::open(path).map_err(failed)?;
    let stamp = Stamp::of(&file.metadata().map_err(failed)?);
    let (mut digest, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece).map_err(failed)? {
            0 => break,
            length => digest.update(piece.get(..length).unwrap_or_default()),
        }
    }
    Ok(Identity { fingerprint: format!("sha256:{}", hexadecimal(&digest.finalize(), 16)), stamp })
}

/// The first 64 bits of the digest of `bytes`, in hexadecimal digits.
pub(super) fn short(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes), 8)
}

fn hexadecimal(digest: &[u8], bytes: usize) -> String {
    digest.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_digest_of_its_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("film");
        std::fs::write(&path, b"abc").expect("a file");
        let Identity { fingerprint, stamp } = of_file(&path).expect("an identity");
        assert_eq!(fingerprint, "sha256:ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(stamp, Stamp::of(&path.metadata().expect("a file")));
        assert_eq!((stamp.bytes, stamp.modified.is_some()), (3, true));
        assert_eq!(short(b"abc"), "ba7816bf8f01cfea");
    }
}
