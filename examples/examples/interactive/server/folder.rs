//! What lies in a folder: images, by their content, in the order in which people count.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use ikem_data::ImageKind;

use super::networks::file_name;

/// How many files that were left out are named; the others are counted.
const NAMED: usize = 3;
/// What our own files' names end in.
const OWN: [&str; 3] = [".ikem.json", "annotation-log.jsonl", super::KEPT_IN];

/// The files of a folder.
#[derive(Debug, Default)]
pub(super) struct Inside {
    /// The images, in natural order.
    pub images: Vec<PathBuf>,
    /// What is no image that is read, and why; without hidden files and our own.
    pub left_out: Vec<String>,
}

impl Inside {
    /// Looks at each file of a folder; folders in it are not entered, but told.
    pub(super) fn of(folder: &Path) -> std::io::Result<Self> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = file_name(&path);
            if !name.starts_with('.') && !OWN.iter().any(|own| name.ends_with(own)) {
                paths.push(path);
            }
        }
        paths.sort_by(|a, b| natural_order(&file_name(a), &file_name(b)).then_with(|| a.cmp(b)));
        let mut inside = Self::default();
        for path in paths {
            if path.is_dir() {
                let why = "is a folder; films in it are not opened unless it is given itself";
                inside.left_out.push(format!("{} {why}", file_name(&path)));
                continue;
            }
            if !path.is_file() {
                inside.left_out.push(format!("{} is no regular file", file_name(&path)));
                continue;
            }
            match ImageKind::of_file(&path) {
                Ok(_) => inside.images.push(path),
                Err(error) => inside.left_out.push(error.to_string()),
            }
        }
        Ok(inside)
    }
}

/// What to tell of files that were left out, in a line; nothing where there are none.
pub(super) fn told(left_out: &[String]) -> Option<String> {
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
        let png = include_bytes!("../../../assets/phantom.png");
        for name in ["IM10", "IM2", "film.dicom", "1.2.840.1", ".hidden.png", "._IM2"] {
            std::fs::write(folder.path().join(name), png).expect("a file");
        }
        let other: [(&str, &[u8]); 6] = [
            ("a.png", b"%PDF-1.4"),
            ("b.jpg", b"\0\0\0\x24ftypheic\0\0\0\0"),
            ("c.txt", b"hello"),
            ("d.tif", b""),
            ("IM2.ikem.json", b"{}"),
            ("annotation-log.jsonl", b"{}"),
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
        assert_eq!(names, ["1.2.840.1", "film.dicom", "IM2", "IM10"]);
        let links = usize::from(cfg!(unix));
        assert_eq!(inside.left_out.len(), 5 + links);
        let has = |text: &str| inside.left_out.iter().any(|line| line == text);
        assert!(has("deeper is a folder; films in it are not opened unless it is given itself"));
        assert_eq!(has("e.png is no regular file"), links == 1);
        let line = told(&inside.left_out).expect("a line");
        assert!(line.starts_with(&format!("{} left out: ", 5 + links)), "{line}");
        assert!(
            line.contains("a.png is a PDF document") && line.contains("b.jpg is a HEIC photograph"),
            "{line}"
        );
        assert!(line.ends_with(&format!("; and {} more", 2 + links)), "{line}");
        assert_eq!(told(&[]), None);
    }
}
