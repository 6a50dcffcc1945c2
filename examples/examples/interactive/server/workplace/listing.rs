//! Puts images on the list: under distinct names, and with the work that was saved for them.

use ikem_data::ManifestIndex;
use ikem_examples::say;

use super::super::entry::{Entry, lock};
use super::super::sources::{Listed, Source};
use super::Workplace;

impl Workplace {
    /// Reads what was done to each image, one after the other: the list fills in.
    pub(crate) fn look_through(&self) {
        for entry in self.entries() {
            self.look(&entry);
        }
    }

    /// Reads what was done to an image, unless that is known. A film that was renamed is given its work.
    pub(crate) fn look(&self, entry: &Entry) {
        if let Some(line) = entry.look(&self.lost) {
            say!("{line}");
            lock(&self.adopted).push(line);
        }
    }

    /// What the person should know of films that were renamed.
    pub(super) fn renamed(&self) -> Option<String> {
        match lock(&self.adopted).as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            [first, others @ ..] => Some(format!(
                "{} films were renamed, and their corrections are taken up. {first}",
                others.len() + 1
            )),
        }
    }
}

/// A name that is not taken yet: `film.png` or `film (2).png`.
pub(super) fn distinct(name: String, mut taken: impl FnMut(&str) -> bool) -> String {
    if !taken(&name) {
        return name;
    }
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) => (stem, format!(".{ending}")),
        None => (name.as_str(), String::new()),
    };
    let numbered = |number: u32| format!("{stem} ({number}){ending}");
    (2..).map(numbered).find(|name| !taken(name)).unwrap_or_else(|| numbered(0))
}

/// An image with the index of its labels.
pub(super) fn new_entry(id: usize, listed: Listed, labels: Option<&ManifestIndex>) -> Entry {
    let place = match &listed.source {
        Source::File(path) => labels.and_then(|labels| labels.find(path)),
        _ => None,
    };
    Entry::new(id, listed, place)
}
