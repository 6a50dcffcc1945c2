//! What comes into the page as files.

use ikem_core::Skeleton;
use ikem_data::{PredictionRecord, is_same_name};

use super::failure::{Kind, Result};
use super::workplace::Workplace;

/// How many names an error lists.
const LISTED: usize = 5;

/// The keypoints of image `id` in a file: the project's JSON, COCO or a table, of this film or of several. A file of one film
/// that names none is taken to be of this one.
pub(super) fn of_film(place: &Workplace, id: usize, file: &[u8]) -> Result<PredictionRecord> {
    let entry = place.entry(id)?;
    let skeleton = place.networks.skeleton().cloned().unwrap_or_else(Skeleton::spine);
    let films = PredictionRecord::from_bytes("the file", file, &skeleton)?;
    let name = &entry.name;
    let is_own = |film: &&PredictionRecord| film.image.trim().is_empty() || is_same_name(&film.image, name);
    let mut own = films.iter().filter(is_own);
    match (own.next(), own.next()) {
        (Some(film), None) => Ok(film.clone()),
        (Some(_), Some(_)) => Err(Kind::Invalid.because(format!("it has the keypoints of {name:?} twice"))),
        (None, _) => Err(Kind::Invalid.because(match films.as_slice() {
            [] => "it has no keypoints".to_owned(),
            films => of_others(films, name),
        })),
    }
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
