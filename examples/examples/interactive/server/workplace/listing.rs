//! Puts images on the list: under distinct names, and with the work that was saved for them.

use std::sync::Arc;

use ikem_data::ManifestIndex;
use ikem_examples::say;

use super::super::entry::Entry;
use super::super::lost_work::LostWork;
use super::super::sources::{Listed, Source};

/// Gives films that were renamed the work that was saved under their earlier names; returns what to tell.
pub(super) fn recognise(entries: &[Arc<Entry>], lost: &LostWork) -> Option<String> {
    let adopt = |entry: &&Arc<Entry>| {
        let (_, bytes) = entry.file().filter(|(_, bytes)| lost.may_hold(*bytes))?;
        if entry.sidecar.exists() || bytes == 0 {
            return None;
        }
        // A film that cannot be read is told when it is opened.
        let fingerprint = entry.source.fingerprint().ok().flatten()?;
        entry.adopt(lost, &fingerprint)
    };
    let mut told = Vec::new();
    for entry in entries {
        if let Some(line) = adopt(&entry) {
            say!("{line}");
            entry.tell_later(line.clone());
            told.push(line);
        }
    }
    match told.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        [first, ..] => {
            Some(format!("{} films were renamed, and their corrections are taken up. {first}", told.len()))
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
