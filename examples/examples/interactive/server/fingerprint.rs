//! Fingerprints of films: a digest of the file's bytes, independent of its name.

use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::failure::{Kind, Result};

/// The read buffer, in bytes.
const PIECE: usize = 1 << 16;

/// The fingerprint of a film's file, such as `sha256:5c9a…`: the first 128 bits of the digest.
pub(super) fn of_file(path: &Path) -> Result<String> {
    let failed =
        |error: std::io::Error| Kind::NotFound.because(format!("cannot read {}: {error}", path.display()));
    let (mut file, _) = ikem_files::open(path).map_err(failed)?;
    let (mut digest, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece).map_err(failed)? {
            0 => break,
            length => digest.update(piece.get(..length).unwrap_or_default()),
        }
    }
    Ok(format!("sha256:{}", hexadecimal(&digest.finalize(), 16)))
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
        assert_eq!(of_file(&path).expect("a fingerprint"), "sha256:ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(short(b"abc"), "ba7816bf8f01cfea");
    }
}
