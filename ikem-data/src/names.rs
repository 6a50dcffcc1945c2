//! Comparison of file names and keypoint names across spellings.

use unicode_normalization::UnicodeNormalization;

/// The last component of a Unix or Windows path, in Unicode normalization form C: macOS stores `é` as two characters,
/// other systems as one.
#[must_use]
pub fn composed_name(path: &str) -> String {
    path.rsplit(['/', '\\']).next().unwrap_or_default().nfc().collect()
}

/// Whether the last components of two paths are equal, ignoring case and Unicode normalization.
#[must_use]
pub fn is_same_name(a: &str, b: &str) -> bool {
    let [a, b] = [a, b].map(|path| composed_name(path).to_lowercase());
    a == b
}

/// A name reduced to lower-case letters and digits, so that `T1-TL`, `t1_tl` and `T1 TL` are equal.
pub(crate) fn bare(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_differences_do_not_matter() {
        for (a, b, same) in [
            ("a.png", "/films/A.PNG", true),
            ("C:\\films\\a.png", "a.png", true),
            ("Andre\u{301}.png", "Andr\u{e9}.png", true),
            ("a.png", "b.png", false),
            ("1.2.840.1", "1.2.840.2", false),
        ] {
            assert_eq!(is_same_name(a, b), same, "{a} {b}");
        }
        assert_eq!(bare(" T1_TL x"), bare("t1-tl-X"));
        assert_ne!(bare("T1-TL"), bare("T11-TL"));
    }
}
