//! Random damage to files. A seed always gives the same damage.

use rand::{Rng, RngCore};
use rand_chacha::ChaCha8Rng;

/// Changes, removes, inserts or repeats some bytes of a file after `start`, or truncates it. `pieces` are byte
/// sequences that are meaningful in the format; they are inserted too.
pub(crate) fn damaged(whole: &[u8], start: usize, pieces: &[&str], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..random.random_range(1..6) {
        let length = bytes.len().saturating_sub(start).max(1);
        // Headers and directories matter most: they are at the start, and in TIFF often at the end.
        let near = start
            + match random.random_range(0..3) {
                0 => random.random_range(0..length.min(400)),
                1 => length - 1 - random.random_range(0..length.min(400)),
                _ => random.random_range(0..length),
            };
        let near = near.min(bytes.len());
        let some = random.random_range(1..5).min(bytes.len() - near);
        match random.random_range(0..9) {
            0..3 => bytes.iter_mut().skip(near).take(some).for_each(|byte| *byte = random.next_u32() as u8),
            3 => bytes.iter_mut().skip(near).take(1).for_each(|byte| *byte ^= 1 << (random.next_u32() & 7)),
            4 => bytes.iter_mut().skip(near).take(some).for_each(|byte| *byte = 0xff),
            5 => bytes.truncate(near),
            6 => drop(bytes.drain(near..near + some)),
            7 if !pieces.is_empty() => {
                let piece = pieces[random.random_range(0..pieces.len())];
                bytes.splice(near..near + some, piece.bytes());
            }
            _ => {
                let again: Vec<u8> = bytes.iter().skip(near).take(8 * some).copied().collect();
                let to = random.random_range(start.min(bytes.len())..=bytes.len());
                bytes.splice(to..to, again);
            }
        }
    }
    bytes
}
