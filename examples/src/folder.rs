//! What is in a folder: images, by their content, in the order in which people count.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use ikem_data::{ImageKind, is_overlay};
use ikem_files::SAVED_WORK;

/// The folder in which the page keeps what has no place beside a film.
pub const KEPT_IN: &str = "ikem-annotations";
/// The folder of films that were added on the page, in the one where work is kept.
pub const UPLOADS: &str = "uploads";
/// How many files that were left out are named; the others are counted.
const NAMED: usize = 3;
/// What our own files' names end in.
const OWN: [&str; 3] = [SAVED_WORK, "annotation-log.jsonl", KEPT_IN];

/// What the names of labels and tables end in, which often lie beside films.
const BESIDE: [&str; 2] = [".json", ".csv"];

/// The files of a folder.
#[derive(Debug, Default)]
pub struct Inside {
    /// The images, in natural order.
    pub images: Vec<PathBuf>,
    /// What is no image that can be read; without hidden files, our own, labels and tables.
    pub left_out: Vec<LeftOut>,
}

/// A file or folder that is not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it is.
    pub path: PathBuf,
    /// Its name, and why it is not opened.
    pub why: String,
}

impl Inside {
    /// Looks at each file of a folder; folders in it are not entered, but listed as left out.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn of(folder: &Path) -> std::io::Result<Self> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if !is_passed_over(&path) {
                paths.push(path);
            }
        }
        paths.sort_by(|a, b| natural_order(&file_name(a), &file_name(b)).then_with(|| a.cmp(b)));
        let mut inside = Self::default();
        for path in paths {
            let why = if path.is_dir() {
                let why = "is a folder; films in it are not opened unless it is given itself";
                format!("{} {why}", file_name(&path))
            } else if !path.is_file() {
                format!("{} is no regular file", file_name(&path))
            } else if let Err(error) = ImageKind::of_file(&path) {
                error.to_string()
            } else if is_drawn(&path) {
                format!("{} is an overlay, with keypoints drawn into it", file_name(&path))
            } else {
                inside.images.push(path);
                continue;
            };
            inside.left_out.push(LeftOut { path, why });
        }
        Ok(inside)
    }
}

/// Whether a file is an overlay of ours, which is no film unless it is named itself.
pub(crate) fn is_drawn(path: &Path) -> bool {
    is_overlay(path).is_ok_and(|drawn| drawn)
}

/// Whether a file in a folder of films is hidden or our own, or has the name of labels or tables and is no image.
pub(crate) fn is_passed_over(path: &Path) -> bool {
    let name = file_name(path);
    let ends_in = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    name.starts_with('.')
        || ends_in(&OWN)
        || ends_in(&BESIDE) && path.is_file() && ImageKind::of_file(path).is_err()
}

/// The last part of a path, to show. What is no text in it is shown as `%FC`, so that different names look different.
#[must_use]
pub fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let mut shown = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        shown += chunk.valid();
        shown.extend(chunk.invalid().iter().map(|byte| format!("%{byte:02X}")));
    }
    shown
}

/// A line on what was left out, for each of which there is a reason; nothing if nothing was.
#[must_use]
pub fn left_out_line(left_out: &[String]) -> Option<String> {
    let count = left_out.len();
    let named = left_out.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    let more = if count > NAMED { format!("; and {} more", count - NAMED) } else { String::new() };
    (count > 0).then(|| format!("{count} left out: {named}{more}"))
}

/// The order of names in which 2 comes before 10, whatever the case of letters.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (digits_a, digits_b) = (leading_digits(a), leading_digits(b));
        if !digits_a.is_empty() && !digits_b.is_empty() {
            let [number_a, number_b] = [digits_a, digits_b].map(|digits| digits.trim_start_matches('0'));
            let order = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (a.get(digits_a.len()..).unwrap_or(""), b.get(digits_b.len()..).unwrap_or(""));
            continue;
        }
        let (mut rest_a, mut rest_b) = (a.chars(), b.chars());
        let order = match (rest_a.next(), rest_b.next()) {
            (None, None) => return Ordering::Equal,
            (first_a, first_b) => lower(first_a).cmp(&lower(first_b)),
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a.as_str(), rest_b.as_str());
    }
}

fn leading_digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).unwrap_or("")
}

fn lower(letter: Option<char>) -> Option<char> {
    letter.map(|letter| letter.to_lowercase().next().unwrap_or(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_their_numbers() {
        let mut names =
            ["b1", "a10.png", "A2.png", "a02.png", "a1.png", "10", "9", "a", "IM000002", "IM000010"];
        names.sort_by(|a, b| natural_order(a, b).then_with(|| a.cmp(b)));
        assert_eq!(
            names,
            ["9", "10", "a", "a1.png", "A2.png", "a02.png", "a10.png", "b1", "IM000002", "IM000010"]
        );
    }

    #[test]
    fn content_decides_and_what_is_left_out_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let png = include_bytes!("../assets/phantom.png");
        for name in ["IM10", "IM2", "film.dicom", "1.2.840.1", "image.json", ".hidden.png", "._IM2"] {
            std::fs::write(folder.path().join(name), png).expect("a file");
        }
        let other: [(&str, &[u8]); 8] = [
            ("a.png", b"%PDF-1.4"),
            ("b.jpg", b"\0\0\0\x24ftypheic\0\0\0\0"),
            ("c.txt", b"hello"),
            ("d.tif", b""),
            ("IM2.ikem.json", b"{}"),
            ("annotation-log.jsonl", b"{}"),
            ("manifest.json", b"[]"),
            ("angles.csv", b"1,2,3"),
        ];
        for (name, bytes) in other {
            std::fs::write(folder.path().join(name), bytes).expect("a file");
        }
        for name in ["deeper", ".hidden", "ikem-annotations"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("nowhere", folder.path().join("e.png")).expect("a link");
        let inside = Inside::of(folder.path()).expect("a folder");
        let names: Vec<String> = inside.images.iter().map(|path| file_name(path)).collect();
        assert_eq!(names, ["1.2.840.1", "film.dicom", "IM2", "IM10", "image.json"]);
        let links = usize::from(cfg!(unix));
        assert_eq!(inside.left_out.len(), 5 + links);
        let left_out: Vec<String> = inside.left_out.into_iter().map(|left_out| left_out.why).collect();
        let has = |text: &str| left_out.iter().any(|line| line == text);
        assert!(has("deeper is a folder; films in it are not opened unless it is given itself"));
        assert_eq!(has("e.png is no regular file"), links == 1);
        let line = left_out_line(&left_out).expect("a line");
        assert!(line.starts_with(&format!("{} left out: ", 5 + links)), "{line}");
        assert!(
            line.contains("a.png is a PDF document") && line.contains("b.jpg is a HEIC photograph"),
            "{line}"
        );
        assert!(line.ends_with(&format!("; and {} more", 2 + links)), "{line}");
        assert_eq!(left_out_line(&[]), None);
    }
}
