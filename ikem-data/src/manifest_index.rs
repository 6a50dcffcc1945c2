//! Finding the labels of many images.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::manifest::{Manifest, ManifestEntry};
use crate::names::composed_name;

/// The entries of a manifest by their images' names. Each search looks up as many names as the image's path has parts, and two
/// more, however many entries there are.
#[derive(Debug, Clone, Default)]
pub struct ManifestIndex {
    by_path: HashMap<PathBuf, usize>,
    by_name: HashMap<OsString, usize>,
    by_composed_name: HashMap<String, usize>,
}

impl ManifestIndex {
    /// The index of a manifest's entries, by their places in it. Of entries of the same name the first is found.
    #[must_use]
    pub fn new(manifest: &Manifest) -> Self {
        let mut index = Self::default();
        for (position, entry) in manifest.entries.iter().enumerate() {
            let path = Path::new(&entry.image_path);
            index.by_path.entry(path.to_owned()).or_insert(position);
            if let Some(name) = path.file_name() {
                index.by_name.entry(name.to_owned()).or_insert(position);
            }
            index.by_composed_name.entry(composed_name(&entry.image_path)).or_insert(position);
        }
        index
    }

    /// The place in the manifest of an image's entry, which is found by its path in the manifest or by its file's name alone, be
    /// it in another form of Unicode.
    #[must_use]
    pub fn find(&self, image: &Path) -> Option<usize> {
        self.search(image, &mut 0)
    }

    /// As [`find`](Self::find), counting the names that are looked up.
    fn search(&self, image: &Path, lookups: &mut usize) -> Option<usize> {
        let mut rest = image.components();
        let mut whole: Option<usize> = None;
        while !rest.as_path().as_os_str().is_empty() {
            *lookups += 1;
            let held = self.by_path.get(rest.as_path()).copied();
            whole = whole.into_iter().chain(held).min();
            rest.next();
        }
        let name = image.file_name()?;
        whole
            .or_else(|| {
                *lookups += 1;
                self.by_name.get(name).copied()
            })
            .or_else(|| {
                *lookups += 1;
                self.by_composed(name)
            })
    }

    fn by_composed(&self, name: &OsStr) -> Option<usize> {
        let name = name.to_str().filter(|name| !name.is_ascii())?;
        self.by_composed_name.get(&composed_name(name)).copied()
    }
}

impl Manifest {
    /// The entry of an image, by its path in the manifest or by its file's name alone, be it in another form of Unicode. To find
    /// those of many images, make a [`ManifestIndex`] once.
    #[must_use]
    pub fn find(&self, image: impl AsRef<Path>) -> Option<&ManifestEntry> {
        self.entries.get(ManifestIndex::new(self).find(image.as_ref())?)
    }
}

#[cfg(test)]
mod tests {
    use ikem_core::{Size, Skeleton};

    use super::*;
    use crate::manifest::Subset;

    #[test]
    fn searching_twenty_thousand_labels_takes_a_few_lookups_each() {
        const LABELS: usize = 20_000;
        let entry = |number: usize| {
            let path = format!("data/val/film-{number}.png");
            ManifestEntry::new(path, Vec::new(), Size::new(9, 9), Subset::Val, &Skeleton::numbered(0))
        };
        let index = ManifestIndex::new(&Manifest { entries: (0..LABELS).map(entry).collect() });
        let mut lookups = 0;
        for number in 0..LABELS {
            let paths = [
                format!("/films/data/val/film-{number}.png"),
                format!("/films/film-{number}.png"),
                format!("/films/no-film-{number}.png"),
            ];
            let found = paths.map(|path| index.search(Path::new(&path), &mut lookups));
            assert_eq!(found, [Some(number), Some(number), None]);
        }
        // Five parts; three parts and a name; three parts and two names.
        assert_eq!(lookups, LABELS * (5 + 4 + 5));
    }
}
