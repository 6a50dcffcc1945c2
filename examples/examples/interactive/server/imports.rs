//! What comes into the page as files.

use std::collections::BTreeMap;

use ikem_core::Skeleton;
use ikem_data::{PredictedKeypoint, PredictionRecord, is_same_name};

use super::failure::{Kind, Result};
use super::workplace::Workplace;

/// How many names an error lists.
const LISTED: usize = 5;
/// How many missing keypoints an error lists.
const MISSING: usize = 12;

/// The keypoints of image `id` in a file: the project's JSON, COCO or a table, of this film or of several. A file of one film
/// that names none is taken to be of this one.
pub(super) fn of_film(place: &Workplace, id: usize, file: &[u8]) -> Result<PredictionRecord> {
    let entry = place.entry(id)?;
    let skeleton = place.networks.skeleton().cloned().unwrap_or_else(Skeleton::spine);
    let films = PredictionRecord::from_bytes("the file", file, &skeleton)?;
    let name = &entry.name;
    let is_own = |film: &&PredictionRecord| film.image.trim().is_empty() || is_same_name(&film.image, name);
    // Films of several folders may have the same name in the end.
    let exact: Vec<&PredictionRecord> = films.iter().filter(|film| film.image == *name).collect();
    let own = if exact.len() == 1 { exact } else { films.iter().filter(is_own).collect() };
    let mut own = own.into_iter();
    match (own.next(), own.next()) {
        (Some(film), None) => Ok(film.clone()),
        (Some(_), Some(_)) => Err(Kind::Invalid.because(format!("it has the keypoints of {name:?} twice"))),
        (None, _) => Err(Kind::Invalid.because(match films.as_slice() {
            [] => "it has no keypoints".to_owned(),
            films => of_others(films, name),
        })),
    }
}

/// The keypoints of a film in the skeleton's order; the error names those that the file lacks.
pub(super) fn in_order<'a>(
    film: &'a PredictionRecord,
    skeleton: &Skeleton,
) -> Result<Vec<&'a PredictedKeypoint>> {
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
    let missing: Vec<&str> = names().filter(|name| !of_name.contains_key(name)).collect();
    if !missing.is_empty() {
        let (few, all) = (missing.len(), skeleton.len());
        let named = missing.iter().take(MISSING).copied().collect::<Vec<_>>().join(", ");
        let more = match few.saturating_sub(MISSING) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        return Err(Kind::Invalid.because(format!("{few} of {all} keypoints are missing: {named}{more}")));
    }
    Ok(names().filter_map(|name| of_name.get(name).copied()).collect())
}

/// That the keypoints are those of other films.
fn of_others(films: &[PredictionRecord], name: &str) -> String {
    let names: Vec<String> = films.iter().take(LISTED).map(|film| format!("{:?}", film.image)).collect();
    let more = match films.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "it has the keypoints of {}{more}; this film is {name:?}. If they belong to this film after all, change the name in \
         the file",
        names.join(", ")
    )
}
