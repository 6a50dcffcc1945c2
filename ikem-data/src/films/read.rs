use std::path::Path;

use ikem_core::{Draw, Point};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Film, height};
use crate::manifest::Wrong;
use crate::{Error, Subset, files};

/// Corners this far off are in another unit than pixels.
const FARTHEST: f32 = 100_000.0;

/// An entry of `quads.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quads {
    image: String,
    film_x: [f32; 2],
    quads: Vec<[[f32; 2]; 4]>,
}

/// An entry of `boxes.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Boxes {
    image: String,
    set: Subset,
    boxes: Vec<[f32; 4]>,
}

/// Reads `root/quads.json`, the labels of the Spinal-AI2024 data set: a list of `image` (its path from `root`), `film_x`
/// (the columns that hold the film, from and to) and `quads` (the vertebrae's corners TL, TR, BL, BR as `[x, y]` in
/// pixels, from top to bottom).
///
/// No film is complete: 17 marked vertebrae may as well be C7–L4. A tenth of the films, chosen by their names, is of the set
/// [`Subset::Val`], the rest of [`Subset::Train`].
///
/// # Errors
/// [`Error::Read`], [`Error::TooLarge`]; [`Error::Broken`] when it is no such JSON, which names entry and field;
/// [`Error::Entry`] when a value can't be, such as a film without vertebrae.
pub fn read_spinal_ai(root: &Path) -> Result<Vec<Film>, Error> {
    read(root, "quads.json", |entry: &Quads| {
        let [from, to] = entry.film_x;
        if !(from >= 0.0 && to > from && to <= FARTHEST) {
            return wrong("film_x", format!("[{from}, {to}]"), "two columns, the lower first");
        }
        let quad = |corners: &[[f32; 2]; 4]| corners.map(|[x, y]| Point::new(x, y));
        let vertebrae: Vec<_> = entry.quads.iter().map(quad).collect();
        let set = if is_validation(&entry.image) { Subset::Val } else { Subset::Train };
        film(root, &entry.image, set, vertebrae, Some(entry.film_x), "quads")
    })
}

/// Reads `root/boxes.json`, the labels of whole films: a list of `image` (its path from `root`), `set` and `boxes` (the
/// vertebrae's upright boxes `[x0, y0, x1, y1]` in pixels, from top to bottom). Boxes become corners; no film is
/// complete.
///
/// # Errors
/// As [`read_spinal_ai`].
pub fn read_whole_films(root: &Path) -> Result<Vec<Film>, Error> {
    read(root, "boxes.json", |entry: &Boxes| {
        if let Some(place) = entry.boxes.iter().position(|[x0, y0, x1, y1]| !(x0 < x1 && y0 < y1)) {
            let expected = "[x0, y0, x1, y1], the lower first";
            return wrong(&format!("boxes[{place}]"), format!("{:?}", entry.boxes[place]), expected);
        }
        let corners = |&[x0, y0, x1, y1]: &[f32; 4]| {
            [Point::new(x0, y0), Point::new(x1, y0), Point::new(x0, y1), Point::new(x1, y1)]
        };
        let vertebrae: Vec<_> = entry.boxes.iter().map(corners).collect();
        film(root, &entry.image, entry.set, vertebrae, None, "boxes")
    })
}

/// An entry of a list that has the name of an image.
trait Named {
    fn name(&self) -> &str;
}

impl Named for Quads {
    fn name(&self) -> &str {
        &self.image
    }
}

impl Named for Boxes {
    fn name(&self) -> &str {
        &self.image
    }
}

fn read<T: DeserializeOwned + Named>(
    root: &Path,
    file: &str,
    film: impl Fn(&T) -> Result<Film, Wrong>,
) -> Result<Vec<Film>, Error> {
    let path = root.join(file);
    let entries: Vec<T> = files::read_json(&path, "list of films")?;
    let films = entries.iter().enumerate().map(|(place, entry)| {
        film(entry).map_err(|wrong| Error::Entry {
            path: path.clone(),
            entry: place,
            name: entry.name().into(),
            field: wrong.field.into(),
            found: wrong.found,
            expected: wrong.expected,
        })
    });
    films.collect()
}

fn film(
    root: &Path,
    image: &str,
    set: Subset,
    vertebrae: Vec<[Point; 4]>,
    area: Option<[f32; 2]>,
    field: &str,
) -> Result<Film, Wrong> {
    if image.is_empty() {
        return wrong("image", "nothing".to_owned(), "a path");
    }
    if vertebrae.len() < 2 {
        return wrong(field, format!("{} vertebrae", vertebrae.len()), "at least 2");
    }
    // Written so that NaN fails.
    let sound = |point: &Point| point.x.abs() <= FARTHEST && point.y.abs() <= FARTHEST;
    if let Some(place) = vertebrae.iter().position(|corners| !corners.iter().all(sound)) {
        return wrong(&format!("{field}[{place}]"), format!("{:?}", vertebrae[place]), "pixels of the image");
    }
    if let Some(place) = vertebrae.windows(2).position(|pair| height(&pair[0]) >= height(&pair[1])) {
        let found = "no lower than the one before".to_owned();
        return wrong(&format!("{field}[{}]", place + 1), found, "vertebrae from top to bottom");
    }
    Ok(Film { path: root.join(image), size: None, set, vertebrae, complete: false, area })
}

fn wrong<T>(field: &str, found: String, expected: &str) -> Result<T, Wrong> {
    Err(Wrong { field: field.to_owned(), found, expected: expected.to_owned() })
}

/// Whether the film of this name is of the tenth that is watched while learning.
fn is_validation(name: &str) -> bool {
    let letters: Vec<u64> = name.bytes().map(u64::from).collect();
    Draw::new(0, &letters).below(10) == 0
}
