//! Comparing names of files and of keypoints that were written in different ways.

use unicode_normalization::UnicodeNormalization;

/// The last part of a path, of whichever system, in Unicode's composed form (NFC): macOS writes `é` as two characters, other
/// systems as one.
#[must_use]
pub fn composed_name(path: &str) -> String {
    path.rsplit(['/', '\\']).next().unwrap_or_default().nfc().collect()
}

/// Whether two paths name the same file by their last parts, whatever the letters' case and the form of their accents.
#[must_use]
pub fn is_same_name(a: &str, b: &str) -> bool {
    let [a, b] = [a, b].map(|path| composed_name(path).to_lowercase());
    a == b
}

/// A name without what is not always written: case, blanks, dashes and the like. `T1-TL`, `t1_tl` and `T1 TL` are one.
pub(crate) fn bare(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_what_they_mean() {
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
