//! The smallest part of a file on which a parser still fails.

use std::time::{Duration, Instant};

/// When to stop looking for something smaller.
const LONGEST: Duration = Duration::from_secs(60);

/// Removes ever smaller pieces of a file as long as it still `fails` (delta debugging, Zeller 2002).
pub(crate) fn smallest(bytes: &[u8], fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let begin = Instant::now();
    let mut smallest = bytes.to_vec();
    let mut piece = smallest.len().div_ceil(2);
    while piece > 0 {
        let mut start = 0;
        let mut removed = false;
        while start < smallest.len() {
            if begin.elapsed() > LONGEST {
                return smallest;
            }
            let end = (start + piece).min(smallest.len());
            let without = [&smallest[..start], &smallest[end..]].concat();
            if fails(&without) {
                (smallest, removed) = (without, true);
            } else {
                start = end;
            }
        }
        // At the end, single bytes are tried until none can be removed.
        if piece > 1 || !removed {
            piece /= 2;
        }
    }
    smallest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_needed_remains() {
        let bytes: Vec<u8> = (0..=255).collect();
        let both = |bytes: &[u8]| bytes.contains(&17) && bytes.contains(&200);
        assert_eq!(smallest(&bytes, both), [17, 200]);
        assert_eq!(smallest(&bytes, |bytes| bytes.len() >= 33).len(), 33);
        assert!(smallest(&bytes, |_| true).is_empty());
    }
}
