//! What comes into the page as files.

use std::collections::BTreeMap;

use ikem_core::Skeleton;
use ikem_data::{PredictedKeypoint, PredictionRecord, composed_name, is_same_name};
use serde::Serialize;

use super::api::Status;
use super::entry::{Entry, Shown};
use super::failure::{Kind, Result};
use super::workplace::Workplace;

/// How many names an error lists.
const LISTED: usize = 5;
/// How many missing keypoints an error lists.
const MISSING: usize = 12;

/// The keypoints of image `id` in a file: the project's JSON, COCO or a table, of this film or of several. A file that is not
/// of this film by name is refused, unless the person is `sure` and it is of one film only.
pub(super) fn of_film(place: &Workplace, id: usize, file: &[u8], sure: bool) -> Result<PredictionRecord> {
    let entry = place.entry(id)?;
    let skeleton = place.networks.skeleton().cloned().unwrap_or_else(Skeleton::spine);
    let films = PredictionRecord::from_bytes("the file", file, &skeleton)?;
    let name = &entry.name;
    // Films of several folders may have the same name in the end.
    let exact: Vec<&PredictionRecord> = films.iter().filter(|film| film.image == *name).collect();
    let is_own = |film: &&PredictionRecord| is_same_name(&film.image, name);
    let own = if exact.len() == 1 { exact } else { films.iter().filter(is_own).collect() };
    match (own.as_slice(), films.as_slice()) {
        ([film], _) => Ok((*film).clone()),
        ([_, _, ..], _) => Err(Kind::Invalid.because(format!("it has the keypoints of {name:?} twice"))),
        ([], []) => Err(Kind::Invalid.because("it has no keypoints")),
        ([], [film]) if sure => Ok(film.clone()),
        ([], [film]) if film.image.trim().is_empty() => Err(Kind::OtherFilm
            .because(format!("the file does not say which film it is of; this film is {name:?}"))),
        ([], [_]) => Err(Kind::OtherFilm.because(of_others(&films, name))),
        ([], films) => Err(Kind::Invalid.because(of_others(films, name))),
    }
}

/// What a file of keypoints would bring to the films of the list.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// The films that the file has keypoints of.
    pub films: usize,
    /// The images of the list that they belong to, by name.
    pub matched: Vec<Matched>,
    /// The films that match no image, or not only one, a line each.
    pub left_out: Vec<String>,
    /// What the person said of images that the file does not tell, and that an import removes, a line each.
    pub drops: Vec<String>,
}

/// An image that a file has keypoints of.
#[derive(Debug, Serialize)]
pub(super) struct Matched {
    /// What a request names it by.
    pub id: usize,
    /// What it is called.
    pub name: String,
    /// How far the work on it is.
    pub status: Status,
}

/// Which images of the list a file has keypoints of; nothing is changed.
pub(super) fn summary(place: &Workplace, file: &[u8]) -> Result<Summary> {
    let skeleton = place.networks.skeleton().cloned().unwrap_or_else(Skeleton::spine);
    let films = PredictionRecord::from_bytes("the file", file, &skeleton)?;
    let entries = place.entries();
    let bare = |name: &str| composed_name(name).to_lowercase();
    let mut exact: BTreeMap<&str, usize> = BTreeMap::new();
    let mut alike: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, entry) in entries.iter().enumerate() {
        exact.insert(&entry.name, place);
        alike.entry(bare(&entry.name)).or_default().push(place);
    }
    let mut of_entry: BTreeMap<usize, Vec<&PredictionRecord>> = BTreeMap::new();
    let mut left_out = Vec::new();
    let only = |name: &str| match alike.get(&bare(name)).map(Vec::as_slice) {
        Some([one]) => Some(*one),
        _ => None,
    };
    for film in &films {
        match exact.get(film.image.as_str()).copied().or_else(|| only(&film.image)) {
            Some(entry) => of_entry.entry(entry).or_default().push(film),
            None => left_out.push(format!("{} matches no image, or several", film.image)),
        }
    }
    let (mut matched, mut drops) = (Vec::new(), Vec::new());
    for (entry, films) in of_entry {
        let Some(entry) = entries.get(entry) else { continue };
        match films.as_slice() {
            [film] => {
                place.look(entry);
                drops.extend(dropped(entry, film));
                let (id, name, status) = (entry.id, entry.name.clone(), entry.effort().status);
                matched.push(Matched { id, name, status });
            }
            films => left_out.push(format!("{} is in the file {} times", entry.name, films.len())),
        }
    }
    Ok(Summary { films: films.len(), matched, left_out, drops })
}

/// What a person said of an image that the file does not tell.
fn dropped(entry: &Entry, film: &PredictionRecord) -> Option<String> {
    let Shown { effort, digest, .. } = entry.shown();
    let verdict = match effort.status {
        Status::Accepted => Some("that it is accepted"),
        Status::Unusable => Some("that it cannot be used"),
        Status::Untouched | Status::InWork => None,
    };
    let ends = digest.is_some_and(|digest| digest.ends_fixed).then_some("the chosen end vertebrae");
    let lost: Vec<&str> = verdict.into_iter().chain(ends).collect();
    (film.review.is_none() && !lost.is_empty()).then(|| format!("{}: {}", entry.name, lost.join(" and ")))
}

/// The keypoints of a film in the skeleton's order, `None` for those that the file says are not visible; the error names those that
/// it lacks.
pub(super) fn in_order<'a>(
    film: &'a PredictionRecord,
    skeleton: &Skeleton,
) -> Result<Vec<Option<&'a PredictedKeypoint>>> {
    let mut of_name: BTreeMap<&str, &PredictedKeypoint> = BTreeMap::new();
    for keypoint in &film.keypoints {
        let name = &keypoint.name;
        if !skeleton.names().contains(name) {
            return Err(Kind::Invalid.because(format!("{name:?} is none of the network's keypoints")));
        }
        if of_name.insert(name, keypoint).is_some() {
            return Err(Kind::Invalid.because(format!("it has {name} twice")));
        }
    }
    let names = || skeleton.names().iter().map(String::as_str);
    let is_absent = |name: &str| film.absent.iter().any(|absent| absent == name);
    let missing: Vec<&str> = names().filter(|name| !of_name.contains_key(name) && !is_absent(name)).collect();
    if !missing.is_empty() {
        let (few, all) = (missing.len(), skeleton.len());
        let named = missing.iter().take(MISSING).copied().collect::<Vec<_>>().join(", ");
        let more = match few.saturating_sub(MISSING) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        return Err(Kind::Invalid.because(format!("{few} of {all} keypoints are missing: {named}{more}")));
    }
    Ok(names().map(|name| of_name.get(name).copied()).collect())
}

/// That the keypoints are those of other films.
fn of_others(films: &[PredictionRecord], name: &str) -> String {
    let names: Vec<String> = films.iter().take(LISTED).map(|film| format!("{:?}", film.image)).collect();
    let more = match films.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("it has the keypoints of {}{more}; this film is {name:?}", names.join(", "))
}
