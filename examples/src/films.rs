//! The films that a program works on, as they are named on the command line: files, folders and patterns.

use std::path::{Path, PathBuf};

use crate::folder::{Inside, file_name, is_drawn, is_passed_over};
use anyhow::{Context, Result, bail};

/// The endings of images. A file so named that cannot be read is reported, not passed over.
const ENDINGS: [&str; 14] =
    ["bmp", "dcm", "dicom", "gif", "heic", "heif", "j2k", "jp2", "jpeg", "jpg", "png", "tif", "tiff", "webp"];

/// Films as they are named on the command line.
#[derive(Debug, Default)]
pub struct Films {
    /// The files, each once, in order.
    pub paths: Vec<PathBuf>,
    /// What is in the folders besides, and why it is not opened.
    pub left_out: Vec<String>,
}

/// The films that `named` stands for: a folder for the images directly in it, by their content or ending; a path whose last
/// part has `*` or `?` for the files that match; any other path for itself.
///
/// # Errors
/// When a folder cannot be read, has no images, or nothing matches a pattern.
pub fn films_of(named: &[PathBuf]) -> Result<Films> {
    let mut films = Films::default();
    for path in named {
        match (path.is_dir(), pattern_of(path)) {
            (true, _) => films.add_folder(path)?,
            // A file may be called so.
            (false, Some((folder, pattern))) if !path.exists() => {
                let (drawn, matching) =
                    matching(folder, &pattern)?.into_iter().partition::<Vec<_>, _>(|file| is_drawn(file));
                if matching.is_empty() {
                    bail!("{}: no film matches", path.display());
                }
                films.paths.extend(matching);
                let why =
                    |file: PathBuf| format!("{} is an overlay, with keypoints drawn into it", file.display());
                films.left_out.extend(drawn.into_iter().map(why));
            }
            _ => films.paths.push(path.clone()),
        }
    }
    let mut seen = std::collections::HashSet::new();
    films.paths.retain(|film| seen.insert(film.clone()));
    Ok(films)
}

impl Films {
    fn add_folder(&mut self, folder: &Path) -> Result<()> {
        let inside = Inside::of(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let unreadable = |path: &Path| path.is_file() && has_ending(path) && !is_drawn(path);
        if inside.images.is_empty() && !inside.left_out.iter().any(|left_out| unreadable(&left_out.path)) {
            let drawn = inside.left_out.iter().filter(|left_out| is_drawn(&left_out.path)).count();
            let why = match drawn {
                0 => String::new(),
                _ => format!(" except {drawn} overlays, with keypoints drawn into them"),
            };
            bail!("{}: there is no image directly in this folder{why}", folder.display());
        }
        self.paths.extend(inside.images);
        for left_out in inside.left_out {
            if unreadable(&left_out.path) {
                self.paths.push(left_out.path);
            } else {
                self.left_out.push(format!("{}: {}", folder.display(), left_out.why));
            }
        }
        Ok(())
    }
}

/// Whether `named` may stand for several files: there are several, or one is a folder or a pattern.
#[must_use]
pub fn are_several(named: &[PathBuf]) -> bool {
    let one = |path: &PathBuf| !path.is_dir() && (path.exists() || pattern_of(path).is_none());
    !matches!(named, [path] if one(path)) && !named.is_empty()
}

fn has_ending(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// The files directly in `folder` whose names match, by name; without those that are passed over.
fn matching(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let named = || format!("cannot read {}", listed.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(listed).with_context(named)? {
        let path = folder.join(entry.with_context(named)?.file_name());
        let name = file_name(&path);
        if !is_passed_over(&path) && path.is_file() && is_match(pattern, &name) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The folder of a path, and its last part if that is a pattern.
fn pattern_of(path: &Path) -> Option<(&Path, String)> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    name.contains(['*', '?']).then_some((path.parent()?, name))
}

/// Whether a name matches a pattern, in which `*` is any text and `?` any character.
fn is_match(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut retry) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => (p, n) = (p + 1, n + 1),
            // The last `*` takes one more character.
            _ => match retry {
                Some((star, taken)) => {
                    retry = Some((star, taken + 1));
                    (p, n) = (star + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("*.png", "a.png", true),
            ("*.png", "a.png.json", false),
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("film-?.jpg", "film-1.jpg", true),
            ("film-?.jpg", "film-12.jpg", false),
            ("film-?.jpg", "film-é.jpg", true),
            ("**a", "a", true),
        ] {
            assert_eq!(is_match(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn files_folders_and_patterns_are_films() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("empty")).expect("a folder");
        for name in ["b.png", "a.png", ".hidden.png", "[1].png"] {
            std::fs::write(at(name), b"\x89PNG\r\n\x1a\n").expect("written");
        }
        std::fs::write(at("notes.txt"), b"no image").expect("written");
        std::fs::create_dir(at("broken")).expect("a folder");
        std::fs::write(at("broken/empty.JPG"), b"").expect("written");
        std::fs::write(at("broken/a.ikem.json"), b"{}").expect("written");
        let films = |named: &[&str]| films_of(&named.iter().map(|name| at(name)).collect::<Vec<_>>());
        let left_out = films(&[""]).expect("films").left_out;
        let tells = |text: &str| left_out.iter().any(|line| line.contains(text));
        assert!(left_out.len() == 3 && tells("notes.txt") && tells("broken is a folder"), "{left_out:?}");
        let names = |named: &[&str]| -> Vec<String> {
            let films = films(named).expect("films");
            films
                .paths
                .iter()
                .map(|film| film.file_name().expect("a name").to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(names(&[""]), ["[1].png", "a.png", "b.png"]);
        assert_eq!(names(&["broken"]), ["empty.JPG"], "it is told when it is read");
        assert_eq!(names(&["b.png", "*.png"]), ["b.png", "[1].png", "a.png"]);
        assert_eq!(
            names(&["no.png", "notes.*"]),
            ["no.png", "notes.txt"],
            "these are told when they are read"
        );
        for named in ["empty", "*.jpg", "nowhere/*.png"] {
            assert!(films(&[named]).is_err(), "{named}");
        }
        let several = |named: &[&str]| are_several(&named.iter().map(|name| at(name)).collect::<Vec<_>>());
        assert!(several(&[""]) && several(&["*.png"]) && several(&["a.png", "b.png"]));
        assert!(!several(&["a.png"]) && !several(&["no.png"]) && !several(&[]));
    }
}
