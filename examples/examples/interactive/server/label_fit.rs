//! How labels fit the films that are open: what doesn't is told, not dropped.

use std::collections::BTreeSet;
use std::path::Path;

use ikem_core::Size;
use ikem_data::{LabelFile, Limits, ManifestEntry, ManifestIndex, Subset, image_size};
use ikem_examples::file_name;
use rayon::prelude::*;

use super::sources::{Listed, Source};

/// How many names a note lists.
const LISTED: usize = 5;

/// What a person should know of the labels in the file `name`, a line each. With `set`, only the labels of that set are expected to
/// have a film.
pub(super) fn notes(name: &str, labels: &LabelFile, images: &[Listed], set: Option<Subset>) -> Vec<String> {
    let LabelFile { manifest, left_out, unlabelled, .. } = labels;
    let paths = images.iter().filter_map(|image| match &image.source {
        Source::File(path) => Some(path.as_path()),
        _ => None,
    });
    let index = ManifestIndex::new(manifest);
    let entry = |path: &Path| manifest.entries.get(index.find(path)?);
    let found: Vec<(&Path, Option<&ManifestEntry>)> = paths.map(|path| (path, entry(path))).collect();
    let pairs: Vec<(&Path, &ManifestEntry)> =
        found.iter().filter_map(|(path, entry)| Some((*path, (*entry)?))).collect();
    let matched: BTreeSet<&str> = pairs.iter().map(|(_, entry)| entry.image_path.as_str()).collect();
    let expected = manifest.entries.iter().filter(|entry| set.is_none_or(|set| entry.set == set));
    let without_film = expected.filter(|entry| !matched.contains(entry.image_path.as_str()));
    let without_labels = found.iter().filter(|(_, entry)| entry.is_none()).map(|(path, _)| file_name(path));
    let renamed = pairs.iter().filter(|(path, entry)| file_name(path) != entry.name());
    let mut notes = Vec::new();
    let mut note = |names: Vec<String>, what: &str| {
        if !names.is_empty() {
            notes.push(format!("{name}: {} {what}: {}", names.len(), listed(&names)));
        }
    };
    note(without_film.map(|entry| entry.image_path.clone()).collect(), "labels match no film");
    note(without_labels.collect(), "films have no labels");
    note(
        renamed.map(|(_, entry)| entry.name().to_owned()).collect(),
        "labels match their film only after Unicode normalisation",
    );
    note(
        other_sizes(&pairs)
            .map(|(path, size, entry)| format!("{} ({size}, not {})", file_name(path), entry.size()))
            .collect(),
        "films are of another size than their labels, which are not shown",
    );
    let in_part = pairs.iter().filter(|(_, entry)| entry.keypoints().iter().any(|point| point.is_absent()));
    let in_part = in_part.map(|(_, entry)| entry.image_path.clone());
    let unusable = left_out.iter().map(ToString::to_string);
    note(in_part.chain(unusable).collect(), "films are labelled in part, and not compared");
    if *unlabelled > 0 {
        notes.push(format!("{name}: {unlabelled} films of it have no labels"));
    }
    notes
}

/// The films whose size isn't that of their labels. One that can't be read is told when it is opened.
fn other_sizes<'a>(
    pairs: &[(&'a Path, &'a ManifestEntry)],
) -> impl Iterator<Item = (&'a Path, Size, &'a ManifestEntry)> + use<'a> {
    let other = |&(path, entry): &(&'a Path, &'a ManifestEntry)| {
        let size = image_size(path, &Limits::default()).ok()?;
        (size != entry.size()).then_some((path, size, entry))
    };
    pairs.par_iter().filter_map(other).collect::<Vec<_>>().into_iter()
}

fn listed(names: &[String]) -> String {
    let more = match names.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ") + &more
}

#[cfg(test)]
mod tests {
    use ikem_core::Skeleton;
    use ikem_data::{LeftOut, Manifest, write_gray_png};

    use super::*;
    use crate::server::keeping::Keeping;
    use crate::server::sources::files;

    #[test]
    fn labels_that_do_not_fit_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let image = ikem_core::GrayImage::new(Size::new(4, 8), vec![0.5; 32]).expect("an image");
        let paths: Vec<_> =
            ["a.png", "Andre\u{301}.png", "wide.png", "new.png"].map(|name| folder.path().join(name)).into();
        for path in &paths {
            write_gray_png(path, &image).expect("written");
        }
        let entry = |name: &str, size, set| {
            ManifestEntry::new(name.to_owned(), vec![[0.5; 2]; 68], size, set, &Skeleton::spine())
        };
        let size = Size::new(4, 8);
        let entries = vec![
            entry("data/a.png", size, Subset::Val),
            entry("data/Andr\u{e9}.png", size, Subset::Val),
            entry("data/wide.png", Size::new(8, 8), Subset::Val),
            entry("data/gone.png", size, Subset::Val),
            entry("data/other.png", size, Subset::Train),
        ];
        let left_out = vec![LeftOut { image: "half.png".to_owned(), reason: "no T1-TL".to_owned() }];
        let labels = LabelFile { manifest: Manifest { entries }, left_out, unlabelled: 2, has_sets: true };
        let (images, _) = files(&paths, &Keeping::Beside).expect("images");
        assert_eq!(
            notes("m.json", &labels, &images, Some(Subset::Val)),
            [
                "m.json: 1 labels match no film: data/gone.png",
                "m.json: 1 films have no labels: new.png",
                "m.json: 1 labels match their film only after Unicode normalisation: Andr\u{e9}.png",
                "m.json: 1 films are of another size than their labels, which are not shown: wide.png (4 x 8 px, not 8 x 8 px)",
                "m.json: 1 films are labelled in part, and not compared: half.png: no T1-TL",
                "m.json: 2 films of it have no labels",
            ]
        );
        let all = notes("m.json", &labels, &images, None);
        assert_eq!(all[0], "m.json: 2 labels match no film: data/gone.png, data/other.png");
    }
}
